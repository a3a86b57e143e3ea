//! The service is killed in the middle of what people do: before a commit,
//! between a commit and its answer, between two requests, while messages and
//! packages are on their way.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use visioplainte::messages::{Lang, text};

use crate::chance::{Chance, kills};
use crate::persistence;
use crate::service::Service;
use crate::support::app::fresh_postgres;
use crate::support::browser::{Browser, Watcher};
use crate::support::call::Call;
use crate::support::messages::code_in;
use crate::support::page::Form;
use crate::support::people::{STATEMENT, dialled, email_of, token_of};
use crate::support::{Page, until};

/// Journeys meet in one half hour, each at a desk of its own.
const DESKS: usize = 30;
const PEOPLE: &[&str] = &[
    "camille",
    "lisandru",
    "issouf",
    "amina",
    "charlie",
    "zoe",
    "jean-eudes",
    "helene",
];
const NARRATIVE: &str = "Le vélo a disparu à onze heures.";
const CHANGE: &str = "C’était à midi.";

/// Kills the service now and then while a request is on its way.
struct Killer {
    service: Arc<Service>,
    chance: Chance,
    remaining: AtomicU64,
    /// A kill is under way, or the service is starting again.
    busy: AtomicBool,
    /// How long each kind of request takes when nobody disturbs it.
    durations: Mutex<HashMap<String, Duration>>,
    /// How often each kind of request was the one disturbed.
    struck: Mutex<BTreeMap<String, u64>>,
}

impl Killer {
    fn watch(self: &Arc<Self>) -> Watcher {
        let killer = self.clone();
        Arc::new(move |request, took| match took {
            Some(took) => killer.answered(request, took),
            None => killer.about_to(request),
        })
    }

    fn answered(&self, request: &str, took: Duration) {
        if self.remaining.load(Ordering::SeqCst) == 0 {
            let mut durations = self.durations.lock().unwrap();
            let longest = durations.entry(request.to_owned()).or_default();
            *longest = took.max(*longest);
        }
    }

    fn about_to(self: &Arc<Self>, request: &str) {
        // What decides something is struck more often than what reads, and the
        // many ticks of the check list are not to use up all the kills.
        let odds = match request.starts_with("POST") {
            true if request.ends_with("/constat") => 1,
            true => 12,
            false => 2,
        };
        if self.remaining.load(Ordering::SeqCst) == 0
            || self.chance.below(36) >= odds
            || self.busy.swap(true, Ordering::SeqCst)
        {
            return;
        }
        self.remaining.fetch_sub(1, Ordering::SeqCst);
        *self
            .struck
            .lock()
            .unwrap()
            .entry(request.to_owned())
            .or_default() += 1;
        let usual = self
            .durations
            .lock()
            .unwrap()
            .get(request)
            .copied()
            .unwrap_or(Duration::from_millis(20));
        // From at once to a little after the usual answer; now and then at any
        // moment of what the workers do once in a while.
        let longest = match self.chance.below(4) {
            0 => 900_000,
            _ => u64::try_from(usual.as_micros()).unwrap() * 13 / 10 + 1_000,
        };
        let delay = Duration::from_micros(self.chance.below(longest));
        let killer = self.clone();
        tokio::spawn(async move {
            let service = killer.service.clone();
            // A thread of its own sleeps more exactly than a timer wheel ticks.
            tokio::task::spawn_blocking(move || {
                std::thread::sleep(delay);
                service.kill();
            })
            .await
            .unwrap();
            killer.service.start_again().await;
            killer.busy.store(false, Ordering::SeqCst);
        });
    }

    async fn rests(&self) {
        until("a service that is up again", async || {
            (!self.busy.load(Ordering::SeqCst)).then_some(())
        })
        .await;
    }
}

/// What became of submissions that got no answer.
#[derive(Debug, Default)]
struct Unanswered {
    committed: AtomicU64,
    not_committed: AtomicU64,
    sent_again: AtomicU64,
}

/// Somebody who tries again, as people do: looks whether it is done, else does
/// it; now and then sends the same form once more.
struct Patient {
    browser: Browser,
    chance: Chance,
    unanswered: Arc<Unanswered>,
    tail: Arc<Service>,
}

