#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::room_document::{IncidentKind, Place, Role, RoomId, Seat};

const GRACE: Duration = Duration::from_secs(20);

/// A room, its clock, and what it asked for.
struct Story {
    room: Room,
    start: Instant,
    ms: u64,
    next_connection: u64,
}

fn seat(name: &str, place: Place, hears: &[&str]) -> Seat {
    Seat {
        participant: name.into(),
        role: Role::Citizen,
        generation: 1,
        place,
        label: name.to_uppercase(),
        publish: vec![MediaKind::Audio, MediaKind::Video],
        hears: hears.iter().map(|other| (*other).into()).collect(),
    }
}

fn document(version: u64, seats: Vec<Seat>) -> RoomDocument {
    RoomDocument {
        room: RoomId::from("r"),
        version,
        expires_at_ms: 1_000_000_000,
        state: RoomState::Open,
        seats,
    }
}

fn two(version: u64, angele: Place, jean: Place) -> RoomDocument {
    document(
        version,
        vec![
            seat("angele", angele, &["jean"]),
            seat("jean", jean, &["angele"]),
        ],
    )
}

impl Story {
    fn of(document: RoomDocument) -> Self {
        let limits = RoomLimits {
            grace: GRACE,
            media_silence: Duration::from_secs(1),
        };
        Self {
            room: Room::new(document, limits),
            start: Instant::now(),
            ms: 0,
            next_connection: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment {
            instant: self.start + Duration::from_millis(self.ms),
            unix_ms: i64::try_from(self.ms).unwrap(),
        }
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let now = self.now();
        self.room.handle(event, now)
    }

    fn apply(&mut self, document: RoomDocument) -> Vec<Action> {
        let now = self.now();
        self.room.apply(document, now).1
    }

    fn arrive(&mut self, name: &str, resume: Option<&str>) -> (ConnectionId, Vec<Action>) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let actions = self.handle(Event::Arrived {
            connection,
            participant: name.into(),
            generation: 1,
            resume: resume.map(ToOwned::to_owned),
            can: Can::default(),
            secret: format!("secret {}", connection.0),
        });
        (connection, actions)
    }

    fn say(&mut self, connection: ConnectionId, message: serde_json::Value) -> Vec<Action> {
        let message = serde_json::from_value(message).unwrap();
        self.handle(Event::Said {
            connection,
            message,
        })
    }

    fn wait(&mut self, ms: u64) -> Vec<Action> {
        self.ms += ms;
        self.handle(Event::Tick {
            last_packets: Vec::new(),
        })
    }

    /// The browser of a connection answers its pending offer, and connects.
    fn connect(&mut self, offered: &[Action]) -> Vec<Action> {
        let Negotiation {
            peer,
            connection,
            negotiation,
            receive,
            ..
        } = offered
            .iter()
            .find_map(|action| match action {
                Action::Negotiate(negotiation) => Some(negotiation.clone()),
                _ => None,
            })
            .expect("there is an offer to answer");
        let answer = json!({"type": "answer", "negotiation": negotiation, "sdp": "v=0"});
        let asked = self.say(connection, answer);
        assert!(asked.contains(&Action::Answer {
            peer,
            sdp: "v=0".into()
        }));
        let lines = receive
            .iter()
            .enumerate()
            .map(|(index, source)| (*source, LineId(u16::try_from(index).unwrap())))
            .collect();
        let mut actions = self.handle(Event::Answered { peer, lines });
        actions.extend(self.handle(Event::PeerConnected { peer }));
        actions
    }

    /// Who receives a packet of a seat at this moment.
    fn reaches(&mut self, publisher: SeatIndex) -> Vec<SeatIndex> {
        let packet = crate::transport::RtpPacket {
            payload_type: 96,
            marker: false,
            sequence: 1,
            timestamp: 1,
            payload: bytes::Bytes::new(),
        };
        let mut reached = Vec::new();
        self.room
            .forwarding()
            .route(image(publisher), 0, &packet, false, Instant::now(), |to| {
                reached.push(to.subscriber);
            });
        reached
    }
}

