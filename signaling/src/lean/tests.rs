//! One transport as a value, without network.

#![allow(clippy::unwrap_used)]

use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;

fn keys(identity: &Identity) -> Box<Keys> {
    let context = || {
        let crypto = identity.crypto.crypto();
        let profile = ProtectionProfile::AeadAes128Gcm;
        Context::new(&[0; 16], &[0; 12], profile, None, None, crypto).unwrap()
    };
    Box::new(Keys {
        sealing: context(),
        opening: context(),
    })
}

fn config(publish: Vec<MediaKind>) -> TransportConfig {
    TransportConfig {
        candidates: vec!["192.0.2.1:5000".parse().unwrap()],
        ufrag: "node".to_owned(),
        password: "password".to_owned(),
        publish,
        codecs: Codecs::default(),
        simulcast: false,
    }
}

#[test]
fn a_line_that_is_used_again_has_sources_of_its_own() {
    let now = Instant::now();
    let identity = LeanTransport::share().unwrap();
    let mut transport = LeanTransport::open(&identity, config(vec![]), now).unwrap();
    let sources = |sdp: &str| -> Vec<String> {
        let named = sdp.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
        named.map(str::to_owned).collect()
    };
    let line = transport.open_line(MediaKind::Video, 1).unwrap();
    let first = sources(&transport.offer(now).unwrap().sdp);
    assert_eq!(first.len(), 2, "the image and its repairs");
    transport.close_line(line);
    let none = transport.offer(now).unwrap().sdp;
    assert!(none.contains("a=inactive"));
    assert_eq!(sources(&none), first, "a resting line keeps its names");
    assert_eq!(transport.open_line(MediaKind::Video, 2).unwrap(), line);
    let second = sources(&transport.offer(now).unwrap().sdp);
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|source| !first.contains(source)));
}

#[test]
fn media_flows_whichever_comes_first_the_handshake_or_the_answer() {
    let certificate = b"of the page".to_vec();
    let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
    let pairs: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let right = pairs.join(":");
    let wrong = right.replace(':', ";");
    for (handshake_first, fingerprint, expected) in [
        (true, &right, TransportEvent::Connected),
        (false, &right, TransportEvent::Connected),
        (true, &wrong, TransportEvent::Failed),
        (false, &wrong, TransportEvent::Failed),
    ] {
        let identity = LeanTransport::share().unwrap();
        let now = Instant::now();
        let mut transport =
            LeanTransport::open(&identity, config(vec![MediaKind::Audio]), now).unwrap();
        transport.offer(now).unwrap();
        let answer = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
             a=setup:active\r\na=fingerprint:sha-256 {fingerprint}\r\n"
        );
        let handshake = |transport: &mut LeanTransport| {
            transport.unproven = Some((keys(&identity), certificate.clone()));
            transport.prove(now);
        };
        if handshake_first {
            handshake(&mut transport);
            assert_eq!(transport.next_event(), None, "nobody is proven yet");
            assert!(transport.keys.is_none());
        }
        transport.answer(&answer, now).unwrap();
        if !handshake_first {
            handshake(&mut transport);
        }
        let connected = expected == TransportEvent::Connected;
        assert_eq!(transport.keys.is_some(), connected);
        assert_eq!(transport.next_event(), Some(expected));
    }
}

#[test]
fn another_source_of_the_same_track_is_told_before_its_first_packet() {
    let now = Instant::now();
    let identity = LeanTransport::share().unwrap();
    let published = config(vec![MediaKind::Audio]);
    let mut transport = LeanTransport::open(&identity, published, now).unwrap();
    transport.offer(now).unwrap();
    transport.keys = Some(keys(&identity));
    let mut page = keys(&identity).sealing;
    let mut told = Vec::new();
    for (source, sequence) in [(7, 30_000_u16), (7, 30_001), (8, 28_000), (8, 28_001)] {
        let [high, low] = sequence.to_be_bytes();
        let plain = [0x80, 111, high, low, 0, 0, 0, 0, 0, 0, 0, source, 1, 2, 3];
        transport.take_rtp(&page.encrypt_rtp(&plain).unwrap(), now);
        while let Some(event) = transport.next_event() {
            told.push(match event {
                TransportEvent::Rtp { packet, .. } => packet.sequence.to_string(),
                other => format!("{other:?}"),
            });
        }
    }
    let expected = [
        "30000",
        "30001",
        "SourceChanged(Audio, 0)",
        "28000",
        "28001",
    ];
    assert_eq!(told, expected);
}
