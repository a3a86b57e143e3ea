//! What neighbour units could do sooner, as the person's pages show it. Which ones may,
//! and when, is decided by the department ([`crate::calendar::overflow`]).

use axum::http::StatusCode;

use super::view::SlotView;
use super::{Appointment, unit_of};
use crate::calendar::{Unit, overflow};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::declaration;
use crate::error::{Fault, Refusal};
use crate::page::Ctx;

/// A neighbour's first free slot.
pub(super) struct NeighbourOffer {
    pub(super) unit: Unit,
    pub(super) slot: SlotView,
}

/// The slots of neighbours that a person of this unit is offered, the earliest first.
/// `own_first` is the first free slot of their unit.
pub(super) async fn offers(
    tx: &mut Tx,
    unit: &Unit,
    own_first: Option<Timestamp>,
    ctx: &Ctx,
) -> Result<Vec<NeighbourOffer>, Fault> {
    let rule = overflow::find(tx, &unit.id).await?.rule;
    let found = overflow::find_offers(tx, unit, &rule, own_first, ctx.now).await?;
    Ok(found
        .into_iter()
        .map(|(unit, slot)| NeighbourOffer {
            slot: SlotView::new(&slot, &unit, ctx),
            unit,
        })
        .collect())
}

/// The name of the person's own unit, where another one receives them; empty otherwise.
pub(super) async fn instead_of(tx: &mut Tx, appointment: &Appointment) -> Result<String, Fault> {
    let declaration = declaration::find(tx, &appointment.case_id).await?;
    let home = declaration.and_then(|declaration| declaration.home_unit().cloned());
    match home.filter(|home| *home != appointment.unit_id) {
        Some(home) => Ok(unit_of(tx, &home).await?.name),
        None => Ok(String::new()),
    }
}

/// The neighbour is not asked any more: one's own unit has a slot again, or the
/// department decided otherwise.
pub(super) fn no_longer() -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-neighbour-no-longer")
        .way_out("/rendez-vous/creneaux", "booking-way-out-other-slot")
        .way_out("/en-personne", "way-out-in-person")
}
