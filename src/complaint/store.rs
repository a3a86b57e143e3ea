//! The record's SQL.

use super::lifecycle::RecordState;
use crate::booking::State;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional, text_enum};

/// A record.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Record {
    /// The case.
    pub case_id: Id,
    /// The appointment it was heard at.
    pub appointment_id: Id,
    /// The unit.
    pub unit_id: Id,
    /// The officer who opened it.
    pub officer_id: Id,
    /// Number printed on the act.
    pub number: String,
    /// State.
    pub state: RecordState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
}

/// Reads the record of a case.
///
/// # Errors
/// When the database fails.
pub async fn find_record(tx: &mut Tx, case_id: &Id) -> Result<Option<Record>, Fault> {
    fetch_optional!(
        tx,
        Record,
        "select case_id, appointment_id, unit_id, officer_id, number, state, opened_at, signed_at
         from complaint_records where case_id = $1",
        case_id
    )
}

/// Opens a record once.
///
/// # Errors
/// When the database fails.
pub async fn insert_record(tx: &mut Tx, record: &Record) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into complaint_records (case_id, appointment_id, unit_id, officer_id, number, state, opened_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (case_id) do nothing",
        &record.case_id,
        &record.appointment_id,
        &record.unit_id,
        &record.officer_id,
        &record.number,
        record.state,
        record.opened_at
    )?;
    Ok(())
}

/// Has a record of which nothing was sent go on with another hearing of its case;
/// false when something was sent meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn reopen_record(tx: &mut Tx, record: &Record) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update complaint_records
         set appointment_id = $2, unit_id = $3, officer_id = $4, number = $5, opened_at = $6
         where case_id = $1 and state = 'drafting' and appointment_id <> $2",
        &record.case_id,
        &record.appointment_id,
        &record.unit_id,
        &record.officer_id,
        &record.number,
        record.opened_at
    )?;
    Ok(rows > 0)
}

/// Moves a record from one state to another; false when it was not there any more.
///
/// # Errors
/// When the database fails.
pub async fn move_record(
    tx: &mut Tx,
    case_id: &Id,
    from: RecordState,
    to: RecordState,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update complaint_records set state = $3 where case_id = $1 and state = $2",
        case_id,
        from,
        to
    )?;
    Ok(rows == 1)
}

/// Notes when the signature was complete.
///
/// # Errors
/// When the database fails.
pub async fn mark_signed(tx: &mut Tx, case_id: &Id, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "update complaint_records set signed_at = $2 where case_id = $1",
        case_id,
        now
    )?;
    Ok(())
}

/// The working text as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DraftRow {
    /// Raised at every save.
    pub revision: i64,
    /// Sealed with the case's key.
    pub sealed_content: Vec<u8>,
    /// When it was last saved.
    pub saved_at: Timestamp,
}

/// Reads the working text.
///
/// # Errors
/// When the database fails.
pub async fn find_draft(tx: &mut Tx, case_id: &Id) -> Result<Option<DraftRow>, Fault> {
    fetch_optional!(
        tx,
        DraftRow,
        "select revision, sealed_content, saved_at from record_drafts where case_id = $1",
        case_id
    )
}

/// Saves the working text typed on `revision`; the new revision, or none when
/// somebody saved another text meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn save_draft(
    tx: &mut Tx,
    case_id: &Id,
    revision: i64,
    sealed: &[u8],
    actor: &str,
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    if revision != 0 && find_draft(tx, case_id).await?.is_none() {
        return Ok(None);
    }
    let row = fetch_optional!(
        tx,
        (i64,),
        "insert into record_drafts (case_id, revision, sealed_content, saved_at, saved_by)
         values ($1, $2 + 1, $3, $4, $5)
         on conflict (case_id) do update set revision = record_drafts.revision + 1,
             sealed_content = excluded.sealed_content, saved_at = excluded.saved_at, saved_by = excluded.saved_by
         where record_drafts.revision = $2
         returning revision",
        case_id,
        revision,
        sealed,
        now,
        actor
    )?;
    Ok(row.map(|(revision,)| revision))
}

/// A version as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct VersionRow {
    /// From 1.
    pub version: i64,
    /// SHA-256 of the content.
    pub hash: String,
    /// Sealed with the case's key.
    pub sealed_content: Vec<u8>,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Appends a version.
///
/// # Errors
/// When the database fails, or the version exists already.
pub async fn insert_version(
    tx: &mut Tx,
    case_id: &Id,
    row: &VersionRow,
    actor: &str,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into record_versions (case_id, version, hash, sealed_content, sent_at, sent_by)
         values ($1, $2, $3, $4, $5, $6)",
        case_id,
        row.version,
        &row.hash,
        &row.sealed_content,
        row.sent_at,
        actor
    )?;
    Ok(())
}

