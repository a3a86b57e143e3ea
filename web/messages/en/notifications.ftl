mail-booked-subject = Your appointment { $reference } is confirmed
mail-booked-body =
    Hello,

    Your appointment { $reference } is confirmed: { $when }, with { $unit }, { $unit_address }, { $unit_phone }.

    Your personal link, which opens 30 minutes before the time:

    { $link }

    This link is for you alone. { $origin ->
        [declared] Open it from now on to see, move or cancel this appointment, and at the time to come in, in a quiet place where nobody can hear you. Each time a six-digit code will be sent to you, to be typed.
       *[franceconnect] You will be asked to sign in with FranceConnect: have your credentials at hand, in a quiet place where nobody can hear you.
    }

    { $origin ->
        [declared] If you asked for no appointment, call the unit.
       *[franceconnect] You can cancel from your account.
    } At any time you may also go to the police or gendarmerie station of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-booked = VisioPlainte: appointment { $reference } confirmed, { $when }. Your personal link: { $link }
mail-cancelled-subject = Your appointment { $reference } is cancelled
mail-cancelled-body =
    Hello,

    Your appointment { $reference } ({ $when }, { $unit }) is cancelled. { $origin ->
        [declared] Its link opens no hearing any more.
       *[franceconnect] Its link no longer works.
    }

    You can book another appointment, or go to the police or gendarmerie station of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-cancelled = VisioPlainte: appointment { $reference } cancelled ({ $when }).
mail-review-subject = A document is waiting for you to read it
mail-review-body =
    Hello,

    A document of your appointment { $reference } is waiting in your account for you to read, before any signature by the officer. You can ask for changes.

    Sign in to your account: { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
mail-ready-subject = Your documents { $reference } are available
mail-ready-body =
    Hello,

    Your documents { $reference } are available in your account for six months. You need to sign in to download them.

    { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
sms-review = VisioPlainte: a document of your appointment { $reference } is to be read in your space: { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }
sms-ready = VisioPlainte: your documents { $reference } are in your space for six months: { $origin ->
        [declared] { $link }
       *[franceconnect] { $space }
    }

messages-title = Messages
messages-lead = Messages of the last 30 days that could not be delivered. Reach the person otherwise, or send the message again. Neither address nor number is shown.
messages-empty-title = Everything was delivered
messages-empty-text = No message of the last 30 days was left undelivered.
messages-template-booked = Confirmation of an appointment
messages-template-cancelled = Cancellation of an appointment
messages-template-review = Document to read
messages-template-ready = Documents available
messages-channel-email = e-mail
messages-channel-sms = SMS
messages-why-recipient-email = The address does not exist or takes no more mail.
messages-why-recipient-sms = The number does not exist or takes no SMS.
messages-why-content-email = The mail server refused this message.
messages-why-content-sms = The operator refused this text.
messages-why-expired-email = The e-mail could not leave while it was of use.
messages-why-expired-sms = The SMS could not leave while it was of use.
messages-resend = Send again
messages-over = This message is of no more use: it cannot be sent again.
messages-back = Back to the messages
messages-resend-title = Send a message again
messages-resend-text = If the person gave you another address or number, enter it: check first whom you are talking to. Your identifier is written in the journal, the address is not.
messages-address = Corrected address or number (optional)
messages-address-hint = Empty: the message goes where it went before.
messages-errors-title = The message was not sent again
messages-error-email = Enter a whole e-mail address, for example first.last@example.fr.
messages-error-sms = Enter a whole telephone number, for example 06 39 98 00 01.
messages-done-resent = The message is on its way again.
messages-too-late-title = This message was not sent again
messages-too-late-text = It was sent again before, or it is of no more use. Nothing was changed.
messages-texts-title = Texts that are sent
messages-texts-lead = Each text in each language, with an example. SMS are billed by the segment; a single character outside their alphabet takes more than half of their room.
messages-size-gsm7 = { $units } characters, segments billed: { $segments }
messages-size-ucs2 = { $units } characters outside the SMS alphabet, segments billed: { $segments }
messages-cost = about { $cents } cents
messages-outsiders = Characters outside the SMS alphabet: { $characters }
way-out-messages = See the messages
mail-contact-code-subject = Your confirmation code
mail-contact-code-body =
    Hello,

    Your VisioPlainte confirmation code is: { $code }

    It is good for 10 minutes. Type it on the page where you gave your address. Give it to nobody: no officer will ask you for it.

    If you asked for nothing, somebody has probably mistyped their address: do nothing.
sms-contact-code = VisioPlainte: your code is { $code }, good for 10 minutes. Give it to nobody.
messages-template-contact-code = Confirmation code
mail-guest-subject = Invitation to a video appointment
mail-guest-body =
    Hello,

    You are invited { $role } to a video appointment: { $when }, with { $unit }, { $unit_phone }.

    Your personal link, which opens 30 minutes before the time:

    { $link }

    This link is not enough: a six-digit code will be given to you another way, by word of mouth, by whoever invites you. It replaces any link received before for this appointment.

    If you do not know what this is about, do nothing, or call the unit.
sms-guest = VisioPlainte: invitation { $role } by video, { $when }. Your link: { $link } The code will be given to you by word of mouth. Unit: { $unit_phone }.
mail-guest-cancelled-subject = Invitation cancelled
mail-guest-cancelled-body =
    Hello,

    Your invitation { $role } to the video appointment of { $when }, with { $unit }, is cancelled. Its link no longer works.

    For any question, call the unit: { $unit_phone }.
sms-guest-cancelled = VisioPlainte: your invitation by video ({ $when }) is cancelled. Unit: { $unit_phone }.
messages-template-guest = Invitation of a companion
messages-template-guest-cancelled = Invitation cancelled
mail-reminder-subject = Reminder: your appointment { $reference }
mail-reminder-body =
    Hello,

    Your appointment { $reference } is near: { $when }, with { $unit }, { $unit_phone }.

    Your personal link, which opens 30 minutes before the hour:

    { $link }

    This link is for you alone. { $origin ->
        [declared] A six-digit code will be sent to you, to be typed.
       *[franceconnect] You will be asked to sign in with FranceConnect: have your details at hand.
    } Choose a quiet place where nobody hears you, and charge your device.

    If you cannot come, { $origin ->
        [declared] open this link to move or cancel the appointment, or call the unit.
       *[franceconnect] move or cancel the appointment in your space, or call the unit.
    }

    In an emergency, call 17 or 112, or text 114.
sms-reminder = VisioPlainte: reminder of appointment { $reference }, { $when }. Your personal link: { $link }
mail-relinked-subject = Your new link for appointment { $reference }
mail-relinked-body =
    Hello,

    Here is a new personal link for your appointment { $reference }: { $when }, with { $unit }, { $unit_phone }. The former no longer works.

    { $link }

    It opens 30 minutes before the hour and is for you alone. { $origin ->
        [declared] A six-digit code will be sent to you, to be typed.
       *[franceconnect] You will be asked to sign in with FranceConnect.
    }

    If you asked for nothing, the unit may have done so for you: call it if in doubt.

    In an emergency, call 17 or 112, or text 114.
sms-relinked = VisioPlainte: new link for appointment { $reference }, { $when }, the former no longer works: { $link }
messages-template-reminder = Reminder of an appointment
messages-template-relinked = New personal link
