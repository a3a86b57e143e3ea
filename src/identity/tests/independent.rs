//! Logins at a provider that is none of ours: `oidc-provider`, certified by the
//! OpenID Foundation, in a process of its own (tests/oidc). What our own sandbox
//! and we might misread alike, it does not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use scraper::{Html, Selector};
use serde_json::json;

use super::Site;
use super::browser::{Answer, Browser};
use crate::clock::Clock;
use crate::db::Id;
use crate::identity::empowerments::{self, Candidate};
use crate::identity::requests::Asking;
use crate::identity::{OfficerIdentity, Role, SignedInOfficer, Who, session};
use crate::{fetch_all, fetch_optional};

const CALLBACK: &str = "/connexion/franceconnect/retour";

/// The provider's process; it ends when its input does.
struct Peer {
    issuer: String,
    _input: ChildStdin,
    child: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// Starts it for a service that is to stand at `site`.
    fn start(alg: &str, site: &str) -> Peer {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc");
        let after_logout = format!("{site}/deconnexion/retour");
        let wanted = json!({ "alg": alg, "clients": [
            {
                "id": "visioplainte", "secret": "of-citizens-0123456789",
                "callback": format!("{site}{CALLBACK}"), "afterLogout": after_logout,
                "acr": "eidas1",
                "person": {
                    "given_name": "Lisandru Petru", "family_name": "CASABIANDA", "gender": "male",
                    "birthdate": "1975-11-02", "birthplace": "2A115", "birthcountry": "99100",
                    "preferred_username": "", "email": "lisandru@courriel.example",
                },
            },
            {
                "id": "visioplainte-agents", "secret": "of-officers-0123456789",
                "callback": format!("{site}/agent/connexion/proconnect/retour"),
                "afterLogout": after_logout, "acr": "eidas1-mfa",
                "person": {
                    "given_name": "Maëlle", "usual_name": "L'Hostis",
                    "email": "maelle.lhostis@interieur.example", "uid": "4711",
                    "idp_id": "e1ef9f1c-0000-4000-8000-000000000001",
                },
            },
        ]});
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .arg(wanted.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is not there; tests/needs.sh says how to get it");
        let mut issuer = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut issuer)
            .unwrap();
        assert!(
            issuer.starts_with("http"),
            "the provider did not start: are its packages there? Run tests/needs.sh"
        );
        Peer {
            issuer: issuer.trim().to_owned(),
            _input: child.stdin.take().unwrap(),
            child,
        }
    }