/// The actions in a few words each, to compare whole sequences.
fn told(actions: &[Action]) -> Vec<String> {
    actions
        .iter()
        .map(|action| match action {
            Action::Send(to, message) => {
                let message = serde_json::to_value(message).unwrap();
                format!("send {} {}", to.0, message["type"].as_str().unwrap())
            }
            Action::Close(connection, code) => {
                format!("close {} {}", connection.0, code.number())
            }
            Action::OpenPeer { peer, .. } => format!("open {}.{}", peer.seat.0, peer.turn),
            Action::ClosePeer { peer } => format!("shut {}.{}", peer.seat.0, peer.turn),
            Action::Negotiate(offer) => {
                let hears: Vec<u32> = offer
                    .receive
                    .iter()
                    .filter(|source| source.kind == MediaKind::Video)
                    .map(|source| source.seat.0)
                    .collect();
                let (peer, fresh) = (offer.peer, offer.fresh);
                format!("offer {}.{} {fresh} {hears:?}", peer.seat.0, peer.turn)
            }
            Action::Answer { peer, .. } => format!("answer {}.{}", peer.seat.0, peer.turn),
            Action::Keyframe { source, .. } => format!("keyframe {}", source.seat.0),
            Action::CandidateDropped => "drop".to_owned(),
            Action::Tell(event) => {
                let event = serde_json::to_value(event).unwrap();
                format!("tell {}", event["event"].as_str().unwrap())
            }
        })
        .collect()
}

const ANGELE: SeatIndex = SeatIndex(0);
const JEAN: SeatIndex = SeatIndex(1);

const fn image(seat: SeatIndex) -> Source {
    Source {
        seat,
        kind: MediaKind::Video,
    }
}

/// Angèle and Jean, in and connected.
fn both_in() -> (Story, ConnectionId, ConnectionId) {
    let mut story = Story::of(two(1, Place::In, Place::In));
    let (angele, offered) = story.arrive("angele", None);
    story.connect(&offered);
    let (jean, offered) = story.arrive("jean", None);
    // Angèle's renegotiation is in the same actions; each answers their own.
    let (hers, his): (Vec<_>, Vec<_>) = offered.into_iter().partition(
        |action| matches!(action, Action::Negotiate(offer) if offer.peer.seat == ANGELE),
    );
    story.connect(&his);
    story.connect(&hers);
    (story, angele, jean)
}

#[test]
fn whoever_waits_has_no_transport_and_whoever_is_in_has_one() {
    let mut story = Story::of(two(1, Place::Waiting, Place::In));
    let (_, actions) = story.arrive("angele", None);
    assert_eq!(
        told(&actions),
        ["tell joined", "send 0 waiting", "send 0 state"]
    );
    let (_, actions) = story.arrive("jean", None);
    assert_eq!(
        told(&actions),
        [
            "tell joined",
            "send 1 joined",
            "open 1.0",
            "offer 1.0 true []",
            "send 1 state"
        ]
    );
    story.connect(&actions);
    let actions = story.apply(two(2, Place::In, Place::In));
    assert_eq!(
        told(&actions),
        [
            "send 0 joined",
            "open 0.1",
            "offer 0.1 true [1]",
            "offer 1.0 false [0]",
            "send 0 state",
            "send 1 state"
        ]
    );
    let actions = story.apply(two(3, Place::Waiting, Place::In));
    assert_eq!(
        told(&actions),
        ["shut 0.1", "send 0 waiting", "send 0 state", "send 1 state"],
        "Jean's offer is still unanswered: the next one waits"
    );
}

