//! One peer connection with the node, on the `webrtc` crate: answers its offers,
//! speaks on the lines that are ours, and hands on what others say. The twin of
//! `web/src/call/peer.ts`.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_rtcp_reports, configure_twcc_receiver_only,
};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use signaling::protocol::{MediaKind, Track};
use signaling::room_document::ParticipantId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
};

use crate::ear::{Ear, Heard};
use crate::voice::{Words, unix_us};

const OPUS: u8 = 111;
const VP8: u8 = 96;
/// Browsers ask again for a lost packet about once a round trip; this stack only
/// knows fixed times, and sooner than the answer can come would be twice.
const NACK_INTERVAL: Duration = Duration::from_millis(100);
const NACK_TRIES: u16 = 10;
/// How often a browser checks a path that is not up yet, and for how long.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
const CHECKS: u16 = 100;
/// Packets kept to be sent again: about two seconds of image.
const RESEND_PACKETS: u16 = 256;
/// Where the ear stands in the stack's chain, as a distance from the wire.
const EAR_SLOT: usize = 6_500;
const VOICE_EVERY: Duration = Duration::from_millis(20);
const FRAME_EVERY: Duration = Duration::from_millis(33);

/// What a peer connection tells.
#[derive(Debug)]
pub(crate) enum FromPeer {
    State(RTCPeerConnectionState),
    /// Somebody's packet, on the track of this name.
    Packet {
        track: String,
        kind: MediaKind,
        bytes: usize,
        words: Option<Words>,
    },
}

/// How much a participant says.
#[derive(Debug, Clone, Copy)]
pub struct Speech {
    /// Packets in a frame of 1/30 s; 4 to 5 are 1.2 Mbit/s, 0 is no image.
    pub packets_per_frame: u32,
}

/// The numbers of what was said, by kind, which outlive peer connections.
#[derive(Debug, Default)]
pub(crate) struct Said([AtomicU64; 3]);

impl Said {
    pub fn next(&self, kind: MediaKind) -> u64 {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed)
    }

    pub fn so_far(&self, kind: MediaKind) -> u64 {
        self.0[kind as usize].load(Ordering::Relaxed)
    }
}

pub(crate) struct Peer {
    connection: Arc<dyn PeerConnection>,
    pub heard: Arc<Heard>,
    speakers: Vec<JoinHandle<()>>,
    /// Which line each received track belongs to.
    lines: HashMap<String, String>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        for speaker in &self.speakers {
            speaker.abort();
        }
        let connection = Arc::clone(&self.connection);
        tokio::spawn(async move { connection.close().await });
    }
}

struct Handler {
    news: mpsc::UnboundedSender<FromPeer>,
    connected: watch::Sender<bool>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            // For good: a browser goes on sending while its checks fail for a while.
            self.connected.send_replace(true);
        }
        let _ = self.news.send(FromPeer::State(state));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let news = self.news.clone();
        tokio::spawn(async move {
            let name = track.track_id().await;
            let kind = match track.kind().await {
                RtpCodecKind::Audio => MediaKind::Audio,
                _ => MediaKind::Video,
            };
            if kind == MediaKind::Video {
                // As a browser does that cannot show anything yet.
                for media_ssrc in track.ssrcs().await {
                    let pli = PictureLossIndication {
                        sender_ssrc: 1,
                        media_ssrc,
                    };
                    let _ = track.write_rtcp(vec![Box::new(pli)]).await;
                }
            }
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let told = news.send(FromPeer::Packet {
                        track: name.clone(),
                        kind,
                        bytes: packet.payload.len(),
                        words: Words::read(kind, &packet.payload),
                    });
                    if told.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

type Failure = webrtc::error::Error;

impl Peer {
    /// A peer connection that will speak on the lines that are `me`'s.
    pub async fn new(
        me: &ParticipantId,
        tracks: &BTreeMap<String, Track>,
        bind: SocketAddr,
        speech: Speech,
        said: Arc<Said>,
        news: mpsc::UnboundedSender<FromPeer>,
    ) -> Result<Self, Failure> {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs()?;
        let heard = Arc::new(Heard::default());
        let registry = chain(&mut engine, Arc::clone(&heard))?;
        let (connected, is_connected) = watch::channel(false);
        let settings = SettingEngineBuilder::new()
            // As browsers do: whoever answers begins the handshake.
            .with_answering_dtls_role(rtc::peer_connection::transport::RTCDtlsRole::Client)
            // After a change of network the former addresses are no use.
            .with_discard_local_candidates_during_ice_restart(true)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
            .with_include_loopback_candidate(bind.ip().is_loopback())
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler { news, connected }))
            .with_udp_addrs(vec![bind])
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let mut speakers = Vec::new();
        for track in tracks.values().filter(|track| track.participant == *me) {
            let ssrc = rand::random();
            let local = Arc::new(TrackLocalStaticRTP::new(local_track(me, track.kind, ssrc)));
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Sendonly,
                streams: vec![me.as_str().to_owned()],
                send_encodings: Vec::new(),
            };
            connection
                .add_transceiver_from_track(Arc::clone(&local) as _, Some(init))
                .await?;
            let speaker = Speaker {
                kind: track.kind,
                ssrc,
                track: local,
                said: Arc::clone(&said),
                connected: is_connected.clone(),
            };
            speakers.push(tokio::spawn(speaker.speak(speech)));
        }
        Ok(Self {
            connection,
            heard,
            speakers,
            lines: HashMap::new(),
        })
    }

    /// Takes an offer; answers the answer.
    pub async fn answer(&mut self, sdp: String) -> Result<String, Failure> {
        self.lines = lines(&sdp);
        let offer = RTCSessionDescription::offer(sdp)?;
        self.connection.set_remote_description(offer).await?;
        let answer = self.connection.create_answer(None).await?;
        self.connection
            .set_local_description(answer.clone())
            .await?;
        Ok(answer.sdp)
    }

    /// The line on which a track comes.
    pub fn line(&self, track: &str) -> Option<&str> {
        self.lines.get(track).map(String::as_str)
    }
}

