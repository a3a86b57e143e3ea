//! Changing where video is offered and which unit receives whom: what a change would
//! do, doing it whole, its history, and taking the last one back. A case that has a
//! unit already keeps it: this slice knows none.

use std::collections::BTreeMap;

use super::commune_map::Assignments;
use super::coverage::Coverage;
use super::store;
use crate::audit::{self, Actor, SERVICE_CHAIN};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::text_enum;

text_enum! {
    /// What was done.
    Act {
        /// The department was opened or closed.
        Department = "department",
        /// A commune was.
        Commune = "commune",
        /// A table said who receives whom.
        Communes = "communes",
        /// A unit was closed, and its communes given to another or to nobody.
        UnitClosed = "unit_closed",
        /// A unit was opened again, and given its communes back.
        UnitReopened = "unit_reopened",
    }
}

/// How a place stands: the department as a whole (which no unit receives) or a commune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether video is offered there.
    pub open: bool,
    /// What its people are told while it is not.
    pub message: String,
    /// The unit that receives its residents.
    pub unit_id: Option<Id>,
}

/// One place of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceChange {
    /// INSEE code of a commune; empty for the department itself.
    pub place: String,
    /// How it stood.
    pub former: Standing,
    /// How it stands since.
    pub then: Standing,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Change {
    /// Its number in the department, from 1.
    pub version: i64,
    /// What was done.
    pub act: Act,
    /// The unit that was closed or reopened.
    pub unit_id: Option<Id>,
    /// When.
    pub set_at: Timestamp,
    /// By whom, as an actor.
    pub set_by: String,
    /// The change that this one took back.
    pub undoes: Option<i64>,
}

/// A commune as the ground of a change.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Commune {
    /// INSEE code.
    pub insee_code: String,
    /// Name.
    pub name: String,
    /// Whether video is offered there, the department permitting.
    pub coverage_open: bool,
    /// What its people are told while it is not.
    pub coverage_message: String,
    /// The unit that receives its residents.
    pub unit_id: Option<Id>,
}

impl Commune {
    fn standing(&self) -> Standing {
        Standing {
            open: self.coverage_open,
            message: self.coverage_message.clone(),
            unit_id: self.unit_id.clone(),
        }
    }
}

/// A department as it stands.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The department itself.
    pub department: Coverage,
    /// Its communes, by code.
    pub communes: BTreeMap<String, Commune>,
    /// The number of its last change; 0 for none.
    pub version: i64,
}

/// What a change does to people who come from then on, by the codes of their communes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Received before, and not any more.
    pub turned_off: Vec<String>,
    /// Not received before, and received from then on.
    pub turned_on: Vec<String>,
    /// Received by another unit.
    pub given: Vec<String>,
}

impl Effect {
    /// Every commune whose people are touched.
    #[must_use]
    pub fn touched(&self) -> Vec<&str> {
        let lists = [&self.turned_off, &self.turned_on, &self.given];
        lists.into_iter().flatten().map(String::as_str).collect()
    }
}

impl Ground {
    /// How a place stands; none where the department has no such place.
    #[must_use]
    pub fn standing(&self, place: &str) -> Option<Standing> {
        if place.is_empty() {
            return Some(Standing {
                open: self.department.coverage_open,
                message: self.department.coverage_message.clone(),
                unit_id: None,
            });
        }
        self.communes.get(place).map(Commune::standing)
    }

    /// The name of a place, for people.
    #[must_use]
    pub fn name<'a>(&'a self, place: &'a str) -> &'a str {
        if place.is_empty() {
            return &self.department.name;
        }
        let commune = self.communes.get(place);
        commune.map_or(place, |commune| commune.name.as_str())
    }

    /// Opening or closing a place with words for its people; none where there is no
    /// such place, nothing where it stands so already.
    #[must_use]
    pub fn switch(&self, place: &str, open: bool, message: &str) -> Option<Vec<PlaceChange>> {
        let former = self.standing(place)?;
        // Words belong to a closure: an open place says nothing.
        let then = Standing {
            open,
            message: if open { "" } else { message }.to_owned(),
            ..former.clone()
        };
        Some(changed(place, former, then).into_iter().collect())
    }

    /// Giving communes to units as a table says.
    #[must_use]
    pub fn assign(&self, assignments: &Assignments) -> Vec<PlaceChange> {
        let given = assignments.iter().filter_map(|(place, unit)| {
            let former = self.standing(place)?;
            let then = Standing {
                unit_id: unit.as_deref().map(Id::from),
                ..former.clone()
            };
            changed(place, former, then)
        });
        given.collect()
    }

    /// Giving all communes of a unit to another one, or to nobody.
    #[must_use]
    pub fn hand_over(&self, unit_id: &Id, heir: Option<&Id>) -> Vec<PlaceChange> {
        let of_unit = self.communes.values();
        let of_unit = of_unit.filter(|commune| commune.unit_id.as_ref() == Some(unit_id));
        let given = of_unit.filter_map(|commune| {
            let then = Standing {
                unit_id: heir.cloned(),
                ..commune.standing()
            };
            changed(&commune.insee_code, commune.standing(), then)
        });
        given.collect()
    }

