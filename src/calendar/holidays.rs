//! Public holidays of every part of the Republic, for any year. Pure.
//!
//! Eleven days hold everywhere (Code du travail, article L3133-1). Moselle,
//! Bas-Rhin and Haut-Rhin have two more (L3134-13): Good Friday, by law, only in
//! communes with a Protestant or shared church, which no list tells, so the whole
//! departments have it here. Overseas each territory has the
//! day of its own memory of the abolition of slavery (L3422-2; decree 83-1003 for
//! their dates), and the Pacific territories the days of their own law. What a
//! commune or an employer adds by custom (Good Friday in the Antilles, say) is no
//! public holiday by law; an administrator enters it as a closure.
//!
//! Easter is computed by the rule of Meeus, Jones and Butcher, which holds for every
//! year of the Gregorian calendar.

use chrono::{Datelike, Days, NaiveDate};

use crate::text_enum;

text_enum! {
    /// A public holiday.
    Holiday {
        /// 1 January.
        NewYear = "new-year",
        /// Friday before Easter.
        GoodFriday = "good-friday",
        /// Monday after Easter.
        EasterMonday = "easter-monday",
        /// 1 May.
        Labour = "labour",
        /// 8 May.
        Victory = "victory",
        /// Thursday, 39 days after Easter.
        Ascension = "ascension",
        /// Monday, 50 days after Easter.
        WhitMonday = "whit-monday",
        /// 14 July.
        National = "national",
        /// 15 August.
        Assumption = "assumption",
        /// 1 November.
        AllSaints = "all-saints",
        /// 11 November.
        Armistice = "armistice",
        /// 25 December.
        Christmas = "christmas",
        /// 26 December.
        SaintStephen = "saint-stephen",
        /// Abolition of slavery, on the territory's own day.
        Abolition = "abolition",
        /// 5 March, French Polynesia.
        Gospel = "gospel",
        /// 29 June, French Polynesia until 2024.
        Autonomy = "autonomy",
        /// 20 November, French Polynesia since 2025.
        Matarii = "matarii",
        /// 24 September, New Caledonia.
        Citizenship = "citizenship",
        /// 28 April, Wallis and Futuna.
        SaintPeterChanel = "saint-peter-chanel",
        /// 29 July, Wallis and Futuna.
        Territory = "territory",
    }
}

use Holiday::{
    Abolition, AllSaints, Armistice, Ascension, Assumption, Autonomy, Christmas, Citizenship,
    EasterMonday, GoodFriday, Gospel, Labour, Matarii, National, NewYear, SaintPeterChanel,
    SaintStephen, Territory, Victory, WhitMonday,
};

/// Easter Sunday of a year of the Gregorian calendar; none outside of what dates
/// can be computed with.
#[must_use]
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (
        year.rem_euclid(19),
        year.div_euclid(100),
        year.rem_euclid(100),
    );
    let leap = b - b.div_euclid(4) - (b - (b + 8).div_euclid(25) + 1).div_euclid(3);
    let epact = (19 * a + leap + 15).rem_euclid(30);
    let weekday = (32 + 2 * b.rem_euclid(4) + 2 * (c / 4) - epact - c % 4).rem_euclid(7);
    let late = (a + 11 * epact + 22 * weekday) / 451;
    let march = epact + weekday - 7 * late + 114;
    let month = u32::try_from(march / 31).ok()?;
    let day = u32::try_from(march % 31 + 1).ok()?;
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The holidays of a department or territory, by its INSEE code, in one year, in
/// order of date.
#[must_use]
pub fn of_year(department: &str, year: i32) -> Vec<(NaiveDate, Holiday)> {
    let fixed =
        |month, day, holiday| NaiveDate::from_ymd_opt(year, month, day).map(|date| (date, holiday));
    let moving = |days: i64, holiday| {
        let easter = easter(year)?;
        let date = if days < 0 {
            easter.checked_sub_days(Days::new(days.unsigned_abs()))
        } else {
            easter.checked_add_days(Days::new(days.unsigned_abs()))
        };
        date.map(|date| (date, holiday))
    };
    let everywhere = [
        fixed(1, 1, NewYear),
        moving(1, EasterMonday),
        fixed(5, 1, Labour),
        fixed(5, 8, Victory),
        moving(39, Ascension),
        moving(50, WhitMonday),
        fixed(7, 14, National),
        fixed(8, 15, Assumption),
        fixed(11, 1, AllSaints),
        fixed(11, 11, Armistice),
        fixed(12, 25, Christmas),
    ];
    let own = match department {
        "57" | "67" | "68" => vec![moving(-2, GoodFriday), fixed(12, 26, SaintStephen)],
        "971" => vec![fixed(5, 27, Abolition)],
        "972" => vec![fixed(5, 22, Abolition)],
        "973" => vec![fixed(6, 10, Abolition)],
        "974" => vec![fixed(12, 20, Abolition)],
        "976" => vec![fixed(4, 27, Abolition)],
        "977" => vec![fixed(10, 9, Abolition)],
        "978" => vec![fixed(5, 28, Abolition)],
        "986" => vec![fixed(4, 28, SaintPeterChanel), fixed(7, 29, Territory)],
        "987" => vec![
            fixed(3, 5, Gospel),
            moving(-2, GoodFriday),
            if year < 2025 {
                fixed(6, 29, Autonomy)
            } else {
                fixed(11, 20, Matarii)
            },
        ],
        "988" => vec![fixed(9, 24, Citizenship)],
        _ => Vec::new(),
    };
    let mut days: Vec<_> = everywhere.into_iter().chain(own).flatten().collect();
    days.sort();
    days
}

