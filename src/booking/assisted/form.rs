//! Reading what an officer wrote down of a person. Pure: the commune, which needs the
//! list of them, is settled before.

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use crate::declaration::communes::Commune;
use crate::declaration::rules::{self, Age, DateError, MAX_LINE, MAX_STATEMENT};
use crate::declaration::{Content, languages, phone};
use crate::identity::{Origin, PivotIdentity};
use crate::messages::Lang;
use crate::orientation::{self, FieldError, Offence};
use crate::page::Ctx;

/// What the form sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct AssistedForm {
    pub demande: String,
    pub creneau: String,
    pub nom: String,
    pub prenoms: String,
    pub nom_usage: String,
    pub sexe: String,
    pub naissance: String,
    pub lieu_naissance: String,
    pub pays_naissance: String,
    pub courriel: String,
    pub telephone: String,
    pub adresse: String,
    pub commune: String,
    pub commune_code: String,
    pub profession: String,
    pub langue: String,
    pub parle: String,
    pub interprete: String,
    pub nature: String,
    pub date: String,
    pub lieu: String,
    pub faits: String,
}

impl Default for AssistedForm {
    /// An empty form: most people were born in France and speak French.
    fn default() -> Self {
        let empty = String::new;
        AssistedForm {
            demande: empty(),
            creneau: empty(),
            nom: empty(),
            prenoms: empty(),
            nom_usage: empty(),
            sexe: empty(),
            naissance: empty(),
            lieu_naissance: empty(),
            pays_naissance: "France".to_owned(),
            courriel: empty(),
            telephone: empty(),
            adresse: empty(),
            commune: empty(),
            commune_code: empty(),
            profession: empty(),
            langue: Lang::Fr.as_str().to_owned(),
            parle: "fr".to_owned(),
            interprete: empty(),
            nature: empty(),
            date: empty(),
            lieu: empty(),
            faits: empty(),
        }
    }
}

/// The order of the fields on the page, which the summary of errors follows.
const ORDER: &[&str] = &[
    "creneau",
    "nom",
    "prenoms",
    "nom_usage",
    "sexe",
    "naissance",
    "lieu_naissance",
    "pays_naissance",
    "courriel",
    "telephone",
    "adresse",
    "commune",
    "commune_code",
    "profession",
    "parle",
    "nature",
    "date",
    "lieu",
    "faits",
];

/// The errors of a form, by field and in the page's order.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, field: &'static str, text: String) {
        self.0.push(FieldError { field, text });
        let place = |error: &FieldError| ORDER.iter().position(|field| *field == error.field);
        self.0.sort_by_key(place);
    }

    pub(super) fn of(&self, field: &str) -> &str {
        let found = self.0.iter().find(|error| error.field == field);
        found.map_or("", |error| error.text.as_str())
    }

    pub(super) fn list(&self) -> &[FieldError] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What was written down, found good.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub identity: PivotIdentity,
    pub content: Content,
    pub commune_code: String,
    pub offence: &'static Offence,
    pub language: Lang,
}

/// Reads the form; `today` is the unit's day. What is wrong is added to the errors, and
/// then there is nothing to book with.
pub(super) fn read(
    ctx: &Ctx,
    form: &AssistedForm,
    commune: Option<&Commune>,
    today: NaiveDate,
    errors: &mut Errors,
) -> Option<Told> {
    let identity = identity(ctx, form, today, errors);
    let content = content(ctx, form, commune, today, errors);
    let offence = offence(ctx, form, errors);
    if !errors.is_empty() {
        return None;
    }
    let offence = offence?;
    Some(Told {
        content: Content {
            offence_label: offence.label.in_lang(Lang::Fr).to_owned(),
            ..content
        },
        commune_code: commune?.insee_code.clone(),
        identity,
        offence,
        language: Lang::parse(&form.langue).unwrap_or_default(),
    })
}

fn identity(
    ctx: &Ctx,
    form: &AssistedForm,
    today: NaiveDate,
    errors: &mut Errors,
) -> PivotIdentity {
    let mut line = |field, text: &str, wanted: Option<&str>| {
        let text = rules::line(text);
        match wanted {
            Some(error) if text.is_empty() => errors.add(field, ctx.t(error)),
            _ if rules::too_long(&text, MAX_LINE) => {
                errors.add(field, ctx.t1("declaration-too-long", "most", MAX_LINE));
            }
            _ => {}
        }
        text
    };
    let family_name = line("nom", &form.nom, Some("assisted-name-error"));
    // Some people have a single name.
    let given_name = line("prenoms", &form.prenoms, None);
    let birthplace = line(
        "lieu_naissance",
        &form.lieu_naissance,
        Some("assisted-birthplace-error"),
    );
    let birthcountry = line(
        "pays_naissance",
        &form.pays_naissance,
        Some("assisted-birthcountry-error"),
    );
    let gender = match form.sexe.as_str() {
        known @ ("female" | "male" | "unspecified") => known.to_owned(),
        _ => {
            errors.add("sexe", ctx.t("assisted-gender-error"));
            String::new()
        }
    };
    let birthdate = birthdate(&form.naissance, today).unwrap_or_default();
    if birthdate.is_empty() {
        errors.add("naissance", ctx.t("assisted-birthdate-error"));
    } else if rules::age(&birthdate, today) == Age::Minor {
        errors.add("naissance", ctx.t("assisted-minor-error"));
    }
    PivotIdentity {
        given_name,
        family_name,
        gender,
        birthdate,
        birthplace,
        birthcountry,
        origin: Origin::Declared,
        ..PivotIdentity::default()
    }
}