#[test]
fn who_hears_whom_is_one_rule() {
    let alone = |place| seat("angele", place, &["jean"]);
    let with = |place| seat("jean", place, &[]);
    for (case, state, hearing, heard, hears) in [
        (
            "both in",
            RoomState::Open,
            alone(Place::In),
            with(Place::In),
            true,
        ),
        (
            "both aside",
            RoomState::Open,
            alone(Place::Aside),
            with(Place::Aside),
            true,
        ),
        (
            "both waiting",
            RoomState::Open,
            alone(Place::Waiting),
            with(Place::Waiting),
            false,
        ),
        (
            "one waits",
            RoomState::Open,
            alone(Place::In),
            with(Place::Waiting),
            false,
        ),
        (
            "one aside",
            RoomState::Open,
            alone(Place::In),
            with(Place::Aside),
            false,
        ),
        (
            "paused",
            RoomState::Paused,
            alone(Place::In),
            with(Place::In),
            false,
        ),
        (
            "ended",
            RoomState::Ended,
            alone(Place::In),
            with(Place::In),
            false,
        ),
        (
            "not named",
            RoomState::Open,
            seat("angele", Place::In, &[]),
            with(Place::In),
            false,
        ),
        (
            "named, absent",
            RoomState::Open,
            alone(Place::In),
            seat("paul", Place::In, &[]),
            false,
        ),
    ] {
        let mut document = document(1, vec![hearing, heard]);
        document.state = state;
        assert_eq!(
            document.hears(&"angele".into(), &"jean".into()),
            hears,
            "{case}"
        );
        assert!(!document.hears(&"jean".into(), &"angele".into()), "{case}");
        assert!(
            !document.hears(&"angele".into(), &"angele".into()),
            "{case}"
        );
    }
}

#[test]
fn packets_follow_the_document_at_once() {
    let (mut story, _, _) = both_in();
    assert_eq!(story.reaches(ANGELE), [JEAN]);
    assert_eq!(story.reaches(JEAN), [ANGELE]);

    let mut paused = two(2, Place::In, Place::In);
    paused.state = RoomState::Paused;
    let actions = story.apply(paused);
    assert_eq!(told(&actions), ["send 0 state", "send 1 state"]);
    assert_eq!(story.reaches(ANGELE), []);

    let actions = story.apply(two(3, Place::In, Place::In));
    assert_eq!(
        told(&actions),
        ["keyframe 0", "keyframe 1", "send 0 state", "send 1 state"]
    );
    assert_eq!(story.reaches(ANGELE), [JEAN]);

    let mut one_way = two(4, Place::In, Place::In);
    one_way.seats[1].hears.clear();
    story.apply(one_way);
    assert_eq!(story.reaches(ANGELE), []);
    assert_eq!(story.reaches(JEAN), [ANGELE]);
    // An older document comes late and changes nothing.
    assert_eq!(told(&story.apply(two(3, Place::In, Place::In))), [""; 0]);
    assert_eq!(story.reaches(ANGELE), []);
}

#[test]
fn a_lost_connection_keeps_its_seat_and_its_media_for_a_while() {
    let (mut story, angele, _) = both_in();
    story.ms += 5_000;
    let actions = story.handle(Event::Gone {
        connection: angele,
        refused: false,
    });
    assert_eq!(told(&actions), ["send 1 state"]);
    assert_eq!(story.reaches(ANGELE), [JEAN], "her media goes on");

    story.ms += 3_000;
    let (back, actions) = story.arrive("angele", Some("secret 0"));
    assert_eq!(
        told(&actions),
        [
            "tell incident",
            "tell joined",
            "send 2 joined",
            "send 2 state",
            "send 1 state"
        ]
    );
    let Action::Tell(incident) = &actions[0] else {
        unreachable!()
    };
    assert_eq!(
        incident.fact,
        Fact::Incident {
            kind: IncidentKind::Signaling,
            from_ms: 5_000,
            to_ms: 8_000
        }
    );

    story.handle(Event::Gone {
        connection: back,
        refused: false,
    });
    let actions = story.wait(19_999);
    assert!(!told(&actions).contains(&"tell left".to_owned()));
    let actions = story.wait(1);
    assert_eq!(
        told(&actions),
        [
            "shut 0.0",
            "tell left",
            "offer 1.1 false []",
            "send 1 state"
        ]
    );
}

#[test]
fn resuming_needs_the_secret_and_an_answered_offer() {
    for (case, resume, unanswered, kept) in [
        ("the secret", Some("secret 0"), false, true),
        ("no secret", None, false, false),
        ("another secret", Some("secret 9"), false, false),
        ("an offer got lost", Some("secret 0"), true, false),
    ] {
        let mut story = Story::of(two(1, Place::In, Place::In));
        let (connection, offered) = story.arrive("angele", None);
        if !unanswered {
            story.connect(&offered);
        }
        story.handle(Event::Gone {
            connection,
            refused: false,
        });
        let (_, actions) = story.arrive("angele", resume);
        let told = told(&actions);
        assert_eq!(!told.contains(&"shut 0.0".to_owned()), kept, "{case}");
        assert_eq!(!told.contains(&"open 0.1".to_owned()), kept, "{case}");
    }
}

