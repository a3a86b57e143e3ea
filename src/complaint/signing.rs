//! The officer's signature, in two phases, because the card is in the officer's
//! PC and not in the server: *prepare* makes the documents and stores what is
//! to be signed; *complete* puts the signature in and stores the documents.
//! A crash between the two leaves a prepared row, and signing again goes on
//! from there.

use documents::signature::{self, Prepared, SignatureRequest};

use super::lifecycle::{RecordState, Step};
use super::record::{RecordError, advance, note, tell_person};
use super::store::{self, DocumentKind, DocumentRow, PreparedRow, Record};
use super::{act, handoff, vault};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::Appointment;
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::error::Fault;
use crate::identity::SignedInOfficer;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The record does not allow it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A character that no font draws, or a text too long.
    #[error("the document cannot be typeset: {0}")]
    Typesetting(documents::RenderError),
    /// No key is configured.
    #[error("no signing key is configured")]
    NoKey,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A key that signs, and its certificate chain.
struct Signer {
    chain: Vec<Vec<u8>>,
    #[cfg(feature = "sandbox")]
    key: documents::signature::SoftwareKey,
}

/// Makes the documents of a decided record and signs them.
///
/// # Errors
/// Why nothing was signed; what was prepared stays prepared.
pub async fn sign(
    app: &App,
    record: &Record,
    appointment: &Appointment,
    unit: &Unit,
    officer: &SignedInOfficer,
) -> Result<(), SignError> {
    if record.state.after(Step::Sign).is_none() {
        return Err(RecordError::WrongState(record.state).into());
    }
    let signer = signer(app, unit, officer)?;
    prepare(app, record, appointment, unit, officer, &signer).await?;
    complete(app, record, officer, &signer).await
}

