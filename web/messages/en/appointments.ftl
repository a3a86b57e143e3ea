### Moving, cancelling, absence: pages and messages of an appointment’s life.

booking-move-link = Move this appointment
booking-move-title = Move my appointment
booking-move-now = Planned: { $moment }.
booking-move-kept = Your present appointment is kept until you confirm the new one.
booking-move-from = Present date
booking-move-to = New date
booking-move-confirm-title = Check the new date
booking-move-confirm-text = A new personal link is sent to you; the former one will no longer work. The reference stays the same.
booking-move-yes = Move the appointment
booking-moved-title = Your appointment is moved
booking-moved-text = A new personal link is sent to you; the former one no longer works.
booking-move-too-late-title = This appointment can no longer be moved here
booking-move-too-late-text = It is too close, or already took place. If you cannot come, call the unit: its number is on the appointment’s page.
booking-move-taken-title = This time is no longer free
booking-move-taken-text = Nothing has changed: the appointment stays where it is. Choose another time.
booking-own-time-title = The person is already expected at that time
booking-own-time-text = Another of your appointments takes place at that time. Choose another time, or move the other appointment.
booking-same-facts-title = There is already an appointment for these facts
booking-same-facts-text = You already have an appointment for facts of the same kind, on the same day and at the same place. You can tell everything there. If these are other facts, say more about the date or the place.
booking-way-out-other-slot = Choose another time
booking-way-out-other = See the other appointment
booking-way-out-facts = Say more about the facts
booking-left-waiting-title = The hearing was not opened, we apologise
booking-cancel-reason = Why do you cancel? (optional, without consequence)
booking-reason-unsaid = I prefer not to say
booking-reason-unavailable = I am not available
booking-reason-elsewhere = I lodge the complaint another way
booking-reason-renounced = I no longer wish to lodge a complaint
booking-reason-no-officer = No officer available
booking-reason-closure = The desk or unit is closed
booking-reason-technical = Technical failure
booking-reason-asked-by-person = At the person’s request
booking-reason-not-opened = Hearing not opened by the unit
booking-reason-absent = Person absent
booking-reason-earlier = Earlier time accepted
booking-told-reason-no-officer = no officer can see you at that time
booking-told-reason-closure = the unit is closed at that time
booking-told-reason-technical = a technical failure
booking-told-reason-asked-by-person = you asked for it
booking-told-reason-not-opened = the hearing was not opened, we apologise

agenda-standing-late = late
agenda-manage = Manage
agenda-back = Back to the agenda
agenda-move = Move
agenda-cancel = Cancel
agenda-absence = Note the absence
agenda-keep = Keep the appointment
agenda-move-title = Move appointment { $reference }
agenda-move-text = The person is told by e-mail and SMS and receives a new link.
agenda-move-confirm-text = The person is told at once. Their former link will no longer work.
agenda-cancel-title = Cancel appointment { $reference }
agenda-cancel-text = The person is told at once, with the reason, and can take another time without starting again.
agenda-cancel-reason = Reason, told to the person
agenda-cancel-error = Choose the reason from the list.
agenda-cancel-errors = The appointment is not cancelled
agenda-absence-title = Note an absence at appointment { $reference }
agenda-absence-text = The person is told that the appointment did not take place and can take another time. They can no longer come in.
agenda-absence-yes = Note the absence
agenda-absence-wait = Wait longer
agenda-wait-booked = The person may still come: the absence can be noted from { $from } on. Until then, this appointment can be moved, called off with a reason or delayed.
agenda-wait-open = The room is open and the person may come in at any moment: this appointment can be neither moved nor called off. If they do not come, the officer who holds the room can close it from { $from } on; until then, announce a delay if you are held up.
agenda-absence-too-early-title = It is too early to note an absence
agenda-absence-too-early-text = The person may still come. An absence can be noted from 15 minutes after the appointment’s time.
agenda-absence-came-title = The person is there
agenda-absence-came-text = They are in the waiting room. Open the hearing.
agenda-way-out-hearing = Open the hearing
agenda-no-longer-title = This appointment can no longer be changed
agenda-no-longer-text = Its hearing is open, it is over or already cancelled. Its page says where it stands.
agenda-own-time-title = The person is already expected at that time
agenda-own-time-text = Another of their appointments takes place at that time. Choose another time.
agenda-done-moved = The appointment is moved. The person is told.
agenda-done-cancelled = The appointment is cancelled. The person is told.
agenda-done-absent = The absence is noted. The person is told.
agenda-state-booked = Confirmed
agenda-state-open = Room open
agenda-state-in-hearing = In hearing
agenda-state-closed = Over
agenda-state-cancelled-by-citizen = Cancelled by the person
agenda-state-cancelled-by-unit = Cancelled by the unit
agenda-state-no-show = Person absent
agenda-state-transferred = Transferred to another unit
agenda-state-converted-in-person = Goes on in person

