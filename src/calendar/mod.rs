//! Units, their desks (*guichets*) and what makes a desk bookable. Slots are
//! computed from these and from the occupancy of desks; they are never stored.
//! It knows nothing of who books or why.

use axum::Router;
use chrono_tz::Tz;

use crate::app::App;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{fetch_optional, text_enum};

text_enum! {
    /// Which force a unit belongs to.
    UnitKind {
        /// National police (*commissariat*).
        Police = "police",
        /// National gendarmerie (*brigade*).
        Gendarmerie = "gendarmerie",
    }
}

/// Where complaints are taken.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Unit {
    /// Key.
    pub id: Id,
    /// INSEE code of the department.
    pub department: String,
    /// Police or gendarmerie.
    pub kind: UnitKind,
    /// Full name.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// Telephone, as printed.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// IANA time zone name.
    pub time_zone: String,
    /// Length of a hearing's slot.
    pub slot_minutes: i64,
    /// Pause kept after each slot.
    pub buffer_minutes: i64,
    /// Shortest notice for booking, moving or cancelling.
    pub notice_minutes: i64,
    /// How far ahead slots are offered.
    pub horizon_days: i64,
}

impl Unit {
    /// The unit's zone; a name that is no zone falls back to Paris.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Europe::Paris)
    }
}

/// Reads a unit.
///
/// # Errors
/// When the database fails.
pub async fn find_unit(tx: &mut Tx, id: &Id) -> Result<Option<Unit>, Fault> {
    fetch_optional!(
        tx,
        Unit,
        "select id, department, kind, name, address, postal_code, city, phone, email, time_zone,
                slot_minutes, buffer_minutes, notice_minutes, horizon_days
         from units where id = $1",
        id
    )
}

/// The slice's routes.
pub fn router() -> Router<App> {
    Router::new()
}
