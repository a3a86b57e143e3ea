//! What the citizen tells before the slot: who they are to reach, where they
//! live, what happened. The case is born here; its key seals all of it.
//!
//! A citizen has one draft at a time, found by who is signed in: no address
//! carries its number, so no one can ask for another's. Every step is saved
//! when it is sent; the draft outlives the session and is resumed. This slice
//! knows nothing of slots and appointments.

mod anonymous;
mod assisted;
pub mod communes;
pub mod contact_codes;
pub mod languages;
mod pages;
pub mod phone;
pub mod rules;
mod store;
#[cfg(test)]
mod tests;

pub use anonymous::{forget_anonymous, open_anonymous};
pub use assisted::{Assisted, open_assisted};
pub use rules::{Age, MissingStep, path_of_step};

use serde::{Deserialize, Serialize};

use crate::audit::{self, Actor, SERVICE_CHAIN};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::identity::SignedInCitizen;
use crate::information::rights;
use crate::keys::{Keys, SealingKey};
use crate::messages::Lang;
use crate::notifications::Channel;
use crate::orientation::{self, Offence};
use crate::routes::Routes;

/// What was told, sealed with the case's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Used name, if the person goes by another than the birth name.
    pub used_name: String,
    /// E-mail address the messages go to; may be empty where a telephone is given.
    pub email: String,
    /// Whether the code sent to that address is still to be typed: until then nothing
    /// else is sent there. False in what was told before codes were asked for.
    pub email_awaits_code: bool,
    /// Telephone in E.164, for SMS and call-back; may be empty where an e-mail address
    /// is given.
    pub phone: String,
    /// The same of the telephone.
    pub phone_awaits_code: bool,
    /// Number and street.
    pub address: String,
    /// Postal code.
    pub postal_code: String,
    /// Town, as the commune's list names it.
    pub city: String,
    /// Profession.
    pub profession: String,
    /// Nature of the facts, in the catalogue's words.
    pub offence_label: String,
    /// Day of the facts as `YYYY-MM-DD`; empty when unknown.
    pub facts_date: String,
    /// Approximate hour, free text; may be empty.
    pub facts_time: String,
    /// Place of the facts, free text.
    pub facts_place: String,
    /// Whether the person knows who did it: `yes`, `no`, `unsure`.
    pub author_known: String,
    /// Short statement of facts.
    pub statement: String,
    /// Language the person wants to be heard in, as a tag.
    pub spoken_language: String,
    /// Whether an interpreter is asked for.
    pub interpreter: bool,
}

impl Content {
    /// The address or number of a channel as it was given; empty for none.
    #[must_use]
    pub fn address_of(&self, channel: Channel) -> &str {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.phone,
        }
    }

    /// Whether an address was given whose code is still to be typed.
    #[must_use]
    pub fn awaits_code(&self, channel: Channel) -> bool {
        let awaits = match channel {
            Channel::Email => self.email_awaits_code,
            Channel::Sms => self.phone_awaits_code,
        };
        awaits && !self.address_of(channel).is_empty()
    }

    /// Where messages may be sent by a channel: an address that was confirmed.
    #[must_use]
    pub fn reachable_by(&self, channel: Channel) -> Option<&str> {
        let address = self.address_of(channel);
        (!address.is_empty() && !self.awaits_code(channel)).then_some(address)
    }

    /// Whether messages reach the person by some channel.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        Channel::ALL
            .iter()
            .any(|channel| self.reachable_by(*channel).is_some())
    }

    fn note_confirmed(&mut self, channel: Channel) {
        match channel {
            Channel::Email => self.email_awaits_code = false,
            Channel::Sms => self.phone_awaits_code = false,
        }
    }
}

/// A declaration as stored, without its sealed content.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Declaration {
    /// Key of the case.
    pub case_id: Id,
    /// Whose.
    pub citizen_id: Id,
    /// Unit that receives it; known once the commune is.
    pub unit_id: Option<Id>,
    /// The unit whose people the case is of, where another one receives it.
    pub received_for: Option<Id>,
    /// Commune of residence (INSEE code).
    pub commune_code: Option<String>,
    /// Code of the offence catalogue.
    pub offence: String,
    /// Version of that catalogue.
    pub catalogue_version: String,
    /// Language of the interface, followed by messages and documents.
    pub language: String,
    /// Version of the rights screen that was shown.
    pub rights_version: Option<String>,
    /// When it was shown.
    pub rights_seen_at: Option<Timestamp>,
    /// Version of the terms that were accepted.
    pub terms_version: Option<String>,
    /// When the terms were accepted.
    pub terms_accepted_at: Option<Timestamp>,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// When the appointment was confirmed with it.
    pub submitted_at: Option<Timestamp>,
}

