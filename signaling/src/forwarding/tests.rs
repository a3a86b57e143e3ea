//! Stories of one room's table, packet by packet.

use std::time::Duration;

use bytes::Bytes;

use super::*;

const A: SeatIndex = SeatIndex(0);
const B: SeatIndex = SeatIndex(1);
const C: SeatIndex = SeatIndex(2);

fn packet(sequence: u16, timestamp: u32) -> RtpPacket {
    RtpPacket {
        payload_type: 96,
        marker: false,
        sequence,
        timestamp,
        payload: Bytes::from_static(b"x"),
    }
}

const fn image(seat: SeatIndex) -> Source {
    Source {
        seat,
        kind: MediaKind::Video,
    }
}

fn routed(table: &mut Forwarding, publisher: SeatIndex, sequence: u16) -> Vec<(u32, u16, u16)> {
    routed_on(table, image(publisher), 0, false, sequence)
}

fn routed_on(
    table: &mut Forwarding,
    source: Source,
    layer: u8,
    keyframe: bool,
    sequence: u16,
) -> Vec<(u32, u16, u16)> {
    let mut out = Vec::new();
    table.route(
        source,
        layer,
        &packet(sequence, u32::from(sequence) * 10),
        keyframe,
        Instant::now(),
        |to| out.push((to.subscriber.0, to.line.0, to.sequence)),
    );
    out
}

#[test]
fn a_packet_leaves_only_where_it_is_allowed_and_negotiated() {
    for (case, allowed, negotiated, reaches) in [
        ("both", true, true, true),
        ("allowed only", true, false, false),
        ("negotiated only", false, true, false),
        ("neither", false, false, false),
    ] {
        let mut table = Forwarding::default();
        if allowed {
            table.allow(BTreeSet::from([(B, image(A))]));
        }
        if negotiated {
            table.connect(B, &[(image(A), LineId(0))], true);
        }
        let expected = if reaches { vec![(1, 0, 5)] } else { vec![] };
        assert_eq!(routed(&mut table, A, 5), expected, "{case}");
        assert_eq!(
            table.source_of(B, LineId(0)),
            reaches.then_some((image(A), 0)),
            "{case}"
        );
    }
}

#[test]
fn a_new_document_silences_with_the_next_packet_and_leaves_no_gap() {
    let mut table = Forwarding::default();
    table.allow(BTreeSet::from([(B, image(A)), (C, image(A))]));
    table.connect(B, &[(image(A), LineId(0))], true);
    table.connect(C, &[(image(A), LineId(3))], true);
    assert_eq!(routed(&mut table, A, 100), [(1, 0, 100), (2, 3, 100)]);

    table.allow(BTreeSet::from([(C, image(A))]));
    assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);

    let owed = table.allow(BTreeSet::from([(B, image(A)), (C, image(A))]));
    assert_eq!(owed, BTreeSet::from([image(A)]));
    assert_eq!(routed(&mut table, A, 102), [(1, 0, 101), (2, 3, 102)]);
    // Late, from while B heard nothing: it must not come out as a number already used.
    assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);
}

#[test]
fn a_line_stays_continuous_when_its_publisher_changes() {
    let mut table = Forwarding::default();
    table.allow(BTreeSet::from([(C, image(A)), (C, image(B))]));
    assert_eq!(
        table.connect(C, &[(image(A), LineId(0))], true),
        BTreeSet::from([image(A)])
    );
    assert_eq!(routed(&mut table, A, 65_535), [(2, 0, 65_535)]);
    assert_eq!(
        table.connect(C, &[(image(B), LineId(0))], false),
        BTreeSet::from([image(B)])
    );
    assert_eq!(routed(&mut table, A, 0), []);
    assert_eq!(routed(&mut table, B, 9_000), [(2, 0, 0)]);
    assert_eq!(routed(&mut table, B, 9_002), [(2, 0, 2)]);
    assert_eq!(routed(&mut table, B, 9_001), [(2, 0, 1)]);

    table.restart_source(B);
    assert_eq!(routed(&mut table, B, 17), [(2, 0, 3)]);
    // The same publisher, who sends from another source; the other layer's concerns nobody.
    table.restart_layer(image(B), 1);
    assert_eq!(routed(&mut table, B, 18), [(2, 0, 4)]);
    table.restart_layer(image(B), 0);
    assert_eq!(routed(&mut table, B, 40_000), [(2, 0, 5)]);
    assert_eq!(routed(&mut table, B, 40_001), [(2, 0, 6)]);
    // A fresh connection of the subscriber remembers nothing.
    table.connect(C, &[(image(B), LineId(0))], true);
    assert_eq!(routed(&mut table, B, 18), [(2, 0, 18)]);
}

