//! The decision: answers in, outcome out. Pure; it reads the catalogue it is
//! given and knows neither pages nor messages.

use super::catalogue::{Catalogue, Offence};
use crate::text_enum;

text_enum! {
    /// An answer to a plain question.
    Answer {
        /// Yes.
        Yes = "yes",
        /// No.
        No = "no",
        /// "I do not know", or the question was left alone.
        Unsure = "unsure",
    }
}

impl Answer {
    /// The word the page's forms and addresses use.
    #[must_use]
    pub fn in_french(self) -> &'static str {
        match self {
            Answer::Yes => "oui",
            Answer::No => "non",
            Answer::Unsure => "ne-sais-pas",
        }
    }

    /// The answer a French word stands for.
    #[must_use]
    pub fn parse_french(word: &str) -> Option<Self> {
        Answer::ALL
            .iter()
            .copied()
            .find(|answer| answer.in_french() == word)
    }
}

text_enum! {
    /// Where the orientation leads.
    Outcome {
        /// Danger now: 17, 112, 114. Nothing else is offered.
        Emergency = "emergency",
        /// Sexual violence: help, evidence, an appointment in person (CPP R. 2-25 II).
        SexualViolence = "sexual_violence",
        /// Violence in the couple or family: help first, video all the same.
        FamilyViolence = "family_violence",
        /// The victims' chat (PNAV).
        VictimsChat = "victims_chat",
        /// Card fraud, card still held.
        Perceval = "perceval",
        /// Online fraud.
        Thesee = "thesee",
        /// Illegal public content.
        Pharos = "pharos",
        /// Diagnosis for victims of digital attacks.
        SeventeenCyber = "seventeen_cyber",
        /// Written complaint: property, author unknown.
        PlainteEnLigne = "plainte_en_ligne",
        /// Better in a unit, and soon.
        Unit = "unit",
        /// Complaint by video.
        Video = "video",
    }
}

impl Outcome {
    /// Whether the way to a complaint by video is closed here. Everywhere else
    /// another service is advised and never imposed.
    #[must_use]
    pub fn closes_video(self) -> bool {
        matches!(self, Outcome::Emergency | Outcome::SexualViolence)
    }
}

/// What the person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers<'a> {
    /// Whether they are in danger at this moment.
    pub danger: Answer,
    /// What happened; absent only when the danger decides alone.
    pub offence: Option<&'a Offence>,
    /// Whether it happened on the Internet.
    pub online: Answer,
    /// Whether they know precisely who did it.
    pub author: Answer,
    /// Whether they still hold the bank card.
    pub card: Answer,
}

/// Where these answers lead, and the rule that decided.
///
/// The last rule of a valid catalogue matches everything
/// ([`Catalogue::check`]), so every combination ends somewhere.
#[must_use]
pub fn decide<'c>(catalogue: &'c Catalogue, answers: &Answers<'_>) -> (Outcome, &'c str) {
    catalogue
        .rules
        .iter()
        .find(|rule| rule.when.holds(answers))
        .map_or((Outcome::Video, "none"), |rule| {
            (rule.outcome, rule.id.as_str())
        })
}