mail-moved-subject = Your appointment { $reference } is moved
mail-moved-body =
    Hello,

    Your appointment { $reference }, planned { $before }, is moved as you asked: { $when }, with { $unit }, { $unit_address }, { $unit_phone }.

    Your new personal link, which opens 30 minutes before:

    { $link }

    The former link no longer works. This link is for you alone; { $origin ->
        [declared] a code will be sent to you when you open it.
       *[franceconnect] you will be asked to sign in with FranceConnect.
    }

    In an emergency, call 17 or 112, or text 114.
sms-moved = VisioPlainte: appointment { $reference } moved, { $when }. Your new link: { $link }
mail-moved-by-unit-subject = The unit moved your appointment { $reference }
mail-moved-by-unit-body =
    Hello,

    The unit had to move your appointment { $reference }, planned { $before }. New date: { $when }, with { $unit }, { $unit_address }, { $unit_phone }.

    Your new personal link, which opens 30 minutes before:

    { $link }

    If this date does not suit you, choose another: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/deplacer
    }

    In an emergency, call 17 or 112, or text 114.
sms-moved-by-unit = VisioPlainte: the unit moved your appointment { $reference }, { $when }. Your new link: { $link } { $origin ->
        [declared] Another date: by this link.
       *[franceconnect] Another date: in your space.
    }
mail-cancelled-by-unit-subject = The unit cancelled your appointment { $reference }
mail-cancelled-by-unit-body =
    Hello,

    The unit had to cancel your appointment { $reference } ({ $when }, { $unit }). Reason: { $reason }. { $origin ->
        [declared] Its link opens no hearing any more.
       *[franceconnect] Its link no longer works.
    }

    What you declared is kept. Take another time: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    You can also call the unit ({ $unit_phone }), or go to the police station or gendarmerie of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-cancelled-by-unit = VisioPlainte: the unit had to cancel your appointment { $reference } ({ $when }). Take another time: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-late-subject = Your appointment { $reference } has begun
mail-late-body =
    Hello,

    Your appointment { $reference } was planned { $when }. You can still come in:

    { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/audition/{ $appointment }
    }

    If you cannot come, call the unit: { $unit_phone }.
sms-late = VisioPlainte: your appointment { $reference } has begun, you can still come in: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/audition/{ $appointment }
    }
mail-no-show-subject = Your appointment { $reference } did not take place
mail-no-show-body =
    Hello,

    You did not join the appointment { $reference } ({ $when }, { $unit }). { $origin ->
        [declared] Its link opens no hearing any more.
       *[franceconnect] Its link no longer works.
    } This has no consequence on your rights.

    What you declared is kept. Take another time: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    You can also go to the police station or gendarmerie of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-no-show = VisioPlainte: appointment { $reference } ({ $when }) did not take place. Take another time: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-unit-cancelled-subject = Appointment { $reference } cancelled by the person
mail-unit-cancelled-body =
    Appointment { $reference } ({ $when }, { $unit }) is cancelled by the person. Its time is offered again.

    The agenda: { $site }/agent
mail-unit-moved-subject = Appointment { $reference } moved by the person
mail-unit-moved-body =
    Appointment { $reference } is moved by the person: { $when }, { $unit }.

    The agenda: { $site }/agent

booking-earlier-title = An earlier time is kept for you
booking-earlier-until = This time is kept for you until { $until }. Then it is offered to the next person.
booking-earlier-held = { $moment }, kept until { $until }.
booking-earlier-answer = See this time and answer
booking-earlier-offered = Time offered
booking-earlier-text = If you take it, a new personal link is sent to you and your present time is given back.
booking-earlier-take = Take this time
booking-earlier-keep = Keep my present date
booking-earlier-hint = Would you prefer an earlier date? If somebody gives a time back, it is kept for you and you are told.
booking-earlier-ask = Tell me if an earlier time becomes free
booking-earlier-waiting = You will be told by e-mail and SMS if an earlier time becomes free.
booking-earlier-stop = Stop telling me
booking-earlier-over-title = This time is no longer kept for you
booking-earlier-over-text = The deadline has passed, or you have answered already. Your appointment stays at its date.
booking-earlier-too-late-title = This appointment can no longer be brought forward
booking-earlier-too-late-text = It is too close, or already took place. Its page says where it stands.
agenda-transfer = Transfer
agenda-transfer-title = Transfer appointment { $reference } to another unit
agenda-transfer-text = The case goes there whole, with all that the person declared. This appointment ends; the person is told and chooses a time of the other unit. Your unit has no access any more.
agenda-transfer-unit = Unit that receives the case
agenda-transfer-yes = Transfer the case
agenda-transfer-error = Choose the unit from the list.
agenda-transfer-errors = The case is not transferred
agenda-transfer-none-title = No other unit receives by video
agenda-transfer-none-text = No other unit of the department has a desk open.
agenda-done-transferred = The case is transferred. The person and the unit are told.
mail-earlier-subject = An earlier time for your appointment { $reference }
mail-earlier-body =
    Hello,

    A time has become free: { $offered }. It is kept for you until { $until }.

    To take it, or to keep your date ({ $when }): { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/plus-tot
    }

    Without an answer nothing changes: your appointment { $reference } stays at its date.
