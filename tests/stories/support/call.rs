//! The signaling end of a hearing's page: buys a token, joins, listens.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use signaling::protocol::SIGNALING_SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::browser::Lost;
use super::{Browser, PATIENCE};

/// A participant's WebSocket.
pub struct Call {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Everything said to the page so far.
    pub heard: Vec<Value>,
}

/// What came last.
#[derive(Debug, PartialEq)]
pub enum Said {
    Message(Value),
    Closed(u16),
}

impl Call {
    /// Connects to the first node's signaling on the one HTTP port.
    pub async fn connect(site: &str) -> Result<Self, Lost> {
        Self::connect_to(site, "/signaling/node-1").await
    }

    /// Connects to the signaling that a token came with.
    pub async fn connect_to(site: &str, url: &str) -> Result<Self, Lost> {
        let address = format!("{}{url}", site.replacen("http", "ws", 1));
        let mut request = address.into_client_request().unwrap();
        request.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(SIGNALING_SUBPROTOCOL),
        );
        let connected = timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await;
        let (socket, _) = connected
            .map_err(|_| Lost::line())?
            .map_err(|_| Lost::line())?;
        Ok(Call {
            socket,
            heard: Vec::new(),
        })
    }

    /// Buys a token where the page of the hearing would, and joins with it.
    pub async fn join(browser: &Browser, token_url: &str, csrf: &str) -> Result<Self, Lost> {
        let grant = browser.ask_json(token_url, csrf).await?;
        if !grant.status.is_success() {
            panic!("no token at {token_url}: {grant}");
        }
        let grant = grant.json();
        let mut call = Self::connect_to(&browser.site, grant["url"].as_str().unwrap()).await?;
        let token = grant["token"].clone();
        call.say(&json!({ "type": "join", "token": token })).await?;
        Ok(call)
    }

    pub async fn say(&mut self, message: &Value) -> Result<(), Lost> {
        self.send(Message::text(message.to_string())).await
    }

    pub async fn send(&mut self, message: Message) -> Result<(), Lost> {
        self.socket.send(message).await.map_err(|_| Lost::line())
    }

    /// The next message, or how the connection ended.
    pub async fn next(&mut self) -> Said {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await;
            match next.unwrap_or_else(|_| panic!("nothing was said after {:?}", self.heard)) {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(text.as_str()).unwrap();
                    self.heard.push(message.clone());
                    return Said::Message(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Said::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Said::Closed(1006),
            }
        }
    }

    /// The next message of a type, or the code of the end.
    pub async fn find(&mut self, kind: &str) -> Result<Value, u16> {
        loop {
            match self.next().await {
                Said::Message(message) if message["type"] == kind => return Ok(message),
                Said::Message(_) => {}
                Said::Closed(code) => return Err(code),
            }
        }
    }

    /// The next message of a type; it must come.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let found = self.find(kind).await;
        found.unwrap_or_else(|code| {
            panic!(
                "closed with {code} while {kind} was awaited: {:?}",
                self.heard
            )
        })
    }

    /// The code of the end.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Said::Closed(code) = self.next().await {
                return code;
            }
        }
    }
}
