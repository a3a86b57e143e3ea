//! The questions and where they lead. Both are plain GET pages.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::{
    Answer, Answers, Choice, FieldError, Offence, Outcome, catalogue, decide, offence_choices,
};
use crate::app::App;
use crate::error::PageError;
use crate::form::Asked;
use crate::page::{Ctx, render, render_with};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/orientation", get(questions))
        .route("/orientation/resultat", get(outcome))
}

/// The answers as the address carries them; anything else in it is ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    danger: String,
    nature: String,
    enligne: String,
    auteur: String,
    carte: String,
}

impl Address {
    fn read(&self) -> Result<Answers<'static>, Missing> {
        let danger = match self.danger.as_str() {
            "oui" => Some(Answer::Yes),
            "non" => Some(Answer::No),
            _ => None,
        };
        let offence = catalogue().offence(&self.nature);
        // Somebody in danger, or who has to speak of a rape, is not made to
        // answer about bank cards first.
        let decided = danger == Some(Answer::Yes)
            || (danger == Some(Answer::No) && offence.is_some_and(decided_by_nature));
        let online = Answer::parse_french(&self.enligne);
        let author = Answer::parse_french(&self.auteur);
        let card = Answer::parse_french(&self.carte);
        let missing = Missing {
            danger: danger.is_none(),
            nature: offence.is_none() && !decided,
            online: online.is_none() && !decided,
            author: author.is_none() && !decided,
            card: card.is_none()
                && !decided
                && offence.is_some_and(|offence| offence.code == "carte-bancaire"),
        };
        if missing != Missing::default() {
            return Err(missing);
        }
        Ok(Answers {
            danger: danger.unwrap_or(Answer::No),
            offence,
            online: online.unwrap_or(Answer::Unsure),
            author: author.unwrap_or(Answer::Unsure),
            card: card.unwrap_or(Answer::Unsure),
        })
    }

    /// Only words we know go back into an address.
    fn query(answers: &Answers<'_>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("danger", answers.danger.in_french());
        if let Some(offence) = answers.offence {
            query.append_pair("nature", &offence.code);
        }
        query
            .append_pair("enligne", answers.online.in_french())
            .append_pair("auteur", answers.author.in_french())
            .append_pair("carte", answers.card.in_french())
            .finish()
    }
}

/// Whether the nature alone leads to the same place whatever else is answered.
fn decided_by_nature(offence: &Offence) -> bool {
    let mut outcomes = std::collections::BTreeSet::new();
    for &online in Answer::ALL {
        for &author in Answer::ALL {
            for &card in Answer::ALL {
                let answers = Answers {
                    danger: Answer::No,
                    offence: Some(offence),
                    online,
                    author,
                    card,
                };
                outcomes.insert(decide(catalogue(), &answers).0);
            }
        }
    }
    outcomes.len() == 1
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    danger: bool,
    nature: bool,
    online: bool,
    author: bool,
    card: bool,
}

#[derive(Template)]
#[template(path = "orientation/questions.html")]
struct QuestionsPage {
    ctx: Ctx,
    asked: Address,
    natures: Vec<Choice>,
    yes_no: Vec<Choice>,
    yes_no_unsure: Vec<Choice>,
    errors: Vec<FieldError>,
    danger_error: String,
    nature_error: String,
    online_error: String,
    author_error: String,
    card_error: String,
}

impl QuestionsPage {
    fn new(ctx: Ctx, asked: Address, missing: Missing) -> Self {
        let say = |wrong: bool, id: &str| if wrong { ctx.t(id) } else { String::new() };
        let danger_error = say(missing.danger, "orientation-danger-error");
        let nature_error = say(missing.nature, "orientation-nature-error");
        let online_error = say(missing.online, "orientation-online-error");
        let author_error = say(missing.author, "orientation-author-error");
        let card_error = say(missing.card, "orientation-card-error");
        let errors = [
            ("danger", &danger_error),
            ("nature", &nature_error),
            ("enligne", &online_error),
            ("auteur", &author_error),
            ("carte", &card_error),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(field, text)| FieldError {
            field,
            text: text.clone(),
        })
        .collect();
        let choice = |answer: Answer| Choice {
            value: answer.in_french().into(),
            label: ctx.t(&format!("orientation-answer-{answer}")),
            hint: String::new(),
        };
        QuestionsPage {
            natures: offence_choices(ctx.lang, false),
            yes_no: vec![choice(Answer::Yes), choice(Answer::No)],
            yes_no_unsure: Answer::ALL.iter().copied().map(choice).collect(),
            errors,
            danger_error,
            nature_error,
            online_error,
            author_error,
            card_error,
            asked,
            ctx: ctx.with_quick_exit(),
        }
    }
}

