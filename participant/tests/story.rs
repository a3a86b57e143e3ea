//! A call between two participants of an independent WebRTC stack: they join,
//! hear and see each other, one leaves and comes back, lines break and media stays.

#![allow(clippy::unwrap_used, missing_docs)]

mod hall;

use hall::{Hall, PATIENCE};
use participant::{Noticed, Participant, Phase};
use signaling::protocol::{ClientMessage, MediaKind, ServerMessage};
use tokio::time::timeout;

async fn hall() -> Hall {
    Hall::opens("127.0.0.1:0", None).await
}

struct Person {
    name: String,
    participant: Participant,
}

impl Person {
    fn enters(hall: &Hall, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            participant: hall.enters(name, "127.0.0.1:0", 2),
        }
    }

    async fn until<T>(&mut self, what: &str, mut fits: impl FnMut(Noticed) -> Option<T>) -> T {
        let name = self.name.clone();
        let search = async {
            loop {
                let noticed = self.participant.next().await;
                let noticed = noticed.unwrap_or_else(|| panic!("{name} is gone, not {what}"));
                if let Some(found) = fits(noticed) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("{name} waited in vain: {what}"))
    }

    /// Waits until voice and image numbered at least so have come.
    async fn hears(&mut self, other: &Person) {
        let wanted = [MediaKind::Audio, MediaKind::Video].map(|kind| other.participant.said(kind));
        let mut heard = [false, false];
        self.until(&format!("to hear {}", other.name), |noticed| {
            if let Noticed::Heard { from, kind, words } = noticed {
                assert_eq!(from.as_str(), other.name);
                heard[kind as usize] |= words.number > wanted[kind as usize];
            }
            (heard == [true, true]).then_some(())
        })
        .await;
    }
}

async fn hear_each_other(one: &mut Person, two: &mut Person) {
    one.hears(two).await;
    two.hears(one).await;
}

#[tokio::test]
async fn two_join_hear_each_other_leave_and_come_back() {
    let hall = hall().await;
    let mut angele = Person::enters(&hall, "angele");
    let mut jean = Person::enters(&hall, "jean");
    hear_each_other(&mut angele, &mut jean).await;

    angele.participant.leave();
    let end = angele
        .until("the end of the line", |noticed| match noticed {
            Noticed::Phase(Phase::Over(code)) => Some(code),
            _ => None,
        })
        .await;
    assert_eq!(end, 1000);
    jean.until("to be told that she left", |noticed| match noticed {
        Noticed::Message(ServerMessage::State(room)) => room
            .participants
            .iter()
            .any(|other| other.participant.as_str() == "angele" && !other.connected)
            .then_some(()),
        _ => None,
    })
    .await;

    let mut angele = Person::enters(&hall, "angele");
    hear_each_other(&mut angele, &mut jean).await;

    // A page loaded anew comes back without its secret, to a fresh connection.
    angele.participant.reload();
    let fresh = angele
        .until("another offer", |noticed| match noticed {
            Noticed::Message(ServerMessage::Offer { fresh, .. }) => Some(fresh),
            _ => None,
        })
        .await;
    assert!(fresh);
    hear_each_other(&mut angele, &mut jean).await;
    hall.closes().await;
}

#[tokio::test]
async fn another_path_on_the_same_connection_is_given_when_asked_for() {
    let hall = hall().await;
    let mut angele = Person::enters(&hall, "angele");
    let mut jean = Person::enters(&hall, "jean");
    hear_each_other(&mut angele, &mut jean).await;
    angele
        .participant
        .say(ClientMessage::RestartIce { fresh: false });
    angele
        .until("another offer", |noticed| match noticed {
            Noticed::Message(ServerMessage::Offer { fresh, .. }) => Some(fresh),
            _ => None,
        })
        .await;
    hear_each_other(&mut angele, &mut jean).await;
    hall.closes().await;
}
