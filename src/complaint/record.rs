//! The life of a record up to the person's decision: opened with the hearing,
//! saved as it is typed, sent, discussed, agreed to or refused.

use documents::ProcesVerbal;

use super::act::{self, Drafted};
use super::content::{Draft, Incident, MAX_TEXT, Noted, Version};
use super::lifecycle::{RecordState, Step};
use super::store::{self, Agreement, Decision, Record, VersionRow};
use crate::audit::{self, Actor};
use crate::booking::Appointment;
use crate::booking::meeting_link::{self, LinkRole};
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration;
use crate::error::Fault;
use crate::hearings;
use crate::identity::{Origin, SignedInCitizen, SignedInOfficer, people};
use crate::keys::Keys;
use crate::notifications::{self, Channel, Outgoing, Values};

/// Longest change request or answer, in characters.
pub const MAX_REQUEST: usize = 4_000;

/// Most change requests of one record.
pub const MAX_REQUESTS: usize = 100;

/// Why an act on the record does not take place.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not this officer's or this person's.
    #[error("not theirs")]
    NotTheirs,
    /// The record is not in a state that allows it.
    #[error("the record is {0}")]
    WrongState(RecordState),
    /// Another text was saved meanwhile.
    #[error("another text was saved meanwhile")]
    Conflict,
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text is longer than allowed.
    #[error("the text is too long")]
    TooLong,
    /// Checks or rights are missing.
    #[error("{} items of the check list are missing", .0.len())]
    MissingChecks(Vec<String>),
    /// A change request has no answer yet.
    #[error("a change request has no answer")]
    Unanswered,
    /// The decision names a version that is not the last one.
    #[error("that is not the last version")]
    StaleVersion,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Opens the record of a case with its hearing; opening it again changes nothing. A
/// record that was opened for a hearing that did not take place, and of which nothing
/// was sent yet, goes on with the new one; what was typed stays.
///
/// # Errors
/// When the database fails.
pub async fn open(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    now: Timestamp,
) -> Result<(), Fault> {
    let former = store::find_record(tx, &appointment.case_id).await?;
    let goes_on = former.as_ref().is_some_and(|record| {
        record.state == RecordState::Drafting && record.appointment_id != appointment.id
    });
    if former.is_some() && !goes_on {
        return Ok(());
    }
    let year = now.utc().format("%Y");
    let record = Record {
        case_id: appointment.case_id.clone(),
        appointment_id: appointment.id.clone(),
        unit_id: appointment.unit_id.clone(),
        officer_id: officer.id.clone(),
        number: format!("{year}/{}", appointment.reference),
        state: RecordState::Drafting,
        opened_at: now,
        signed_at: None,
    };
    let detail = match former {
        None => {
            store::insert_record(tx, &record).await?;
            String::new()
        }
        Some(former) => {
            if !store::reopen_record(tx, &record).await? {
                return Ok(());
            }
            format!("former-appointment={}", former.appointment_id)
        }
    };
    let actor = Actor::Officer(officer.id.clone());
    note(tx, &record, &actor, "record.open", &detail, now).await
}

/// Reads a record that this officer may write in.
///
/// # Errors
/// [`RecordError::NotTheirs`] when there is none for them.
pub async fn find_for_officer(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
) -> Result<Record, RecordError> {
    if !hearings::may_hold(officer, appointment) {
        return Err(RecordError::NotTheirs);
    }
    store::find_record(tx, &appointment.case_id)
        .await?
        .ok_or(RecordError::NotTheirs)
}

/// The working text and its revision; empty before the first save.
///
/// # Errors
/// When the database fails or the text does not open.
pub async fn read_draft(tx: &mut Tx, keys: &Keys, case_id: &Id) -> Result<(Draft, i64), Fault> {
    match store::find_draft(tx, case_id).await? {
        None => Ok((Draft::default(), 0)),
        Some(row) => {
            let key = keys.case_key(tx, case_id).await?;
            let draft = key.open_json(&format!("draft/{case_id}"), &row.sealed_content)?;
            Ok((draft, row.revision))
        }
    }
}

/// Saves the working text; gives its new revision.
///
/// # Errors
/// Why it was not saved.
pub async fn save_draft(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    officer: &SignedInOfficer,
    revision: i64,
    narrative: String,
    now: Timestamp,
) -> Result<i64, RecordError> {
    if !record.state.is_writable() {
        return Err(RecordError::WrongState(record.state));
    }
    if narrative.chars().count() > MAX_TEXT {
        return Err(RecordError::TooLong);
    }
    let key = keys.case_key(tx, &record.case_id).await?;
    let sealed = key.seal_json(&format!("draft/{}", record.case_id), &Draft { narrative });
    let actor = Actor::Officer(officer.id.clone());
    let saved = store::save_draft(
        tx,
        &record.case_id,
        revision,
        &sealed,
        &actor.to_string(),
        now,
    )
    .await?;
    saved.ok_or(RecordError::Conflict)
}

