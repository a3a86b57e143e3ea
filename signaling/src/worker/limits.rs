//! What one participant may do to a worker, and what an address is worth, tried
//! on transports that believe everybody.

#![allow(clippy::unwrap_used)]

use super::fuzzing::still::Still;
use super::fuzzing::{Driver, somewhere};
use super::*;
use crate::fuzzing::input::Input;

/// Angèle and Jean in a room; the first transport is hers.
fn two_in() -> Driver<Still> {
    let mut driver = Driver::new(());
    // A document that lets everybody in, and an arrival of each.
    for step in [&[0, 4, 0x2a, 0][..], &[1, 0], &[1, 2]] {
        driver.step(&mut Input::new(step));
        driver.settle();
    }
    driver
}

/// A check for a transport comes from an address.
fn check(driver: &mut Driver<Still>, transport: u8, from: u8) {
    driver.step(&mut Input::new(&[4, from, transport, 0, 0]));
    driver.settle();
}

fn send(driver: &mut Driver<Still>, from: u8, datagram: &[u8], now: Instant) {
    let mut datagram = datagram.to_vec();
    driver
        .worker
        .take_datagram(somewhere(from), &mut datagram, now);
    driver.settle();
}

/// What a transport that believes everybody takes for media.
const MEDIA: [u8; 6] = [140, 0, 0, 0, 1, 7];
const NOTHING: [u8; 1] = [127];

#[test]
fn datagrams_beyond_a_second_s_worth_are_dropped() {
    let mut driver = two_in();
    check(&mut driver, 0, 1);
    check(&mut driver, 1, 2);
    let most = u64::from(driver.worker.limits.datagrams_per_second);
    let later = Instant::now() + Duration::from_secs(10);
    for _ in 0..most + 500 {
        send(&mut driver, 1, &NOTHING, later);
    }
    assert_eq!(driver.worker.counted.datagrams_refused, 500);
    send(&mut driver, 2, &NOTHING, later);
    assert_eq!(driver.worker.counted.datagrams_refused, 500, "Jean may");
    let next = later + Duration::from_millis(250);
    for _ in 0..most {
        send(&mut driver, 1, &NOTHING, next);
    }
    let refused = 500 + most - most / 4;
    assert_eq!(driver.worker.counted.datagrams_refused, refused);
}

#[test]
fn a_transport_has_its_last_addresses_only() {
    let mut driver = two_in();
    let now = Instant::now();
    for from in 1..=peers::ADDRESSES as u8 + 2 {
        check(&mut driver, 0, from);
    }
    for (from, known) in [(1, false), (2, false), (3, true), (6, true)] {
        let before = driver.worker.counted.datagrams_unknown;
        send(&mut driver, from, &NOTHING, now);
        let unknown = driver.worker.counted.datagrams_unknown - before;
        assert_eq!(unknown == 0, known, "from {from}");
    }
}

#[test]
fn an_address_changes_hands_only_when_nobody_is_heard_from_it() {
    let mut driver = two_in();
    check(&mut driver, 0, 1);
    check(&mut driver, 1, 2);
    let owner = |driver: &Driver<Still>| driver.worker.peers.by_address(somewhere(2));
    send(&mut driver, 2, &MEDIA, Instant::now());
    check(&mut driver, 0, 2);
    assert_eq!(owner(&driver), Some(1), "Jean is heard from there");
    assert_eq!(driver.worker.counted.datagrams_usurping, 1);
    check(&mut driver, 1, 2);
    assert_eq!(driver.worker.counted.datagrams_usurping, 1, "his own check");
    // Three seconds of silence.
    driver.step(&mut Input::new(&[5, 0x0b, 0xb8]));
    check(&mut driver, 0, 2);
    assert_eq!(owner(&driver), Some(0));
}
