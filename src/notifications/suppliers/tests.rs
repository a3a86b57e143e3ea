//! What suppliers' answers mean, and a supplier that fails in every way there is.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::sms::{self, Sms, SmsKind, meaning};
use super::{PATIENCE, Parcel, smtp};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Id;
use crate::notifications::templates::Rendered;
use crate::notifications::{Channel, Reason};

#[test]
fn each_final_smtp_code_says_what_is_wrong_and_our_own_faults_pass() {
    for (code, reason) in [
        (550, Some(Reason::Recipient)),
        (551, Some(Reason::Recipient)),
        (553, Some(Reason::Recipient)),
        (521, Some(Reason::Recipient)),
        (556, Some(Reason::Recipient)),
        (552, Some(Reason::Content)),
        (554, Some(Reason::Content)),
        (500, Some(Reason::Content)),
        (530, None),
        (535, None),
        (538, None),
        (421, None),
        (450, None),
        (451, None),
        (452, None),
    ] {
        assert_eq!(smtp::reason_of(code, None), reason, "{code}");
    }
    for (code, said, reason) in [
        (550, "5.1.1 no such user", Some(Reason::Recipient)),
        (550, "5.2.1 mailbox disabled", Some(Reason::Recipient)),
        (554, "5.1.2 no such host", Some(Reason::Recipient)),
        (550, "5.7.1 relaying denied", None),
        (554, "5.7.1 your address is listed", None),
        (550, "5.7.26 not authenticated", None),
        (550, "5.1.8 sender address rejected", None),
        (553, "5.1.7 malformed sender", None),
        (552, "5.2.2 mailbox full", Some(Reason::Content)),
        (554, "5.6.0 wrong content", Some(Reason::Content)),
        (550, "No such user 5.7.1", Some(Reason::Recipient)),
        (550, "5.7", Some(Reason::Recipient)),
        (550, "5.7.1.2 odd", Some(Reason::Recipient)),
        (550, "", Some(Reason::Recipient)),
    ] {
        let enhanced = smtp::enhanced(said);
        assert_eq!(smtp::reason_of(code, enhanced), reason, "{code} {said}");
    }
}

#[test]
fn each_answer_of_an_sms_supplier_is_understood() {
    use SmsKind::{Brevo, Ovh, Webhook};
    const OK: Result<(), Option<Reason>> = Ok(());
    const LATER: Result<(), Option<Reason>> = Err(None);
    const NOBODY: Result<(), Option<Reason>> = Err(Some(Reason::Recipient));
    const CONTENT: Result<(), Option<Reason>> = Err(Some(Reason::Content));
    let taken = json!({ "ids": [1], "validReceivers": ["+33639980001"], "invalidReceivers": [] });
    let invalid = json!({ "ids": [], "validReceivers": [], "invalidReceivers": ["+33639980001"] });
    let number = json!({ "code": "invalid_parameter", "message": "Invalid phone number" });
    let sender = json!({ "code": "invalid_parameter", "message": "Sender is too long" });
    for (kind, code, body, expected) in [
        (Webhook, 200, Value::Null, OK),
        (Webhook, 202, Value::Null, OK),
        (Webhook, 400, Value::Null, CONTENT),
        (Webhook, 422, Value::Null, CONTENT),
        (Webhook, 404, Value::Null, LATER),
        (Webhook, 410, Value::Null, NOBODY),
        (Webhook, 401, Value::Null, LATER),
        (Webhook, 403, Value::Null, LATER),
        (Webhook, 408, Value::Null, LATER),
        (Webhook, 429, Value::Null, LATER),
        (Webhook, 302, Value::Null, LATER),
        (Webhook, 500, Value::Null, LATER),
        (Webhook, 503, Value::Null, LATER),
        (Ovh, 200, taken, OK),
        (Ovh, 200, invalid, NOBODY),
        (Ovh, 200, Value::Null, LATER),
        (Ovh, 200, json!({ "ids": "x" }), LATER),
        (Ovh, 400, Value::Null, CONTENT),
        (Ovh, 403, Value::Null, LATER),
        (Ovh, 404, Value::Null, LATER),
        (Ovh, 500, Value::Null, LATER),
        (Brevo, 201, json!({ "messageId": 1 }), OK),
        (Brevo, 400, number, NOBODY),
        (Brevo, 400, sender, CONTENT),
        (Brevo, 400, Value::Null, CONTENT),
        (Brevo, 401, Value::Null, LATER),
        (Brevo, 402, json!({ "code": "not_enough_credits" }), LATER),
        (Brevo, 429, Value::Null, LATER),
        (Brevo, 500, Value::Null, LATER),
    ] {
        let status = StatusCode::from_u16(code).unwrap();
        let found = meaning(kind, status, &body).map_err(|refused| refused.for_good);
        assert_eq!(found, expected, "{kind} {code} {body}");
    }
}

