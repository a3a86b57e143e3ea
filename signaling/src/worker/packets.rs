//! The path of every datagram: whose it is, what its transport makes of it, and
//! where each packet goes from there.
//!
//! A step here allocates nothing and compares no text: rooms and transports are
//! numbers, and the table of a room answers in numbers too.

use std::net::SocketAddr;
use std::time::Instant;

use super::Worker;
use super::peers::PeerKey;
use super::rooms::RoomKey;
use crate::forwarding::Source;
use crate::room::Event;
use crate::stun;
use crate::transport::{RtpPacket, Transport, TransportEvent};

impl<T: Transport> Worker<T> {
    pub(super) fn take_datagram(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant) {
        self.counted.datagrams_received += 1;
        self.counted.bytes_received += datagram.len() as u64;
        // A check names the transport it is for, even from an address that
        // another one used a moment ago; but not from one where another is heard.
        let key = match stun::binding_request_ufrag(datagram) {
            Some(ufrag) => {
                let key = self.peers.by_ufrag(ufrag);
                if key.is_some_and(|key| self.peers.is_anothers(from, key, now)) {
                    self.counted.datagrams_usurping += 1;
                    return;
                }
                key
            }
            None => self.peers.by_address(from),
        };
        let Some((key, entry)) = key.and_then(|key| Some((key, self.peers.get_mut(key)?))) else {
            self.counted.datagrams_unknown += 1;
            return;
        };
        if !entry.bucket.take(now) {
            self.counted.datagrams_refused += 1;
            return;
        }
        self.driving = Some(key);
        let authenticated = entry.transport.authenticated();
        entry.transport.handle_datagram(from, datagram, now);
        if entry.transport.authenticated() != authenticated {
            entry.voice.note(from, now);
        }
        self.driving = None;
        self.peers.touch(key);
        self.take_events(key, now);
    }

    pub(super) fn take_deadlines(&mut self) {
        let now = Instant::now();
        while let Some(key) = self.peers.pop_due(now) {
            if let Some(entry) = self.peers.get_mut(key) {
                self.driving = Some(key);
                entry.transport.handle_deadline(now);
                self.driving = None;
                self.peers.touch(key);
                self.take_events(key, now);
            }
        }
    }

    /// Takes everything that a transport has to tell.
    fn take_events(&mut self, key: PeerKey, now: Instant) {
        loop {
            let Some(entry) = self.peers.get_mut(key) else {
                return;
            };
            self.driving = Some(key);
            let event = entry.transport.next_event();
            self.driving = None;
            let Some(event) = event else {
                return;
            };
            let (room, peer) = (entry.room, entry.id);
            match event {
                TransportEvent::Rtp {
                    kind,
                    layer,
                    keyframe,
                    packet,
                } => {
                    let is_new = entry.note_arrival(kind, layer, packet.sequence, now);
                    if is_new {
                        entry.limits[kind.index()].count(packet.payload.len());
                        self.counted.packets_received += 1;
                        let source = Source {
                            seat: peer.seat,
                            kind,
                        };
                        self.forward(room, source, layer, keyframe, packet, now);
                    } else {
                        self.counted.packets_repeated += 1;
                    }
                }
                TransportEvent::SourceChanged(kind, layer) => {
                    entry.forget_arrivals(kind, layer);
                    let source = Source {
                        seat: peer.seat,
                        kind,
                    };
                    if let Some(entry) = self.rooms.get_mut(room) {
                        entry.room.forwarding().restart_layer(source, layer);
                    }
                }
                TransportEvent::Clock(kind, layer, clock) => {
                    let source = Source {
                        seat: peer.seat,
                        kind,
                    };
                    let (rooms, peers) = (&mut self.rooms, &mut self.peers);
                    if let Some(entry) = rooms.get_mut(room) {
                        let by_seat = &entry.by_seat;
                        entry.room.forwarding().set_clock(
                            source,
                            layer,
                            clock,
                            |subscriber, line, clock| {
                                let key = by_seat.iter().find(|(seat, _)| *seat == subscriber);
                                if let Some(peer) = key.and_then(|(_, key)| peers.get_mut(*key)) {
                                    peer.transport.set_clock(line, clock);
                                }
                            },
                        );
                    }
                }
                TransportEvent::KeyframeWanted(line) => {
                    self.handle(room, Event::KeyframeWanted { peer, line });
                }
                TransportEvent::Connected => {
                    entry.connected = true;
                    self.handle(room, Event::PeerConnected { peer });
                }
                TransportEvent::Disconnected => {
                    if let Some(room) = self.rooms.get(room) {
                        tracing::debug!(room = %room.id, "a participant's path is silent");
                    }
                }
                TransportEvent::Failed => {
                    self.counted.transports_failed += 1;
                    self.handle(room, Event::PeerFailed { peer });
                }
            }
        }
    }

    fn forward(
        &mut self,
        room: RoomKey,
        source: Source,
        layer: u8,
        keyframe: bool,
        mut packet: RtpPacket,
        now: Instant,
    ) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let destinations = &mut self.destinations;
        entry
            .room
            .forwarding()
            .route(source, layer, &packet, keyframe, now, |destination| {
                destinations.push(destination);
            });
        for destination in self.destinations.drain(..) {
            let Some(key) = entry.peer_on(destination.subscriber) else {
                continue;
            };
            let Some(subscriber) = self.peers.get_mut(key).filter(|peer| peer.connected) else {
                continue;
            };
            self.counted.packets_forwarded += 1;
            packet.sequence = destination.sequence;
            packet.timestamp = destination.timestamp;
            self.driving = Some(key);
            if let Some(clock) = destination.clock {
                subscriber.transport.set_clock(destination.line, clock);
            }
            subscriber
                .transport
                .write_rtp(destination.line, &packet, now);
            self.driving = None;
            self.peers.touch(key);
        }
    }

    pub(super) fn send_touched(&mut self) {
        while let Some(key) = self.peers.pop_touched() {
            self.send_datagrams(key);
        }
    }

    /// Sends what a transport has ready, and notes when it must be driven again.
    pub(super) fn send_datagrams(&mut self, key: PeerKey) {
        let Some(entry) = self.peers.get_mut(key) else {
            return;
        };
        self.driving = Some(key);
        let mut proven = None;
        while let Some((to, datagram)) = entry.transport.next_datagram() {
            // The transport speaks only to addresses that proved the ICE
            // password, so what it answers to is its own.
            if stun::is_stun(&datagram) {
                proven = Some(to);
            }
            self.counted.datagrams_sent += 1;
            self.counted.bytes_sent += datagram.len() as u64;
            self.socket.send(to, datagram);
        }
        let deadline = entry.transport.deadline();
        self.driving = None;
        self.peers.schedule(key, deadline);
        if let Some(address) = proven {
            self.peers.belongs(address, key);
        }
    }
}
