//! How often one may knock. Every entry point where a flood would cost somebody
//! something has a budget in [`TABLE`], twice: by identity (a person signed in,
//! or the browser that holds a seat) and by address.
//!
//! # Who pays
//! A cookie is a text that anybody can invent, so it pays for nothing by itself.
//! A request whose cookies the database has not vouched for is its address's, and
//! the address is asked before anything is looked up ([`knock`]). Once a session
//! or a seat was found, this process remembers it ([`Proven`]), and from then on
//! its requests are the person's alone ([`hold`]): whoever floods from behind the
//! address of a town hall or a mobile network locks newcomers out there for as long
//! as it lasts, but nobody who is signed in; and one person's flood leaves the
//! colleagues behind the same address alone.
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
mod proven;
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
pub use self::proven::{Kind, Proven};
use crate::app::App;
use crate::config::TlsMode;
use crate::db::Id;
use crate::error::{PageError, Refusal};
use crate::hearings::SeatCookie;
use crate::identity::Who;
use crate::identity::session::{self, cookie_name};
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
            ("POST", "/agent/habilitation/demande"),
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
    // Each sends a code, or is a try at one. The codes count their own tries and
    // sendings in the database; this is for whoever only wants to keep it busy.
    Entry {
        name: "contact_code",
        routes: &[
            ("POST", "/declaration/coordonnees"),
            ("POST", "/declaration/verification"),
            ("POST", "/declaration/verification/renvoyer"),
        ],
        identity: Budget::new(40, 20_000),
        address: Budget::new(300, 500),
    },
    // The same for a person without an account, who is nobody yet: their address pays,
    // and must not be out of breath because somebody there fills in declarations.
    Entry {
        name: "entry_code",
        routes: &[("POST", "/lien/{secret}/code")],
        identity: Budget::new(20, 30_000),
        address: Budget::new(300, 500),
    },
    // Each opens what is sealed, or draws a document.
    Entry {
        name: "document",
        routes: &[
            ("GET", "/espace/documents/{id}"),
            ("GET", "/agent/documents/{id}"),
            ("GET", "/audition/{id}/droits.pdf"),
        ],
        identity: Budget::new(60, 5_000),
        address: Budget::new(600, 250),
    },
    // Each keeps a line open; a page whose line broke asks again by itself.
    Entry {
        name: "live_page",
        routes: &[
            ("GET", "/audition/{id}/evenements"),
            ("GET", "/agent/audition/{id}/evenements"),
        ],
        identity: Budget::new(120, 1_000),
        address: Budget::new(3_000, 40),
    },
    // Whoever guesses at calendars' secrets comes by here. A calendar program asks every
    // few minutes, from behind the same address as the whole station's.
    Entry {
        name: "calendar_feed",
        routes: &[("GET", "/calendrier/{secret}")],
        identity: Budget::new(30, 10_000),
        address: Budget::new(600, 500),
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
            ("POST", "/rendez-vous/{id}/lien"),
            ("POST", "/agent/rendez-vous/{id}/lien"),
            ("POST", "/agent/rendez-vous/nouveau"),
            ("POST", "/agent/annulations"),
            ("POST", "/rendez-vous/{id}/annuler"),
            ("POST", "/administration/messages/{id}/renvoyer"),
            ("POST", "/rendez-vous/{id}/deplacer"),
            ("POST", "/rendez-vous/{id}/plus-tot"),
            ("POST", "/agent/audition/{id}/invites"),
            ("POST", "/rendez-vous/{id}/invites"),
            ("POST", "/rendez-vous/{id}/invites/retirer"),
            ("POST", "/agent/audition/{id}/invites/renvoyer"),
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
    // Another service's front end asks for many people. Its address pays as long as its
    // key is none that this process knows: whoever guesses at keys, or uses one first.
    Entry {
        name: "scheduling",
        routes: &[
            ("GET", "/api/visioplainte/creneaux"),
            ("GET", "/api/visioplainte/creneaux/prochain"),
            ("GET", "/api/visioplainte/guichets"),
            ("GET", "/api/visioplainte/plages_ouverture"),
            ("GET", "/api/visioplainte/rdvs"),
            ("POST", "/api/visioplainte/rdvs"),
            ("PUT", "/api/visioplainte/rdvs/{id}/cancel"),
            ("DELETE", "/api/visioplainte/rdvs/{id}"),
        ],
        identity: Budget::new(600, 50),
        address: Budget::new(3_000, 20),
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

/// Left with a request whose session was known: nobody has paid for it yet.
#[derive(Clone, Copy, Debug)]
struct Unpaid;

/// What a request must pay before anybody is looked up for it, by
/// `page::prepare`: nothing where its session is known to this process, else the
/// budget of its seat, where that is known, else that of its address.
pub fn knock(app: &App, request: &mut Request) -> Option<Refusal> {
    let index = entry_of_request(request)?;
    let jar = CookieJar::from_headers(request.headers());
    let secure = app.config.secure();
    let session = jar.get(&cookie_name(secure, session::COOKIE));
    if session.is_some_and(|cookie| app.limits.proven.knows(Kind::Session, cookie.value())) {
        request.extensions_mut().insert(Unpaid);
        return None;
    }
    let seats = SeatCookie::of(app, &jar);
    let seat = seats
        .secrets()
        .find(|secret| app.limits.proven.knows(Kind::Seat, secret));
    match seat {
        Some(seat) => identity_pays(app, index, &format!("seat/{seat}")),
        None => address_pays(app, index, request),
    }
}

/// Middleware, inside `page::prepare`: what a request pays once it is known who
/// asks. A session that has ended since it was known is nobody's.
pub async fn hold(State(app): State<App>, request: Request, next: Next) -> Response {
    match owed(&app, &request) {
        None => next.run(request).await,
        Some(refusal) => PageError::from(refusal).into_response(),
    }
}

fn owed(app: &App, request: &Request) -> Option<Refusal> {
    let index = entry_of_request(request)?;
    match &request.extensions().get::<Ctx>()?.who {
        // The person, whatever session they use.
        Who::Citizen(citizen) => identity_pays(app, index, &format!("citizen/{}", citizen.id)),
        Who::Officer(officer) => identity_pays(app, index, &format!("officer/{}", officer.id)),
        Who::Nobody => {
            request.extensions().get::<Unpaid>()?;
            address_pays(app, index, request)
        }
    }
}

/// What a request of the scheduling interface pays before its key is looked up: its
/// address's budget, unless this process knows the key, by its hash. Gives the place in
/// the table, for [`key_pays`].
///
/// # Errors
/// How long to wait.
pub fn key_knocks(app: &App, request: &Request, hash: &str) -> Result<Option<usize>, Duration> {
    let index = entry_of_request(request);
    if app.limits.proven.knows(Kind::SchedulingKey, hash) {
        return Ok(index);
    }
    let refusal = index.and_then(|index| address_pays(app, index, request));
    refusal
        .and_then(|refusal| refusal.retry_after)
        .map_or(Ok(index), Err)
}

/// What it pays once its key is known to be one.
///
/// # Errors
/// How long to wait.
pub fn key_pays(app: &App, index: Option<usize>, key_id: &Id) -> Result<(), Duration> {
    let identity = format!("scheduling-key/{key_id}");
    let refusal = index.and_then(|index| identity_pays(app, index, &identity));
    refusal
        .and_then(|refusal| refusal.retry_after)
        .map_or(Ok(()), Err)
}

/// The place in the table of a request; none where no route is, since nothing is
/// to be had there.
fn entry_of_request(request: &Request) -> Option<usize> {
    let route = request.extensions().get::<MatchedPath>()?;
    entry_of(request.method(), route.as_str())
}

fn identity_pays(app: &App, index: usize, identity: &str) -> Option<Refusal> {
    let wait = app.limits.spend_identity(index, identity).err()?;
    app.metrics.limited(TABLE[index].name, true);
    Some(too_many("refusal-too-many", wait))
}

fn address_pays(app: &App, index: usize, request: &Request) -> Option<Refusal> {
    let visitor = visitor_of(app, request)?;
    let wait = app.limits.spend_address(index, visitor).err()?;
    app.metrics.limited(TABLE[index].name, false);
    Some(too_many("refusal-too-many-here", wait))
}

fn too_many(name: &'static str, wait: Duration) -> Refusal {
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, name)
        .retry_after(wait)
        .way_out("/", "way-out-home")
        .way_out("/en-personne", "way-out-in-person")
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