impl Declaration {
    /// The unit whose slots come first: that of the person's commune, or the one that the
    /// case was given to.
    #[must_use]
    pub fn home_unit(&self) -> Option<&Id> {
        self.received_for.as_ref().or(self.unit_id.as_ref())
    }
}

/// Reads a declaration.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, case_id: &Id) -> Result<Option<Declaration>, Fault> {
    store::find(tx, case_id).await
}

/// The draft a citizen has not submitted yet, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn find_draft(tx: &mut Tx, citizen_id: &Id) -> Result<Option<Declaration>, Fault> {
    store::find_draft(tx, citizen_id).await
}

/// Opens what was told in a case. The caller has checked who may read it and
/// writes the consultation in the journal.
///
/// # Errors
/// When the case has no key any more, or the content does not open.
pub async fn open_content(tx: &mut Tx, keys: &Keys, case_id: &Id) -> Result<Content, Fault> {
    let key = keys.case_key(tx, case_id).await?;
    let sealed = store::find_sealed_content(tx, case_id)
        .await?
        .ok_or_else(|| Fault::other(format!("case {case_id} has no declaration")))?;
    key.open_json(&format!("declaration/{case_id}"), &sealed)
}

fn seal_content(key: &SealingKey, case_id: &Id, content: &Content) -> Vec<u8> {
    key.seal_json(&format!("declaration/{case_id}"), content)
}

/// Whether a slot may be chosen: rights read in their present version, contact
/// and commune given, somebody who receives its residents, a way to reach the person
/// confirmed by a code, facts told.
///
/// # Errors
/// The first step that is missing; [`path_of_step`] leads there.
pub fn ready_for_slot(declaration: &Declaration, content: &Content) -> Result<(), MissingStep> {
    rules::ready_for_slot(
        declaration,
        content,
        rights::version(),
        rights::terms_version(),
    )
}

/// Why a step was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Only adults declare.
    #[error("the person is under eighteen")]
    Minor,
    /// The orientation sends this nature of facts elsewhere.
    #[error("this nature of facts is not heard by video alone")]
    VideoClosed,
    /// There is no draft: never begun, or just submitted.
    #[error("the citizen has no draft")]
    NoDraft,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What the rights screen asks.
#[derive(Clone, Debug)]
pub struct RightsAnswers<'a> {
    /// Nature of the facts.
    pub offence: &'a Offence,
    /// Language to be heard in, as a tag of [`languages`].
    pub spoken_language: String,
    /// Whether an interpreter is asked for.
    pub interpreter: bool,
}

/// The person has read the rights and accepts the terms: creates their draft
/// or brings it up to date, stamped with both versions and the instant.
///
/// # Errors
/// [`SaveError::Minor`], [`SaveError::VideoClosed`], or a fault.
pub async fn save_rights(
    tx: &mut Tx,
    keys: &Keys,
    citizen: &SignedInCitizen,
    lang: Lang,
    answers: &RightsAnswers<'_>,
    now: Timestamp,
) -> Result<Id, SaveError> {
    if rules::age(&citizen.identity.birthdate, today_in_france(now)) == Age::Minor {
        return Err(SaveError::Minor);
    }
    let catalogue = orientation::catalogue();
    if !orientation::allows_video(catalogue, answers.offence) {
        return Err(SaveError::VideoClosed);
    }
    let draft = match store::lock_draft(tx, &citizen.id, now).await? {
        Some(draft) => draft,
        None => create_draft(tx, keys, citizen, lang, answers.offence, now).await?,
    };
    let case_id = draft.case_id;
    let mut content = open_content(tx, keys, &case_id).await?;
    content.offence_label = answers.offence.label.in_lang(Lang::Fr).to_owned();
    content.spoken_language.clone_from(&answers.spoken_language);
    content.interpreter = answers.interpreter;
    let key = keys.case_key(tx, &case_id).await?;
    store::update_content(tx, &case_id, seal_content(&key, &case_id, &content)).await?;
    store::update_offence(tx, &case_id, &answers.offence.code, &catalogue.version).await?;
    store::mark_rights_seen(
        tx,
        &case_id,
        lang.as_str(),
        rights::version(),
        rights::terms_version(),
        now,
    )
    .await?;
    let versions = format!(
        "rights {} terms {}",
        rights::version(),
        rights::terms_version()
    );
    note(
        tx,
        draft.unit_id.as_ref(),
        &citizen.id,
        "declaration.rights_seen",
        &case_id,
        &versions,
        now,
    )
    .await?;
    Ok(case_id)
}