#[test]
fn a_line_that_was_closed_goes_on_where_it_stopped() {
    // Whoever comes back numbers from a place of their own: below, above, far
    // around the corner.
    for start in [5, 30_001, 62_000] {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(B, image(A))]));
        table.connect(B, &[(image(A), LineId(0))], true);
        assert_eq!(routed(&mut table, A, 30_000), [(1, 0, 30_000)]);
        assert_eq!(table.connect(B, &[], false), BTreeSet::new());
        assert_eq!(routed(&mut table, A, 30_001), []);
        assert_eq!(table.source_of(B, LineId(0)), None);

        assert_eq!(
            table.connect(B, &[(image(A), LineId(0))], false),
            BTreeSet::from([image(A)])
        );
        assert_eq!(routed(&mut table, A, start), [(1, 0, 30_001)], "{start}");
        assert_eq!(table.source_of(B, LineId(0)), Some((image(A), 0)));

        // Nothing is left of a connection that is gone.
        table.connect(B, &[], true);
        assert!(table.lines.is_empty());
    }
}

#[test]
fn a_line_carries_one_layer_and_changes_where_an_image_begins() {
    let mut table = Forwarding::default();
    table.allow(BTreeSet::from([(B, image(A))]));
    table.connect(B, &[(image(A), LineId(0))], true);
    assert_eq!(routed_on(&mut table, image(A), 0, true, 10), [(1, 0, 10)]);
    assert_eq!(routed_on(&mut table, image(A), 1, true, 500), []);
    assert_eq!(
        table.want_layer(B, LineId(0), 1),
        Some((image(A), 1)),
        "its keyframe is needed"
    );
    for (case, layer, keyframe, sequence, expected) in [
        ("the old one goes on", 0, false, 11, Some(11)),
        ("not in the middle", 1, false, 501, None),
        ("changes", 1, true, 502, Some(12)),
        ("goes on", 1, false, 503, Some(13)),
        ("the old one is over", 0, true, 12, None),
    ] {
        let expected: Vec<_> = expected.map(|number| (1, 0, number)).into_iter().collect();
        assert_eq!(
            routed_on(&mut table, image(A), layer, keyframe, sequence),
            expected,
            "{case}"
        );
    }
    assert_eq!(table.want_layer(B, LineId(0), 1), None);
    assert_eq!(table.source_of(B, LineId(0)), Some((image(A), 1)));
}

#[test]
fn what_is_withheld_leaves_no_gap_and_comes_back_with_a_keyframe() {
    let mut table = Forwarding::default();
    table.allow(BTreeSet::from([(B, image(A))]));
    table.connect(B, &[(image(A), LineId(0))], true);
    assert_eq!(routed(&mut table, A, 10), [(1, 0, 10)]);
    assert_eq!(table.withhold(B, LineId(0), true), None);
    assert_eq!(routed(&mut table, A, 11), []);
    assert_eq!(table.withhold(B, LineId(0), false), Some((image(A), 0)));
    assert_eq!(routed(&mut table, A, 12), [(1, 0, 11)]);
}

#[test]
fn the_publishers_clock_follows_the_numbering_of_each_line() {
    let mut table = Forwarding::default();
    table.allow(BTreeSet::from([(C, image(A)), (C, image(B))]));
    table.connect(C, &[(image(A), LineId(0))], true);
    let start = Instant::now();
    table.route(image(A), 0, &packet(100, 1_000), false, start, |_| {});
    table.connect(C, &[(image(B), LineId(0))], false);
    let clock = SenderClock {
        ntp: 7,
        timestamp: 50_000,
        at: start,
    };
    let mut told = Vec::new();
    table.set_clock(image(B), 0, clock, |_, _, clock| told.push(clock.timestamp));
    assert_eq!(told, [0_u32; 0], "no packet has shown the offset yet");
    // 1000 becomes 100 * 10 + one frame.
    let mut clocks = Vec::new();
    table.route(image(B), 0, &packet(9, 1_000), false, start, |to| {
        clocks.push((to.timestamp, to.clock.map(|clock| clock.timestamp)));
    });
    assert_eq!(clocks, [(4_000, Some(53_000))]);
    table.set_clock(image(B), 0, clock, |seat, line, clock| {
        assert_eq!((seat, line), (C, LineId(0)));
        told.push(clock.timestamp);
    });
    assert_eq!(told, [53_000]);
}

