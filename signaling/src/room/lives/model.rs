//! What the tests believe of a room: who sits where and who may hear whom.
//!
//! It is written from `PROTOCOL.md` and shares no rule with `room.rs`; it knows
//! neither offers nor transports, which are the room's own way of getting there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::protocol::{Can, CloseCode, MediaKind};
use crate::room_document::{LeftReason, Place, RoomDocument, RoomState, Seat};
use crate::transport::Codecs;

pub(super) const GRACE_MS: u64 = 20_000;

/// Somebody who holds a seat, with or without a live connection.
#[derive(Debug)]
pub(super) struct Sitting {
    pub connection: Option<u64>,
    pub generation: u32,
    pub secret: String,
    pub lost_ms: Option<u64>,
    pub can: Can,
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    /// What the service was last told that it stays away.
    pub silent: BTreeSet<MediaKind>,
    /// Whose images their page hides.
    pub hidden: BTreeSet<(String, MediaKind)>,
}

/// What a step must bring about, whatever else it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Consequences {
    /// Connections that must be closed, and with what.
    pub closed: Vec<(u64, u16)>,
    /// Who must be reported gone, and how.
    pub left: Vec<(String, LeftReason)>,
    /// How often the room must be reported empty.
    pub emptied: usize,
}

#[derive(Debug)]
pub(super) struct Model {
    pub document: RoomDocument,
    pub sitting: BTreeMap<String, Sitting>,
    pub due: Consequences,
}

impl Model {
    pub fn new(document: RoomDocument) -> Self {
        Self {
            document,
            sitting: BTreeMap::new(),
            due: Consequences::default(),
        }
    }

    pub fn seat(&self, who: &str) -> Option<&Seat> {
        self.document
            .seats
            .iter()
            .find(|seat| seat.participant.as_str() == who)
    }

    pub fn place(&self, who: &str) -> Option<Place> {
        self.seat(who).map(|seat| seat.place)
    }

    /// Whether the document names `other` for `who`, and both are let in to the
    /// same place: what a page may be offered lines for, even during a pause.
    pub fn may_meet(&self, who: &str, other: &str) -> bool {
        let (Some(here), Some(there)) = (self.seat(who), self.seat(other)) else {
            return false;
        };
        let together = matches!(
            (here.place, there.place),
            (Place::In, Place::In) | (Place::Aside, Place::Aside)
        );
        who != other && together && here.hears.iter().any(|heard| heard.as_str() == other)
    }

    /// What somebody may send at this moment.
    pub fn sends(&self, who: &str) -> Vec<MediaKind> {
        let may = |kind| {
            self.seat(who)
                .is_some_and(|seat| seat.publish.contains(&kind))
        };
        let shares = self.sitting.get(who).is_some_and(|sitting| sitting.screen);
        MediaKind::ALL
            .into_iter()
            .filter(|kind| may(*kind) && (shares || *kind != MediaKind::Screen))
            .collect()
    }

    /// The codecs besides Opus and VP8 that everybody in the same place has.
    pub fn codecs(&self, who: &str) -> Codecs {
        let here: Vec<&Sitting> = self
            .sitting
            .iter()
            .filter(|(other, _)| self.place(other) == self.place(who))
            .map(|(_, sitting)| sitting)
            .collect();
        let all = |has: fn(&Can) -> bool| here.iter().all(|sitting| has(&sitting.can));
        Codecs {
            vp9: all(|can| can.codecs.vp9),
            av1: all(|can| can.codecs.av1),
            h264: all(|can| can.codecs.h264),
            red: all(|can| can.redundancy.is_some()),
        }
    }

    /// Whether a packet of `other` may reach `who`.
    pub fn may_hear(&self, who: &str, other: &str) -> bool {
        self.document.state == RoomState::Open && self.may_meet(who, other)
    }

    /// Whether what `from` seals may reach `who`: only inside one place.
    pub fn may_seal_for(&self, from: &str, who: &str) -> bool {
        matches!(
            (self.place(from), self.place(who)),
            (Some(Place::In), Some(Place::In)) | (Some(Place::Aside), Some(Place::Aside))
        )
    }

    /// Whom a message of `from` that is no commit must reach.
    pub fn sealed_for(&self, from: &str, to: Option<&str>) -> Vec<String> {
        self.sitting
            .iter()
            .filter(|(who, sitting)| sitting.connection.is_some() && who.as_str() != from)
            .filter(|(who, _)| self.may_seal_for(from, who) && to.is_none_or(|to| to == *who))
            .map(|(who, _)| who.clone())
            .collect()
    }

