//! One participant's WebRTC transport on the `rtc` crate, and the only place
//! that knows that crate.
//!
//! The node is an ICE-lite server that always offers: the browser comes to it,
//! so the browser's own candidates are not used, and reflexive addresses are
//! learnt from authenticated checks.
//! This file does not know rooms, participants or sockets.

mod feedback;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, Registry,
    SenderReportBuilder, Slot, TwccReceiverBuilder,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_AV1, MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9,
    MediaEngine,
};
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
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{
    RTCRtpReceiverId, RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use self::feedback::{Feedback, SharedSeen};
use crate::protocol::MediaKind;
use crate::transport::payload_type::{AV1, H264, OPUS, RED, VP9, repair_of};
use crate::transport::{
    Codecs, LineId, Offer, RtpPacket, SenderClock, Transport, TransportConfig, TransportError,
    TransportEvent, TransportStats,
};

/// How often missing packets are asked for again.
const NACK_INTERVAL: Duration = Duration::from_millis(20);
/// Asking more often than this for one packet does not bring it.
const NACK_TRIES: u16 = 10;
/// Sent video packets kept for retransmission: about two seconds at 130 packets/s.
const RESEND_PACKETS: u16 = 256;
/// Reports every second are enough for lip synchronisation and a quality display.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Browsers check their path every few seconds; three missed checks are a lost path.
const ICE_DISCONNECTED: Duration = Duration::from_secs(8);
const ICE_FAILED: Duration = Duration::from_secs(12);
/// Where the pieces of our own stand in the stack's chain, as distances from the wire.
const ARRIVAL_SLOT: usize = 6_200;
const FEEDBACK_SLOT: usize = 6_500;

/// A transport on `rtc`. It knows neither layers nor limits, and cannot restart
/// its ICE: a fresh one does that.
pub(crate) struct RtcTransport {
    connection: RTCPeerConnection,
    candidate: SocketAddr,
    seen: SharedSeen,
    codecs: Codecs,
    publish: Vec<PublishedLine>,
    lines: Vec<SendingLine>,
    events: VecDeque<TransportEvent>,
    bytes_up: u64,
    bytes_down: u64,
    keyframe_sender_ssrc: u32,
}

/// A line on which the participant sends; transceivers are never removed, so
/// its index in the peer connection stays the same.
struct PublishedLine {
    kind: MediaKind,
    open: bool,
    transceiver: usize,
    /// What the answer says of it.
    announced: Vec<u32>,
    /// The SSRC on which packets last came.
    ssrc: Option<u32>,
}

struct SendingLine {
    kind: MediaKind,
    open: bool,
    transceiver: usize,
    ssrc: u32,
}

fn stack(error: rtc::shared::error::Error) -> TransportError {
    TransportError::Stack(error.to_string())
}

fn codec_kind(kind: MediaKind) -> RtpCodecKind {
    match kind {
        MediaKind::Audio => RtpCodecKind::Audio,
        MediaKind::Video | MediaKind::Screen => RtpCodecKind::Video,
    }
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    }
}

fn codec(payload_type: u8) -> RTCRtpCodec {
    let (mime, clock_rate, channels, fmtp) = match payload_type {
        OPUS => (MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1"),
        RED => ("audio/red", 48_000, 2, "111/111"),
        VP9 => (MIME_TYPE_VP9, 90_000, 0, "profile-id=0"),
        AV1 => (MIME_TYPE_AV1, 90_000, 0, ""),
        H264 => (
            MIME_TYPE_H264,
            90_000,
            0,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
        _ => (MIME_TYPE_VP8, 90_000, 0, ""),
    };
    let mut rtcp_feedback = vec![feedback("transport-cc", "")];
    if channels == 0 {
        rtcp_feedback.extend([
            feedback("ccm", "fir"),
            feedback("nack", ""),
            feedback("nack", "pli"),
        ]);
    }
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback,
    }
}

fn media_engine(codecs: Codecs) -> Result<MediaEngine, TransportError> {
    let mut engine = MediaEngine::default();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        for payload_type in codecs.of(kind) {
            let mut formats = vec![(codec(payload_type), payload_type)];
            if kind.is_image() {
                let repair = RTCRtpCodec {
                    mime_type: MIME_TYPE_RTX.to_owned(),
                    clock_rate: 90_000,
                    channels: 0,
                    sdp_fmtp_line: format!("apt={payload_type}"),
                    rtcp_feedback: Vec::new(),
                };
                formats.push((repair, repair_of(payload_type)));
            }
            for (rtp_codec, payload_type) in formats {
                let parameters = RTCRtpCodecParameters {
                    rtp_codec,
                    payload_type,
                };
                engine
                    .register_codec(parameters, codec_kind(kind))
                    .map_err(stack)?;
            }
        }
    }
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        let extension = RTCRtpHeaderExtensionCapability {
            uri: rtc::sdp::extmap::TRANSPORT_CC_URI.to_owned(),
        };
        engine
            .register_header_extension(extension, kind, None)
            .map_err(stack)?;
    }
    Ok(engine)
}