#[test]
fn timestamps_move_on_by_the_time_that_passed_at_a_change() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let audio = MediaKind::Audio;
    let mut rewrite = Rewrite::default();
    assert_eq!(
        rewrite.apply(1, 1_000, audio, at(0)),
        Some((1, 1_000)),
        "the first as it is"
    );
    for (case, sequence, timestamp, ms, expected) in [
        ("at once: by a frame", 500, 77, 5, (2, 1_960)),
        ("goes on", 501, 77 + 960, 25, (3, 2_920)),
    ] {
        if sequence == 500 {
            rewrite.change_source();
        }
        let numbers = rewrite.apply(sequence, timestamp, audio, at(ms));
        assert_eq!(numbers, Some(expected), "{case}");
    }
    rewrite.change_source();
    assert_eq!(
        rewrite.apply(9, 5, audio, at(25 + 8_000)),
        Some((4, 2_920 + 8 * 48_000)),
        "eight seconds later"
    );
    // A day of silence must not look like a step back.
    rewrite.change_source();
    let (_, timestamp) = rewrite
        .apply(10, 5, audio, at(25 + 8_000 + 86_400_000))
        .unwrap();
    assert!(timestamp.wrapping_sub(2_920 + 8 * 48_000) < 1 << 31);
}

#[test]
fn a_long_stream_is_never_cut_by_the_guard_against_late_packets() {
    let mut rewrite = Rewrite::default();
    let mut sequence = 65_000_u16;
    let now = Instant::now();
    for step in 0..200_000_u32 {
        assert!(
            rewrite
                .apply(sequence, step, MediaKind::Video, now)
                .is_some()
        );
        sequence = sequence.wrapping_add(1);
    }
}

#[test]
fn no_number_leaves_twice_however_late_a_packet_is() {
    for behind in [1, 511, 512, Arrivals::SIZE - 1] {
        let mut rewrite = Rewrite::default();
        let now = Instant::now();
        let apply =
            |rewrite: &mut Rewrite, sequence| rewrite.apply(sequence, 0, MediaKind::Video, now);
        for sequence in 0..2_000 {
            assert!(apply(&mut rewrite, sequence).is_some());
        }
        // Held back for a moment, and let go again: numbers go on in a row.
        rewrite.change_source();
        let (sequence, _) = apply(&mut rewrite, 3_000).unwrap();
        assert_eq!(sequence, 2_000);
        assert_eq!(apply(&mut rewrite, 3_000 - behind), None, "{behind} behind");
    }
}

#[test]
fn no_number_leaves_twice_when_a_source_jumps_around_the_circle() {
    // 32,864 is ahead of 242, the highest that came, and behind 9, the highest that left.
    let mut rewrite = Rewrite::default();
    let now = Instant::now();
    let mut left = BTreeSet::new();
    for (sequence, expected) in [
        (1, 1),
        (2, 2),
        (9, 9),
        (32_864, 10),
        (32_866, 12),
        (32_865, 11),
    ] {
        let (number, _) = rewrite.apply(sequence, 0, MediaKind::Video, now).unwrap();
        assert_eq!(number, expected);
        assert!(left.insert(number));
    }
    assert_eq!(rewrite.apply(32_863, 0, MediaKind::Video, now), None);

    // Half the circle is neither before nor after.
    let mut rewrite = Rewrite::default();
    for (sequence, expected) in [(2, 2), (3, 3), (32_771, 4)] {
        let numbers = rewrite.apply(sequence, 0, MediaKind::Video, now);
        assert_eq!(numbers.unwrap().0, expected);
    }
}