fn text(of: &str) -> Rendered {
    Rendered {
        subject: String::new(),
        text: of.to_owned(),
        html: String::new(),
        calendar: String::new(),
    }
}

fn parcel<'a>(id: &'a Id, text: &'a Rendered) -> Parcel<'a> {
    Parcel {
        id,
        channel: Channel::Sms,
        address: "+33639980001",
        text,
        attempts: 1,
    }
}

#[test]
fn each_supplier_is_asked_in_its_own_form() {
    let id = Id::from("message-1");
    let plain = text("Rendez-vous confirmé");
    let ovh = sms::ovh_body("VISIOPL", parcel(&id, &plain));
    assert_eq!(ovh["receivers"], json!(["+33639980001"]));
    assert_eq!(ovh["coding"], "7bit");
    assert_eq!(
        (&ovh["noStopClause"], &ovh["sender"]),
        (&json!(true), &json!("VISIOPL"))
    );
    assert!(ovh.get("senderForResponse").is_none());
    let nameless = sms::ovh_body("", parcel(&id, &plain));
    assert_eq!(nameless["senderForResponse"], true);
    let odd = text("Forêt");
    assert_eq!(sms::ovh_body("", parcel(&id, &odd))["coding"], "8bit");
    let brevo = sms::brevo_body("VISIOPL", parcel(&id, &odd));
    assert_eq!(
        (
            &brevo["recipient"],
            &brevo["unicodeEnabled"],
            &brevo["type"]
        ),
        (&json!("33639980001"), &json!(true), &json!("transactional"))
    );
    // echo -n 'secret+consumer+POST+https://api.example/jobs+{}+1700000000' | sha1sum
    let (application, consumer, signature) = sms::ovh_signature(
        "application:secret:consumer",
        "https://api.example/jobs",
        "{}",
        Timestamp(1_700_000_000_000),
    )
    .unwrap();
    assert_eq!(
        (application.as_str(), consumer.as_str()),
        ("application", "consumer")
    );
    assert_eq!(signature, "$1$fc1af87623de56fb4635847cbc0fdc1a43e24fed");
    assert!(sms::ovh_signature("one:two", "", "", Timestamp(0)).is_none());
}

/// What a supplier was sent.
#[derive(Debug)]
struct Asked {
    headers: HeaderMap,
    body: String,
}