/// The case is born: its key, then its draft. When another request of the same
/// person was faster, theirs is taken and the unused key is forgotten.
async fn create_draft(
    tx: &mut Tx,
    keys: &Keys,
    citizen: &SignedInCitizen,
    lang: Lang,
    offence: &Offence,
    now: Timestamp,
) -> Result<Declaration, Fault> {
    let case_id = Id::random();
    let key = keys.create_case_key(tx, &case_id, now).await?;
    let content = Content {
        email: rules::email(&citizen.identity.email).unwrap_or_default(),
        email_awaits_code: true,
        used_name: rules::line(&citizen.identity.preferred_username),
        ..Content::default()
    };
    let draft = store::NewDraft {
        case_id: &case_id,
        citizen_id: &citizen.id,
        offence: &offence.code,
        catalogue_version: &orientation::catalogue().version,
        language: lang.as_str(),
        sealed_content: seal_content(&key, &case_id, &content),
    };
    if store::insert_draft(tx, draft, now).await? {
        note(
            tx,
            None,
            &citizen.id,
            "declaration.begin",
            &case_id,
            "",
            now,
        )
        .await?;
    } else {
        store::delete_unused_key(tx, &case_id).await?;
    }
    store::lock_draft(tx, &citizen.id, now)
        .await?
        .ok_or_else(|| Fault::other("a draft was neither written nor there already"))
}

/// What the contact step asks, read and found good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Used name; may be empty.
    pub used_name: String,
    /// E-mail address; empty where a telephone is given alone.
    pub email: String,
    /// E.164; empty where an e-mail address is given alone.
    pub phone: String,
    /// Number and street.
    pub address: String,
    /// Profession; may be empty.
    pub profession: String,
}

/// Saves the contact step; the commune decides the unit. An address that the person has
/// not confirmed yet is sent a code, where somebody receives them by video.
///
/// # Errors
/// [`SaveError::NoDraft`], or a fault.
pub async fn save_contact(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    contact: Contact,
    commune: &communes::Commune,
    now: Timestamp,
) -> Result<Content, SaveError> {
    let email = (Channel::Email, contact.email.as_str());
    let phone = (Channel::Sms, contact.phone.as_str());
    let email_known = contact_codes::is_confirmed(tx, keys, citizen_id, email, now).await?;
    let phone_known = contact_codes::is_confirmed(tx, keys, citizen_id, phone, now).await?;
    let (draft, content) = change(
        tx,
        keys,
        citizen_id,
        "declaration.save_contact",
        now,
        |content| {
            content.used_name = contact.used_name;
            content.email = contact.email;
            content.email_awaits_code = !email_known;
            content.phone = contact.phone;
            content.phone_awaits_code = !phone_known;
            content.address = contact.address;
            content.profession = contact.profession;
            content.postal_code.clone_from(&commune.postal_code);
            content.city.clone_from(&commune.name);
        },
    )
    .await?;
    let unit_id = commune.unit_id.as_ref();
    store::update_commune(tx, &draft.case_id, &commune.insee_code, unit_id).await?;
    if unit_id.is_some() {
        contact_codes::send_first(tx, keys, &draft, &content, now).await?;
    }
    Ok(content)
}

/// Saves the unit of somebody who lives abroad: that of the commune where it happened. An
/// address that they have not confirmed yet is sent a code.
///
/// # Errors
/// [`SaveError::NoDraft`], or a fault.
pub async fn save_place_of_facts(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Content, SaveError> {
    let act = "declaration.choose_unit";
    let (draft, content) = change(tx, keys, citizen_id, act, now, |_| ()).await?;
    let Some(commune) = &draft.commune_code else {
        return Err(SaveError::NoDraft);
    };
    store::update_commune(tx, &draft.case_id, commune, Some(unit_id)).await?;
    contact_codes::send_first(tx, keys, &draft, &content, now).await?;
    Ok(content)
}

/// What the facts step asks, read and found good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Day as `YYYY-MM-DD`; empty when unknown.
    pub date: String,
    /// Approximate hour; may be empty.
    pub time: String,
    /// Place.
    pub place: String,
    /// `yes`, `no` or `unsure`.
    pub author_known: String,
    /// Short statement.
    pub statement: String,
}

/// Saves the facts step.
///
/// # Errors
/// [`SaveError::NoDraft`], [`SaveError::VideoClosed`], or a fault.
pub async fn save_facts(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    offence: &Offence,
    facts: Facts,
    now: Timestamp,
) -> Result<(), SaveError> {
    let catalogue = orientation::catalogue();
    if !orientation::allows_video(catalogue, offence) {
        return Err(SaveError::VideoClosed);
    }
    let label = offence.label.in_lang(Lang::Fr).to_owned();
    let (draft, _) = change(
        tx,
        keys,
        citizen_id,
        "declaration.save_facts",
        now,
        |content| {
            content.offence_label = label;
            content.facts_date = facts.date;
            content.facts_time = facts.time;
            content.facts_place = facts.place;
            content.author_known = facts.author_known;
            content.statement = facts.statement;
        },
    )
    .await?;
    store::update_offence(tx, &draft.case_id, &offence.code, &catalogue.version).await?;
    Ok(())
}

