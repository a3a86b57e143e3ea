//! Reading what a call asks, from its query string. Pure. Hostile input is normal: what
//! cannot be read is refused by its name, nothing is guessed, and every list has an end.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use chrono_tz::Tz;

use super::errors::ApiError;
use crate::calendar::recurrence::instant_of;
use crate::clock::Timestamp;

/// Most numbers in one list.
pub const MOST_NUMBERS: usize = 200;
/// Most parameters read.
const MOST_PARAMETERS: usize = 2 * MOST_NUMBERS + 10;

/// The parameters of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// Reads a query string.
    ///
    /// # Errors
    /// 400 when there are too many parameters.
    pub fn of(query: Option<&str>) -> Result<Self, ApiError> {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs: Vec<(String, String)> = pairs.take(MOST_PARAMETERS + 1).map(owned).collect();
        if pairs.len() > MOST_PARAMETERS {
            let message = "scheduling-error-many-parameters";
            return Err(ApiError::of(StatusCode::BAD_REQUEST, message));
        }
        Ok(Asked(pairs))
    }

    /// A parameter that may be left out; empty is as if it were.
    ///
    /// # Errors
    /// 400 when it is there twice.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut found = self.0.iter().filter(|(found, _)| found == name);
        let first = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            return Err(ApiError::parameter("scheduling-error-repeated", name));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// A date that must be there, as `2024-08-19`.
    ///
    /// # Errors
    /// 400 when it is missing, or none.
    pub fn day(&self, name: &str) -> Result<NaiveDate, ApiError> {
        let text = self
            .text(name)?
            .ok_or_else(|| ApiError::parameter("scheduling-error-missing", name))?;
        day(text).ok_or_else(|| ApiError::parameter("scheduling-error-day", name))
    }

    /// An instant in ISO 8601 that may be left out.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn instant(&self, name: &str, zone: Tz) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        instant(text, zone)
            .map(Some)
            .ok_or_else(|| ApiError::parameter("scheduling-error-instant", name))
    }

    /// The numbers of a list such as `ids[]`.
    ///
    /// # Errors
    /// 400 when one is none, or there are too many.
    pub fn numbers(&self, name: &str) -> Result<Vec<i64>, ApiError> {
        let told = self.0.iter().filter(|(found, _)| found == name);
        let mut numbers = Vec::new();
        for (_, value) in told {
            let number = number(value);
            numbers
                .push(number.ok_or_else(|| ApiError::parameter("scheduling-error-number", name))?);
        }
        if numbers.len() > MOST_NUMBERS {
            return Err(ApiError::parameter("scheduling-error-many-numbers", name));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

fn owned(
    (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>),
) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

/// A number that could be one of ours.
#[must_use]
pub fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.filter(|number| *number > 0)
}

/// A day of a century that calendars here reach.
fn day(text: &str) -> Option<NaiveDate> {
    let shaped = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let written = text.len() == 10 && text.bytes().enumerate().all(shaped);
    let day = written.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d"));
    day?.ok().filter(|day| within(*day))
}

/// Where arithmetic on instants and zones is sure to hold.
fn within(day: NaiveDate) -> bool {
    use chrono::Datelike;
    (1970..=2199).contains(&day.year())
}

/// An instant: with its offset, or on the clock of the zone without one. The `+` of an
/// offset that nobody escaped has become a space on its way; it is one again here.
fn instant(text: &str, zone: Tz) -> Option<Timestamp> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    let mended = match text.rsplit_once(' ') {
        Some((before, offset))
            if before.len() >= 16 && offset.bytes().all(|b| b.is_ascii_digit() || b == b':') =>
        {
            format!("{before}+{offset}")
        }
        _ => text.to_owned(),
    };
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %z",
    ] {
        if let Ok(found) = DateTime::parse_from_str(&mended, form) {
            return within(found.naive_utc().date()).then(|| Timestamp(found.timestamp_millis()));
        }
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, form) {
            return on_the_wall(wall, zone);
        }
    }
    day(text).and_then(|day| on_the_wall(day.and_time(NaiveTime::MIN), zone))
}

