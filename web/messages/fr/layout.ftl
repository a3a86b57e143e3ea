### Ce que toutes les pages ont en commun : en-tête, menu, bandeaux, pied de page.

layout-brand = VisioPlainte
layout-badge-demo = démonstration
layout-tagline = Porter plainte par vidéo, depuis chez vous
layout-tagline-officer = Espace des enquêteurs
layout-home-title = Accueil – VisioPlainte

layout-skip-links = Accès rapide
layout-skip-content = Contenu
layout-skip-menu = Menu
layout-skip-footer = Pied de page

layout-emergency-region = Urgences
layout-emergency-title = En danger ?
layout-emergency-17 = Appelez le 17
layout-emergency-112 = ou le 112
layout-emergency-114 = SMS au 114
layout-emergency-short = Urgence :
layout-emergency-114-short = 114 (SMS)
layout-in-person = Porter plainte en personne
layout-useful-links = Liens utiles

layout-menu = Menu
layout-main-menu = Menu principal
layout-close = Fermer
layout-nav-home = Accueil
layout-nav-my-space = Mon espace
layout-nav-agenda = Agenda
layout-nav-desks = Guichets
layout-nav-empowerments = Habilitations
layout-nav-help = Aide
layout-logout = Se déconnecter

layout-display = Paramètres d’affichage
layout-display-legend = Choisissez l’apparence des pages.
layout-display-light = Thème clair
layout-display-dark = Thème sombre
layout-display-system = Comme sur mon appareil

layout-sandbox-region = Démonstration
layout-sandbox-text = Démonstration : aucune plainte n’est transmise, les messages restent ici.
layout-sandbox-mail = Courriels envoyés
layout-sandbox-sms = SMS envoyés

layout-footer-text = VisioPlainte est gratuit et facultatif. Vous pouvez à tout moment vous rendre dans le commissariat ou la brigade de votre choix.
layout-victims-116006 = Aide aux victimes : 116 006
layout-footer-sitemap = Plan du site
layout-footer-accessibility = Accessibilité : non conforme
layout-footer-legal = Mentions légales
layout-footer-privacy = Données personnelles
layout-footer-copy = Site de démonstration, sans lien avec les services de l’État.
layout-quick-exit = Quitter vite ce site