/// The chain, from the wire to us: resend what browsers miss; record arrivals
/// for their congestion control, exactly as packets came; restore
/// retransmissions; then judge loss and report.
fn interceptors(seen: SharedSeen) -> Registry {
    Registry::new()
        .with(
            Slot::NackResponder,
            NackResponderBuilder::new()
                .with_size(RESEND_PACKETS)
                .build(),
        )
        .with(Slot::from(ARRIVAL_SLOT), TwccReceiverBuilder::new().build())
        .with(Slot::from(FEEDBACK_SLOT), Feedback::new(seen))
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(NACK_INTERVAL)
                .with_max_nacks_per_packet(NACK_TRIES)
                .build(),
        )
        .with(
            Slot::ReceiverReport,
            ReceiverReportBuilder::new()
                .with_interval(REPORT_INTERVAL)
                .build(),
        )
        .with(
            Slot::SenderReport,
            SenderReportBuilder::new()
                .with_interval(REPORT_INTERVAL)
                .build(),
        )
}

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    crate::secret::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

impl RtcTransport {
    fn add_sending_line(
        &mut self,
        kind: MediaKind,
        stream: &str,
    ) -> Result<SendingLine, TransportError> {
        let ssrc = random_u32();
        let rtx = match kind {
            MediaKind::Audio => None,
            MediaKind::Video | MediaKind::Screen => {
                Some(RTCRtpRtxParameters { ssrc: random_u32() })
            }
        };
        let track = MediaStreamTrack::new(
            stream.to_owned(),
            format!("{stream}-{ssrc:08x}"),
            String::new(),
            codec_kind(kind),
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    rid: String::new(),
                    ssrc: Some(ssrc),
                    rtx,
                    fec: None,
                },
                active: true,
                codec: codec(self.codecs.of(kind)[0]),
                ..RTCRtpEncodingParameters::default()
            }],
        );
        // A transceiver of its own: `add_track` would take the participant's
        // publishing line.
        let transceiver = self
            .connection
            .add_transceiver_from_track(
                track,
                Some(RTCRtpTransceiverInit {
                    direction: RTCRtpTransceiverDirection::Sendonly,
                    streams: vec![stream.to_owned()],
                    send_encodings: Vec::new(),
                }),
            )
            .map_err(stack)?;
        Ok(SendingLine {
            kind,
            open: true,
            transceiver,
            ssrc,
        })
    }

    fn set_direction(&mut self, transceiver: usize, direction: RTCRtpTransceiverDirection) {
        if let Some(mut line) = self.connection.rtp_transceiver(transceiver) {
            line.set_direction(direction);
        }
    }

    fn add_published_line(&mut self, kind: MediaKind) -> Result<(), TransportError> {
        let transceiver = self
            .connection
            .add_transceiver_from_kind(codec_kind(kind), None)
            .map_err(stack)?;
        self.publish.push(PublishedLine {
            kind,
            open: true,
            transceiver,
            announced: Vec::new(),
            ssrc: None,
        });
        Ok(())
    }

    fn mid(&mut self, transceiver: usize) -> Option<String> {
        self.connection
            .rtp_transceiver(transceiver)
            .and_then(|line| line.mid().clone())
    }

    /// The kind of the line that packets of that source belong to: the one whose
    /// answer names it, else the first of its kind.
    fn note_arrival(&mut self, ssrc: u32, payload_type: u8) -> Option<MediaKind> {
        let fits = |line: &&mut PublishedLine| {
            line.open && self.codecs.of(line.kind).contains(&payload_type)
        };
        let announced = self
            .publish
            .iter_mut()
            .filter(fits)
            .position(|line| line.announced.contains(&ssrc))
            .unwrap_or(0);
        let line = self.publish.iter_mut().filter(fits).nth(announced)?;
        line.ssrc = Some(ssrc);
        Some(line.kind)
    }

    fn drain(&mut self) {
        while let Some(message) = self.connection.poll_media_read() {
            if let RTCMessage::RtpPacket(_, packet) = message.message
                && !packet.payload.is_empty()
                && let Some(kind) =
                    self.note_arrival(packet.header.ssrc, packet.header.payload_type)
            {
                self.bytes_up += packet.payload.len() as u64;
                self.events.push_back(TransportEvent::Rtp {
                    kind,
                    layer: 0,
                    keyframe: false,
                    packet: RtpPacket {
                        payload_type: packet.header.payload_type,
                        marker: packet.header.marker,
                        sequence: packet.header.sequence_number,
                        timestamp: packet.header.timestamp,
                        payload: packet.payload,
                    },
                });
            }
        }
        // No data channel is ever negotiated; whatever comes is let go.
        while self.connection.poll_data_read().is_some() {}
        while let Some(event) = self.connection.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                let event = match state {
                    RTCPeerConnectionState::Connected => TransportEvent::Connected,
                    RTCPeerConnectionState::Disconnected => TransportEvent::Disconnected,
                    RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => {
                        TransportEvent::Failed
                    }
                    _ => continue,
                };
                self.events.push_back(event);
            }
        }
        let keyframes = self.seen.with(|seen| std::mem::take(&mut seen.keyframes));
        for ssrc in keyframes {
            let asked = self
                .lines
                .iter()
                .position(|line| line.open && line.ssrc == ssrc);
            if let Some(index) = asked {
                self.events
                    .push_back(TransportEvent::KeyframeWanted(line_id(index)));
            }
        }
    }
}

