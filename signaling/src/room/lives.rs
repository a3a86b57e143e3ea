//! Random lives of a room: documents, arrivals, losses, answers right, late and
//! refused, transports that connect and fail, time. After every step the room
//! is held against a small model of who may hear whom, and in the end, once
//! everything that can come has come, everyone hears whom they may.
//!
//! A life that fails is shrunk to the shortest one that still does, printed, and
//! its seed is kept beside the sources, to be played first the next time.

#![allow(clippy::unwrap_used)]

mod model;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use self::world::{Verdict, World};
use crate::protocol::{Can, ClientMessage, MediaKind, VideoCodecs};
use crate::room_document::{Place, Role, RoomDocument, RoomState, Seat};

const PEOPLE: [&str; 5] = ["angele", "jean", "avocate", "ami", "interprete"];

/// One change of the room document.
#[derive(Debug, Clone)]
enum Edit {
    Seat(usize),
    Unseat(usize),
    Place(usize, Place),
    /// Whom they hear, as bits over [`PEOPLE`].
    Hears(usize, u8),
    /// What they may send, as bits: sound, image, screen.
    Publish(usize, u8),
    RaiseGeneration(usize),
    State(RoomState),
    ExpireIn(u64),
}

/// What a page shows for its transport when it joins.
#[derive(Debug, Clone, Copy)]
enum Resume {
    Nothing,
    Right,
    Wrong,
}

#[derive(Debug, Clone)]
enum Step {
    Document(Vec<Edit>),
    /// A document overtaken by the one that is held.
    LateDocument(Edit),
    /// `older`: by how many generations the token is older than the seat's.
    Arrive {
        who: usize,
        older: u32,
        resume: Resume,
        can: Can,
    },
    Lose {
        who: usize,
        refused: bool,
    },
    Say(usize, Saying),
    Answer {
        who: usize,
        late: u32,
        verdict: Verdict,
    },
    Connect(usize),
    Disturb {
        who: usize,
        deaf: bool,
    },
    Fail(usize),
    FailToOpen,
    FormerTransport(usize),
    ClosedConnection(u64, Saying),
    WantKeyframe(usize, u16),
    Measure(usize),
    Wait {
        ms: u64,
        flowing: bool,
    },
}

#[derive(Debug, Clone, Copy)]
enum Saying {
    Restart,
    Leave,
    Media(bool, bool),
    Ping,
    Candidate,
    JoinAgain,
    Publish(MediaKind, bool),
    Want(usize, MediaKind, u32),
    Seal { to: Option<usize>, commit: bool },
}

fn who() -> impl Strategy<Value = usize> {
    0..PEOPLE.len()
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        2 => Just(Place::Waiting),
        5 => Just(Place::In),
        2 => Just(Place::Aside),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let state = prop_oneof![
        6 => Just(RoomState::Open),
        3 => Just(RoomState::Paused),
        1 => Just(RoomState::Ended),
    ];
    prop_oneof![
        4 => who().prop_map(Edit::Seat),
        2 => who().prop_map(Edit::Unseat),
        8 => (who(), place()).prop_map(|(who, place)| Edit::Place(who, place)),
        6 => (who(), any::<u8>()).prop_map(|(who, hears)| Edit::Hears(who, hears)),
        2 => (who(), 0..8_u8).prop_map(|(who, kinds)| Edit::Publish(who, kinds)),
        1 => who().prop_map(Edit::RaiseGeneration),
        4 => state.prop_map(Edit::State),
        1 => (0..60_000_u64).prop_map(Edit::ExpireIn),
    ]
}

fn can() -> impl Strategy<Value = Can> {
    // Mostly everything, so that the abilities in common change.
    let able = || prop::bool::weighted(0.8);
    (able(), able(), able(), able()).prop_map(|(encryption, redundancy, vp9, av1)| Can {
        encryption: encryption.then_some(1),
        redundancy: redundancy.then_some(1),
        simulcast: None,
        codecs: VideoCodecs {
            vp9,
            av1,
            h264: false,
        },
    })
}

