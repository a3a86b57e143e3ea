### What every page has in common: header, menu, strips, footer.

layout-brand = VisioPlainte
layout-badge-demo = demonstration
layout-tagline = File a complaint by video, from home
layout-tagline-officer = Officers’ area
layout-home-title = Home – VisioPlainte

layout-skip-links = Quick access
layout-skip-content = Content
layout-skip-menu = Menu
layout-skip-footer = Footer

layout-emergency-region = Emergencies
layout-emergency-title = In danger?
layout-emergency-17 = Call 17
layout-emergency-112 = or 112
layout-emergency-114 = Text 114
layout-emergency-short = Emergency:
layout-emergency-114-short = 114 (text)
layout-in-person = File a complaint in person
layout-useful-links = Useful links

layout-menu = Menu
layout-main-menu = Main menu
layout-close = Close
layout-nav-home = Home
layout-nav-my-space = My account
layout-nav-agenda = Schedule
layout-nav-desks = Desks
layout-nav-empowerments = Empowerments
layout-nav-help = Help
layout-logout = Sign out

layout-display = Display settings
layout-display-legend = Choose how the pages look.
layout-display-light = Light theme
layout-display-dark = Dark theme
layout-display-system = Same as my device

layout-sandbox-region = Demonstration
layout-sandbox-text = Demonstration: no complaint is sent, messages stay here.
layout-sandbox-mail = E-mails sent
layout-sandbox-sms = Text messages sent

layout-footer-text = VisioPlainte is free and optional. You may go to the police station or gendarmerie of your choice at any time.
layout-victims-116006 = Victim support: 116 006
layout-footer-sitemap = Site map
layout-footer-accessibility = Accessibility: not compliant
layout-footer-legal = Legal notice
layout-footer-privacy = Personal data
layout-footer-copy = Demonstration site, not connected with the State’s services.
layout-quick-exit = Leave this site now
