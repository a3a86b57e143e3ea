//! The unit, the officer and the complainant, as a document names them.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::french;

/// The police or gendarmerie unit that takes the complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// As on its sign: `Commissariat de police de Brest`.
    pub name: String,
    /// Which force it belongs to.
    pub kind: UnitKind,
    /// Street and number.
    pub address: String,
    /// Post code and city.
    pub city: String,
    /// Telephone, as people dial it.
    pub phone: String,
    /// How its clock is called: `heure de Paris`, `heure de La Réunion`. The offset itself
    /// is in every instant.
    pub time_zone: String,
}

/// The force a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// Police nationale.
    Police,
    /// Gendarmerie nationale.
    Gendarmerie,
}

impl Unit {
    pub(crate) fn values(&self) -> Json {
        json!({
            "name": self.name,
            "kind": match self.kind {
                UnitKind::Police => "Police nationale",
                UnitKind::Gendarmerie => "Gendarmerie nationale",
            },
            "address": self.address,
            "city": self.city,
            "phone": self.phone,
            "time_zone": self.time_zone,
        })
    }
}

/// Who hears the complainant and signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Officer {
    /// Named, or known by an administrative number.
    pub identity: OfficerIdentity,
    /// In which quality the officer acts.
    pub quality: OfficerQuality,
}

/// An officer's name may give way to the administrative number (CPP 15-4, R. 2-18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfficerIdentity {
    /// Rank and name: `brigadier-chef Marie Le Goff`.
    Name(String),
    /// RIO, the number worn on the uniform.
    AdministrativeNumber(String),
}

/// In which quality an officer hears the complainant (CPP 16, 20, 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfficerQuality {
    /// Officier de police judiciaire.
    Opj,
    /// Agent de police judiciaire.
    Apj,
}

impl Officer {
    /// How the officer is named in a sentence.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.identity {
            OfficerIdentity::Name(name) => name.clone(),
            OfficerIdentity::AdministrativeNumber(number) => {
                format!("l’agent identifié par le numéro administratif {number}")
            }
        }
    }

    pub(crate) fn values(&self) -> Json {
        json!({
            "label": self.label(),
            "signatory": match &self.identity {
                OfficerIdentity::Name(name) => name.clone(),
                OfficerIdentity::AdministrativeNumber(number) => format!("Numéro administratif {number}"),
            },
            "quality": match self.quality {
                OfficerQuality::Opj => "officier de police judiciaire",
                OfficerQuality::Apj => "agent de police judiciaire",
            },
        })
    }
}

/// The person who complains; from FranceConnect for the civil status, unless
/// `identity_origin` says otherwise, from the person for the rest. Empty strings are not printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complainant {
    /// Family name at birth.
    pub birth_name: String,
    /// Name used, if another.
    #[serde(default)]
    pub used_name: Option<String>,
    /// Given names in the order of the civil status.
    pub given_names: String,
    /// As the identity provider gives it.
    pub gender: Gender,
    /// Perhaps known to the year or month only.
    pub birthdate: Birthdate,
    /// Place of birth in words; absent for many people born abroad.
    #[serde(default)]
    pub birthplace: Option<String>,
    /// Country of birth in words.
    pub birthcountry: String,
    /// Postal address on one line.
    pub address: String,
    /// Telephone where the person may be called.
    pub phone: String,
    /// Address for messages.
    pub email: String,
    /// In whose name, when not in the person's own: `mère de …, mineure`, `gérante de …`.
    #[serde(default)]
    pub capacity: Option<String>,
    /// Profession, asked because it may aggravate an offence.
    #[serde(default)]
    pub profession: Option<String>,
    /// Who vouches for the civil status, in words.
    #[serde(default)]
    pub identity_origin: Option<String>,
}

/// The gender of the pivot identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gender {
    /// Féminin.
    Female,
    /// Masculin.
    Male,
    /// Not given by the identity provider.
    Unspecified,
}

impl Complainant {
    /// `Jeanne Marie DURAND, épouse…` is never guessed: given names, birth name, and the
    /// used name in brackets.
    pub(crate) fn full_name(&self) -> String {
        match self
            .used_name
            .as_deref()
            .filter(|name| !name.trim().is_empty())
        {
            Some(used) => format!(
                "{} {} (nom d’usage : {used})",
                self.given_names, self.birth_name
            ),
            None => format!("{} {}", self.given_names, self.birth_name),
        }
    }

