//! What the officer who hears a person must know of how they signed in: that somebody
//! helped them with a mandate, and that FranceConnect says today something other than
//! what it said first. Nothing is corrected here: the identity stays as first told, and a
//! person looks into it.

use super::PivotIdentity;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;
use crate::page::Ctx;
use crate::{execute, fetch_optional};

/// A help longer ago than this says nothing of the matter at hand.
const HELP_SHOWN_DAYS: i64 = 90;

/// What is known of how a person last signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInNotes {
    /// When a helper with a mandate (Aidants Connect) last signed them in.
    pub helped_at: Option<Timestamp>,
    /// The identity that the last login brought, where it is not the one kept, and when.
    pub differs: Option<(Timestamp, PivotIdentity)>,
}

/// Notes how a person signed in. A login that brings the first identity again ends the
/// difference; the last help stays.
///
/// # Errors
/// When the database fails.
pub(super) async fn note(
    tx: &mut Tx,
    keys: &Keys,
    citizen: &Id,
    by_helper: bool,
    differing: Option<&PivotIdentity>,
    now: Timestamp,
) -> Result<(), Fault> {
    let sealed = differing.map(|identity| keys.service.seal_json(&place(citizen), identity));
    execute!(
        tx,
        "update citizens set helped_at = coalesce($2, helped_at), sealed_differing = $3, differs_at = $4
         where id = $1",
        citizen,
        by_helper.then_some(now),
        sealed,
        differing.map(|_| now)
    )?;
    Ok(())
}

/// What an officer is shown of how a person signed in. The caller has checked that they
/// may know, and writes the consultation in the journal.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn find(
    tx: &mut Tx,
    keys: &Keys,
    citizen: &Id,
    now: Timestamp,
) -> Result<SignInNotes, Fault> {
    let row = fetch_optional!(
        tx,
        (Option<Timestamp>, Option<Timestamp>, Option<Vec<u8>>),
        "select helped_at, differs_at, sealed_differing from citizens where id = $1",
        citizen
    )?;
    let Some((helped_at, differs_at, sealed)) = row else {
        return Ok(SignInNotes::default());
    };
    let differs = match differs_at.zip(sealed) {
        Some((at, sealed)) => Some((at, keys.service.open_json(&place(citizen), &sealed)?)),
        None => None,
    };
    let since = now.plus_minutes(-HELP_SHOWN_DAYS * 24 * 60);
    Ok(SignInNotes {
        helped_at: helped_at.filter(|at| *at > since),
        differs,
    })
}

fn place(citizen: &Id) -> String {
    format!("citizen/{citizen}/differing")
}

/// The parts of a pivot identity by their message. The e-mail address and the used name
/// are no part of it.
fn pivot(identity: &PivotIdentity) -> [(&'static str, &str); 6] {
    [
        ("pivot-given-name", &identity.given_name),
        ("pivot-family-name", &identity.family_name),
        ("pivot-gender", &identity.gender),
        ("pivot-birthdate", &identity.birthdate),
        ("pivot-birthplace", &identity.birthplace),
        ("pivot-birthcountry", &identity.birthcountry),
    ]
}

/// What is not the same in two pivot identities: which part, what it was and what it is.
#[must_use]
pub fn differences<'a>(
    first: &'a PivotIdentity,
    now: &'a PivotIdentity,
) -> Vec<(&'static str, &'a str, &'a str)> {
    std::iter::zip(pivot(first), pivot(now))
        .filter(|(first, now)| first != now)
        .map(|((part, first), (_, now))| (part, first, now))
        .collect()
}

/// Notes in words, for a page that includes `identity/_sign_in_notes.html`.
#[derive(Clone, Debug, Default)]
pub struct ShownNotes {
    /// "… le lundi 2 mars 2026 à 9 h 00"; empty where nobody helped.
    pub helped: String,
    /// What FranceConnect says otherwise now, part by part; empty where it does not.
    pub differs: Vec<String>,
}

impl ShownNotes {
    /// In the reader's language; `day` puts an instant in words by the unit's zone.
    #[must_use]
    pub fn new(
        ctx: &Ctx,
        notes: &SignInNotes,
        first: &PivotIdentity,
        day: impl Fn(Timestamp) -> String,
    ) -> Self {
        ShownNotes {
            helped: notes.helped_at.map_or_else(String::new, |at| {
                ctx.t1("sign-in-helped-text", "when", day(at))
            }),
            differs: notes.differs.as_ref().map_or_else(Vec::new, |(_, now)| {
                let told = |value: &str| match value {
                    "" => ctx.t("pivot-nothing"),
                    value => value.to_owned(),
                };
                differences(first, now)
                    .into_iter()
                    .map(|(part, first, now)| {
                        let values = format!("{} → {}", told(first), told(now));
                        ctx.t2("pivot-differs", "part", ctx.t(part), "values", values)
                    })
                    .collect()
            }),
        }
    }
}

/// Whether the identity a login brought is the one that was kept.
pub(super) fn is_same(first: &PivotIdentity, now: &PivotIdentity) -> bool {
    differences(first, now).is_empty()
}
