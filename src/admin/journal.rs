//! The auditor's pages: searching the journal of a unit, and taking it away as
//! a file. Every look is itself a line of the journal it was taken at, with what
//! was looked for. What is typed is an identifier or it is refused, so that no
//! name comes into the journal by way of a search.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::app::App;
use crate::audit::search::{self, Criteria, PAGE};
use crate::audit::{self, Actor, Line, acts, export};
use crate::calendar::recurrence::{day_of, whole_day};
use crate::calendar::{self, Unit, hours, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::{Role, SignedInOfficer};
use crate::messages;
use crate::page::{Ctx, render_with};
use crate::path;
use crate::routes::Routes;

/// Days that the empty form looks back.
const RECENT_DAYS: u64 = 30;
/// Lines read at once for a file.
const BATCH: i64 = 1000;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/journal", get(read))
        .route("/administration/journal/export", post(take))
}

/// The units whose journal an auditor reads; a person of another role is refused.
async fn units_of(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Vec<Unit>, PageError> {
    if officer.role != Role::Auditor {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "journal-not-for-role")
            .way_out("/agent", "way-out-agenda")
            .into());
    }
    let units = calendar::list_units(tx, &officer.department).await?;
    Ok(units
        .into_iter()
        .filter(|unit| officer.may_audit(&unit.department))
        .collect())
}

/// What the form asks, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    unite: String,
    du: String,
    au: String,
    acte: String,
    acteur: String,
    objet: String,
    /// Lines before this position: the next page.
    avant: String,
    /// Why the journal is read, one of [`REASONS`].
    motif: String,
}

/// Why somebody reads the journal; written with what they looked for (article 101 of the
/// loi no 78-17: the journal of consultations tells their reason).
const REASONS: [&str; 4] = ["control", "person", "incident", "court"];

struct Field {
    field: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "admin/journal.html")]
struct JournalPage {
    ctx: Ctx,
    units: Vec<Choice>,
    unit: Unit,
    zone: String,
    wanted: Wanted,
    errors: Vec<Field>,
    lines: Vec<Shown>,
    /// Address of the page with older lines; empty when there is none.
    older: String,
    /// Whether this is not the newest page.
    continued: bool,
    /// Nothing was asked yet.
    blank: bool,
    reasons: Vec<Choice>,
}

/// One of a list.
struct Choice {
    value: String,
    label: String,
}

/// A line in words.
struct Shown {
    seq: i64,
    when: String,
    act: String,
    code: String,
    /// What it is in the law's words, and what it is for.
    meaning: String,
    actor: String,
    object: String,
    detail: String,
    hash: String,
    /// Searches for the same.
    same_actor: String,
    same_object: String,
}

impl Wanted {
    fn error_of(errors: &[Field], field: &str) -> String {
        errors
            .iter()
            .find(|error| error.field == field)
            .map_or_else(String::new, |error| error.text.clone())
    }

    /// Whether anything was asked yet: whoever opens the page reads nothing.
    fn is_blank(&self) -> bool {
        let Wanted {
            unite: _,
            du,
            au,
            acte,
            acteur,
            objet,
            avant,
            motif,
        } = self;
        [du, au, acte, acteur, objet, avant, motif]
            .iter()
            .all(|text| text.is_empty())
    }

