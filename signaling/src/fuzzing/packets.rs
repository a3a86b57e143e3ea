//! STUN, RTP and RTCP as they come from the network.

use std::collections::BTreeSet;
use std::time::Instant;

use rtc::rtp::Packet;
use rtc::sansio::Protocol;
use rtc::shared::marshal::Unmarshal;

use super::input::Input;
use crate::forwarding::{Arrivals, Forwarding, SeatIndex, Source};
use crate::peer::feedback::{Feedback, Repaired, SharedSeen, restore};
use crate::protocol::MediaKind;
use crate::transport::{LineId, RtpPacket};

/// A datagram that may be STUN. Ours and the stack's reader see the same one.
pub(super) fn stun(data: &[u8]) {
    let ours = crate::stun::binding_request_ufrag(data);
    if let Some(ufrag) = ours {
        assert!(crate::stun::is_stun(data));
        assert!(!ufrag.contains(':') && data.len() >= 20 + 4 + ufrag.len());
    }
    let mut message = rtc::stun::message::Message::new();
    if message.unmarshal_binary(data).is_err() {
        return;
    }
    let username = message.get(rtc::stun::attributes::ATTR_USERNAME);
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

    let mut input = Input::new(data);
    while !input.is_empty() {
        let step = input.byte();
        let seat = step & 1;
        let layer = (step >> 1) & 3;
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
                let mut piece = input.piece();
                let Ok(mut packet) = Packet::unmarshal(&mut piece) else {
                    continue;
                };
                let repaired = Repaired {
                    ssrc: 7,
                    payload_type: 96,
                };
                if packet.header.payload_type == 97 && !restore(&mut packet, repaired) {
                    continue;
                }
                let sequence = packet.header.sequence_number;
                let Some(seen) = arrivals[usize::from(seat)].get_mut(usize::from(layer)) else {
                    continue;
                };
                if !seen.note(sequence) {
                    continue;
                }
                let (expected, received) = seen.totals();
                assert!(received <= expected + 1024);
                let packet = RtpPacket {
                    payload_type: packet.header.payload_type,
                    marker: packet.header.marker,
                    sequence,
                    timestamp: packet.header.timestamp,
                    payload: packet.payload,
                };
                table.route(source(seat), layer, &packet, step & 8 != 0, |destination| {
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
                });
            }
        }
    }
}

/// A compound RTCP packet, as it is after decryption.
pub(super) fn rtcp(data: &[u8]) {
    let mut rest = data;
    let Ok(packets) = rtc::rtcp::packet::unmarshal(&mut rest) else {
        return;
    };
    for packet in &packets {
        // What cannot be written again must say so, not fall.
        let _ = packet.marshal();
    }
    let seen = SharedSeen::default();
    let mut feedback = Feedback::new(seen.clone());
    let message = rtc::interceptor::TaggedPacket {
        now: Instant::now(),
        transport: Default::default(),
        message: rtc::interceptor::Packet::Rtcp(packets).into(),
    };
    let _ = feedback.handle_read(message);
    seen.with(|seen| {
        // A request is at least eight bytes long.
        assert!(seen.keyframes.len() <= data.len() / 8);
        assert!(
            seen.lost.len() <= 64,
            "sources that nobody sent are remembered"
        );
    });
}