async fn prepare(
    app: &App,
    record: &Record,
    appointment: &Appointment,
    unit: &Unit,
    officer: &SignedInOfficer,
    signer: &Signer,
) -> Result<(), SignError> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let dossier = act::read(&mut tx, app, record, appointment, unit)
        .await?
        .ok_or(RecordError::StaleVersion)?;
    let key = app.keys.case_key(&mut tx, &record.case_id).await?;
    drop(tx);
    let (proces_verbal, recepisse) = (dossier.proces_verbal(now)?, dossier.recepisse(now)?);
    // Typesetting takes milliseconds of pure computation: not on an I/O thread.
    let (act_pdf, receipt_pdf) = tokio::task::spawn_blocking(move || {
        Ok::<_, documents::RenderError>((
            documents::render_proces_verbal(&proces_verbal)?,
            documents::render_recepisse(&recepisse)?,
        ))
    })
    .await
    .map_err(Fault::other)?
    .map_err(SignError::Typesetting)?;
    let local = now.in_zone(unit.zone());
    let request = SignatureRequest {
        reason: "Signature de l’agent qui a reçu la plainte".to_owned(),
        location: unit.name.clone(),
        name: format!("RIO {}", officer.rio),
        signed_at: local.with_timezone(&chrono::Offset::fix(local.offset())),
        certificate_chain_der: signer.chain.clone(),
    };
    let mut tx = app.db.begin().await?;
    for (document, pdf) in [
        (DocumentKind::ProcesVerbal, act_pdf),
        (DocumentKind::Recepisse, receipt_pdf),
    ] {
        let prepared = signature::prepare(&pdf, &request).map_err(Fault::other)?;
        let row = PreparedRow {
            document,
            sealed_prepared: key.seal_json(&place(&record.case_id, document), &prepared),
            prepared_at: now,
            officer_id: officer.id.clone(),
        };
        store::insert_prepared(&mut tx, &record.case_id, &dossier.hash, &row).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn place(case_id: &Id, document: DocumentKind) -> String {
    format!("signature/{case_id}/{document}")
}

async fn complete(
    app: &App,
    record: &Record,
    officer: &SignedInOfficer,
    signer: &Signer,
) -> Result<(), SignError> {
    let case_id = &record.case_id;
    let mut tx = app.db.read().await?;
    let key = app.keys.case_key(&mut tx, case_id).await?;
    let prepared = store::list_prepared(&mut tx, case_id).await?;
    drop(tx);
    let mut finished = Vec::new();
    for row in prepared {
        if row.officer_id != officer.id {
            return Err(RecordError::NotTheirs.into());
        }
        let waiting: Prepared =
            key.open_json(&place(case_id, row.document), &row.sealed_prepared)?;
        let signed = signer.complete(&waiting)?;
        finished.push((row.document, signed));
    }
    store_all(app, record, officer, finished).await
}

/// Stores the signed documents and everything that follows from them: state,
/// hand-off, message, journal, in one transaction.
async fn store_all(
    app: &App,
    record: &Record,
    officer: &SignedInOfficer,
    finished: Vec<(DocumentKind, Vec<u8>)>,
) -> Result<(), SignError> {
    let now = app.clock.now();
    let case_id = &record.case_id;
    let actor = Actor::Officer(officer.id.clone());
    let mut tx = app.db.read().await?;
    let key = app.keys.case_key(&mut tx, case_id).await?;
    drop(tx);
    let mut rows = Vec::new();
    for (kind, pdf) in &finished {
        let (object_path, sha256) = vault::put(app, &key, case_id, pdf).await?;
        rows.push(DocumentRow {
            id: Id::random(),
            case_id: case_id.clone(),
            kind: *kind,
            object_path,
            sha256,
            bytes: i64::try_from(pdf.len()).map_err(Fault::other)?,
            created_at: now,
        });
    }
    let mut tx = app.db.begin().await?;
    for row in &rows {
        if !store::mark_completed(&mut tx, case_id, row.kind, now).await? {
            // Somebody completed it in the same moment; theirs stands.
            return Err(RecordError::Conflict.into());
        }
        store::insert_document(&mut tx, row).await?;
        let detail = format!("document={} sha256={}", row.kind, row.sha256);
        note(&mut tx, record, &actor, "record.sign", &detail, now).await?;
    }
    advance(&mut tx, record, RecordState::Signed).await?;
    store::mark_signed(&mut tx, case_id, now).await?;
    handoff::request(&mut tx, case_id, now).await?;
    let space = format!("{}/espace", app.config.public_url);
    tell_person(&mut tx, &app.keys, record, "ready", "ready", &space, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Head of a unit's journal, printed on the proof of decision.
///
/// # Errors
/// When the database fails.
pub async fn journal_head(
    tx: &mut crate::db::Tx,
    record: &Record,
    until: Timestamp,
) -> Result<String, Fault> {
    let lines = audit::lines_about(tx, &format!("record/{}", record.case_id)).await?;
    Ok(lines
        .into_iter()
        .rfind(|line| line.at <= until)
        .map_or_else(String::new, |line| line.hash))
}

#[cfg(feature = "sandbox")]
impl Signer {
    fn complete(&self, prepared: &Prepared) -> Result<Vec<u8>, SignError> {
        let bare = self.key.sign(&prepared.signed_attributes_der);
        Ok(signature::complete(prepared, &bare, None).map_err(Fault::other)?)
    }
}

#[cfg(not(feature = "sandbox"))]
impl Signer {
    fn complete(&self, _prepared: &Prepared) -> Result<Vec<u8>, SignError> {
        Err(SignError::NoKey)
    }
}

/// The sandbox's software key of an officer, certified by the sandbox's own
/// authority. In production the officer's card or the server's seal signs.
#[cfg(feature = "sandbox")]
fn signer(app: &App, unit: &Unit, officer: &SignedInOfficer) -> Result<Signer, SignError> {
    use documents::signature::{CertificateSubject, SoftwareAuthority, Validity};
    let year = |year: i32| chrono::TimeZone::with_ymd_and_hms(&chrono::Utc, year, 1, 1, 0, 0, 0);
    let (Some(not_before), Some(not_after)) = (year(2026).single(), year(2036).single()) else {
        return Err(Fault::other("the sandbox certificate's dates").into());
    };
    let validity = Validity {
        not_before,
        not_after,
    };
    let authority = SoftwareAuthority::from_secret(
        &app.keys.signing_seed,
        "VisioPlainte démonstration",
        validity,
    )
    .map_err(Fault::other)?;
    let subject = CertificateSubject {
        identity: documents::OfficerIdentity::AdministrativeNumber(officer.rio.clone()),
        organization: "VisioPlainte démonstration".to_owned(),
        unit: unit.name.clone(),
    };
    let key = authority.issue(&subject, validity).map_err(Fault::other)?;
    Ok(Signer {
        chain: key.certificate_chain_der().map_err(Fault::other)?,
        key,
    })
}

#[cfg(not(feature = "sandbox"))]
fn signer(_app: &App, _unit: &Unit, _officer: &SignedInOfficer) -> Result<Signer, SignError> {
    Err(SignError::NoKey)
}