    /// The search this asks for, and what is wrong with the fields that were
    /// left out of it.
    fn criteria(&self, unit: &Unit, ctx: &Ctx) -> (Criteria, Vec<Field>) {
        let mut errors = Vec::new();
        let today = day_of(ctx.now, unit.zone());
        let recent = today
            .checked_sub_days(Days::new(RECENT_DAYS))
            .unwrap_or(today);
        let mut day = |field: &'static str, typed: &str, otherwise: NaiveDate| {
            if typed.trim().is_empty() {
                return otherwise;
            }
            hours::day_of(typed).unwrap_or_else(|| {
                errors.push(Field {
                    field,
                    text: ctx.t("journal-error-day"),
                });
                otherwise
            })
        };
        let from = day("du", &self.du, recent);
        let to = day("au", &self.au, today);
        if from > to {
            errors.push(Field {
                field: "au",
                text: ctx.t("journal-error-period"),
            });
        }
        let mut id = |field: &'static str, typed: &str, sound: fn(&str) -> bool, error: &str| {
            let typed = typed.trim();
            if typed.is_empty() || sound(typed) {
                return typed.to_owned();
            }
            errors.push(Field {
                field,
                text: ctx.t(error),
            });
            String::new()
        };
        let act = id("acte", &self.acte, is_act, "journal-error-act");
        let actor = id("acteur", &self.acteur, is_actor, "journal-error-actor");
        let object = id("objet", &self.objet, is_object, "journal-error-object");
        if !REASONS.contains(&self.motif.as_str()) {
            errors.push(Field {
                field: "motif",
                text: ctx.t("journal-error-reason"),
            });
        }
        let criteria = Criteria {
            chain: unit.id.to_string(),
            from: whole_day(from, unit.zone()).from,
            to: whole_day(to, unit.zone()).to,
            act,
            actor,
            object,
        };
        (criteria, errors)
    }

    /// Back to the newest page.
    fn newest(&mut self) {
        self.avant.clear();
    }

    /// The address of this search with something else in its place.
    fn address(&self, change: impl FnOnce(&mut Wanted)) -> String {
        let mut wanted = self.clone();
        wanted.avant.clear();
        change(&mut wanted);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("unite", &wanted.unite),
            ("du", &wanted.du),
            ("au", &wanted.au),
            ("acte", &wanted.acte),
            ("acteur", &wanted.acteur),
            ("objet", &wanted.objet),
            ("motif", &wanted.motif),
            ("avant", &wanted.avant),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/administration/journal?{}", query.finish())
    }
}

/// An act or the beginning of one: `appointment.book`, `appointment`.
fn is_act(text: &str) -> bool {
    text.len() <= 60
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.'))
}

/// What is about one person: its ids are never chosen by anybody, and no name is
/// written into the journal by looking for it.
const OF_PEOPLE: &[&str] = &[
    "appointment",
    "case",
    "citizen",
    "declaration",
    "document",
    "guest",
    "record",
];

fn is_random(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `noun/id`, as objects are written.
fn is_object(text: &str) -> bool {
    text.split_once('/').is_some_and(|(noun, id)| {
        !noun.is_empty()
            && noun.len() <= 30
            && noun
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
            && path::parse(id).is_some()
            && (!OF_PEOPLE.contains(&noun) || is_random(id))
    })
}

/// `kind/id`, or the service itself.
fn is_actor(text: &str) -> bool {
    text == "system" || is_object(text)
}

/// What was looked for and why, in ids and numbers.
fn detail_of(criteria: &Criteria, reason: &str) -> String {
    let mut detail = format!(
        "reason={reason} from={} to={}",
        criteria.from.0, criteria.to.0
    );
    for (name, value) in [
        ("act", &criteria.act),
        ("actor", &criteria.actor),
        ("object", &criteria.object),
    ] {
        if !value.is_empty() {
            detail.push_str(&format!(" {name}={value}"));
        }
    }
    detail
}

/// The search and its answer. Looking is an act: it is noted before what it
/// shows is read, so that it stands first on the page it shows.
async fn read(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let units = units_of(&mut tx, &officer).await?;
    drop(tx);
    let unit = wanted_unit(&units, &officer, &wanted.unite)?;
    let (criteria, errors) = wanted.criteria(&unit, &ctx);
    let before = wanted.avant.parse().unwrap_or(i64::MAX);
    let blank = wanted.is_blank();
    let errors = if blank { Vec::new() } else { errors };
    let mut lines = if errors.is_empty() && !blank {
        let asked = (&criteria, wanted.motif.as_str());
        look(&app, &officer.id, asked, before, ctx.now).await?
    } else {
        Vec::new()
    };
    let more = i64::try_from(lines.len()).is_ok_and(|count| count > PAGE);
    if more {
        lines.pop();
    }
    let older = match lines.last() {
        Some(last) if more => wanted.address(|wanted| wanted.avant = last.seq.to_string()),
        _ => String::new(),
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = JournalPage {
        lines: lines
            .iter()
            .map(|line| shown(line, &unit, &wanted, &ctx))
            .collect(),
        units: units
            .iter()
            .map(|unit| Choice {
                value: unit.id.to_string(),
                label: unit.name.clone(),
            })
            .collect(),
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone())),
        older,
        continued: before != i64::MAX,
        blank,
        reasons: REASONS
            .iter()
            .map(|reason| Choice {
                value: (*reason).to_owned(),
                label: ctx.t(&format!("journal-reason-{reason}")),
            })
            .collect(),
        wanted: Wanted {
            unite: unit.id.to_string(),
            ..wanted
        },
        unit,
        errors,
        ctx,
    };
    render_with(status, &page)
}

