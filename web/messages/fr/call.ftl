### L’appel vidéo de l’audition : essai du matériel, attente, échange, fin.

call-region = Appel vidéo
call-self-view = Votre propre image
call-self-note = Vous
call-controls = Commandes de l’appel
call-noscript-title = L’appel vidéo a besoin de JavaScript
call-noscript-text = Activez JavaScript dans votre navigateur puis rechargez la page, ou choisissez une autre voie :

call-test-title = Vérifions votre caméra et votre micro
call-test-text = Installez-vous dans un endroit calme où personne ne vous entend. Personne d’autre ne vous voit encore.
call-preview-empty = Votre image apparaîtra ici
call-allow = Autoriser la caméra et le micro
call-level = Parlez : la barre doit bouger
call-silence = Nous n’entendons rien. Parlez plus fort, ou choisissez un autre micro.
call-camera = Caméra
call-microphone = Micro
call-chime = Essayer le son
call-join = Entrer dans la salle d’attente
call-join-officer = Rejoindre l’audition
call-never-recorded = L’échange est chiffré. Il n’est jamais enregistré, ni l’image ni le son.

call-status-test = Vous n’êtes pas encore connecté.
call-status-connecting = Connexion en cours…
call-status-connecting-long = La connexion prend du temps. Vérifiez votre réseau ; nous essayons encore.
call-status-waiting = Vous êtes dans la salle d’attente. Restez sur cette page : l’enquêteur va vous faire entrer.
call-status-waiting-officer = Vous êtes en attente d’entrer dans l’audition.
call-status-in = Vous êtes en communication.
call-status-alone = L’enquêteur n’est pas connecté pour le moment. Restez sur cette page.
call-status-alone-officer = La personne n’est pas connectée pour le moment.
call-status-aside = Vous êtes en entretien à part : les autres ne vous entendent pas.
call-status-paused = L’audition est en pause. Ni votre image ni votre voix ne sont transmises.
call-status-reconnecting = La connexion est coupée. Elle va reprendre toute seule.
call-status-full = Toutes les places pour la vidéo sont prises en ce moment. Gardez cette page ouverte : elle réessaie d’elle-même.
call-status-reconnecting-long = La connexion est toujours coupée. Vérifiez votre réseau ; nous essayons encore.
call-status-blocked = Votre réseau ne laisse passer ni le son ni l’image. Changez de réseau, par exemple avec le partage de connexion de votre téléphone, ou coupez votre VPN ; nous essayons encore.
call-status-ended = L’audition est terminée.
call-status-left = Vous avez quitté l’audition. Vous pouvez y revenir.
call-status-replaced = L’audition est ouverte dans une autre fenêtre ou sur un autre appareil. Vous pouvez la reprendre ici.
call-status-refused = Nous ne pouvons pas vous faire entrer. Revenez à la page précédente pour savoir que faire.
call-refused-not-in-room = Vous ne faites plus partie de cette audition.
call-start-sound = Activer le son

call-quality-good = Bonne connexion
call-quality-medium = Connexion moyenne
call-quality-poor = Mauvaise connexion : rapprochez-vous de la borne Wi-Fi, ou coupez votre caméra

call-mute-on = Couper le micro
call-mute-off = Rallumer le micro
call-mute-said-on = Votre micro est allumé.
call-mute-said-off = Votre micro est coupé.
call-camera-on = Couper la caméra
call-camera-off = Rallumer la caméra
call-camera-said-on = Votre caméra est allumée.
call-camera-said-off = Votre caméra est coupée.
call-devices = Appareils
call-leave = Quitter
call-over-title = Appel vidéo terminé
call-rejoin = Revenir dans l’audition
call-back = Revenir à mon dossier

call-tile-away = n’est pas connecté
call-tile-muted = micro coupé
call-tile-no-image = caméra coupée
call-tile-muted-no-image = micro et caméra coupés
call-tile-narrow = image suspendue : votre connexion ne laisse passer que le son
call-tile-muted-narrow = micro coupé, image suspendue : votre connexion est trop lente
call-said-came = est arrivé.
call-said-went = a perdu la connexion.
call-said-muted = a coupé son micro.
call-said-unmuted = a rallumé son micro.

