mail-booked-subject = Votre rendez-vous { $reference } est confirmé
mail-booked-body =
    Bonjour,

    Votre rendez-vous { $reference } est confirmé : { $when }, avec { $unit }, { $unit_address }, { $unit_phone }.

    Votre lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    Ce lien est pour vous seul. { $origin ->
        [declared] Ouvrez-le dès maintenant pour voir, déplacer ou annuler ce rendez-vous, et à l’heure dite pour entrer, dans un lieu calme où personne ne vous entend. À chaque fois, un code à six chiffres vous sera envoyé, à recopier.
       *[franceconnect] Il sera demandé de vous connecter avec FranceConnect : ayez vos identifiants sous la main, dans un lieu calme où personne ne vous entend.
    }

    { $origin ->
        [declared] Si vous n’avez demandé aucun rendez-vous, appelez l’unité.
       *[franceconnect] Vous pouvez annuler dans votre espace.
    } À tout moment, vous pouvez aussi vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-booked = VisioPlainte : rendez-vous { $reference } confirmé, { $when }. Votre lien personnel : { $link }
mail-cancelled-subject = Votre rendez-vous { $reference } est annulé
mail-cancelled-body =
    Bonjour,

    Votre rendez-vous { $reference } ({ $when }, { $unit }) est annulé. { $origin ->
        [declared] Son lien n’ouvre plus d’audition.
       *[franceconnect] Son lien ne fonctionne plus.
    }

    Vous pouvez prendre un autre rendez-vous, ou vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-cancelled = VisioPlainte : rendez-vous { $reference } annulé ({ $when }).
