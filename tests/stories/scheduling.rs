//! The front end of another service beside the people of this one: it books, calls off
//! and erases by the calls it already speaks, its key is given, rotated and taken back on
//! the administrator's pages, and its receiver has bad days.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::{Officer, Page, TestApp, until};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const POLICE: &str = "u-78-police";
const LIST: &str = "/administration/planification";

/// Another service, with its key.
#[derive(Clone)]
struct FrontEnd {
    http: reqwest::Client,
    site: String,
    key: String,
}

impl FrontEnd {
    fn new(app: &TestApp, key: &str) -> Self {
        FrontEnd {
            http: reqwest::Client::builder()
                .timeout(crate::support::PATIENCE)
                .build()
                .unwrap(),
            site: app.site.clone(),
            key: key.to_owned(),
        }
    }

    async fn asks(&self, method: &str, path: &str) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let address = format!("{}/api/visioplainte/{path}", self.site);
        let request = self
            .http
            .request(method, address)
            .header("X-VISIOPLAINTE-API-KEY", &self.key);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Books a start as the list of slots printed it.
    async fn books(&self, starts_at: &str) -> (u16, Value) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("starts_at", starts_at)
            .finish();
        self.asks("POST", &format!("rdvs?{query}")).await
    }

    /// The free starts of a day.
    async fn free(&self, day: &str) -> Vec<String> {
        let path = format!("creneaux?date_debut={day}&date_fin={day}");
        let (status, body) = self.asks("GET", &path).await;
        assert_eq!(status, 200, "{body}");
        let slots = body["creneaux"].as_array().unwrap().iter();
        slots
            .map(|slot| slot["starts_at"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The administrator gives a key for the police of Fontclaire; its address and secret.
async fn gives_a_key(admin: &Officer) -> (String, String) {
    let page = admin.get(LIST).await.ok();
    let href = format!("{LIST}/nouvelle?unite={POLICE}");
    assert!(page.has(&format!("a[href='{href}']")), "{page:.1000}");
    let form = admin.get(&href).await.ok();
    let form = form.form("main form").with("nom", "Plateforme de planning");
    let made = admin.submit(&form).await.ok();
    let secret = made.words("#secret").remove(0);
    let key = made.attribute(&format!("main a[href^='{LIST}/']"), "href");
    // Sent again, as "reload" does, it makes no second key and shows nothing.
    let again = admin.submit(&form).await.ok();
    assert!(again.words("#secret").is_empty(), "{again:.1000}");
    assert!(again.text().contains("déjà été traité"), "{again:.1000}");
    (key.unwrap(), secret)
}

async fn administrator(app: &TestApp) -> Officer {
    let admin = app.officer("admin-78");
    admin.logs_in("/administration").await.ok();
    admin
}

#[tokio::test(flavor = "multi_thread")]
async fn another_service_books_calls_off_and_erases_on_the_desks_of_everybody() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let admin = administrator(&app).await;
        let (_, secret) = gives_a_key(&admin).await;
        let front_end = FrontEnd::new(&app, &secret);
        let free = front_end.free("2026-11-24").await;
        assert_eq!(free.first().unwrap(), "2026-11-24T08:00:00+01:00");

        let (status, rdv) = front_end.books(&free[0]).await;
        assert_eq!(status, 201, "{rdv}");
        assert_eq!(rdv["starts_at"], "2026-11-24 08:00:00 +0100");
        assert_eq!(rdv["guichet"]["name"], "Guichet 1");
        let id = rdv["id"].as_i64().unwrap();
        // Camille is not offered that hour any more.
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let week = camille
            .get("/rendez-vous/creneaux?semaine=2026-11-23")
            .await
            .ok();
        let taken = chrono::DateTime::parse_from_rfc3339(&free[0]).unwrap();
        let taken = taken.timestamp_millis().to_string();
        assert!(!week.text().contains(&taken), "{week:.500}");
        // The officer sees an hour taken by somebody unknown, with no hearing to open.
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let day = sarah.get("/agent?jour=2026-11-24").await.ok();
        assert!(
            day.text().contains("Personne inconnue de ce service"),
            "{day:.1000}"
        );
        assert!(!day.has("a[href^='/agent/audition/']"), "{day:.1000}");
        let appointment = day
            .attribute(
                "a[href^='/agent/rendez-vous/']:not([href*='nouveau'])",
                "href",
            )
            .unwrap();
        let hearing = appointment.replace("rendez-vous", "audition");
        assert_eq!(sarah.get(&hearing).await.status, StatusCode::NOT_FOUND);

        let (status, cancelled) = front_end.asks("PUT", &format!("rdvs/{id}/cancel")).await;
        assert_eq!((status, &cancelled["status"]), (200, &"excused".into()));
        assert!(front_end.free("2026-11-24").await.contains(&free[0]));
        let page = sarah.get(&appointment).await.ok();
        assert!(
            page.text().contains("Annulé par la personne"),
            "{page:.500}"
        );
        let (status, _) = front_end.asks("DELETE", &format!("rdvs/{id}")).await;
        assert_eq!(status, 204);
        assert_eq!(sarah.get(&appointment).await.status, StatusCode::NOT_FOUND);
        let (_, list) = front_end.asks("GET", &format!("rdvs?ids[]={id}")).await;
        assert_eq!(list["rdvs"], serde_json::json!([]));

        // What a citizen booked is nobody else's: the other service sees an hour gone.
        camille.books_the_next_slot(&slots).await;
        let week = "rdvs?date_debut=2026-11-22T00:00:00Z&date_fin=2026-12-22T00:00:00Z";
        let (_, list) = front_end.asks("GET", week).await;
        assert_eq!(list["rdvs"], serde_json::json!([]));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_desk_goes_to_one_of_a_citizen_and_another_service_at_the_same_moment() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let admin = administrator(&app).await;
        let (_, secret) = gives_a_key(&admin).await;
        let front_end = FrontEnd::new(&app, &secret);
        let camille = app.citizen("camille");
        camille.declares("Versailles").await;
        let case = app.case_in_hand().await;
        let crowd = app.a_crowd_like(&case, 6).await;
        let mut ready = Vec::new();
        for browser in crowd {
            let page = browser.get("/rendez-vous/creneaux").await.ok();
            ready.push((browser, page.form("form.vp-next-slot")));
        }
        let wanted: i64 = ready[0].1.field("creneau").parse().unwrap();
        let wanted = chrono::DateTime::from_timestamp_millis(wanted).unwrap();
        let start = Arc::new(tokio::sync::Barrier::new(ready.len() + 6));
        let mut racing = Vec::new();
        for (browser, form) in ready {
            let start = start.clone();
            racing.push(tokio::spawn(async move {
                start.wait().await;
                browser.submit(&form).await.status.as_u16() == 200
            }));
        }
        for _ in 0..6 {
            let (start, front_end, at) = (start.clone(), front_end.clone(), wanted.to_rfc3339());
            racing.push(tokio::spawn(async move {
                start.wait().await;
                let (status, body) = front_end.books(&at).await;
                assert!([201, 422].contains(&status), "{body}");
                status == 201
            }));
        }
        let mut won = 0;
        for race in racing {
            won += usize::from(race.await.unwrap());
        }
        assert_eq!(won, 1, "one desk, one person");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_while_in_use_and_then_taken_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let admin = administrator(&app).await;
        let (key, former) = gives_a_key(&admin).await;
        let old = FrontEnd::new(&app, &former);
        // It never stops asking.
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (asking, stopped) = (old.clone(), stop.clone());
        let use_of_it = tokio::spawn(async move {
            let mut answers = Vec::new();
            while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
                answers.push(asking.asks("GET", "guichets").await.0);
            }
            answers
        });
        let form = admin.get(&format!("{key}/rotation")).await.ok();
        let form = form.form("main form").with("delai", "1");
        let rotated = admin.submit(&form).await.ok();
        let new = FrontEnd::new(&app, &rotated.words("#secret").remove(0));
        assert_eq!(new.asks("GET", "guichets").await.0, 200);
        assert_eq!(old.asks("GET", "guichets").await.0, 200);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let answers = use_of_it.await.unwrap();
        assert!(!answers.is_empty() && answers.iter().all(|status| *status == 200));

        let page = admin.get(&key).await.ok();
        assert!(
            page.text().contains("Remplacé, valable jusqu’au"),
            "{page:.2000}"
        );
        assert!(
            page.text().contains("remplacement du secret, par RIO "),
            "{page:.2000}"
        );
        assert!(!page.text().contains(&former) && !page.text().contains(&new.key));
        app.pass_minutes(24 * 60);
        assert_eq!(old.asks("GET", "guichets").await.0, 401);
        assert_eq!(new.asks("GET", "guichets").await.0, 200);

        admin.logs_in("/administration").await.ok();
        let ask = admin.get(&format!("{key}/revocation")).await.ok();
        let list = admin.submit(&ask.form("main form")).await.ok();
        assert!(list.text().contains("La clé est révoquée."), "{list:.500}");
        let (status, body) = new.asks("GET", "guichets").await;
        assert_eq!(status, 401);
        assert!(body["errors"][0].as_str().unwrap().contains("révoquée"));
        let page = admin.get(&key).await.ok();
        assert!(
            page.text().contains("révocation de la clé, par RIO "),
            "{page:.2000}"
        );
        admin
            .get(&format!("{key}/rotation"))
            .await
            .refused(StatusCode::CONFLICT, "Cette clé n’est plus valable");
        app.journal_holds();
    }
}

