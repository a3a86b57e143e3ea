//! Telephone numbers: typed as people do, kept as E.164. The numbering plans
//! are the `phonenumber` library's; only the order in which France's own are
//! tried is ours.

use phonenumber::country::Id;

/// Plans that dial ten digits starting with 0: mainland first, then overseas.
/// Their ranges do not overlap, so the first in which a number is valid is its own.
const FRENCH_PLANS: [Id; 6] = [Id::FR, Id::RE, Id::GP, Id::MQ, Id::GF, Id::YT];

/// The number in E.164, if it is one that can exist.
#[must_use]
pub fn e164(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.len() > 40 || !typed.chars().all(may_stand_in_a_number) {
        return None;
    }
    // "00" is how a foreign number is dialled from France.
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let international = if typed.starts_with('+') {
        Some(format!(
            "+{}",
            digits
                .strip_prefix("330")
                .map_or(digits.clone(), |rest| format!("33{rest}"))
        ))
    } else {
        digits.strip_prefix("00").map(|rest| format!("+{rest}"))
    };
    let candidates = match international {
        Some(number) => vec![phonenumber::parse(None, number)],
        None => FRENCH_PLANS
            .iter()
            .map(|&plan| phonenumber::parse(Some(plan), &digits))
            .collect(),
    };
    candidates
        .into_iter()
        .flatten()
        .find(|number| phonenumber::is_valid(number) || is_fictional(number))
        .map(|number| number.format().mode(phonenumber::Mode::E164).to_string())
}

/// Mobile numbers kept for fiction, 06 39 98 … (ARCEP decision 2012-0856).
/// Nobody has one, so only the demonstration takes them: there they keep
/// whoever tries it from typing a stranger's number.
fn is_fictional(number: &phonenumber::PhoneNumber) -> bool {
    cfg!(feature = "sandbox")
        && number.code().value() == 33
        && number.national().value() / 10_000 == 63_998
}

fn may_stand_in_a_number(one: char) -> bool {
    one.is_ascii_digit()
        || matches!(
            one,
            '+' | ' ' | '.' | '-' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}'
        )
}

/// The number as people of its country read it, with its country code.
#[must_use]
pub fn readable(e164: &str) -> String {
    phonenumber::parse(None, e164).map_or_else(
        |_| e164.to_owned(),
        |number| {
            number
                .format()
                .mode(phonenumber::Mode::International)
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_france_overseas_and_abroad() {
        for (typed, expected) in [
            ("06 12 34 56 78", Some("+33612345678")),
            ("0612345678", Some("+33612345678")),
            ("06.12.34.56.78", Some("+33612345678")),
            ("+33 6 12 34 56 78", Some("+33612345678")),
            ("+33 (0)6 12 34 56 78", Some("+33612345678")),
            ("0033612345678", Some("+33612345678")),
            ("07\u{a0}81\u{a0}23\u{a0}45\u{a0}67", Some("+33781234567")),
            ("01 49 27 49 27", Some("+33149274927")),
            // Overseas, typed nationally.
            ("0692 12 34 56", Some("+262692123456")),
            ("0262 12 34 56", Some("+262262123456")),
            ("0690 30 12 34", Some("+590690301234")),
            ("0696 20 12 34", Some("+596696201234")),
            ("0694 20 12 34", Some("+594694201234")),
            ("0639 01 23 45", Some("+262639012345")),
            // Abroad.
            ("+687 75 12 34", Some("+687751234")),
            ("+689 87 12 34 56", Some("+68987123456")),
            ("+1 202 456 1111", Some("+12024561111")),
            ("00 32 470 12 34 56", Some("+32470123456")),
            ("+49 1512 3456789", Some("+4915123456789")),
            // Not numbers.
            ("17", None),
            ("116006", None),
            ("06 12 34 56", None),
            ("00 00 00 00 00", None),
            ("12345678901234567890", None),
            ("+", None),
            ("", None),
            ("jeanne", None),
            ("06 12 34 56 78 poste 12", None),
            ("+33612345678\r\nX", None),
        ] {
            assert_eq!(e164(typed), expected.map(str::to_owned), "{typed:?}");
        }
    }

    #[test]
    fn only_the_demonstration_takes_numbers_of_fiction() {
        let expected = cfg!(feature = "sandbox").then(|| "+33639981234".to_owned());
        assert_eq!(e164("06 39 98 12 34"), expected);
    }

    #[test]
    fn hostile_numbers_never_panic() {
        for typed in [
            "+++++",
            "((((((",
            "+0",
            "0",
            "00",
            "+999999999999999",
            "--------",
            "+33",
            "٠٦١٢٣٤٥٦٧٨",
        ] {
            assert_eq!(e164(typed), None, "{typed}");
        }
        assert_eq!(readable("not a number"), "not a number");
    }
}
