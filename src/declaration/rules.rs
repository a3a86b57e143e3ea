//! What decides without a database: age, what is still missing before a slot,
//! and the reading of each thing a person types. Values and today in, answers out.

use chrono::{Datelike, NaiveDate};

use super::{Content, Declaration};
use crate::text_enum;

/// Longest short answer (names, place), in characters.
pub const MAX_LINE: usize = 200;
/// Longest statement of facts, in characters.
pub const MAX_STATEMENT: usize = 2_000;

/// Whether a person may declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Eighteen or more, or the date does not tell: the officer checks
    /// identity on camera, and nobody is turned away on a doubt.
    Adult,
    /// Under eighteen.
    Minor,
}

/// The age on a day, from FranceConnect's `YYYY-MM-DD`.
///
/// Presumed dates carry 01 (some sources 00, or nothing) for what is unknown:
/// the earliest day they can mean counts, in the person's favour. Whoever was
/// born on 29 February comes of age on the 28th where there is no 29th.
#[must_use]
pub fn age(birthdate: &str, today: NaiveDate) -> Age {
    let mut parts = birthdate.split('-');
    let year = parts.next().and_then(|part| part.parse::<i32>().ok());
    let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
    let month = number()
        .filter(|month| (1..=12).contains(month))
        .unwrap_or(1);
    let day = number().filter(|day| (1..=31).contains(day)).unwrap_or(1);
    let Some(year) = year.filter(|year| (1850..=9000).contains(year)) else {
        return Age::Adult;
    };
    let comes_of_age = NaiveDate::from_ymd_opt(year + 18, month, day)
        .or_else(|| NaiveDate::from_ymd_opt(year + 18, month, 28));
    match comes_of_age {
        Some(birthday) if birthday > today => Age::Minor,
        _ => Age::Adult,
    }
}

text_enum! {
    /// The first thing that still lacks before a slot can be chosen.
    MissingStep {
        /// Rights not read in their present version, or terms not accepted.
        Rights = "rights",
        /// No way to reach the person, or no address.
        Contact = "contact",
        /// Nobody receives the residents of this commune by video.
        Coverage = "coverage",
        /// No address or number given was confirmed by the code sent there.
        Code = "code",
        /// Nothing told of the facts.
        Facts = "facts",
    }
}

/// Address of the page where a missing step is done.
#[must_use]
pub fn path_of_step(step: MissingStep) -> &'static str {
    match step {
        MissingStep::Rights => "/declaration/droits",
        MissingStep::Contact => "/declaration/coordonnees",
        MissingStep::Coverage => "/declaration/hors-zone",
        MissingStep::Code => "/declaration/verification",
        MissingStep::Facts => "/declaration/faits",
    }
}

/// Whether a slot may be chosen for a declaration.
///
/// # Errors
/// The first step that is missing.
pub fn ready_for_slot(
    declaration: &Declaration,
    content: &Content,
    rights_version: &str,
    terms_version: &str,
) -> Result<(), MissingStep> {
    let rights = declaration.rights_version.as_deref() == Some(rights_version)
        && declaration.rights_seen_at.is_some()
        && declaration.terms_version.as_deref() == Some(terms_version)
        && declaration.terms_accepted_at.is_some();
    if !rights {
        return Err(MissingStep::Rights);
    }
    let nowhere = content.email.is_empty() && content.phone.is_empty();
    let homeless = content.address.is_empty() || content.city.is_empty();
    if nowhere || homeless || declaration.commune_code.is_none() {
        return Err(MissingStep::Contact);
    }
    if declaration.unit_id.is_none() {
        return Err(MissingStep::Coverage);
    }
    if !content.is_reachable() {
        return Err(MissingStep::Code);
    }
    let facts = [
        &content.statement,
        &content.facts_place,
        &content.author_known,
    ];
    if facts.iter().any(|field| field.is_empty()) {
        return Err(MissingStep::Facts);
    }
    Ok(())
}