/// Notes the look, then looks. The note is durable before anything is read, and
/// the search, which may go through years, holds nothing that an act of the unit
/// waits for.
async fn look(
    app: &App,
    officer: &Id,
    (criteria, reason): (&Criteria, &str),
    before: i64,
    now: Timestamp,
) -> Result<Vec<Line>, Fault> {
    let mut tx = app.db.begin().await?;
    let detail = detail_of(criteria, reason);
    note(&mut tx, officer, criteria, "journal.read", &detail, now).await?;
    tx.commit().await?;
    let mut tx = app.db.read().await?;
    search::newest(&mut tx, criteria, before).await
}

/// One of these units; that of the empowerment when none is named. Another unit
/// does not exist for this auditor.
fn wanted_unit(units: &[Unit], officer: &SignedInOfficer, typed: &str) -> Result<Unit, PageError> {
    let wanted = if typed.is_empty() {
        officer.unit_id.as_str()
    } else {
        typed
    };
    units
        .iter()
        .find(|unit| unit.id.as_str() == wanted)
        .cloned()
        .ok_or_else(|| Refusal::not_found().into())
}

async fn note(
    tx: &mut Tx,
    officer: &Id,
    criteria: &Criteria,
    act: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        &criteria.chain,
        now,
        &Actor::Officer(officer.clone()),
        act,
        &format!("journal/{}", criteria.chain),
        detail,
    )
    .await
}

fn shown(line: &Line, unit: &Unit, wanted: &Wanted, ctx: &Ctx) -> Shown {
    Shown {
        seq: line.seq,
        when: format!(
            "{} ({})",
            wall::moment(ctx.lang, line.at, unit.zone()),
            wall::second(line.at, unit.zone())
        ),
        act: act_in_words(ctx, &line.act),
        code: line.act.clone(),
        meaning: acts::meaning_of(&line.act).map_or_else(String::new, |(operation, purpose)| {
            format!(
                "{} – {}",
                ctx.t(&format!("journal-operation-{operation}")),
                ctx.t(&format!("journal-purpose-{purpose}"))
            )
        }),
        actor: line.actor.clone(),
        object: line.object.clone(),
        detail: line.detail.clone(),
        hash: line.hash.clone(),
        same_actor: wanted.address(|wanted| wanted.acteur.clone_from(&line.actor)),
        same_object: wanted.address(|wanted| wanted.objet.clone_from(&line.object)),
    }
}

/// What an act is called; its own code where nobody gave it words.
fn act_in_words(ctx: &Ctx, act: &str) -> String {
    let id = format!("act-{}", act.replace(['.', '_'], "-"));
    if messages::has(ctx.lang, &id) {
        ctx.t(&id)
    } else {
        act.to_owned()
    }
}

/// What is taken away, and how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Taken {
    #[serde(flatten)]
    wanted: Wanted,
    format: String,
}