/// The last version sent.
///
/// # Errors
/// When the database fails.
pub async fn find_last_version(tx: &mut Tx, case_id: &Id) -> Result<Option<VersionRow>, Fault> {
    fetch_optional!(
        tx,
        VersionRow,
        "select version, hash, sealed_content, sent_at from record_versions
         where case_id = $1 order by version desc limit 1",
        case_id
    )
}

/// A change the person asked for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ChangeRow {
    /// Key.
    pub id: Id,
    /// The version it was asked on.
    pub version: i64,
    /// Sealed with the case's key.
    pub sealed_text: Vec<u8>,
    /// When.
    pub requested_at: Timestamp,
    /// The officer's answer, sealed.
    pub sealed_answer: Option<Vec<u8>>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
}

/// The changes asked for, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_changes(tx: &mut Tx, case_id: &Id) -> Result<Vec<ChangeRow>, Fault> {
    fetch_all!(
        tx,
        ChangeRow,
        "select id, version, sealed_text, requested_at, sealed_answer, answered_at from change_requests
         where case_id = $1 order by requested_at, id",
        case_id
    )
}

/// Writes a change request.
///
/// # Errors
/// When the database fails.
pub async fn insert_change(
    tx: &mut Tx,
    case_id: &Id,
    id: &Id,
    version: i64,
    sealed_text: &[u8],
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into change_requests (id, case_id, version, sealed_text, requested_at)
         values ($1, $2, $3, $4, $5)",
        id,
        case_id,
        version,
        sealed_text,
        now
    )?;
    Ok(())
}

/// Answers a change request once.
///
/// # Errors
/// When the database fails.
pub async fn answer_change(
    tx: &mut Tx,
    case_id: &Id,
    id: &Id,
    sealed_answer: &[u8],
    actor: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update change_requests set sealed_answer = $3, answered_at = $4, answered_by = $5
         where id = $1 and case_id = $2 and answered_at is null",
        id,
        case_id,
        sealed_answer,
        now,
        actor
    )?;
    Ok(rows == 1)
}

text_enum! {
    /// What the person decided on a version.
    Decision {
        /// The text is faithful.
        Agreed = "agreed",
        /// It is not, and the person stops there.
        Refused = "refused",
    }
}

/// The person's decision.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Agreement {
    /// The version decided on.
    pub version: i64,
    /// Its hash.
    pub version_hash: String,
    /// Agreed or refused.
    pub decision: Decision,
    /// When.
    pub decided_at: Timestamp,
    /// Strength of the session.
    pub acr: String,
    /// Why the person refused, if they said, sealed with the case's key.
    pub sealed_reason: Option<Vec<u8>>,
}

/// Writes the person's decision on a version.
///
/// # Errors
/// When the database fails, or no such version exists.
pub async fn insert_agreement(
    tx: &mut Tx,
    case_id: &Id,
    agreement: &Agreement,
    session: &str,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into agreements (case_id, version, version_hash, decision, decided_at, session_id, acr,
             sealed_reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        case_id,
        agreement.version,
        &agreement.version_hash,
        agreement.decision,
        agreement.decided_at,
        session,
        &agreement.acr,
        &agreement.sealed_reason
    )?;
    Ok(())
}

/// The person's decision on the record, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn find_agreement(tx: &mut Tx, case_id: &Id) -> Result<Option<Agreement>, Fault> {
    fetch_optional!(
        tx,
        Agreement,
        "select version, version_hash, decision, decided_at, acr, sealed_reason from agreements
         where case_id = $1 order by version desc limit 1",
        case_id
    )
}

text_enum! {
    /// A document of the record.
    DocumentKind {
        /// The act.
        ProcesVerbal = "proces_verbal",
        /// The receipt of the complaint.
        Recepisse = "recepisse",
        /// The proof of the person's decision.
        AgreementProof = "agreement_proof",
    }
}

/// A signature prepared, waiting for its key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PreparedRow {
    /// Which document.
    pub document: DocumentKind,
    /// Document and attributes, sealed with the case's key.
    pub sealed_prepared: Vec<u8>,
    /// When it was prepared.
    pub prepared_at: Timestamp,
    /// Who signs.
    pub officer_id: Id,
}

/// Writes a prepared signature, once for each document.
///
/// # Errors
/// When the database fails, or there is no decision on that version.
pub async fn insert_prepared(
    tx: &mut Tx,
    case_id: &Id,
    version_hash: &str,
    row: &PreparedRow,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into signatures (case_id, document, version_hash, sealed_prepared, prepared_at, officer_id)
         values ($1, $2, $3, $4, $5, $6) on conflict (case_id, document) do nothing",
        case_id,
        row.document,
        version_hash,
        &row.sealed_prepared,
        row.prepared_at,
        &row.officer_id
    )?;
    Ok(())
}

