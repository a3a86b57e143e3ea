//! How often one may knock. Every entry point where a flood would cost somebody
//! something has a budget in [`TABLE`], twice: by identity (a person signed in,
//! or the browser that holds a seat) and by address. The smaller one of a person
//! is asked first, and what it refuses is not counted against the address, so
//! that one person's flood leaves the colleagues behind the same address alone.
//!
//! # The numbers
//! A budget is a number at once and a pace at which it fills up again. That of an
//! identity is several times what a hurried person does. That of an address is
//! meant for a large police station, a company or a mobile network behind one
//! address: three hundred officers who sign in at the change of shift, fifty
//! hearings whose pages all fetch a token again, several times, when a media node
//! is lost.
//!
//! # Where it is counted
//! In the memory of each process, by the library `governor` (GCRA). Several
//! processes count each for itself: behind a proxy that spreads requests, `n` of
//! them let through up to `n` times a budget, and a restart forgets. That is
//! enough for what this is for, to keep a flood from the database, the identity
//! providers and the suppliers of messages; what must never happen twice (a desk,
//! a link, a login) is promised by the database, not here. Counting in the
//! database would turn each request of a flood into a write.
//!
//! Nothing kept here names anybody: identities and addresses are counted under a
//! hash whose key is drawn when the process starts.

mod budget;
mod counters;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use signaling::{FORWARDED_FOR, Visitor, visitor};

pub use self::budget::Budget;
pub use self::counters::Limits;
use crate::app::App;
use crate::config::TlsMode;
use crate::error::{PageError, Refusal};
use crate::identity::Who;
use crate::identity::session::{SEAT_COOKIE, cookie_name};
use crate::page::Ctx;

/// A group of routes that draw on the same budgets.
#[derive(Debug)]
pub struct Entry {
    /// Its name in the metrics.
    pub name: &'static str,
    /// Method and pattern of each route; none stands for every other route that
    /// changes something.
    pub routes: &'static [(&'static str, &'static str)],
    /// What one identity may do.
    pub identity: Budget,
    /// What all those behind one address may do together.
    pub address: Budget,
}

/// Every budget there is. A route stands in one entry; the first one that names
/// it counts, and the last takes all other forms.
pub const TABLE: &[Entry] = &[
    // Each asks something of an identity provider, and writes a row.
    Entry {
        name: "login_departure",
        routes: &[
            ("POST", "/connexion/franceconnect"),
            ("POST", "/agent/connexion/proconnect"),
        ],
        identity: Budget::new(20, 30_000),
        address: Budget::new(300, 500),
    },
    // Each costs three requests to a provider and several signatures.
    Entry {
        name: "login_return",
        routes: &[
            ("GET", "/connexion/franceconnect/retour"),
            ("GET", "/agent/connexion/proconnect/retour"),
            ("POST", "/agent/habilitation"),
        ],
        identity: Budget::new(20, 30_000),
        address: Budget::new(300, 500),
    },
    // Whoever guesses at links comes by here. The gateways of large mail providers
    // open the links of many people from few addresses.
    Entry {
        name: "meeting_link",
        routes: &[
            ("GET", "/lien/{secret}"),
            ("POST", "/lien/{secret}"),
            ("POST", "/audition/{id}/entrer"),
        ],
        identity: Budget::new(30, 10_000),
        address: Budget::new(300, 500),
    },
    // A hold takes a slot from everybody else for minutes.
    Entry {
        name: "booking_hold",
        routes: &[("POST", "/rendez-vous/creneaux")],
        identity: Budget::new(30, 20_000),
        address: Budget::new(300, 500),
    },
    // Each sends an e-mail and a text message, the first time it is pressed; a
    // frightened person presses it again and again.
    Entry {
        name: "message",
        routes: &[
            ("POST", "/rendez-vous/{id}/confirmer"),
            ("POST", "/rendez-vous/{id}/annuler"),
        ],
        identity: Budget::new(40, 60_000),
        address: Budget::new(300, 1_000),
    },
    // A page whose line broke asks again and again by itself.
    Entry {
        name: "join_token",
        routes: &[
            ("POST", "/audition/{id}/jeton"),
            ("POST", "/agent/audition/{id}/jeton"),
        ],
        identity: Budget::new(60, 250),
        address: Budget::new(1_500, 40),
    },
    // Each reads up to three years of a unit's journal.
    Entry {
        name: "journal_export",
        routes: &[("POST", "/administration/journal/export")],
        identity: Budget::new(10, 60_000),
        address: Budget::new(100, 6_000),
    },
    // The editor saves while an officer types; a check list is ticked fast.
    Entry {
        name: "form",
        routes: &[],
        identity: Budget::new(300, 333),
        address: Budget::new(3_000, 33),
    },
];

