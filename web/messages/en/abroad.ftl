### For people who live abroad.

abroad-title = You live abroad
abroad-errors = The place of the facts is missing
abroad-lead = The place of the facts decides which unit receives you by video.
abroad-place = Where did it happen?
abroad-place-france = In France, or online from France
abroad-place-etranger = Abroad
abroad-commune = Commune of the facts, if they happened in France
abroad-commune-hint = Name or postal code. Online: the commune where you were, or that of the author if you know it
abroad-error-place = Say where it happened.
abroad-error-commune = Give the commune of the facts.
abroad-not-received = Nobody receives by video for { $commune }
abroad-not-received-text = You can lodge a complaint in person at any police station or gendarmerie in France, or by letter to the public prosecutor.
abroad-consulate-lead = For what happened abroad, the police of that country are the first who can act. The video service cannot investigate there.
abroad-there-title = On the spot
abroad-there-police = Report it to the police of the country where it happened, and keep a copy.
abroad-there-urgent = In danger, call the country’s emergency number: 112 in the whole European Union.
abroad-there-translation = If you do not speak the language, ask the consulate for a list of translators and lawyers.
abroad-consulate-title = The French consulate
abroad-consulate-text = The French consulate or embassy in that country tells you how to report it there, informs your family if you wish, and gives a list of lawyers, doctors and interpreters. It does not take your complaint in place of the police and does not investigate.
abroad-consulate-find = Find the embassy or consulate
abroad-france-title = In France
abroad-france-person = If you are French, or the author is, you can also lodge a complaint in France when you return, at the police station or gendarmerie of your choice.
abroad-france-letter = You can write to the public prosecutor at the tribunal judiciaire of Paris, or of your last home in France.
abroad-video-title = What video cannot do
abroad-video-text = The officer can neither gather evidence abroad, nor ask for footage or witnesses there, nor protect anybody outside France. That is why no time is offered for such facts.
abroad-back = It happened in France
