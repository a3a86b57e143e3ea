### Calendrier de l’unité : semaine, mois, feuille du jour, affectations, remplacements, retards.

agenda-spans = Période affichée
agenda-whoses = Rendez-vous affichés
agenda-span-jour = Jour
agenda-span-semaine = Semaine
agenda-span-mois = Mois
agenda-whose-unite = Toute l’unité
agenda-whose-moi = Mes auditions
agenda-previous-jour = Jour précédent
agenda-previous-semaine = Semaine précédente
agenda-previous-mois = Mois précédent
agenda-next-jour = Jour suivant
agenda-next-semaine = Semaine suivante
agenda-next-mois = Mois suivant
agenda-week-title = Semaine du { $from } au { $to }
agenda-day-none = Aucun rendez-vous
agenda-month-total = Rendez-vous du mois : { $count }
agenda-month-day = { $day } : rendez-vous { $count }
agenda-col-desk = Guichet
agenda-col-officer = Enquêteur
agenda-col-notes = Notes
agenda-grid = Grille de la semaine
agenda-grid-show = Voir en grille
agenda-grid-list = Voir en liste
agenda-grid-keys = Pour déplacer un rendez-vous : faites-le glisser, ou choisissez-le au clavier puis Alt et une flèche, Entrée pour demander le déplacement, Échap pour le laisser. Rien ne change avant votre confirmation.
agenda-grid-moved = Nouvelle place : {"{"}moment{"}"}. Entrée pour demander le déplacement, Échap pour le laisser.
agenda-grid-kept = Le rendez-vous reste à sa place.
agenda-grid-fixed = Ce rendez-vous ne peut plus être déplacé.
agenda-sheet-link = Feuille du jour à imprimer
agenda-sheet-title = Feuille du jour – { $day }
agenda-sheet-own = Auditions de l’enquêteur RIO { $rio }
agenda-sheet-print = Imprimez cette page avec votre navigateur : menu Fichier, Imprimer, ou Ctrl et P. Elle ne contient ni nom ni faits.
agenda-sheet-made = Établie le { $moment }.
agenda-sheet-destroy = À détruire en fin de journée.

banner-label = Prochaine audition
banner-later = Prochaine audition à { $time }
banner-may-open = Prochaine audition à { $time }, la salle peut être ouverte
banner-open = Audition de { $time }, salle ouverte
banner-in-hearing = Audition de { $time }, en cours
banner-see = Voir le rendez-vous
banner-go = Aller à l’audition
banner-return = Revenir à l’audition

assign-rio = RIO { $rio }
assign-officer = RIO { $rio } – { $name }
assign-nobody = non affecté
assign-link = Affecter les auditions
assign-one-link = Affecter
assign-title = Affecter le rendez-vous { $reference }
assign-to = Enquêteur
assign-hint = Les usagers ne sont pas prévenus : aucun nom ne leur a été donné.
assign-choose = Choisissez
assign-yes = Affecter
assign-done = L’affectation est enregistrée.
assign-errors = Le rendez-vous n’est pas affecté
assign-error-none = Choisissez un enquêteur dans la liste.
assign-error-state = Ce rendez-vous est ouvert, terminé ou annulé.
assign-error-unit = Cet enquêteur n’est plus habilité dans l’unité.
assign-error-busy = Cet enquêteur a une autre audition à cette heure.
assign-error-away = Cet enquêteur est absent à cette heure.
assign-error-row = { $reference } : { $why }
assign-error-no-appointment = Cochez au moins un rendez-vous.
assign-all-title = Affecter les auditions
assign-all-done = Les affectations sont enregistrées.
assign-all-errors = Rien n’est affecté
assign-all-empty = Aucun rendez-vous à affecter
assign-all-empty-text = Les rendez-vous confirmés et à venir de ce jour apparaissent ici.
assign-day = Jour
assign-every-desk = Tous les guichets
assign-which = Rendez-vous à affecter
assign-ticked = Affecter les rendez-vous cochés
assign-whole = Affecter tous ceux de la liste
assign-not-for-role-title = Réservé aux administrateurs de l’unité
assign-not-for-role-text = Vous pouvez prendre une audition depuis la page du rendez-vous. Pour affecter vos collègues, demandez à un administrateur de l’unité.