#[test]
fn a_seat_that_is_taken_again_and_again_stays_with_who_has_it() {
    let (mut story, _, jean) = both_in();
    let (mut last, mut transports) = (None, 0);
    let refused = loop {
        let (connection, actions) = story.arrive("angele", None);
        let said = told(&actions);
        assert!(
            !said.contains(&format!("close {} 4409", jean.0)),
            "{said:?}"
        );
        if said == [format!("close {} 4429", connection.0)] {
            break connection;
        }
        transports += said.iter().filter(|line| line.starts_with("open")).count();
        last = Some(connection);
        assert!(transports < 30, "as many transports as arrivals");
    };
    // Whoever came last is still there, and whoever comes later is let in again.
    let pinged = story.say(last.unwrap(), json!({"type": "ping", "t": 1}));
    assert_eq!(told(&pinged).len(), 1);
    assert!(
        story
            .say(refused, json!({"type": "ping", "t": 1}))
            .is_empty()
    );
    story.wait(1_000);
    let (connection, actions) = story.arrive("angele", None);
    assert!(!told(&actions).contains(&format!("close {} 4429", connection.0)));
}

#[test]
fn a_fresh_transport_comes_at_most_once_a_second() {
    let (mut story, angele, _) = both_in();
    let restart = json!({"type": "restart_ice", "fresh": true});
    let fresh = |actions: &[Action]| {
        actions
            .iter()
            .any(|action| matches!(action, Action::Negotiate(offer) if offer.fresh))
    };
    assert!(!fresh(&story.say(angele, restart.clone())), "too early");
    assert!(fresh(&story.wait(1_000)), "and not forgotten");
    story.ms += 1_000;
    assert!(fresh(&story.say(angele, restart)));
    assert!(fresh(&story.wait(10_000)), "an offer without an answer");
}

#[test]
fn another_path_keeps_the_transport_and_comes_at_most_once_a_second() {
    let (mut story, angele, _) = both_in();
    let peer = PeerId {
        seat: ANGELE,
        turn: 0,
    };
    let restart = json!({"type": "restart_ice"});
    let offers = |actions: &[Action]| -> Vec<(bool, bool)> {
        actions
            .iter()
            .filter_map(|action| match action {
                Action::Negotiate(offer) if offer.peer.seat == ANGELE => {
                    Some((offer.fresh, offer.restart_ice))
                }
                _ => None,
            })
            .collect()
    };
    let early = story.say(angele, restart.clone());
    assert_eq!(offers(&early), [], "too early");
    assert_eq!(offers(&story.wait(1_000)), [(false, true)], "not forgotten");
    let again = story.say(angele, restart.clone());
    assert_eq!(offers(&again), [], "one is under way");
    story.handle(Event::Answered {
        peer,
        lines: Vec::new(),
    });
    assert_eq!(
        offers(&story.wait(5_000)),
        [],
        "and what was asked for is given"
    );
    assert_eq!(offers(&story.say(angele, restart.clone())), [(false, true)]);
    // It did not help, even before it was answered.
    let fresh = json!({"type": "restart_ice", "fresh": true});
    assert_eq!(offers(&story.say(angele, fresh)), []);
    let offered = story.wait(1_000);
    assert_eq!(offers(&offered), [(true, false)]);
    // What never connected has no path that could be replaced.
    let peer = offered
        .iter()
        .find_map(|action| match action {
            Action::Negotiate(offer) if offer.fresh => Some(offer.peer),
            _ => None,
        })
        .unwrap();
    story.handle(Event::Answered {
        peer,
        lines: Vec::new(),
    });
    story.ms += 1_000;
    assert_eq!(offers(&story.say(angele, restart)), [(true, false)]);
}