    /// The whole state that `who` must have been told last.
    pub fn view(&self, who: &str) -> Value {
        let own = self.seat(who).unwrap();
        let participants: Vec<Value> = self
            .document
            .seats
            .iter()
            .filter(|seat| own.place != Place::Waiting || seat.participant.as_str() == who)
            .map(|seat| {
                let sitting = self.sitting.get(seat.participant.as_str());
                let means = |kind, flag: fn(&Sitting) -> bool| {
                    sitting.is_some_and(flag) && seat.publish.contains(&kind)
                };
                let mut view = json!({
                    "participant": seat.participant.as_str(),
                    "role": seat.role,
                    "label": seat.label,
                    "place": seat.place,
                    "connected": sitting.is_some_and(|sitting| sitting.connection.is_some()),
                    "audio": means(MediaKind::Audio, |sitting| sitting.audio),
                    "video": means(MediaKind::Video, |sitting| sitting.video),
                });
                if let Some(sitting) = sitting {
                    view["encryption"] = json!(sitting.can.encryption.is_some());
                    if !sitting.silent.is_empty() {
                        view["silent"] = json!(sitting.silent);
                    }
                    if sitting.screen {
                        view["screen"] = json!(true);
                    }
                }
                view
            })
            .collect();
        let hears: Vec<&str> = self
            .document
            .seats
            .iter()
            .map(|seat| seat.participant.as_str())
            .filter(|other| self.may_hear(who, other))
            .collect();
        json!({
            "type": "state",
            "version": self.document.version,
            "state": self.document.state,
            "place": own.place,
            "participants": participants,
            "hears": hears,
        })
    }

    fn is_over(&self, now_ms: u64) -> bool {
        let expired = i64::try_from(now_ms).unwrap() >= self.document.expires_at_ms;
        self.document.state == RoomState::Ended || expired
    }

    fn close(&mut self, connection: u64, code: CloseCode) {
        self.due.closed.push((connection, code.number()));
    }

    fn unseat(&mut self, who: &str, reason: LeftReason, code: CloseCode) {
        if let Some(sitting) = self.sitting.remove(who) {
            if let Some(connection) = sitting.connection {
                self.close(connection, code);
            }
            self.due.left.push((who.to_owned(), reason));
            if self.sitting.is_empty() {
                self.due.emptied += 1;
            }
        }
    }

    /// A document comes; only a higher version counts.
    pub fn apply(&mut self, document: &RoomDocument, now_ms: u64) {
        if document.version > self.document.version {
            self.document = document.clone();
            self.settle(now_ms);
        }
    }

    /// A connection shows a token; `resumes` if its page still holds the transport.
    #[allow(clippy::too_many_arguments)]
    pub fn arrive(
        &mut self,
        who: &str,
        connection: u64,
        generation: u32,
        secret: &str,
        can: Can,
        resumes: bool,
        now_ms: u64,
    ) {
        let oldest = self.seat(who).map(|seat| {
            let held = self.sitting.get(who).map_or(0, |held| held.generation);
            seat.generation.max(held)
        });
        if self.is_over(now_ms) {
            self.close(connection, CloseCode::Ended);
        } else if oldest.is_none() {
            self.close(connection, CloseCode::NotInRoom);
        } else if oldest.is_some_and(|oldest| generation < oldest) {
            self.close(connection, CloseCode::Replaced);
        } else {
            let former = self.sitting.remove(who);
            if let Some(replaced) = former.as_ref().and_then(|former| former.connection) {
                self.close(replaced, CloseCode::Replaced);
            }
            let sitting = Sitting {
                connection: Some(connection),
                generation,
                secret: secret.to_owned(),
                lost_ms: None,
                can,
                audio: former.as_ref().is_none_or(|former| former.audio),
                video: former.as_ref().is_none_or(|former| former.video),
                silent: former
                    .as_ref()
                    .map(|former| former.silent.clone())
                    .unwrap_or_default(),
                hidden: former
                    .as_ref()
                    .filter(|_| resumes)
                    .map(|former| former.hidden.clone())
                    .unwrap_or_default(),
                screen: former.as_ref().is_some_and(|former| former.screen) && resumes,
            };
            self.sitting.insert(who.to_owned(), sitting);
        }
        self.settle(now_ms);
    }