/// Freezes the working text, checks and incidents into a version and sends it
/// to the person.
///
/// # Errors
/// Why it was not sent.
pub async fn send(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    unit: &Unit,
    officer: &SignedInOfficer,
    space_url: &str,
    now: Timestamp,
) -> Result<Version, RecordError> {
    let next = record
        .state
        .after(Step::Send)
        .ok_or(RecordError::WrongState(record.state))?;
    let (draft, _) = read_draft(tx, keys, &record.case_id).await?;
    if draft.narrative.trim().is_empty() {
        return Err(RecordError::Empty);
    }
    let checks = hearings::store::list_checks(tx, &record.appointment_id).await?;
    let day = now.in_zone(unit.zone()).date_naive();
    let missing = hearings::checks::missing(&checks, day);
    if !missing.is_empty() {
        return Err(RecordError::MissingChecks(missing));
    }
    let changes = store::list_changes(tx, &record.case_id).await?;
    if changes.iter().any(|change| change.answered_at.is_none()) {
        return Err(RecordError::Unanswered);
    }
    let noted: Vec<Noted> = checks
        .into_iter()
        .map(|check| Noted {
            item: check.item,
            result: check.result,
            at: check.noted_at,
        })
        .collect();
    let events = hearings::store::list_events(tx, &record.appointment_id).await?;
    let incidents = hearings::incidents::incidents(&events)
        .into_iter()
        .map(|incident| Incident {
            kind: incident.kind,
            role: incident
                .role
                .map_or_else(String::new, |role| role.to_string()),
            from: incident.from,
            to: incident.until,
        })
        .collect::<Vec<_>>();
    let actor = Actor::Officer(officer.id.clone());
    let last = read_last_version(tx, keys, &record.case_id).await?;
    let drafted = Drafted {
        citizen_id: &citizen_of(tx, record).await?,
        officer_id: &officer.id,
        narrative: draft.narrative,
        noted: &noted,
        incidents: &incidents,
        changes: &read_changes(tx, keys, &record.case_id).await?,
    };
    let act = act::draw_up(tx, keys, record, unit, drafted, now).await?;
    if let Some((last, _)) = &last
        && record.state == RecordState::InReview
        && last.noted == noted
        && last.incidents == incidents
        && (ProcesVerbal {
            drafted_at: last.act.drafted_at,
            ..act.clone()
        }) == last.act
    {
        // Sent twice: the person has it already.
        return Ok(last.clone());
    }
    let version = Version {
        version: last.map_or(0, |(last, _)| last.version) + 1,
        sent_at: now,
        act,
        noted,
        incidents,
    };
    let key = keys.case_key(tx, &record.case_id).await?;
    let row = VersionRow {
        version: version.version,
        hash: version.hash(),
        sealed_content: key.seal(
            &version_place(&record.case_id, version.version),
            &version.bytes(),
        ),
        sent_at: now,
    };
    store::insert_version(tx, &record.case_id, &row, &actor.to_string()).await?;
    advance(tx, record, next).await?;
    let detail = format!("version={} hash={}", row.version, row.hash);
    note(tx, record, &actor, "record.send", &detail, now).await?;
    tell_person(
        tx,
        keys,
        record,
        "review",
        &format!("version/{}", row.version),
        space_url,
        now,
    )
    .await?;
    Ok(version)
}

async fn citizen_of(tx: &mut Tx, record: &Record) -> Result<Id, Fault> {
    let case = declaration::find(tx, &record.case_id).await?;
    case.map(|case| case.citizen_id)
        .ok_or_else(|| Fault::other("a record without a declaration"))
}

fn version_place(case_id: &Id, version: i64) -> String {
    format!("version/{case_id}/{version}")
}

/// The last version sent, opened and checked against its hash.
///
/// # Errors
/// When the database fails, or the version is not the one that was hashed.
pub async fn read_last_version(
    tx: &mut Tx,
    keys: &Keys,
    case_id: &Id,
) -> Result<Option<(Version, String)>, Fault> {
    let Some(row) = store::find_last_version(tx, case_id).await? else {
        return Ok(None);
    };
    let key = keys.case_key(tx, case_id).await?;
    let version: Version =
        key.open_json(&version_place(case_id, row.version), &row.sealed_content)?;
    if version.hash() != row.hash {
        return Err(Fault::other(format!(
            "version {} of case {case_id} does not give its hash",
            row.version
        )));
    }
    Ok(Some((version, row.hash)))
}