impl Patient {
    async fn get(&self, address: &str) -> Page {
        let page = until(&format!("an answer to GET {address}"), async || {
            self.browser.try_get(address).await.ok()
        })
        .await;
        self.no_fault(page)
    }

    #[track_caller]
    fn no_fault(&self, page: Page) -> Page {
        assert!(
            !page.status.is_server_error(),
            "{page:.300}\n{}",
            self.tail.tail()
        );
        page
    }

    /// Looks at a page until something is done, submitting a form of it until it is.
    async fn until_done(
        &self,
        address: &str,
        done: impl Fn(&Page) -> bool,
        fill: impl Fn(&Page) -> Form,
    ) -> Page {
        let mut page = self.get(address).await;
        let mut answered = 0;
        let began = Instant::now();
        while !done(&page) {
            // An answered submission that changes nothing is a failure, not a loss.
            assert!(
                answered < 8,
                "{address}: submitted and not done: {page:.1500}"
            );
            assert!(
                began.elapsed() < crate::support::PATIENCE,
                "{address}: never done"
            );
            match self.browser.try_submit(&fill(&page)).await {
                Ok(answer) => {
                    answered += 1;
                    self.no_fault(answer);
                    page = self.get(address).await;
                }
                Err(lost) => {
                    page = self.get(address).await;
                    let count = match done(&page) {
                        true => &self.unanswered.committed,
                        false => &self.unanswered.not_committed,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    // "Send the form again?", done or not.
                    if self.chance.coin() {
                        self.unanswered.sent_again.fetch_add(1, Ordering::Relaxed);
                        if let Ok(answer) = self.browser.again(&lost).await {
                            self.no_fault(answer);
                        }
                        page = self.get(address).await;
                    }
                }
            }
        }
        page
    }

    /// Logs in through the sandbox's provider and lands on a page.
    async fn logs_in(&self, login: &str, account: &str, home: &str) {
        let began = Instant::now();
        loop {
            let page = self.get(home).await;
            if page.address == home {
                return;
            }
            assert!(
                began.elapsed() < crate::support::PATIENCE,
                "{account} never logs in: {page:.500}"
            );
            let Ok(provider) = self
                .browser
                .try_submit(&page.form(&format!("form[action='{login}']")))
                .await
            else {
                continue;
            };
            let form = self
                .no_fault(provider)
                .form("main form[method='post']")
                .with("personne", account);
            match self.browser.try_submit(&form).await {
                Ok(page) => drop(self.no_fault(page)),
                // Reloading the provider's answer may be refused, never break.
                Err(lost) => drop(
                    self.browser
                        .again(&lost)
                        .await
                        .map(|page| self.no_fault(page)),
                ),
            }
        }
    }

    /// Joins the call of a page until the node says what is expected.
    async fn reaches(&self, address: &str, expected: &[&str]) -> Call {
        let began = Instant::now();
        loop {
            let page = self.get(address).await;
            let (url, csrf) = token_of(&page);
            assert!(
                began.elapsed() < crate::support::PATIENCE,
                "{address}: never {expected:?}"
            );
            let Ok(grant) = self.browser.ask_json(&url, &csrf).await else {
                continue;
            };
            // The media node that has just been started is not known yet.
            if grant.status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
                continue;
            }
            let grant = self.no_fault(grant).ok().json();
            let (token, url) = (grant["token"].clone(), grant["url"].as_str().unwrap());
            let Ok(mut call) = Call::connect_to(&self.browser.site, url).await else {
                continue;
            };
            let join = serde_json::json!({ "type": "join", "token": token });
            if call.say(&join).await.is_err() {
                continue;
            }
            let met = match call.next().await {
                crate::support::call::Said::Message(message) => {
                    message["type"].as_str().map(ToOwned::to_owned)
                }
                crate::support::call::Said::Closed(_) => None,
            };
            match met.as_deref() {
                Some(kind) if expected.contains(&kind) => return call,
                Some("refused") => {
                    let last = call.heard.last().unwrap();
                    assert_eq!(
                        last["retry"],
                        true,
                        "{address}: refused for good: {last}\n{}",
                        self.tail.tail()
                    );
                }
                Some(kind) => panic!("{address}: {kind}, not {expected:?}"),
                None => {}
            }
        }
    }
}

