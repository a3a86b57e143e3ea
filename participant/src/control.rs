//! The service's end of a node's control channel, for whoever plays the service.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use signaling::room_document::{
    CONTROL_PATH, CONTROL_SUBPROTOCOL, NodeMessage, RoomDocument, ServiceMessage,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::grant::Mint;

/// Why the control channel does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket broke, or never stood.
    #[error("the control channel broke")]
    Socket(#[from] Error),
    /// The node closed it, or speaks something else.
    #[error("the control channel ended")]
    Ended,
}

/// An open control channel.
pub struct Control(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Control {
    /// Says hello to a node.
    ///
    /// # Errors
    /// When the node cannot be reached or does not answer as one.
    pub async fn open(node: SocketAddr, mint: &Mint) -> Result<Self, ControlError> {
        let mut request = format!("ws://{node}{CONTROL_PATH}").into_client_request()?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static(CONTROL_SUBPROTOCOL),
        );
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, None, true).await?;
        let mut control = Self(socket);
        let token = mint.control_token();
        control.say(&ServiceMessage::Hello { token }).await?;
        Ok(control)
    }

    /// Pushes a document, and answers what the node says of it; what it says of
    /// other things is passed over.
    ///
    /// # Errors
    /// When the channel breaks first.
    pub async fn push(&mut self, document: &RoomDocument) -> Result<NodeMessage, ControlError> {
        self.say(&ServiceMessage::Room(document.clone())).await?;
        loop {
            let answer = self.next().await?;
            match &answer {
                NodeMessage::Applied { room, .. } | NodeMessage::RoomRefused { room, .. }
                    if *room == document.room =>
                {
                    return Ok(answer);
                }
                _ => {}
            }
        }
    }

    /// The next message of the node.
    ///
    /// # Errors
    /// When the channel ends.
    pub async fn next(&mut self) -> Result<NodeMessage, ControlError> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| ControlError::Ended);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) | None => return Err(ControlError::Ended),
            }
        }
    }

    async fn say(&mut self, message: &ServiceMessage) -> Result<(), ControlError> {
        let text = serde_json::to_string(message).map_err(|_| ControlError::Ended)?;
        self.0.send(Message::text(text)).await?;
        Ok(())
    }
}