#[test]
fn events_of_a_former_transport_or_connection_are_void() {
    let (mut story, angele, _) = both_in();
    story.ms += 1_000;
    let offered = story.say(angele, json!({"type": "restart_ice", "fresh": true}));
    let former = PeerId {
        seat: ANGELE,
        turn: 0,
    };
    for event in [
        Event::PeerFailed { peer: former },
        Event::PeerConnected { peer: former },
        Event::AnswerRefused { peer: former },
        Event::KeyframeWanted {
            peer: former,
            line: LineId(0),
        },
        Event::Answered {
            peer: former,
            lines: vec![(image(JEAN), LineId(0))],
        },
        Event::Gone {
            connection: ConnectionId(99),
            refused: true,
        },
        Event::Said {
            connection: ConnectionId(99),
            message: ClientMessage::Leave {},
        },
    ] {
        let name = format!("{event:?}");
        assert_eq!(told(&story.handle(event)), [""; 0], "{name}");
    }
    assert_eq!(story.reaches(JEAN), [], "nothing is negotiated yet");
    story.connect(&offered);
    assert_eq!(story.reaches(JEAN), [ANGELE]);
}

#[test]
fn rooms_end_by_word_and_by_time() {
    let mut ended = two(2, Place::In, Place::In);
    ended.state = RoomState::Ended;
    let (mut story, _, _) = both_in();
    let actions = story.apply(ended);
    assert_eq!(
        told(&actions),
        [
            "close 0 4410",
            "shut 0.0",
            "tell left",
            "close 1 4410",
            "shut 1.1",
            "tell left",
            "tell room_emptied"
        ]
    );
    assert!(!story.room.may_be_forgotten(story.now()));

    let (mut story, _, _) = both_in();
    let actions = story.wait(1_000_000_000);
    assert_eq!(told(&actions)[0], "close 0 4410");
    assert!(story.room.may_be_forgotten(story.now()));
    let (_, actions) = story.arrive("angele", None);
    assert_eq!(told(&actions), ["close 2 4410"]);
}

#[test]
fn documents_with_too_many_or_doubled_seats_are_refused() {
    let seats = |names: &[&str]| {
        document(
            1,
            names
                .iter()
                .map(|name| seat(name, Place::In, &[]))
                .collect(),
        )
    };
    for (names, verdict) in [
        (&[][..], Ok(())),
        (&["a", "b"], Ok(())),
        (&["a", "b", "c"], Err(RoomRefusal::BadSeats)),
        (&["a", "a"], Err(RoomRefusal::BadSeats)),
    ] {
        assert_eq!(check(&seats(names), 2), verdict, "{names:?}");
    }
}

#[test]
fn sealed_messages_stay_in_their_place_and_one_commit_an_epoch_passes() {
    let mut story = Story::of(document(
        1,
        vec![
            seat("angele", Place::In, &[]),
            seat("jean", Place::In, &[]),
            seat("lea", Place::In, &[]),
            seat("noe", Place::Waiting, &[]),
            seat("zoe", Place::Aside, &[]),
            seat("max", Place::Aside, &[]),
        ],
    ));
    for name in ["angele", "jean", "lea", "noe", "zoe", "max"] {
        story.arrive(name, None);
    }
    let [angele, jean, noe, zoe] = [0, 1, 3, 4].map(ConnectionId);
    let commit = |group: &str, epoch: u64| json!({"type": "seal", "kind": "commit", "group": group, "epoch": epoch, "payload": "c"});
    for (case, who, message, relayed) in [
        (
            "to all of the place, not back",
            angele,
            json!({"type": "seal", "kind": "key_package", "epoch": 0, "payload": "k"}),
            &["send 1 seal", "send 2 seal"][..],
        ),
        (
            "to one",
            angele,
            json!({"type": "seal", "to": "lea", "kind": "status", "epoch": 0, "payload": ""}),
            &["send 2 seal"],
        ),
        (
            "not to another place",
            angele,
            json!({"type": "seal", "to": "zoe", "kind": "status", "epoch": 0, "payload": ""}),
            &[],
        ),
        (
            "not out of the waiting room",
            noe,
            json!({"type": "seal", "kind": "key_package", "epoch": 0, "payload": "k"}),
            &[],
        ),
        (
            "a commit comes back to its author",
            jean,
            commit("g", 0),
            &["send 0 seal", "send 1 seal", "send 2 seal"],
        ),
        (
            "the second of an epoch is refused",
            angele,
            commit("g", 0),
            &["send 0 seal_refused"],
        ),
        (
            "the places have groups of their own",
            zoe,
            commit("h", 0),
            &["send 5 seal", "send 4 seal"],
        ),
    ] {
        assert_eq!(told(&story.say(who, message)), relayed, "{case}");
    }
}