    /// Throws all keys away and signs with new ones.
    async fn rotates_keys(&self) {
        let address = self.issuer.replace("/api/v2", "/control/rotate");
        let answer = client().post(address).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// The same browser at the provider: its cookies are the provider's affair.
struct AtPeer {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl AtPeer {
    fn new() -> Self {
        AtPeer {
            http: client(),
            cookies: BTreeMap::new(),
        }
    }

    /// Follows redirects for as long as they stay with the provider; gives where it
    /// leads away to, or the page that it ends on.
    async fn goes_to(
        &mut self,
        address: &str,
        form: Option<&[(String, String)]>,
    ) -> (String, String) {
        let origin = url::Url::parse(address).unwrap().origin();
        let mut address = address.to_owned();
        let mut form = form;
        for _ in 0..10 {
            let jar: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let request = match form.take() {
                Some(fields) => self.http.post(&address).form(fields),
                None => self.http.get(&address),
            };
            let request = request.header("cookie", jar.join("; "));
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = answer.headers().get("location");
            let Some(location) = location.map(|value| value.to_str().unwrap().to_owned()) else {
                return (String::new(), answer.text().await.unwrap());
            };
            address = url::Url::parse(&address)
                .unwrap()
                .join(&location)
                .unwrap()
                .to_string();
            if url::Url::parse(&address).unwrap().origin() != origin {
                return (address, String::new());
            }
        }
        panic!("the provider redirects for ever");
    }

    /// Presses the button of a page that the provider ends on.
    async fn presses(&mut self, page: &str, button: (&str, &str)) -> (String, String) {
        let (action, mut fields) = {
            let html = Html::parse_document(page);
            let form = Selector::parse("form").unwrap();
            let hidden = Selector::parse("form input[type=hidden]").unwrap();
            let form = html
                .select(&form)
                .next()
                .unwrap_or_else(|| panic!("no form: {page}"));
            let fields: Vec<(String, String)> = html
                .select(&hidden)
                .map(|field| {
                    let of = |name| field.attr(name).unwrap_or_default().to_owned();
                    (of("name"), of("value"))
                })
                .collect();
            (form.attr("action").unwrap().to_owned(), fields)
        };
        fields.push((button.0.to_owned(), button.1.to_owned()));
        self.goes_to(&action, Some(&fields)).await
    }
}

/// The service, registered at the provider with both faces. The clock stands still
/// at this moment, since the provider's cannot be set.
async fn site_of(alg: &str) -> (Site, Peer) {
    let listener = super::listen().await;
    let address = format!("http://{}", listener.local_addr().unwrap());
    let peer = Peer::start(alg, &address);
    let issuer = peer.issuer.clone();
    let site = Site::start_on(listener, |config| {
        config.franceconnect_issuer = issuer.clone();
        config.franceconnect_client_secret = "of-citizens-0123456789".into();
        config.franceconnect_pkce = true;
        config.proconnect_issuer = issuer;
        config.proconnect_client_secret = "of-officers-0123456789".into();
        config.proconnect_pkce = true;
    })
    .await;
    site.app.clock.set(Clock::System.now());
    (site, peer)
}

/// Leaves for the provider and is sent back; gives the address of the answer.
async fn sent_back(
    site: &Site,
    browser: &mut Browser,
    at_peer: &mut AtPeer,
    action: &str,
) -> String {
    let cookie = browser.session().cloned().unwrap_or_default();
    let csrf = super::csrf_of(&site.app, &cookie);
    let left = browser
        .post(action, &[("retour", "/langue/fr"), ("csrf", &csrf)])
        .await;
    assert_eq!(left.status, 303, "{}", left.body);
    assert_eq!(left.sent("code_challenge_method"), "S256");
    let (back, page) = at_peer.goes_to(&left.location, None).await;
    assert!(!back.is_empty(), "the provider says: {page}");
    back
}

/// The answer with one parameter replaced, or left out.
fn with(address: &str, name: &str, value: Option<&str>) -> String {
    let mut url = url::Url::parse(address).unwrap();
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert!(
        pairs.iter().any(|(key, _)| key == name),
        "no {name} in {address}"
    );
    pairs.retain(|(key, _)| key != name);
    if let Some(value) = value {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.to_string()
}

fn of_answer(address: &str, name: &str) -> String {
    let url = url::Url::parse(address).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn who(site: &Site, browser: &Browser) -> Who {
    let Some(cookie) = browser.session() else {
        return Who::Nobody;
    };
    let mut tx = site.app.db.read().await.unwrap();
    let now = site.app.clock.now();
    let found = session::find(&mut tx, &site.app.keys, cookie, now).await;
    found.unwrap().0
}

fn is_in(answer: &Answer) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.gives_session);
}

#[tokio::test]
async fn a_citizen_logs_in_and_out_whatever_it_signs_with() {
    for alg in ["ES256", "RS256"] {
        let (site, peer) = site_of(alg).await;
        let (mut browser, mut at_peer) = (Browser::at(&site.address), AtPeer::new());
        let back = sent_back(
            &site,
            &mut browser,
            &mut at_peer,
            "/connexion/franceconnect",
        )
        .await;
        assert_eq!(of_answer(&back, "iss"), peer.issuer, "{alg}");
        is_in(&browser.get(&back).await);
        let Who::Citizen(citizen) = who(&site, &browser).await else {
            panic!("{alg}: nobody is signed in");
        };
        assert_eq!(citizen.acr, "eidas1");
        assert_eq!(citizen.identity.given_name, "Lisandru Petru");
        assert_eq!(citizen.identity.birthplace, "2A115");
        assert_eq!(citizen.identity.birthcountry, "99100");
        let algorithms = algorithms_of(&site).await;
        assert_eq!(algorithms, [alg], "what signed the id token");

        // A code is worth nothing the second time, to this browser or another.
        let replayed = browser.get(&back).await;
        replayed.is_refused(409, "login-used", alg);

        // The keys change between departure and return: nobody notices.
        let back = sent_back(
            &site,
            &mut browser,
            &mut at_peer,
            "/connexion/franceconnect",
        )
        .await;
        peer.rotates_keys().await;
        is_in(&browser.get(&back).await);

        // Out of both: the provider asks for the state back and hands it over.
        let csrf = super::csrf_of(&site.app, browser.session().unwrap());
        let left = browser.post("/deconnexion", &[("csrf", &csrf)]).await;
        assert_eq!(left.status, 303, "{}", left.body);
        assert!(left.location.starts_with(&peer.issuer), "{}", left.location);
        let state = left.sent("state");
        let (mut home, page) = at_peer.goes_to(&left.location, None).await;
        if home.is_empty() {
            (home, _) = at_peer.presses(&page, ("logout", "yes")).await;
        }
        assert!(
            home.starts_with(&format!("{}/deconnexion/retour?", site.address)),
            "{home}"
        );
        assert_eq!(of_answer(&home, "state"), state);
        let out = browser.get(&home).await;
        assert_eq!(
            (out.status, out.heading().as_str()),
            (200, "Vous êtes déconnecté")
        );
        assert!(matches!(who(&site, &browser).await, Who::Nobody));
    }
}

/// What the id tokens of live sessions are signed with.
async fn algorithms_of(site: &Site) -> Vec<String> {
    let mut tx = site.app.db.read().await.unwrap();
    let rows = fetch_all!(
        &mut tx,
        (String, Vec<u8>),
        "select id, sealed_id_token from sessions where ended_at is null"
    )
    .unwrap();
    rows.into_iter()
        .map(|(id, sealed)| {
            let token = site
                .app
                .keys
                .service
                .open(&format!("session/{id}"), &sealed)
                .unwrap();
            let token = String::from_utf8(token).unwrap();
            let header = jsonwebtoken::decode_header(&token).unwrap();
            format!("{:?}", header.alg)
        })
        .collect()
}

#[tokio::test]
async fn an_officer_whom_it_vouches_for_is_empowered_by_subject_and_gets_in() {
    for alg in ["ES256", "RS256"] {
        let (site, _peer) = site_of(alg).await;
        let (mut browser, mut at_peer) = (Browser::at(&site.address), AtPeer::new());
        let action = "/agent/connexion/proconnect";
        let back = sent_back(&site, &mut browser, &mut at_peer, action).await;
        let refused = browser.get(&back).await;
        refused.is_refused(403, "login-not-empowered", alg);
        let asked = browser.post("/agent/habilitation/demande", &[]).await;
        assert_eq!(asked.status, 200, "{}", asked.body);
        let mut tx = site.app.db.begin().await.unwrap();
        let row = fetch_optional!(
            &mut tx,
            (Id, String, String),
            "select id, sub, idp_id from empowerment_requests"
        );
        let (id, sub, idp_id) = row.unwrap().unwrap();
        assert_eq!(idp_id, "e1ef9f1c-0000-4000-8000-000000000001");
        let asking = Candidate::Asking(Asking {
            id,
            sub,
            idp_id,
            identity: person("Maëlle"),
        });
        let admin = SignedInOfficer {
            id: "o-admin-974".into(),
            session: "none".into(),
            unit_id: "u-974-police".into(),
            department: "974".into(),
            role: Role::DepartmentAdmin,
            rio: "9974003".into(),
            identity: person("Jérôme"),
        };
        let (unit, now) = (Id::from("u-974-gendarmerie"), site.app.clock.now());
        let (keys, place) = (&site.app.keys, (&unit, "974"));
        empowerments::grant(
            &mut tx,
            keys,
            &admin,
            place,
            Role::Officer,
            &asking,
            "4711001",
            now,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();

        let back = sent_back(&site, &mut browser, &mut at_peer, action).await;
        is_in(&browser.get(&back).await);
        let Who::Officer(officer) = who(&site, &browser).await else {
            panic!("{alg}: nobody is signed in");
        };
        assert_eq!(officer.unit_id, unit);
        assert_eq!(officer.rio, "4711001");
        assert_eq!(officer.identity.usual_name, "L'Hostis");
        let mut tx = site.app.db.read().await.unwrap();
        let means = fetch_all!(
            &mut tx,
            (String, String),
            "select acr, amr from sessions where officer_id is not null and ended_at is null"
        );
        let means = means.unwrap();
        assert_eq!(means, [("eidas1-mfa".to_owned(), "pwd mfa".to_owned())]);
    }
}

fn person(given_name: &str) -> OfficerIdentity {
    OfficerIdentity {
        given_name: given_name.to_owned(),
        usual_name: "Agent".into(),
        email: "agent@interieur.example".into(),
    }
}

#[tokio::test]
async fn what_is_swapped_between_two_of_its_answers_lets_nobody_in() {
    let (site, _peer) = site_of("ES256").await;
    let action = "/connexion/franceconnect";
    let other = "https://ailleurs.example/api/v2";
    // Two browsers, each with an answer of its own that nobody has used.
    let (mut victim, mut attacker) = (Browser::at(&site.address), Browser::at(&site.address));
    let answers =
        async |browser: &mut Browser| sent_back(&site, browser, &mut AtPeer::new(), action).await;
    let theirs = answers(&mut attacker).await;
    for (name, value, status, refusal) in [
        // Login CSRF: the attacker's whole answer in the victim's browser.
        ("", None, 403, "login-other-browser"),
        // The attacker's code under the victim's state: nonce and PKCE are the victim's.
        (
            "code",
            Some(of_answer(&theirs, "code")),
            400,
            "login-code-refused",
        ),
        // The attacker's state under the victim's code.
        (
            "state",
            Some(of_answer(&theirs, "state")),
            403,
            "login-other-browser",
        ),
        ("iss", Some(other.to_owned()), 403, "login-wrong-issuer"),
        // It promised to say who it is.
        ("iss", None, 403, "login-wrong-issuer"),
        (
            "code",
            Some("made-up".to_owned()),
            400,
            "login-code-refused",
        ),
        ("code", None, 502, "login-provider-refused"),
    ] {
        let own = answers(&mut victim).await;
        let brought = match name {
            "" => theirs.clone(),
            name => with(&own, name, value.as_deref()),
        };
        let answer = victim.get(&brought).await;
        answer.is_refused(status, refusal, &format!("{name}={value:?}"));
        assert!(matches!(who(&site, &victim).await, Who::Nobody));
    }
    // Issuer mix-up: a departure for one provider answered at the other's callback.
    let own = answers(&mut victim).await;
    let mixed = own.replace(CALLBACK, "/agent/connexion/proconnect/retour");
    let answer = victim.get(&mixed).await;
    answer.is_refused(400, "login-state-unknown", "the other callback");
    // A session that somebody planted does not survive the login, nor gains by it.
    let planted = "0".repeat(64);
    victim
        .cookies
        .insert(session::COOKIE.to_owned(), planted.clone());
    is_in(&victim.get(&own).await);
    assert_ne!(victim.session(), Some(&planted));
    let mut thief = Browser::at(&site.address);
    thief.cookies.insert(session::COOKIE.to_owned(), planted);
    assert!(matches!(who(&site, &thief).await, Who::Nobody));
    // Too late at the provider: the code lives thirty seconds there, and a departure
    // a quarter of an hour here.
    let late = answers(&mut attacker).await;
    let now = site.app.clock.now();
    site.app.clock.set(now.plus_minutes(15));
    let answer = attacker.get(&late).await;
    answer.is_refused(410, "login-expired", "after a quarter of an hour");
}
