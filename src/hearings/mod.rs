//! The video session of an appointment: who may come in, the waiting room,
//! admission, the room document that the media node follows, and the facts
//! that the node reports back. It decides nothing about packets, and nothing
//! about what is written in the record.

pub mod checks;
pub mod control;
mod declared;
mod declared_pages;
mod entry;
mod guest_pages;
pub mod guests;
pub mod incidents;
mod live_pages;
mod orphans;
mod pages;
mod room;
mod seat_cookie;
pub mod store;
mod token;
pub mod unheld;

use axum::routing::{get, post};

use crate::app::App;
use crate::booking::Appointment;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::identity::SignedInOfficer;
use crate::routes::Routes;
use crate::text_enum;

pub use declared::own_link;
pub use entry::{EnterError, check_window, enter, seat_of_browser};
pub use live_pages::{Audience, changes};
pub use pages::CallView;
pub use room::{AdmitError, OpenError, admit, close, open, room_document, send_back};
pub use seat_cookie::SeatCookie;
pub use token::{GrantError, grant};

text_enum! {
    /// In which quality a seat is held.
    SeatRole {
        /// The person who lodges the complaint.
        Citizen = "citizen",
        /// The officer who hears them.
        Officer = "officer",
        /// The person's lawyer.
        Lawyer = "lawyer",
        /// An adult of the person's choice, or legal representative.
        Companion = "companion",
        /// An interpreter.
        Interpreter = "interpreter",
    }
}

text_enum! {
    /// Where a seat is.
    Place {
        /// In the waiting room: receives nothing.
        Waiting = "waiting",
        /// In the hearing.
        In = "in",
        /// Apart with others aside.
        Aside = "aside",
        /// Gone for good.
        Left = "left",
    }
}

text_enum! {
    /// State of a hearing's room.
    RoomState {
        /// Media flows as seats say.
        Open = "open",
        /// Everybody waits.
        Paused = "paused",
        /// Over.
        Ended = "ended",
    }
}

/// The room of an appointment.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Hearing {
    /// The appointment.
    pub appointment_id: Id,
    /// Name of the room on the media node.
    pub room: String,
    /// Version of the room document; only grows.
    pub version: i64,
    /// State.
    pub state: RoomState,
    /// When somebody first came.
    pub opened_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A place in the room, bound to one browser.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Seat {
    /// Key, and the participant's name on the media node.
    pub id: Id,
    /// The appointment.
    pub appointment_id: Id,
    /// Quality.
    pub role: SeatRole,
    /// Whose, as a journal actor.
    pub person: String,
    /// Hash of the browser's seat cookie, or the officer's session.
    pub browser_hash: String,
    /// Raised when the seat moves to another browser.
    pub generation: i64,
    /// Where.
    pub place: Place,
    /// When first taken.
    pub taken_at: Timestamp,
    /// When last moved to another browser.
    pub moved_at: Option<Timestamp>,
    /// When the media node last saw it connect.
    pub connected_at: Option<Timestamp>,
    /// When the media node last saw it disconnect.
    pub disconnected_at: Option<Timestamp>,
}

impl Seat {
    /// Whether the media node sees this seat connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        match (self.connected_at, self.disconnected_at) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(connected), Some(disconnected)) => connected > disconnected,
        }
    }
}

/// The topic that pages about an appointment listen to.
#[must_use]
pub fn topic(appointment_id: &Id) -> String {
    format!("appointment/{appointment_id}")
}

/// The topic that pages about a unit's day listen to.
#[must_use]
pub fn unit_topic(unit_id: &Id) -> String {
    format!("unit/{unit_id}")
}

/// Tells every open page, and the media control, that a hearing has changed.
pub fn tell(app: &App, appointment: &Appointment) {
    app.live.changed(topic(&appointment.id));
    app.live.changed(unit_topic(&appointment.unit_id));
}

/// Whether an officer may hold this hearing. Of an anonymous appointment there is none
/// here: another service's front end connects its person.
#[must_use]
pub fn may_hold(officer: &SignedInOfficer, appointment: &Appointment) -> bool {
    officer.serves(&appointment.unit_id) && !appointment.is_anonymous()
}

/// The slice's routes.
pub fn router() -> Routes {
    Routes::new()
        .route(
            "/lien/{secret}",
            get(pages::link).post(pages::enter_by_link),
        )
        .route("/lien/{secret}/code", post(declared_pages::send_code))
        .route("/audition/{id}", get(pages::room))
        .route("/audition/{id}/entrer", post(pages::enter_by_session))
        .route("/audition/{id}/jeton", post(pages::token))
        .route("/audition/{id}/evenements", get(live_pages::citizen_events))
}