/// One whole journey; gives the appointment.
async fn journey(citizen: &Patient, key: &str, officer: &Patient) -> String {
    citizen
        .logs_in("/connexion/franceconnect", key, "/espace")
        .await;
    let id = books(citizen, key).await;
    let room = format!("/audition/{id}");
    comes_in(citizen, &id, &room).await;
    let waiting = citizen.reaches(&room, &["waiting", "joined"]).await;

    officer
        .logs_in("/agent/connexion/proconnect", "78-police", "/agent")
        .await;
    let workspace = format!("/agent/audition/{id}");
    let has = |what: &'static str| move |page: &Page| page.has(what);
    let press = |what: &'static str| move |page: &Page| page.form(what);
    officer
        .until_done(
            &workspace,
            has("[data-call]"),
            press("form[action$='/ouvrir']"),
        )
        .await;
    officer
        .until_done(
            &workspace,
            has("form[action$='/renvoyer']"),
            press("form[action$='/admettre']"),
        )
        .await;
    drop(waiting);
    let _calls = (
        citizen.reaches(&room, &["joined"]).await,
        officer.reaches(&workspace, &["joined"]).await,
    );

    let unticked = |page: &Page| {
        let forms = page.forms("form[action$='/constat']");
        let ticked = page.attributes(
            "form[action$='/constat']:has(button[aria-pressed='true']) input[name='element']",
            "value",
        );
        forms
            .into_iter()
            .find(|form| !ticked.contains(&form.field("element").to_owned()))
    };
    let mut page = officer.get(&workspace).await;
    while let Some(form) = unticked(&page) {
        let form = match form.choices("resultat").first() {
            Some(result) => form.clone().with("resultat", result),
            None => form,
        };
        page = match officer.browser.try_submit(&form).await {
            Ok(page) => officer.no_fault(page),
            Err(_) => officer.get(&workspace).await,
        };
    }
    let written = |page: &Page| page.form("form[action$='/texte']").field("texte") == NARRATIVE;
    officer
        .until_done(&workspace, written, |page| {
            page.form("form[action$='/texte']").with("texte", NARRATIVE)
        })
        .await;

    let act = format!("/audition/{id}/proces-verbal");
    is_sent(officer, citizen, &workspace, &act).await;
    let asked = |page: &Page| page.text().contains(CHANGE);
    citizen
        .until_done(&act, asked, |page| {
            page.form("form[action$='/modification']")
                .with("texte", CHANGE)
        })
        .await;
    let answered = |page: &Page| !page.has("form[action$='/reponse']");
    officer
        .until_done(&workspace, answered, |page| {
            page.form("form[action$='/reponse']")
                .with("reponse", "Corrigé.")
        })
        .await;
    is_sent(officer, citizen, &workspace, &act).await;
    let decided = |page: &Page| !page.has("form[action$='/accord']");
    citizen
        .until_done(&act, decided, |page| {
            page.form("form[action$='/accord']")
                .with("decision", "agreed")
        })
        .await;
    officer
        .until_done(
            &workspace,
            has("a[href^='/agent/documents/']"),
            press("form[action$='/signature']"),
        )
        .await;

    let space = citizen.get("/espace").await;
    let own = format!("section:has(#rdv-{id}) a[href^='/espace/documents/']");
    let documents = space.attributes(&own, "href");
    assert_eq!(documents.len(), 2, "{space:.500}");
    for document in documents {
        assert!(citizen.get(&document).await.bytes.starts_with(b"%PDF-"));
    }
    let over = |page: &Page| !page.has("form[action$='/terminer']");
    officer
        .until_done(&workspace, over, press("form[action$='/terminer']"))
        .await;
    let acknowledged = text(Lang::Fr, "record-state-acknowledged");
    until("the hand-off's acknowledgement", async || {
        officer
            .get(&workspace)
            .await
            .text()
            .contains(&acknowledged)
            .then_some(())
    })
    .await;
    id
}