/// What a person typed on one line: trimmed, without control characters,
/// runs of white space made one.
#[must_use]
pub fn line(typed: &str) -> String {
    typed
        .split_whitespace()
        .map(|word| {
            word.chars()
                .filter(|one| !one.is_control())
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a person typed on several lines: line ends made one kind, other
/// control characters dropped.
#[must_use]
pub fn paragraphs(typed: &str) -> String {
    typed
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|one| *one == '\n' || !one.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Whether a text is longer than allowed, counted as a person counts.
#[must_use]
pub fn too_long(text: &str, most: usize) -> bool {
    text.chars().count() > most
}

/// An e-mail address that a message can be sent to.
#[must_use]
pub fn email(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let address: lettre::Address = typed.parse().ok()?;
    // Any domain outside a private network has a dot; without one it is a slip.
    (typed.len() <= 254 && address.domain().contains('.')).then(|| address.to_string())
}

/// Why a day of the facts was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateError {
    /// It is no date.
    Unreadable,
    /// It has not come yet.
    Future,
    /// It is too long ago to be meant.
    TooOld,
}

/// The day of the facts, as `YYYY-MM-DD`. Browsers send that form; people
/// whose browser offers no calendar type `22/11/2026`.
///
/// # Errors
/// Why the day is not taken.
pub fn facts_date(typed: &str, today: NaiveDate) -> Result<String, DateError> {
    let typed = typed.trim();
    let date = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(typed, format).ok())
        .filter(|date| (1..=9999).contains(&date.year()))
        .ok_or(DateError::Unreadable)?;
    if date > today {
        Err(DateError::Future)
    } else if date.year() < 1920 {
        Err(DateError::TooOld)
    } else {
        Ok(date.format("%Y-%m-%d").to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::clock::Timestamp;

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
    }

    #[test]
    fn only_adults_declare_and_a_doubt_favours_the_person() {
        for (birthdate, today, expected) in [
            ("1962-08-24", "2026-11-22", Age::Adult),
            ("2008-11-22", "2026-11-22", Age::Adult),
            ("2008-11-23", "2026-11-22", Age::Minor),
            ("2015-01-01", "2026-11-22", Age::Minor),
            // Presumed dates.
            ("2008-01-01", "2026-01-01", Age::Adult),
            ("2008-00-00", "2026-01-01", Age::Adult),
            ("2008", "2026-01-01", Age::Adult),
            ("2008-12", "2026-11-30", Age::Minor),
            // 29 February.
            ("2008-02-29", "2026-02-27", Age::Minor),
            ("2008-02-29", "2026-02-28", Age::Adult),
            // What is no date refuses nobody and never panics.
            ("", "2026-11-22", Age::Adult),
            ("abc", "2026-11-22", Age::Adult),
            ("2147483647-01-01", "2026-11-22", Age::Adult),
            ("2020-99-99", "2026-11-22", Age::Minor),
        ] {
            assert_eq!(
                age(birthdate, day(today)),
                expected,
                "{birthdate} on {today}"
            );
        }
    }

    fn complete() -> (Declaration, Content) {
        let declaration = Declaration {
            case_id: "case".into(),
            citizen_id: "citizen".into(),
            unit_id: Some("u-78-police".into()),
            received_for: None,
            commune_code: Some("78208".into()),
            offence: "vol".into(),
            catalogue_version: "1".into(),
            language: "fr".into(),
            rights_version: Some("2".into()),
            rights_seen_at: Some(Timestamp(1)),
            terms_version: Some("3".into()),
            terms_accepted_at: Some(Timestamp(1)),
            updated_at: Timestamp(1),
            submitted_at: None,
        };
        let content = Content {
            email: "a@exemple.fr".into(),
            phone: "+33612345678".into(),
            address: "1 rue".into(),
            city: "Élancourt".into(),
            facts_place: "rue".into(),
            author_known: "no".into(),
            statement: "On m’a volé.".into(),
            ..Content::default()
        };
        (declaration, content)
    }

    #[test]
    fn the_first_missing_step_is_named() {
        type Change = fn(&mut Declaration, &mut Content);
        let cases: [(Change, Result<(), MissingStep>); 21] = [
            (|_, _| (), Ok(())),
            (|one, _| one.rights_version = None, Err(MissingStep::Rights)),
            (
                |one, _| one.rights_version = Some("1".into()),
                Err(MissingStep::Rights),
            ),
            (|one, _| one.rights_seen_at = None, Err(MissingStep::Rights)),
            (
                |one, _| one.terms_version = Some("2".into()),
                Err(MissingStep::Rights),
            ),
            (
                |one, _| one.terms_accepted_at = None,
                Err(MissingStep::Rights),
            ),
            (|_, told| told.email.clear(), Ok(())),
            (|_, told| told.phone.clear(), Ok(())),
            (
                |_, told| {
                    told.email.clear();
                    told.phone.clear();
                },
                Err(MissingStep::Contact),
            ),
            // One confirmed way is enough, whichever; the other is not used.
            (|_, told| told.email_awaits_code = true, Ok(())),
            (|_, told| told.phone_awaits_code = true, Ok(())),
            (
                |_, told| {
                    told.email_awaits_code = true;
                    told.phone_awaits_code = true;
                },
                Err(MissingStep::Code),
            ),
            (
                |_, told| {
                    told.email_awaits_code = true;
                    told.phone.clear();
                },
                Err(MissingStep::Code),
            ),
            (
                |one, told| {
                    one.unit_id = None;
                    told.email_awaits_code = true;
                    told.phone_awaits_code = true;
                },
                Err(MissingStep::Coverage),
            ),
            (|_, told| told.city.clear(), Err(MissingStep::Contact)),
            (|_, told| told.address.clear(), Err(MissingStep::Contact)),
            (|one, _| one.commune_code = None, Err(MissingStep::Contact)),
            (|one, _| one.unit_id = None, Err(MissingStep::Coverage)),
            (|_, told| told.statement.clear(), Err(MissingStep::Facts)),
            (|_, told| told.author_known.clear(), Err(MissingStep::Facts)),
            (
                |one, told| {
                    one.rights_version = None;
                    told.statement.clear();
                },
                Err(MissingStep::Rights),
            ),
        ];
        for (index, (change, expected)) in cases.into_iter().enumerate() {
            let (mut declaration, mut content) = complete();
            change(&mut declaration, &mut content);
            assert_eq!(
                ready_for_slot(&declaration, &content, "2", "3"),
                expected,
                "case {index}"
            );
        }
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        let today = day("2026-11-22");
        for (typed, expected) in [
            ("2026-11-22", Ok("2026-11-22")),
            (" 21/11/2026 ", Ok("2026-11-21")),
            ("1.2.2020", Ok("2020-02-01")),
            ("2026-11-23", Err(DateError::Future)),
            ("1919-12-31", Err(DateError::TooOld)),
            ("2026-02-30", Err(DateError::Unreadable)),
            ("hier", Err(DateError::Unreadable)),
            ("", Err(DateError::Unreadable)),
            ("99999999999-01-01", Err(DateError::Unreadable)),
        ] {
            assert_eq!(
                facts_date(typed, today),
                expected.map(str::to_owned),
                "{typed}"
            );
        }
    }

    #[test]
    fn typed_text_is_tidied_and_kept() {
        assert_eq!(line("  Jean \t\u{0}-Paul\n  "), "Jean -Paul");
        assert_eq!(line("\u{7}\u{0}"), "");
        assert_eq!(paragraphs(" a\r\nb\rc\u{0}\u{1b}[31m \n"), "a\nb\nc[31m");
        assert!(!too_long("ééé", 3));
        assert!(too_long("ééé", 2));
    }

    #[test]
    fn an_email_address_can_be_written_to() {
        for (typed, expected) in [
            ("jeanne@exemple.fr", Some("jeanne@exemple.fr")),
            (" jeanne.d+x@exemple.fr ", Some("jeanne.d+x@exemple.fr")),
            ("jeanne@exemple", None),
            ("jeanne", None),
            ("a@b.fr\r\nBcc: c@d.fr", None),
            ("", None),
        ] {
            assert_eq!(email(typed), expected.map(str::to_owned), "{typed}");
        }
    }
}