/// Prepared signatures not completed yet.
///
/// # Errors
/// When the database fails.
pub async fn list_prepared(tx: &mut Tx, case_id: &Id) -> Result<Vec<PreparedRow>, Fault> {
    fetch_all!(
        tx,
        PreparedRow,
        "select document, sealed_prepared, prepared_at, officer_id from signatures
         where case_id = $1 and completed_at is null order by document",
        case_id
    )
}

/// Notes that a signature is complete.
///
/// # Errors
/// When the database fails.
pub async fn mark_completed(
    tx: &mut Tx,
    case_id: &Id,
    document: DocumentKind,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update signatures set completed_at = $3 where case_id = $1 and document = $2 and completed_at is null",
        case_id,
        document,
        now
    )?;
    Ok(rows == 1)
}

/// A document in the object store.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DocumentRow {
    /// Key.
    pub id: Id,
    /// The case.
    pub case_id: Id,
    /// What it is.
    pub kind: DocumentKind,
    /// Where it lies, sealed.
    pub object_path: String,
    /// SHA-256 of the plain document.
    pub sha256: String,
    /// Its length.
    pub bytes: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Writes a document's row.
///
/// # Errors
/// When the database fails, or the record has such a document already.
pub async fn insert_document(tx: &mut Tx, row: &DocumentRow) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into documents (id, case_id, kind, object_path, sha256, bytes, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &row.id,
        &row.case_id,
        row.kind,
        &row.object_path,
        &row.sha256,
        row.bytes,
        row.created_at
    )?;
    Ok(())
}

/// The documents of a case.
///
/// # Errors
/// When the database fails.
pub async fn list_documents(tx: &mut Tx, case_id: &Id) -> Result<Vec<DocumentRow>, Fault> {
    fetch_all!(
        tx,
        DocumentRow,
        "select id, case_id, kind, object_path, sha256, bytes, created_at from documents
         where case_id = $1 order by kind",
        case_id
    )
}

/// A document and whose it is.
///
/// # Errors
/// When the database fails.
pub async fn find_document(tx: &mut Tx, id: &Id) -> Result<Option<(DocumentRow, Id, Id)>, Fault> {
    let row = fetch_optional!(
        tx,
        DocumentRow,
        "select id, case_id, kind, object_path, sha256, bytes, created_at from documents where id = $1",
        id
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    let owners = fetch_optional!(
        tx,
        (Id, Id),
        "select a.citizen_id, r.unit_id from complaint_records r
         join appointments a on a.id = r.appointment_id where r.case_id = $1",
        &row.case_id
    )?;
    Ok(owners.map(|(citizen, unit)| (row, citizen, unit)))
}

/// An appointment as the person's space shows it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SpaceRow {
    /// The appointment.
    pub id: Id,
    /// Its reference.
    pub reference: String,
    /// The case.
    pub case_id: Id,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// State.
    pub state: State,
    /// Unit's name.
    pub unit_name: String,
    /// Unit's zone.
    pub time_zone: String,
    /// State of the record, once there is one.
    pub record_state: Option<RecordState>,
}

/// Everything a person booked, newest first. Holds are left out.
///
/// # Errors
/// When the database fails.
pub async fn list_of_citizen(tx: &mut Tx, citizen_id: &Id) -> Result<Vec<SpaceRow>, Fault> {
    fetch_all!(
        tx,
        SpaceRow,
        "select a.id, a.reference, a.case_id, a.starts_at, a.ends_at, a.state, u.name as unit_name,
                u.time_zone, r.state as record_state
         from appointments a join units u on u.id = a.unit_id
         left join complaint_records r on r.case_id = a.case_id
         where a.citizen_id = $1 and a.state not in ('held', 'expired')
         order by a.starts_at desc",
        citizen_id
    )
}

/// Identity of a citizen, sealed with the service's key.
///
/// # Errors
/// When the database fails.
pub async fn find_sealed_identity(tx: &mut Tx, citizen_id: &Id) -> Result<Option<Vec<u8>>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_identity from citizens where id = $1",
        citizen_id
    )?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Administrative number of an officer.
///
/// # Errors
/// When the database fails.
pub async fn find_rio(tx: &mut Tx, officer_id: &Id) -> Result<Option<String>, Fault> {
    let row = fetch_optional!(
        tx,
        (String,),
        "select rio from officers where id = $1",
        officer_id
    )?;
    Ok(row.map(|(rio,)| rio))
}

/// Name of a commune.
///
/// # Errors
/// When the database fails.
pub async fn find_commune_name(tx: &mut Tx, insee_code: &str) -> Result<Option<String>, Fault> {
    let row = fetch_optional!(
        tx,
        (String,),
        "select name from communes where insee_code = $1",
        insee_code
    )?;
    Ok(row.map(|(name,)| name))
}
