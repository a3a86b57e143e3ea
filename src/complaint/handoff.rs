//! Handing a signed record over to the unit's software: a package delivered to
//! a folder, and the receiver's answer read back. Asked for in the transaction
//! of the signature; delivered by a worker, at least once, under one name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::lifecycle::{RecordState, Step};
use super::record::{advance, note};
use super::store::{self, DocumentKind, Record};
use super::{act, package, signing, vault};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking;
use crate::calendar;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all};

const PAUSE: Duration = Duration::from_millis(700);

/// Asks for a record to be handed over.
///
/// # Errors
/// When the database fails.
pub async fn request(tx: &mut Tx, case_id: &Id, now: Timestamp) -> Result<(), Fault> {
    let package_id = format!("vp-{}", Id::random());
    execute!(
        tx,
        "insert into handoffs (case_id, package_id, object_path, sha256, state, attempts, next_attempt_at, created_at)
         values ($1, $2, '', '', 'pending', 0, $3, $3) on conflict (case_id) do nothing",
        case_id,
        package_id,
        now
    )?;
    Ok(())
}

#[derive(Debug, sqlx::FromRow)]
struct Waiting {
    case_id: Id,
    package_id: String,
    state: String,
}

/// Delivers packages and reads answers until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = look(&app).await {
            tracing::error!(%fault, "hand-off: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// One look at everything that waits for delivery or for an answer.
///
/// # Errors
/// When the database fails; one package's failure does not stop the others.
pub async fn look(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let waiting = fetch_all!(
        &mut tx,
        Waiting,
        "select case_id, package_id, state from handoffs
         where state in ('pending', 'delivered') and next_attempt_at <= $1
         order by next_attempt_at limit 50",
        now
    )?;
    drop(tx);
    for one in waiting {
        let outcome = if one.state == "pending" {
            deliver(app, &one).await
        } else {
            read_answer(app, &one).await
        };
        if let Err(fault) = outcome {
            tracing::error!(package = one.package_id, %fault, "package {}: {fault}", one.package_id);
            let mut tx = app.db.begin().await?;
            execute!(
                &mut tx,
                "update handoffs set attempts = attempts + 1, next_attempt_at = $2 where case_id = $1",
                &one.case_id,
                app.clock.now().plus_seconds(30)
            )?;
            tx.commit().await?;
        }
    }
    Ok(())
}

fn inbox(app: &App) -> PathBuf {
    PathBuf::from(&app.config.handoff_dir).join("inbox")
}

async fn read_record(tx: &mut Tx, case_id: &Id) -> Result<Record, Fault> {
    store::find_record(tx, case_id)
        .await?
        .ok_or_else(|| Fault::other("a hand-off without a record"))
}

async fn deliver(app: &App, one: &Waiting) -> Result<(), Fault> {
    let mut tx = app.db.read().await?;
    let record = read_record(&mut tx, &one.case_id).await?;
    let files = files(&mut tx, app, &record).await?;
    drop(tx);
    let (inbox, package_id, number) = (inbox(app), one.package_id.clone(), record.number.clone());
    let sha256 = tokio::task::spawn_blocking(move || {
        package::write_folder(&inbox, &package_id, &number, &files)
    })
    .await
    .map_err(Fault::other)??;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    execute!(
        &mut tx,
        "update handoffs set state = 'delivered', delivered_at = $2, object_path = $3, sha256 = $4
         where case_id = $1 and state = 'pending'",
        &one.case_id,
        now,
        &one.package_id,
        &sha256
    )?;
    move_on(&mut tx, &record, Step::Deliver).await?;
    let detail = format!("package={} sha256={sha256}", one.package_id);
    note(
        &mut tx,
        &record,
        &Actor::System,
        "record.hand_off",
        &detail,
        now,
    )
    .await?;
    tx.commit().await?;
    tracing::info!(
        package = one.package_id,
        "package {} delivered",
        one.package_id
    );
    tell(app, &record);
    Ok(())
}

async fn move_on(tx: &mut Tx, record: &Record, step: Step) -> Result<RecordState, Fault> {
    let next = record
        .state
        .after(step)
        .ok_or_else(|| Fault::other(format!("{step:?} on a record that is {}", record.state)))?;
    advance(tx, record, next).await.map_err(Fault::other)?;
    Ok(next)
}

fn tell(app: &App, record: &Record) {
    app.live
        .changed(crate::hearings::topic(&record.appointment_id));
}

/// The receiver's answer, as it stands in the inbox beside the package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    package: String,
    manifest_sha256: String,
    accepted: bool,
    #[serde(default)]
    reason: String,
}

