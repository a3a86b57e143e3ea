//! The table of limits in PROTOCOL.md tells what the code does: every value is
//! the code's, and every row names a test that there is.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

struct Row {
    what: String,
    value: String,
    /// File under `src/`, and name.
    place: Option<(String, String)>,
    test: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn rows() -> Vec<Row> {
    let protocol = fs::read_to_string(root().join("PROTOCOL.md")).unwrap();
    let section = protocol
        .split("\n## ")
        .find(|part| part.starts_with("Limits\n"));
    section
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| limit |"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [what, value, place, _, test] = cells[..] else {
                panic!("five cells: {line}");
            };
            Row {
                what: what.to_owned(),
                value: value.to_owned(),
                place: match &quoted(place)[..] {
                    [] => None,
                    [file, name] => Some((file.clone(), name.clone())),
                    _ => panic!("a file and a name: {line}"),
                },
                test: quoted(test).remove(0),
            }
        })
        .collect()
}

/// A constant's value as the table writes it: a number, or a time with its unit.
fn written(expression: &str) -> Option<String> {
    let expression = expression.replace('_', "");
    let product = |factors: &str| -> Option<u64> {
        factors
            .split('*')
            .map(|factor| factor.trim().parse::<u64>().ok())
            .product()
    };
    for (make, unit) in [
        ("Duration::fromsecs(", "s"),
        ("Duration::frommillis(", "ms"),
    ] {
        if let Some(rest) = expression.strip_prefix(make) {
            return Some(format!("{} {unit}", product(rest.strip_suffix(')')?)?));
        }
    }
    product(&expression).map(|number| number.to_string())
}

/// The value of a constant, or of a limit's default.
fn value_of(file: &str, name: &str) -> Option<String> {
    let source = fs::read_to_string(root().join("src").join(file)).unwrap();
    source.lines().find_map(|line| {
        let line = line.trim();
        let constant = line
            .split_once("const ")
            .and_then(|(_, rest)| rest.strip_prefix(name)?.strip_prefix(": "))
            .and_then(|rest| rest.split_once(" = "))
            .and_then(|(_, value)| value.strip_suffix(';'));
        let default = || {
            line.strip_prefix(name)?
                .strip_prefix(": ")?
                .strip_suffix(',')
        };
        constant.or_else(default).and_then(written)
    })
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_limit_has_the_value_of_the_code() {
    let rows = rows();
    assert!(rows.len() > 40, "the table was found");
    for row in rows {
        let Some((file, name)) = row.place else {
            continue;
        };
        let told = value_of(&file, &name);
        let told = told.unwrap_or_else(|| panic!("{}: no {name} in {file}", row.what));
        // Units that no constant has may follow.
        let told_rightly = row.value == told || row.value.starts_with(&format!("{told} "));
        assert!(
            told_rightly,
            "{}: {} here, {told} in {file}",
            row.what, row.value
        );
    }
}

#[test]
fn every_limit_names_a_test() {
    let mut all = String::new();
    sources(&root().join("src"), &mut all);
    sources(&root().join("tests"), &mut all);
    let tests: Vec<&str> = ["#[test]\n", "#[tokio::test]\n"]
        .iter()
        .flat_map(|mark| all.split(*mark).skip(1))
        .filter_map(|rest| rest.lines().next())
        .filter_map(|line| line.trim().split_once("fn "))
        .filter_map(|(_, rest)| rest.split_once('('))
        .map(|(name, _)| name)
        .collect();
    for row in rows() {
        assert!(
            tests.contains(&row.test.as_str()),
            "{}: there is no test {}",
            row.what,
            row.test
        );
    }
}