/// A day of birth as `YYYY-MM-DD`, from what browsers send and people type.
fn birthdate(typed: &str, today: NaiveDate) -> Option<String> {
    let date = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(typed.trim(), format).ok())?;
    (date.year() >= 1900 && date <= today).then(|| date.format("%Y-%m-%d").to_string())
}

fn content(
    ctx: &Ctx,
    form: &AssistedForm,
    commune: Option<&Commune>,
    today: NaiveDate,
    errors: &mut Errors,
) -> Content {
    let given = |text: &str| !text.trim().is_empty();
    let email = rules::email(&form.courriel).unwrap_or_default();
    let phone = phone::e164(&form.telephone).unwrap_or_default();
    if email.is_empty() && given(&form.courriel) {
        errors.add("courriel", ctx.t("declaration-email-error"));
    }
    if phone.is_empty() && given(&form.telephone) {
        errors.add("telephone", ctx.t("declaration-phone-error"));
    }
    if !given(&form.courriel) && !given(&form.telephone) {
        errors.add("courriel", ctx.t("assisted-reach-error"));
    }
    let facts_date = match rules::facts_date(&form.date, today) {
        Ok(date) => date,
        Err(_) if !given(&form.date) => String::new(),
        Err(error) => {
            let words = match error {
                DateError::Future => "declaration-date-future",
                DateError::Unreadable => "declaration-date-unreadable",
                DateError::TooOld => "declaration-date-too-old",
            };
            errors.add("date", ctx.t(words));
            String::new()
        }
    };
    let content = Content {
        used_name: rules::line(&form.nom_usage),
        // The officer had them from the person, and read them back.
        email,
        phone,
        address: rules::line(&form.adresse),
        postal_code: commune.map_or_else(String::new, |commune| commune.postal_code.clone()),
        city: commune.map_or_else(String::new, |commune| commune.name.clone()),
        profession: rules::line(&form.profession),
        facts_date,
        facts_place: rules::line(&form.lieu),
        statement: rules::paragraphs(&form.faits),
        spoken_language: form.parle.clone(),
        interpreter: form.parle != "fr" && form.interprete == "oui",
        ..Content::default()
    };
    if content.address.is_empty() {
        errors.add("adresse", ctx.t("assisted-address-error"));
    }
    for (field, text) in [
        ("nom_usage", &content.used_name),
        ("adresse", &content.address),
        ("profession", &content.profession),
        ("lieu", &content.facts_place),
    ] {
        if rules::too_long(text, MAX_LINE) {
            errors.add(field, ctx.t1("declaration-too-long", "most", MAX_LINE));
        }
    }
    if rules::too_long(&content.statement, MAX_STATEMENT) {
        errors.add(
            "faits",
            ctx.t1("declaration-too-long", "most", MAX_STATEMENT),
        );
    }
    if !languages::exists(&form.parle) {
        errors.add("parle", ctx.t("declaration-language-error"));
    }
    content
}

fn offence(ctx: &Ctx, form: &AssistedForm, errors: &mut Errors) -> Option<&'static Offence> {
    let catalogue = orientation::catalogue();
    let offence = catalogue.offence(&form.nature);
    match offence {
        None => errors.add("nature", ctx.t("declaration-nature-error")),
        Some(offence) if !orientation::allows_video(catalogue, offence) => {
            errors.add("nature", ctx.t("assisted-nature-error"));
        }
        Some(_) => {}
    }
    offence
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_of_birth_is_read_as_people_write_it_and_is_none_of_the_future() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        for (typed, expected) in [
            ("1951-06-02", Some("1951-06-02")),
            (" 02/06/1951 ", Some("1951-06-02")),
            ("02.06.1951", Some("1951-06-02")),
            ("2026-03-02", Some("2026-03-02")),
            ("2026-03-03", None),
            ("1899-12-31", None),
            ("31/02/1951", None),
            ("1951", None),
            ("", None),
        ] {
            assert_eq!(birthdate(typed, today).as_deref(), expected, "{typed:?}");
        }
    }
}
