//! Hears everything that the node sends, below what the stack makes of it:
//! counts bytes, so that silence can be told from a lost path, and restores
//! retransmissions before loss is judged, as browsers do.
//!
//! Without the latter `rtc` 0.21.1 asks again and again for a packet that came
//! as a retransmission: it unwraps those above its NACK generator.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// What was heard, for the participant to read.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Bytes of payload, and something for each RTCP packet.
    pub bytes: AtomicU64,
    /// Retransmissions that carried a packet.
    pub resent: AtomicU64,
}

pub(crate) struct Ear {
    heard: Arc<Heard>,
    /// From the SSRC of a retransmission stream to the stream that it repairs
    /// and its payload type.
    repairs: HashMap<u32, (u32, u8)>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Ear {
    pub fn new(heard: Arc<Heard>) -> Self {
        Self {
            heard,
            repairs: HashMap::new(),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Ear {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        match &mut message.message.packet {
            Packet::Rtp(packet) => {
                self.heard
                    .bytes
                    .fetch_add(packet.payload.len() as u64 + 12, Ordering::Relaxed);
                if let Some((ssrc, payload_type)) = self.repairs.get(&packet.header.ssrc) {
                    // RFC 4588: the number of the packet it repeats comes first;
                    // what is shorter is padding.
                    if packet.payload.len() < 2 {
                        return Ok(());
                    }
                    let number = packet.payload.split_to(2);
                    packet.header.sequence_number = u16::from_be_bytes([number[0], number[1]]);
                    packet.header.ssrc = *ssrc;
                    packet.header.payload_type = *payload_type;
                    packet.header.padding = false;
                    self.heard.resent.fetch_add(1, Ordering::Relaxed);
                }
            }
            Packet::Rtcp(packets) => {
                self.heard
                    .bytes
                    .fetch_add(packets.len() as u64 * 8, Ordering::Relaxed);
            }
            _ => {}
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

impl Interceptor for Ear {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(rtx) = info.ssrc_rtx {
            self.repairs.insert(rtx, (info.ssrc, info.payload_type));
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.repairs.retain(|_, (ssrc, _)| *ssrc != info.ssrc);
    }
}
