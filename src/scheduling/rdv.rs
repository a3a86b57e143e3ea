//! An appointment as the interface writes it, and its instants. Pure, but for reading
//! the row.

use chrono_tz::Tz;
use serde::Serialize;

use super::numbers::Map;
use crate::booking::State;
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{fetch_all, fetch_optional};

/// What the interface calls the state of an appointment.
#[must_use]
pub fn status(state: State) -> &'static str {
    match state {
        State::Held | State::Booked | State::Open | State::InHearing => "unknown",
        State::Closed | State::ConvertedInPerson => "seen",
        State::NoShow => "noshow",
        State::CancelledByCitizen | State::Expired => "excused",
        State::CancelledByUnit | State::Transferred => "revoked",
    }
}

/// `2024-08-19T08:00:00+02:00`, as slots and openings print.
#[must_use]
pub fn iso(at: Timestamp, zone: Tz) -> String {
    at.in_zone(zone).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2024-08-19 08:00:00 +0200`, as appointments print.
#[must_use]
pub fn spaced(at: Timestamp, zone: Tz) -> String {
    at.in_zone(zone).format("%Y-%m-%d %H:%M:%S %z").to_string()
}

/// A desk, by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guichet {
    /// Number.
    pub id: i64,
    /// What administrators call it.
    pub name: String,
}

/// An appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rdv {
    /// Number.
    pub id: i64,
    /// When it was booked, on the unit's clock.
    pub created_at: String,
    /// Start.
    pub starts_at: String,
    /// End.
    pub ends_at: String,
    /// Length.
    pub duration_in_min: i64,
    /// `unknown`, `seen`, `noshow`, `excused` or `revoked`.
    pub status: String,
    /// Number of the unknown person.
    pub user_id: i64,
    /// Where.
    pub guichet: Guichet,
}

/// What an [`Rdv`] is written from: as it is now, or as it stood at a change.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Row {
    /// Number.
    pub number: i64,
    /// Number of the person.
    pub person_number: i64,
    /// When it was booked.
    pub booked_at: Timestamp,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// State.
    pub state: State,
    /// Desk.
    pub desk_id: Id,
    /// What administrators call it.
    pub label: String,
}

impl Row {
    /// The appointment as it is written; `desks` are the numbers of its unit's.
    ///
    /// # Errors
    /// When its desk has no number, which the caller has seen to.
    pub fn written(self, unit: &Unit, desks: &Map) -> Result<Rdv, Fault> {
        let zone = unit.zone();
        let desk = desks.get(&self.desk_id).copied();
        Ok(Rdv {
            id: self.number,
            created_at: spaced(self.booked_at, zone),
            starts_at: spaced(self.starts_at, zone),
            ends_at: spaced(self.ends_at, zone),
            duration_in_min: (self.ends_at.0 - self.starts_at.0) / 60_000,
            status: status(self.state).to_owned(),
            user_id: self.person_number,
            guichet: Guichet {
                id: desk
                    .ok_or_else(|| Fault::other(format!("desk {} has no number", self.desk_id)))?,
                name: self.label,
            },
        })
    }
}

/// The appointment of a unit that has this number.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, unit_id: &Id, number: i64) -> Result<Option<Row>, Fault> {
    fetch_optional!(
        tx,
        Row,
        "select n.number, n.person_number, a.created_at as booked_at, a.starts_at, a.ends_at, a.state, a.desk_id,
                d.label
         from anonymous_appointments n join appointments a on a.id = n.appointment_id
         join desks d on d.id = a.desk_id
         where n.number = $1 and a.unit_id = $2",
        number,
        unit_id
    )
}

/// Those of a unit that start between two instants, both included, in order.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Row>, Fault> {
    fetch_all!(
        tx,
        Row,
        "select n.number, n.person_number, a.created_at as booked_at, a.starts_at, a.ends_at, a.state, a.desk_id,
                d.label
         from appointments a join anonymous_appointments n on n.appointment_id = a.id
         join desks d on d.id = a.desk_id
         where a.unit_id = $1 and a.starts_at >= $2 and a.starts_at <= $3
         order by a.starts_at, n.number",
        unit_id,
        from,
        to
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_status_of_the_interface() {
        let written: Vec<_> = State::ALL
            .iter()
            .map(|&state| (state.as_str(), status(state)))
            .collect();
        assert_eq!(
            written,
            [
                ("held", "unknown"),
                ("booked", "unknown"),
                ("open", "unknown"),
                ("in_hearing", "unknown"),
                ("closed", "seen"),
                ("cancelled_by_citizen", "excused"),
                ("cancelled_by_unit", "revoked"),
                ("no_show", "noshow"),
                ("expired", "excused"),
                ("transferred", "revoked"),
                ("converted_in_person", "seen"),
            ]
        );
    }

    #[test]
    fn instants_print_in_the_two_ways_of_the_interface_on_the_unit_s_clock() {
        for (ms, zone, iso_text, spaced_text) in [
            (
                1_724_047_200_000,
                chrono_tz::Europe::Paris,
                "2024-08-19T08:00:00+02:00",
                "2024-08-19 08:00:00 +0200",
            ),
            (
                1_706_000_400_000,
                chrono_tz::Europe::Paris,
                "2024-01-23T10:00:00+01:00",
                "2024-01-23 10:00:00 +0100",
            ),
            (
                1_724_047_200_000,
                chrono_tz::Indian::Reunion,
                "2024-08-19T10:00:00+04:00",
                "2024-08-19 10:00:00 +0400",
            ),
            (
                1_724_047_200_000,
                chrono_tz::America::Martinique,
                "2024-08-19T02:00:00-04:00",
                "2024-08-19 02:00:00 -0400",
            ),
            (
                1_724_047_200_000,
                chrono_tz::Pacific::Marquesas,
                "2024-08-18T20:30:00-09:30",
                "2024-08-18 20:30:00 -0930",
            ),
        ] {
            assert_eq!(iso(Timestamp(ms), zone), iso_text);
            assert_eq!(spaced(Timestamp(ms), zone), spaced_text);
        }
    }
}