replace-link = Remplacer un absent
replace-title = Remplacer un enquêteur absent
replace-standing = Absences en cours et à venir
replace-remove = Retirer l’absence
replace-new = Nouvelle absence
replace-text = Vous verrez d’abord ses auditions et qui peut les reprendre. Le motif n’est pas demandé. Les usagers ne sont pas prévenus : l’heure et l’unité ne changent pas.
replace-who = Enquêteur absent
replace-first-day = Premier jour
replace-start = Début (facultatif)
replace-last-day = Dernier jour (facultatif)
replace-end = Fin (facultatif)
replace-see = Voir les auditions à reprendre
replace-errors = Rien n’est enregistré
replace-error-officer = Choisissez l’enquêteur absent dans la liste.
replace-error-start = Indiquez le premier jour, et une heure par pas de cinq minutes.
replace-error-end = Indiquez une fin à venir, après le début, à un an au plus.
replace-when = du { $from } au { $to }
replace-when-label = Absence
replace-count = Auditions à reprendre
replace-preview-title = Auditions à reprendre
replace-preview-text = Seuls les collègues libres à l’heure dite sont proposés. « Non affecté » laisse l’audition à l’unité, sans nom.
replace-none = Aucune audition de cet enquêteur n’est concernée. L’absence empêche qu’on lui en affecte.
replace-yes = Enregistrer l’absence et les reprises
replace-change = Modifier l’absence
replace-back = Revenir aux absences
replace-done = L’absence et les reprises sont enregistrées.
replace-done-removed = L’absence est retirée. Les auditions reprises restent à ceux qui les ont.
replace-former-officer = Enquêteur qui n’est plus habilité ici

delay-link = Signaler un retard
delay-title = Signaler un retard au rendez-vous { $reference }
delay-text = La personne qui attend lit la nouvelle heure sur sa page ; celle qui n’est pas encore arrivée la reçoit par courriel et SMS. Personne n’est noté en retard ou absent d’ici là.
delay-legend = L’audition commencera à
delay-choice = { $time } ({ $minutes } minutes de retard)
delay-yes = Prévenir la personne
delay-no = Ne rien changer
delay-errors = La personne n’est pas prévenue
delay-error = Choisissez une heure à venir dans la liste.
delay-done = La personne est prévenue du retard.
delay-begins = Début annoncé
room-delay = L’enquêteur a du retard. L’audition commencera vers { $time }. Vous gardez votre place.

messages-template-delayed = Retard de l’unité
mail-delayed-subject = Votre rendez-vous { $reference } commencera plus tard
mail-delayed-body =
    Bonjour,

    L’unité a du retard. Votre rendez-vous { $reference }, prévu { $when }, commencera { $begins }. Nous vous présentons nos excuses.

    Votre lien ne change pas. Vous pouvez entrer dans la salle d’attente quand vous voulez : votre place est gardée.

    Si cette heure ne vous convient pas, appelez l’unité : { $unit_phone }.
sms-delayed = VisioPlainte : votre rendez-vous { $reference } commencera { $begins }. Votre lien ne change pas.

feed-link = S’abonner au calendrier
feed-title = S’abonner au calendrier
feed-text = Votre logiciel d’agenda lit une adresse secrète et se tient à jour. Il n’y trouve que des heures, des références et des guichets : ni nom, ni faits. Ne donnez cette adresse à personne ; remplacez-la si elle est connue.
feed-made-title = Voici l’adresse
feed-made-text = Copiez-la maintenant dans votre logiciel d’agenda (« s’abonner à un calendrier »). Elle ne sera plus montrée. Une adresse précédente ne fonctionne plus.
feed-address = Adresse du calendrier
feed-none = Aucune adresse donnée.
feed-since = Adresse donnée le { $day }.
feed-read = Lue pour la dernière fois le { $day }.
feed-never-read = Jamais lue encore.
feed-make = Créer une adresse
feed-replace = Remplacer l’adresse
feed-revoke = Révoquer l’adresse
feed-done-revoked = L’adresse est révoquée : elle n’ouvre plus rien.
feed-name = VisioPlainte – { $unit }