call-problem-video-denied = L’accès à la caméra est refusé.
call-problem-video-none = Nous ne trouvons pas de caméra. Branchez-en une, ou prenez votre téléphone.
call-problem-video-busy = Une autre application utilise la caméra. Fermez-la, puis réessayez.
call-problem-video-failed = La caméra ne répond pas. Débranchez-la et rebranchez-la, ou redémarrez l’appareil.
call-problem-audio-denied = L’accès au micro est refusé.
call-problem-audio-none = Nous ne trouvons pas de micro. Branchez-en un, ou prenez votre téléphone.
call-problem-audio-busy = Une autre application utilise le micro. Fermez-la, puis réessayez.
call-problem-audio-failed = Le micro ne répond pas. Débranchez-le et rebranchez-le, ou redémarrez l’appareil.
call-problem-unsupported = Ce navigateur ne permet pas l’appel vidéo. Ouvrez cette page dans Firefox, Chrome, Edge ou Safari.
call-problem-insecure = L’appel vidéo demande une adresse sécurisée, qui commence par https.
call-help-ios = Sur iPhone ou iPad : touchez le bouton à gauche de l’adresse, puis « Réglages du site web », et autorisez la caméra et le micro.
call-help-android = Sur Android : touchez l’icône à gauche de l’adresse, puis « Autorisations », et autorisez la caméra et le micro.
call-help-firefox = Dans Firefox : cliquez sur l’icône de caméra ou de micro barrée, à gauche de l’adresse, et levez le blocage.
call-help-chromium = Cliquez sur l’icône à gauche de l’adresse, puis autorisez la caméra et le micro, et réessayez.
call-help-safari = Dans Safari : menu « Safari », « Réglages pour ce site web », autorisez la caméra et le micro.
call-help-other = Dans les réglages de votre navigateur, autorisez ce site à utiliser la caméra et le micro.

# Le chiffrement de bout en bout. Les quatre mots sont toujours français : on les compare.
call-sealing-setting-up = Mise en place du chiffrement de bout en bout…
call-sealing-sealed = Chiffré de bout en bout
call-sealing-words = Mots de contrôle : lisez-les à voix haute.
call-sealing-words-help = Si l’autre personne voit les mêmes mots, personne n’écoute ni ne regarde entre vous. S’ils sont différents, arrêtez l’appel. Les mots changent quand quelqu’un arrive ou s’en va.
call-sealing-help = Quand l’appel est chiffré de bout en bout, votre image et votre voix ne peuvent être vues et entendues que par les personnes présentes, pas par le serveur qui les transporte.
call-sealing-limits = Dans tous les cas, l’échange est chiffré entre votre appareil et notre serveur, et il n’est jamais enregistré.
call-sealing-clear-browser = Cet appel n’est pas chiffré de bout en bout : un navigateur ne sait pas le faire
call-sealing-clear-browser-own = Cet appel n’est pas chiffré de bout en bout : votre navigateur ne sait pas le faire
call-sealing-clear-setup-own = Cet appel n’est pas chiffré de bout en bout : le chiffrement n’a pas pu démarrer sur votre appareil
call-sealing-clear-server-own = Cet appel n’est pas chiffré de bout en bout : le serveur l’a refusé
call-sealing-refused-stalled = Le chiffrement de bout en bout ne s’établit pas avec tout le monde. Rien ne part sans lui ; nous essayons encore.
call-sealing-refused-mismatch = Attention : le chiffrement ne correspond pas aux personnes présentes. Votre image et votre voix ne sont plus transmises.
call-sealing-refused-bypassed = Le chiffrement de bout en bout ne fonctionne pas dans ce navigateur. Votre image et votre voix ne sont plus transmises. Rechargez la page, ou changez de navigateur.