mail-review-subject = Un document est à relire dans votre espace
mail-review-body =
    Bonjour,

    Un document lié à votre rendez-vous { $reference } est à relire dans votre espace, avant toute signature par l’agent. Vous pouvez demander des modifications.

    Connectez-vous à votre espace : { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
mail-ready-subject = Vos documents { $reference } sont disponibles
mail-ready-body =
    Bonjour,

    Vos documents { $reference } sont disponibles dans votre espace pendant six mois. { $origin ->
        [declared] Ouvrez votre lien et recopiez le code qui vous sera envoyé.
       *[franceconnect] Il faut vous connecter pour les télécharger.
    }

    { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
sms-review = VisioPlainte : un document de votre rendez-vous { $reference } est à relire dans votre espace : { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
sms-ready = VisioPlainte : vos documents { $reference } sont disponibles pendant six mois dans votre espace : { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }

messages-title = Messages
messages-lead = Les messages qui n’ont pas pu être remis depuis 30 jours. Joignez la personne autrement, ou renvoyez le message. Ni adresse ni numéro n’est montré.
messages-empty-title = Tout a été remis
messages-empty-text = Aucun message n’est resté sans destinataire depuis 30 jours.
messages-template-booked = Confirmation de rendez-vous
messages-template-cancelled = Annulation de rendez-vous
messages-template-review = Document à relire
messages-template-ready = Documents disponibles
messages-channel-email = courriel
messages-channel-sms = SMS
messages-why-recipient-email = L’adresse n’existe pas ou ne reçoit plus de courriel.
messages-why-recipient-sms = Le numéro n’existe pas ou ne reçoit pas de SMS.
messages-why-content-email = Le serveur de courriel a refusé ce message.
messages-why-content-sms = L’opérateur a refusé ce texte.
messages-why-expired-email = Le courriel n’a pas pu partir tant qu’il était utile.
messages-why-expired-sms = Le SMS n’a pas pu partir tant qu’il était utile.
messages-resend = Renvoyer
messages-over = Ce message n’est plus utile : il ne peut plus être renvoyé.
messages-back = Retour aux messages
messages-resend-title = Renvoyer un message
messages-resend-text = Si la personne vous a donné une autre adresse ou un autre numéro, indiquez-le : vérifiez d’abord à qui vous parlez. Votre identifiant est inscrit au journal, l’adresse ne l’est pas.
messages-address = Adresse ou numéro corrigé (facultatif)
messages-address-hint = Vide : le message repart là où il était envoyé.
messages-errors-title = Le message n’a pas été renvoyé
messages-error-email = Indiquez une adresse électronique complète, par exemple prenom.nom@exemple.fr.
messages-error-sms = Indiquez un numéro de téléphone complet, par exemple 06 39 98 00 01.
messages-done-resent = Le message part à nouveau.
messages-too-late-title = Ce message n’a pas été renvoyé
messages-too-late-text = Il a déjà été renvoyé, ou il n’est plus utile. Rien n’a été changé.
messages-texts-title = Textes envoyés
messages-texts-lead = Chaque texte dans chaque langue, avec un exemple. Un SMS est facturé par segment ; un seul caractère hors de son alphabet en réduit la place de plus de moitié.
messages-size-gsm7 = { $units } caractères, segments facturés : { $segments }
messages-size-ucs2 = { $units } caractères hors de l’alphabet des SMS, segments facturés : { $segments }
messages-cost = environ { $cents } centimes
messages-outsiders = Caractères hors de l’alphabet des SMS : { $characters }
way-out-messages = Voir les messages
mail-contact-code-subject = Votre code de confirmation
mail-contact-code-body =
    Bonjour,

    Votre code de confirmation VisioPlainte est : { $code }

    Il est valable 10 minutes. Recopiez-le sur la page où vous avez donné votre adresse. Ne le donnez à personne : aucun agent ne vous le demandera.

    Si vous n’avez rien demandé, quelqu’un s’est sans doute trompé d’adresse : ne faites rien.
sms-contact-code = VisioPlainte : votre code est { $code }, valable 10 minutes. Ne le donnez à personne.
messages-template-contact-code = Code de confirmation
mail-guest-subject = Invitation à un rendez-vous par vidéo
mail-guest-body =
    Bonjour,

    Vous êtes invité(e) { $role } à un rendez-vous par vidéo : { $when }, avec { $unit }, { $unit_phone }.

    Votre lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    Ce lien ne suffit pas : un code à six chiffres vous sera donné autrement, de vive voix, par qui vous invite. Il remplace tout lien reçu auparavant pour ce rendez-vous.

    Si vous ne savez pas de quoi il s’agit, ne faites rien, ou appelez l’unité.
sms-guest = VisioPlainte : invitation { $role } par vidéo, { $when }. Votre lien : { $link } Le code vous sera donné de vive voix. Unité : { $unit_phone }.
mail-guest-cancelled-subject = Invitation annulée
mail-guest-cancelled-body =
    Bonjour,

    Votre invitation { $role } au rendez-vous par vidéo du { $when }, avec { $unit }, est annulée. Son lien ne fonctionne plus.

    Pour toute question, appelez l’unité : { $unit_phone }.
sms-guest-cancelled = VisioPlainte : votre invitation par vidéo ({ $when }) est annulée. Unité : { $unit_phone }.
messages-template-guest = Invitation d’un accompagnant
messages-template-guest-cancelled = Invitation annulée
mail-reminder-subject = Rappel : votre rendez-vous { $reference }
mail-reminder-body =
    Bonjour,

    Votre rendez-vous { $reference } approche : { $when }, avec { $unit }, { $unit_phone }.

    Votre lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    Ce lien est pour vous seul. { $origin ->
        [declared] Un code à six chiffres vous sera envoyé, à recopier.
       *[franceconnect] Il sera demandé de vous connecter avec FranceConnect : ayez vos identifiants sous la main.
    } Choisissez un lieu calme où personne ne vous entend, et chargez votre appareil.

    Si vous ne pouvez pas venir, { $origin ->
        [declared] ouvrez ce lien pour déplacer ou annuler le rendez-vous, ou appelez l’unité.
       *[franceconnect] déplacez ou annulez le rendez-vous dans votre espace, ou appelez l’unité.
    }

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-reminder = VisioPlainte : rappel du rendez-vous { $reference }, { $when }. Votre lien personnel : { $link }
mail-relinked-subject = Votre nouveau lien pour le rendez-vous { $reference }
mail-relinked-body =
    Bonjour,

    Voici un nouveau lien personnel pour votre rendez-vous { $reference } : { $when }, avec { $unit }, { $unit_phone }. L’ancien ne fonctionne plus.

    { $link }

    Il ouvre 30 minutes avant l’heure et il est pour vous seul. { $origin ->
        [declared] Un code à six chiffres vous sera envoyé, à recopier.
       *[franceconnect] Il sera demandé de vous connecter avec FranceConnect.
    }

    Si vous n’avez rien demandé, l’unité l’a peut-être fait pour vous : appelez-la si vous avez un doute.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-relinked = VisioPlainte : nouveau lien pour le rendez-vous { $reference }, { $when }, l’ancien ne fonctionne plus : { $link }
messages-template-reminder = Rappel de rendez-vous
messages-template-relinked = Nouveau lien personnel
