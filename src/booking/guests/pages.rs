//! Whom the person brings: they invite a lawyer or somebody who accompanies them from
//! their appointment's page, and tell them the code themselves. They see and take back
//! their own invitations alone; the officer still lets everybody in, one by one.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::{GuestError, Invitation, MOST, OF_CITIZEN, Standing, WrongInvitation};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::pages::{own, tell_pages};
use crate::booking::view::AppointmentView;
use crate::booking::{Appointment, State};
use crate::calendar::Unit;
use crate::db::{Id, Tx};
use crate::declaration::phone;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInCitizen;
use crate::notifications::Channel;
use crate::orientation::{Choice, FieldError};
use crate::page::{Ctx, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(in crate::booking) fn router() -> Routes {
    Routes::new()
        .route("/rendez-vous/{id}/invites", get(show).post(invite))
        .route("/rendez-vous/{id}/invites/retirer", post(revoke))
}

struct Row {
    id: Id,
    role: String,
    name: String,
    address: String,
    state: String,
    /// What to tell them; empty once it is worth nothing.
    code: String,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
struct InviteForm {
    qualite: String,
    nom: String,
    contact: String,
}

#[derive(Template)]
#[template(path = "booking/guests.html")]
struct GuestsPage {
    ctx: Ctx,
    appointment: AppointmentView,
    guests: Vec<Row>,
    roles: Vec<Choice>,
    form: InviteForm,
    /// Somebody more may be invited.
    inviting: bool,
    errors: Vec<FieldError>,
}

impl GuestsPage {
    fn error(&self, field: &str) -> &str {
        self.errors
            .iter()
            .find(|error| error.field == field)
            .map_or("", |error| error.text.as_str())
    }
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = coming(&mut tx, &id, &citizen).await?;
    let told = (InviteForm::default(), Vec::new());
    page(&mut tx, &app, ctx, (&appointment, &unit), told).await
}

async fn invite(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<InviteForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = coming(&mut tx, &id, &citizen).await?;
    let typed = (
        &*form.qualite,
        &*form.nom,
        &*form.contact,
        ctx.lang.as_str(),
    );
    let wrong = |field: &'static str, name: &str| {
        let text = ctx.t(name);
        vec![FieldError { field, text }]
    };
    let errors = match Invitation::read(OF_CITIZEN, typed) {
        Ok(invitation) => {
            let actor = Actor::Citizen(citizen.id.clone());
            let (keys, now) = (&app.keys, ctx.now);
            match super::invite(&mut tx, keys, &appointment, invitation, &actor, now).await {
                Ok(_) => {
                    tx.commit().await?;
                    tell_pages(&app, &appointment);
                    let here = format!("/rendez-vous/{id}/invites");
                    return Ok(Redirect::to(&here).into_response());
                }
                Err(GuestError::Fault(fault)) => return Err(fault.into()),
                Err(GuestError::Already) => wrong("contact", "guest-invite-already"),
                Err(GuestError::TooMany) => wrong("contact", "guest-invite-many"),
                Err(GuestError::TooOften) => wrong("contact", "guest-invite-too-often"),
                Err(GuestError::Over | GuestError::NotFound) => return Err(over(&id).into()),
            }
        }
        Err(WrongInvitation::Role) => wrong("qualite", "guest-invite-role-error"),
        Err(WrongInvitation::Name) => wrong("nom", "guest-invite-name-error"),
        Err(WrongInvitation::Contact) => wrong("contact", "guest-invite-contact-error"),
    };
    drop(tx);
    let mut tx = app.db.read().await?;
    page(&mut tx, &app, ctx, (&appointment, &unit), (form, errors)).await
}

/// A guest to act on.
#[derive(Deserialize)]
struct GuestForm {
    invite: Id,
}

async fn revoke(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<GuestForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, _) = coming(&mut tx, &id, &citizen).await?;
    let actor = Actor::Citizen(citizen.id.clone());
    // Once they have come in, it is the officer who sends them out.
    let theirs = super::list(&mut tx, &app.keys, &appointment)
        .await?
        .iter()
        .any(|guest| {
            guest.id == form.invite
                && guest.invited_by == actor.to_string()
                && guest.standing() != Standing::Used
        });
    if !theirs {
        return Err(not_theirs(&id).into());
    }
    match super::revoke(
        &mut tx,
        &app.keys,
        &appointment,
        &form.invite,
        &actor,
        ctx.now,
    )
    .await
    {
        Ok(_) => {
            tx.commit().await?;
            tell_pages(&app, &appointment);
            Ok(Redirect::to(&format!("/rendez-vous/{id}/invites")).into_response())
        }
        Err(GuestError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(not_theirs(&id).into()),
    }
}

async fn page(
    tx: &mut Tx,
    app: &App,
    ctx: Ctx,
    (appointment, unit): (&Appointment, &Unit),
    (form, errors): (InviteForm, Vec<FieldError>),
) -> Result<Response, PageError> {
    let all = super::list(tx, &app.keys, appointment).await?;
    let person = Actor::Citizen(appointment.citizen_id.clone()).to_string();
    let guests = all
        .iter()
        .filter(|guest| guest.invited_by == person)
        .map(|guest| {
            let ready = guest.standing() == Standing::Ready;
            Row {
                id: guest.id.clone(),
                role: ctx.t(&format!("seat-role-{}", guest.role)),
                name: guest.identity.name.clone(),
                address: match guest.identity.channel {
                    Channel::Email => guest.identity.address.clone(),
                    Channel::Sms => phone::readable(&guest.identity.address),
                },
                state: ctx.t(match guest.standing() {
                    Standing::Ready => "guest-state-ready",
                    Standing::Locked => "guest-state-locked",
                    Standing::Used => "guest-state-used",
                }),
                code: if ready {
                    guest.code(&app.keys)
                } else {
                    String::new()
                },
            }
        })
        .collect();
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = GuestsPage {
        guests,
        roles: OF_CITIZEN
            .iter()
            .map(|role| Choice {
                value: role.as_str().to_owned(),
                label: ctx.t(&format!("seat-role-{role}")),
                hint: String::new(),
            })
            .collect(),
        form,
        inviting: all.len() < MOST,
        errors,
        appointment: AppointmentView::new(appointment, unit, &ctx),
        ctx: ctx.with_quick_exit(),
    };
    render_with(status, &page)
}

/// An own appointment that still takes guests.
async fn coming(
    tx: &mut Tx,
    id: &Id,
    citizen: &SignedInCitizen,
) -> Result<(Appointment, Unit), PageError> {
    let (appointment, unit) = own(tx, id, citizen).await?;
    match appointment.state {
        State::Booked | State::Open | State::InHearing => Ok((appointment, unit)),
        _ => Err(over(id).into()),
    }
}

fn over(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "refusal-guest-over")
        .way_out(format!("/rendez-vous/{id}"), "booking-way-out-appointment")
}

fn not_theirs(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "refusal-guest-gone")
        .way_out(format!("/rendez-vous/{id}/invites"), "way-out-back")
}