fn on_the_wall(wall: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    if !within(wall.date()) {
        return None;
    }
    let minute = i64::from(wall.hour() * 60 + wall.minute());
    let seconds = i64::from(wall.second());
    Some(instant_of(wall.date(), minute, zone).plus_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::of(Some(query)).unwrap()
    }

    fn words(error: ApiError) -> String {
        match error {
            ApiError::Refused(status, words) => format!("{} {words}", status.as_u16()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn days_are_read_as_they_are_written_and_in_no_other_way() {
        let good = NaiveDate::from_ymd_opt(2024, 8, 19);
        assert_eq!(asked("d=2024-08-19").day("d").ok(), good);
        assert_eq!(asked("d=2024%2D08%2D19&x=1").day("d").ok(), good);
        for (query, said) in [
            ("", "400 Le paramètre d est manquant."),
            ("d=", "400 Le paramètre d est manquant."),
            (
                "d=2024-08-19&d=2024-08-20",
                "400 Le paramètre d est donné plusieurs fois : donnez-le une fois.",
            ),
            (
                "d=2024-02-30",
                "400 Le paramètre d n’est pas une date : écrivez-la AAAA-MM-JJ, par exemple 2024-08-19.",
            ),
            (
                "d=19/08/2024",
                "400 Le paramètre d n’est pas une date : écrivez-la AAAA-MM-JJ, par exemple 2024-08-19.",
            ),
            (
                "d=9999-01-01",
                "400 Le paramètre d n’est pas une date : écrivez-la AAAA-MM-JJ, par exemple 2024-08-19.",
            ),
            (
                "d=%2B2024-08-9",
                "400 Le paramètre d n’est pas une date : écrivez-la AAAA-MM-JJ, par exemple 2024-08-19.",
            ),
            (
                "d=2024-08-1%00",
                "400 Le paramètre d n’est pas une date : écrivez-la AAAA-MM-JJ, par exemple 2024-08-19.",
            ),
        ] {
            assert_eq!(words(asked(query).day("d").unwrap_err()), said, "{query}");
        }
    }

    #[test]
    fn instants_are_read_with_an_offset_or_on_the_clock_of_the_unit() {
        let eight = Some(Timestamp(1_724_047_200_000));
        let paris = chrono_tz::Europe::Paris;
        for text in [
            "2024-08-19T08:00:00+02:00",
            "2024-08-19T08:00:00%2B02:00",
            "2024-08-19T06:00:00Z",
            "2024-08-19T06:00:00.000Z",
            "2024-08-19T08:00%2B0200",
            "2024-08-19%2008:00:00%20%2B0200",
            "2024-08-19T08:00:00",
            "2024-08-19T08:00",
        ] {
            let found = asked(&format!("at={text}")).instant("at", paris);
            assert_eq!(found.unwrap(), eight, "{text}");
        }
        let midnight = asked("at=2024-08-19").instant("at", paris).unwrap();
        assert_eq!(midnight, Some(Timestamp(1_724_018_400_000)));
        assert_eq!(asked("at=").instant("at", paris).unwrap(), None);
        for wrong in [
            "now",
            "2024-08-19T25:00:00Z",
            "2024-08-19T08:00:00%2B99:00",
            "9999-12-31T23:59:59Z",
            "-2024-08-19T08:00:00Z",
            "2024-08-19T08:00:00Z2024-08-19T08:00:00Z2024",
            "%F0%9F%98%80",
        ] {
            let error = asked(&format!("at={wrong}")).instant("at", paris);
            assert!(
                words(error.unwrap_err()).starts_with("400 Le paramètre at"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn numbers_are_whole_positive_and_few() {
        let list = asked("ids[]=3&ids%5B%5D=1&ids[]=3&other[]=9");
        assert_eq!(list.numbers("ids[]").unwrap(), [1, 3]);
        assert_eq!(asked("").numbers("ids[]").unwrap(), [0_i64; 0]);
        for wrong in [
            "-1",
            "0",
            "",
            "1.5",
            "x",
            "%2B1",
            "99999999999999999999",
            "1%00",
        ] {
            assert!(
                asked(&format!("ids[]={wrong}")).numbers("ids[]").is_err(),
                "{wrong}"
            );
        }
        let many = |count: usize| vec!["ids[]=7"; count].join("&");
        assert!(asked(&many(MOST_NUMBERS)).numbers("ids[]").is_ok());
        assert!(asked(&many(MOST_NUMBERS + 1)).numbers("ids[]").is_err());
        assert!(Asked::of(Some(&many(MOST_PARAMETERS + 1))).is_err());
    }
}