#[test]
fn the_state_says_who_can_encrypt_while_they_hold_a_seat() {
    let (mut story, _, jean) = both_in();
    let seen = |actions: &[Action]| {
        actions.iter().rev().find_map(|action| match action {
            Action::Send(_, ServerMessage::State(view)) => Some(
                view.participants
                    .iter()
                    .map(|other| other.encryption)
                    .collect::<Vec<_>>(),
            ),
            _ => None,
        })
    };
    let (participant, secret) = ("angele".into(), String::new());
    let actions = story.handle(Event::Arrived {
        connection: ConnectionId(7),
        participant,
        generation: 1,
        resume: None,
        can: Can {
            encryption: Some(1),
            ..Can::default()
        },
        secret,
    });
    assert_eq!(seen(&actions), Some(vec![Some(true), Some(false)]));
    let actions = story.say(jean, json!({"type": "leave"}));
    assert_eq!(seen(&actions), Some(vec![Some(true), None]));
}

#[test]
fn candidates_beyond_those_of_one_offer_are_dropped() {
    let mut story = Story::of(two(1, Place::In, Place::Waiting));
    let (angele, offered) = story.arrive("angele", None);
    let candidate = json!({"type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "mid": "0", "index": 0});
    let dropped = |story: &mut Story| {
        (0..100)
            .flat_map(|_| story.say(angele, candidate.clone()))
            .inspect(|action| assert_eq!(*action, Action::CandidateDropped))
            .count()
    };
    let most = usize::try_from(negotiation::MOST_CANDIDATES).unwrap();
    assert_eq!(dropped(&mut story), 100 - most);
    assert_eq!(dropped(&mut story), 100);
    story.connect(&offered);
    assert_eq!(dropped(&mut story), 100, "no other offer was made");
    story.wait(1_000);
    let restarted = story.say(angele, json!({"type": "restart_ice"}));
    assert!(
        told(&restarted)
            .iter()
            .any(|told| told.starts_with("offer"))
    );
    assert_eq!(dropped(&mut story), 100 - most, "a new offer, a new count");
    // Who waits was offered nothing.
    let (jean, _) = story.arrive("jean", None);
    assert_eq!(story.say(jean, candidate), [Action::CandidateDropped]);
}

#[test]
fn images_are_held_back_where_the_way_is_narrow_and_where_nobody_looks() {
    let (mut story, _, jean) = both_in();
    let peer = PeerId {
        seat: JEAN,
        turn: 1,
    };
    let want = |height: u32| json!({"type": "want", "participant": "angele", "kind": "video", "height": height});
    assert_eq!(story.reaches(ANGELE), [JEAN]);
    for (case, event, asked, reached, demanded) in [
        (
            "too narrow",
            Event::Narrow { peer, narrow: true },
            &["send 1 state"][..],
            &[][..],
            1,
        ),
        (
            "hidden as well",
            Event::Said {
                connection: jean,
                message: serde_json::from_value(want(0)).unwrap(),
            },
            &[],
            &[],
            0,
        ),
        (
            "wide again, and hidden",
            Event::Narrow {
                peer,
                narrow: false,
            },
            &["send 1 state"],
            &[],
            0,
        ),
        (
            "shown again",
            Event::Said {
                connection: jean,
                message: serde_json::from_value(want(720)).unwrap(),
            },
            &["keyframe 0"],
            &[JEAN],
            1,
        ),
    ] {
        assert_eq!(told(&story.handle(event)), asked, "{case}");
        // Time does not change it.
        assert_eq!(told(&story.wait(250)), [""; 0], "{case}");
        assert_eq!(story.reaches(ANGELE), reached, "{case}");
        let Demand { voices, images } = story.room.demand(JEAN);
        assert_eq!((voices, images.len()), (1, demanded), "{case}");
        assert_eq!(story.reaches(JEAN), [ANGELE], "{case}");
    }
}
