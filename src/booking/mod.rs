//! Appointments and their lifecycle. A desk is never occupied twice because
//! `desk_occupancy` has one row per desk and five minutes; a state moves only
//! along the table in [`lifecycle`]. It knows nothing of rooms or records.

pub mod meeting_link;

use axum::Router;

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{fetch_optional, text_enum};

text_enum! {
    /// State of an appointment.
    State {
        /// Held while the form is filled.
        Held = "held",
        /// Confirmed.
        Booked = "booked",
        /// The officer opened the room.
        Open = "open",
        /// The person was admitted.
        InHearing = "in_hearing",
        /// The hearing is over.
        Closed = "closed",
        /// Called off by the person.
        CancelledByCitizen = "cancelled_by_citizen",
        /// Called off by the unit.
        CancelledByUnit = "cancelled_by_unit",
        /// The person never came.
        NoShow = "no_show",
        /// The hold ran out.
        Expired = "expired",
        /// Given to another unit.
        Transferred = "transferred",
        /// Goes on in person.
        ConvertedInPerson = "converted_in_person",
    }
}

/// A slot taken by a person.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Appointment {
    /// Key.
    pub id: Id,
    /// What a person reads aloud.
    pub reference: String,
    /// Unit.
    pub unit_id: Id,
    /// Desk.
    pub desk_id: Id,
    /// Case it is about.
    pub case_id: Id,
    /// Who booked.
    pub citizen_id: Id,
    /// Officer, assigned late.
    pub officer_id: Option<Id>,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// State.
    pub state: State,
    /// End of the hold, while held.
    pub held_until: Option<Timestamp>,
}

/// Reads an appointment.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until
         from appointments where id = $1",
        id
    )
}

/// The slice's routes.
pub fn router() -> Router<App> {
    Router::new()
}
/// stub
pub async fn move_to(_tx: &mut Tx, _a: &Appointment, _to: State, _actor: &crate::audit::Actor, _now: Timestamp) -> Result<(), Fault> { Ok(()) }