/// A supplier that takes everything, answers as its kind does, and tells what it got.
async fn recording(answer: Value) -> (String, Arc<std::sync::Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    let asked: Arc<std::sync::Mutex<Vec<Asked>>> = Arc::default();
    let noted = asked.clone();
    let take = async move |headers: HeaderMap, body: String| {
        noted.lock().unwrap().push(Asked { headers, body });
        axum::Json(answer)
    };
    let router = Router::new().route("/sms", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

#[tokio::test]
async fn what_goes_over_the_line_is_what_each_supplier_documents() {
    let id = Id::from("message-1");
    let words = text("Forêt");
    let now = Timestamp(1_700_000_000_000);
    for (kind, token, answer) in [
        (SmsKind::Webhook, "a-token", json!({})),
        (
            SmsKind::Ovh,
            "application:secret:consumer",
            json!({ "ids": [7], "validReceivers": ["+33639980001"], "invalidReceivers": [] }),
        ),
        (SmsKind::Brevo, "an-api-key", json!({ "messageId": 9 })),
    ] {
        let (url, asked) = recording(answer).await;
        let suppliers = Sms::all(
            &Config {
                sms_kind: kind,
                sms_url: url.clone(),
                sms_token: token.to_owned(),
                sms_sender: "VISIOPL".to_owned(),
                ..Config::default()
            },
            PATIENCE,
        );
        let taken = sms::send(&suppliers, parcel(&id, &words), now).await;
        assert_eq!(taken.unwrap(), kind.as_str());
        let asked = asked.lock().unwrap().pop().unwrap();
        let header = |name: &str| asked.headers[name].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert!(header("content-type").starts_with("application/json"));
        match kind {
            SmsKind::Webhook => {
                assert_eq!(header("authorization"), "Bearer a-token");
                assert_eq!(header("idempotency-key"), "message-1");
                assert_eq!(
                    (&body["to"], &body["text"]),
                    (&json!("+33639980001"), &json!("Forêt"))
                );
            }
            SmsKind::Ovh => {
                assert_eq!(header("x-ovh-application"), "application");
                assert_eq!(header("x-ovh-consumer"), "consumer");
                assert_eq!(header("x-ovh-timestamp"), "1700000000");
                // Over the bytes that were sent, and not over other ones that mean the same.
                let (_, _, expected) = sms::ovh_signature(token, &url, &asked.body, now).unwrap();
                assert_eq!(header("x-ovh-signature"), expected);
                assert_eq!(
                    (&body["coding"], &body["tag"]),
                    (&json!("8bit"), &json!("message-1"))
                );
            }
            SmsKind::Brevo => {
                assert_eq!(header("api-key"), "an-api-key");
                assert_eq!(
                    (&body["recipient"], &body["content"]),
                    (&json!("33639980001"), &json!("Forêt"))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_supplier_that_never_answers_is_given_up_and_asked_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config {
        sms_url: format!("http://{}/sms", listener.local_addr().unwrap()),
        ..Config::default()
    };
    let silent = Sms::all(&config, Duration::from_millis(50));
    let (id, words) = (Id::from("message-1"), text("Bonjour"));
    let refused = sms::send(&silent, parcel(&id, &words), Timestamp(0)).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.for_good, refused.why.as_str()),
        (None, "no answer in time")
    );
}

/// A supplier of the tests' own that answers as it is told, and counts.
struct Stub {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Stub {
    async fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sms", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let answer = move |State(asked): State<Arc<AtomicUsize>>, headers: HeaderMap| async move {
            assert!(headers.contains_key("idempotency-key"));
            asked.fetch_add(1, Ordering::SeqCst);
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/sms", post(answer));
        let router = router.with_state(counted);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Stub { url, asked }
    }

    /// Takes the request and hangs up without an answer.
    async fn hanging_up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sms", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut sink = [0; 64];
                let _ = stream.read(&mut sink).await;
            }
        });
        Stub { url, asked }
    }

    /// Nobody listens there.
    async fn absent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sms", listener.local_addr().unwrap());
        Stub {
            url,
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn suppliers(first: &Stub, second: &Stub) -> Vec<Sms> {
    Sms::all(
        &Config {
            sms_url: first.url.clone(),
            sms_second_url: second.url.clone(),
            ..Config::default()
        },
        PATIENCE,
    )
}

#[tokio::test]
async fn whatever_way_the_first_supplier_fails_the_second_one_takes_the_message() {
    let id = Id::from("message-1");
    let text = text("Bonjour");
    for first in [
        Stub::answering(500).await,
        Stub::answering(503).await,
        Stub::answering(429).await,
        Stub::answering(401).await,
        Stub::answering(302).await,
        Stub::hanging_up().await,
        Stub::absent().await,
    ] {
        let second = Stub::answering(202).await;
        let suppliers = suppliers(&first, &second);
        let now = Timestamp(1_000_000);
        let sent = sms::send(&suppliers, parcel(&id, &text), now).await;
        assert_eq!(sent, Ok("webhook"));
        let asked = first.asked();
        assert_eq!(second.asked(), 1);
        // For a minute the one that works is asked first.
        let soon = now.plus_seconds(59);
        sms::send(&suppliers, parcel(&id, &text), soon)
            .await
            .unwrap();
        assert_eq!((first.asked(), second.asked()), (asked, 2));
        let later = now.plus_seconds(61);
        sms::send(&suppliers, parcel(&id, &text), later)
            .await
            .unwrap();
        assert_eq!((first.asked(), second.asked()), (asked * 2, 3));
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_not_tried_at_the_other_supplier() {
    let id = Id::from("message-1");
    let text = text("Bonjour");
    let (first, second) = (Stub::answering(410).await, Stub::answering(202).await);
    let refused = sms::send(
        &suppliers(&first, &second),
        parcel(&id, &text),
        Timestamp(0),
    )
    .await
    .unwrap_err();
    assert_eq!(refused.for_good, Some(Reason::Recipient));
    assert_eq!((first.asked(), second.asked()), (1, 0));
    assert!(!refused.why.contains("33639980001"));
    // A text that one does not carry may be carried by the other.
    let (first, second) = (Stub::answering(422).await, Stub::answering(202).await);
    let sent = sms::send(
        &suppliers(&first, &second),
        parcel(&id, &text),
        Timestamp(0),
    )
    .await;
    assert_eq!((sent, second.asked()), (Ok("webhook"), 1));
    // One that refuses the text and one that is away: tried again.
    let (first, second) = (Stub::answering(422).await, Stub::answering(503).await);
    let refused = sms::send(
        &suppliers(&first, &second),
        parcel(&id, &text),
        Timestamp(0),
    )
    .await
    .unwrap_err();
    assert_eq!(refused.for_good, None);
}
