//! Two, three and hostile participants on loopback: what one sends arrives at
//! the others, and only where the room document lets it.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "support/media.rs"]
mod media;

use media::{Abilities, Noticed, Person, Wish};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use serde_json::json;
use signaling::protocol::MediaKind;
use signaling::room_document::{Fact, LeftReason, NodeMessage, Place, RoomState};
use support::{TestNode, room};

const BOTH_IN: &[(&str, Place)] = &[("angele", Place::In), ("jean", Place::In)];

async fn two_in(node: &TestNode) -> (support::Control, Person, Person) {
    let mut control = node.control().await;
    control.push(&room("r", 1, BOTH_IN)).await;
    let angele = Person::join(node, "r", "angele").await;
    let jean = Person::join(node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    (control, angele, jean)
}

#[tokio::test]
async fn two_participants_hear_and_see_each_other() {
    let node = TestNode::start().await;
    let (mut control, mut angele, mut jean) = two_in(&node).await;
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;
    let started = control
        .event(|event| matches!(event.fact, Fact::MediaStarted { .. }))
        .await;
    assert_eq!(started.room.as_str(), "r");
    node.stop().await;
}

#[tokio::test]
async fn somebody_who_waits_receives_nothing_until_let_in() {
    let node = TestNode::start().await;
    let (mut control, mut angele, mut jean) = two_in(&node).await;
    let people = |version, place| {
        room(
            "r",
            version,
            &[
                ("angele", Place::In),
                ("jean", Place::In),
                ("avocate", place),
            ],
        )
    };
    control.push(&people(2, Place::Waiting)).await;
    let mut avocate = Person::join(&node, "r", "avocate").await;
    avocate.expect("waiting").await;
    angele.hears("jean speaks").await;
    for noticed in avocate.so_far() {
        if let Noticed::Message(message) = &noticed {
            assert_eq!(message["type"], "state", "{noticed:?}");
            assert_eq!(message["participants"].as_array().unwrap().len(), 1);
        } else {
            panic!("somebody who waits noticed {noticed:?}");
        }
    }

    control.push(&people(3, Place::In)).await;
    avocate.expect("joined").await;
    avocate.repeat("avocate speaks");
    avocate.hears("jean speaks").await;
    avocate.hears("angele speaks").await;
    jean.hears("avocate speaks").await;

    // Sent back, with a page that keeps its peer connection all the same.
    control.push(&people(4, Place::Waiting)).await;
    avocate.expect("waiting").await;
    jean.repeat("after she left");
    angele.hears("after she left").await;
    assert!(!avocate.heard_so_far("after she left"));
    node.stop().await;
}

#[tokio::test]
async fn hearing_is_one_way_where_the_document_says_so_and_a_pause_is_silence() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let mut document = room("r", 1, BOTH_IN);
    document.seats[0].hears.clear();
    control.push(&document).await;
    let mut angele = Person::join(&node, "r", "angele").await;
    let mut jean = Person::join(&node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    jean.hears("angele speaks").await;
    assert!(!angele.heard_so_far("jean speaks"));

    document = room("r", 2, BOTH_IN);
    control.push(&document).await;
    angele.hears("jean speaks").await;

    document.version = 3;
    document.state = RoomState::Paused;
    control.push(&document).await;
    let state = loop {
        let state = jean.expect("state").await;
        if state["version"] == 3 {
            break state;
        }
    };
    assert_eq!(state["state"], "paused");
    assert_eq!(state["hears"], json!([]));
    angele.repeat("during the pause");
    // A packet sent after this point of the worker's time is not forwarded; one
    // that is heard must come after the pause ended.
    document.version = 4;
    document.state = RoomState::Open;
    control.push(&document).await;
    angele.repeat("after the pause");
    jean.hears("after the pause").await;
    node.stop().await;
}

#[tokio::test]
async fn a_third_participant_enters_and_leaves_on_the_same_connections() {
    let node = TestNode::start().await;
    let (mut control, mut angele, mut jean) = two_in(&node).await;
    angele.hears("jean speaks").await;
    angele.so_far();
    let three = room(
        "r",
        2,
        &[
            ("angele", Place::In),
            ("jean", Place::In),
            ("avocate", Place::In),
        ],
    );
    control.push(&three).await;
    let mut avocate = Person::join(&node, "r", "avocate").await;
    avocate.repeat("avocate speaks");
    avocate.hears("angele speaks").await;
    avocate.hears("jean speaks").await;
    let offer = angele.expect("offer").await;
    assert_eq!(offer["fresh"], false);
    let tracks = offer["tracks"].as_object().unwrap();
    assert_eq!(
        tracks.len(),
        6,
        "own two, and two of each other: {tracks:?}"
    );
    angele.hears("avocate speaks").await;
    jean.hears("avocate speaks").await;

    avocate.wish(Wish::Say(json!({"type": "leave"})));
    let left = control
        .event(|event| matches!(event.fact, Fact::Left { .. }))
        .await;
    assert_eq!(left.participant.unwrap().as_str(), "avocate");
    assert_eq!(
        left.fact,
        Fact::Left {
            reason: LeftReason::Left
        }
    );
    let offer = angele.expect("offer").await;
    assert_eq!(offer["tracks"].as_object().unwrap().len(), 4);
    let sdp = offer["sdp"].as_str().unwrap();
    assert_eq!(sdp.matches("a=inactive").count(), 2, "{sdp}");

    // Whoever comes next takes the free lines.
    let mut again = Person::join(&node, "r", "avocate").await;
    again.repeat("avocate is back");
    let offer = angele.expect("offer").await;
    assert_eq!(offer["tracks"].as_object().unwrap().len(), 6);
    assert_eq!(offer["sdp"].as_str().unwrap().matches("m=").count(), 6);
    angele.hears("avocate is back").await;
    again.hears("angele speaks").await;
    node.stop().await;
}

#[tokio::test]
async fn a_screen_is_shared_on_lines_of_its_own_by_whoever_may() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let mut document = room("r", 1, BOTH_IN);
    document.seats[0].publish.push(MediaKind::Screen);
    control.push(&document).await;
    let mut angele = Person::join(&node, "r", "angele").await;
    let mut jean = Person::join(&node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;
    jean.so_far();

    // Jean may not: nothing is offered to him or to her before her own screen is.
    jean.wish(Wish::Say(
        json!({"type": "publish", "kind": "screen", "on": true}),
    ));
    let share = |on| Wish::Say(json!({"type": "publish", "kind": "screen", "on": on}));
    for round in 0..2 {
        angele.so_far();
        angele.wish(share(true));
        let (hers, his) = (angele.expect("offer").await, jean.expect("offer").await);
        for offer in [&hers, &his] {
            assert_eq!(offer["fresh"], false);
            let screens: Vec<_> = offer["tracks"]
                .as_object()
                .unwrap()
                .values()
                .filter(|track| track["kind"] == "screen")
                .collect();
            assert_eq!(
                screens,
                [&json!({"participant": "angele", "kind": "screen"})]
            );
            // The same lines serve the second time.
            assert_eq!(offer["sdp"].as_str().unwrap().matches("m=").count(), 5);
        }
        jean.sees_the_screen("angele speaks").await;
        jean.hears("angele speaks").await;

        jean.so_far();
        angele.wish(share(false));
        let (hers, his) = (angele.expect("offer").await, jean.expect("offer").await);
        for offer in [&hers, &his] {
            assert_eq!(offer["tracks"].as_object().unwrap().len(), 4, "{round}");
        }
        jean.hears("angele speaks").await;
    }

    // The right is taken away while the screen is shared.
    angele.wish(share(true));
    jean.sees_the_screen("angele speaks").await;
    control.push(&room("r", 2, BOTH_IN)).await;
    loop {
        let state = jean.expect("state").await;
        if state["version"] == 2 {
            assert_eq!(state["participants"][0]["screen"], json!(null));
            break;
        }
    }
    angele.repeat("angele goes on");
    jean.hears("angele goes on").await;
    assert!(!jean.heard_so_far("screen: angele goes on"));
    node.stop().await;
}

/// Up to six, coming and going in waves; those who stay keep their connections.
#[tokio::test]
async fn guests_come_and_go_in_waves_on_the_same_connections() {
    const NAMES: [&str; 6] = [
        "angele",
        "jean",
        "avocate",
        "ami",
        "interprete",
        "stagiaire",
    ];
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let everyone: Vec<(&str, Place)> = NAMES.iter().map(|name| (*name, Place::In)).collect();
    control.push(&room("r", 1, &everyone)).await;
    let mut people: Vec<Person> = Vec::new();
    let mut most = 0;
    for (wave, size) in [2, 6, 3, 5, 2, 6].into_iter().enumerate() {
        while people.len() > size {
            let gone = people.pop().unwrap();
            gone.wish(Wish::Say(json!({"type": "leave"})));
            let by = gone.name.clone();
            control
                .event(|event| {
                    matches!(event.fact, Fact::Left { .. })
                        && event
                            .participant
                            .as_ref()
                            .is_some_and(|who| who.as_str() == by)
                })
                .await;
        }
        while people.len() < size {
            people.push(Person::join(&node, "r", NAMES[people.len()]).await);
        }
        most = most.max(size);
        for person in &people {
            person.repeat(&format!("{} in wave {wave}", person.name));
        }
        let names: Vec<String> = people.iter().map(|person| person.name.clone()).collect();
        for person in &mut people {
            let others = names.iter().filter(|name| **name != person.name);
            let words: Vec<String> = others
                .map(|name| format!("{name} in wave {wave}"))
                .collect();
            person.hears_all(&words).await;
        }
    }
    // Two lines of her own, two of each other at most: lines are used again.
    let offers = people[0].offers_so_far();
    let last = offers.last().unwrap();
    assert!(offers.iter().skip(1).all(|offer| offer["fresh"] == false));
    assert_eq!(
        last["sdp"].as_str().unwrap().matches("m=").count(),
        2 * most
    );
    node.stop().await;
}

#[tokio::test]
async fn media_comes_back_after_a_restart_and_goes_on_during_a_reconnection() {
    let node = TestNode::start().await;
    let (mut control, mut angele, mut jean) = two_in(&node).await;
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;
    jean.so_far();

    angele.wish(Wish::Say(json!({"type": "restart_ice"})));
    let offer = angele.expect("offer").await;
    assert_eq!(offer["fresh"], false, "another path on the same connection");
    angele.repeat("angele after the restart");
    jean.hears("angele after the restart").await;
    jean.repeat("jean after the restart");
    angele.hears("jean after the restart").await;

    // The signaling connection is replaced; the transport is not.
    angele.wish(Wish::Reconnect { resume: true });
    angele.expect("joined").await;
    let resumed = control
        .event(|event| matches!(event.fact, Fact::Joined { resumed: true }))
        .await;
    assert_eq!(resumed.participant.unwrap().as_str(), "angele");
    jean.repeat("still the same transport");
    angele.so_far();
    angele.hears("still the same transport").await;
    assert!(
        !angele.so_far().iter().any(
            |noticed| matches!(noticed, Noticed::Message(message) if message["type"] == "offer")
        )
    );

    // Without the secret, the page has lost its transport and gets another.
    angele.wish(Wish::Reconnect { resume: false });
    let offer = angele.expect("offer").await;
    assert_eq!(offer["fresh"], true);
    jean.repeat("to the new transport");
    angele.hears("to the new transport").await;
    node.stop().await;
}

/// Browsers number from a random place at each start, and refuse as a replay
/// whatever is numbered below what they decrypted on the same line.
#[tokio::test]
async fn who_leaves_and_comes_back_is_heard_on_the_same_lines_wherever_they_count_from() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, BOTH_IN)).await;
    let mut jean = Person::join(&node, "r", "jean").await;
    jean.repeat("jean speaks");
    for (round, starts) in [
        (20_000, 3_000),
        (30_000, 60_000),
        (100, 40_000),
        (9_000, 65_500),
    ]
    .into_iter()
    .enumerate()
    {
        let mut angele = Person::join(&node, "r", "angele").await;
        angele.wish(Wish::CountFrom(starts.0));
        angele.repeat(&format!("angele in round {round}"));
        jean.hears(&format!("angele in round {round}")).await;
        angele.hears("jean speaks").await;

        // Her page is loaded anew, without leaving.
        angele.wish(Wish::Silence);
        angele.wish(Wish::CountFrom(starts.1));
        angele.wish(Wish::Reconnect { resume: false });
        angele.repeat(&format!("angele again in round {round}"));
        jean.hears(&format!("angele again in round {round}")).await;
        angele.hears("jean speaks").await;

        angele.wish(Wish::Say(json!({"type": "leave"})));
        loop {
            // No fresh transport may be what mends it.
            let offer = jean.expect("offer").await;
            assert_eq!(offer["fresh"], false);
            if offer["tracks"].as_object().unwrap().len() == 2 {
                break;
            }
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn keyframe_requests_reach_the_publisher() {
    let node = TestNode::start().await;
    let (_control, mut angele, mut jean) = two_in(&node).await;
    jean.hears("angele speaks").await;
    // One at least was asked for when Jean began to receive her.
    angele.is_asked_for_a_keyframe().await;
    angele.so_far();
    // As a browser does, Jean asks again until it comes: the relay is throttled.
    let mut again = tokio::time::interval(std::time::Duration::from_millis(200));
    let asked = angele.is_asked_for_a_keyframe();
    tokio::pin!(asked);
    loop {
        tokio::select! {
            () = &mut asked => break,
            _ = again.tick() => jean.wish(Wish::AskKeyframe),
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn lost_images_are_asked_for_again() {
    let node = TestNode::start().await;
    let (_control, mut angele, mut jean) = two_in(&node).await;
    jean.hears("angele speaks").await;
    angele.wish(Wish::LoseEvery(7));
    angele.repeat("with losses");
    // Until two hundred in a row have come, whatever comes after them.
    let mut images = std::collections::BTreeSet::new();
    let mut in_a_row = 0;
    while in_a_row < 200 {
        assert!(images.len() < 3_000, "what is missing does not come");
        if let Noticed::Heard { video: true, words } = jean.next().await
            && let Some((_, number)) = words.split_once("with losses #")
        {
            images.insert(number.parse::<u32>().unwrap());
            let first = images.first().copied().unwrap_or_default();
            while images.contains(&(first + in_a_row)) {
                in_a_row += 1;
            }
        }
    }
    // Each loss is asked for once, and once more if its repair was lost as well. A
    // receiver that does not know its own repairs asks until it gives up: this was
    // seen to cost 38 packets for one.
    angele.wish(Wish::TellRepairs);
    let (lost, resent) = loop {
        if let Noticed::Repairs { lost, resent } = angele.next().await {
            break (lost, resent);
        }
    };
    assert!(lost >= 10, "{lost}");
    assert!(resent <= 3 * lost, "{resent} for {lost}");
    node.stop().await;
}

#[tokio::test]
async fn a_browser_without_the_best_encryption_is_let_through_at_the_second_attempt() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, BOTH_IN)).await;
    let old = Abilities {
        srtp: vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80],
        ..Abilities::default()
    };
    let mut angele = Person::join_with(&node, "r", "angele", old).await;
    let mut jean = Person::join(&node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;
    node.stop().await;
}

#[tokio::test]
async fn an_answer_slower_than_the_handshake_loses_nothing() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, BOTH_IN)).await;
    let late = Abilities {
        answers_late: true,
        ..Abilities::default()
    };
    let mut angele = Person::join_with(&node, "r", "angele", late).await;
    let mut jean = Person::join(&node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;
    // Not by a second connection, which would have cost ten seconds.
    let offers = angele.offers_so_far();
    assert!(offers.iter().skip(1).all(|offer| offer["fresh"] == false));
    node.stop().await;
}

