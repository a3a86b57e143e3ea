//! Somebody with a password of their own tries to take what is another's: the
//! address that the other speaks from.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "support/media.rs"]
mod media;
#[path = "support/scrape.rs"]
mod scrape;

use std::time::Duration;

use media::{Person, Wish};
use rtc::stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, Message, Setter};
use signaling::room_document::Place;
use support::{TestNode, room};

/// A check that is good for whoever was offered this.
fn check_of(offer: &str) -> Vec<u8> {
    let told = |name: &str| {
        let mut lines = offer.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .to_owned()
    };
    let mut check = Message::new();
    check.set_type(BINDING_REQUEST);
    check.write_header();
    let username = format!("{}:page", told("a=ice-ufrag:"));
    check.add(ATTR_USERNAME, username.as_bytes());
    check.add(ATTR_USE_CANDIDATE, &[]);
    let crypto = rtc_crypto::default_provider().unwrap();
    MessageIntegrity::new_short_term_integrity_with_provider(told("a=ice-pwd:"), crypto.crypto())
        .add_to(&mut check)
        .unwrap();
    FINGERPRINT.add_to(&mut check).unwrap();
    check.raw
}

#[tokio::test]
async fn nobody_takes_the_address_of_somebody_who_is_heard() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let both = [("angele", Place::In), ("jean", Place::In)];
    control.push(&room("r", 1, &both)).await;
    let mut angele = Person::join(&node, "r", "angele").await;
    let mut jean = Person::join(&node, "r", "jean").await;
    angele.repeat("angele speaks");
    jean.repeat("jean speaks");
    angele.hears("jean speaks").await;
    jean.hears("angele speaks").await;

    // Angèle's check comes from where Jean is, again and again: as if she had
    // forged the sender of her datagrams.
    let offers = angele.offers_so_far();
    let forged = check_of(offers.last().unwrap()["sdp"].as_str().unwrap());
    let usurping = "datagrams_dropped_total{reason=\"usurping\"}";
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    {
        let counted = scrape::until(&node, usurping, |count| count >= 100.0);
        tokio::pin!(counted);
        loop {
            tokio::select! {
                _ = &mut counted => break,
                _ = pace.tick() => jean.wish(Wish::Datagram(forged.clone())),
            }
        }
    }
    jean.repeat("jean is still here");
    {
        let heard = angele.hears("jean is still here");
        tokio::pin!(heard);
        loop {
            tokio::select! {
                () = &mut heard => break,
                _ = pace.tick() => jean.wish(Wish::Datagram(forged.clone())),
            }
        }
    }
    angele.repeat("and so is angele");
    jean.hears("and so is angele").await;
    node.stop().await;
}
