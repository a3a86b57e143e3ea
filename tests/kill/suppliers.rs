//! An SMTP server and an SMS gateway of the tests' own, which tell somebody of
//! every message before they answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A message at the supplier's, not answered yet.
#[derive(Debug)]
pub struct Arrived {
    /// Message-ID without its domain, or idempotency key.
    pub id: String,
    /// Recipient and what of the text does not differ between two sendings.
    pub content: String,
    /// What the supplier does; dropped, it never took the message and says so.
    pub answer: oneshot::Sender<Answer>,
}

/// What a supplier does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took the message and says so.
    Taken,
    /// It did not take it, and says to come back.
    NotNow,
    /// It took the message and then breaks: the sender cannot know.
    TakenAndBroken,
}

/// Where the two listen.
pub struct Suppliers {
    pub smtp: SocketAddr,
    pub sms: SocketAddr,
}

impl Suppliers {
    pub async fn start(told: UnboundedSender<Arrived>) -> Self {
        let smtp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sms = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let suppliers = Suppliers {
            smtp: smtp.local_addr().unwrap(),
            sms: sms.local_addr().unwrap(),
        };
        let gateway = Router::new()
            .route("/sms", post(take_sms))
            .with_state(Arc::new(told.clone()));
        tokio::spawn(async move { axum::serve(sms, gateway).await });
        tokio::spawn(async move {
            while let Ok((stream, _)) = smtp.accept().await {
                let told = told.clone();
                // A line that breaks is what the test is about.
                tokio::spawn(async move { drop(serve_smtp(stream, told).await) });
            }
        });
        suppliers
    }
}

/// How long the line is silent before everything the dead service had written to
/// it has been read.
const SILENCE: Duration = Duration::from_millis(50);

/// Refuses what was on the line when the service was killed: it was never taken.
pub async fn cut(arrivals: &mut UnboundedReceiver<Arrived>) {
    while let Ok(Some(arrived)) = timeout(SILENCE, arrivals.recv()).await {
        drop(arrived.answer);
    }
}

/// Hands a message over and waits for what becomes of it.
async fn hand_over(told: &UnboundedSender<Arrived>, id: String, content: String) -> Answer {
    let (answer, answered) = oneshot::channel();
    let arrived = Arrived {
        id,
        content,
        answer,
    };
    if told.send(arrived).is_err() {
        return Answer::NotNow;
    }
    answered.await.unwrap_or(Answer::NotNow)
}

async fn take_sms(
    State(told): State<Arc<UnboundedSender<Arrived>>>,
    headers: HeaderMap,
    Json(message): Json<serde_json::Value>,
) -> StatusCode {
    let id = headers["idempotency-key"].to_str().unwrap().to_owned();
    assert_eq!(message["id"], id);
    let content = format!("{} {}", message["to"], message["text"]);
    match hand_over(&told, id, content).await {
        Answer::Taken => StatusCode::ACCEPTED,
        Answer::NotNow => StatusCode::SERVICE_UNAVAILABLE,
        Answer::TakenAndBroken => StatusCode::BAD_GATEWAY,
    }
}

/// As much of RFC 5321 as a client needs to hand a message over.
async fn serve_smtp(stream: TcpStream, told: UnboundedSender<Arrived>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 stories ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => write.write_all(b"250-stories\r\n250 8BITMIME\r\n").await?,
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let (mut id, mut content) = (String::new(), String::new());
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    if let Some(found) = line.strip_prefix("Message-ID: <") {
                        found
                            .split('@')
                            .next()
                            .unwrap_or_default()
                            .clone_into(&mut id);
                    }
                    if line.starts_with("To: ") || line.starts_with("Subject: ") {
                        content.push_str(&line);
                    }
                }
                match hand_over(&told, id, content).await {
                    Answer::Taken => write.write_all(b"250 taken\r\n").await?,
                    Answer::NotNow => write.write_all(b"451 not now\r\n").await?,
                    Answer::TakenAndBroken => return Ok(()),
                }
            }
            _ => write.write_all(b"250 ok\r\n").await?,
        }
    }
    Ok(())
}