/// A change request, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Key.
    pub id: Id,
    /// The version it was asked on.
    pub version: i64,
    /// In the person's words.
    pub text: String,
    /// When.
    pub requested_at: Timestamp,
    /// The officer's answer; empty while there is none.
    pub answer: String,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
}

/// The change requests of a case, opened.
///
/// # Errors
/// When the database fails or one does not open.
pub async fn read_changes(tx: &mut Tx, keys: &Keys, case_id: &Id) -> Result<Vec<Change>, Fault> {
    let rows = store::list_changes(tx, case_id).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = keys.case_key(tx, case_id).await?;
    rows.into_iter()
        .map(|row| {
            let place = format!("change/{}", row.id);
            let answer = match row.sealed_answer {
                None => String::new(),
                Some(sealed) => key.open_json(&format!("{place}/answer"), &sealed)?,
            };
            Ok(Change {
                text: key.open_json(&place, &row.sealed_text)?,
                id: row.id,
                version: row.version,
                requested_at: row.requested_at,
                answered_at: row.answered_at,
                answer,
            })
        })
        .collect()
}

/// The person asks for a change of the last version.
///
/// # Errors
/// Why it was not taken.
pub async fn request_change(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    citizen: &SignedInCitizen,
    text: &str,
    now: Timestamp,
) -> Result<(), RecordError> {
    let next = record
        .state
        .after(Step::RequestChange)
        .ok_or(RecordError::WrongState(record.state))?;
    let text = checked(text)?;
    let asked = read_changes(tx, keys, &record.case_id).await?;
    if asked
        .iter()
        .any(|change| change.answered_at.is_none() && change.text == text)
    {
        // Asked twice: it is on the officer's screen already.
        return Ok(());
    }
    if asked.len() >= MAX_REQUESTS {
        return Err(RecordError::TooLong);
    }
    let version = store::find_last_version(tx, &record.case_id)
        .await?
        .ok_or(RecordError::StaleVersion)?
        .version;
    let id = Id::random();
    let key = keys.case_key(tx, &record.case_id).await?;
    let sealed = key.seal_json(&format!("change/{id}"), &text);
    store::insert_change(tx, &record.case_id, &id, version, &sealed, now).await?;
    advance(tx, record, next).await?;
    let actor = Actor::Citizen(citizen.id.clone());
    note(
        tx,
        record,
        &actor,
        "record.request_change",
        &format!("change={id}"),
        now,
    )
    .await?;
    Ok(())
}

/// The officer answers a change request.
///
/// # Errors
/// Why it was not taken.
pub async fn answer_change(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    officer: &SignedInOfficer,
    change_id: &Id,
    answer: &str,
    now: Timestamp,
) -> Result<(), RecordError> {
    if !record.state.is_writable() {
        return Err(RecordError::WrongState(record.state));
    }
    let answer = checked(answer)?;
    let key = keys.case_key(tx, &record.case_id).await?;
    let sealed = key.seal_json(&format!("change/{change_id}/answer"), &answer);
    let actor = Actor::Officer(officer.id.clone());
    let answered = store::answer_change(
        tx,
        &record.case_id,
        change_id,
        &sealed,
        &actor.to_string(),
        now,
    )
    .await?;
    if !answered {
        return Err(RecordError::Conflict);
    }
    let detail = format!("change={change_id}");
    note(tx, record, &actor, "record.answer_change", &detail, now).await?;
    Ok(())
}

fn checked(text: &str) -> Result<String, RecordError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RecordError::Empty);
    }
    if text.chars().count() > MAX_REQUEST {
        return Err(RecordError::TooLong);
    }
    Ok(text.to_owned())
}

/// What the person says to a version.
#[derive(Debug)]
pub struct Decided<'a> {
    /// Agreed or refused.
    pub decision: Decision,
    /// Hash of the version on their screen.
    pub seen_hash: &'a str,
    /// Why not, in their words; may be empty.
    pub reason: &'a str,
}