/// Who is signed in can always leave, however much they did before.
const FREE: &[(&str, &str)] = &[("POST", "/deconnexion")];

/// The place in [`TABLE`] of a request's budget; none for what changes nothing
/// and is not named there.
#[must_use]
pub fn entry_of(method: &Method, route: &str) -> Option<usize> {
    // The framework answers HEAD where it answers GET.
    let asked = if *method == Method::HEAD {
        Method::GET
    } else {
        method.clone()
    };
    let named = (asked.as_str(), route);
    if FREE.contains(&named) {
        return None;
    }
    let found = TABLE.iter().position(|entry| entry.routes.contains(&named));
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    found.or_else(|| changes.then(|| TABLE.len() - 1))
}

/// Middleware, inside `page::prepare`: refuses whoever comes too often.
pub async fn hold(State(app): State<App>, request: Request, next: Next) -> Response {
    match refusal(&app, &request) {
        None => next.run(request).await,
        Some(refusal) => PageError::from(refusal).into_response(),
    }
}

fn refusal(app: &App, request: &Request) -> Option<Refusal> {
    // Nothing is to be had where no route is.
    let route = request.extensions().get::<MatchedPath>()?;
    let index = entry_of(request.method(), route.as_str())?;
    let identity = identity_of(app, request);
    let visitor = visitor_of(app, request);
    let (name, wait) = match app.limits.spend(index, identity.as_deref(), visitor) {
        Ok(()) => return None,
        Err(counters::TooMuch::Identity(wait)) => ("refusal-too-many", wait),
        Err(counters::TooMuch::Address(wait)) => ("refusal-too-many-here", wait),
    };
    app.metrics
        .limited(TABLE[index].name, name == "refusal-too-many");
    Some(
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, name)
            .retry_after(wait)
            .way_out("/", "way-out-home")
            .way_out("/en-personne", "way-out-in-person"),
    )
}

/// Whom a request is counted for: the person signed in, whatever session they
/// use, else the browser that holds a seat in a hearing.
fn identity_of(app: &App, request: &Request) -> Option<String> {
    match &request.extensions().get::<Ctx>()?.who {
        Who::Citizen(citizen) => Some(format!("citizen/{}", citizen.id)),
        Who::Officer(officer) => Some(format!("officer/{}", officer.id)),
        Who::Nobody => {
            let jar = CookieJar::from_headers(request.headers());
            let seat = jar.get(&cookie_name(app.config.secure(), SEAT_COOKIE))?;
            Some(format!("seat/{}", seat.value()))
        }
    }
}

/// The address a request is counted for, as far as our own proxies tell it. Behind a
/// proxy that is not named in the settings nobody has one: all would share it.
fn visitor_of(app: &App, request: &Request) -> Option<Visitor> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let told = request.headers().get_all(FORWARDED_FOR).iter();
    // What is no text is no address, and ends what is believed.
    let told = told.map(|value| value.to_str().unwrap_or_default());
    let proxies = app.limits.proxies();
    let proxied = app.config.tls == TlsMode::Off && app.config.secure();
    if proxied && visitor(peer.ip(), std::iter::empty(), proxies).is_some() {
        return None;
    }
    visitor(peer.ip(), told, proxies)
}

/// Whole seconds to wait, at least one: a second too many hurts nobody, one too
/// few is refused again.
#[must_use]
pub fn seconds(wait: Duration) -> u64 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    whole.max(1)
}
