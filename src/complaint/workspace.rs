//! The officer's workspace: dossier, call, check list, editor and review on
//! one page, in regions that follow the hearing.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, Redirect, Response};
use documents::LegalTexts;
use serde::Deserialize;

use super::guest_pages::{self, GuestRow};
use super::lifecycle::RecordState;
use super::person_pages::{ShownChange, note_reading, shown};
use super::record;
use super::store::{self, DocumentRow, Record};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::{self, Appointment};
use crate::calendar::wall;
use crate::calendar::{self, Unit};
use crate::db::{Id, Tx};
use crate::declaration::{self, Content};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::hearings::checks::{CHECKS, RIGHT, TOLD};
use crate::hearings::store::{self as hearing_store, NotedCheck};
use crate::hearings::{
    self, AdmitError, Audience, CallView, EnterError, OpenError, Place, Seat, SeatRole,
};
use crate::identity::notes::{self, ShownNotes};
use crate::identity::{PivotIdentity, SignedInOfficer};
use crate::page::{Ctx, render};
use crate::path::PathId;

struct Person {
    seat_id: Id,
    role: String,
    /// What a guest is called; empty for the person who booked.
    name: String,
    /// `waiting` or `in`.
    waits: bool,
    connected: bool,
    since: String,
    /// That the seat was taken up on another device, when last and how often; empty for
    /// never.
    moved: String,
}

struct CheckRow {
    key: &'static str,
    label: String,
    options: Vec<(String, String)>,
    result: String,
    at: String,
}

struct RightRow {
    item: String,
    title: String,
    text: String,
    article: String,
    at: String,
}