/// Whatever step is missing, the page with the slots leads to it.
async fn books(citizen: &Patient, key: &str) -> String {
    let began = Instant::now();
    let mut answered = String::new();
    loop {
        let page = citizen.get("/rendez-vous/creneaux").await;
        assert!(
            began.elapsed() < crate::support::PATIENCE,
            "never booked: {} {answered:.2000}",
            page.address
        );
        let step = page
            .address
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let form = match step.as_str() {
            "/orientation" => {
                let rights = citizen.get("/declaration/droits?nature=vol").await;
                accepts(&rights)
            }
            "/declaration/droits" => accepts(&citizen.get("/declaration/droits?nature=vol").await),
            "/declaration/coordonnees" => page
                .form("form[action='/declaration/coordonnees']")
                .with("courriel", &email_of(key))
                .with("telephone", &dialled(key))
                .with("adresse", "12 rue des Lilas")
                .with("commune", "Versailles"),
            "/declaration/verification" => match codes_sent(citizen, key).await {
                Some((mail, text)) => page
                    .form("form[action='/declaration/verification']")
                    .with("code_courriel", &mail)
                    .with("code_telephone", &text),
                // On their way; the worker may just be starting again.
                None => continue,
            },
            "/declaration/faits" => page
                .form("form[action='/declaration/faits']")
                .with("date_inconnue", "oui")
                .with("lieu", "Versailles")
                .with("auteur", "oui")
                .with("faits", STATEMENT),
            "/rendez-vous/creneaux" => match page.attribute("a[href$='/confirmer']", "href") {
                // A slot is kept: confirmed until it is so.
                Some(review) => {
                    let review_of = review.clone();
                    let booked = citizen
                        .until_done(
                            &review,
                            |page| page.address != review_of,
                            |page| page.form("form[action$='/confirmer']"),
                        )
                        .await;
                    assert!(booked.has(".fr-alert--success"), "{booked:.500}");
                    return booked.address.rsplit('/').next().unwrap().to_owned();
                }
                None => page.form("form.vp-next-slot"),
            },
            // Booked already: a confirmation whose answer was lost.
            other => {
                assert!(page.has(".fr-alert--success"), "{other}: {page:.500}");
                return other.rsplit('/').next().unwrap().to_owned();
            }
        };
        match citizen.browser.try_submit(&form).await {
            Ok(page) => answered = citizen.no_fault(page).text(),
            Err(lost) if citizen.chance.coin() => {
                drop(
                    citizen
                        .browser
                        .again(&lost)
                        .await
                        .map(|page| citizen.no_fault(page)),
                );
            }
            Err(_) => {}
        }
    }
}

/// The newest codes sent to somebody by e-mail and by SMS, once both have come.
async fn codes_sent(citizen: &Patient, key: &str) -> Option<(String, String)> {
    let list = citizen.get("/bac-a-sable/courrier").await;
    let address = email_of(key);
    let card = std::iter::zip(
        list.words("main li"),
        list.attributes("main li a[href^='/bac-a-sable/courrier/']", "href"),
    )
    .find(|(card, _)| card.contains(&address) && card.contains("code"))?;
    let mail = citizen.get(&card.1).await.words(".vp-message").join(" ");
    let texts = citizen.get("/bac-a-sable/sms").await;
    let text = std::iter::zip(
        texts.words("main li h2"),
        texts.words("main li .vp-message"),
    )
    .find(|(number, text)| *number == dialled(key) && text.contains("code"))?;
    Some((code_in(&mail), code_in(&text.1)))
}

fn accepts(rights: &Page) -> Form {
    rights
        .form("form[action='/declaration/droits']")
        .with("francais", "oui")
        .with("droits", "oui")
        .with("cgu", "oui")
}

/// By the link when its message has arrived, else from their own space.
async fn comes_in(citizen: &Patient, id: &str, room: &str) {
    let reference = citizen
        .get(&format!("/rendez-vous/{id}"))
        .await
        .words(".vp-reference")
        .remove(0);
    let messages = citizen.get("/bac-a-sable/sms").await;
    let texts = messages.words("main li .vp-message");
    let link = texts
        .iter()
        .find(|text| text.contains(&reference))
        .and_then(|text| {
            let links = messages.attributes("main li .vp-message a[href*='/lien/']", "href");
            links.into_iter().find(|link| text.contains(link.as_str()))
        });
    let path = link.map_or_else(
        || room.to_owned(),
        |link| link.strip_prefix(&citizen.browser.site).unwrap().to_owned(),
    );
    citizen
        .until_done(
            &path,
            |page| page.has("[data-call]"),
            |page| page.form("main form[method='post']"),
        )
        .await;
}

