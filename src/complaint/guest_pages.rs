//! The officer's list of guests on their workspace: whom they invited, where each link
//! stands, the code to tell, and the way to send another or to take it back. The links
//! themselves are shown to nobody: an officer who could open them could sit there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use serde::Deserialize;

use super::workspace::{back, held_by};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::guests::{self, Guest, GuestError, Invitation, Standing, WrongInvitation};
use crate::db::Id;
use crate::declaration::phone;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::hearings;
use crate::identity::SignedInOfficer;
use crate::keys::Keys;
use crate::messages::Lang;
use crate::notifications::Channel;
use crate::page::Ctx;
use crate::path::PathId;

/// A guest as the officer sees them.
pub(super) struct GuestRow {
    pub id: Id,
    pub role: String,
    pub name: String,
    pub address: String,
    /// Where their link stands, in words, and how that looks.
    pub state: String,
    pub look: &'static str,
    /// What to tell them; empty once they came in, or where it is worth nothing.
    pub code: String,
}

/// The list as the page shows it.
pub(super) fn rows(guests: &[Guest], keys: &Keys, ctx: &Ctx) -> Vec<GuestRow> {
    guests
        .iter()
        .map(|guest| {
            let (name, look) = match guest.standing() {
                Standing::Ready => ("guest-state-ready", "info"),
                Standing::Locked => ("guest-state-locked", "error"),
                Standing::Used => ("guest-state-used", "success"),
            };
            let code = match guest.standing() {
                Standing::Ready => guest.code(keys),
                Standing::Locked | Standing::Used => String::new(),
            };
            GuestRow {
                id: guest.id.clone(),
                role: ctx.t(&format!("seat-role-{}", guest.role)),
                name: guest.identity.name.clone(),
                address: match guest.identity.channel {
                    Channel::Email => guest.identity.address.clone(),
                    Channel::Sms => phone::readable(&guest.identity.address),
                },
                state: ctx.t(name),
                look,
                // In two halves, as it is said aloud.
                code: code
                    .split_at_checked(3)
                    .map_or_else(String::new, |(left, right)| format!("{left} {right}")),
            }
        })
        .collect()
}

/// What the form of an invitation sends.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct InviteForm {
    qualite: String,
    nom: String,
    contact: String,
    langue: String,
}

impl Default for InviteForm {
    fn default() -> Self {
        InviteForm {
            qualite: String::new(),
            nom: String::new(),
            contact: String::new(),
            langue: Lang::Fr.as_str().to_owned(),
        }
    }
}

/// POST `…/invites`.
pub async fn invite(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<InviteForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    let typed = (&*form.qualite, &*form.nom, &*form.contact, &*form.langue);
    let invitation = Invitation::read(guests::ROLES, typed).map_err(|wrong| {
        let name = match wrong {
            WrongInvitation::Role => "refusal-guest-role",
            WrongInvitation::Name => "refusal-guest-name",
            WrongInvitation::Contact => "refusal-guest-contact",
        };
        refusal(StatusCode::UNPROCESSABLE_ENTITY, name, &id)
    })?;
    let actor = Actor::Officer(officer.id);
    guests::invite(&mut tx, &app.keys, &appointment, invitation, &actor, now)
        .await
        .map_err(|error| refused(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

/// A guest to act on.
#[derive(Debug, Deserialize)]
pub struct GuestForm {
    invite: Id,
}

/// POST `…/invites/renvoyer`: another link and another code.
pub async fn send_again(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<GuestForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    let actor = Actor::Officer(officer.id);
    hearings::guests::send_again(&mut tx, &app.keys, &appointment, &form.invite, &actor, now)
        .await
        .map_err(|error| refused(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

/// POST `…/invites/retirer`: takes an invitation back.
pub async fn revoke(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<GuestForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    let actor = Actor::Officer(officer.id);
    hearings::guests::revoke(&mut tx, &app.keys, &appointment, &form.invite, &actor, now)
        .await
        .map_err(|error| refused(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

fn refused(error: GuestError, id: &Id) -> PageError {
    let name = match error {
        GuestError::Over => "refusal-guest-over",
        GuestError::TooMany => "refusal-guest-many",
        GuestError::Already => "refusal-guest-already",
        GuestError::TooOften => "refusal-guest-too-often",
        GuestError::NotFound => "refusal-guest-gone",
        GuestError::Fault(fault) => return fault.into(),
    };
    refusal(StatusCode::CONFLICT, name, id).into()
}

fn refusal(status: StatusCode, name: &'static str, id: &Id) -> Refusal {
    Refusal::new(status, name).way_out(format!("/agent/audition/{id}"), "way-out-back")
}
