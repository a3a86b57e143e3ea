### Déplacer, annuler, absence : pages et messages de la vie d’un rendez-vous.

booking-move-link = Déplacer ce rendez-vous
booking-move-title = Déplacer mon rendez-vous
booking-move-now = Prévu : { $moment }.
booking-move-kept = Votre rendez-vous actuel est gardé tant que vous n’avez pas confirmé le nouveau.
booking-move-from = Date actuelle
booking-move-to = Nouvelle date
booking-move-confirm-title = Vérifier la nouvelle date
booking-move-confirm-text = Un nouveau lien personnel vous est envoyé ; l’ancien n’ouvrira plus rien. La référence ne change pas.
booking-move-yes = Déplacer le rendez-vous
booking-moved-title = Votre rendez-vous est déplacé
booking-moved-text = Un nouveau lien personnel vous est envoyé ; l’ancien n’ouvre plus rien.
booking-move-too-late-title = Ce rendez-vous ne peut plus être déplacé ici
booking-move-too-late-text = Il est trop proche, ou il a déjà eu lieu. Si vous ne pouvez pas venir, appelez l’unité : son numéro est sur la page du rendez-vous.
booking-move-taken-title = Ce créneau n’est plus libre
booking-move-taken-text = Rien n’a changé : le rendez-vous reste à sa date. Choisissez un autre créneau.
booking-own-time-title = La personne est déjà attendue à cette heure
booking-own-time-text = Un autre de vos rendez-vous a lieu à cette heure-là. Choisissez un autre créneau, ou déplacez l’autre rendez-vous.
booking-same-facts-title = Un rendez-vous est déjà pris pour ces faits
booking-same-facts-text = Vous avez déjà un rendez-vous pour des faits de même nature, le même jour et au même lieu. Vous pourrez tout y dire. S’il s’agit d’autres faits, précisez la date ou le lieu.
booking-way-out-other-slot = Choisir un autre créneau
booking-way-out-other = Voir l’autre rendez-vous
booking-way-out-facts = Préciser les faits
booking-left-waiting-title = L’audition n’a pas été ouverte, nous vous présentons nos excuses
booking-cancel-reason = Pourquoi annulez-vous ? (facultatif, sans conséquence)
booking-reason-unsaid = Je préfère ne pas le dire
booking-reason-unavailable = Je ne suis pas disponible
booking-reason-elsewhere = Je dépose plainte autrement
booking-reason-renounced = Je ne souhaite plus déposer plainte
booking-reason-no-officer = Aucun enquêteur disponible
booking-reason-closure = Fermeture du guichet ou de l’unité
booking-reason-technical = Panne technique
booking-reason-asked-by-person = À la demande de la personne
booking-reason-not-opened = Audition non ouverte par l’unité
booking-reason-absent = Personne absente
booking-reason-earlier = Créneau plus tôt accepté
booking-told-reason-no-officer = aucun enquêteur ne peut vous recevoir à cette heure
booking-told-reason-closure = l’unité est fermée à cette heure
booking-told-reason-technical = une panne technique
booking-told-reason-asked-by-person = vous l’avez demandé
booking-told-reason-not-opened = l’audition n’a pas été ouverte, nous vous présentons nos excuses