async fn questions(ctx: Ctx, Asked(asked): Asked<Address>) -> Result<Response, PageError> {
    Ok(render(&QuestionsPage::new(ctx, asked, Missing::default()))?.into_response())
}

/// A paragraph of advice.
struct Advice {
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "orientation/outcome.html")]
struct OutcomePage {
    ctx: Ctx,
    outcome: Outcome,
    title: String,
    why: String,
    how: String,
    service: String,
    service_label: String,
    advice: Vec<Advice>,
    prescription: String,
    /// Where a complaint by video goes on; empty where that way is closed.
    next: String,
    back: String,
}

async fn outcome(
    State(_): State<App>,
    ctx: Ctx,
    Asked(asked): Asked<Address>,
) -> Result<Response, PageError> {
    let answers = match asked.read() {
        Ok(answers) => answers,
        Err(missing) => {
            return render_with(
                StatusCode::UNPROCESSABLE_ENTITY,
                &QuestionsPage::new(ctx, asked, missing),
            );
        }
    };
    let catalogue = catalogue();
    let (outcome, _) = decide(catalogue, &answers);
    let word = |part: &str| ctx.t(&format!("orientation-{outcome}-{part}"));
    let service = catalogue.service_of(outcome).unwrap_or_default().to_owned();
    let page = OutcomePage {
        outcome,
        title: word("title"),
        why: word("why"),
        how: word("how"),
        service_label: if service.is_empty() {
            String::new()
        } else {
            word("link")
        },
        service,
        advice: advice_for(&ctx, answers.offence),
        prescription: answers
            .offence
            .filter(|offence| offence.level == "delit" && !outcome.closes_video())
            .map(|_| ctx.t("orientation-prescription"))
            .unwrap_or_default(),
        next: match answers.offence {
            Some(offence) if !outcome.closes_video() => {
                format!("/declaration/droits?nature={}", offence.code)
            }
            _ => String::new(),
        },
        back: format!("/orientation?{}", Address::query(&answers)),
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

fn advice_for(ctx: &Ctx, offence: Option<&Offence>) -> Vec<Advice> {
    offence
        .map(|offence| offence.advice.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|name| Advice {
            title: ctx.t(&format!("orientation-advice-{name}-title")),
            text: ctx.t(&format!("orientation-advice-{name}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::messages::{self, Lang};

    #[test]
    fn every_outcome_has_its_words() {
        for &outcome in Outcome::ALL {
            for &lang in Lang::ALL {
                for part in ["title", "why", "how"] {
                    let id = format!("orientation-{outcome}-{part}");
                    assert!(messages::has(lang, &id), "{lang}: {id}");
                }
                if catalogue().service_of(outcome).is_some() {
                    let id = format!("orientation-{outcome}-link");
                    assert!(messages::has(lang, &id), "{lang}: {id}");
                }
            }
        }
        for offence in &catalogue().offences {
            for advice in &offence.advice {
                let id = format!("orientation-advice-{advice}-title");
                assert!(messages::has(Lang::Fr, &id), "{id}");
            }
        }
    }

    #[test]
    fn what_must_be_answered_depends_on_what_was_answered() {
        // danger, nature, online, author, card → the fields still asked for
        for (words, expected) in [
            (["", "", "", "", ""], "dnoa-"),
            (["oui", "", "", "", ""], "-----"),
            (["non", "", "", "", ""], "-noa-"),
            (["non", "violences-sexuelles", "", "", ""], "-----"),
            (["", "violences-sexuelles", "", "", ""], "d-oa-"),
            (["non", "vol", "", "", ""], "--oa-"),
            (["non", "vol", "non", "oui", ""], "-----"),
            (["non", "carte-bancaire", "oui", "non", ""], "----c"),
            (["non", "carte-bancaire", "oui", "non", "oui"], "-----"),
            (["peut-etre", "<script>", "1", "yes", "%00"], "dnoa-"),
            (["ne-sais-pas", "vol", "non", "non", ""], "d----"),
        ] {
            let [danger, nature, enligne, auteur, carte] = words.map(str::to_owned);
            let asked = Address {
                danger,
                nature,
                enligne,
                auteur,
                carte,
            };
            let missing = asked.read().err().unwrap_or_default();
            let told: String = [
                (missing.danger, 'd'),
                (missing.nature, 'n'),
                (missing.online, 'o'),
                (missing.author, 'a'),
                (missing.card, 'c'),
            ]
            .into_iter()
            .map(|(wrong, letter)| if wrong { letter } else { '-' })
            .collect();
            assert_eq!(told, expected, "{words:?}");
        }
    }
}
