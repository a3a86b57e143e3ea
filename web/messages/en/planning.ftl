### The unit's calendar: week, month, day sheet, assignments, replacements, delays.

agenda-spans = Period shown
agenda-whoses = Appointments shown
agenda-span-jour = Day
agenda-span-semaine = Week
agenda-span-mois = Month
agenda-whose-unite = Whole unit
agenda-whose-moi = My hearings
agenda-previous-jour = Previous day
agenda-previous-semaine = Previous week
agenda-previous-mois = Previous month
agenda-next-jour = Next day
agenda-next-semaine = Next week
agenda-next-mois = Next month
agenda-week-title = Week from { $from } to { $to }
agenda-day-none = No appointment
agenda-month-total = Appointments this month: { $count }
agenda-month-day = { $day }: appointments { $count }
agenda-col-desk = Desk
agenda-col-officer = Officer
agenda-col-notes = Notes
agenda-grid = Grid of the week
agenda-grid-show = Show as a grid
agenda-grid-list = Show as a list
agenda-grid-keys = To move an appointment: drag it, or choose it with the keyboard, then Alt and an arrow, Enter to ask for the move, Escape to leave it. Nothing changes before you confirm.
agenda-grid-moved = New place: {"{"}moment{"}"}. Enter to ask for the move, Escape to leave it.
agenda-grid-kept = The appointment stays where it is.
agenda-grid-fixed = This appointment can no longer be moved.
agenda-sheet-link = Day sheet to print
agenda-sheet-title = Day sheet – { $day }
agenda-sheet-own = Hearings of officer RIO { $rio }
agenda-sheet-print = Print this page with your browser: File menu, Print, or Ctrl and P. It holds neither names nor facts.
agenda-sheet-made = Made on { $moment }.
agenda-sheet-destroy = To be destroyed at the end of the day.

banner-label = Next hearing
banner-later = Next hearing at { $time }
banner-may-open = Next hearing at { $time }, the room may be opened
banner-open = Hearing of { $time }, room open
banner-in-hearing = Hearing of { $time }, under way
banner-see = See the appointment
banner-go = Go to the hearing
banner-return = Return to the hearing

assign-rio = RIO { $rio }
assign-officer = RIO { $rio } – { $name }
assign-nobody = not assigned
assign-link = Assign hearings
assign-one-link = Assign
assign-title = Assign appointment { $reference }
assign-to = Officer
assign-hint = Nobody outside the unit is told: no name was given to anybody.
assign-choose = Choose
assign-yes = Assign
assign-done = The assignment is saved.
assign-errors = The appointment is not assigned
assign-error-none = Choose an officer from the list.
assign-error-state = This appointment is open, over or called off.
assign-error-unit = This officer is no longer empowered in the unit.
assign-error-busy = This officer has another hearing at that time.
assign-error-away = This officer is away at that time.
assign-error-row = { $reference }: { $why }
assign-error-no-appointment = Tick at least one appointment.
assign-all-title = Assign hearings
assign-all-done = The assignments are saved.
assign-all-errors = Nothing is assigned
assign-all-empty = No appointment to assign
assign-all-empty-text = Confirmed appointments still to come on that day appear here.
assign-day = Day
assign-every-desk = Every desk
assign-which = Appointments to assign
assign-ticked = Assign the ticked appointments
assign-whole = Assign all of the list
assign-not-for-role-title = For the unit’s administrators
assign-not-for-role-text = You can take a hearing from the appointment’s page. To assign your colleagues, ask an administrator of the unit.

replace-link = Replace somebody away
replace-title = Replace an officer who is away
replace-standing = Absences now and to come
replace-remove = Take the absence back
replace-new = New absence
replace-text = You first see their hearings and who can take them over. No reason is asked for. Nobody outside is told: neither hour nor unit changes.
replace-who = Officer who is away
replace-first-day = First day
replace-start = Start (optional)
replace-last-day = Last day (optional)
replace-end = End (optional)
replace-see = See the hearings to take over
replace-errors = Nothing is saved
replace-error-officer = Choose the officer who is away from the list.
replace-error-start = Give the first day, and a time in steps of five minutes.
replace-error-end = Give an end to come, after the start, within a year.
replace-when = from { $from } to { $to }
replace-when-label = Absence
replace-count = Hearings to take over
replace-preview-title = Hearings to take over
replace-preview-text = Only colleagues who are free at that time are offered. “Not assigned” leaves the hearing to the unit, without a name.
replace-none = No hearing of this officer is concerned. The absence keeps anybody from giving them one.
replace-yes = Save the absence and the handovers
replace-change = Change the absence
replace-back = Back to the absences
replace-done = The absence and the handovers are saved.
replace-done-removed = The absence is taken back. Hearings that were taken over stay with those who have them.
replace-former-officer = Officer no longer empowered here

delay-link = Tell that you are late
delay-title = Tell that appointment { $reference } begins late
delay-text = Whoever waits reads the new time on their page; whoever has not come yet receives it by e-mail and SMS. Until then nobody is noted as late or absent.
delay-legend = The hearing will begin at
delay-choice = { $time } ({ $minutes } minutes late)
delay-yes = Tell the person
delay-no = Change nothing
delay-errors = The person is not told
delay-error = Choose a time to come from the list.
delay-done = The person is told of the delay.
delay-begins = Announced start
room-delay = The officer is running late. The hearing will begin at about { $time }. You keep your place.

messages-template-delayed = The unit is late
mail-delayed-subject = Your appointment { $reference } will begin later
mail-delayed-body =
    Hello,

    The unit is running late. Your appointment { $reference }, set for { $when }, will begin { $begins }. We apologise.

    Your link does not change. You may enter the waiting room whenever you like: your place is kept.

    If this time does not suit you, call the unit: { $unit_phone }.
sms-delayed = VisioPlainte: your appointment { $reference } will begin { $begins }. Your link does not change.

feed-link = Subscribe to the calendar
feed-title = Subscribe to the calendar
feed-text = Your calendar program reads a secret address and keeps itself up to date. It finds hours, references and desks there and nothing else: no name, no facts. Give this address to nobody; replace it once it is known.
feed-made-title = Here is the address
feed-made-text = Copy it now into your calendar program (“subscribe to a calendar”). It will not be shown again. A former address no longer works.
feed-address = Address of the calendar
feed-none = No address was given.
feed-since = Address given on { $day }.
feed-read = Last read on { $day }.
feed-never-read = Not read yet.
feed-make = Make an address
feed-replace = Replace the address
feed-revoke = Revoke the address
feed-done-revoked = The address is revoked: it opens nothing any more.
feed-name = VisioPlainte – { $unit }