    /// What is printed of the person: labels and texts, without what is empty.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let gender = match self.gender {
            Gender::Female => "féminin",
            Gender::Male => "masculin",
            Gender::Unspecified => "non précisé",
        };
        let birth = match self
            .birthplace
            .as_deref()
            .filter(|place| !place.trim().is_empty())
        {
            Some(place) => format!("{place} ({})", self.birthcountry),
            None => self.birthcountry.clone(),
        };
        let entries = [
            ("Nom de naissance", self.birth_name.clone()),
            ("Nom d’usage", self.used_name.clone().unwrap_or_default()),
            ("Prénoms", self.given_names.clone()),
            ("Sexe", gender.to_owned()),
            ("Date de naissance", self.birthdate.in_words()),
            ("Lieu de naissance", birth),
            (
                "Origine de l’identité",
                self.identity_origin.clone().unwrap_or_default(),
            ),
            ("Adresse", self.address.clone()),
            ("Téléphone", self.phone.clone()),
            ("Adresse électronique", self.email.clone()),
            (
                "Agissant en qualité de",
                self.capacity.clone().unwrap_or_default(),
            ),
            ("Profession", self.profession.clone().unwrap_or_default()),
        ];
        entries
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(label, text)| (label.to_owned(), text))
            .collect()
    }

    pub(crate) fn values(&self) -> Json {
        self.entries()
            .into_iter()
            .map(|(label, text)| json!({ "label": label, "text": text }))
            .collect()
    }
}

/// A date of birth, perhaps presumed: `1962-08-24`, `1962-08` or `1962`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Birthdate {
    /// Known to the day.
    Day(NaiveDate),
    /// Known to the month.
    Month {
        /// Year of birth.
        year: i32,
        /// Month, from 1 to 12.
        month: u32,
    },
    /// Known to the year.
    Year(i32),
}

/// Not a date of birth.
#[derive(Debug, thiserror::Error)]
#[error("a birthdate is written 1962-08-24, 1962-08 or 1962")]
pub struct BirthdateError;

impl Birthdate {
    /// `24 août 1962`, or what is known of it.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Day(day) => french::date(day),
            Self::Month { year, month } => {
                format!("{} {year} (date présumée)", french::month(month))
            }
            Self::Year(year) => format!("{year} (date présumée)"),
        }
    }
}

impl FromStr for Birthdate {
    type Err = BirthdateError;

    fn from_str(text: &str) -> Result<Self, BirthdateError> {
        let complete = match text.len() {
            4 => format!("{text}-01-01"),
            7 => format!("{text}-01"),
            10 => text.to_owned(),
            _ => return Err(BirthdateError),
        };
        let day = NaiveDate::parse_from_str(&complete, "%Y-%m-%d").map_err(|_| BirthdateError)?;
        if !day.format("%Y-%m-%d").to_string().eq(&complete) {
            return Err(BirthdateError);
        }
        use chrono::Datelike;
        Ok(match text.len() {
            4 => Self::Year(day.year()),
            7 => Self::Month {
                year: day.year(),
                month: day.month(),
            },
            _ => Self::Day(day),
        })
    }
}

impl fmt::Display for Birthdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            Self::Month { year, month } => write!(f, "{year:04}-{month:02}"),
            Self::Year(year) => write!(f, "{year:04}"),
        }
    }
}

impl TryFrom<String> for Birthdate {
    type Error = BirthdateError;

    fn try_from(text: String) -> Result<Self, BirthdateError> {
        text.parse()
    }
}

impl From<Birthdate> for String {
    fn from(birthdate: Birthdate) -> Self {
        birthdate.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn birthdates_are_read_and_told() {
        for (written, told) in [
            ("1962-08-24", "24\u{A0}août 1962"),
            ("1962-08-01", "1er\u{A0}août 1962"),
            ("1962-08", "août 1962 (date présumée)"),
            ("1962", "1962 (date présumée)"),
        ] {
            let birthdate: Birthdate = written.parse().unwrap();
            assert_eq!(birthdate.in_words(), told);
            assert_eq!(birthdate.to_string(), written);
        }
        for wrong in [
            "",
            "62",
            "1962-13",
            "1962-02-30",
            "1962-8-24",
            "aaaa",
            "é1962",
            "-962",
            "24/08/1962",
        ] {
            assert!(wrong.parse::<Birthdate>().is_err(), "{wrong}");
        }
    }
}
