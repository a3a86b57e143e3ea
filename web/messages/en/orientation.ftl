### Is this the right place? A few questions, then the way on.

orientation-title = Find the right way
orientation-error-prefix = Error:{" "}
orientation-lead = Five simple questions to guide you to the right service. There is no wrong answer.
orientation-privacy = Your answers are not stored. You can go back and change them.
orientation-errors-title = An answer is missing
orientation-danger = Are you in danger right now?
orientation-danger-hint = For example: the offender is near you, someone is hurt, the theft is going on.
orientation-danger-error = Tell us whether you are in danger right now.
orientation-nature = What happened?
orientation-nature-hint = Choose what is closest to your situation. The officer will work out the details with you.
orientation-nature-error = Choose what is closest to what happened.
orientation-online = Did it happen on the Internet?
orientation-online-hint = For example on a website, in an app, on a social network or by e-mail.
orientation-online-error = Tell us whether it happened on the Internet, or choose “I do not know”.
orientation-author = Do you know the offender’s name?
orientation-author-hint = First name and last name. If you only have a description or a telephone number, answer “No”.
orientation-author-error = Tell us whether you know the offender’s name, or choose “I do not know”.
orientation-card = If it is about your bank card: do you still have the card?
orientation-card-hint = Leave this blank if it is not about your bank card.
orientation-card-error = Tell us whether you still have your bank card, or choose “I do not know”.
orientation-answer-yes = Yes
orientation-answer-no = No
orientation-answer-unsure = I do not know
orientation-submit = See what we advise
orientation-outcome-title = What we advise
orientation-back = Change my answers
orientation-in-person = File a complaint in person
orientation-continue = Go on to the video appointment
orientation-all-the-same-title = Would you rather talk to an officer?
orientation-all-the-same-text = That is your right. You can also file your complaint by video, even if we advise another service.
orientation-all-the-same = Continue by video all the same
orientation-come-title = Would you rather come in person?
orientation-come-text = You can file a complaint at the police station or gendarmerie of your choice, whatever happened.
orientation-advice-heading = Good to know

orientation-emergency-title = Call the emergency services now
orientation-emergency-why = VisioPlainte is not for emergencies. The police or gendarmerie can come at once if you call.
orientation-emergency-how = If you cannot speak, text 114: say where you are and what is happening. It is free, day and night. Get to safety if you can.
orientation-emergency-17 = Call 17 (police, gendarmerie)
orientation-emergency-112 = Call 112 (all emergencies)
orientation-emergency-114 = Text 114
orientation-emergency-after = The danger is over: change my answer

orientation-sexual_violence-title = You are not alone: trained people can help you
orientation-sexual_violence-why = What happened to you is not your fault. The law provides that an officer sees you in person, in a quiet place, with someone beside you if you wish.
orientation-sexual_violence-how = You can talk about it now, even without filing a complaint, even a long time afterwards.
orientation-sexual_violence-link = Chat with a trained police officer or gendarme
orientation-sexual-recent-title = If it has just happened
orientation-sexual-recent-call = Call 17. A team can come.
orientation-sexual-recent-clothes = Keep the clothes you were wearing, unwashed, in a paper bag.
orientation-sexual-recent-wash = If you can, do not wash before you have seen a doctor.
orientation-sexual-recent-hospital = Go to a hospital’s emergency department. They can treat you and collect evidence, even if you have not yet decided to file a complaint.
orientation-sexual-recent-messages = Keep messages, photos and the names of witnesses.
orientation-sexual-talk-title = Talk to someone, day or night
orientation-sexual-talk-text = The chat is free and open 24 hours a day. You need not give your name. You can erase the conversation from your device at any time.
orientation-sexual-complaint-title = File a complaint
orientation-sexual-complaint-text = For these facts the complaint is taken in person, at the police station or gendarmerie of your choice. You can ask for an appointment and come with someone you trust or a lawyer.

orientation-family_violence-title = Trained people can help you now
orientation-family_violence-why = Violence in the couple or the family is against the law. Specially trained police officers and gendarmes answer by chat, day and night.
orientation-family_violence-how = They can advise you, prepare your complaint and help you to safety. It is free and you can stay anonymous.
orientation-family_violence-link = Open the chat “Arrêtons les violences”

