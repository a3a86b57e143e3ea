//! The sheet of a unit: what people read of it, as an administrator writes it, checked.
//! Pure. It knows nothing of desks and slots.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Unit, UnitKind};
use crate::text_enum;

/// Longest name, in characters.
pub const NAME_CHARS: usize = 120;
/// Longest line of an address, in characters.
pub const ADDRESS_CHARS: usize = 160;
/// Longest text about hours, accessibility or languages, in characters.
pub const TEXT_CHARS: usize = 300;

/// The zones of the Republic, that of Paris first.
pub const ZONES: [Tz; 10] = [
    Tz::Europe__Paris,
    Tz::America__Guadeloupe,
    Tz::America__Martinique,
    Tz::America__Cayenne,
    Tz::Indian__Reunion,
    Tz::Indian__Mayotte,
    Tz::America__Miquelon,
    Tz::Pacific__Noumea,
    Tz::Pacific__Tahiti,
    Tz::Pacific__Wallis,
];

/// What people read of a unit besides where it is; each text may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct PublicFacts {
    /// When its doors are open to the public.
    pub public_hours: String,
    /// What there is for people with a disability.
    pub accessibility: String,
    /// Languages spoken there.
    pub languages: String,
}

/// A sheet known to be sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Police or gendarmerie.
    pub kind: UnitKind,
    /// Full name.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// Telephone, as printed.
    pub phone: String,
    /// The unit's mailbox.
    pub email: String,
    /// IANA time zone name.
    pub time_zone: String,
    /// When its doors are open to the public.
    pub public_hours: String,
    /// What there is for people with a disability.
    pub accessibility: String,
    /// Languages spoken there.
    pub languages: String,
}

text_enum! {
    /// A line of a sheet, which is also one of its form's fields.
    SheetField {
        /// Police or gendarmerie.
        Kind = "genre",
        /// Full name.
        Name = "nom",
        /// Street address.
        Address = "adresse",
        /// Postal code.
        PostalCode = "code_postal",
        /// Town.
        City = "ville",
        /// Telephone.
        Phone = "telephone",
        /// Mailbox.
        Email = "courriel",
        /// Time zone.
        Zone = "fuseau",
        /// Hours to the public.
        Hours = "horaires",
        /// Accessibility.
        Accessibility = "accessibilite",
        /// Languages.
        Languages = "langues",
    }
}

/// A sheet as a person typed it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AskedSheet {
    /// `police` or `gendarmerie`.
    pub genre: String,
    /// Name.
    pub nom: String,
    /// Street.
    pub adresse: String,
    /// Postal code.
    pub code_postal: String,
    /// Town.
    pub ville: String,
    /// Telephone.
    pub telephone: String,
    /// Mailbox.
    pub courriel: String,
    /// Zone.
    pub fuseau: String,
    /// Hours.
    pub horaires: String,
    /// Accessibility.
    pub accessibilite: String,
    /// Languages.
    pub langues: String,
}

impl AskedSheet {
    /// The form as it is filled from a sheet.
    #[must_use]
    pub fn of(sheet: &Sheet) -> Self {
        let text = |field| sheet.text(field).to_owned();
        AskedSheet {
            genre: text(SheetField::Kind),
            nom: text(SheetField::Name),
            adresse: text(SheetField::Address),
            code_postal: text(SheetField::PostalCode),
            ville: text(SheetField::City),
            telephone: text(SheetField::Phone),
            courriel: text(SheetField::Email),
            fuseau: text(SheetField::Zone),
            horaires: text(SheetField::Hours),
            accessibilite: text(SheetField::Accessibility),
            langues: text(SheetField::Languages),
        }
    }
}

impl Sheet {
    /// The sheet of a unit as it stands.
    #[must_use]
    pub fn of(unit: &Unit) -> Self {
        Sheet {
            kind: unit.kind,
            name: unit.name.clone(),
            address: unit.address.clone(),
            postal_code: unit.postal_code.clone(),
            city: unit.city.clone(),
            phone: unit.phone.clone(),
            email: unit.email.clone(),
            time_zone: unit.time_zone.clone(),
            public_hours: unit.facts.public_hours.clone(),
            accessibility: unit.facts.accessibility.clone(),
            languages: unit.facts.languages.clone(),
        }
    }

    /// One line of it, as stored.
    #[must_use]
    pub fn text(&self, field: SheetField) -> &str {
        match field {
            SheetField::Kind => self.kind.as_str(),
            SheetField::Name => &self.name,
            SheetField::Address => &self.address,
            SheetField::PostalCode => &self.postal_code,
            SheetField::City => &self.city,
            SheetField::Phone => &self.phone,
            SheetField::Email => &self.email,
            SheetField::Zone => &self.time_zone,
            SheetField::Hours => &self.public_hours,
            SheetField::Accessibility => &self.accessibility,
            SheetField::Languages => &self.languages,
        }
    }

    /// The lines in which two sheets differ.
    #[must_use]
    pub fn differences(&self, other: &Sheet) -> Vec<SheetField> {
        let fields = SheetField::ALL.iter().copied();
        fields
            .filter(|field| self.text(*field) != other.text(*field))
            .collect()
    }