async fn read_answer(app: &App, one: &Waiting) -> Result<(), Fault> {
    let path = inbox(app).join(format!("{}.answer.json", one.package_id));
    let Ok(text) = tokio::fs::read(&path).await else {
        return Ok(());
    };
    let answer: Answer = serde_json::from_slice(&text)
        .map_err(|error| Fault::other(format!("the receiver's answer cannot be read: {error}")))?;
    if answer.package != one.package_id {
        return Err(Fault::other("the receiver's answer names another package"));
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let record = read_record(&mut tx, &one.case_id).await?;
    let (state, step, act) = if answer.accepted {
        ("acknowledged", Step::Acknowledge, "record.acknowledged")
    } else {
        ("rejected", Step::Reject, "record.rejected")
    };
    let rows = execute!(
        &mut tx,
        "update handoffs set state = $2, answered_at = $3, reason = $4
         where case_id = $1 and state = 'delivered' and sha256 = $5",
        &one.case_id,
        state,
        now,
        &answer.reason,
        &answer.manifest_sha256
    )?;
    if rows == 0 {
        return Err(Fault::other("the receiver acknowledges another content"));
    }
    move_on(&mut tx, &record, step).await?;
    let detail = format!("package={}", one.package_id);
    note(&mut tx, &record, &Actor::System, act, &detail, now).await?;
    tx.commit().await?;
    tracing::info!(
        package = one.package_id,
        state,
        "package {} {state}",
        one.package_id
    );
    tell(app, &record);
    Ok(())
}

/// Every file of a package.
async fn files(
    tx: &mut Tx,
    app: &App,
    record: &Record,
) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let appointment = booking::find(tx, &record.appointment_id)
        .await?
        .ok_or_else(|| Fault::other("a record without an appointment"))?;
    let unit = calendar::find_unit(tx, &record.unit_id)
        .await?
        .ok_or_else(|| Fault::other("a record without a unit"))?;
    let dossier = act::read(tx, app, record, &appointment, &unit)
        .await?
        .ok_or_else(|| Fault::other("a record without a version"))?;
    let key = app.keys.case_key(tx, &record.case_id).await?;
    let mut files = BTreeMap::new();
    for row in store::list_documents(tx, &record.case_id).await? {
        let name = match row.kind {
            DocumentKind::ProcesVerbal => "proces-verbal.pdf",
            DocumentKind::Recepisse => "recepisse.pdf",
            DocumentKind::AgreementProof => "preuve-accord.pdf",
        };
        let bytes = vault::get(app, &key, &row.object_path, &row.sha256).await?;
        files.insert(name.to_owned(), bytes);
    }
    if let Some(agreement) = &dossier.agreement {
        let head = signing::journal_head(tx, record, agreement.decided_at).await?;
        let proof = dossier.agreement_proof(&head)?;
        let pdf = tokio::task::spawn_blocking(move || documents::render_agreement_proof(&proof))
            .await
            .map_err(Fault::other)?
            .map_err(Fault::other)?;
        files.insert("preuve-accord.pdf".to_owned(), pdf);
    }
    let signed_at = record.signed_at.unwrap_or(record.opened_at);
    let data = serde_json::json!({
        "format": package::FORMAT,
        "number": record.number,
        "unit": { "id": record.unit_id, "name": unit.name, "kind": unit.kind, "department": unit.department },
        "officer": { "rio": dossier.rio },
        "complainant": { "identity": dossier.identity, "declared": dossier.content },
        "version": dossier.version,
        "version_hash": dossier.hash,
        "change_requests": dossier.changes.iter().map(|change| serde_json::json!({
            "requested_at": change.requested_at, "text": change.text,
            "answered_at": change.answered_at, "answer": change.answer,
        })).collect::<Vec<_>>(),
        "decision": dossier.agreement.as_ref().map(|agreement| serde_json::json!({
            "decision": agreement.decision, "at": agreement.decided_at,
            "version_hash": agreement.version_hash, "acr": agreement.acr,
            "reason": dossier.refusal_reason,
        })),
        "signed_at": signed_at,
    });
    files.insert("dossier.json".to_owned(), pretty(&data)?);
    let mut lines = audit::lines_about(tx, &format!("record/{}", record.case_id)).await?;
    lines.extend(audit::lines_about(tx, &format!("appointment/{}", appointment.id)).await?);
    // Only what was written up to the signature: a repeated delivery is the same.
    lines.retain(|line| line.at <= signed_at);
    lines.sort_by_key(|line| line.seq);
    files.insert("journal.json".to_owned(), pretty(&lines)?);
    Ok(files)
}

fn pretty<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec_pretty(value).map_err(Fault::other)
}