/// What the receiver does with the next delivery; at the end of its part it takes all.
#[derive(Clone, Copy)]
enum Does {
    Answers(u16),
    /// Answers only once it is let.
    IsSlow,
    LeadsAstray,
}

/// The other service's receiver, and what it took.
#[derive(Clone, Default)]
struct Receiver {
    part: Arc<Mutex<VecDeque<Does>>>,
    asked: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    let_go: Arc<Notify>,
}

impl Receiver {
    async fn listen(&self, listener: tokio::net::TcpListener) {
        let router = axum::Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// Kinds, as they came.
    fn kinds(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let kind = |body: &String| serde_json::from_str::<Value>(body).unwrap()["type"].clone();
        asked
            .iter()
            .map(|(_, body)| kind(body).as_str().unwrap().to_owned())
            .collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    let does = receiver.part.lock().unwrap().pop_front();
    receiver.asked.lock().unwrap().push((headers, body));
    match does {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Does::Answers(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Does::IsSlow) => {
            receiver.let_go.notified().await;
            StatusCode::OK.into_response()
        }
        Some(Does::LeadsAstray) => {
            (StatusCode::FOUND, [(header::LOCATION, "/ailleurs")]).into_response()
        }
    }
}

/// The key's page once it says something.
async fn says(admin: &Officer, key: &str, words: &str) -> Page {
    until(words, async || {
        let page = admin.get(key).await.ok();
        page.text().contains(words).then_some(page)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_slow_wrong_and_back_is_told_everything_in_the_end() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let admin = administrator(&app).await;
        let (key, secret) = gives_a_key(&admin).await;
        let front_end = FrontEnd::new(&app, &secret);
        // Its port is known; nobody listens there yet.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let page = admin.get(&key).await.ok();
        let wrong = page
            .form("form[action$='/webhook']")
            .with("adresse", "planning");
        let told = admin
            .submit(&wrong)
            .await
            .is(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(told.count("main .fr-message--error"), 1);
        let form = page
            .form("form[action$='/webhook']")
            .with("adresse", &format!("http://{address}/retours"));
        let shown = admin.submit(&form).await.ok();
        let signing = shown.words("#secret").remove(0);
        assert!(signing.starts_with("whsec_"), "{signing}");

        let free = front_end.free("2026-11-24").await;
        let (_, first) = front_end.books(&free[0]).await;
        says(&admin, &key, "Dernière réponse : no connection").await;

        // It comes up, and has a bad day.
        let receiver = Receiver::default();
        let part = [Does::Answers(500), Does::LeadsAstray, Does::IsSlow];
        receiver.part.lock().unwrap().extend(part);
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        receiver.listen(listener).await;
        for (asked, words) in [(1, "500"), (2, "302, and redirects are not followed")] {
            // Its next attempt is due by then.
            app.pass_minutes(2);
            until("another attempt", async || {
                (receiver.asked.lock().unwrap().len() >= asked).then_some(())
            })
            .await;
            says(&admin, &key, &format!("Dernière réponse : {words}")).await;
        }
        app.pass_minutes(2);
        until("the slow attempt", async || {
            (receiver.asked.lock().unwrap().len() >= 3).then_some(())
        })
        .await;
        // While it thinks, the other service goes on booking.
        let (status, second) = front_end.books(&free[1]).await;
        assert_eq!(status, 201, "{second}");
        receiver.let_go.notify_one();
        says(&admin, &key, "Tout ce qui devait être remis l’a été.").await;
        until("the second booking", async || {
            (receiver.kinds().len() >= 4).then_some(())
        })
        .await;
        let id = first["id"].as_i64().unwrap();
        front_end.asks("PUT", &format!("rdvs/{id}/cancel")).await;
        front_end.asks("DELETE", &format!("rdvs/{id}")).await;
        until("the last two", async || {
            (receiver.kinds().len() >= 6).then_some(())
        })
        .await;
        assert_eq!(
            receiver.kinds(),
            [
                "rdv.created",
                "rdv.created",
                "rdv.created",
                "rdv.created",
                "rdv.cancelled",
                "rdv.deleted"
            ]
        );
        let asked = receiver.asked.lock().unwrap().clone();
        let ids: Vec<_> = asked
            .iter()
            .map(|(headers, _)| &headers["webhook-id"])
            .collect();
        assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
        for (headers, body) in &asked {
            assert!(verifies(&signing, headers, body), "{headers:?}");
            for name in ["BERTHELOT", "Camille", "@", "+33"] {
                assert!(!body.contains(name), "{body}");
            }
        }
        app.journal_holds();
    }
}

/// Checks a signature by hand, as whoever receives it would.
fn verifies(secret: &str, headers: &HeaderMap, body: &str) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ring::hmac;
    let header = |name: &str| headers[name].to_str().unwrap();
    let key = STANDARD.decode(&secret["whsec_".len()..]).unwrap();
    let text = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    let signature = STANDARD.decode(&header("webhook-signature")["v1,".len()..]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::verify(&key, text.as_bytes(), &signature.unwrap()).is_ok()
}
