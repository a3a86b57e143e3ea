### Suis-je au bon endroit ? Quelques questions, puis la suite.

orientation-title = Trouver la bonne démarche
orientation-error-prefix = Erreur :{" "}
orientation-lead = Cinq questions simples pour vous diriger vers le bon service. Il n’y a pas de mauvaise réponse.
orientation-privacy = Vos réponses ne sont pas enregistrées. Vous pouvez revenir en arrière et les changer.
orientation-errors-title = Il manque une réponse
orientation-danger = Êtes-vous en danger en ce moment ?
orientation-danger-hint = Par exemple : l’auteur est près de vous, quelqu’un est blessé, le vol est en cours.
orientation-danger-error = Dites-nous si vous êtes en danger en ce moment.
orientation-nature = Que s’est-il passé ?
orientation-nature-hint = Choisissez ce qui ressemble le plus à votre situation. L’enquêteur précisera avec vous.
orientation-nature-error = Choisissez ce qui ressemble le plus à ce qui s’est passé.
orientation-online = Cela s’est-il passé sur Internet ?
orientation-online-hint = Par exemple sur un site, une application, un réseau social ou par courriel.
orientation-online-error = Dites-nous si cela s’est passé sur Internet, ou choisissez « Je ne sais pas ».
orientation-author = Connaissez-vous le nom de l’auteur ?
orientation-author-hint = Son nom et son prénom. Une description ou un numéro de téléphone ne suffisent pas : répondez alors « Non ».
orientation-author-error = Dites-nous si vous connaissez le nom de l’auteur, ou choisissez « Je ne sais pas ».
orientation-card = Si cela concerne votre carte bancaire : avez-vous encore la carte ?
orientation-card-hint = Ne répondez pas si votre carte bancaire n’est pas concernée.
orientation-card-error = Dites-nous si vous avez encore votre carte bancaire, ou choisissez « Je ne sais pas ».
orientation-answer-yes = Oui
orientation-answer-no = Non
orientation-answer-unsure = Je ne sais pas
orientation-submit = Voir la démarche conseillée
orientation-outcome-title = La démarche conseillée
orientation-back = Modifier mes réponses
orientation-in-person = Porter plainte en personne
orientation-continue = Continuer vers le rendez-vous par vidéo
orientation-all-the-same-title = Vous préférez parler à un enquêteur ?
orientation-all-the-same-text = C’est votre droit. Vous pouvez aussi porter plainte par vidéo, même si un autre service vous est conseillé.
orientation-all-the-same = Continuer par vidéo quand même
orientation-come-title = Vous préférez venir sur place ?
orientation-come-text = Vous pouvez porter plainte dans le commissariat ou la brigade de gendarmerie de votre choix, quels que soient les faits.
orientation-advice-heading = Bon à savoir

orientation-emergency-title = Appelez les secours maintenant
orientation-emergency-why = VisioPlainte n’est pas fait pour les urgences. La police ou la gendarmerie peut venir tout de suite si vous appelez.
orientation-emergency-how = Si vous ne pouvez pas parler, envoyez un SMS au 114 : dites où vous êtes et ce qui se passe. C’est gratuit, jour et nuit. Mettez-vous à l’abri si vous le pouvez.
orientation-emergency-17 = Appeler le 17 (police, gendarmerie)
orientation-emergency-112 = Appeler le 112 (toutes les urgences)
orientation-emergency-114 = Envoyer un SMS au 114
orientation-emergency-after = Le danger est passé : changer ma réponse

orientation-sexual_violence-title = Vous n’êtes pas seul : des personnes formées peuvent vous aider
orientation-sexual_violence-why = Ce qui vous est arrivé n’est pas votre faute. La loi prévoit qu’un enquêteur vous reçoive en personne, dans un lieu calme, avec quelqu’un à vos côtés si vous le souhaitez.
orientation-sexual_violence-how = Vous pouvez en parler tout de suite, même sans porter plainte, même longtemps après.
orientation-sexual_violence-link = Parler à un policier ou à un gendarme formé, par messagerie
orientation-sexual-recent-title = Si cela vient d’arriver
orientation-sexual-recent-call = Appelez le 17. Une équipe peut venir.
orientation-sexual-recent-clothes = Gardez les vêtements que vous portiez, sans les laver, dans un sac en papier.
orientation-sexual-recent-wash = Si vous le pouvez, ne vous lavez pas avant d’avoir vu un médecin.
orientation-sexual-recent-hospital = Allez aux urgences d’un hôpital. On peut vous soigner et relever des preuves, même si vous n’avez pas encore décidé de porter plainte.
orientation-sexual-recent-messages = Gardez les messages, les photos et les noms de témoins.
orientation-sexual-talk-title = En parler à quelqu’un, jour et nuit
orientation-sexual-talk-text = La messagerie est gratuite et ouverte 24 heures sur 24. Vous n’avez pas à donner votre nom. Vous pouvez effacer la conversation de votre appareil à tout moment.
orientation-sexual-complaint-title = Porter plainte
orientation-sexual-complaint-text = Pour ces faits, la plainte se prend en personne, dans le commissariat ou la brigade de votre choix. Vous pouvez demander un rendez-vous et venir avec une personne de confiance ou un avocat.

orientation-family_violence-title = Des personnes formées peuvent vous aider maintenant
orientation-family_violence-why = La violence dans le couple ou la famille est interdite. Des policiers et des gendarmes spécialement formés vous répondent par messagerie, jour et nuit.
orientation-family_violence-how = Ils peuvent vous conseiller, préparer votre plainte et vous mettre à l’abri. C’est gratuit et vous pouvez rester anonyme.
orientation-family_violence-link = Ouvrir la messagerie « Arrêtons les violences »

