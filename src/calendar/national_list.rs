//! The national list of departments and communes, as Etalab publishes it in the
//! package `@etalab/decoupage-administratif` (from INSEE's official geographical
//! code and La Poste's postal codes). Loading it again brings names and postal codes
//! up to date and never touches which unit receives whom.
//!
//! People who live abroad have a place in it too: INSEE counts foreign countries as
//! department 99, and the list gets one entry for all of them.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{search_name, store};
use crate::audit::{self, Actor, SERVICE_CHAIN};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;

/// INSEE's department for what lies outside France.
pub const ABROAD_DEPARTMENT: &str = "99";
/// Our one entry for people who live there.
pub const ABROAD_COMMUNE: &str = "99000";

/// What is kept of the package's two files.
#[derive(Debug, PartialEq, Eq)]
pub struct NationalList {
    /// Code and name, in order.
    pub departments: Vec<(String, String)>,
    /// In order of the file.
    pub communes: Vec<NationalCommune>,
}

/// A commune that exists at present and where mail is delivered.
#[derive(Debug, PartialEq, Eq)]
pub struct NationalCommune {
    /// INSEE code.
    pub insee_code: String,
    /// Name.
    pub name: String,
    /// Code of its department or overseas territory.
    pub department: String,
    /// Postal codes, at least one.
    pub postal_codes: Vec<String>,
}

/// Why the package's files are not taken.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// They are not what the package holds.
    #[error("not the package's file: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A commune's department is in no file.
    #[error("commune {0}: no department {1}")]
    NoDepartment(String, String),
}

#[derive(Deserialize)]
struct DepartmentEntry {
    code: String,
    nom: String,
}

#[derive(Deserialize)]
struct CommuneEntry {
    code: String,
    nom: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    departement: String,
    #[serde(default, rename = "codesPostaux")]
    postal_codes: Vec<String>,
}

impl NationalList {
    /// Reads `departements.json` and `communes.json` of the package.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn read(departments: &str, communes: &str) -> Result<Self, ListError> {
        let departments: Vec<DepartmentEntry> = serde_json::from_str(departments)?;
        let communes: Vec<CommuneEntry> = serde_json::from_str(communes)?;
        let known: BTreeSet<&str> = departments
            .iter()
            .map(|entry| entry.code.as_str())
            .collect();
        let mut kept = Vec::new();
        for entry in communes {
            // Communes that were merged and the quarters of Paris, Lyon and Marseille
            // live on in the file; nobody lives in the southern lands.
            if entry.kind != "commune-actuelle" || entry.postal_codes.is_empty() {
                continue;
            }
            if !known.contains(entry.departement.as_str()) {
                return Err(ListError::NoDepartment(entry.code, entry.departement));
            }
            kept.push(NationalCommune {
                insee_code: entry.code,
                name: entry.nom,
                department: entry.departement,
                postal_codes: entry.postal_codes,
            });
        }
        kept.push(NationalCommune {
            insee_code: ABROAD_COMMUNE.into(),
            name: "Étranger (je vis hors de France)".into(),
            department: ABROAD_DEPARTMENT.into(),
            postal_codes: vec!["99000".into()],
        });
        let mut departments: Vec<_> = departments
            .into_iter()
            .map(|entry| (entry.code, entry.nom))
            .collect();
        departments.push((ABROAD_DEPARTMENT.into(), "Étranger".into()));
        departments.sort();
        Ok(NationalList {
            departments,
            communes: kept,
        })
    }
}

/// Writes the list. Which unit receives whom, and what is closed, stays as it is; so
/// does a commune that the list no longer has, because cases may name it.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, list: &NationalList, now: Timestamp) -> Result<(), Fault> {
    // The service's chain is locked by its line at the end alone: whoever signs in
    // meanwhile waits for that, and not for 35,000 communes.
    for (code, name) in &list.departments {
        store::upsert_department(tx, code, name).await?;
    }
    for commune in &list.communes {
        store::upsert_commune(tx, commune, &search_name(&commune.name)).await?;
        store::delete_postal_codes(tx, &commune.insee_code).await?;
        for postal_code in &commune.postal_codes {
            store::insert_postal_code(tx, postal_code, &commune.insee_code).await?;
        }
    }
    let detail = format!(
        "departments={} communes={}",
        list.departments.len(),
        list.communes.len()
    );
    let act = "communes.load";
    audit::append(
        tx,
        SERVICE_CHAIN,
        now,
        &Actor::System,
        act,
        "communes",
        &detail,
    )
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DEPARTMENTS: &str = r#"[{"code":"75","nom":"Paris","region":"11"},{"code":"2A","nom":"Corse-du-Sud"},
        {"code":"988","nom":"Nouvelle-Calédonie"}]"#;

    #[test]
    fn communes_of_today_where_mail_goes_are_kept_with_every_postal_code() {
        let communes = r#"[
            {"code":"75056","nom":"Paris","type":"commune-actuelle","departement":"75","codesPostaux":["75001","75011"]},
            {"code":"75101","nom":"Paris 1er","type":"arrondissement-municipal","departement":"75","codesPostaux":["75001"]},
            {"code":"2A004","nom":"Ajaccio","type":"commune-actuelle","departement":"2A","codesPostaux":["20000"]},
            {"code":"98818","nom":"Nouméa","type":"commune-actuelle","departement":"988","codesPostaux":["98800"]},
            {"code":"01015","nom":"Arbignieu","type":"commune-deleguee","chefLieu":"01015"},
            {"code":"98411","nom":"Îles Saint-Paul","type":"commune-actuelle","departement":"984"}
        ]"#;
        let list = NationalList::read(DEPARTMENTS, communes).unwrap();
        let codes: Vec<_> = list
            .communes
            .iter()
            .map(|one| one.insee_code.as_str())
            .collect();
        assert_eq!(codes, ["75056", "2A004", "98818", ABROAD_COMMUNE]);
        assert_eq!(list.communes[0].postal_codes, ["75001", "75011"]);
        assert_eq!(list.departments.len(), 4);
    }

    #[test]
    fn another_file_is_refused() {
        let orphan = r#"[{"code":"1","nom":"X","type":"commune-actuelle","departement":"0","codesPostaux":["1"]}]"#;
        for (departments, communes) in [
            ("", "[]"),
            ("[]", "{}"),
            ("[]", r#"[{"nom":"X"}]"#),
            (DEPARTMENTS, orphan),
        ] {
            assert!(NationalList::read(departments, communes).is_err());
        }
    }
}