orientation-victims_chat-title = We advise: the victims’ chat
orientation-victims_chat-why = For these facts, specially trained police officers and gendarmes answer by chat, day and night.
orientation-victims_chat-how = They listen, tell you how to keep evidence and guide you towards a complaint. It is free and you can stay anonymous.
orientation-victims_chat-link = Open the victims’ chat

orientation-perceval-title = We advise: Perceval
orientation-perceval-why = Your card was used without your consent while you still have it. Perceval is made for that: you get a receipt for your bank.
orientation-perceval-how = First call your bank to block the card. Then fill in Perceval with FranceConnect, your statements and your card number at hand. Perceval is for private individuals only.
orientation-perceval-link = Go to Perceval

orientation-thesee-title = We advise: Thésée
orientation-thesee-why = Internet scams are handled by a specialised police service. Its online complaint is called Thésée.
orientation-thesee-how = You answer a questionnaire with FranceConnect. Have website addresses, messages and proofs of payment ready. Thésée is for private individuals only.
orientation-thesee-link = Go to Thésée

orientation-pharos-title = We advise: Pharos
orientation-pharos-why = Pharos is where you report illegal public content on the Internet. Officers check it and can have it taken down.
orientation-pharos-how = Copy the exact address of the page and take a screenshot. You can report without giving your name. A report is not a complaint: if the content is aimed at you, file a complaint too.
orientation-pharos-link = Go to Pharos

orientation-seventeen_cyber-title = We advise: 17Cyber
orientation-seventeen_cyber-why = 17Cyber works out with you what happened and tells you what to do at once to protect your devices and accounts.
orientation-seventeen_cyber-how = The service is free, open day and night. You can chat with a police officer or gendarme, then be guided to the right complaint.
orientation-seventeen_cyber-link = Go to 17Cyber

orientation-plainte_en_ligne-title = We advise: the written online complaint
orientation-plainte_en_ligne-why = For these facts, when the offender’s name is not known, you can file a complaint in writing, without an appointment.
orientation-plainte_en_ligne-how = You fill in a form with FranceConnect and add your photos and invoices. A police officer or gendarme checks it and sends you the complaint.
orientation-plainte_en_ligne-link = Go to the online complaint

orientation-unit-title = We advise: come in person soon
orientation-unit-why = The quickest way is to go to a police station or gendarmerie: the vehicle is entered at once in the file of stolen vehicles.
orientation-unit-how = Bring the registration document if you have it, your insurance and an identity document. You may go to the unit of your choice.

orientation-video-title = You are in the right place
orientation-video-why = You can file your complaint by video with a police officer or gendarme.
orientation-video-how = What comes next: sign in with FranceConnect, read your rights, say briefly what happened, then choose an appointment. Allow ten minutes.

orientation-advice-goods-title = Get your proofs ready
orientation-advice-goods = Invoices, photos, serial numbers: you will be able to state what you lost and send these documents.
orientation-advice-traces-title = Touch nothing
orientation-advice-traces = If you can, do not tidy or clean before calling 17: traces may be collected.
orientation-advice-injuries-title = Have your injuries recorded
orientation-advice-injuries = See a doctor or an emergency department and ask for a certificate describing your injuries, even if they seem slight. The officer can also send you to a forensic medical unit: you would then have to come in person.
orientation-advice-vehicle-title = Tell your insurer
orientation-advice-vehicle = Most insurers ask to be told within two working days.
orientation-advice-bank-title = Block your card
orientation-advice-bank = Call your bank to block the card before anything else.
orientation-advice-proofs-title = Keep the evidence
orientation-advice-proofs = Delete nothing. Keep messages, e-mails, page addresses and screenshots.
orientation-advice-record-title = Complaint or “main courante”?
orientation-advice-record = A complaint asks for an investigation. A “main courante” only keeps a record of what happened; it is made in person. If what happened is an offence, nobody may refuse your complaint.
orientation-prescription-title = How long do I have?
orientation-prescription = In most cases you have 6 years after the facts for an offence called “délit”, 1 year for a minor one. Some time limits are shorter or longer: do not wait.

orientation-help-title = Free numbers that can help you
orientation-help-3919 = 3919: violence against women, day and night
orientation-help-116006 = 116 006: victim support, 7 days a week, 9 a.m. to 8 p.m.
orientation-help-119 = 119: child in danger, day and night
orientation-help-114 = Text 114: emergency, if you cannot speak
