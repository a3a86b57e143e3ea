//! STUN, RTP and RTCP as they come from the network.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_shared::marshal::{MarshalSize, Unmarshal};

use super::input::Input;
use crate::forwarding::{Arrivals, Forwarding, SeatIndex, Source};
use crate::lean::estimate::Estimate;
use crate::lean::header::RtpHeader;
use crate::lean::nack::Missing;
use crate::lean::vp8;
use crate::protocol::MediaKind;
use crate::transport::{LineId, RtpPacket};

/// A datagram that may be STUN. Ours and the stack's reader see the same one.
pub(super) fn stun(data: &[u8]) {
    let ours = crate::stun::binding_request_ufrag(data);
    if let Some(ufrag) = ours {
        assert!(crate::stun::is_stun(data));
        assert!(!ufrag.contains(':') && data.len() >= 20 + 4 + ufrag.len());
    }
    let mut message = rtc_stun::message::Message::new();
    if message.unmarshal_binary(data).is_err() {
        return;
    }
    let username = message.get(rtc_stun::attributes::ATTR_USERNAME);
    if data[..2] == [0, 1]
        && let Some((expected, _)) = username
            .ok()
            .and_then(|username| String::from_utf8(username).ok())
            .as_deref()
            .and_then(|username| username.split_once(':'))
    {
        assert_eq!(
            ours,
            Some(expected),
            "the stack reads another user fragment"
        );
    }
}

/// RTP packets of one publisher, each with its length before it, on their way to
/// one line whose publisher, layer and permission change. No number may leave
/// twice on that line: a number is an encryption's nonce, and browsers drop it
/// as a replay.
pub(super) fn rtp(data: &[u8]) {
    const SUBSCRIBER: SeatIndex = SeatIndex(9);
    let line = LineId(0);
    let source = |seat: u8| Source {
        seat: SeatIndex(u32::from(seat & 1)),
        kind: MediaKind::Video,
    };
    let allowed: BTreeSet<_> = [0, 1].map(|seat| (SUBSCRIBER, source(seat))).into();
    let mut table = Forwarding::default();
    table.allow(allowed.clone());
    table.connect(SUBSCRIBER, &[(source(0), line)], true);
    let mut arrivals: [[Arrivals; 3]; 2] = Default::default();
    let mut left = BTreeSet::new();
    let mut highest: Option<i64> = None;

    let (mut missing, mut asked, mut now) = (Missing::default(), Vec::new(), Instant::now());

    let mut input = Input::new(data);
    while !input.is_empty() {
        let step = input.byte();
        let seat = step & 1;
        let layer = (step >> 1) & 3;
        now += Duration::from_millis(5);
        match step >> 4 {
            0 => {
                table.connect(SUBSCRIBER, &[(source(seat), line)], false);
            }
            1 => {
                table.connect(SUBSCRIBER, &[], false);
            }
            2 => {
                table.want_layer(SUBSCRIBER, line, layer);
            }
            3 => {
                table.withhold(SUBSCRIBER, line, step & 8 != 0);
            }
            4 if step & 8 != 0 => {
                table.restart_layer(source(seat), layer);
                if let Some(seen) = arrivals[usize::from(seat)].get_mut(usize::from(layer)) {
                    seen.change_source();
                }
            }
            4 => {
                table.restart_source(source(seat).seat);
                arrivals[usize::from(seat)] = Default::default();
            }
            5 => {
                let some = if step & 8 == 0 {
                    allowed.clone()
                } else {
                    BTreeSet::new()
                };
                table.allow(some);
            }
            _ => {
                let piece = input.piece();
                let Some((header, payload)) = read(piece) else {
                    continue;
                };
                let sequence = header.sequence;
                let Some(seen) = arrivals[usize::from(seat)].get_mut(usize::from(layer)) else {
                    continue;
                };
                if !seen.note(sequence) {
                    continue;
                }
                let (expected, received) = seen.totals();
                assert!(received <= expected + 1024);
                missing.note(sequence, now);
                missing.due(now, Duration::from_millis(20), &mut asked);
                assert!(asked.len() <= 512, "asked for {} packets", asked.len());
                asked.clear();
                let packet = RtpPacket {
                    payload_type: header.payload_type,
                    marker: header.marker,
                    sequence,
                    timestamp: header.timestamp,
                    payload: Bytes::copy_from_slice(payload),
                };
                vp8::begins_keyframe(&packet);
                table.route(
                    source(seat),
                    layer,
                    &packet,
                    step & 8 != 0,
                    now,
                    |destination| {
                        // The index of RFC 3711 section 3.3.1, as the sending side counts it.
                        let index = match highest {
                            None => i64::from(destination.sequence),
                            Some(highest) => {
                                let step = destination.sequence.wrapping_sub(highest as u16) as i16;
                                highest + i64::from(step)
                            }
                        };
                        highest = Some(highest.map_or(index, |highest| highest.max(index)));
                        assert!(left.insert(index), "number {index} left twice");
                    },
                );
            }
        }
    }
}

/// The header and the payload, as the node's reader sees them; the stack's must agree.
fn read(mut packet: &[u8]) -> Option<(RtpHeader, &[u8])> {
    let whole = packet;
    let header = RtpHeader::parse(whole);
    let theirs = rtc_rtp::header::Header::unmarshal(&mut packet);
    if let (Some(header), Ok(theirs)) = (&header, &theirs) {
        assert_eq!(header.ssrc, theirs.ssrc);
        assert_eq!(header.sequence, theirs.sequence_number);
        assert_eq!(header.timestamp, theirs.timestamp);
        assert_eq!(header.payload_type, theirs.payload_type);
        assert_eq!(header.marker, theirs.marker);
    }
    let header = header?;
    for id in 0..=255 {
        if let Some(value) = header.extension(whole, id) {
            assert!(value.len() <= 255);
        }
    }
    let mut described = rtc_rtp::Header::default();
    header.describe(&mut described);
    assert_eq!(
        described.marshal_size(),
        header.length,
        "SRTP would begin elsewhere"
    );
    let end = header.payload_end(whole)?;
    Some((header, &whole[header.length..end]))
}

/// A compound RTCP packet, as it is after decryption.
pub(super) fn rtcp(data: &[u8]) {
    let mut rest = data;
    let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut rest) else {
        return;
    };
    for packet in &packets {
        // What cannot be written again must say so, not fall.
        let _ = packet.marshal();
    }
    let (now, mut estimate) = (Instant::now(), Estimate::new());
    for _ in 0..64 {
        estimate.number(1_200, now);
    }
    for packet in &packets {
        if let Some(feedback) = packet.as_any().downcast_ref() {
            estimate.take(feedback, now + Duration::from_millis(100));
        }
    }
    if let Some(rate) = estimate.bits_per_second() {
        assert!(
            (50_000..=20_000_000).contains(&rate),
            "{rate} bits a second"
        );
    }
}