agenda-standing-late = en retard
agenda-manage = Gérer
agenda-back = Revenir à l’agenda
agenda-move = Déplacer
agenda-cancel = Annuler
agenda-absence = Noter l’absence
agenda-keep = Garder le rendez-vous
agenda-move-title = Déplacer le rendez-vous { $reference }
agenda-move-text = La personne est prévenue par courriel et SMS et reçoit un nouveau lien.
agenda-move-confirm-text = La personne est prévenue aussitôt. Son ancien lien n’ouvrira plus rien.
agenda-cancel-title = Annuler le rendez-vous { $reference }
agenda-cancel-text = La personne est prévenue aussitôt, avec le motif, et peut reprendre un créneau sans tout recommencer.
agenda-cancel-reason = Motif, communiqué à la personne
agenda-cancel-error = Choisissez le motif dans la liste.
agenda-cancel-errors = Le rendez-vous n’est pas annulé
agenda-absence-title = Noter l’absence au rendez-vous { $reference }
agenda-absence-text = La personne est prévenue que le rendez-vous n’a pas eu lieu et peut reprendre un créneau. Elle ne pourra plus entrer.
agenda-absence-yes = Noter l’absence
agenda-absence-wait = Attendre encore
agenda-wait-booked = La personne peut encore venir : l’absence se note à partir de { $from }. Jusque-là, ce rendez-vous peut être déplacé, annulé avec un motif ou retardé.
agenda-wait-open = La salle est ouverte et la personne peut entrer à tout moment : ce rendez-vous ne peut être ni déplacé ni annulé. Si elle ne vient pas, l’agent qui tient la salle peut la fermer à partir de { $from } ; jusque-là, dites un retard si vous êtes empêché.
agenda-absence-too-early-title = Il est trop tôt pour noter une absence
agenda-absence-too-early-text = La personne peut encore venir. L’absence se note à partir de 15 minutes après l’heure du rendez-vous.
agenda-absence-came-title = La personne est là
agenda-absence-came-text = Elle est entrée dans la salle d’attente. Ouvrez l’audition.
agenda-way-out-hearing = Ouvrir l’audition
agenda-no-longer-title = Ce rendez-vous ne peut plus être changé
agenda-no-longer-text = Son audition est ouverte, il est terminé ou déjà annulé. Sa page dit où il en est.
agenda-own-time-title = La personne est déjà attendue à cette heure
agenda-own-time-text = Un autre de ses rendez-vous a lieu à cette heure-là. Choisissez un autre créneau.
agenda-done-moved = Le rendez-vous est déplacé. La personne est prévenue.
agenda-done-cancelled = Le rendez-vous est annulé. La personne est prévenue.
agenda-done-absent = L’absence est notée. La personne est prévenue.
agenda-state-booked = Confirmé
agenda-state-open = Salle ouverte
agenda-state-in-hearing = En audition
agenda-state-closed = Terminé
agenda-state-cancelled-by-citizen = Annulé par la personne
agenda-state-cancelled-by-unit = Annulé par l’unité
agenda-state-no-show = Personne absente
agenda-state-transferred = Transféré à une autre unité
agenda-state-converted-in-person = Se poursuit en personne

mail-moved-subject = Votre rendez-vous { $reference } est déplacé
mail-moved-body =
    Bonjour,

    Votre rendez-vous { $reference }, prévu { $before }, est déplacé comme vous l’avez demandé : { $when }, avec { $unit }, { $unit_address }, { $unit_phone }.

    Votre nouveau lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    L’ancien lien n’ouvre plus rien. Ce lien est pour vous seul ; { $origin ->
        [declared] un code vous sera envoyé quand vous l’ouvrirez.
       *[franceconnect] il sera demandé de vous connecter avec FranceConnect.
    }

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-moved = VisioPlainte : rendez-vous { $reference } déplacé, { $when }. Votre nouveau lien : { $link }
mail-moved-by-unit-subject = L’unité a déplacé votre rendez-vous { $reference }
mail-moved-by-unit-body =
    Bonjour,

    L’unité a dû déplacer votre rendez-vous { $reference }, prévu { $before }. Nouvelle date : { $when }, avec { $unit }, { $unit_address }, { $unit_phone }.

    Votre nouveau lien personnel, qui ouvre 30 minutes avant l’heure :

    { $link }

    Si cette date ne vous convient pas, choisissez-en une autre : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/deplacer
    }

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-moved-by-unit = VisioPlainte : l'unité a déplacé votre rendez-vous { $reference }, { $when }. Votre nouveau lien : { $link } { $origin ->
        [declared] Autre date : par ce lien.
       *[franceconnect] Autre date : depuis votre espace.
    }
mail-cancelled-by-unit-subject = L’unité a annulé votre rendez-vous { $reference }
mail-cancelled-by-unit-body =
    Bonjour,

    L’unité a dû annuler votre rendez-vous { $reference } ({ $when }, { $unit }). Motif : { $reason }. { $origin ->
        [declared] Son lien n’ouvre plus d’audition.
       *[franceconnect] Son lien ne fonctionne plus.
    }

    Ce que vous avez déclaré est conservé. Reprenez un créneau : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    Vous pouvez aussi appeler l’unité ({ $unit_phone }), ou vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-cancelled-by-unit = VisioPlainte : l'unité a dû annuler votre rendez-vous { $reference } ({ $when }). Reprendre un créneau : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-late-subject = Votre rendez-vous { $reference } a commencé
mail-late-body =
    Bonjour,

    Votre rendez-vous { $reference } était prévu { $when }. Vous pouvez encore entrer :

    { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/audition/{ $appointment }
    }

    Si vous ne pouvez pas venir, appelez l’unité : { $unit_phone }.
sms-late = VisioPlainte : votre rendez-vous { $reference } a commencé, vous pouvez encore entrer : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/audition/{ $appointment }
    }
mail-no-show-subject = Votre rendez-vous { $reference } n’a pas eu lieu
mail-no-show-body =
    Bonjour,

    Vous n’avez pas rejoint le rendez-vous { $reference } ({ $when }, { $unit }). { $origin ->
        [declared] Son lien n’ouvre plus d’audition.
       *[franceconnect] Son lien ne fonctionne plus.
    } Cela n’a aucune conséquence sur vos droits.

    Ce que vous avez déclaré est conservé. Reprenez un créneau : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    Vous pouvez aussi vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-no-show = VisioPlainte : le rendez-vous { $reference } ({ $when }) n'a pas eu lieu. Reprendre un créneau : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-unit-cancelled-subject = Rendez-vous { $reference } annulé par l’usager