/// The journal as a file: what was found, for a spreadsheet or a program, or the
/// unit's whole chain with what it can be checked by.
async fn take(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(taken): Form<Taken>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let units = units_of(&mut tx, &officer).await?;
    let unit = wanted_unit(&units, &officer, &taken.wanted.unite)?;
    let (criteria, errors) = taken.wanted.criteria(&unit, &ctx);
    let format = match taken.format.as_str() {
        "csv" => "csv",
        "jsonl" => "jsonl",
        "chaine" => "chain",
        _ => "",
    };
    if format.is_empty() || !errors.is_empty() {
        return Err(Refusal::malformed()
            .way_out("/administration/journal", "way-out-journal")
            .into());
    }
    note(
        &mut tx,
        &officer.id,
        &criteria,
        "journal.export",
        &format!(
            "{} format={format}",
            detail_of(&criteria, &taken.wanted.motif)
        ),
        ctx.now,
    )
    .await?;
    tx.commit().await?;
    let today = day_of(ctx.now, unit.zone());
    let (pieces, kind, name) = match format {
        "csv" => (
            found(app, criteria, Kind::Csv(header_of(&ctx))),
            "text/csv; charset=utf-8",
            format!("journal-{}-{today}.csv", unit.id),
        ),
        "jsonl" => (
            found(app, criteria, Kind::JsonLines),
            "application/jsonl",
            format!("journal-{}-{today}.jsonl", unit.id),
        ),
        _ => (
            export::begin(app, export::Scope::Chain(criteria.chain)),
            "application/jsonl",
            format!("journal-{}-{today}-chaine.jsonl", unit.id),
        ),
    };
    let body = futures_util::stream::unfold(pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    Ok((
        [
            (header::CONTENT_TYPE, kind.to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ),
        ],
        Body::from_stream(body),
    )
        .into_response())
}

/// The first row of a table.
fn header_of(ctx: &Ctx) -> Vec<String> {
    [
        "seq",
        "at",
        "actor",
        "act",
        "operation",
        "purpose",
        "object",
        "detail",
        "hash",
    ]
    .iter()
    .map(|column| ctx.t(&format!("journal-column-{column}")))
    .collect()
}

/// How found lines are written.
enum Kind {
    Csv(Vec<String>),
    JsonLines,
}

/// What a search finds, in order of time, in pieces: the journal of three years
/// is never held whole.
fn found(app: App, criteria: Criteria, kind: Kind) -> export::Pieces {
    let (pieces, received) = mpsc::channel(4);
    tokio::spawn(async move {
        if let Err(fault) = write_found(&app, &criteria, &kind, &pieces).await {
            tracing::error!(%fault, "export of the journal: {fault}");
            // Nobody may be there to hear it.
            let _ = pieces.send(Err(fault)).await;
        }
    });
    received
}

async fn write_found(
    app: &App,
    criteria: &Criteria,
    kind: &Kind,
    pieces: &mpsc::Sender<Result<Bytes, Fault>>,
) -> Result<(), Fault> {
    let gone = |_| Fault::other("whoever wanted the export is gone");
    if let Kind::Csv(header) = kind {
        // Spreadsheets take a file without this mark for one of another alphabet.
        let mut piece = "\u{feff}".as_bytes().to_vec();
        piece.extend(rows(std::iter::once(header.clone()))?);
        pieces.send(Ok(Bytes::from(piece))).await.map_err(gone)?;
    }
    let mut after = i64::MIN;
    loop {
        let mut tx = app.db.read().await?;
        let lines = search::oldest(&mut tx, criteria, after, BATCH).await?;
        drop(tx);
        let Some(last) = lines.last() else {
            return Ok(());
        };
        after = last.seq;
        let piece = match kind {
            Kind::Csv(_) => rows(lines.iter().map(row_of))?,
            Kind::JsonLines => {
                let mut bytes = Vec::new();
                for line in &lines {
                    serde_json::to_writer(&mut bytes, &Told::of(line)).map_err(Fault::other)?;
                    bytes.push(b'\n');
                }
                bytes
            }
        };
        pieces.send(Ok(Bytes::from(piece))).await.map_err(gone)?;
    }
}

/// A line with what it means.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    line: &'a Line,
    operation: &'static str,
    purpose: &'static str,
}