#[tokio::test]
async fn media_that_stays_away_is_told_and_mute_is_not_silence() {
    let node = TestNode::start().await;
    let (mut control, angele, mut jean) = two_in(&node).await;
    jean.hears("angele speaks").await;
    angele.wish(Wish::Silence);
    let by_angele = |fits: fn(&Fact) -> bool| {
        move |event: &signaling::room_document::RoomEvent| {
            event
                .participant
                .as_ref()
                .is_some_and(|participant| participant.as_str() == "angele")
                && fits(&event.fact)
        }
    };
    control
        .event(by_angele(|fact| matches!(fact, Fact::MediaStopped { .. })))
        .await;
    angele.repeat("angele is back");
    control
        .event(by_angele(|fact| matches!(fact, Fact::MediaResumed { .. })))
        .await;
    let incident = control
        .event(by_angele(|fact| matches!(fact, Fact::Incident { .. })))
        .await;
    let Fact::Incident { from_ms, to_ms, .. } = incident.fact else {
        unreachable!()
    };
    assert!(from_ms < to_ms);

    angele.wish(Wish::Say(
        json!({"type": "media", "audio": false, "video": false}),
    ));
    loop {
        let state = jean.expect("state").await;
        let muted = state["participants"]
            .as_array()
            .unwrap()
            .iter()
            .any(|other| other["participant"] == "angele" && other["audio"] == false);
        if muted {
            break;
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn hostile_datagrams_change_nothing() {
    let node = TestNode::start().await;
    let (mut control, mut angele, mut jean) = two_in(&node).await;
    angele.hears("jean speaks").await;
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // Deterministic noise, from a stranger and from an address that is known,
    // with every first byte: STUN, DTLS, RTP, RTCP and nothing at all.
    let mut state = 0x9e37_79b9_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    for round in 0..4_000_u32 {
        let length = (noise() % 200) as usize;
        let mut datagram: Vec<u8> = (0..length).map(|_| noise() as u8).collect();
        if let Some(first) = datagram.first_mut() {
            *first = (round % 256) as u8;
        }
        if length > 24 && round % 3 == 0 {
            // A check that is almost one.
            datagram[0] = 0;
            datagram[1] = 1;
            datagram[2..4].copy_from_slice(&((length as u16) - 20).to_be_bytes());
            datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        let _ = stranger.send_to(&datagram, node.udp[0]);
        if round % 4 == 0 {
            jean.wish(Wish::Datagram(datagram));
        }
    }
    jean.repeat("jean after the noise");
    angele.hears("jean after the noise").await;
    angele.repeat("angele after the noise");
    jean.hears("angele after the noise").await;
    // The worker answers, too.
    let answer = control.push(&room("r", 2, BOTH_IN)).await;
    assert!(matches!(answer, NodeMessage::Applied { version: 2, .. }));
    node.stop().await;
}