mail-unit-cancelled-body =
    Le rendez-vous { $reference } ({ $when }, { $unit }) est annulé par l’usager. Le créneau est de nouveau proposé.

    L’agenda : { $site }/agent
mail-unit-moved-subject = Rendez-vous { $reference } déplacé par l’usager
mail-unit-moved-body =
    Le rendez-vous { $reference } est déplacé par l’usager : { $when }, { $unit }.

    L’agenda : { $site }/agent

booking-earlier-title = Un créneau plus tôt est gardé pour vous
booking-earlier-until = Ce créneau est gardé pour vous jusqu’au { $until }. Ensuite, il est proposé à la personne suivante.
booking-earlier-held = { $moment }, gardé jusqu’au { $until }.
booking-earlier-answer = Voir ce créneau et répondre
booking-earlier-offered = Créneau proposé
booking-earlier-text = Si vous le prenez, un nouveau lien personnel vous est envoyé et votre créneau actuel est rendu.
booking-earlier-take = Prendre ce créneau
booking-earlier-keep = Garder ma date actuelle
booking-earlier-hint = Vous préférez une date plus proche ? Si quelqu’un rend un créneau, il est gardé pour vous et vous êtes prévenu.
booking-earlier-ask = Me prévenir si un créneau se libère plus tôt
booking-earlier-waiting = Vous serez prévenu par courriel et SMS si un créneau se libère plus tôt.
booking-earlier-stop = Ne plus me prévenir
booking-earlier-over-title = Ce créneau n’est plus gardé pour vous
booking-earlier-over-text = Le délai est passé, ou vous avez déjà répondu. Votre rendez-vous reste à sa date.
booking-earlier-too-late-title = Ce rendez-vous ne peut plus être avancé
booking-earlier-too-late-text = Il est trop proche, ou il a déjà eu lieu. Sa page dit où il en est.
agenda-transfer = Transférer
agenda-transfer-title = Transférer le rendez-vous { $reference } à une autre unité
agenda-transfer-text = Le dossier part entier, avec tout ce que la personne a déclaré. Ce rendez-vous prend fin ; la personne est prévenue et choisit un créneau de l’autre unité. Votre unité n’y a plus accès.
agenda-transfer-unit = Unité qui reçoit le dossier
agenda-transfer-yes = Transférer le dossier
agenda-transfer-error = Choisissez l’unité dans la liste.
agenda-transfer-errors = Le dossier n’est pas transféré
agenda-transfer-none-title = Aucune autre unité ne reçoit par vidéo
agenda-transfer-none-text = Aucune autre unité du département n’a de guichet ouvert.
agenda-done-transferred = Le dossier est transféré. La personne et l’unité sont prévenues.
mail-earlier-subject = Un créneau plus tôt pour votre rendez-vous { $reference }
mail-earlier-body =
    Bonjour,

    Un créneau s’est libéré : { $offered }. Il est gardé pour vous jusqu’au { $until }.

    Pour le prendre, ou garder votre date ({ $when }) : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/plus-tot
    }

    Sans réponse, rien ne change : votre rendez-vous { $reference } reste à sa date.
sms-earlier = VisioPlainte : un créneau plus tôt est gardé pour vous, { $offered }. Répondre avant : { $until }. { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/plus-tot
    }
mail-transferred-subject = Votre dossier { $reference } est confié à une autre unité
mail-transferred-body =
    Bonjour,

    Votre dossier { $reference } est confié à { $other_unit }, { $other_address }, { $other_phone }. Le rendez-vous prévu { $when } n’a plus lieu ; { $origin ->
        [declared] son lien n’ouvre plus d’audition.
       *[franceconnect] son lien ne fonctionne plus.
    }

    Ce que vous avez déclaré est conservé. Choisissez un créneau avec cette unité : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    Vous pouvez aussi vous présenter dans le commissariat ou la brigade de votre choix.

    En cas d’urgence, appelez le 17 ou le 112, ou envoyez un SMS au 114.
