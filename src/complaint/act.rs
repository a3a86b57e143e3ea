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

use super::content::Version;
use super::record::Change;
use super::store::{self, Agreement, Decision, Record};
use crate::app::App;
use crate::booking::Appointment;
use crate::calendar::{Unit, UnitKind, wall};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::declaration::{self, Content};
use crate::error::Fault;
use crate::hearings::checks::RIGHT;
use crate::identity::PivotIdentity;
use crate::identity::session::BY_CODE;
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
    /// Name of the commune of birth, where the list knows it.
    pub birthplace: Option<String>,
    /// Administrative number of the officer.
    pub rio: String,
    /// When the officer opened the hearing.
    pub started_at: Timestamp,
    /// The version decided on, and its hash.
    pub version: Version,
    /// Hash of the version.
    pub hash: String,
    /// Changes asked and answered.
    pub changes: Vec<Change>,
    /// The person's decision.
    pub agreement: Option<Agreement>,
    /// When the written rights were on the person's screen.
    pub rights_seen_at: Option<Timestamp>,
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
    let case_id = &record.case_id;
    let Some((version, hash)) = super::record::read_last_version(tx, &app.keys, case_id).await?
    else {
        return Ok(None);
    };
    let citizen_id = &appointment.citizen_id;
    let sealed = store::find_sealed_identity(tx, citizen_id)
        .await?
        .ok_or_else(|| Fault::other("the person of a record is gone"))?;
    let identity: PivotIdentity = app
        .keys
        .service
        .open_json(&format!("citizen/{citizen_id}"), &sealed)?;
    let officer_id = appointment
        .officer_id
        .as_ref()
        .unwrap_or(&record.officer_id);
    let declared = declaration::find(tx, case_id).await?;
    let hearing = crate::hearings::store::find_hearing(tx, &appointment.id).await?;
    Ok(Some(Dossier {
        rights_seen_at: declared.and_then(|declared| declared.rights_seen_at),
        ended_at: hearing.and_then(|hearing| hearing.ended_at),
        birthplace: store::find_commune_name(tx, &identity.birthplace).await?,
        identity,
        content: declaration::open_content(tx, &app.keys, case_id).await?,
        rio: store::find_rio(tx, officer_id).await?.unwrap_or_default(),
        started_at: record.opened_at,
        changes: super::record::read_changes(tx, &app.keys, case_id).await?,
        agreement: store::find_agreement(tx, case_id).await?,
        record: record.clone(),
        unit: unit.clone(),
        version,
        hash,
    }))
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

impl Dossier {
    fn at(&self, instant: Timestamp) -> DateTime<FixedOffset> {
        in_zone_of(&self.unit, instant)
    }

    fn texts(&self, now: Timestamp) -> Result<&'static LegalTexts, Fault> {
        texts_of(self.at(now).date_naive())
    }

    fn unit(&self) -> documents::Unit {
        printed_unit(&self.unit)
    }

    fn officer(&self) -> Officer {
        Officer {
            identity: OfficerIdentity::AdministrativeNumber(self.rio.clone()),
            quality: OfficerQuality::Opj,
        }
    }

    fn complainant(&self) -> Result<Complainant, Fault> {
        let identity = &self.identity;
        let declared = identity.is_declared();
        let abroad = identity.birthcountry != "99100";
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        Ok(Complainant {
            birth_name: identity.family_name.clone(),
            used_name: some(&self.content.used_name),
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
            birthplace: self.birthplace.clone().or_else(|| {
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
                self.content.address, self.content.postal_code, self.content.city
            ),
            phone: self.content.phone.clone(),
            email: self.content.email.clone(),
            profession: some(&self.content.profession),
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

    fn facts(&self) -> Vec<Entry> {
        let content = &self.content;
        let date = chrono::NaiveDate::parse_from_str(&content.facts_date, "%Y-%m-%d").map_or_else(
            |_| content.facts_date.clone(),
            |day| {
                day.format_localized("%-d %B %Y", chrono::Locale::fr_FR)
                    .to_string()
            },
        );
        [
            ("Nature", content.offence_label.clone()),
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

    /// The procès-verbal as drawn up at `now`.
    ///
    /// # Errors
    /// When a value cannot be put in the document.
    pub fn proces_verbal(&self, now: Timestamp) -> Result<ProcesVerbal, Fault> {
        let texts = self.texts(self.version.sent_at)?;
        let consent = match &self.agreement {
            None => Consent::Awaited,
            Some(agreement) => match agreement.decision {
                Decision::Agreed => Consent::Agreed {
                    at: self.at(agreement.decided_at),
                    version_hash: agreement.version_hash.clone(),
                    session: session_words(&agreement.acr),
                },
                Decision::Refused => Consent::Refused {
                    at: self.at(agreement.decided_at),
                    version_hash: agreement.version_hash.clone(),
                    reason: String::new(),
                },
            },
        };
        let noted = &self.version.noted;
        printable(&ProcesVerbal {
            number: self.record.number.clone(),
            unit: self.unit(),
            officer: self.officer(),
            started_at: self.at(self.started_at),
            // The hearing of the complaint is over once the person has decided,
            // even while the two still talk.
            ended_at: self
                .agreement
                .as_ref()
                .map(|agreement| agreement.decided_at)
                .or(self.ended_at)
                .map(|at| self.at(at)),
            present: Vec::new(),
            rights_document_at: self.rights_seen_at.map(|at| self.at(at)),
            drafted_at: self.at(now),
            complainant: self.complainant()?,
            code: texts.code.clone(),
            legal_references: texts.proces_verbal.clone(),
            checks: noted
                .iter()
                .filter(|noted| !noted.item.starts_with(RIGHT))
                .map(|noted| Check {
                    label: text(Lang::Fr, &format!("check-{}", noted.item)),
                    at: self.at(noted.at),
                    result: text(Lang::Fr, &format!("check-{}-{}", noted.item, noted.result)),
                })
                .collect(),
            rights: noted
                .iter()
                .filter_map(|noted| {
                    let id = noted.item.strip_prefix(RIGHT)?;
                    let right = texts.rights.iter().find(|right| right.id == id)?;
                    Some(RightTold {
                        label: right.title.clone(),
                        article: right.article.clone(),
                        at: self.at(noted.at),
                    })
                })
                .collect(),
            incidents: self
                .version
                .incidents
                .iter()
                .map(|incident| Incident {
                    from: self.at(incident.from),
                    to: incident.to.map(|to| self.at(to)),
                    label: format!(
                        "{} ({})",
                        text(Lang::Fr, &incident.kind.replace('_', "-")),
                        text(Lang::Fr, &format!("seat-role-{}", incident.role))
                    ),
                })
                .collect(),
            facts: self.facts(),
            narrative: self.version.narrative.clone(),
            change_requests: self
                .changes
                .iter()
                .map(|change| ChangeRequest {
                    requested_at: self.at(change.requested_at),
                    text: change.text.clone(),
                    answer: change.answer.clone(),
                })
                .collect(),
            consent,
        })
    }

    /// The récépissé as drawn up at `now`.
    ///
    /// # Errors
    /// When a value cannot be put in the document.
    pub fn recepisse(&self, now: Timestamp) -> Result<Recepisse, Fault> {
        let texts = self.texts(now)?;
        printable(&Recepisse {
            number: self.record.number.clone(),
            unit: self.unit(),
            officer: self.officer(),
            complainant: self.complainant()?,
            received_at: self.at(self.record.opened_at),
            drafted_at: self.at(now),
            offence: self.content.offence_label.clone(),
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
            number: self.record.number.clone(),
            unit: self.unit(),
            complainant: self.complainant()?,
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