    /// Whose connection this is, if it still is somebody's.
    pub fn holder(&self, connection: u64) -> Option<String> {
        self.sitting
            .iter()
            .find(|(_, sitting)| sitting.connection == Some(connection))
            .map(|(who, _)| who.clone())
    }

    /// A connection is lost without a word.
    pub fn lose(&mut self, connection: u64, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            let sitting = self.sitting.get_mut(&who).unwrap();
            sitting.connection = None;
            sitting.lost_ms = Some(now_ms);
        }
        self.settle(now_ms);
    }

    /// A connection broke a limit and was ended before the room heard of it.
    pub fn broke_a_limit(&mut self, connection: u64, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            self.sitting.get_mut(&who).unwrap().connection = None;
            self.unseat(&who, LeftReason::Refused, CloseCode::Malformed);
        }
        self.settle(now_ms);
    }

    /// A page said or answered what it must not.
    pub fn misbehave(&mut self, connection: u64, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            self.unseat(&who, LeftReason::Refused, CloseCode::Malformed);
        }
        self.settle(now_ms);
    }

    pub fn leave(&mut self, connection: u64, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            self.unseat(&who, LeftReason::Left, CloseCode::Normal);
        }
        self.settle(now_ms);
    }

    pub fn mean_to_send(&mut self, connection: u64, audio: bool, video: bool, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            let sitting = self.sitting.get_mut(&who).unwrap();
            (sitting.audio, sitting.video) = (audio, video);
        }
        self.settle(now_ms);
    }

    /// A page says how high it shows an image.
    pub fn show(&mut self, connection: u64, of: &str, kind: MediaKind, height: u32, now_ms: u64) {
        let known = self.seat(of).is_some() && kind != MediaKind::Audio;
        if let Some(who) = self.holder(connection).filter(|_| known) {
            let hidden = &mut self.sitting.get_mut(&who).unwrap().hidden;
            if height == 0 {
                hidden.insert((of.to_owned(), kind));
            } else {
                hidden.remove(&(of.to_owned(), kind));
            }
        }
        self.settle(now_ms);
    }

    /// Whether a page hides an image.
    pub fn hides(&self, who: &str, of: &str, kind: MediaKind) -> bool {
        self.sitting
            .get(who)
            .is_some_and(|sitting| sitting.hidden.contains(&(of.to_owned(), kind)))
    }

    /// A page asks to share its screen, or no longer to.
    pub fn share_screen(&mut self, connection: u64, on: bool, now_ms: u64) {
        if let Some(who) = self.holder(connection) {
            self.sitting.get_mut(&who).unwrap().screen = on;
        }
        self.settle(now_ms);
    }

    pub fn tick(&mut self, now_ms: u64) {
        let lost: Vec<String> = self
            .sitting
            .iter()
            .filter(|(_, sitting)| sitting.lost_ms.is_some_and(|at| now_ms - at >= GRACE_MS))
            .map(|(who, _)| who.clone())
            .collect();
        for who in lost {
            self.unseat(&who, LeftReason::Lost, CloseCode::Normal);
        }
        self.settle(now_ms);
    }

    /// Nobody stays whom the document does not seat; called after every event.
    pub fn settle(&mut self, now_ms: u64) {
        let seats = &self.document.seats;
        let seated = |of: &str| seats.iter().any(|seat| seat.participant.as_str() == of);
        for sitting in self.sitting.values_mut() {
            sitting.hidden.retain(|(of, _)| seated(of));
        }
        for who in self.sitting.keys().cloned().collect::<Vec<_>>() {
            let generation = self.sitting[&who].generation;
            if self.is_over(now_ms) {
                self.unseat(&who, LeftReason::Ended, CloseCode::Ended);
            } else if let Some(seat) = self.seat(&who) {
                let may_share =
                    seat.publish.contains(&MediaKind::Screen) && seat.place != Place::Waiting;
                if seat.generation > generation {
                    self.unseat(&who, LeftReason::Removed, CloseCode::Replaced);
                } else if !may_share {
                    self.sitting.get_mut(&who).unwrap().screen = false;
                }
            } else {
                self.unseat(&who, LeftReason::Removed, CloseCode::NotInRoom);
            }
        }
    }
}