    /// A former change the other way round, as far as its places still stand as it left
    /// them.
    #[must_use]
    pub fn take_back(&self, made: &[PlaceChange]) -> Vec<PlaceChange> {
        let standing = made
            .iter()
            .filter(|change| self.standing(&change.place).as_ref() == Some(&change.then));
        let back = standing.map(|change| PlaceChange {
            place: change.place.clone(),
            former: change.then.clone(),
            then: change.former.clone(),
        });
        back.collect()
    }

    /// What changes would do.
    #[must_use]
    pub fn effect(&self, changes: &[PlaceChange]) -> Effect {
        let then: BTreeMap<&str, &Standing> = changes
            .iter()
            .map(|change| (change.place.as_str(), &change.then))
            .collect();
        let department_open = then
            .get("")
            .map_or(self.department.coverage_open, |standing| standing.open);
        let mut effect = Effect::default();
        for (code, commune) in &self.communes {
            let (open, unit_id) = match then.get(code.as_str()) {
                Some(standing) => (standing.open, &standing.unit_id),
                None => (commune.coverage_open, &commune.unit_id),
            };
            let received = |department: bool, open: bool, unit_id: &Option<Id>| {
                unit_id.clone().filter(|_| department && open)
            };
            let before = received(
                self.department.coverage_open,
                commune.coverage_open,
                &commune.unit_id,
            );
            let after = received(department_open, open, unit_id);
            let list = match (before, after) {
                (Some(_), None) => &mut effect.turned_off,
                (None, Some(_)) => &mut effect.turned_on,
                (Some(before), Some(after)) if before != after => &mut effect.given,
                _ => continue,
            };
            list.push(code.clone());
        }
        effect
    }
}

fn changed(place: &str, former: Standing, then: Standing) -> Option<PlaceChange> {
    (former != then).then(|| PlaceChange {
        place: place.to_owned(),
        former,
        then,
    })
}

/// Keeps other changes of coverage waiting until the transaction ends: whoever changes
/// it takes this, reads the ground, then acts.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx) -> Result<(), Fault> {
    audit::lock(tx, SERVICE_CHAIN).await.map(|_| ())
}

/// A department as it stands; none where there is none of that code.
///
/// # Errors
/// When the database fails.
pub async fn ground(tx: &mut Tx, department: &str) -> Result<Option<Ground>, Fault> {
    let Some(found) = store::find_coverage(tx, department).await? else {
        return Ok(None);
    };
    let communes = store::list_communes_of_department(tx, department).await?;
    let last = store::list_coverage_changes(tx, department, 1).await?;
    Ok(Some(Ground {
        department: found,
        communes: communes
            .into_iter()
            .map(|commune| (commune.insee_code.clone(), commune))
            .collect(),
        version: last.first().map_or(0, |change| change.version),
    }))
}

/// What is to be done, and why.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What is done.
    pub act: Act,
    /// The unit that is closed or reopened.
    pub unit_id: Option<&'a Id>,
    /// The change that this one takes back.
    pub undoes: Option<i64>,
    /// The places.
    pub places: &'a [PlaceChange],
}

/// Makes a change, whole or not at all; gives whether it was made, which it is not where
/// the ground is another by now. The caller holds [`lock`] since before it read the ground.
///
/// # Errors
/// When the database fails.
pub async fn apply(
    tx: &mut Tx,
    ground: &Ground,
    plan: &Plan<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let department = &ground.department.code;
    let change = Change {
        version: ground.version + 1,
        act: plan.act,
        unit_id: plan.unit_id.cloned(),
        set_at: now,
        set_by: actor.to_string(),
        undoes: plan.undoes,
    };
    if !store::insert_coverage_change(tx, department, &change).await? {
        return Ok(false);
    }
    for place in plan.places {
        let set = if place.place.is_empty() {
            store::update_department_standing(tx, department, place).await?
        } else {
            store::update_commune_standing(tx, department, place).await?
        };
        if !set {
            return Ok(false);
        }
        store::insert_coverage_place(tx, department, change.version, place).await?;
    }
    let object = format!("department/{department}");
    let mut detail = format!("version={} communes={}", change.version, plan.places.len());
    if let [only] = plan.places
        && !only.place.is_empty()
    {
        detail.push_str(&format!(" commune={}", only.place));
    }
    if let Some(unit_id) = plan.unit_id {
        detail.push_str(&format!(" unit={unit_id}"));
    }
    if let Some(undone) = plan.undoes {
        detail.push_str(&format!(" undoes={undone}"));
    }
    let opens = plan.places.iter().all(|place| place.then.open);
    let act = match plan.act {
        Act::Department | Act::Commune if opens => "coverage.open",
        Act::Department | Act::Commune => "coverage.close",
        Act::Communes | Act::UnitClosed | Act::UnitReopened => "communes.assign",
    };
    audit::append(tx, SERVICE_CHAIN, now, actor, act, &object, &detail).await?;
    Ok(true)
}

