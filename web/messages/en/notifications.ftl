mail-booked-subject = Your appointment { $reference } is confirmed
mail-booked-body =
    Hello,

    Your appointment { $reference } is confirmed: { $when }, with { $unit }, { $unit_address }, { $unit_phone }.

    Your personal link, which opens 30 minutes before the time:

    { $link }

    This link is for you alone. You will be asked to sign in with FranceConnect: have your credentials at hand, in a quiet place where nobody can hear you.

    You can cancel from your account. At any time you may also go to the police or gendarmerie station of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-booked = VisioPlainte: appointment { $reference } confirmed, { $when }. Your personal link: { $link }
mail-cancelled-subject = Your appointment { $reference } is cancelled
mail-cancelled-body =
    Hello,

    Your appointment { $reference } ({ $when }, { $unit }) is cancelled. Its link no longer works.

    You can book another appointment, or go to the police or gendarmerie station of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-cancelled = VisioPlainte: appointment { $reference } cancelled ({ $when }).
mail-review-subject = A document is waiting for you to read it
mail-review-body =
    Hello,

    A document of your appointment { $reference } is waiting in your account for you to read, before any signature by the officer. You can ask for changes.

    Sign in to your account: { $space }
mail-ready-subject = Your documents { $reference } are available
mail-ready-body =
    Hello,

    Your documents { $reference } are available in your account for six months. You need to sign in to download them.

    { $space }