    /// Checks a sheet.
    ///
    /// # Errors
    /// Every line that is wrong.
    pub fn check(asked: &AskedSheet) -> Result<Sheet, Vec<SheetField>> {
        let mut wrong = Vec::new();
        let mut line = |field, text: &str, least: usize, most: usize| {
            let text = one_line(text);
            let length = text.chars().count();
            if length < least || length > most || text.chars().any(char::is_control) {
                wrong.push(field);
            }
            text
        };
        let sheet = Sheet {
            kind: UnitKind::parse(&asked.genre).unwrap_or(UnitKind::Police),
            name: line(SheetField::Name, &asked.nom, 3, NAME_CHARS),
            address: line(SheetField::Address, &asked.adresse, 3, ADDRESS_CHARS),
            postal_code: line(SheetField::PostalCode, &asked.code_postal, 5, 5),
            city: line(SheetField::City, &asked.ville, 1, ADDRESS_CHARS),
            phone: line(SheetField::Phone, &asked.telephone, 2, 25),
            email: line(SheetField::Email, &asked.courriel, 3, 254),
            time_zone: asked.fuseau.clone(),
            public_hours: line(SheetField::Hours, &asked.horaires, 0, TEXT_CHARS),
            accessibility: line(
                SheetField::Accessibility,
                &asked.accessibilite,
                0,
                TEXT_CHARS,
            ),
            languages: line(SheetField::Languages, &asked.langues, 0, TEXT_CHARS),
        };
        for (field, sound) in [
            (SheetField::Kind, UnitKind::parse(&asked.genre).is_some()),
            (
                SheetField::PostalCode,
                sheet.postal_code.bytes().all(|byte| byte.is_ascii_digit()),
            ),
            (SheetField::Phone, is_phone(&sheet.phone)),
            (SheetField::Email, is_address(&sheet.email)),
            (
                SheetField::Zone,
                ZONES.iter().any(|zone| zone.name() == sheet.time_zone),
            ),
        ] {
            if !sound && !wrong.contains(&field) {
                wrong.push(field);
            }
        }
        if wrong.is_empty() {
            return Ok(sheet);
        }
        wrong.sort_unstable();
        Err(wrong)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Digits as they are printed: spaces, points and a plus sign at the front may part them.
fn is_phone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    rest.bytes().filter(u8::is_ascii_digit).count() >= 2
        && rest
            .chars()
            .all(|character| character.is_ascii_digit() || matches!(character, ' ' | '.'))
}

fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>()
        .is_ok_and(|address| address.domain().contains('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sound() -> AskedSheet {
        AskedSheet {
            genre: "gendarmerie".into(),
            nom: " Brigade  d’Essai ".into(),
            adresse: "1 rue de l’Exemple".into(),
            code_postal: "78000".into(),
            ville: "Essai".into(),
            telephone: "01 99 00 78 09".into(),
            courriel: "essai@visioplainte.example".into(),
            fuseau: "Europe/Paris".into(),
            horaires: "Du lundi au vendredi,\r\n8 h – 18 h".into(),
            ..AskedSheet::default()
        }
    }

    #[test]
    fn each_wrong_line_is_named() {
        type Change = fn(&mut AskedSheet);
        let cases: &[(Change, &[SheetField])] = &[
            (|_| {}, &[]),
            (|sheet| sheet.genre = "armée".into(), &[SheetField::Kind]),
            (|sheet| sheet.nom.clear(), &[SheetField::Name]),
            (|sheet| sheet.nom = "é".repeat(121), &[SheetField::Name]),
            (|sheet| sheet.nom = "a\u{7}bc".into(), &[SheetField::Name]),
            (|sheet| sheet.adresse = "1".into(), &[SheetField::Address]),
            (
                |sheet| sheet.code_postal = "7800".into(),
                &[SheetField::PostalCode],
            ),
            (
                |sheet| sheet.code_postal = "2A000".into(),
                &[SheetField::PostalCode],
            ),
            (|sheet| sheet.ville.clear(), &[SheetField::City]),
            (|sheet| sheet.telephone = "17".into(), &[]),
            (|sheet| sheet.telephone = "+262 2 61 91 97 41".into(), &[]),
            (
                |sheet| sheet.telephone = "appeler".into(),
                &[SheetField::Phone],
            ),
            (
                |sheet| sheet.courriel = "nulle part".into(),
                &[SheetField::Email],
            ),
            (|sheet| sheet.courriel = "a@b".into(), &[SheetField::Email]),
            (
                |sheet| sheet.fuseau = "Europe/Berlin".into(),
                &[SheetField::Zone],
            ),
            (
                |sheet| sheet.langues = "x".repeat(301),
                &[SheetField::Languages],
            ),
            (
                |sheet| *sheet = AskedSheet::default(),
                &[
                    SheetField::Kind,
                    SheetField::Name,
                    SheetField::Address,
                    SheetField::PostalCode,
                    SheetField::City,
                    SheetField::Phone,
                    SheetField::Email,
                    SheetField::Zone,
                ],
            ),
        ];
        for (index, (change, expected)) in cases.iter().enumerate() {
            let mut asked = sound();
            change(&mut asked);
            let wrong = Sheet::check(&asked).err().unwrap_or_default();
            assert_eq!(wrong, *expected, "{index}");
        }
    }

    #[test]
    fn a_sheet_is_kept_on_one_line_each_and_differs_where_it_was_changed() {
        let sheet = Sheet::check(&sound()).unwrap();
        assert_eq!(sheet.name, "Brigade d’Essai");
        assert_eq!(sheet.public_hours, "Du lundi au vendredi, 8 h – 18 h");
        let again = Sheet::check(&AskedSheet::of(&sheet)).unwrap();
        assert_eq!(sheet.differences(&again), []);
        let other = Sheet {
            phone: "17".into(),
            languages: "anglais".into(),
            ..sheet.clone()
        };
        assert_eq!(
            sheet.differences(&other),
            [SheetField::Phone, SheetField::Languages]
        );
        let kept: Sheet = serde_json::from_str(&serde_json::to_string(&sheet).unwrap()).unwrap();
        assert_eq!(kept, sheet);
    }
}
