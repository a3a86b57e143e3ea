//! Which unit receives the residents of which commune, as a table that a department
//! fills in a spreadsheet: a line of titles with the public column names `code_insee`
//! and `unite`, then one line for each commune. Pure: text and what exists in,
//! assignments or a list of what is wrong, line by line, out.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, Trim};

/// Title of the column with the INSEE code.
pub const CODE_COLUMN: &str = "code_insee";
/// Title of the column with the unit's identifier; an empty cell: nobody receives.
pub const UNIT_COLUMN: &str = "unite";
/// Most lines read.
pub const MOST_LINES: usize = 2_000;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The titles lack one of the two columns, or have it twice.
    #[error("the titles are not code_insee and unite")]
    Titles,
    /// It cannot be read, or has another number of cells than the titles.
    #[error("unreadable")]
    Unreadable,
    /// The department has no such commune.
    #[error("no such commune in the department")]
    Commune,
    /// The department has no such unit.
    #[error("no such unit in the department")]
    Unit,
    /// The commune stands on a line before.
    #[error("the commune stands there twice")]
    Twice,
    /// There are more lines than are read.
    #[error("too many lines")]
    TooMany,
}

/// A line that is wrong: its number in the file, from 1, what it says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongLine {
    /// Number of the line.
    pub line: u64,
    /// The commune it names, as typed.
    pub code: String,
    /// The unit it names, as typed.
    pub unit: String,
    /// What is wrong.
    pub error: LineError,
}

/// Commune by commune, the unit that receives; none where nobody does.
pub type Assignments = BTreeMap<String, Option<String>>;

/// Reads a table. `communes` and `units` tell whether the department has one.
///
/// # Errors
/// Every line that is wrong.
pub fn read(
    text: &str,
    communes: impl Fn(&str) -> bool,
    units: impl Fn(&str) -> bool,
) -> Result<Assignments, Vec<WrongLine>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let titles = text.lines().next().unwrap_or_default();
    // Spreadsheets of French offices write semicolons.
    let delimiter = if titles.contains(';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let wrong = |line, code: &str, unit: &str, error| WrongLine {
        line,
        code: code.chars().take(40).collect(),
        unit: unit.chars().take(80).collect(),
        error,
    };
    let columns = reader.headers().ok().and_then(|titles| {
        let place = |wanted: &str| {
            let mut places = titles.iter().enumerate();
            let found = places
                .find(|(_, title)| title.eq_ignore_ascii_case(wanted))?
                .0;
            places
                .all(|(_, title)| !title.eq_ignore_ascii_case(wanted))
                .then_some(found)
        };
        Some((place(CODE_COLUMN)?, place(UNIT_COLUMN)?))
    });
    let Some((code_at, unit_at)) = columns else {
        return Err(vec![wrong(1, "", "", LineError::Titles)]);
    };
    let (mut assignments, mut errors) = (Assignments::new(), Vec::new());
    for (index, record) in reader.records().enumerate() {
        let line = index as u64 + 2;
        if index >= MOST_LINES {
            errors.push(wrong(line, "", "", LineError::TooMany));
            break;
        }
        let Ok(record) = record else {
            errors.push(wrong(line, "", "", LineError::Unreadable));
            continue;
        };
        let line = record.position().map_or(line, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let (code, unit) = (cell(code_at).to_uppercase(), cell(unit_at));
        let error = if !communes(&code) {
            Some(LineError::Commune)
        } else if !unit.is_empty() && !units(unit) {
            Some(LineError::Unit)
        } else if assignments.contains_key(&code) {
            Some(LineError::Twice)
        } else {
            None
        };
        match error {
            Some(error) => errors.push(wrong(line, &code, unit, error)),
            None => {
                let unit = (!unit.is_empty()).then(|| unit.to_owned());
                assignments.insert(code, unit);
            }
        }
    }
    if errors.is_empty() {
        Ok(assignments)
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_here(text: &str) -> Result<Assignments, Vec<(u64, LineError)>> {
        let communes = |code: &str| matches!(code, "78646" | "78621" | "2A004");
        let units = |unit: &str| matches!(unit, "u-78-police" | "u-78-gendarmerie");
        read(text, communes, units).map_err(|errors| {
            errors
                .into_iter()
                .map(|one| (one.line, one.error))
                .collect()
        })
    }

    #[test]
    fn a_sound_table_is_read_however_a_spreadsheet_wrote_it() {
        for text in [
            "code_insee,unite\n78646,u-78-police\n78621,\n",
            "code_insee;unite\r\n78646;u-78-police\r\n78621;\r\n",
            "\u{feff}nom;Unite;CODE_INSEE\nVersailles;u-78-police;78646\nTrappes;;78621\n",
            "code_insee,unite\n\"78646\", u-78-police \n\n 78621 ,\"\"",
        ] {
            let read = read_here(text).unwrap_or_default();
            let expected = [
                ("78621".to_owned(), None),
                ("78646".to_owned(), Some("u-78-police".to_owned())),
            ];
            assert_eq!(read, expected.into_iter().collect(), "{text}");
        }
        assert_eq!(
            read_here("code_insee,unite\n2a004,u-78-police\n").map(|map| map.len()),
            Ok(1)
        );
        assert_eq!(read_here("code_insee,unite\n"), Ok(Assignments::new()));
    }

    #[test]
    fn every_line_that_is_wrong_is_told_with_its_number() {
        use LineError::{Commune, Titles, Twice, Unit, Unreadable};
        for (text, expected) in [
            ("", vec![(1, Titles)]),
            ("code,unite\n78646,u-78-police\n", vec![(1, Titles)]),
            ("code_insee,unite,unite\n78646,,\n", vec![(1, Titles)]),
            (
                "code_insee,unite\n78646,u-78-police\n99999,u-78-police\n78621,u-974-police\n78646,\n",
                vec![(3, Commune), (4, Unit), (5, Twice)],
            ),
            (
                "code_insee,unite\n78646\n78621,,,\n",
                vec![(2, Unreadable), (3, Unreadable)],
            ),
            ("code_insee,unite\n=CMD(),u-78-police\n", vec![(2, Commune)]),
        ] {
            assert_eq!(read_here(text), Err(expected), "{text}");
        }
        let many = format!("code_insee,unite\n{}", "1,\n".repeat(3_000));
        let errors = read_here(&many).err().unwrap_or_default();
        assert_eq!(errors.len(), MOST_LINES + 1);
        assert_eq!(errors.last().map(|last| last.1), Some(LineError::TooMany));
    }
}