/// Whether a nature of facts may go on to a complaint by video when nobody is
/// in danger. Asked again by whoever receives a nature in an address.
#[must_use]
pub fn allows_video(catalogue: &Catalogue, offence: &Offence) -> bool {
    let each = Answer::ALL;
    each.iter().any(|&online| {
        each.iter().any(|&author| {
            each.iter().any(|&card| {
                let answers = Answers {
                    danger: Answer::No,
                    offence: Some(offence),
                    online,
                    author,
                    card,
                };
                !decide(catalogue, &answers).0.closes_video()
            })
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::catalogue::catalogue;
    use super::*;

    #[test]
    fn every_combination_of_answers_ends_somewhere() {
        let catalogue = catalogue();
        let mut cells = 0;
        let mut met = std::collections::BTreeSet::new();
        let mut rules = std::collections::BTreeSet::new();
        for offence in catalogue.offences.iter().map(Some).chain([None]) {
            for &danger in &[Answer::Yes, Answer::No] {
                for &online in Answer::ALL {
                    for &author in Answer::ALL {
                        for &card in Answer::ALL {
                            let answers = Answers {
                                danger,
                                offence,
                                online,
                                author,
                                card,
                            };
                            let (outcome, rule) = decide(catalogue, &answers);
                            assert_ne!(rule, "none", "{answers:?}");
                            assert_eq!(
                                outcome == Outcome::Emergency,
                                danger == Answer::Yes,
                                "danger and nothing else is an emergency: {answers:?}"
                            );
                            met.insert(outcome);
                            rules.insert(rule);
                            cells += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(cells, (catalogue.offences.len() + 1) * 54);
        assert_eq!(
            met.len(),
            Outcome::ALL.len(),
            "an outcome that nothing reaches"
        );
        assert_eq!(
            rules.len(),
            catalogue.rules.len(),
            "a rule that decides nothing"
        );
    }

    #[test]
    fn only_sexual_violence_closes_the_video() {
        let catalogue = catalogue();
        for offence in &catalogue.offences {
            assert_eq!(
                allows_video(catalogue, offence),
                offence.code != "violences-sexuelles",
                "{}",
                offence.code
            );
        }
    }

    /// danger, nature, online, author known, card held → outcome, and why.
    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str, &str, &str, Outcome, &str)] = &[
        ("oui", "vol", "non", "non", "", Outcome::Emergency, "CGU art. 2: the service is not for emergencies"),
        ("oui", "violences-sexuelles", "", "", "", Outcome::Emergency, "D8-2-4: recent assault, call at once"),
        ("oui", "", "", "", "", Outcome::Emergency, "S2 art. 3: no other question is needed"),
        ("non", "violences-sexuelles", "non", "oui", "", Outcome::SexualViolence, "R. 2-25 II"),
        ("non", "violences-sexuelles", "oui", "non", "", Outcome::SexualViolence, "D8-2-2: whatever the means"),
        ("non", "violences-famille", "non", "oui", "", Outcome::FamilyViolence, "AMF: PNAV, domestic violence"),
        ("non", "carte-bancaire", "oui", "non", "oui", Outcome::Perceval, "S1 case 1: card still held"),
        ("non", "carte-bancaire", "oui", "non", "non", Outcome::PlainteEnLigne, "S1 case 1: card stolen"),
        ("non", "carte-bancaire", "non", "oui", "non", Outcome::Video, "S1: PEL is for unknown authors only"),
        ("non", "carte-bancaire", "non", "non", "oui", Outcome::Video, "S1: Perceval is for online use"),
        ("non", "escroquerie", "oui", "non", "", Outcome::Thesee, "S1 case 2; D8-2-1 III 1°"),
        ("non", "escroquerie", "non", "non", "", Outcome::PlainteEnLigne, "S1: fraud outside the Internet"),
        ("non", "escroquerie", "non", "oui", "", Outcome::Video, "S1: PEL needs an unknown author"),
        ("non", "chantage", "oui", "non", "", Outcome::Thesee, "D8-2-1 III 2°"),
        ("non", "chantage", "non", "non", "", Outcome::PlainteEnLigne, "S1: other property offences"),
        ("non", "piratage-compte", "oui", "non", "", Outcome::Thesee, "S1 case 2: mailbox or social account"),
        ("non", "piratage-appareil", "oui", "non", "", Outcome::SeventeenCyber, "AMF: 17Cyber"),
        ("non", "usurpation", "oui", "non", "", Outcome::SeventeenCyber, "AMF: 17Cyber"),
        ("non", "injures", "oui", "non", "", Outcome::Pharos, "FAQ: online defamatory speech"),
        ("non", "injures", "non", "oui", "", Outcome::Video, "FAQ: all offences are accepted"),
        ("non", "contenu-illicite", "oui", "ne-sais-pas", "", Outcome::Pharos, "facts 4: PHAROS"),
        ("non", "harcelement", "oui", "oui", "", Outcome::VictimsChat, "AMF: PNAV, cyber-harassment"),
        ("non", "harcelement", "non", "oui", "", Outcome::Video, "FAQ: all offences are accepted"),
        ("non", "discrimination", "non", "oui", "", Outcome::VictimsChat, "AMF: PNAV, discrimination"),
        ("non", "vol", "non", "non", "", Outcome::PlainteEnLigne, "S1: theft, author unknown"),
        ("non", "vol", "non", "ne-sais-pas", "", Outcome::PlainteEnLigne, "S1: clues do not count as known"),
        ("non", "vol", "non", "oui", "", Outcome::Video, "S1: author named"),
        ("non", "cambriolage", "non", "non", "", Outcome::PlainteEnLigne, "S1: burglary"),
        ("non", "vol-violence", "non", "non", "", Outcome::Video, "S1: not fully online with violence"),
        ("non", "vol-vehicule", "non", "non", "", Outcome::Unit, "S1: registered vehicle, unit as soon as possible"),
        ("non", "degradation", "non", "non", "", Outcome::PlainteEnLigne, "D8-2-1 II 2°"),
        ("non", "delit-de-fuite", "non", "non", "", Outcome::PlainteEnLigne, "D8-2-1 II 3°"),
        ("non", "delit-de-fuite", "non", "oui", "", Outcome::Video, "S1: author known"),
        ("non", "violences", "non", "oui", "", Outcome::Video, "FAQ: all offences are accepted"),
        ("non", "menaces", "oui", "oui", "", Outcome::Video, "FAQ: all offences are accepted"),
        ("non", "autre", "ne-sais-pas", "ne-sais-pas", "", Outcome::Video, "FAQ: all offences are accepted"),
    ];

    #[test]
    fn cases_written_from_the_sources() {
        let catalogue = catalogue();
        let answer = |word: &str| Answer::parse_french(word).unwrap_or(Answer::Unsure);
        for &(danger, nature, online, author, card, expected, why) in CASES {
            let answers = Answers {
                danger: answer(danger),
                offence: catalogue.offence(nature),
                online: answer(online),
                author: answer(author),
                card: answer(card),
            };
            assert_eq!(decide(catalogue, &answers).0, expected, "{nature}: {why}");
        }
    }
}