/// Changes the content of the citizen's draft under its lock, and notes it. Gives the
/// draft as it was, and its content as it is.
async fn change(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    act: &str,
    now: Timestamp,
    edit: impl FnOnce(&mut Content),
) -> Result<(Declaration, Content), SaveError> {
    let draft = store::lock_draft(tx, citizen_id, now)
        .await?
        .ok_or(SaveError::NoDraft)?;
    let case_id = &draft.case_id;
    let mut content = open_content(tx, keys, case_id).await?;
    edit(&mut content);
    let key = keys.case_key(tx, case_id).await?;
    store::update_content(tx, case_id, seal_content(&key, case_id, &content)).await?;
    note(
        tx,
        draft.unit_id.as_ref(),
        citizen_id,
        act,
        case_id,
        "",
        now,
    )
    .await?;
    Ok((draft, content))
}

/// By which the same facts told twice by one person are recognised without being
/// read: a keyed hash of kind of offence, day and place, the place compared as
/// people type it. None while no place was told.
#[must_use]
pub fn facts_mark(keys: &Keys, declaration: &Declaration, content: &Content) -> Option<String> {
    let place = crate::information::search::folded(&content.facts_place);
    if place.is_empty() {
        return None;
    }
    // Length-prefixed fields: no two different tellings have the same text.
    let mut text = String::new();
    for field in [
        declaration.citizen_id.as_str(),
        &declaration.offence,
        &content.facts_date,
        &place,
    ] {
        text.push_str(&format!("{}:{field},", field.len()));
    }
    let tag = ring::hmac::sign(&keys.facts, text.as_bytes());
    Some(crate::db::hex(&tag.as_ref()[..16]))
}

/// Marks a draft submitted; the booking slice calls it in the transaction that
/// confirms the slot. False when it was submitted before (or never existed).
///
/// # Errors
/// When the database fails.
pub async fn submit(tx: &mut Tx, case_id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let Some((citizen_id, unit_id)) = store::mark_submitted(tx, case_id, now).await? else {
        return Ok(false);
    };
    note(
        tx,
        unit_id.as_ref(),
        &citizen_id,
        "declaration.submit",
        case_id,
        "",
        now,
    )
    .await?;
    Ok(true)
}

/// Gives a case to another unit, if it still is the former one's.
///
/// # Errors
/// When the database fails.
pub async fn reassign(tx: &mut Tx, case_id: &Id, from: &Id, to: &Id) -> Result<bool, Fault> {
    store::update_unit(tx, case_id, from, to).await
}

/// Says which unit receives a case by the slot that was confirmed; where it is not that
/// of the case's own people, theirs is kept beside it.
///
/// # Errors
/// When the database fails.
pub async fn received_by(tx: &mut Tx, case_id: &Id, unit_id: &Id) -> Result<(), Fault> {
    store::update_receiver(tx, case_id, unit_id).await
}

/// Gives a case whose unit closes to another one; with none, nobody receives it. What the
/// unit only received for a neighbour goes back there. The caller writes the journal's line, for all cases at once.
///
/// # Errors
/// When the database fails.
pub async fn send_on(
    tx: &mut Tx,
    case_id: &Id,
    closing: &Id,
    heir: Option<&Id>,
) -> Result<(), Fault> {
    store::update_home(tx, case_id, closing, heir).await
}

/// Before the unit is known, the service's own chain keeps the lines.
fn chain_of(unit_id: Option<&Id>) -> &str {
    unit_id.map_or(SERVICE_CHAIN, Id::as_str)
}

async fn note(
    tx: &mut Tx,
    unit_id: Option<&Id>,
    citizen_id: &Id,
    act: &str,
    case_id: &Id,
    detail: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let actor = Actor::Citizen(citizen_id.clone());
    note_by(tx, unit_id, &actor, act, case_id, detail, now).await
}

async fn note_by(
    tx: &mut Tx,
    unit_id: Option<&Id>,
    actor: &Actor,
    act: &str,
    case_id: &Id,
    detail: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        chain_of(unit_id),
        now,
        actor,
        act,
        &format!("declaration/{case_id}"),
        detail,
    )
    .await
}

/// The day in mainland France, by which age is counted.
fn today_in_france(now: Timestamp) -> chrono::NaiveDate {
    now.in_zone(chrono_tz::Europe::Paris).date_naive()
}

/// The slice's routes.
pub fn router() -> Routes {
    pages::router()
}
