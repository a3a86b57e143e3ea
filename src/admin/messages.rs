//! Messages as the administrators of a unit see them: those that could not be
//! delivered, to be sent again perhaps to a corrected address, and the texts that
//! are sent, in each language, with what an SMS of each costs. No page shows
//! to whom anything was sent.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::all_units_of;
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::{Unit, wall};
use crate::db::{Id, Tx};
use crate::declaration;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::messages::{self, Lang};
use crate::notifications::dead_letters::{self, DeadLetter};
use crate::notifications::segments::{Alphabet, outsiders, size_of};
use crate::notifications::{Channel, templates};
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/messages", get(list))
        .route("/administration/messages/modeles", get(texts))
        .route(
            "/administration/messages/{id}/renvoyer",
            get(ask_resend).post(resend),
        )
}

#[derive(Template)]
#[template(path = "admin/messages.html")]
struct MessagesPage {
    ctx: Ctx,
    units: Vec<UnitLetters>,
    done: String,
}

struct UnitLetters {
    unit: Unit,
    letters: Vec<Shown>,
}

/// A dead letter in words.
struct Shown {
    id: String,
    what: String,
    channel: String,
    when: String,
    why: String,
    /// What it is about, by its id.
    event: String,
    can_be_resent: bool,
}

fn shown(letter: &DeadLetter, unit: &Unit, ctx: &Ctx) -> Shown {
    let mut why = ctx.t(&format!(
        "messages-why-{}-{}",
        letter.reason, letter.channel
    ));
    if let Some(answer) = &letter.last_error {
        why = format!("{why} ({answer})");
    }
    Shown {
        id: letter.id.to_string(),
        what: named(&letter.template, ctx),
        channel: ctx.t(&format!("messages-channel-{}", letter.channel)),
        when: wall::moment(ctx.lang, letter.ended_at, unit.zone()),
        why,
        event: letter.event.clone(),
        can_be_resent: letter.can_be_resent(ctx.now),
    }
}

/// What a template is called; its own name where nobody gave it words.
fn named(template: &str, ctx: &Ctx) -> String {
    let id = format!("messages-template-{template}");
    if messages::has(ctx.lang, &id) {
        ctx.t(&id)
    } else {
        template.to_owned()
    }
}

/// What could not be delivered lately, unit by unit.
async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut units = Vec::new();
    for unit in all_units_of(&mut tx, &officer).await? {
        let letters = dead_letters::list(&mut tx, &unit.id, ctx.now).await?;
        units.push(UnitLetters {
            letters: letters
                .iter()
                .map(|letter| shown(letter, &unit, &ctx))
                .collect(),
            unit,
        });
    }
    let done = match query.get("fait").map(String::as_str) {
        Some("renvoye") => ctx.t("messages-done-resent"),
        _ => String::new(),
    };
    render(&MessagesPage { ctx, units, done })
}

#[derive(Template)]
#[template(path = "admin/resend.html")]
struct ResendPage {
    ctx: Ctx,
    letter: Shown,
    unit: Unit,
    kind: &'static str,
    autocomplete: &'static str,
    error: String,
    errors: Vec<Field>,
}

struct Field {
    field: &'static str,
    text: String,
}

impl ResendPage {
    fn new(ctx: Ctx, letter: &DeadLetter, unit: Unit, error: String) -> Self {
        let (kind, autocomplete) = match letter.channel {
            Channel::Email => ("email", "off"),
            Channel::Sms => ("tel", "off"),
        };
        ResendPage {
            letter: shown(letter, &unit, &ctx),
            errors: if error.is_empty() {
                Vec::new()
            } else {
                vec![Field {
                    field: "adresse",
                    text: error.clone(),
                }]
            },
            error,
            unit,
            kind,
            autocomplete,
            ctx,
        }
    }
}

