//! One allocation on a relay, over a line that already stands: had, tried with a
//! peer that must be refused, given back. TURN itself is `rtc-turn`'s; here its
//! messages are put on the line and taken off it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::BytesMut;
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc_turn::client::{Client, ClientConfig, Event};
use sansio::Protocol;
use signaling::turn::TurnCredentials;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

/// Where cloud machines keep their secrets: no relay of ours may speak to it.
const FOREIGN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
const STUN_HEADER: usize = 20;

/// A stream of bytes, encrypted or not.
pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// What carries the messages.
pub enum Line {
    /// A message in each datagram.
    Datagrams(UdpSocket),
    /// One message after the other.
    Stream(Box<dyn Bytes>),
}

/// Has an allocation for a moment. An error says what a person coming this way
/// would meet, or whom they would reach that they must not.
pub async fn try_out(
    line: Line,
    relay: SocketAddr,
    credentials: TurnCredentials,
) -> Result<(), String> {
    let mut attempt = Attempt::new(line, relay, credentials)?;
    let tried = attempt.run().await;
    // Whatever was found, the relay's place is freed if one was had.
    attempt.give_back().await;
    tried
}

struct Attempt {
    client: Client,
    line: Line,
    context: TransportContext,
    relayed: Option<SocketAddr>,
}

impl Attempt {
    fn new(line: Line, relay: SocketAddr, credentials: TurnCredentials) -> Result<Self, String> {
        let protocol = match line {
            Line::Datagrams(_) => TransportProtocol::UDP,
            Line::Stream(_) => TransportProtocol::TCP,
        };
        // The client only writes it into what it hands out; the line knows its own end.
        let local = if relay.is_ipv4() {
            SocketAddr::from(([0, 0, 0, 0], 0))
        } else {
            SocketAddr::from(([0u16; 8], 0))
        };
        let config = ClientConfig {
            turn_serv_addr: relay.to_string(),
            local_addr: local,
            transport_protocol: protocol,
            username: credentials.username,
            password: credentials.credential,
            ..ClientConfig::default()
        };
        let crypto = rtc_turn::crypto::default_provider().map_err(|error| error.to_string())?;
        let client = Client::new(config, crypto).map_err(|error| error.to_string())?;
        Ok(Attempt {
            client,
            line,
            context: TransportContext {
                local_addr: local,
                peer_addr: relay,
                transport_protocol: protocol,
                ecn: None,
            },
            relayed: None,
        })
    }

    async fn run(&mut self) -> Result<(), String> {
        self.client
            .allocate(Instant::now())
            .map_err(|error| error.to_string())?;
        let relayed = loop {
            match self.event().await? {
                Event::AllocateResponse(_, relayed) => break relayed,
                Event::AllocateError(_, error) => return Err(error.to_string()),
                Event::TransactionTimeout(_) => return Err("no answer".into()),
                _ => {}
            }
        };
        self.relayed = Some(relayed);
        self.client
            .relay(relayed)
            .and_then(|mut relay| relay.create_permission(Instant::now(), FOREIGN))
            .map_err(|error| error.to_string())?;
        loop {
            match self.event().await? {
                Event::CreatePermissionError(..) => return Ok(()),
                Event::CreatePermissionResponse(..) => {
                    return Err(format!(
                        "it would pass on to {} as well: whoever holds a seat reaches the network behind it",
                        FOREIGN.ip()
                    ));
                }
                Event::TransactionTimeout(_) => return Err("no answer".into()),
                _ => {}
            }
        }
    }

    async fn give_back(&mut self) {
        let Some(relayed) = self.relayed else { return };
        let closed = self
            .client
            .relay(relayed)
            .and_then(|mut relay| relay.close(Instant::now()));
        if closed.is_ok() {
            // If it is lost, the allocation ends by itself in ten minutes.
            let _ = self.flush().await;
        }
    }

    /// The next thing that happens.
    async fn event(&mut self) -> Result<Event, String> {
        let words = |error: io::Error| error.to_string();
        loop {
            self.flush().await.map_err(words)?;
            if let Some(event) = self.client.poll_event() {
                return Ok(event);
            }
            let message = match &mut self.line {
                Line::Stream(stream) => Some(next_message(stream).await.map_err(words)?),
                Line::Datagrams(socket) => {
                    let again = self.client.poll_timeout().unwrap_or_else(Instant::now);
                    let mut packet = BytesMut::zeroed(2048);
                    match tokio::time::timeout_at(again.into(), socket.recv(&mut packet)).await {
                        Ok(length) => {
                            packet.truncate(length.map_err(words)?);
                            Some(packet)
                        }
                        Err(_) => None,
                    }
                }
            };
            let now = Instant::now();
            match message {
                Some(message) => {
                    let message = TransportMessage {
                        now,
                        transport: self.context,
                        message,
                    };
                    self.client
                        .handle_read(message)
                        .map_err(|error| error.to_string())?;
                }
                // Datagrams get lost and are sent again; on a stream that would be one too many.
                None => self
                    .client
                    .handle_timeout(now)
                    .map_err(|error| error.to_string())?,
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        while let Some(out) = self.client.poll_write() {
            match &mut self.line {
                Line::Datagrams(socket) => {
                    socket.send(&out.message).await?;
                }
                Line::Stream(stream) => {
                    stream.write_all(&out.message).await?;
                    stream.flush().await?;
                }
            }
        }
        Ok(())
    }
}

/// One STUN message off a stream: its header says how long it is.
async fn next_message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<BytesMut> {
    let mut message = BytesMut::zeroed(STUN_HEADER);
    stream.read_exact(&mut message).await?;
    let rest = usize::from(u16::from_be_bytes([message[2], message[3]]));
    message.resize(STUN_HEADER + rest, 0);
    stream.read_exact(&mut message[STUN_HEADER..]).await?;
    Ok(message)
}