/// The sources that an answer names, by mid.
fn announced(sdp: &str) -> Vec<(String, Vec<u32>)> {
    let mut sections: Vec<(String, Vec<u32>)> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Default::default());
        } else if let Some((mid, ssrcs)) = sections.last_mut() {
            if let Some(value) = line.strip_prefix("a=mid:") {
                value.clone_into(mid);
            } else if let Some(value) = line.strip_prefix("a=ssrc:")
                && let Some(Ok(ssrc)) = value.split(' ').next().map(str::parse)
                && !ssrcs.contains(&ssrc)
                && ssrcs.len() < 16
            {
                ssrcs.push(ssrc);
            }
        }
    }
    sections
}

fn line_id(index: usize) -> LineId {
    LineId(u16::try_from(index).expect("lines are as few as seats, far below 65536"))
}

/// Lets no candidate of the browser reach the ICE agent: the browser comes to
/// us, and names or addresses of its choice are nothing to resolve or to probe.
fn without_candidates(sdp: &str) -> String {
    let mut kept = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        if !line.starts_with("a=candidate:") && !line.is_empty() {
            kept.push_str(line);
            kept.push_str("\r\n");
        }
    }
    kept
}

impl Transport for RtcTransport {
    type Shared = RTCCertificate;

    fn share() -> Result<RTCCertificate, TransportError> {
        let provider = rtc::crypto::default_provider()
            .map_err(|error| TransportError::Stack(error.to_string()))?;
        let names = CertificateParams::new(vec!["visioplainte-media".to_owned()])
            .map_err(|error| TransportError::Stack(error.to_string()))?;
        RTCCertificate::generate(
            provider.crypto(),
            rtc::crypto::SignatureScheme::EcdsaP256Sha256,
            names,
        )
        .map_err(stack)
    }

