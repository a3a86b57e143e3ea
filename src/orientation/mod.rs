//! Is this the right service? A few plain questions, then another service
//! with why and how, or the way on to a complaint by video. Catalogue and
//! rules are dated data. Nothing is stored: the answers live in the address,
//! so the back button and a shared computer's history are all there is.

pub mod catalogue;
mod pages;
pub mod rules;

pub use catalogue::{Catalogue, Offence, catalogue};
pub use rules::{Answer, Answers, Outcome, allows_video, decide};

use crate::messages::Lang;
use crate::routes::Routes;

/// One choice of a list of radio buttons or of a drop-down list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// A line of help; may be empty.
    pub hint: String,
}

/// What is wrong with a field, for the summary at the top of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Identifier of the field in the page.
    pub field: &'static str,
    /// A sentence that says how to mend it.
    pub text: String,
}

/// The natures of facts as choices; `for_video` leaves out those whose way to
/// a complaint by video is closed.
#[must_use]
pub fn offence_choices(lang: Lang, for_video: bool) -> Vec<Choice> {
    let catalogue = catalogue();
    catalogue
        .offences
        .iter()
        .filter(|offence| !for_video || allows_video(catalogue, offence))
        .map(|offence| Choice {
            value: offence.code.clone(),
            label: offence.label.in_lang(lang).to_owned(),
            hint: offence.hint.in_lang(lang).to_owned(),
        })
        .collect()
}

/// Address of the outcome for a nature of facts, asked when somebody arrives
/// at the declaration with one that the orientation sends elsewhere.
#[must_use]
pub fn path_of_outcome(offence: &Offence) -> String {
    format!("/orientation/resultat?danger=non&nature={}", offence.code)
}

/// The slice's routes.
pub fn router() -> Routes {
    pages::router()
}
