//! From a record to the data of its documents: the procès-verbal, the
//! récépissé, the proof of decision. Instants carry the unit's offset; the
//! words of the law come from the dated texts of the `documents` crate.

use chrono::{DateTime, FixedOffset, Offset};
use documents::{
    AgreementProof, ChangeRequest, Check, Complainant, Consent, Entry, Gender, Incident,
    LegalTexts, Officer, OfficerIdentity, OfficerQuality, ProcesVerbal, Recepisse, RightTold,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content::{self, Noted, Version};
use super::record::Change;
use super::store::{self, Agreement, Decision, Record};
use crate::app::App;
use crate::booking::Appointment;
use crate::calendar::{Unit, UnitKind, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::{self, Content};
use crate::error::Fault;
use crate::hearings::checks::RIGHT;
use crate::identity::PivotIdentity;
use crate::identity::session::BY_CODE;
use crate::keys::Keys;
use crate::messages::{Lang, text};

/// Replaces what no embedded font draws by its code point, such as `[U+5317]`:
/// a name or a place in another script never keeps an act from being printed.
///
/// # Errors
/// When the value is not what it was after a round trip, which a bug would cause.
fn printable<T: Serialize + DeserializeOwned>(document: &T) -> Result<T, Fault> {
    fn walk(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                for wrong in documents::unsupported_characters(text) {
                    *text = text.replace(wrong, &format!("[U+{:04X}]", u32::from(wrong)));
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(walk),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(document).map_err(Fault::other)?;
    walk(&mut value);
    serde_json::from_value(value).map_err(Fault::other)
}

/// What the person confirms, in the words that were on their screen.
pub const STATEMENT: &str = "record-agree-statement";

/// What a version freezes besides the facts the person declared.
#[derive(Debug)]
pub struct Drafted<'a> {
    /// Who complains.
    pub citizen_id: &'a Id,
    /// Who writes.
    pub officer_id: &'a Id,
    /// The declaration as the officer wrote it.
    pub narrative: String,
    /// Checks and rights.
    pub noted: &'a [Noted],
    /// Incidents so far.
    pub incidents: &'a [content::Incident],
    /// Changes asked and answered.
    pub changes: &'a [Change],
}

/// Draws an act up as a version sends it: nothing decided, nothing signed.
///
/// # Errors
/// When the database fails, something sealed does not open, or no edition of the legal
/// texts covers that day.
pub async fn draw_up(
    tx: &mut Tx,
    keys: &Keys,
    record: &Record,
    unit: &Unit,
    drafted: Drafted<'_>,
    now: Timestamp,
) -> Result<ProcesVerbal, Fault> {
    let case_id = &record.case_id;
    let identity = identity_of(tx, keys, drafted.citizen_id).await?;
    let content = declaration::open_content(tx, keys, case_id).await?;
    let declared = declaration::find(tx, case_id).await?;
    let birthplace = store::find_commune_name(tx, &identity.birthplace).await?;
    let at = |instant| in_zone_of(unit, instant);
    let texts = texts_of(at(now).date_naive())?;
    printable(&ProcesVerbal {
        number: record.number.clone(),
        unit: printed_unit(unit),
        officer: printed_officer(
            store::find_rio(tx, drafted.officer_id)
                .await?
                .unwrap_or_default(),
        ),
        started_at: at(record.opened_at),
        ended_at: None,
        present: Vec::new(),
        rights_document_at: declared
            .and_then(|declared| declared.rights_seen_at)
            .map(at),
        drafted_at: at(now),
        complainant: complainant(&identity, &content, birthplace)?,
        code: texts.code.clone(),
        legal_references: texts.proces_verbal.clone(),
        checks: drafted
            .noted
            .iter()
            .filter(|noted| !noted.item.starts_with(RIGHT))
            .map(|noted| Check {
                label: text(Lang::Fr, &format!("check-{}", noted.item)),
                at: at(noted.at),
                result: text(Lang::Fr, &format!("check-{}-{}", noted.item, noted.result)),
            })
            .collect(),
        rights: drafted
            .noted
            .iter()
            .filter_map(|noted| {
                let id = noted.item.strip_prefix(RIGHT)?;
                let right = texts.rights.iter().find(|right| right.id == id)?;
                Some(RightTold {
                    label: right.title.clone(),
                    article: right.article.clone(),
                    at: at(noted.at),
                })
            })
            .collect(),
        incidents: drafted
            .incidents
            .iter()
            .map(|incident| Incident {
                from: at(incident.from),
                to: incident.to.map(at),
                label: format!(
                    "{} ({})",
                    text(Lang::Fr, &incident.kind.replace('_', "-")),
                    text(Lang::Fr, &format!("seat-role-{}", incident.role))
                ),
            })
            .collect(),
        facts: facts(&content),
        narrative: drafted.narrative,
        change_requests: change_requests(unit, drafted.changes),
        consent: Consent::Awaited,
    })
}

/// Everything the documents of one record are made from.
#[derive(Debug)]
pub struct Dossier {
    /// The record.
    pub record: Record,
    /// Its unit.
    pub unit: Unit,
    /// Who complains.
    pub identity: PivotIdentity,
    /// What they told of themselves and the facts.
    pub content: Content,
    /// Administrative number of the officer who signs.
    pub rio: String,
    /// The version decided on.
    pub version: Version,
    /// Hash of the version.
    pub hash: String,
    /// Changes asked and answered, also after the version was sent.
    pub changes: Vec<Change>,
    /// The person's decision.
    pub agreement: Option<Agreement>,
    /// Why they refused, if they said.
    pub refusal_reason: String,
    /// When the video ended, if it has.
    pub ended_at: Option<Timestamp>,
}

/// Reads all of it. The caller has checked who may.
///
/// # Errors
/// When the database fails or something sealed does not open.
pub async fn read(
    tx: &mut Tx,
    app: &App,
    record: &Record,
    appointment: &Appointment,
    unit: &Unit,
) -> Result<Option<Dossier>, Fault> {
    let (case_id, keys) = (&record.case_id, &app.keys);
    let Some((version, hash)) = super::record::read_last_version(tx, keys, case_id).await? else {
        return Ok(None);
    };
    let officer_id = appointment
        .officer_id
        .as_ref()
        .unwrap_or(&record.officer_id);
    let hearing = crate::hearings::store::find_hearing(tx, &appointment.id).await?;
    let agreement = store::find_agreement(tx, case_id).await?;
    let sealed_reason = agreement
        .as_ref()
        .and_then(|agreement| agreement.sealed_reason.as_deref());
    Ok(Some(Dossier {
        refusal_reason: super::record::read_reason(tx, keys, case_id, sealed_reason).await?,
        ended_at: hearing.and_then(|hearing| hearing.ended_at),
        identity: identity_of(tx, keys, &appointment.citizen_id).await?,
        content: declaration::open_content(tx, keys, case_id).await?,
        rio: store::find_rio(tx, officer_id).await?.unwrap_or_default(),
        changes: super::record::read_changes(tx, keys, case_id).await?,
        agreement,
        record: record.clone(),
        unit: unit.clone(),
        version,
        hash,
    }))
}

async fn identity_of(tx: &mut Tx, keys: &Keys, citizen_id: &Id) -> Result<PivotIdentity, Fault> {
    let sealed = store::find_sealed_identity(tx, citizen_id)
        .await?
        .ok_or_else(|| Fault::other("the person of a record is gone"))?;
    keys.service
        .open_json(&format!("citizen/{citizen_id}"), &sealed)
}

/// The rights document of a unit, as it stands at `now`.
///
/// # Errors
/// When no edition of the legal texts covers that day.
pub fn rights_document(unit: &Unit, now: Timestamp) -> Result<documents::RightsDocument, Fault> {
    let issued_at = in_zone_of(unit, now);
    let texts = texts_of(issued_at.date_naive())?;
    Ok(documents::RightsDocument::new(
        printed_unit(unit),
        issued_at,
        texts,
    ))
}

fn in_zone_of(unit: &Unit, instant: Timestamp) -> DateTime<FixedOffset> {
    let local = instant.in_zone(unit.zone());
    let offset = local.offset().fix();
    local.with_timezone(&offset)
}

fn texts_of(day: chrono::NaiveDate) -> Result<&'static LegalTexts, Fault> {
    LegalTexts::in_force_on(day)
        .ok_or_else(|| Fault::other(format!("no edition of the legal texts covers {day}")))
}

fn printed_unit(unit: &Unit) -> documents::Unit {
    documents::Unit {
        name: unit.name.clone(),
        kind: match unit.kind {
            UnitKind::Police => documents::UnitKind::Police,
            UnitKind::Gendarmerie => documents::UnitKind::Gendarmerie,
        },
        address: unit.address.clone(),
        city: format!("{} {}", unit.postal_code, unit.city),
        phone: unit.phone.clone(),
        time_zone: wall::zone_name(Lang::Fr, unit.zone()),
    }
}

fn printed_officer(rio: String) -> Officer {
    Officer {
        identity: OfficerIdentity::AdministrativeNumber(rio),
        quality: OfficerQuality::Opj,
    }
}

fn complainant(
    identity: &PivotIdentity,
    content: &Content,
    birthplace: Option<String>,
) -> Result<Complainant, Fault> {
    let declared = identity.is_declared();
    let abroad = identity.birthcountry != "99100";
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
    Ok(Complainant {
        birth_name: identity.family_name.clone(),
        used_name: some(&content.used_name),
        given_names: identity.given_name.clone(),
        gender: match identity.gender.as_str() {
            "female" => Gender::Female,
            "male" => Gender::Male,
            _ => Gender::Unspecified,
        },
        birthdate: identity
            .birthdate
            .parse()
            .map_err(|_| Fault::other("a birthdate cannot be read"))?,
        birthplace: birthplace.or_else(|| {
            let place = some(&identity.birthplace)?;
            // Declared in words; FranceConnect gives a code.
            Some(if declared {
                place
            } else {
                format!("commune {place}")
            })
        }),
        birthcountry: if declared {
            identity.birthcountry.clone()
        } else if abroad {
            format!("pays {} (code INSEE)", identity.birthcountry)
        } else {
            "France".to_owned()
        },
        address: format!(
            "{}, {} {}",
            content.address, content.postal_code, content.city
        ),
        phone: content.phone.clone(),
        email: content.email.clone(),
        profession: some(&content.profession),
        identity_origin: Some(
            if declared {
                "déclarée par la personne à un agent, non vérifiée par FranceConnect"
            } else {
                "FranceConnect"
            }
            .to_owned(),
        ),
        capacity: None,
    })
}

/// Label of the entry that says what the facts are.
const NATURE: &str = "Nature";

fn facts(content: &Content) -> Vec<Entry> {
    let date = chrono::NaiveDate::parse_from_str(&content.facts_date, "%Y-%m-%d").map_or_else(
        |_| content.facts_date.clone(),
        |day| {
            day.format_localized("%-d %B %Y", chrono::Locale::fr_FR)
                .to_string()
        },
    );
    [
        (NATURE, content.offence_label.clone()),
        (
            "Date",
            format!("{date} {}", content.facts_time).trim().to_owned(),
        ),
        ("Lieu", content.facts_place.clone()),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(label, text)| Entry {
        label: label.to_owned(),
        text,
    })
    .collect()
}

fn change_requests(unit: &Unit, changes: &[Change]) -> Vec<ChangeRequest> {
    changes
        .iter()
        .map(|change| ChangeRequest {
            requested_at: in_zone_of(unit, change.requested_at),
            text: change.text.clone(),
            answer: match change.answered_at {
                Some(_) => change.answer.clone(),
                None => text(Lang::Fr, "record-change-unanswered"),
            },
        })
        .collect()
}

impl Dossier {
    fn at(&self, instant: Timestamp) -> DateTime<FixedOffset> {
        in_zone_of(&self.unit, instant)
    }

    /// What the person decided, in the act's terms.
    fn consent(&self) -> Consent {
        let Some(agreement) = &self.agreement else {
            return Consent::Awaited;
        };
        let at = self.at(agreement.decided_at);
        let version_hash = agreement.version_hash.clone();
        match agreement.decision {
            Decision::Agreed => Consent::Agreed {
                at,
                version_hash,
                session: session_words(&agreement.acr),
            },
            Decision::Refused => Consent::Refused {
                at,
                version_hash,
                reason: self.refusal_reason.clone(),
            },
        }
    }

    /// The procès-verbal as drawn up at `now`: the version word for word, with what came
    /// after it.
    ///
    /// # Errors
    /// When a value cannot be put in the document.
    pub fn proces_verbal(&self, now: Timestamp) -> Result<ProcesVerbal, Fault> {
        let mut act = self.version.act.clone();
        let signs = printed_officer(self.rio.clone());
        if act.officer != signs {
            // Somebody else took the hearing over between the two.
            act.present.push(Entry {
                label: text(Lang::Fr, "act-heard-by"),
                text: act.officer.label(),
            });
            act.officer = signs;
        }
        if matches!(&self.agreement, Some(made) if made.decision == Decision::Refused) {
            // What was asked for after the version is part of what was refused.
            act.change_requests = change_requests(&self.unit, &self.changes);
        }
        // The hearing of the complaint is over once the person has decided, even while
        // the two still talk.
        act.ended_at = self
            .agreement
            .as_ref()
            .map(|agreement| agreement.decided_at)
            .or(self.ended_at)
            .map(|at| self.at(at));
        act.drafted_at = self.at(now);
        act.consent = self.consent();
        printable(&act)
    }

    /// The récépissé as drawn up at `now`.
    ///
    /// # Errors
    /// When a value cannot be put in the document.
    pub fn recepisse(&self, now: Timestamp) -> Result<Recepisse, Fault> {
        let texts = texts_of(self.at(now).date_naive())?;
        let act = &self.version.act;
        let nature = act.facts.iter().find(|fact| fact.label == NATURE);
        printable(&Recepisse {
            number: act.number.clone(),
            unit: act.unit.clone(),
            officer: printed_officer(self.rio.clone()),
            complainant: act.complainant.clone(),
            received_at: self.at(self.record.opened_at),
            drafted_at: self.at(now),
            offence: nature.map_or_else(String::new, |nature| nature.text.clone()),
            code: texts.code.clone(),
            legal_references: texts.recepisse.clone(),
            prescription: texts.prescription.clone(),
            prescription_notes: texts.prescription_notes.clone(),
            helps: texts.helps.clone(),
        })
    }

    /// The proof of the person's decision.
    ///
    /// # Errors
    /// When there is no decision, or a value cannot be put in the document.
    pub fn agreement_proof(&self, journal_head: &str) -> Result<AgreementProof, Fault> {
        let agreement = self
            .agreement
            .as_ref()
            .ok_or_else(|| Fault::other("a proof without a decision"))?;
        let statement = match agreement.decision {
            Decision::Agreed => text(Lang::Fr, STATEMENT),
            Decision::Refused => text(Lang::Fr, "record-refuse-statement"),
        };
        printable(&AgreementProof {
            number: self.version.act.number.clone(),
            unit: self.version.act.unit.clone(),
            complainant: self.version.act.complainant.clone(),
            version: u32::try_from(agreement.version).map_err(Fault::other)?,
            version_hash: agreement.version_hash.clone(),
            requested_at: self.at(self.version.sent_at),
            answered_at: self.at(agreement.decided_at),
            statement,
            session: session_words(&agreement.acr),
            journal_head: journal_head.to_owned(),
        })
    }
}

fn session_words(acr: &str) -> String {
    match acr {
        "eidas1" => "session FranceConnect (niveau eIDAS faible)".to_owned(),
        "eidas2" => "session FranceConnect+ (niveau eIDAS substantiel)".to_owned(),
        "eidas3" => "session FranceConnect+ (niveau eIDAS élevé)".to_owned(),
        BY_CODE => {
            "session ouverte par lien personnel et code envoyé à la personne, sans FranceConnect"
                .to_owned()
        }
        other => format!("session FranceConnect (niveau {other})"),
    }
}