/// A dead letter of one of this administrator's units; another's does not exist.
async fn letter_of(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<(DeadLetter, Unit), PageError> {
    let units = all_units_of(tx, officer).await?;
    let letter = dead_letters::find(tx, id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let unit = units
        .into_iter()
        .find(|unit| unit.id == letter.unit_id)
        .ok_or_else(Refusal::not_found)?;
    Ok((letter, unit))
}

fn too_late() -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "messages-too-late")
        .way_out("/administration/messages", "way-out-messages")
}

/// What is about to be sent, and where to if not where it was sent before.
async fn ask_resend(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (letter, unit) = letter_of(&mut tx, &officer, &id).await?;
    if !letter.can_be_resent(ctx.now) {
        return Err(too_late().into());
    }
    render(&ResendPage::new(ctx, &letter, unit, String::new()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Corrected {
    /// Empty: as before.
    adresse: String,
}

async fn resend(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(corrected): Form<Corrected>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (letter, unit) = letter_of(&mut tx, &officer, &id).await?;
    let typed = corrected.adresse.trim();
    let address = match letter.channel {
        _ if typed.is_empty() => None,
        Channel::Email => Some(declaration::rules::email(typed)),
        Channel::Sms => Some(declaration::phone::e164(typed)),
    };
    let address = match address {
        Some(None) => {
            let error = ctx.t(&format!("messages-error-{}", letter.channel));
            let page = ResendPage::new(ctx, &letter, unit, error);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        Some(found) => found,
        None => None,
    };
    let actor = Actor::Officer(officer.id);
    let resent = dead_letters::resend(
        &mut tx,
        &app.keys,
        &letter,
        address.as_deref(),
        &actor,
        ctx.now,
    )
    .await?;
    if !resent {
        return Err(too_late().into());
    }
    tx.commit().await?;
    Ok(Redirect::to("/administration/messages?fait=renvoye").into_response())
}

#[derive(Template)]
#[template(path = "admin/texts.html")]
struct TextsPage {
    ctx: Ctx,
    texts: Vec<Text>,
}

/// A template in one language.
struct Text {
    id: String,
    title: String,
    lang: Lang,
    subject: String,
    body: String,
    sms: String,
    size: String,
    cost: String,
    warning: String,
}

/// Every text that is sent, as somebody would read it.
async fn texts(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    all_units_of(&mut tx, &officer).await?;
    drop(tx);
    let mut texts = Vec::new();
    for template in templates::ALL {
        for &lang in Lang::ALL {
            texts.push(text(&app, &ctx, template, lang));
        }
    }
    render(&TextsPage { ctx, texts })
}

fn text(app: &App, ctx: &Ctx, template: &str, lang: Lang) -> Text {
    let values = templates::example(lang, &app.config.public_url);
    let link = templates::example_link(app);
    let filled = |channel| templates::fill(channel, template, lang, &values, &link);
    let (mail, sms) = (filled(Channel::Email), filled(Channel::Sms));
    let size = size_of(&sms.text);
    let units = match size.alphabet {
        Alphabet::Gsm7 => "messages-size-gsm7",
        Alphabet::Ucs2 => "messages-size-ucs2",
    };
    let price = u64::from(app.config.sms_segment_price) * size.segments as u64;
    let odd: String = outsiders(&sms.text).into_iter().collect();
    Text {
        id: format!("{template}-{lang}"),
        title: format!("{} – {}", named(template, ctx), lang.own_name()),
        lang,
        subject: mail.subject,
        body: mail.text,
        size: ctx.t2(units, "units", size.units, "segments", size.segments),
        cost: if price == 0 {
            String::new()
        } else {
            let cents = format!("{},{:01}", price / 10, price % 10);
            ctx.t1(
                "messages-cost",
                "cents",
                match ctx.lang {
                    Lang::Fr => cents,
                    Lang::En => cents.replace(',', "."),
                },
            )
        },
        warning: if odd.is_empty() {
            String::new()
        } else {
            ctx.t1("messages-outsiders", "characters", odd)
        },
        sms: sms.text,
    }
}