/// The person agrees to the version they read, or refuses it. The hash they
/// saw must still be that of the last version.
///
/// # Errors
/// Why it was not taken.
pub async fn decide(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    citizen: &SignedInCitizen,
    decided: Decided<'_>,
    now: Timestamp,
) -> Result<(), RecordError> {
    let Decided {
        decision,
        seen_hash,
        reason,
    } = decided;
    let reason = reason.trim();
    if reason.chars().count() > MAX_REQUEST {
        return Err(RecordError::TooLong);
    }
    let step = match decision {
        Decision::Agreed => Step::Agree,
        Decision::Refused => Step::Refuse,
    };
    let Some(next) = record.state.after(step) else {
        let taken = store::find_agreement(tx, &record.case_id).await?;
        return match taken {
            // Decided twice, the same way on the same text: it stands.
            Some(taken) if taken.decision == decision && taken.version_hash == seen_hash => Ok(()),
            _ => Err(RecordError::WrongState(record.state)),
        };
    };
    let last = store::find_last_version(tx, &record.case_id)
        .await?
        .filter(|row| row.hash == seen_hash)
        .ok_or(RecordError::StaleVersion)?;
    let sealed_reason = if reason.is_empty() || decision == Decision::Agreed {
        None
    } else {
        let key = keys.case_key(tx, &record.case_id).await?;
        Some(key.seal_json(&reason_place(&record.case_id), &reason))
    };
    let agreement = Agreement {
        sealed_reason,
        version: last.version,
        version_hash: last.hash,
        decision,
        decided_at: now,
        acr: citizen.acr.clone(),
    };
    store::insert_agreement(tx, &record.case_id, &agreement, &citizen.session).await?;
    advance(tx, record, next).await?;
    let actor = Actor::Citizen(citizen.id.clone());
    let detail = format!(
        "version={} hash={} acr={}",
        last.version, agreement.version_hash, agreement.acr
    );
    note(
        tx,
        record,
        &actor,
        &format!("record.{decision}"),
        &detail,
        now,
    )
    .await?;
    Ok(())
}

fn reason_place(case_id: &Id) -> String {
    format!("refusal/{case_id}")
}

/// Why the person refused, in their words; empty where they did not say.
///
/// # Errors
/// When the database fails or it does not open.
pub async fn read_reason(
    tx: &mut Tx,
    keys: &Keys,
    case_id: &Id,
    sealed: Option<&[u8]>,
) -> Result<String, Fault> {
    match sealed {
        None => Ok(String::new()),
        Some(sealed) => {
            let key = keys.case_key(tx, case_id).await?;
            key.open_json(&reason_place(case_id), sealed)
        }
    }
}

/// Moves the record on, if nobody moved it meanwhile.
///
/// # Errors
/// [`RecordError::Conflict`] when somebody did.
pub async fn advance(tx: &mut Tx, record: &Record, to: RecordState) -> Result<(), RecordError> {
    if record.state == to {
        return Ok(());
    }
    if store::move_record(tx, &record.case_id, record.state, to).await? {
        Ok(())
    } else {
        Err(RecordError::Conflict)
    }
}

/// Writes a line about a record in its unit's journal.
///
/// # Errors
/// When the database fails.
pub async fn note(
    tx: &mut Tx,
    record: &Record,
    actor: &Actor,
    act: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let object = format!("record/{}", record.case_id);
    audit::append(
        tx,
        record.unit_id.as_str(),
        now,
        actor,
        act,
        &object,
        detail,
    )
    .await
}

/// Tells the person that something waits in their space: by e-mail, or by SMS
/// where they gave no e-mail address or it cannot be delivered.
///
/// # Errors
/// When the database fails.
pub async fn tell_person(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    template: &str,
    occasion: &str,
    space_url: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let content = declaration::open_content(tx, keys, &record.case_id).await?;
    let declared = declaration::find(tx, &record.case_id).await?;
    let Some(declared) = declared else {
        return Err(Fault::other("a record without a declaration"));
    };
    let sms = content.reachable_by(Channel::Sms).unwrap_or_default();
    let (channel, address, fallback) = match content.reachable_by(Channel::Email) {
        Some(email) => (Channel::Email, email, sms),
        None => (Channel::Sms, sms, ""),
    };
    let mut values = Values {
        address: address.to_owned(),
        fallback: fallback.to_owned(),
        ..Values::default()
    };
    let reference = record.number.rsplit('/').next().unwrap_or_default();
    values
        .values
        .insert("reference".into(), reference.to_owned());
    values.values.insert("space".into(), space_url.to_owned());
    // Whoever has no account comes back by their link alone.
    let declared_only = people::is_declared(tx, keys, &declared.citizen_id).await?;
    let origin = if declared_only {
        let person = Actor::Citizen(declared.citizen_id.clone()).to_string();
        let id = &record.appointment_id;
        let link = meeting_link::find_of(tx, id, LinkRole::Citizen, &person).await?;
        values.link = link.map(|link| (link.id.0, link.generation));
        Origin::Declared
    } else {
        Origin::FranceConnect
    };
    values.values.insert("origin".into(), origin.to_string());
    notifications::enqueue(
        tx,
        keys,
        &Outgoing {
            event: &format!("record/{}/{occasion}", record.case_id),
            recipient: &format!("citizen/{}", declared.citizen_id),
            unit: Some(&record.unit_id),
            channel,
            template,
            language: &declared.language,
            values: &values,
            expires_at: now.plus_minutes(7 * 24 * 60),
            due_at: now,
        },
        now,
    )
    .await
}
