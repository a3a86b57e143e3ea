//! A participant made of Rust: answers the node's offers as a browser does, sends
//! packets with words as payload, and tells which words came.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::interceptor::{Attribute, Interceptor, Packet, Registry, Slot, StreamInfo, TaggedPacket};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCDtlsRole, RTCIceCandidate,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters,
    RtpCodecKind,
};
use rtc::rtp_transceiver::{
    RTCRtpReceiverId, RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{Client, PATIENCE, Seen, TestNode, connect};

/// What a participant notices.
#[derive(Debug, Clone, PartialEq)]
pub enum Noticed {
    /// A signaling message.
    Message(Value),
    /// Somebody's packet: sound or image, and its words.
    Heard { video: bool, words: String },
    /// The node asks for a keyframe.
    KeyframeWanted,
    /// How many images were lost on the way out, and how many were sent again.
    Repairs { lost: u32, resent: u32 },
    /// The signaling connection ended.
    Closed(u16),
}

/// What a test asks of a participant.
pub enum Wish {
    /// Repeat these words on both tracks from now on, numbered.
    Repeat(String),
    /// Stop sending.
    Silence,
    /// Say something on the signaling connection.
    Say(Value),
    /// Ask for a keyframe of everything received.
    AskKeyframe,
    /// Tell how many repairs there were.
    TellRepairs,
    /// Lose every n-th media datagram on the way out, once.
    LoseEvery(u32),
    /// Number the packets from here on, as a browser does that starts anew.
    CountFrom(u16),
    /// Drop the signaling connection without a word, and join again.
    Reconnect { resume: bool },
    /// Send these bytes to the node from the address of the media.
    Datagram(Vec<u8>),
}

/// How a participant is made.
#[derive(Clone, Default)]
pub struct Abilities {
    /// SRTP profiles, if not the stack's own.
    pub srtp: Vec<rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile>,
    /// Whether the first answer only leaves once the handshake is over, as over a
    /// signaling connection that is slower than UDP.
    pub answers_late: bool,
}

/// A participant that lives on its own task.
pub struct Person {
    pub name: String,
    offers: Vec<Value>,
    wishes: mpsc::UnboundedSender<Wish>,
    noticed: mpsc::UnboundedReceiver<Noticed>,
    task: JoinHandle<()>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Person {
    /// Joins a room.
    pub async fn join(node: &TestNode, room: &str, name: &str) -> Self {
        Self::join_with(node, room, name, Abilities::default()).await
    }

    pub async fn join_with(node: &TestNode, room: &str, name: &str, can: Abilities) -> Self {
        let (wishes, inbox) = mpsc::unbounded_channel();
        let (notice, noticed) = mpsc::unbounded_channel();
        let media = Media {
            name: name.to_owned(),
            token: node.join_token(room, name, 1),
            listen: node.listen,
            client: node.join(room, name).await,
            resume: None,
            udp: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            node: node.udp[0],
            connection: None,
            notice,
            inbox,
            words: None,
            count: 0,
            lose_every: 0,
            outgoing: 0,
            lost: 0,
            resent: 0,
            can,
            held_answer: None,
            is_connected: false,
        };
        Self {
            name: name.to_owned(),
            offers: Vec::new(),
            wishes,
            noticed,
            task: tokio::spawn(media.live()),
        }
    }

    pub fn wish(&self, wish: Wish) {
        self.wishes.send(wish).unwrap();
    }

    pub fn repeat(&self, words: &str) {
        self.wish(Wish::Repeat(words.to_owned()));
    }

    /// The next thing noticed.
    pub async fn next(&mut self) -> Noticed {
        let noticed = timeout(PATIENCE, self.noticed.recv())
            .await
            .unwrap_or_else(|_| panic!("{} noticed nothing", self.name))
            .unwrap();
        self.note_offer(&noticed);
        noticed
    }

    fn note_offer(&mut self, noticed: &Noticed) {
        if let Noticed::Message(message) = noticed
            && message["type"] == "offer"
        {
            self.offers.push(message.clone());
        }
    }

    /// Every offer noticed so far, from the first.
    pub fn offers_so_far(&mut self) -> Vec<Value> {
        self.so_far();
        self.offers.clone()
    }

    /// Waits until all of these words are heard, and seen.
    pub async fn hears_all(&mut self, words: &[String]) {
        let mut missing: Vec<(&String, bool)> = words
            .iter()
            .flat_map(|words| [(words, false), (words, true)])
            .collect();
        self.wait_for(&words.join(", "), |noticed| {
            if let Noticed::Heard { video, words } = noticed {
                missing
                    .retain(|(wanted, seen)| *seen != video || !words.starts_with(wanted.as_str()));
            }
            missing.is_empty().then_some(())
        })
        .await;
    }

    /// Waits for something that fits; the rest is passed over.
    async fn wait_for<T>(&mut self, what: &str, mut fits: impl FnMut(Noticed) -> Option<T>) -> T {
        let name = self.name.clone();
        let search = async {
            loop {
                let noticed = self.next().await;
                if let Noticed::Closed(code) = noticed {
                    panic!("{} was closed with {code}, not {what}", self.name);
                }
                if let Some(found) = fits(noticed) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("{name} waited in vain: {what}"))
    }

    /// The next signaling message of a type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        self.wait_for(kind, |noticed| match noticed {
            Noticed::Message(message) if message["type"] == kind => Some(message),
            _ => None,
        })
        .await
    }

    /// Waits until these words are heard, and seen.
    pub async fn hears(&mut self, words: &str) {
        let (mut audio, mut video) = (false, false);
        self.wait_for(words, |noticed| {
            if let Noticed::Heard {
                video: is_video,
                words: heard,
            } = noticed
                && heard.starts_with(words)
            {
                if is_video {
                    video = true;
                } else {
                    audio = true;
                }
            }
            (audio && video).then_some(())
        })
        .await;
    }

    /// Waits until the screen of somebody who repeats these words is seen.
    pub async fn sees_the_screen(&mut self, words: &str) {
        let words = format!("screen: {words}");
        self.wait_for(&words, |noticed| match noticed {
            Noticed::Heard {
                video: true,
                words: seen,
            } if seen.starts_with(&words) => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits until the node asks for a keyframe.
    pub async fn is_asked_for_a_keyframe(&mut self) {
        self.wait_for("a keyframe request", |noticed| {
            (noticed == Noticed::KeyframeWanted).then_some(())
        })
        .await;
    }

    /// Everything noticed so far.
    pub fn so_far(&mut self) -> Vec<Noticed> {
        let mut all = Vec::new();
        while let Ok(noticed) = self.noticed.try_recv() {
            self.note_offer(&noticed);
            all.push(noticed);
        }
        all
    }

    /// Whether these words came among what was noticed so far.
    pub fn heard_so_far(&mut self, words: &str) -> bool {
        self.so_far().iter().any(
            |noticed| matches!(noticed, Noticed::Heard { words: heard, .. } if heard.starts_with(words)),
        )
    }
}

/// Lets keyframe requests reach the test.
#[derive(Default)]
struct DeliverKeyframeRequests {
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for DeliverKeyframeRequests {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet
            && packets
                .iter()
                .any(|packet| packet.as_any().is::<PictureLossIndication>())
        {
            message.message.add(Attribute::DeliverToApplication);
        }
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }
}

impl Interceptor for DeliverKeyframeRequests {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

struct Media {
    name: String,
    token: String,
    listen: std::net::SocketAddr,
    client: Client,
    resume: Option<String>,
    udp: UdpSocket,
    node: std::net::SocketAddr,
    connection: Option<Connection>,
    notice: mpsc::UnboundedSender<Noticed>,
    inbox: mpsc::UnboundedReceiver<Wish>,
    words: Option<String>,
    count: u16,
    lose_every: u32,
    outgoing: u32,
    lost: u32,
    resent: u32,
    can: Abilities,
    /// The answer that is late.
    held_answer: Option<Value>,
    is_connected: bool,
}

struct Connection {
    stack: RTCPeerConnection,
    sending: Vec<(Kind, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Video,
    Screen,
}

impl Kind {
    fn of(name: &Value) -> Self {
        match name.as_str().unwrap() {
            "audio" => Self::Audio,
            "video" => Self::Video,
            "screen" => Self::Screen,
            other => panic!("what kind is {other}?"),
        }
    }

    fn ssrc(self) -> u32 {
        match self {
            Self::Audio => 1_000,
            Self::Video => 2_000,
            Self::Screen => 3_000,
        }
    }
}

impl Connection {
    fn sends(&self, kind: Kind) -> bool {
        self.sending.iter().any(|(held, _)| *held == kind)
    }

    fn open(&mut self, kind: Kind) {
        let transceiver = self.sending.iter().find(|(held, _)| *held == kind);
        if let Some(mut line) = transceiver.and_then(|(_, id)| self.stack.rtp_transceiver(*id)) {
            line.set_direction(RTCRtpTransceiverDirection::Sendonly);
        }
    }

    fn send(&mut self, name: &str, kind: Kind) {
        let (codec_kind, mime_type, clock_rate, channels, fmtp) = if kind == Kind::Audio {
            let fmtp = "minptime=10;useinbandfec=1";
            (RtpCodecKind::Audio, "audio/opus", 48_000, 2, fmtp)
        } else {
            (RtpCodecKind::Video, "video/VP8", 90_000, 0, "")
        };
        let ssrc = kind.ssrc();
        let track = MediaStreamTrack::new(
            name.to_owned(),
            format!("{name}-{ssrc}"),
            String::new(),
            codec_kind,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    rtx: (kind != Kind::Audio).then_some(RTCRtpRtxParameters { ssrc: ssrc + 1 }),
                    ..RTCRtpCodingParameters::default()
                },
                codec: RTCRtpCodec {
                    mime_type: mime_type.to_owned(),
                    clock_rate,
                    channels,
                    sdp_fmtp_line: fmtp.to_owned(),
                    rtcp_feedback: Vec::new(),
                },
                ..RTCRtpEncodingParameters::default()
            }],
        );
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec![name.to_owned()],
            send_encodings: Vec::new(),
        };
        let transceiver = self
            .stack
            .add_transceiver_from_track(track, Some(init))
            .unwrap();
        self.sending.push((kind, transceiver));
    }
}

impl Media {
    async fn live(mut self) {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let mut buffer = vec![0; 2048];
        loop {
            let deadline = self
                .connection
                .as_mut()
                .and_then(|connection| connection.stack.poll_timeout())
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                seen = self.client.next() => match seen {
                    Seen::Message(message) => self.listen(message).await,
                    Seen::Closed(code) => {
                        let _ = self.notice.send(Noticed::Closed(code));
                        std::future::pending::<()>().await;
                    }
                },
                wish = self.inbox.recv() => match wish {
                    Some(wish) => self.obey(wish).await,
                    None => return,
                },
                received = self.udp.recv_from(&mut buffer) => {
                    let (length, from) = received.unwrap();
                    let local = self.udp.local_addr().unwrap();
                    if let Some(connection) = &mut self.connection {
                        let _ = connection.stack.handle_read(TaggedBytesMut {
                            now: Instant::now(),
                            transport: TransportContext {
                                local_addr: local,
                                peer_addr: from,
                                transport_protocol: TransportProtocol::UDP,
                                ecn: None,
                            },
                            message: BytesMut::from(&buffer[..length]),
                        });
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    if let Some(connection) = &mut self.connection {
                        let _ = connection.stack.handle_timeout(Instant::now());
                    }
                }
                _ = pace.tick() => self.speak(),
            }
            self.drain().await;
        }
    }

    async fn obey(&mut self, wish: Wish) {
        match wish {
            Wish::Repeat(words) => self.words = Some(words),
            Wish::Silence => self.words = None,
            Wish::Say(message) => self.client.say(&message).await,
            Wish::CountFrom(count) => self.count = count,
            Wish::TellRepairs => {
                let (lost, resent) = (self.lost, self.resent);
                let _ = self.notice.send(Noticed::Repairs { lost, resent });
            }
            Wish::LoseEvery(n) => self.lose_every = n,
            Wish::Datagram(bytes) => {
                self.udp.send_to(&bytes, self.node).await.unwrap();
            }
            Wish::AskKeyframe => {
                let Some(connection) = &mut self.connection else {
                    return;
                };
                let receivers: Vec<RTCRtpReceiverId> = connection.stack.get_receivers().collect();
                for id in receivers {
                    let Some(mut receiver) = connection.stack.rtp_receiver(id) else {
                        continue;
                    };
                    let ssrcs: Vec<u32> = receiver.track().ssrcs().collect();
                    for media_ssrc in ssrcs {
                        let pli = PictureLossIndication {
                            sender_ssrc: 1,
                            media_ssrc,
                        };
                        receiver
                            .write_rtcp(Instant::now(), vec![Box::new(pli)])
                            .unwrap();
                    }
                }
            }
            Wish::Reconnect { resume } => {
                self.client = Client(
                    connect(
                        self.listen,
                        "/signaling",
                        signaling::protocol::SIGNALING_SUBPROTOCOL,
                    )
                    .await
                    .unwrap(),
                );
                let mut join = json!({"type": "join", "token": self.token});
                if resume {
                    join["resume"] = json!(self.resume);
                }
                self.client.say(&join).await;
            }
        }
    }

    async fn listen(&mut self, message: Value) {
        if let Some(resume) = message["resume"].as_str() {
            self.resume = Some(resume.to_owned());
        }
        if message["type"] == "offer" {
            self.answer(&message).await;
        }
        let _ = self.notice.send(Noticed::Message(message));
    }

    async fn answer(&mut self, message: &Value) {
        if message["fresh"] == true || self.connection.is_none() {
            self.connection = Some(self.new_connection());
        }
        let connection = self.connection.as_mut().unwrap();
        for track in message["tracks"].as_object().unwrap().values() {
            let kind = Kind::of(&track["kind"]);
            if track["participant"] == self.name.as_str() && !connection.sends(kind) {
                connection.send(&self.name, kind);
            }
        }
        let now = Instant::now();
        let offer = RTCSessionDescription::offer(message["sdp"].as_str().unwrap().to_owned());
        connection
            .stack
            .set_remote_description(now, offer.unwrap())
            .unwrap();
        // A line that was closed may be used again.
        for track in message["tracks"].as_object().unwrap().values() {
            if track["participant"] == self.name.as_str() {
                connection.open(Kind::of(&track["kind"]));
            }
        }
        let answer = connection.stack.create_answer(None).unwrap();
        connection
            .stack
            .set_local_description(now, answer.clone())
            .unwrap();
        let answer = json!({
            "type": "answer",
            "negotiation": message["negotiation"],
            "sdp": answer.sdp,
        });
        if self.can.answers_late && !self.is_connected {
            self.held_answer = Some(answer);
        } else {
            self.client.say(&answer).await;
        }
    }

    fn new_connection(&self) -> Connection {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let registry = Registry::new().with(Slot::from(14_000), DeliverKeyframeRequests::default());
        let registry = register_default_interceptors(registry, &mut engine).unwrap();
        // As browsers do: whoever answers begins the handshake.
        let mut settings =
            SettingEngineBuilder::new().with_answering_dtls_role(RTCDtlsRole::Client);
        if !self.can.srtp.is_empty() {
            settings = settings.with_srtp_protection_profiles(self.can.srtp.clone());
        }
        let mut stack = RTCPeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_setting_engine(settings.build())
            .with_interceptor_registry(registry)
            .build(Instant::now())
            .unwrap();
        let local = self.udp.local_addr().unwrap();
        let candidate = CandidateHostConfig {
            base_config: CandidateConfig {
                network: "udp".to_owned(),
                address: local.ip().to_string(),
                port: local.port(),
                component: 1,
                ..CandidateConfig::default()
            },
            ..CandidateHostConfig::default()
        }
        .new_candidate_host()
        .unwrap();
        stack
            .add_local_candidate(RTCIceCandidate::from(&candidate).to_json().unwrap())
            .unwrap();

        Connection {
            stack,
            sending: Vec::new(),
        }
    }

    fn speak(&mut self) {
        let (Some(words), Some(connection)) = (&self.words, &mut self.connection) else {
            return;
        };
        self.count = self.count.wrapping_add(1);
        for (kind, transceiver) in &connection.sending {
            let Some(mut sender) = connection
                .stack
                .rtp_sender(RTCRtpSenderId::from(*transceiver))
            else {
                continue;
            };
            let packet = rtc::rtp::Packet {
                header: rtc::rtp::Header {
                    version: 2,
                    payload_type: if *kind == Kind::Audio { 111 } else { 96 },
                    sequence_number: self.count,
                    timestamp: u32::from(self.count) * 960,
                    ssrc: kind.ssrc(),
                    ..rtc::rtp::Header::default()
                },
                payload: Bytes::from(match kind {
                    Kind::Screen => format!("screen: {words} #{}", self.count),
                    _ => format!("{words} #{}", self.count),
                }),
            };
            // Before the first answer nothing is negotiated, and nothing is sent.
            let _ = sender.write_rtp(Instant::now(), packet);
        }
    }

    async fn drain(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        while let Some(message) = connection.stack.poll_read() {
            match message.message {
                RTCMessage::RtpPacket(_, packet) => {
                    let _ = self.notice.send(Noticed::Heard {
                        video: packet.header.payload_type == 96,
                        words: String::from_utf8_lossy(&packet.payload).into_owned(),
                    });
                }
                RTCMessage::RtcpPacket(_, packets)
                    if packets
                        .iter()
                        .any(|packet| packet.as_any().is::<PictureLossIndication>()) =>
                {
                    let _ = self.notice.send(Noticed::KeyframeWanted);
                }
                _ => {}
            }
        }
        let mut failed = false;
        while let Some(event) = connection.stack.poll_event() {
            self.is_connected |= matches!(
                event,
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(
                    RTCPeerConnectionState::Connected
                )
            );
            failed |= matches!(
                event,
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(
                    RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
                )
            );
        }
        while let Some(message) = connection.stack.poll_write() {
            let is_media = message.message.first().is_some_and(|first| *first >= 128)
                && message.message.get(1).is_some_and(|second| {
                    // Not RTCP (RFC 5761).
                    !(192..=223).contains(second)
                });
            // The header is not encrypted.
            let payload_type = message.message.get(1).map_or(0, |second| second & 0x7f);
            if is_media && self.lose_every > 0 {
                self.outgoing += 1;
                if self.outgoing.is_multiple_of(self.lose_every) {
                    self.lost += u32::from(payload_type != 111);
                    continue;
                }
            }
            self.resent += u32::from(is_media && payload_type == 97);
            self.udp
                .send_to(&message.message, message.transport.peer_addr)
                .await
                .unwrap();
        }
        if self.is_connected
            && let Some(answer) = self.held_answer.take()
        {
            self.client.say(&answer).await;
        }
        if failed {
            // As pages do.
            self.connection = None;
            self.client.say(&json!({"type": "restart_ice"})).await;
        }
    }
}
