//! What one participant may cost, tried from the browser's end of the keys:
//! everything here is sealed as a browser would, and too much of it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::feedback::{MOST_RESENDS, MOST_SPEAKERS};
use super::fuzzing::{Driver, somewhere};
use super::*;
use crate::fuzzing::input::Input;

/// The image line of a driver: its second one.
const IMAGE: LineId = LineId(3);
const IMAGE_SSRC: u32 = 0x103;

fn driver() -> Driver {
    let identity = LeanTransport::share().unwrap();
    let mut driver = Driver::new(&identity);
    // A check with the password, which nominates.
    driver.check_of_ice(&mut Input::new(&[0, 1, 0, 0x24, 0, 4, 0, 0, 0, 1]));
    driver
}

impl Driver {
    fn hear(&mut self, plain: &[u8]) {
        let mut sealed = self.sealing.encrypt_rtcp(plain).unwrap();
        self.arrive(somewhere(0), &mut sealed);
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// How many of the datagrams sent by `step` were opened.
    fn opened(&mut self, step: impl FnOnce(&mut Self)) -> u64 {
        let before = self.transport.authenticated();
        step(self);
        self.transport.authenticated() - before
    }

    fn send_images(&mut self, line: LineId, sequences: std::ops::Range<u16>) {
        for sequence in sequences {
            let packet = RtpPacket {
                payload_type: 96,
                marker: false,
                sequence,
                timestamp: 0,
                payload: bytes::Bytes::from_static(b"image"),
            };
            self.transport.write_rtp(line, &packet, self.now);
        }
    }
}

/// A wish for a keyframe of `media`, from the source `sender`.
fn keyframe_wish(sender: u32, media: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 206, 0, 2];
    packet.extend(sender.to_be_bytes());
    packet.extend(media.to_be_bytes());
    packet
}

/// A request for 16 times so many packets in a row.
fn request(media: u32, first: u16, pairs: u16) -> Vec<u8> {
    let mut packet = vec![0x81, 205, 0, 2 + pairs as u8];
    packet.extend(7_u32.to_be_bytes());
    packet.extend(media.to_be_bytes());
    for pair in 0..pairs {
        packet.extend((first + 16 * pair).to_be_bytes());
        // The fifteen that follow, too.
        packet.extend(0x7fff_u16.to_be_bytes());
    }
    packet
}

#[test]
fn rtcp_beyond_its_budget_is_not_opened() {
    let mut driver = driver();
    let wish = keyframe_wish(7, IMAGE_SSRC);
    let hundred = |driver: &mut Driver| (0..100).for_each(|_| driver.hear(&wish));
    assert_eq!(driver.opened(hundred), u64::from(RTCP_AT_ONCE));
    driver.wait(125);
    assert_eq!(driver.opened(hundred), u64::from(RTCP_PER_SECOND / 8));
    driver.wait(60_000);
    assert_eq!(
        driver.opened(hundred),
        u64::from(RTCP_AT_ONCE),
        "a minute of rest saves no more than that"
    );
}

#[test]
fn each_rtcp_packet_of_a_compound_counts() {
    let mut driver = driver();
    let compound = keyframe_wish(7, IMAGE_SSRC).repeat(40);
    let single = keyframe_wish(7, IMAGE_SSRC);
    assert_eq!(driver.opened(|driver| driver.hear(&compound)), 1);
    let rest = driver.opened(|driver| (0..100).for_each(|_| driver.hear(&single)));
    assert_eq!(rest, u64::from(RTCP_AT_ONCE) - 40);
}

#[test]
fn so_many_sources_speak_rtcp_and_no_more() {
    let mut driver = driver();
    let mut opened = 0;
    for speaker in 0..3 * MOST_SPEAKERS as u32 {
        driver.wait(1_000);
        opened += driver.opened(|driver| driver.hear(&keyframe_wish(speaker, IMAGE_SSRC)));
    }
    assert_eq!(opened, MOST_SPEAKERS as u64);
    assert_eq!(driver.transport.speakers.len(), MOST_SPEAKERS);
    assert_eq!(
        driver.opened(|driver| driver.hear(&keyframe_wish(0, IMAGE_SSRC))),
        1,
        "who was heard before is heard on"
    );
}

#[test]
fn packets_are_sent_again_within_a_budget() {
    let mut driver = driver();
    for _ in 0..2 {
        driver.open_line(MediaKind::Video);
    }
    driver.take_lines();
    for line in [IMAGE, LineId(4), LineId(5)] {
        driver.send_images(line, 0..256);
    }
    driver.wait(200);
    let ask = |driver: &mut Driver| {
        for media in [IMAGE_SSRC, 0x104, 0x105] {
            driver.hear(&request(media, 0, 8));
            driver.hear(&request(media, 128, 8));
        }
        driver.transport.stats().resends
    };
    assert_eq!(ask(&mut driver), u64::from(RESENDS_PER_SECOND));
    assert_eq!(
        ask(&mut driver),
        u64::from(RESENDS_PER_SECOND),
        "nothing is left at once"
    );
    driver.wait(125);
    let later = u64::from(RESENDS_PER_SECOND + RESENDS_PER_SECOND / 8);
    assert_eq!(ask(&mut driver), later);
}

#[test]
fn one_request_is_for_so_many_packets() {
    let mut driver = driver();
    driver.send_images(IMAGE, 0..256);
    driver.wait(200);
    driver.hear(&request(IMAGE_SSRC, 0, 16));
    assert_eq!(driver.transport.stats().resends, MOST_RESENDS as u64);
}

#[test]
fn the_same_packet_is_sent_again_at_a_pace() {
    let mut driver = driver();
    driver.transport.round_trip = Some(Duration::ZERO);
    driver.send_images(IMAGE, 0..1);
    let mut nack = request(IMAGE_SSRC, 0, 1);
    // It asks for nothing but the first.
    nack[14..].fill(0);
    for (ms, resends) in [(0, 1), (0, 1), (9, 1), (1, 2), (10, 3)] {
        driver.wait(ms);
        driver.hear(&nack);
        assert_eq!(driver.transport.stats().resends, resends, "after {ms}");
    }
}

#[test]
fn wishes_for_keyframes_are_passed_on_at_a_pace() {
    let mut driver = driver();
    while driver.transport.next_event().is_some() {}
    for (ms, passed) in [(0, true), (0, false), (199, false), (1, true)] {
        driver.wait(ms);
        driver.hear(&keyframe_wish(7, IMAGE_SSRC));
        let event = passed.then_some(TransportEvent::KeyframeWanted(IMAGE));
        assert_eq!(driver.transport.next_event(), event, "after {ms}");
    }
}

#[test]
fn lines_are_counted() {
    let mut driver = driver();
    let mut transport = || driver.transport.open_line(MediaKind::Video, 1);
    let opened = (0..200).filter(|_| transport().is_ok()).count();
    // Two each way were there.
    assert_eq!(opened, MOST_LINES - 4);
}