sms-earlier = VisioPlainte: an earlier time is kept for you, { $offered }. Answer before: { $until }. { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/{ $appointment }/plus-tot
    }
mail-transferred-subject = Your case { $reference } was given to another unit
mail-transferred-body =
    Hello,

    Your case { $reference } was given to { $other_unit }, { $other_address }, { $other_phone }. The appointment planned { $when } does not take place; { $origin ->
        [declared] its link opens no hearing any more.
       *[franceconnect] its link no longer works.
    }

    What you declared is kept. Choose a time with that unit: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }

    You can also go to the police station or gendarmerie of your choice.

    In an emergency, call 17 or 112, or text 114.
sms-transferred = VisioPlainte: your case { $reference } was given to another unit. Choose a new time: { $origin ->
        [declared] { $link }
       *[franceconnect] { $site }/rendez-vous/creneaux
    }
mail-unit-received-subject = Case { $reference } given to your unit
mail-unit-received-body =
    Case { $reference } was given to your unit. The person is invited to choose a time.

    The agenda: { $site }/agent
messages-template-moved = Appointment moved by the person
messages-template-moved-by-unit = Appointment moved by the unit
messages-template-earlier = Earlier time
messages-template-late = Appointment begun
messages-template-cancelled-by-unit = Cancellation by the unit
messages-template-transferred = Case given to another unit
messages-template-no-show = Absence
messages-template-unit-cancelled = To the unit: cancellation
messages-template-unit-moved = To the unit: move
messages-template-unit-received = To the unit: case received

# Appointments made through the scheduling interface: the person is unknown here.
agenda-anonymous = Person unknown to this service
agenda-anonymous-facts = Booked by another service
agenda-anonymous-note = Another service made this appointment and connects the person with you. Here you only note whether they were heard.
agenda-heard = Note the person as heard
agenda-done-heard = Noted: the person was heard.
mass-link = Call off several appointments
mass-title = Call off several appointments
mass-errors = Nothing is called off
mass-which = Appointments to call off
mass-look = See what will be called off
mass-preview = Appointments called off: { $count }
mass-preview-text = Nothing is done yet. Each person will be told at once, with the reason, and can take another time without beginning again. It cannot be undone.
mass-yes = Call these appointments off
mass-no = Call nothing off
mass-done = Appointments called off: { $count }. The people are told.
relink-link = Send a new link
relink-title = Send a new personal link: { $reference }
relink-text = The person gets a new link by the ways they gave. The former stops working at once, also for anybody else who may have it. If they are in already, they are not interrupted. Your number is written in the journal.
relink-yes = Send a new link
relink-no = Keep the present link
relink-done = A new link is on its way to the person; the former no longer works.
relink-own-link = I lost my personal link, or somebody saw it
relink-own-title = Get a new personal link
relink-own-text = We send you a new link, to the address and the number that you gave. The former will no longer work.
relink-own-without = You can also come in without a link: sign in to your space at the hour of the appointment and choose “Join”.
relink-back = Back to the appointment
relink-sent-title = Your new link is on its way
relink-sent-text = It usually arrives within a minute. The former no longer works. If it does not arrive, look among your unwanted mail.
refusal-relink-over-title = No link to send
refusal-relink-over-text = This appointment awaits no hearing any more: no link was sent.
refusal-relink-too-soon-title = A link was sent a moment ago
refusal-relink-too-soon-text = Wait a minute before you ask for another.
refusal-relink-too-often-title = Too many messages today
refusal-relink-too-often-text = Too many messages were sent today to this address or number. The present link still works, and so does your space.

mail-officer-given-subject = Hearing { $reference } is yours
mail-officer-given-body =
    Hearing { $reference } is yours to hold: { $when }, { $unit }.

    Your calendar: { $site }/agent?qui=moi
mail-officer-moved-subject = Your hearing { $reference } has moved
mail-officer-moved-body =
    Hearing { $reference }, which is yours to hold, has moved: { $when }, { $unit }.

    Your calendar: { $site }/agent?qui=moi
mail-officer-called-off-subject = Your hearing { $reference } does not take place
mail-officer-called-off-body =
    Hearing { $reference } ({ $when }, { $unit }), which was yours to hold, does not take place. You are not expected any more.

    Your calendar: { $site }/agent?qui=moi
mail-officer-taken-subject = Hearing { $reference } is no longer yours
mail-officer-taken-body =
    Hearing { $reference } ({ $when }, { $unit }) is no longer yours to hold. You are not expected any more.

    Your calendar: { $site }/agent?qui=moi
messages-template-officer-given = To the officer: hearing given
messages-template-officer-moved = To the officer: hearing moved
messages-template-officer-called-off = To the officer: hearing called off
messages-template-officer-taken = To the officer: hearing taken