/// The latest changes of a department, the latest first, with their places by code.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    department: &str,
    most: i64,
) -> Result<Vec<(Change, Vec<PlaceChange>)>, Fault> {
    let mut changes = Vec::new();
    for change in store::list_coverage_changes(tx, department, most).await? {
        let places = store::list_coverage_places(tx, department, change.version).await?;
        changes.push((change, places));
    }
    Ok(changes)
}

/// The last closing of a unit, with the communes it gave away; none where none was noted.
///
/// # Errors
/// When the database fails.
pub async fn last_closing(
    tx: &mut Tx,
    department: &str,
    unit_id: &Id,
) -> Result<Option<Vec<PlaceChange>>, Fault> {
    let found = store::find_last_closing(tx, department, unit_id).await?;
    match found {
        Some((version,)) => {
            let places = store::list_coverage_places(tx, department, version).await?;
            Ok(Some(places))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Two communes of unit `a`, one of `b`, one of nobody, one closed.
    fn ground(open: bool) -> Ground {
        let commune = |code: &str, open, unit: Option<&str>| Commune {
            insee_code: code.to_owned(),
            name: format!("Commune {code}"),
            coverage_open: open,
            coverage_message: String::new(),
            unit_id: unit.map(Id::from),
        };
        let communes = [
            commune("1", true, Some("a")),
            commune("2", true, Some("a")),
            commune("3", true, Some("b")),
            commune("4", true, None),
            commune("5", false, Some("b")),
        ];
        Ground {
            department: Coverage {
                code: "78".into(),
                name: "Yvelines".into(),
                coverage_open: open,
                coverage_message: String::new(),
                communes: 5,
                received: 3,
            },
            communes: communes
                .into_iter()
                .map(|commune| (commune.insee_code.clone(), commune))
                .collect(),
            version: 0,
        }
    }

    fn table(lines: &[(&str, &str)]) -> Assignments {
        lines
            .iter()
            .map(|(code, unit)| {
                let unit = (!unit.is_empty()).then(|| (*unit).to_owned());
                ((*code).to_owned(), unit)
            })
            .collect()
    }

    #[test]
    fn an_effect_counts_only_those_whose_reception_changes() {
        type Plan = fn(&Ground) -> Vec<PlaceChange>;
        let cases: &[(bool, Plan, [&[&str]; 3])] = &[
            // Closing and opening the department; a closed commune stays closed.
            (
                true,
                |ground| ground.switch("", false, "x").unwrap(),
                [&["1", "2", "3"], &[], &[]],
            ),
            (
                false,
                |ground| ground.switch("", true, "").unwrap(),
                [&[], &["1", "2", "3"], &[]],
            ),
            // A commune; in a closed department it changes nothing for anybody.
            (
                true,
                |ground| ground.switch("1", false, "").unwrap(),
                [&["1"], &[], &[]],
            ),
            (
                true,
                |ground| ground.switch("5", true, "").unwrap(),
                [&[], &["5"], &[]],
            ),
            (
                false,
                |ground| ground.switch("1", false, "").unwrap(),
                [&[], &[], &[]],
            ),
            (
                true,
                |ground| ground.switch("1", true, "words are for closures").unwrap(),
                [&[], &[], &[]],
            ),
            // A table.
            (
                true,
                |ground| ground.assign(&table(&[("1", "b"), ("2", ""), ("3", "b"), ("4", "a")])),
                [&["2"], &["4"], &["1"]],
            ),
            // A unit that closes.
            (
                true,
                |ground| ground.hand_over(&"a".into(), None),
                [&["1", "2"], &[], &[]],
            ),
            (
                true,
                |ground| ground.hand_over(&"a".into(), Some(&"b".into())),
                [&[], &[], &["1", "2"]],
            ),
        ];
        for (index, (open, plan, [off, on, given])) in cases.iter().enumerate() {
            let ground = ground(*open);
            let effect = ground.effect(&plan(&ground));
            assert_eq!(effect.turned_off, *off, "{index}");
            assert_eq!(effect.turned_on, *on, "{index}");
            assert_eq!(effect.given, *given, "{index}");
        }
        assert_eq!(ground(true).switch("99", true, ""), None);
    }

    #[test]
    fn what_stands_as_it_was_left_is_taken_back_and_nothing_else() {
        let before = ground(true);
        let made = before.hand_over(&"a".into(), Some(&"b".into()));
        let mut after = before.clone();
        for change in &made {
            let commune = after.communes.get_mut(&change.place).unwrap();
            commune.unit_id.clone_from(&change.then.unit_id);
        }
        let back = after.take_back(&made);
        assert_eq!(back.len(), 2);
        assert!(
            back.iter()
                .all(|change| change.then == before.standing(&change.place).unwrap())
        );
        // Somebody gave one of them to nobody since.
        after.communes.get_mut("1").unwrap().unit_id = None;
        let back = after.take_back(&made);
        assert_eq!(
            back.iter()
                .map(|change| change.place.as_str())
                .collect::<Vec<_>>(),
            ["2"]
        );
    }
}