/// The holidays between two days, both included.
#[must_use]
pub fn between(department: &str, from: NaiveDate, to: NaiveDate) -> Vec<(NaiveDate, Holiday)> {
    (from.year()..=to.year())
        .flat_map(|year| of_year(department, year))
        .filter(|(day, _)| (from..=to).contains(day))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn easter_is_where_the_published_tables_have_it() {
        // Tables of the Bureau des longitudes and of the US Naval Observatory: usual
        // years, the earliest and latest days there are, ends of centuries.
        for date in [
            "1583-04-10",
            "1818-03-22",
            "1886-04-25",
            "1900-04-15",
            "1943-04-25",
            "1954-04-18",
            "1961-04-02",
            "1981-04-19",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2016-03-27",
            "2019-04-21",
            "2020-04-12",
            "2021-04-04",
            "2022-04-17",
            "2023-04-09",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2029-04-01",
            "2030-04-21",
            "2038-04-25",
            "2049-04-18",
            "2076-04-19",
            "2100-03-28",
            "2285-03-22",
        ] {
            let date: NaiveDate = date.parse().unwrap();
            assert_eq!(easter(date.year()), Some(date));
        }
        for year in 1583..5000 {
            let day = easter(year).unwrap();
            assert_eq!(day.weekday(), chrono::Weekday::Sun, "{year}");
            let span = (day.month(), day.day());
            assert!(((3, 22)..=(4, 25)).contains(&span), "{year}: {day}");
        }
        assert_eq!(easter(i32::MAX - 1000), None);
    }

    fn check(department: &str, year: i32, expected: &str) {
        let days: Vec<String> = of_year(department, year)
            .iter()
            .map(|(day, _)| day.format("%d/%m").to_string())
            .collect();
        assert_eq!(days.join(" "), expected, "{department} {year}");
    }

    #[test]
    fn each_part_of_the_republic_has_the_days_of_its_calendar() {
        let paris = "01/01 06/04 01/05 08/05 14/05 25/05 14/07 15/08 01/11 11/11 25/12";
        check("75", 2026, paris);
        check("2A", 2026, paris);
        check("975", 2026, paris);
        check("", 2026, paris);
        check(
            "75",
            2024,
            "01/01 01/04 01/05 08/05 09/05 20/05 14/07 15/08 01/11 11/11 25/12",
        );
        check(
            "75",
            2025,
            "01/01 21/04 01/05 08/05 29/05 09/06 14/07 15/08 01/11 11/11 25/12",
        );
        // Ascension on a day that is a holiday anyway.
        check(
            "75",
            2008,
            "01/01 24/03 01/05 01/05 08/05 12/05 14/07 15/08 01/11 11/11 25/12",
        );
        for department in ["57", "67", "68"] {
            check(
                department,
                2026,
                "01/01 03/04 06/04 01/05 08/05 14/05 25/05 14/07 15/08 01/11 11/11 25/12 26/12",
            );
        }
        for (department, own) in [
            ("971", "27/05"),
            ("972", "22/05"),
            ("973", "10/06"),
            ("974", "20/12"),
            ("976", "27/04"),
            ("977", "09/10"),
            ("978", "28/05"),
            ("988", "24/09"),
        ] {
            let days = of_year(department, 2026);
            assert_eq!(days.len(), 12, "{department}");
            let added = days
                .iter()
                .find(|(day, _)| !paris.contains(&day.format("%d/%m").to_string()))
                .unwrap();
            assert_eq!(added.0.format("%d/%m").to_string(), own, "{department}");
        }
        check(
            "986",
            2026,
            "01/01 06/04 28/04 01/05 08/05 14/05 25/05 14/07 29/07 15/08 01/11 11/11 25/12",
        );
        check(
            "987",
            2024,
            "01/01 05/03 29/03 01/04 01/05 08/05 09/05 20/05 29/06 14/07 15/08 01/11 11/11 25/12",
        );
        check(
            "987",
            2026,
            "01/01 05/03 03/04 06/04 01/05 08/05 14/05 25/05 14/07 15/08 01/11 11/11 20/11 25/12",
        );
    }

    #[test]
    fn a_window_over_new_year_holds_the_days_of_both_years() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let days = between("67", day("2026-12-25"), day("2027-03-26"));
        let shown: Vec<_> = days.iter().map(|(day, _)| day.to_string()).collect();
        assert_eq!(
            shown,
            ["2026-12-25", "2026-12-26", "2027-01-01", "2027-03-26"]
        );
        assert!(between("67", day("2027-01-02"), day("2027-01-01")).is_empty());
    }
}