orientation-victims_chat-title = Conseillé : la messagerie des victimes
orientation-victims_chat-why = Pour ces faits, des policiers et des gendarmes spécialement formés vous répondent par messagerie, jour et nuit.
orientation-victims_chat-how = Ils vous écoutent, vous disent comment garder les preuves et vous guident vers la plainte. C’est gratuit et vous pouvez rester anonyme.
orientation-victims_chat-link = Ouvrir la messagerie des victimes

orientation-perceval-title = Conseillé : Perceval
orientation-perceval-why = Votre carte a servi sans votre accord alors que vous l’avez toujours. Perceval est fait pour cela : vous obtenez un récépissé pour votre banque.
orientation-perceval-how = Appelez d’abord votre banque pour bloquer la carte. Ensuite, remplissez Perceval avec FranceConnect, vos relevés et votre numéro de carte sous la main. Perceval est réservé aux particuliers.
orientation-perceval-link = Aller sur Perceval

orientation-thesee-title = Conseillé : Thésée
orientation-thesee-why = Les arnaques sur Internet sont traitées par un service de police spécialisé. Sa plainte en ligne s’appelle Thésée.
orientation-thesee-how = Vous répondez à un questionnaire avec FranceConnect. Préparez les adresses des sites, les messages et les preuves de paiement. Thésée est réservé aux particuliers.
orientation-thesee-link = Aller sur Thésée

orientation-pharos-title = Conseillé : Pharos
orientation-pharos-why = Pharos permet de signaler un contenu public illégal sur Internet. Des enquêteurs le vérifient et peuvent le faire retirer.
orientation-pharos-how = Copiez l’adresse exacte de la page et faites une capture d’écran. Vous pouvez signaler sans donner votre nom. Un signalement n’est pas une plainte : si le contenu vous vise, portez aussi plainte.
orientation-pharos-link = Aller sur Pharos

orientation-seventeen_cyber-title = Conseillé : 17Cyber
orientation-seventeen_cyber-why = 17Cyber trouve avec vous ce qui s’est passé et vous dit quoi faire tout de suite pour protéger vos appareils et vos comptes.
orientation-seventeen_cyber-how = Le service est gratuit, ouvert jour et nuit. Vous pouvez parler à un policier ou à un gendarme par messagerie, puis être dirigé vers la plainte qui convient.
orientation-seventeen_cyber-link = Aller sur 17Cyber

orientation-plainte_en_ligne-title = Conseillé : la plainte en ligne, par écrit
orientation-plainte_en_ligne-why = Pour ces faits, quand on ne connaît pas le nom de l’auteur, vous pouvez porter plainte par écrit, sans rendez-vous.
orientation-plainte_en_ligne-how = Vous remplissez un formulaire avec FranceConnect et vous ajoutez vos photos et factures. Un policier ou un gendarme le vérifie et vous envoie la plainte.
orientation-plainte_en_ligne-link = Aller sur la plainte en ligne

orientation-unit-title = Conseillé : venir sur place rapidement
orientation-unit-why = Le plus vite est de vous rendre dans un commissariat ou une brigade : le véhicule sera aussitôt inscrit au fichier des véhicules volés.
orientation-unit-how = Apportez la carte grise si vous l’avez, l’assurance et une pièce d’identité. Vous pouvez aller dans l’unité de votre choix.

orientation-video-title = Vous êtes au bon endroit
orientation-video-why = Vous pouvez porter plainte par vidéo avec un policier ou un gendarme.
orientation-video-how = La suite : vous connecter avec FranceConnect, lire vos droits, dire brièvement ce qui s’est passé, puis choisir un rendez-vous. Comptez dix minutes.

orientation-advice-goods-title = Préparez vos justificatifs
orientation-advice-goods = Factures, photos, numéros de série : vous pourrez dire le montant de votre préjudice et envoyer ces documents.
orientation-advice-traces-title = Ne touchez à rien
orientation-advice-traces = Si vous le pouvez, ne rangez rien et ne nettoyez rien avant d’avoir appelé le 17 : des traces peuvent être relevées.
orientation-advice-injuries-title = Faites constater vos blessures
orientation-advice-injuries = Voyez un médecin ou les urgences et demandez un certificat qui décrit vos blessures, même si elles semblent légères. L’enquêteur peut aussi vous envoyer dans une unité médico-judiciaire : il faudra alors venir sur place.
orientation-advice-vehicle-title = Prévenez votre assurance
orientation-advice-vehicle = Le plus souvent, elle demande à être prévenue dans les deux jours ouvrés.
orientation-advice-bank-title = Bloquez votre carte
orientation-advice-bank = Appelez votre banque pour faire opposition avant toute autre démarche.
orientation-advice-proofs-title = Gardez les preuves
orientation-advice-proofs = N’effacez rien. Gardez les messages, les courriels, les adresses de pages et des captures d’écran.
orientation-advice-record-title = Plainte ou main courante ?
orientation-advice-record = Une plainte demande une enquête. Une main courante garde seulement une trace des faits ; elle se fait sur place. Si les faits sont une infraction, personne ne peut refuser votre plainte.
orientation-prescription-title = Jusqu’à quand porter plainte ?
orientation-prescription = Le plus souvent, vous avez 6 ans après les faits pour un délit, 1 an pour une contravention. Certains délais sont plus courts ou plus longs : n’attendez pas.

orientation-help-title = Des numéros gratuits pour vous aider
orientation-help-3919 = 3919 : violences faites aux femmes, jour et nuit
orientation-help-116006 = 116 006 : aide aux victimes, 7 jours sur 7, de 9 h à 20 h
orientation-help-119 = 119 : enfant en danger, jour et nuit
orientation-help-114 = SMS au 114 : urgence, si vous ne pouvez pas parler
