//! The citizen's pages: choose a slot, confirm it, read it, call it off.
//! Everything works without a script; the script only adds the time of the
//! reader's own zone.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::earlier::EarlierView;
use super::neighbours::{self, NeighbourOffer};
use super::reasons::{self, Reason};
use super::reschedule_pages::own_time;
use super::unit_pages;
use super::view::{AppointmentView, Field, SlotView, Week};
use super::{
    Appointment, CancelError, Choice, ConfirmError, HoldError, State, calendar_file, cancel_limit,
};
use crate::app::App;
use crate::calendar::{self, Unit, hours, overflow, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::{self, Content, Declaration};
use crate::error::{PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInCitizen;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// Slots offered beside a refusal.
const NEAREST: usize = 6;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/rendez-vous/creneaux", get(choose).post(hold))
        .route("/rendez-vous/{id}", get(show))
        .route("/rendez-vous/{id}/confirmer", get(review).post(confirm))
        .route("/rendez-vous/{id}/annuler", get(ask_cancel).post(cancel))
        .route("/rendez-vous/{id}/calendrier.ics", get(calendar_entry))
}

#[derive(Template)]
#[template(path = "booking/slots.html")]
struct SlotsPage {
    ctx: Ctx,
    unit: Unit,
    zone_note: String,
    next: Option<SlotView>,
    /// What other units of the department could do sooner.
    neighbours: Vec<NeighbourOffer>,
    week: Week,
    held: Option<AppointmentView>,
    errors: Vec<Field>,
}

#[derive(Template)]
#[template(path = "booking/confirm.html")]
struct ConfirmPage {
    ctx: Ctx,
    appointment: AppointmentView,
    content: Content,
    /// The person's own unit, where another one receives them; empty otherwise.
    instead_of: String,
}

#[derive(Template)]
#[template(path = "booking/appointment.html")]
struct AppointmentPage {
    ctx: Ctx,
    appointment: AppointmentView,
    /// It has just been moved here.
    moved: bool,
    /// The person's own unit, where another one receives them; empty otherwise.
    instead_of: String,
    /// Message that says why the unit called it off.
    called_off: &'static str,
    earlier: EarlierView,
}

#[derive(Template)]
#[template(path = "booking/cancel.html")]
struct CancelPage {
    ctx: Ctx,
    appointment: AppointmentView,
    choices: Vec<unit_pages::Choice>,
}

#[derive(Template)]
#[template(path = "booking/not_kept.html")]
struct NotKeptPage {
    ctx: Ctx,
    unit: Unit,
    zone_note: String,
    title: String,
    text: String,
    nearest: Vec<SlotView>,
}

/// Slots of the unit that receives the person's commune, a week at a time.
async fn choose(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (declaration, unit) = ready_case(&mut tx, &app, &citizen).await?;
    let wanted = query.get("semaine").map_or("", String::as_str);
    let page = slots_page(&mut tx, ctx, &declaration, unit, wanted, false).await?;
    Ok(render(&page)?.into_response())
}

#[derive(Deserialize)]
struct SlotForm {
    #[serde(default)]
    creneau: String,
    #[serde(default)]
    semaine: String,
    /// The neighbour unit whose slot it is; empty for one's own.
    #[serde(default)]
    unite: String,
}

/// The person chose a slot: it is kept while they check and confirm.
async fn hold(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<SlotForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (declaration, unit) = ready_case(&mut tx, &app, &citizen).await?;
    let Ok(starts_at) = form.creneau.parse::<i64>().map(Timestamp) else {
        let page = slots_page(&mut tx, ctx, &declaration, unit, &form.semaine, true).await?;
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let receiver = if form.unite.is_empty() || form.unite == unit.id.as_str() {
        unit.clone()
    } else {
        let wanted = Id(form.unite);
        match overflow::find_receiver(&mut tx, &unit, &wanted, ctx.now).await? {
            Some(neighbour) => neighbour,
            None => return Err(neighbours::no_longer().into()),
        }
    };
    let choice = Choice {
        citizen_id: &citizen.id,
        case_id: &declaration.case_id,
        unit: &receiver,
        starts_at,
    };
    match super::hold(&mut tx, &app.keys, choice, ctx.now).await {
        Ok(held) => {
            tx.commit().await?;
            app.live.changed(format!("unit/{}", receiver.id));
            Ok(Redirect::to(&format!("/rendez-vous/{}/confirmer", held.id)).into_response())
        }
        Err(HoldError::AlreadyBooked(id)) => {
            Ok(Redirect::to(&format!("/rendez-vous/{id}")).into_response())
        }
        Err(HoldError::OwnTime(other)) => {
            Err(own_time(&other, "/rendez-vous/creneaux".to_owned()).into())
        }
        Err(HoldError::SameFacts(other)) => Err(same_facts(&other).into()),
        Err(HoldError::SlotTaken) => {
            drop(tx);
            let words = ("booking-taken-title", "booking-taken-text");
            not_kept(&app, ctx, unit, starts_at, StatusCode::CONFLICT, words).await
        }
        Err(HoldError::Fault(fault)) => Err(fault.into()),
    }
}

/// What is about to be confirmed, and until when it is kept.
async fn review(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = own(&mut tx, &id, &citizen).await?;
    match appointment.state {
        State::Held if appointment.held_until.is_some_and(|until| until > ctx.now) => {
            let content =
                declaration::open_content(&mut tx, &app.keys, &appointment.case_id).await?;
            let page = ConfirmPage {
                instead_of: neighbours::instead_of(&mut tx, &appointment).await?,
                appointment: AppointmentView::new(&appointment, &unit, &ctx),
                content,
                ctx: ctx.with_quick_exit(),
            };
            Ok(render(&page)?.into_response())
        }
        State::Held | State::Expired => {
            drop(tx);
            expired(&app, ctx, unit, appointment.starts_at).await
        }
        _ => Ok(Redirect::to(&format!("/rendez-vous/{id}")).into_response()),
    }
}

#[derive(Deserialize)]
struct NoFields {}

async fn confirm(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    match super::confirm(&mut tx, &app.keys, &citizen.id, &id, ctx.now).await {
        Ok(booked) => {
            tx.commit().await?;
            tell_pages(&app, &booked);
            Ok(Redirect::to(&format!("/rendez-vous/{id}")).into_response())
        }
        Err(ConfirmError::NotFound) => Err(Refusal::not_found().into()),
        Err(ConfirmError::HoldExpired(appointment)) => {
            let unit = super::unit_of(&mut tx, &appointment.unit_id).await?;
            drop(tx);
            expired(&app, ctx, unit, appointment.starts_at).await
        }
        // Changed in another tab since the slot was chosen, which stays kept meanwhile.
        Err(ConfirmError::NotReachable) => Err(PageError::Redirect(
            declaration::path_of_step(declaration::MissingStep::Code).to_owned(),
        )),
        Err(ConfirmError::TooMany) => Err(Refusal::new(StatusCode::CONFLICT, "booking-too-many")
            .way_out("/espace", "booking-way-out-space")
            .way_out("/en-personne", "way-out-in-person")
            .into()),
        Err(ConfirmError::Fault(fault)) => Err(fault.into()),
    }
}

/// What has just been done, to say so once.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    fait: String,
}

/// The appointment, whatever became of it.
async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Asked(asked): Asked<Done>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = own(&mut tx, &id, &citizen).await?;
    if matches!(appointment.state, State::Held | State::Expired) {
        return Ok(Redirect::to(&format!("/rendez-vous/{id}/confirmer")).into_response());
    }
    let reason = super::cancellation::last_reason(&mut tx, &id).await?;
    let earlier = EarlierView::read(&mut tx, &appointment, &unit, &ctx).await?;
    let page = AppointmentPage {
        earlier,
        instead_of: neighbours::instead_of(&mut tx, &appointment).await?,
        moved: asked.fait == "deplace" && appointment.sequence > 0,
        called_off: if reason == Some(Reason::NotOpened) {
            "booking-left-waiting-title"
        } else {
            "booking-cancelled-unit-title"
        },
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

async fn ask_cancel(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = own(&mut tx, &id, &citizen).await?;
    if appointment.state == State::CancelledByCitizen {
        return Ok(Redirect::to(&format!("/rendez-vous/{id}")).into_response());
    }
    if appointment.state != State::Booked || ctx.now > cancel_limit(&appointment, &unit) {
        return Err(too_late(&id).into());
    }
    let page = CancelPage {
        choices: unit_pages::choices(reasons::OF_CITIZEN, &ctx),
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

#[derive(Deserialize)]
struct ReasonForm {
    #[serde(default)]
    motif: String,
}

async fn cancel(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<ReasonForm>,
) -> Result<Response, PageError> {
    // Nobody has to give a reason, and what is none of ours is no reason.
    let reason = reasons::offered(reasons::OF_CITIZEN, &form.motif).unwrap_or(Reason::Unsaid);
    let mut tx = app.db.begin().await?;
    match super::cancel(&mut tx, &app.keys, &citizen.id, &id, reason, ctx.now).await {
        Ok(cancelled) => {
            tx.commit().await?;
            tell_pages(&app, &cancelled);
            Ok(Redirect::to(&format!("/rendez-vous/{id}")).into_response())
        }
        Err(CancelError::NotFound) => Err(Refusal::not_found().into()),
        Err(CancelError::TooLate) => Err(too_late(&id).into()),
        Err(CancelError::Fault(fault)) => Err(fault.into()),
    }
}

/// The appointment for the person's own calendar. It leads to our page, not to
/// the link: calendars are copied to places that nobody remembers.
async fn calendar_entry(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, _) = own(&mut tx, &id, &citizen).await?;
    if !matches!(
        appointment.state,
        State::Booked | State::Open | State::InHearing
    ) {
        return Err(Refusal::not_found().into());
    }
    let address = format!("{}/rendez-vous/{id}", app.config.public_url);
    let happening = calendar_file::Happening::Booked;
    let own = calendar_file::Occasion::own(&appointment);
    let text = calendar_file::render(&own, happening, &address, ctx.lang, ctx.now);
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rendez-vous.ics\"",
        ),
    ];
    Ok((headers, text).into_response())
}

/// These facts are to be heard already.
fn same_facts(other: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-same-facts")
        .way_out(format!("/rendez-vous/{other}"), "booking-way-out-other")
        .way_out("/declaration/faits", "booking-way-out-facts")
}

fn too_late(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-too-late")
        .way_out(format!("/rendez-vous/{id}"), "booking-way-out-appointment")
}

pub(super) fn tell_pages(app: &App, appointment: &Appointment) {
    app.live.changed(format!("appointment/{}", appointment.id));
    app.live.changed(format!("unit/{}", appointment.unit_id));
}

/// An appointment of this citizen with its unit; another's does not exist.
pub(super) async fn own(
    tx: &mut Tx,
    id: &Id,
    citizen: &SignedInCitizen,
) -> Result<(Appointment, Unit), PageError> {
    let appointment = super::find_of_citizen(tx, id, &citizen.id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let unit = super::unit_of(tx, &appointment.unit_id).await?;
    Ok((appointment, unit))
}

/// The case that may take a slot, with its unit; or the step that comes first.
async fn ready_case(
    tx: &mut Tx,
    app: &App,
    citizen: &SignedInCitizen,
) -> Result<(Declaration, Unit), PageError> {
    let go_to = |path: &str| PageError::Redirect(path.to_owned());
    let Some(declaration) = super::case_to_book(tx, &citizen.id).await? else {
        // Most often the person came back with the browser's arrow.
        let coming = super::list_of_citizen(tx, &citizen.id)
            .await?
            .into_iter()
            .find(|appointment| appointment.state == State::Booked);
        return Err(coming.map_or_else(
            || go_to("/orientation"),
            |appointment| go_to(&format!("/rendez-vous/{}", appointment.id)),
        ));
    };
    let content = declaration::open_content(tx, &app.keys, &declaration.case_id).await?;
    // A case that had an appointment was complete then, and is not told anew.
    let told = declaration.submitted_at.is_some();
    if let (false, Err(step)) = (told, declaration::ready_for_slot(&declaration, &content)) {
        return Err(go_to(declaration::path_of_step(step)));
    }
    let unit_id = declaration
        .home_unit()
        .cloned()
        .ok_or_else(|| go_to("/declaration/coordonnees"))?;
    let unit = super::unit_of(tx, &unit_id).await?;
    Ok((declaration, unit))
}

async fn slots_page(
    tx: &mut Tx,
    ctx: Ctx,
    declaration: &Declaration,
    unit: Unit,
    wanted_week: &str,
    nothing_chosen: bool,
) -> Result<SlotsPage, PageError> {
    let end = calendar::end_of_horizon(&unit, ctx.now);
    let slots = calendar::offered_slots(tx, &unit, ctx.now, end, ctx.now).await?;
    let held = super::store::find_live(tx, &declaration.case_id)
        .await?
        .filter(|held| held.held_until.is_some_and(|until| until > ctx.now))
        .map(|held| AppointmentView::new(&held, &unit, &ctx));
    let own_first = slots.first().map(|slot| slot.starts_at);
    let neighbours = neighbours::offers(tx, &unit, own_first, &ctx).await?;
    let week = Week::of(&slots, &unit, hours::day_of(wanted_week), &ctx);
    let errors = if nothing_chosen {
        // The link leads to the first radio button there is.
        let field = week.first_field();
        vec![Field {
            field,
            text: ctx.t("booking-choose-error"),
        }]
    } else {
        Vec::new()
    };
    Ok(SlotsPage {
        next: slots.first().map(|slot| SlotView::new(slot, &unit, &ctx)),
        zone_note: super::view::zone_note(&unit, &ctx),
        neighbours,
        week,
        held,
        errors,
        unit,
        ctx: ctx.with_quick_exit(),
    })
}

async fn expired(
    app: &App,
    ctx: Ctx,
    unit: Unit,
    wanted: Timestamp,
) -> Result<Response, PageError> {
    let words = ("booking-expired-title", "booking-expired-text");
    not_kept(app, ctx, unit, wanted, StatusCode::GONE, words).await
}

/// The slot is lost: the page says so and offers the nearest ones.
async fn not_kept(
    app: &App,
    ctx: Ctx,
    unit: Unit,
    wanted: Timestamp,
    status: StatusCode,
    (title, text): (&str, &str),
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let nearest = super::nearest_slots(&mut tx, &unit, wanted, NEAREST, ctx.now).await?;
    let moment = wall::moment(ctx.lang, wanted, unit.zone());
    let page = NotKeptPage {
        title: ctx.t(title),
        text: ctx.t1(text, "moment", moment),
        nearest: nearest
            .iter()
            .map(|slot| SlotView::with_day(slot, &unit, &ctx))
            .collect(),
        zone_note: super::view::zone_note(&unit, &ctx),
        unit,
        ctx: ctx.with_quick_exit(),
    };
    render_with(status, &page)
}
