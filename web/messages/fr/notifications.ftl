mail-booked-subject = Votre rendez-vous { $reference } est confirmé
mail-booked-body =
    Bonjour,

    Votre rendez-vous { $reference } est confirmé : { $when }, avec { $unit }, { $unit_address }, { $unit_phone }.

    Votre lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    Ce lien est pour vous seul. Il sera demandé de vous connecter avec FranceConnect : ayez vos identifiants sous la main, dans un lieu calme où personne ne vous entend.

    Vous pouvez annuler dans votre espace. À tout moment, vous pouvez aussi vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-booked = VisioPlainte : rendez-vous { $reference } confirmé, { $when }. Votre lien personnel : { $link }
mail-cancelled-subject = Votre rendez-vous { $reference } est annulé
mail-cancelled-body =
    Bonjour,

    Votre rendez-vous { $reference } ({ $when }, { $unit }) est annulé. Son lien ne fonctionne plus.

    Vous pouvez prendre un autre rendez-vous, ou vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-cancelled = VisioPlainte : rendez-vous { $reference } annulé ({ $when }).
mail-review-subject = Un document est à relire dans votre espace
mail-review-body =
    Bonjour,

    Un document lié à votre rendez-vous { $reference } est à relire dans votre espace, avant toute signature par l’agent. Vous pouvez demander des modifications.

    Connectez-vous à votre espace : { $space }
mail-ready-subject = Vos documents { $reference } sont disponibles
mail-ready-body =
    Bonjour,

    Vos documents { $reference } sont disponibles dans votre espace pendant six mois. Il faut vous connecter pour les télécharger.

    { $space }