fn saying() -> impl Strategy<Value = Saying> {
    prop_oneof![
        4 => Just(Saying::Restart),
        1 => Just(Saying::Leave),
        2 => any::<(bool, bool)>().prop_map(|(audio, video)| Saying::Media(audio, video)),
        1 => Just(Saying::Ping),
        1 => Just(Saying::Candidate),
        1 => Just(Saying::JoinAgain),
        4 => any::<bool>().prop_map(|on| Saying::Publish(MediaKind::Screen, on)),
        1 => any::<bool>().prop_map(|on| Saying::Publish(MediaKind::Video, on)),
        4 => (who(), prop::sample::select(&MediaKind::ALL[..]), prop::sample::select(&[0, 0, 200, 720][..]))
            .prop_map(|(of, kind, height)| Saying::Want(of, kind, height)),
        2 => (prop::option::of(who()), any::<bool>())
            .prop_map(|(to, commit)| Saying::Seal { to, commit }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let resume = prop_oneof![
        Just(Resume::Nothing),
        Just(Resume::Right),
        Just(Resume::Wrong)
    ];
    let older = prop_oneof![8 => Just(0), 1 => Just(1)];
    let late = prop_oneof![8 => Just(0_u32), 1 => Just(1), 1 => Just(2)];
    let verdict = prop_oneof![9 => Just(Verdict::Fits), 1 => Just(Verdict::Refused)];
    let ms = prop_oneof![
        4 => 0..300_u64,
        4 => 1_000..1_200_u64,
        2 => 9_000..11_000_u64,
        1 => 19_000..21_000_u64,
    ];
    prop_oneof![
        6 => vec(edit(), 1..4).prop_map(Step::Document),
        1 => edit().prop_map(Step::LateDocument),
        10 => (who(), older, resume, can())
            .prop_map(|(who, older, resume, can)| Step::Arrive { who, older, resume, can }),
        3 => (who(), prop::bool::weighted(0.2))
            .prop_map(|(who, refused)| Step::Lose { who, refused }),
        4 => (who(), saying()).prop_map(|(who, saying)| Step::Say(who, saying)),
        14 => (who(), late, verdict)
            .prop_map(|(who, late, verdict)| Step::Answer { who, late, verdict }),
        10 => who().prop_map(Step::Connect),
        4 => (who(), any::<bool>()).prop_map(|(who, deaf)| Step::Disturb { who, deaf }),
        2 => who().prop_map(Step::Fail),
        1 => Just(Step::FailToOpen),
        1 => any::<usize>().prop_map(Step::FormerTransport),
        1 => (any::<u64>(), saying())
            .prop_map(|(which, saying)| Step::ClosedConnection(which, saying)),
        2 => (who(), 0..4_u16).prop_map(|(who, pair)| Step::WantKeyframe(who, pair)),
        1 => who().prop_map(Step::Measure),
        6 => (ms, any::<bool>()).prop_map(|(ms, flowing)| Step::Wait { ms, flowing }),
    ]
}

fn named(bits: u8) -> impl Iterator<Item = usize> {
    (0..PEOPLE.len()).filter(move |index| bits & (1 << index) != 0)
}

fn seat(who: usize) -> Seat {
    Seat {
        participant: PEOPLE[who].into(),
        role: Role::Citizen,
        generation: 2,
        place: Place::In,
        label: PEOPLE[who].to_uppercase(),
        publish: MediaKind::ALL.to_vec(),
        hears: PEOPLE
            .iter()
            .filter(|other| **other != PEOPLE[who])
            .map(|other| (*other).into())
            .collect(),
    }
}

fn first_document() -> impl Strategy<Value = RoomDocument> {
    vec(place(), 1..=PEOPLE.len()).prop_map(|places| RoomDocument {
        room: "r".into(),
        version: 10,
        expires_at_ms: 1_000_000_000,
        state: RoomState::Open,
        seats: places
            .into_iter()
            .enumerate()
            .map(|(who, place)| Seat { place, ..seat(who) })
            .collect(),
    })
}

impl Edit {
    fn apply(&self, document: &mut RoomDocument, now_ms: u64) {
        let place_of = |document: &RoomDocument, who: usize| {
            document
                .seats
                .iter()
                .position(|seat| seat.participant.as_str() == PEOPLE[who])
        };
        match self {
            Self::Seat(who) => {
                if place_of(document, *who).is_none() {
                    document.seats.push(seat(*who));
                }
            }
            Self::Unseat(who) => document
                .seats
                .retain(|seat| seat.participant.as_str() != PEOPLE[*who]),
            Self::State(state) => document.state = *state,
            Self::ExpireIn(ms) => {
                document.expires_at_ms = i64::try_from(now_ms + ms).unwrap();
            }
            Self::Place(who, _)
            | Self::Hears(who, _)
            | Self::Publish(who, _)
            | Self::RaiseGeneration(who) => {
                let Some(index) = place_of(document, *who) else {
                    return;
                };
                let seat = &mut document.seats[index];
                match self {
                    Self::Place(_, place) => seat.place = *place,
                    Self::Hears(_, hears) => {
                        // Their own name among them must do no harm.
                        seat.hears = named(*hears).map(|who| PEOPLE[who].into()).collect();
                    }
                    Self::Publish(_, kinds) => {
                        seat.publish = MediaKind::ALL
                            .into_iter()
                            .enumerate()
                            .filter(|(bit, _)| kinds & (1 << bit) != 0)
                            .map(|(_, kind)| kind)
                            .collect();
                    }
                    _ => seat.generation += 1,
                }
            }
        }
    }
}

impl Saying {
    fn message(self) -> ClientMessage {
        let message = match self {
            Self::Restart => json!({"type": "restart_ice"}),
            Self::Leave => json!({"type": "leave"}),
            Self::Media(audio, video) => json!({"type": "media", "audio": audio, "video": video}),
            Self::Ping => json!({"type": "ping", "t": 1}),
            Self::Candidate => json!({"type": "candidate", "candidate": ""}),
            Self::JoinAgain => json!({"type": "join", "token": "again"}),
            Self::Publish(kind, on) => json!({"type": "publish", "kind": kind, "on": on}),
            Self::Want(of, kind, height) => {
                json!({"type": "want", "participant": PEOPLE[of], "kind": kind, "height": height})
            }
            Self::Seal { to, commit } => json!({
                "type": "seal",
                "to": to.map(|to| PEOPLE[to]),
                "kind": if commit { "commit" } else { "key_package" },
                "group": "g",
                "epoch": 0,
                "payload": "",
            }),
        };
        serde_json::from_value(message).unwrap()
    }
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Document(edits) => {
            let mut document = world.model.document.clone();
            document.version += 1;
            for edit in edits {
                edit.apply(&mut document, world.ms);
            }
            world.apply(document);
        }
        Step::LateDocument(edit) => {
            let mut document = world.model.document.clone();
            document.version -= 1;
            edit.apply(&mut document, world.ms);
            world.apply(document);
        }
        Step::Arrive {
            who,
            older,
            resume,
            can,
        } => {
            let who = PEOPLE[*who];
            let generation = world.model.seat(who).map_or(2, |seat| seat.generation);
            let resume = match resume {
                Resume::Nothing => None,
                Resume::Right => world.secret_of(who),
                Resume::Wrong => Some("not the secret".to_owned()),
            };
            world.arrive(who, generation - older, resume, *can);
        }
        Step::Lose { who, refused } => world.lose(PEOPLE[*who], *refused),
        Step::Say(who, saying) => world.say(PEOPLE[*who], saying.message()),
        Step::Answer { who, late, verdict } => world.answer(PEOPLE[*who], *late, *verdict),
        Step::Connect(who) => world.connect(PEOPLE[*who]),
        Step::Disturb { who, deaf } => world.disturb(PEOPLE[*who], *deaf),
        Step::Fail(who) => world.fail(PEOPLE[*who]),
        Step::FailToOpen => world.fail_to_open = true,
        Step::FormerTransport(which) => world.hear_of_a_former_transport(*which),
        Step::ClosedConnection(which, saying) => {
            world.hear_of_a_closed_connection(*which, saying.message());
        }
        Step::WantKeyframe(who, pair) => world.want_keyframe(PEOPLE[*who], *pair),
        Step::Measure(who) => world.measure(PEOPLE[*who]),
        Step::Wait { ms, flowing } => world.wait(*ms, *flowing),
    }
}

proptest! {
    #[test]
    fn whatever_happens_everyone_hears_whom_they_may_and_nobody_else(
        document in first_document(),
        steps in vec(step(), 1..60),
    ) {
        let mut world = World::new(document);
        for step in &steps {
            take(&mut world, step);
        }
        world.calm_down();
    }
}
