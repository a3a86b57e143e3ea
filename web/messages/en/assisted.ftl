assisted-link = Book for a person
assisted-title = Book for a person
assisted-lead = For a person who has no FranceConnect account. First choose a free time of the unit.
assisted-errors = The appointment is not booked
assisted-declared-note = You write down what the person says. FranceConnect has not checked it: this will be said everywhere, and you will see their identity document at the hearing.
assisted-nearest = Time
assisted-identity = Identity as declared
assisted-name = Birth name
assisted-name-error = Write the birth name.
assisted-given = Given names
assisted-given-hint = In the order of the civil status. Leave empty if the person has a single name.
assisted-used-name-hint = Only if the person goes by another name than their birth name.
assisted-gender = Gender
assisted-gender-female = Female
assisted-gender-male = Male
assisted-gender-unspecified = Not stated
assisted-gender-error = Choose one of the three answers.
assisted-birthdate = Date of birth
assisted-birthdate-error = Give the date of birth as day/month/year, for example 17/04/1988.
assisted-minor-error = The person is under 18: they are received in person, with a parent if they wish.
assisted-birthplace = Place of birth
assisted-birthplace-hint = The commune with its department, or the town abroad.
assisted-birthplace-error = Write the place of birth.
assisted-birthcountry = Country of birth
assisted-birthcountry-error = Write the country of birth.
assisted-reach = Reaching the person
assisted-reach-text = The personal link, and then a code each time they come in, are sent to these addresses. Read them back aloud: give at least one.
assisted-reach-error = Give an e-mail address or a mobile number of the person.
assisted-address-error = Write the number and street.
assisted-address-hint = Number and street, or the address of a lawyer or relative who agrees.
assisted-commune-hint = Name or postal code of the commune where the person lives.
assisted-language = Language of messages and pages
assisted-tongue = Language the person wants to be heard in
assisted-interpreter = An interpreter is needed
assisted-facts = Facts
assisted-choose = Choose
assisted-optional = Optional.
assisted-place-hint = Optional; two appointments for the same facts are recognised by it.
assisted-nature-error = These facts are not heard by video alone: receive the person at the unit.
assisted-book = Confirm the appointment
assisted-taken-error = This time has just been taken. Choose another; nothing you wrote is lost.
assisted-own-time-error = This person already has an appointment at that time. Choose another time.
assisted-same-facts-error = This person already has an appointment for the same facts. They can move it by the link of their message.
assisted-not-covered-error = The residents of this commune are not received by video at the moment.
assisted-other-unit-error = The residents of this commune are received by { $unit }, { $phone }.
agenda-done-assisted = The appointment is booked. The person receives their personal link.
identity-origin-declared = Identity as declared, not checked by FranceConnect
identity-origin-franceconnect = Identity given by FranceConnect
identity-origin = Origin of the identity
refusal-declared-only-title = For other facts FranceConnect is needed
refusal-declared-only-text = An officer booked this appointment for you. To report other facts yourself, sign out, then sign in with FranceConnect. Otherwise call the unit, or go to the police or gendarmerie station of your choice.

declared-title = Your appointment by video
declared-text = This link says which appointment, not who you are. To open it, a six-digit code is sent to you, and you type it here.
declared-way = Receive the code by
declared-way-email = e-mail, at the address you gave
declared-way-sms = text message, at the number that ends with { $end }
declared-send = Receive a code
declared-send-again = Receive another code
declared-again = Nothing came?
declared-sent-email = A code has just been sent by e-mail. It is good for 10 minutes.
declared-sent-sms = A code has just been sent by text message. It is good for 10 minutes.
declared-code-hint = Six digits, in the message you have just received.
declared-show = See my appointment
declared-code-wrong = This is not the code. Look at the last message you received; tries left: { $left }.
declared-code-over = This code is no longer good. Ask for another.
declared-too-soon = A code has just been sent. You can ask for another from { $when } on.
declared-too-many = Too many codes were sent today. Call the unit, or try again tomorrow.
declared-no-code = If no code comes, call the unit: { $phone }.
booking-join-declared-text = Your personal link opens at { $opens }. You can also go in from this page. You will be asked for a code again if you leave it.
record-code-needed = To ask for a change or to agree, a code is needed again.
record-code-link = Receive a code
mail-entry-code-subject = Your entry code
mail-entry-code-body =
    Hello,

    Your VisioPlainte entry code is: { $code }

    It is good for 10 minutes. Type it on the page that your link opened. Give it to nobody: no officer will ask you for it.

    If you asked for nothing, somebody else opened your link: do nothing, or call the unit.
sms-entry-code = VisioPlainte: your entry code is { $code }, good for 10 minutes. Give it to nobody.
messages-template-entry-code = Entry code
