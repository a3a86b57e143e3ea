assisted-link = Prendre rendez-vous pour une personne
assisted-title = Prendre rendez-vous pour une personne
assisted-lead = Pour une personne qui n’a pas FranceConnect. Choisissez d’abord un créneau libre de l’unité.
assisted-errors = Le rendez-vous n’est pas pris
assisted-declared-note = Vous écrivez ce que la personne déclare. FranceConnect ne l’a pas vérifié : il le sera dit partout, et vous verrez sa pièce d’identité à l’audition.
assisted-nearest = Créneau
assisted-identity = Identité déclarée
assisted-name = Nom de naissance
assisted-name-error = Écrivez le nom de naissance.
assisted-given = Prénoms
assisted-given-hint = Dans l’ordre de l’état civil. Laissez vide si la personne n’a qu’un nom.
assisted-used-name-hint = Seulement si la personne utilise un autre nom que son nom de naissance.
assisted-gender = Sexe
assisted-gender-female = Féminin
assisted-gender-male = Masculin
assisted-gender-unspecified = Non précisé
assisted-gender-error = Choisissez une des trois réponses.
assisted-birthdate = Date de naissance
assisted-birthdate-error = Donnez la date de naissance sous la forme jour/mois/année, par exemple 17/04/1988.
assisted-minor-error = La personne a moins de 18 ans : elle est reçue en personne, avec un parent si elle le souhaite.
assisted-birthplace = Lieu de naissance
assisted-birthplace-hint = La commune, avec son département, ou la ville à l’étranger.
assisted-birthplace-error = Écrivez le lieu de naissance.
assisted-birthcountry = Pays de naissance
assisted-birthcountry-error = Écrivez le pays de naissance.
assisted-reach = Joindre la personne
assisted-reach-text = Le lien personnel, puis un code à chaque entrée, sont envoyés à ces adresses. Relisez-les à voix haute : donnez-en au moins une.
assisted-reach-error = Donnez une adresse électronique ou un téléphone mobile de la personne.
assisted-address-error = Écrivez le numéro et la rue.
assisted-address-hint = Numéro et rue, ou l’adresse d’un avocat ou d’un proche qui est d’accord.
assisted-commune-hint = Le nom ou le code postal de la commune où la personne habite.
assisted-language = Langue des messages et des pages
assisted-tongue = Langue dans laquelle la personne veut être entendue
assisted-interpreter = Un interprète est nécessaire
assisted-facts = Faits
assisted-choose = Choisissez
assisted-optional = Facultatif.
assisted-place-hint = Facultatif ; permet de reconnaître deux rendez-vous pour les mêmes faits.
assisted-nature-error = Ces faits ne sont pas reçus par vidéo seule : recevez la personne dans l’unité.
assisted-book = Confirmer le rendez-vous
assisted-taken-error = Ce créneau vient d’être pris. Choisissez-en un autre ; rien de ce que vous avez écrit n’est perdu.
assisted-own-time-error = Cette personne a déjà un rendez-vous à cette heure. Choisissez un autre créneau.
assisted-same-facts-error = Cette personne a déjà un rendez-vous pour les mêmes faits. Elle peut le déplacer par le lien de son message.
assisted-not-covered-error = Les habitants de cette commune ne sont pas reçus par vidéo pour le moment.
assisted-other-unit-error = Les habitants de cette commune sont reçus par { $unit }, { $phone }.
agenda-done-assisted = Le rendez-vous est pris. La personne reçoit son lien personnel.
identity-origin-declared = Identité déclarée, non vérifiée par FranceConnect
identity-origin-franceconnect = Identité transmise par FranceConnect
identity-origin = Origine de l’identité
refusal-declared-only-title = Pour d’autres faits, il faut FranceConnect
refusal-declared-only-text = Un agent a pris ce rendez-vous pour vous. Pour déclarer d’autres faits vous-même, déconnectez-vous, puis connectez-vous avec FranceConnect. Sinon, appelez l’unité ou présentez-vous dans le commissariat ou la brigade de votre choix.

declared-title = Votre rendez-vous par vidéo
declared-text = Ce lien indique le rendez-vous, pas la personne. Pour l’ouvrir, un code à six chiffres vous est envoyé : vous le recopiez ici.
declared-way = Recevoir le code par
declared-way-email = courriel, à l’adresse que vous avez donnée
declared-way-sms = SMS, au numéro qui finit par { $end }
declared-send = Recevoir un code
declared-send-again = Recevoir un autre code
declared-again = Vous n’avez rien reçu ?
declared-sent-email = Un code vient d’être envoyé par courriel. Il est valable 10 minutes.
declared-sent-sms = Un code vient d’être envoyé par SMS. Il est valable 10 minutes.
declared-code-hint = Six chiffres, dans le message que vous venez de recevoir.
declared-show = Voir mon rendez-vous
declared-code-wrong = Ce n’est pas le bon code. Vérifiez le dernier message reçu ; essais restants : { $left }.
declared-code-over = Ce code n’est plus valable. Demandez-en un autre.
declared-too-soon = Un code vient d’être envoyé. Vous pourrez en demander un autre à partir de { $when }.
declared-too-many = Trop de codes ont été envoyés aujourd’hui. Appelez l’unité, ou réessayez demain.
declared-no-code = Si aucun code n’arrive, appelez l’unité : { $phone }.
booking-join-declared-text = Votre lien personnel s’ouvre à { $opens }. Vous pouvez aussi entrer depuis cette page. Un code vous sera redemandé si vous la quittez.
record-code-needed = Pour demander une modification ou donner votre accord, il faut de nouveau un code.
record-code-link = Recevoir un code
mail-entry-code-subject = Votre code d’entrée
mail-entry-code-body =
    Bonjour,

    Votre code d’entrée VisioPlainte est : { $code }

    Il est valable 10 minutes. Recopiez-le sur la page ouverte par votre lien. Ne le donnez à personne : aucun agent ne vous le demandera.

    Si vous n’avez rien demandé, quelqu’un d’autre a ouvert votre lien : ne faites rien, ou appelez l’unité.
sms-entry-code = VisioPlainte : votre code d'entrée est { $code }, valable 10 minutes. Ne le donnez à personne.
messages-template-entry-code = Code d’entrée
