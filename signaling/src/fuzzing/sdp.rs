//! Answers of pages to an offer of the node.

use std::time::Instant;

use crate::lean::LeanTransport;
use crate::protocol::MediaKind;
use crate::transport::{Codecs, Transport, TransportConfig};

/// An answer to an offer of two lines each way.
pub(super) fn answer(data: &[u8]) {
    let Ok(sdp) = std::str::from_utf8(data) else {
        return;
    };
    SHARED.with(|shared| {
        let now = Instant::now();
        let config = TransportConfig {
            candidates: vec!["192.0.2.1:9".parse().expect("an address")],
            ufrag: "nodeufrg".to_owned(),
            password: "node-password-of-24-chars".to_owned(),
            publish: vec![MediaKind::Audio, MediaKind::Video],
            codecs: Codecs::default(),
            simulcast: false,
        };
        let mut transport =
            LeanTransport::open(shared, config, now).expect("a transport can be made");
        for kind in [MediaKind::Audio, MediaKind::Video] {
            transport.open_line(kind, 1).expect("a line can be made");
        }
        transport.offer(now).expect("an offer can be made");
        let _ = transport.answer(sdp, now);
        while transport.next_event().is_some() {}
        while transport.next_datagram().is_some() {}
        // A second one, refused or not, must be bearable too.
        let _ = transport.answer(sdp, now);
        let _ = transport.offer(now);
    });
}

thread_local! {
    static SHARED: <LeanTransport as Transport>::Shared =
        LeanTransport::share().expect("a certificate can be made");
}