impl<'a> Told<'a> {
    fn of(line: &'a Line) -> Self {
        let (operation, purpose) = codes_of(&line.act);
        Told {
            line,
            operation,
            purpose,
        }
    }
}

/// What an act is and is for, as codes; empty for one that is not known any more.
fn codes_of(act: &str) -> (&'static str, &'static str) {
    acts::meaning_of(act).map_or(("", ""), |(operation, purpose)| {
        (operation.as_str(), purpose.as_str())
    })
}

fn row_of(line: &Line) -> Vec<String> {
    let (operation, purpose) = codes_of(&line.act);
    vec![
        line.seq.to_string(),
        line.at
            .utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        line.actor.clone(),
        line.act.clone(),
        operation.to_owned(),
        purpose.to_owned(),
        line.object.clone(),
        line.detail.clone(),
        line.hash.clone(),
    ]
}

fn rows(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Fault> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(Fault::other)?;
    }
    writer.into_inner().map_err(Fault::other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Criteria, is_act, is_actor, is_object, look};
    use crate::audit::{self, Actor};
    use crate::db::{Db, Id};
    use crate::testing::on_sqlite;

    #[tokio::test]
    async fn a_long_search_keeps_nobody_from_writing() {
        let app = on_sqlite("2026-03-02T08:00:00Z").await;
        let Db::Lite { reader, .. } = &app.db else {
            panic!("SQLite was asked for");
        };
        // Every connection that reads is taken: a search that waits for one is as
        // slow as can be.
        let mut taken = Vec::new();
        for _ in 0..reader.options().get_max_connections() {
            taken.push(reader.acquire().await.unwrap());
        }
        let (searched, unit) = (app.app.clone(), "u-78-police");
        let search = tokio::spawn(async move {
            let (officer, criteria) = (Id::from("o"), Criteria::everything_in(unit));
            let now = searched.clock.now();
            look(&searched, &officer, (&criteria, "control"), i64::MAX, now).await
        });
        // Meanwhile the unit goes on acting, and sees that it is looked at.
        loop {
            let mut tx = app.db.begin().await.unwrap();
            let now = app.clock.now();
            audit::append(&mut tx, unit, now, &Actor::System, "test.act", "test/1", "")
                .await
                .unwrap();
            let noted = audit::lines_about(&mut tx, &format!("journal/{unit}"))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            if let [line] = noted.as_slice() {
                assert_eq!(
                    (line.act.as_str(), line.actor.as_str()),
                    ("journal.read", "officer/o")
                );
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(!search.is_finished(), "it looks without having to read");
        drop(taken);
        let lines = search.await.unwrap().unwrap();
        assert!(lines.iter().any(|line| line.act == "journal.read"));
    }

    #[test]
    fn only_what_the_journal_itself_writes_is_looked_for() {
        for (text, act, actor, object) in [
            ("appointment.book", true, false, false),
            ("declaration.save_facts", true, false, false),
            ("system", true, true, false),
            ("officer/0123abc", false, true, true),
            ("calendar-feed.issue", true, false, false),
            ("officer-absence/0123abc", false, true, true),
            (
                "citizen/0123456789abcdef0123456789abcdef",
                false,
                true,
                true,
            ),
            ("citizen/berthelot", false, false, false),
            ("desk/d-78-police-1", false, true, true),
            ("Angèle", false, false, false),
            ("citizen/Angèle", false, false, false),
            ("citizen/", false, false, false),
            ("/x", false, false, false),
            ("a/b/c", false, false, false),
            ("%' or 1=1", false, false, false),
        ] {
            assert_eq!(is_act(text), act, "{text}");
            assert_eq!(is_actor(text), actor, "{text}");
            assert_eq!(is_object(text), object, "{text}");
        }
    }
}