    fn open(
        certificate: &RTCCertificate,
        config: TransportConfig,
        now: Instant,
    ) -> Result<Self, TransportError> {
        let seen = SharedSeen::default();
        // Browsers name AES-CM first and the stack takes their order, so that
        // preferring AES-GCM means naming nothing else at the first attempt.
        let mut profiles = vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm];
        if config.compatible {
            profiles.extend([
                SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            ]);
        }
        let settings = SettingEngineBuilder::new()
            .with_lite(true)
            .with_ice_credentials(config.ufrag, config.password)
            .with_answering_dtls_role(RTCDtlsRole::Server)
            .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), None)
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .with_srtp_protection_profiles(profiles)
            .build();
        let configuration = RTCConfigurationBuilder::new()
            .with_certificates(vec![certificate.clone()])
            .build();
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_media_engine(media_engine(config.codecs)?)
            .with_setting_engine(settings)
            .with_interceptor_registry(interceptors(seen.clone()))
            .build(now)
            .map_err(stack)?;

        for candidate in &config.candidates {
            let candidate = CandidateHostConfig {
                base_config: CandidateConfig {
                    network: "udp".to_owned(),
                    address: candidate.ip().to_string(),
                    port: candidate.port(),
                    component: 1,
                    ..CandidateConfig::default()
                },
                ..CandidateHostConfig::default()
            }
            .new_candidate_host()
            .map_err(stack)?;
            let candidate = RTCIceCandidate::from(&candidate).to_json().map_err(stack)?;
            connection.add_local_candidate(candidate).map_err(stack)?;
        }
        let candidate = config
            .candidates
            .first()
            .copied()
            .ok_or_else(|| TransportError::Stack("there is no address to offer".to_owned()))?;
        let mut transport = Self {
            connection,
            candidate,
            seen,
            codecs: config.codecs,
            publish: Vec::new(),
            lines: Vec::new(),
            events: VecDeque::new(),
            bytes_up: 0,
            bytes_down: 0,
            keyframe_sender_ssrc: random_u32(),
        };
        transport.set_publish(&config.publish)?;
        Ok(transport)
    }

    fn set_publish(&mut self, kinds: &[MediaKind]) -> Result<(), TransportError> {
        for index in 0..self.publish.len() {
            let line = &mut self.publish[index];
            let open = kinds.contains(&line.kind);
            if line.open != open {
                line.open = open;
                let transceiver = line.transceiver;
                let direction = if open {
                    RTCRtpTransceiverDirection::Recvonly
                } else {
                    RTCRtpTransceiverDirection::Inactive
                };
                self.set_direction(transceiver, direction);
            }
        }
        for kind in kinds {
            if !self.publish.iter().any(|line| line.kind == *kind) {
                self.add_published_line(*kind)?;
            }
        }
        Ok(())
    }

    fn set_codecs(&mut self, codecs: Codecs) -> bool {
        // The stack fixes them when a connection is made.
        self.codecs == codecs
    }

    fn open_line(&mut self, kind: MediaKind, group: u32) -> Result<LineId, TransportError> {
        let closed = |line: &SendingLine| !line.open && codec_kind(line.kind) == codec_kind(kind);
        if let Some(index) = self.lines.iter().position(closed) {
            self.lines[index].open = true;
            let transceiver = self.lines[index].transceiver;
            self.set_direction(transceiver, RTCRtpTransceiverDirection::Sendonly);
            return Ok(line_id(index));
        }
        // Those of a group share a stream, so that browsers keep them together.
        let line = self.add_sending_line(kind, &format!("group{group}"))?;
        self.lines.push(line);
        Ok(line_id(self.lines.len() - 1))
    }

    fn close_line(&mut self, line: LineId) {
        if let Some(line) = self.lines.get_mut(usize::from(line.0)) {
            line.open = false;
            let transceiver = line.transceiver;
            self.set_direction(transceiver, RTCRtpTransceiverDirection::Inactive);
        }
    }

    fn restart_ice(&mut self, _ufrag: &str, _password: &str) -> bool {
        false
    }

    fn offer(&mut self, now: Instant) -> Result<Offer, TransportError> {
        let offer = self.connection.create_offer(None).map_err(stack)?;
        let sdp = offer.sdp.clone();
        self.connection
            .set_local_description(now, offer)
            .map_err(stack)?;
        let published: Vec<(usize, MediaKind)> = self
            .publish
            .iter()
            .filter(|line| line.open)
            .map(|line| (line.transceiver, line.kind))
            .collect();
        let mut publish = Vec::new();
        for (transceiver, kind) in published {
            if let Some(mid) = self.mid(transceiver) {
                publish.push((mid, kind));
            }
        }
        let open: Vec<(usize, LineId)> = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.open)
            .map(|(index, line)| (line.transceiver, line_id(index)))
            .collect();
        let mut lines = Vec::new();
        for (transceiver, line) in open {
            if let Some(mid) = self.mid(transceiver) {
                lines.push((mid, line));
            }
        }
        Ok(Offer {
            sdp,
            publish,
            lines,
        })
    }

    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), TransportError> {
        let refused = |error: rtc::shared::error::Error| TransportError::Answer(error.to_string());
        let answer = RTCSessionDescription::answer(without_candidates(sdp)).map_err(refused)?;
        self.connection
            .set_remote_description(now, answer)
            .map_err(refused)?;
        for (mid, ssrcs) in announced(sdp) {
            for index in 0..self.publish.len() {
                if self.mid(self.publish[index].transceiver).as_deref() == Some(mid.as_str()) {
                    self.publish[index].announced.clone_from(&ssrcs);
                }
            }
        }
        self.drain();
        Ok(())
    }

    fn handle_datagram(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant) {
        let message = TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: self.candidate,
                peer_addr: from,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(&*datagram),
        };
        if let Err(error) = self.connection.handle_read(message) {
            tracing::trace!(%error, "a datagram was refused");
        }
        self.drain();
    }

    fn handle_deadline(&mut self, now: Instant) {
        if let Err(error) = self.connection.handle_timeout(now) {
            tracing::debug!(%error, "the stack could not let time pass");
        }
        self.drain();
    }

    fn next_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    fn next_datagram(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.connection
            .poll_write()
            .map(|message| (message.transport.peer_addr, message.message))
    }

    fn deadline(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    fn write_rtp(&mut self, line: LineId, packet: &RtpPacket, now: Instant) {
        let Some(line) = self.lines.get(usize::from(line.0)) else {
            return;
        };
        let (transceiver, ssrc) = (line.transceiver, line.ssrc);
        let Some(mut sender) = self
            .connection
            .rtp_sender(RTCRtpSenderId::from(transceiver))
        else {
            return;
        };
        let length = packet.payload.len() as u64;
        // Version 2 is not the header's default, and receivers drop any other.
        let packet = rtc::rtp::Packet {
            header: rtc::rtp::Header {
                version: 2,
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence_number: packet.sequence,
                timestamp: packet.timestamp,
                ssrc,
                ..rtc::rtp::Header::default()
            },
            payload: packet.payload.clone(),
        };
        match sender.write_rtp(now, packet) {
            Ok(()) => self.bytes_down += length,
            Err(error) => tracing::trace!(%error, "a packet could not be sent"),
        }
    }

    // The stack tells its own clock in its sender reports.
    fn set_clock(&mut self, _line: LineId, _clock: SenderClock) {}

    fn set_send_limit(&mut self, _bits_per_second: u32, _now: Instant) {}

    fn request_keyframe(&mut self, kind: MediaKind, _layer: u8, now: Instant) {
        let line = self
            .publish
            .iter()
            .find(|line| line.kind == kind)
            .and_then(|line| line.ssrc.map(|ssrc| (line.transceiver, ssrc)));
        let Some((transceiver, media_ssrc)) = line else {
            return;
        };
        let Some(mut receiver) = self
            .connection
            .rtp_receiver(RTCRtpReceiverId::from(transceiver))
        else {
            return;
        };
        let pli = PictureLossIndication {
            sender_ssrc: self.keyframe_sender_ssrc,
            media_ssrc,
        };
        if let Err(error) = receiver.write_rtcp(now, vec![Box::new(pli)]) {
            tracing::debug!(%error, "a keyframe request could not be sent");
        }
    }

    fn stats(&self) -> TransportStats {
        let open: Vec<u32> = self
            .lines
            .iter()
            .filter(|line| line.open)
            .map(|line| line.ssrc)
            .collect();
        self.seen.with(|seen| TransportStats {
            rtt_ms: seen
                .rtt
                .map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX)),
            loss_down: open
                .iter()
                .filter_map(|ssrc| seen.lost.get(ssrc))
                .fold(0.0, |worst, lost| lost.max(worst)),
            bytes_up: self.bytes_up,
            bytes_down: self.bytes_down,
            ..TransportStats::default()
        })
    }

    fn close(&mut self, now: Instant) {
        // The goodbye is stamped with the newest instant that the stack was given.
        let _ = self.connection.handle_timeout(now);
        if let Err(error) = self.connection.close() {
            tracing::debug!(%error, "a connection could not be closed cleanly");
        }
    }
}