#[derive(Template)]
#[template(path = "complaint/workspace.html")]
struct WorkspacePage {
    ctx: Ctx,
    id: Id,
    unit: Unit,
    reference: String,
    when: String,
    identity: PivotIdentity,
    /// What to know of how the person signed in.
    notes: ShownNotes,
    name: String,
    birth: String,
    content: Content,
    /// This officer sits in the hearing with this session.
    seated: bool,
    call: CallView,
    people: Vec<Person>,
    guests: Vec<GuestRow>,
    /// The roles a guest may have, with their names.
    guest_roles: Vec<(&'static str, String)>,
    /// Somebody more may be invited.
    inviting: bool,
    announce: String,
    checks: Vec<CheckRow>,
    rights: Vec<RightRow>,
    told: usize,
    missing: usize,
    incidents: Vec<String>,
    record: Option<Record>,
    record_state: String,
    narrative: String,
    revision: i64,
    writable: bool,
    sendable: bool,
    signable: bool,
    changes: Vec<ShownChange>,
    documents: Vec<DocumentRow>,
    over: bool,
}

/// An appointment that this officer may hold; anything else is not found.
///
/// # Errors
/// A 404 refusal, or a fault.
pub async fn held_by(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit), PageError> {
    let appointment = booking::find(tx, id)
        .await?
        .filter(|appointment| hearings::may_hold(officer, appointment))
        .ok_or_else(|| Refusal::not_found().way_out("/agent", "way-out-agenda"))?;
    let unit = calendar::find_unit(tx, &appointment.unit_id)
        .await?
        .ok_or_else(|| PageError::Fault(Fault::other("an appointment's unit is gone")))?;
    Ok((appointment, unit))
}

/// GET `/agent/audition/ID`.
pub async fn show(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    ctx: Ctx,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = held_by(&mut tx, &id, &officer).await?;
    let actor = Actor::Officer(officer.id.clone());
    let (session, object) = (&officer.session, format!("record/{}", appointment.case_id));
    let now = ctx.now;
    let noted = app.readings.is_noted(session, &object, now);
    if !noted {
        note_reading(&mut tx, &appointment, &actor, now).await?;
    }
    let page = page(&mut tx, &app, ctx, &officer, &appointment, unit).await?;
    tx.commit().await?;
    if !noted {
        app.readings.note(session, &object, now);
    }
    render(&page)
}

async fn page(
    tx: &mut Tx,
    app: &App,
    ctx: Ctx,
    officer: &SignedInOfficer,
    appointment: &Appointment,
    unit: Unit,
) -> Result<WorkspacePage, PageError> {
    let zone = unit.zone();
    let lang = ctx.lang;
    let sealed = store::find_sealed_identity(tx, &appointment.citizen_id)
        .await?
        .ok_or_else(|| PageError::Fault(Fault::other("the person of an appointment is gone")))?;
    let identity: PivotIdentity = app
        .keys
        .service
        .open_json(&format!("citizen/{}", appointment.citizen_id), &sealed)?;
    let signed_in = notes::find(tx, &app.keys, &appointment.citizen_id, ctx.now).await?;
    let seats = hearing_store::list_seats(tx, &appointment.id).await?;
    let hearing = hearing_store::find_hearing(tx, &appointment.id).await?;
    let noted = hearing_store::list_checks(tx, &appointment.id).await?;
    let events = hearing_store::list_events(tx, &appointment.id).await?;
    let record = store::find_record(tx, &appointment.case_id).await?;
    let (draft, revision) = record::read_draft(tx, &app.keys, &appointment.case_id).await?;
    let changes = record::read_changes(tx, &app.keys, &appointment.case_id).await?;
    let unanswered = changes.iter().any(|change| change.answered_at.is_none());
    let today = ctx.now.in_zone(zone).date_naive();
    let missing = hearings::checks::missing(&noted, today).len();
    let state = record.as_ref().map(|record| record.state);
    let at = |instant| wall::time(lang, instant, zone);
    let guests = booking::guests::list(tx, &app.keys, appointment).await?;
    let people: Vec<Person> = seats
        .iter()
        .filter(|seat| seat.role != SeatRole::Officer && seat.place != Place::Left)
        .map(|seat| Person {
            role: ctx.t(&format!("seat-role-{}", seat.role)),
            name: guests
                .iter()
                .find(|guest| seat.person == guest.link.person)
                .map_or_else(String::new, |guest| guest.identity.name.clone()),
            waits: seat.place == Place::Waiting,
            connected: seat.is_connected(),
            since: at(seat.taken_at),
            moved: seat.moved_at.map_or_else(String::new, |moved_at| {
                let when = wall::second(moved_at, zone);
                ctx.t2(
                    "workspace-moved",
                    "when",
                    when,
                    "times",
                    seat.generation - 1,
                )
            }),
            seat_id: seat.id.clone(),
        })
        .collect();
    let arrived = people.iter().any(|person| person.waits && person.connected);
    Ok(WorkspacePage {
        seated: seats.iter().any(|seat| is_own(seat, officer)),
        // Another text each time somebody moves: each move is read out.
        announce: arrived
            .then(|| ctx.t("workspace-announce-arrived"))
            .into_iter()
            .chain(people.iter().map(|person| person.moved.clone()))
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        checks: check_rows(&ctx, &noted, &at),
        rights: right_rows(&noted, today, &at),
        told: noted
            .iter()
            .filter(|check| check.item.starts_with(RIGHT))
            .count(),
        missing,
        inviting: guests.len() < booking::guests::MOST
            && hearings::check_window(appointment, ctx.now).map_or_else(
                |error| matches!(error, EnterError::TooEarly { .. }),
                |()| true,
            ),
        guests: guest_pages::rows(&guests, &app.keys, &ctx),
        guest_roles: booking::guests::ROLES
            .iter()
            .map(|role| (role.as_str(), ctx.t(&format!("seat-role-{role}"))))
            .collect(),
        incidents: hearings::incidents::incidents(&events)
            .iter()
            .map(|incident| {
                let second = |at| wall::second(at, zone);
                let until = incident.until.map_or_else(String::new, second);
                let what = ctx.t(&incident.kind.replace('_', "-"));
                format!("{} – {until} : {what}", second(incident.from))
            })
            .collect(),
        record_state: state.map_or_else(String::new, |state| {
            ctx.t(&format!(
                "record-state-{}",
                state.as_str().replace('_', "-")
            ))
        }),
        writable: state.is_some_and(RecordState::is_writable),
        sendable: state.is_some_and(RecordState::is_writable) && missing == 0 && !unanswered,
        signable: matches!(state, Some(RecordState::Agreed | RecordState::Refused)),
        documents: store::list_documents(tx, &appointment.case_id).await?,
        over: hearing.is_some_and(|hearing| hearing.ended_at.is_some()),
        changes: shown(changes, &unit, &ctx),
        narrative: draft.narrative,
        revision,
        record,
        people,
        call: CallView {
            token_url: format!("/agent/audition/{}/jeton", appointment.id),
            role: SeatRole::Officer.as_str(),
            back_url: "/agent".to_owned(),
        },
        birth: chrono::NaiveDate::parse_from_str(&identity.birthdate, "%Y-%m-%d").map_or_else(
            |_| identity.birthdate.clone(),
            |day| day.format("%d/%m/%Y").to_string(),
        ),
        name: identity.display_name(),
        notes: ShownNotes::new(&ctx, &signed_in, &identity, |at| {
            wall::moment(lang, at, zone)
        }),
        identity,
        content: declaration::open_content(tx, &app.keys, &appointment.case_id).await?,
        when: wall::moment(lang, appointment.starts_at, zone),
        reference: appointment.reference.clone(),
        id: appointment.id.clone(),
        unit,
        ctx,
    })
}

fn is_own(seat: &Seat, officer: &SignedInOfficer) -> bool {
    seat.role == SeatRole::Officer
        && seat.place == Place::In
        && seat.browser_hash == officer.session
}

fn check_rows(
    ctx: &Ctx,
    noted: &[NotedCheck],
    at: &impl Fn(crate::clock::Timestamp) -> String,
) -> Vec<CheckRow> {
    CHECKS
        .iter()
        .map(|check| {
            let found = noted.iter().find(|noted| noted.item == check.key);
            CheckRow {
                key: check.key,
                label: ctx.t(&format!("check-{}", check.key)),
                options: check
                    .results
                    .iter()
                    .map(|result| {
                        let label = ctx.t(&format!("check-{}-{result}", check.key));
                        ((*result).to_owned(), label)
                    })
                    .collect(),
                result: found.map_or_else(String::new, |noted| noted.result.clone()),
                at: found.map_or_else(String::new, |noted| at(noted.noted_at)),
            }
        })
        .collect()
}

fn right_rows(
    noted: &[NotedCheck],
    today: chrono::NaiveDate,
    at: &impl Fn(crate::clock::Timestamp) -> String,
) -> Vec<RightRow> {
    LegalTexts::in_force_on(today)
        .map(|texts| texts.rights.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|right| {
            let item = format!("{RIGHT}{}", right.id);
            let found = noted.iter().find(|noted| noted.item == item);
            RightRow {
                at: found.map_or_else(String::new, |noted| at(noted.noted_at)),
                item,
                title: right.title.clone(),
                text: right.text.clone(),
                article: right.article.clone(),
            }
        })
        .collect()
}

/// A form that holds nothing but the anti-forgery token.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// POST `…/ouvrir`: the officer opens the hearing, or takes it over.
pub async fn open(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    hearings::open(&mut tx, &appointment, &officer, now)
        .await
        .map_err(not_opened)?;
    record::open(&mut tx, &appointment, &officer, now).await?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

fn not_opened(error: OpenError) -> PageError {
    match error {
        OpenError::Fault(fault) => fault.into(),
        OpenError::NotYours => Refusal::not_found()
            .way_out("/agent", "way-out-agenda")
            .into(),
        OpenError::WrongState(_) => Refusal::new(StatusCode::CONFLICT, "refusal-hearing-state")
            .way_out("/agent", "way-out-agenda")
            .into(),
        OpenError::TooEarly { .. } => {
            Refusal::new(StatusCode::CONFLICT, "refusal-hearing-too-early")
                .way_out("/agent", "way-out-agenda")
                .into()
        }
        OpenError::MayCome { .. } => Refusal::new(StatusCode::CONFLICT, "refusal-hearing-may-come")
            .way_out("/agent", "way-out-agenda")
            .into(),
    }
}

pub(super) fn back(appointment: &Appointment) -> Redirect {
    Redirect::to(&format!("/agent/audition/{}", appointment.id))
}

/// POST `…/jeton`: a fresh join token for this officer's seat.
pub async fn token(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    ctx: Ctx,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Json<impl serde::Serialize>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    let hearing = hearing_store::find_hearing(&mut tx, &appointment.id).await?;
    let seats = hearing_store::list_seats(&mut tx, &appointment.id).await?;
    let seat = seats.iter().find(|seat| is_own(seat, &officer));
    let (Some(hearing), Some(seat)) = (hearing, seat) else {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-officer-seat").into());
    };
    if hearing.ended_at.is_some() {
        return Err(Refusal::new(StatusCode::GONE, "refusal-hearing-ended").into());
    }
    drop(tx);
    Ok(Json(hearings::grant(&app, &hearing, seat, ctx.now).await?))
}

/// GET `…/evenements`: which regions of the workspace to fetch again.
pub async fn events(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    Ok(hearings::changes(
        &app,
        hearings::topic(&appointment.id),
        Audience::Session(officer.session),
        &["people", "guests", "checks", "review"],
    ))
}

/// A seat to act on.
#[derive(Debug, Deserialize)]
pub struct SeatForm {
    place: Id,
}

/// POST `…/admettre`.
pub async fn admit(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<SeatForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    hearings::admit(&mut tx, &appointment, &officer, &form.place, now)
        .await
        .map_err(|error| not_admitted(error, &appointment))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

/// POST `…/renvoyer`: back to the waiting room.
pub async fn send_back(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<SeatForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    hearings::send_back(&mut tx, &appointment, &officer, &form.place, now)
        .await
        .map_err(|error| not_admitted(error, &appointment))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

fn not_admitted(error: AdmitError, appointment: &Appointment) -> PageError {
    match error {
        AdmitError::Fault(fault) => fault.into(),
        AdmitError::NobodyWaits => Refusal::new(StatusCode::CONFLICT, "refusal-nobody-waits")
            .way_out(
                format!("/agent/audition/{}", appointment.id),
                "way-out-back",
            )
            .into(),
    }
}

/// Something established or told.
#[derive(Debug, Deserialize)]
pub struct CheckForm {
    element: String,
    #[serde(default)]
    resultat: String,
}

/// POST `…/constat`: notes a check or a right with its time.
pub async fn check(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<CheckForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = held_by(&mut tx, &id, &officer).await?;
    let writable = store::find_record(&mut tx, &appointment.case_id)
        .await?
        .is_some_and(|record| record.state.is_writable());
    if !writable || appointment.officer_id.as_ref() != Some(&officer.id) {
        return Err(
            Refusal::new(StatusCode::CONFLICT, "refusal-officer-record-state")
                .way_out(format!("/agent/audition/{id}"), "way-out-back")
                .into(),
        );
    }
    let result = if form.element.starts_with(RIGHT) {
        TOLD
    } else {
        form.resultat.as_str()
    };
    let today = now.in_zone(unit.zone()).date_naive();
    if !hearings::checks::is_valid(&form.element, result, today) {
        return Err(Refusal::malformed().into());
    }
    let actor = Actor::Officer(officer.id.clone());
    hearing_store::note_check(&mut tx, &appointment.id, &form.element, result, &actor, now).await?;
    crate::audit::append(
        &mut tx,
        appointment.unit_id.as_str(),
        now,
        &actor,
        "hearing.check",
        &format!("appointment/{}", appointment.id),
        &format!("item={} result={result}", form.element),
    )
    .await?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

/// POST `…/terminer`: ends the video; the record goes on.
pub async fn close(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _) = held_by(&mut tx, &id, &officer).await?;
    hearings::close(&mut tx, &app.keys, &appointment, &officer, now)
        .await
        .map_err(not_opened)?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}