/// The officer sends the text until the citizen has it before them.
async fn is_sent(officer: &Patient, citizen: &Patient, workspace: &str, act: &str) {
    let began = Instant::now();
    while !citizen.get(act).await.has("form[action$='/accord']") {
        assert!(began.elapsed() < crate::support::PATIENCE, "never sent");
        let form = officer
            .get(workspace)
            .await
            .form("form[action$='/relecture']");
        drop(
            officer
                .browser
                .try_submit(&form)
                .await
                .map(|page| officer.no_fault(page)),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost_when_the_service_is_killed_at_any_instant() {
    let service = Service::start().await;
    nothing_is_lost(service, kills(), Chance::new("service")).await;
}

/// A shorter round on the other engine, when the environment names a server.
#[tokio::test(flavor = "multi_thread")]
async fn nor_is_it_on_postgresql() {
    if let Some(url) = fresh_postgres().await {
        let service = Service::start_with(&[("DATABASE_URL", url)]).await;
        nothing_is_lost(service, kills().min(40), Chance::new("postgresql")).await;
    }
}

async fn nothing_is_lost(service: Service, wanted: u64, chance: Chance) {
    let began = Instant::now();
    let service = Arc::new(service);
    let killer = Arc::new(Killer {
        service: service.clone(),
        chance: chance.clone(),
        remaining: AtomicU64::new(0),
        busy: AtomicBool::new(false),
        durations: Mutex::default(),
        struck: Mutex::default(),
    });
    let unanswered = Arc::new(Unanswered::default());
    let patient = || Patient {
        browser: Browser::new(&service.site).watched_by(killer.watch()),
        chance: chance.clone(),
        unanswered: unanswered.clone(),
        tail: service.clone(),
    };
    let admin = crate::support::Officer::new("admin-78", Browser::new(&service.site));
    admin.logs_in("/administration").await.ok();
    for number in 0..DESKS {
        admin
            .opens_a_desk("u-78-police", &format!("Guichet {number}"))
            .await
            .ok();
    }

    // Once in peace, to learn how long each request takes; then disturbed.
    let mut appointments = vec![journey(&patient(), PEOPLE[0], &patient()).await];
    let peaceful = began.elapsed();
    killer.remaining.store(wanted, Ordering::SeqCst);
    while killer.remaining.load(Ordering::SeqCst) > 0 {
        let key = PEOPLE[appointments.len() % PEOPLE.len()];
        assert!(appointments.len() < DESKS, "kills are too rare");
        appointments.push(journey(&patient(), key, &patient()).await);
    }
    killer.rests().await;

    // What was on its way arrives: a claimed message is due again after its lease.
    persistence::everything_is_sent(&service).await;
    service.kill();

    let counts = persistence::holds(&service, &appointments).await;
    let verified = service.command(&["journal", "verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    let mut packages = 0;
    for entry in std::fs::read_dir(service.inbox()).unwrap().flatten() {
        if entry.path().is_dir() {
            let verified = service.command(&["package", "verify", entry.path().to_str().unwrap()]);
            assert!(
                verified.status.success(),
                "{}",
                String::from_utf8_lossy(&verified.stdout)
            );
            packages += 1;
        }
    }
    assert_eq!(packages, appointments.len());
    let struck = killer.struck.lock().unwrap();
    assert_eq!(struck.values().sum::<u64>(), wanted);
    let (before, after) = (&unanswered.not_committed, &unanswered.committed);
    if wanted >= 200 {
        // Some kills met the time before the commit, some that before the answer.
        assert!(
            before.load(Ordering::Relaxed) > 0 && after.load(Ordering::Relaxed) > 0,
            "{unanswered:?}"
        );
    }
    println!(
        "{wanted} kills in {} journeys, {} starts, {:?} (the peaceful one {peaceful:?})",
        appointments.len() - 1,
        service.starts.load(Ordering::SeqCst),
        began.elapsed(),
    );
    println!("submissions without an answer: {unanswered:?}");
    println!(
        "{} messages, {} deliveries: {} came twice, each with the same message id, text and address: killed \
         between the supplier's acceptance and our note of it",
        counts.messages, counts.deliveries, counts.duplicates
    );
    for (request, times) in struck.iter() {
        println!("{times:4} {request}");
    }
}