/// Which line each track of an offer is on: `a=msid:<stream> <track>`, `a=mid:<line>`.
fn lines(sdp: &str) -> HashMap<String, String> {
    sdp.split("\r\nm=")
        .skip(1)
        .filter_map(|section| {
            let value = |name| section.lines().find_map(|line| line.strip_prefix(name));
            let track = value("a=msid:")?.split(' ').nth(1)?;
            Some((track.to_owned(), value("a=mid:")?.to_owned()))
        })
        .collect()
}

/// The chain from the wire to us; only the ear is ours.
fn chain(engine: &mut MediaEngine, heard: Arc<Heard>) -> Result<Registry, Failure> {
    for parameter in ["", "pli"] {
        engine.register_feedback(
            RTCPFeedback {
                typ: "nack".to_owned(),
                parameter: parameter.to_owned(),
            },
            RtpCodecKind::Video,
        );
    }
    let registry = Registry::new()
        .with(
            Slot::NackResponder,
            NackResponderBuilder::new()
                .with_size(RESEND_PACKETS)
                .build(),
        )
        .with(Slot::from(EAR_SLOT), Ear::new(heard))
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(NACK_INTERVAL)
                .with_max_nacks_per_packet(NACK_TRIES)
                .build(),
        );
    let registry = configure_twcc_receiver_only(registry, engine)?;
    Ok(configure_rtcp_reports(registry))
}

fn local_track(me: &ParticipantId, kind: MediaKind, ssrc: u32) -> MediaStreamTrack {
    let (codec_kind, mime_type, clock_rate, channels, fmtp) = match kind {
        MediaKind::Audio => (
            RtpCodecKind::Audio,
            "audio/opus",
            48_000,
            2,
            "minptime=10;useinbandfec=1",
        ),
        MediaKind::Video | MediaKind::Screen => (RtpCodecKind::Video, "video/VP8", 90_000, 0, ""),
    };
    MediaStreamTrack::new(
        me.as_str().to_owned(),
        format!("{}-{ssrc:08x}", me.as_str()),
        String::new(),
        codec_kind,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                rtx: (kind == MediaKind::Video).then(|| RTCRtpRtxParameters {
                    ssrc: rand::random(),
                }),
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
    )
}

/// One line's voice or image, while its peer connection lives.
struct Speaker {
    kind: MediaKind,
    ssrc: u32,
    track: Arc<TrackLocalStaticRTP>,
    said: Arc<Said>,
    connected: watch::Receiver<bool>,
}

impl Speaker {
    async fn speak(mut self, speech: Speech) {
        let (every, packets, step, payload_type) = match self.kind {
            MediaKind::Audio => (VOICE_EVERY, 1, 960, OPUS),
            MediaKind::Video | MediaKind::Screen => {
                (FRAME_EVERY, speech.packets_per_frame, 2970, VP8)
            }
        };
        if packets == 0 {
            return;
        }
        let mut sequence: u16 = rand::random();
        let mut timestamp: u32 = rand::random();
        let mut pace = tokio::time::interval(every);
        // A device that was not read in time has lost what it recorded.
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            pace.tick().await;
            timestamp = timestamp.wrapping_add(step);
            if !*self.connected.borrow_and_update() {
                continue;
            }
            for packet in 1..=packets {
                sequence = sequence.wrapping_add(1);
                let words = Words {
                    number: self.said.next(self.kind),
                    sent_us: unix_us(),
                };
                let packet = rtc::rtp::Packet {
                    header: rtc::rtp::Header {
                        version: 2,
                        payload_type,
                        marker: self.kind == MediaKind::Video && packet == packets,
                        sequence_number: sequence,
                        timestamp,
                        ssrc: self.ssrc,
                        ..rtc::rtp::Header::default()
                    },
                    payload: words.payload(self.kind),
                };
                if self.track.write_rtp(packet).await.is_err() {
                    return;
                }
            }
        }
    }
}
