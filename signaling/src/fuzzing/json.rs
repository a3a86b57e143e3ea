//! What pages and services write on their WebSockets, and what a room makes of it.

use std::time::{Duration, Instant};

use crate::protocol::{Can, ClientMessage, CloseCode, MediaKind, ServerMessage, to_json};
use crate::room::{Action, ConnectionId, Event, Moment, Room, RoomLimits, check};
use crate::room_document::{Place, Role, RoomDocument, RoomState, Seat, ServiceMessage};

const BYSTANDER: ConnectionId = ConnectionId(1);
const LIMITS: RoomLimits = RoomLimits {
    grace: Duration::from_secs(20),
    media_silence: Duration::from_secs(1),
};

fn moment(start: Instant, ms: u64) -> Moment {
    Moment {
        instant: start + Duration::from_millis(ms),
        unix_ms: i64::try_from(ms).unwrap_or(i64::MAX),
    }
}

fn document() -> RoomDocument {
    let people = ["bystander", "stranger"];
    RoomDocument {
        room: "r".into(),
        version: 1,
        expires_at_ms: i64::MAX,
        state: RoomState::Open,
        seats: people
            .iter()
            .map(|name| Seat {
                participant: (*name).into(),
                role: Role::Citizen,
                generation: 1,
                place: Place::In,
                label: (*name).to_owned(),
                publish: vec![MediaKind::Audio, MediaKind::Video],
                hears: people
                    .iter()
                    .filter(|other| *other != name)
                    .map(|other| (*other).into())
                    .collect(),
            })
            .collect(),
    }
}

fn arrive(room: &mut Room, who: &str, connection: ConnectionId, now: Moment) -> Vec<Action> {
    room.handle(
        Event::Arrived {
            connection,
            participant: who.into(),
            generation: 1,
            resume: None,
            can: Can::default(),
            secret: "secret".to_owned(),
        },
        now,
    )
}

/// Messages of one page, a line each. Its room takes them, comes to no harm, and
/// never closes the connection of the other participant.
pub(super) fn client(data: &[u8]) {
    let start = Instant::now();
    let mut ms = 0;
    let mut room = Room::new(document(), LIMITS);
    arrive(&mut room, "bystander", BYSTANDER, moment(start, ms));
    let mut stranger = ConnectionId(2);
    arrive(&mut room, "stranger", stranger, moment(start, ms));
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let Ok(message) = ClientMessage::parse(text) else {
            continue;
        };
        let again = ClientMessage::parse(&to_json(&message));
        assert_eq!(
            again.as_ref(),
            Ok(&message),
            "what is written reads otherwise"
        );
        // A tenth of a second for each: pauses and time limits pass as well.
        ms += 100;
        let now = moment(start, ms);
        let mut closed = false;
        let actions = room.handle(
            Event::Said {
                connection: stranger,
                message,
            },
            now,
        );
        assert!(actions.len() < 64, "one message asks for {}", actions.len());
        for action in actions {
            match action {
                Action::Close(BYSTANDER, code) => panic!("the other is closed with {code:?}"),
                Action::Close(..) => closed = true,
                Action::Send(_, message) => {
                    let text = to_json(&message);
                    assert_eq!(
                        serde_json::from_str::<ServerMessage>(&text).ok(),
                        Some(message)
                    );
                }
                _ => {}
            }
        }
        if closed {
            stranger = ConnectionId(stranger.0 + 1);
            for action in arrive(&mut room, "stranger", stranger, now) {
                assert!(
                    !matches!(action, Action::Close(BYSTANDER, _)),
                    "an arrival closes the other"
                );
            }
        }
        room.handle(
            Event::Tick {
                last_packets: Vec::new(),
            },
            now,
        );
    }
}

/// Messages of the service, a line each: the documents of one room.
pub(super) fn control(data: &[u8]) {
    let start = Instant::now();
    let now = moment(start, 1_000);
    let mut held: Option<Room> = None;
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let Ok(message) = ServiceMessage::parse(text) else {
            continue;
        };
        let again = ServiceMessage::parse(&to_json(&message));
        assert_eq!(
            again.as_ref(),
            Ok(&message),
            "what is written reads otherwise"
        );
        let ServiceMessage::Room(document) = message else {
            continue;
        };
        if check(&document, 6).is_err() {
            continue;
        }
        let seats = document.seats.clone();
        match &mut held {
            None => held = Some(Room::new(document, LIMITS)),
            Some(room) => {
                room.apply(document, now);
            }
        }
        let Some(room) = &mut held else { continue };
        for (seat, number) in seats.iter().zip(10..) {
            let connection = ConnectionId(number);
            let actions = arrive(room, seat.participant.as_str(), connection, now);
            for action in actions {
                if let Action::Close(_, code) = action {
                    assert_ne!(
                        code,
                        CloseCode::Malformed,
                        "a document is no fault of a page"
                    );
                }
            }
        }
        room.presence();
        room.may_be_forgotten(now);
    }
}