sms-transferred = VisioPlainte : votre dossier { $reference } est confié à une autre unité. Choisissez un nouveau créneau : { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-unit-received-subject = Dossier { $reference } confié à votre unité
mail-unit-received-body =
    Le dossier { $reference } est confié à votre unité. La personne est invitée à choisir un créneau.

    L’agenda : { $site }/agent
messages-template-moved = Rendez-vous déplacé par la personne
messages-template-moved-by-unit = Rendez-vous déplacé par l’unité
messages-template-earlier = Créneau plus tôt
messages-template-late = Rendez-vous commencé
messages-template-cancelled-by-unit = Annulation par l’unité
messages-template-transferred = Dossier confié à une autre unité
messages-template-no-show = Absence
messages-template-unit-cancelled = À l’unité : annulation
messages-template-unit-moved = À l’unité : déplacement
messages-template-unit-received = À l’unité : dossier reçu

# Rendez-vous pris par l’interface de planification : la personne est inconnue ici.
agenda-anonymous = Personne inconnue de ce service
agenda-anonymous-facts = Pris par un autre service
agenda-anonymous-note = Un autre service a pris ce rendez-vous et met la personne en relation avec vous. Ici, vous notez seulement si elle a été entendue.
agenda-heard = Noter la personne entendue
agenda-done-heard = C’est noté : la personne a été entendue.
mass-link = Annuler plusieurs rendez-vous
mass-title = Annuler plusieurs rendez-vous
mass-errors = Rien n’est annulé
mass-which = Rendez-vous à annuler
mass-look = Voir ce qui sera annulé
mass-preview = Rendez-vous annulés : { $count }
mass-preview-text = Rien n’est encore fait. Chaque personne sera prévenue aussitôt, avec le motif, et pourra reprendre un créneau sans tout recommencer. Une annulation ne se défait pas.
mass-yes = Annuler ces rendez-vous
mass-no = Ne rien annuler
mass-done = Rendez-vous annulés : { $count }. Les personnes sont prévenues.
relink-link = Envoyer un nouveau lien
relink-title = Envoyer un nouveau lien personnel : { $reference }
relink-text = La personne reçoit un nouveau lien par ses moyens de contact habituels. L’ancien ne fonctionne plus aussitôt, y compris pour quelqu’un d’autre qui l’aurait. Si elle est déjà entrée, elle n’est pas interrompue. Votre identifiant est inscrit au journal.
relink-yes = Envoyer un nouveau lien
relink-no = Garder le lien actuel
relink-done = Un nouveau lien est en route vers la personne ; l’ancien ne fonctionne plus.
relink-own-link = Mon lien personnel est perdu, ou quelqu’un l’a vu
relink-own-title = Recevoir un nouveau lien personnel
relink-own-text = Nous vous envoyons un nouveau lien, à l’adresse et au numéro que vous avez donnés. L’ancien ne fonctionnera plus.
relink-own-without = Vous pouvez aussi entrer sans lien : connectez-vous à votre espace à l’heure du rendez-vous et choisissez « Rejoindre ».
relink-back = Retour au rendez-vous
relink-sent-title = Votre nouveau lien est en route
relink-sent-text = Il arrive en général en moins d’une minute. L’ancien ne fonctionne plus. S’il n’arrive pas, regardez dans les courriels indésirables.
refusal-relink-over-title = Aucun lien à envoyer
refusal-relink-over-text = Ce rendez-vous n’attend plus d’audition : aucun lien n’a été envoyé.
refusal-relink-too-soon-title = Un lien vient d’être envoyé
refusal-relink-too-soon-text = Attendez une minute avant d’en demander un autre.
refusal-relink-too-often-title = Trop de messages aujourd’hui
refusal-relink-too-often-text = Trop de messages ont été envoyés aujourd’hui à cette adresse ou à ce numéro. Le lien actuel fonctionne toujours, et l’espace usager aussi.

mail-officer-given-subject = L’audition { $reference } vous est confiée
mail-officer-given-body =
    L’audition { $reference } vous est confiée : { $when }, { $unit }.

    Votre agenda : { $site }/agent?qui=moi
mail-officer-moved-subject = Votre audition { $reference } est déplacée
mail-officer-moved-body =
    L’audition { $reference }, qui vous est confiée, est déplacée : { $when }, { $unit }.

    Votre agenda : { $site }/agent?qui=moi
mail-officer-called-off-subject = Votre audition { $reference } n’a pas lieu
mail-officer-called-off-body =
    L’audition { $reference } ({ $when }, { $unit }), qui vous était confiée, n’a pas lieu. Vous n’y êtes plus attendu.

    Votre agenda : { $site }/agent?qui=moi
mail-officer-taken-subject = L’audition { $reference } ne vous est plus confiée
mail-officer-taken-body =
    L’audition { $reference } ({ $when }, { $unit }) ne vous est plus confiée. Vous n’y êtes plus attendu.

    Votre agenda : { $site }/agent?qui=moi
messages-template-officer-given = À l’agent : audition confiée
messages-template-officer-moved = À l’agent : audition déplacée
messages-template-officer-called-off = À l’agent : audition annulée
messages-template-officer-taken = À l’agent : audition retirée
