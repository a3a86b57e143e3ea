//! The offers that a transport makes, and the answers that browsers give.
//!
//! Only the node offers, so an answer says little: whose certificate, which of
//! the lines are taken, and on which sources the browser sends. It is a
//! stranger's text all the same: `rtc-sdp` reads it, and whatever does not fit
//! the offer is refused.

use std::fmt::Write;
use std::io::Cursor;
use std::net::SocketAddr;

use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::session::SessionDescription;

use super::dtls::Fingerprint;
use super::header::extension;
use crate::protocol::MediaKind;
use crate::transport::payload_type::{AV1, H264, OPUS, RED, VP9, repair_of};
use crate::transport::{Codecs, LAYERS, TransportError};

/// The layers of a simulcast image by their restriction identifiers, the low one
/// first: two, since a third would cost more than a hearing gains by it.
pub(crate) const RIDS: [&str; LAYERS] = ["l", "h"];
/// Sources that one line of an answer may name.
const MOST_SOURCES: usize = 12;

/// One m-line to offer.
pub(crate) struct OfferedLine {
    pub kind: MediaKind,
    pub content: Content,
    pub mid: String,
}

/// What an m-line is for.
pub(crate) enum Content {
    /// The participant may send on it.
    Receive { simulcast: bool },
    /// The participant receives on it, or will again: a line that is not `open`
    /// keeps its names, since Chromium loses a stream's encryption for good when
    /// the stream goes from an offer and comes back in a later one.
    Send {
        open: bool,
        group: u32,
        ssrc: u32,
        repair: Option<u32>,
    },
    /// Nobody uses it at present.
    Nothing,
}

/// What does not depend on the lines.
pub(crate) struct Session<'a> {
    pub id: u64,
    pub version: u64,
    pub ufrag: &'a str,
    pub password: &'a str,
    pub fingerprint: &'a str,
    pub candidates: &'a [SocketAddr],
    pub codecs: Codecs,
}

/// Writes an offer.
pub(crate) fn offer(session: &Session<'_>, lines: &[OfferedLine]) -> String {
    let mut sdp = String::with_capacity(1_024 * (lines.len() + 1));
    let mids: Vec<&str> = lines.iter().map(|line| line.mid.as_str()).collect();
    // Writing to a string cannot fail.
    let _ = write!(
        sdp,
        "v=0\r\no=- {} {} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
         a=group:BUNDLE {}\r\na=msid-semantic: WMS *\r\na=ice-lite\r\na=extmap-allow-mixed\r\n",
        session.id,
        session.version,
        mids.join(" "),
    );
    for line in lines {
        write_line(&mut sdp, session, line);
    }
    sdp
}

fn write_line(sdp: &mut String, session: &Session<'_>, line: &OfferedLine) {
    let mut formats = Vec::new();
    for codec in session.codecs.of(line.kind) {
        formats.push(codec);
        if line.kind.is_image() {
            formats.push(repair_of(codec));
        }
    }
    let list: Vec<String> = formats.iter().map(u8::to_string).collect();
    let media = if line.kind.is_image() {
        "video"
    } else {
        "audio"
    };
    let _ = write!(
        sdp,
        "m={media} 9 UDP/TLS/RTP/SAVPF {}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
         a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:actpass\r\n\
         a=mid:{}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
         a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:{} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
        list.join(" "),
        session.ufrag,
        session.password,
        session.fingerprint,
        line.mid,
        extension::MID,
        extension::TRANSPORT_CC,
    );
    for codec in session.codecs.of(line.kind) {
        write_codec(sdp, codec, line.kind);
    }
    match &line.content {
        Content::Receive { simulcast } => {
            sdp.push_str("a=recvonly\r\n");
            if *simulcast {
                let _ = write!(
                    sdp,
                    "a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
                     a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n",
                    extension::RID,
                    extension::REPAIRED_RID,
                );
                for rid in RIDS {
                    let _ = write!(sdp, "a=rid:{rid} recv\r\n");
                }
                let _ = write!(sdp, "a=simulcast:recv {}\r\n", RIDS.join(";"));
            }
        }
        Content::Send {
            open,
            group,
            ssrc,
            repair,
        } => {
            let direction = if *open { "sendonly" } else { "inactive" };
            let _ = write!(
                sdp,
                "a={direction}\r\na=msid:group{group} line{}\r\na=ssrc:{ssrc} cname:group{group}\r\n",
                line.mid
            );
            if let Some(repair) = repair {
                let _ = write!(
                    sdp,
                    "a=ssrc:{repair} cname:group{group}\r\na=ssrc-group:FID {ssrc} {repair}\r\n"
                );
            }
        }
        Content::Nothing => sdp.push_str("a=inactive\r\n"),
    }
    for (number, candidate) in (1..).zip(session.candidates) {
        // The first is preferred: type preference 126 of a host (RFC 8445 section 5.1.2).
        let local = 65_536_u32.saturating_sub(number);
        let priority = (126_u32 << 24) + (local << 8) + 255;
        let (ip, port) = (candidate.ip(), candidate.port());
        let _ = write!(
            sdp,
            "a=candidate:{number} 1 udp {priority} {ip} {port} typ host\r\n"
        );
    }
    sdp.push_str("a=end-of-candidates\r\n");
}

fn write_codec(sdp: &mut String, codec: u8, kind: MediaKind) {
    let (name, parameters) = match codec {
        OPUS => ("opus/48000/2", "minptime=10;useinbandfec=1"),
        RED => ("red/48000/2", "111/111"),
        VP9 => ("VP9/90000", "profile-id=0"),
        AV1 => ("AV1/90000", ""),
        H264 => (
            "H264/90000",
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
        _ => ("VP8/90000", ""),
    };
    let _ = write!(sdp, "a=rtpmap:{codec} {name}\r\n");
    if !parameters.is_empty() {
        let _ = write!(sdp, "a=fmtp:{codec} {parameters}\r\n");
    }
    if kind.is_image() {
        for feedback in ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"] {
            let _ = write!(sdp, "a=rtcp-fb:{codec} {feedback}\r\n");
        }
        let repair = repair_of(codec);
        let _ = write!(
            sdp,
            "a=rtpmap:{repair} rtx/90000\r\na=fmtp:{repair} apt={codec}\r\n"
        );
    } else if codec == OPUS {
        let _ = write!(sdp, "a=rtcp-fb:{codec} transport-cc\r\n");
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub fingerprint: Fingerprint,
    /// In the order of the offer.
    pub lines: Vec<AnsweredLine>,
}

/// What an answer says of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnsweredLine {
    /// False for a line that the browser does not use.
    pub taken: bool,
    /// The sources that it sends on.
    pub sources: Vec<Source>,
}

/// A source of packets, as an answer names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    pub ssrc: u32,
    /// The source whose packets it repeats.
    pub repairs: Option<u32>,
}

/// Reads the answer to an offer with these mids.
pub(crate) fn read_answer(sdp: &str, mids: &[&str]) -> Result<Answer, TransportError> {
    let refused = |why: &str| TransportError::Answer(why.to_owned());
    let answer = SessionDescription::unmarshal(&mut Cursor::new(sdp))
        .map_err(|error| TransportError::Answer(error.to_string()))?;
    if answer.media_descriptions.len() != mids.len() {
        return Err(refused("not as many lines as were offered"));
    }
    let mut fingerprint = value(&answer.attributes, "fingerprint");
    let mut setup = value(&answer.attributes, "setup");
    let mut lines = Vec::with_capacity(mids.len());
    for (media, mid) in answer.media_descriptions.iter().zip(mids) {
        if value(&media.attributes, "mid") != Some(mid) {
            return Err(refused("the lines are not those that were offered"));
        }
        let taken = media.media_name.port.value != 0;
        if taken {
            if let Some(own) = value(&media.attributes, "fingerprint") {
                if fingerprint.is_some_and(|other| other != own) {
                    return Err(refused("two certificates for one transport"));
                }
                fingerprint = Some(own);
            }
            setup = value(&media.attributes, "setup").or(setup);
        }
        lines.push(AnsweredLine {
            taken,
            sources: sources(&media.attributes),
        });
    }
    if setup != Some("active") {
        return Err(refused("the browser does not begin the handshake"));
    }
    let (algorithm, value) = fingerprint
        .and_then(|fingerprint| fingerprint.split_once(' '))
        .ok_or_else(|| refused("no fingerprint"))?;
    Ok(Answer {
        fingerprint: Fingerprint {
            algorithm: algorithm.to_owned(),
            value: value.trim().to_owned(),
        },
        lines,
    })
}

fn value<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .and_then(|attribute| attribute.value.as_deref())
        .map(str::trim)
}

fn sources(attributes: &[Attribute]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    let values = |key: &'static str| {
        attributes
            .iter()
            .filter(move |attribute| attribute.key == key)
            .filter_map(|attribute| attribute.value.as_deref())
    };
    for line in values("ssrc") {
        let ssrc = line.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
        if let Some(ssrc) = ssrc
            && sources.len() < MOST_SOURCES
            && !sources.iter().any(|source| source.ssrc == ssrc)
        {
            sources.push(Source {
                ssrc,
                repairs: None,
            });
        }
    }
    for group in values("ssrc-group") {
        let mut words = group.split_ascii_whitespace();
        if words.next() != Some("FID") {
            continue;
        }
        let mut next = || words.next().and_then(|ssrc| ssrc.parse::<u32>().ok());
        if let (Some(media), Some(repair)) = (next(), next())
            && media != repair
            && let Some(source) = sources.iter_mut().find(|source| source.ssrc == repair)
        {
            source.repairs = Some(media);
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn session<'a>(candidates: &'a [SocketAddr]) -> Session<'a> {
        Session {
            id: 7,
            version: 2,
            ufrag: "node",
            password: "password",
            fingerprint: "AB:CD",
            candidates,
            codecs: Codecs::default(),
        }
    }

    fn lines() -> Vec<OfferedLine> {
        let line = |kind, content, mid: &str| OfferedLine {
            kind,
            content,
            mid: mid.to_owned(),
        };
        vec![
            line(MediaKind::Audio, Content::Receive { simulcast: false }, "0"),
            line(MediaKind::Video, Content::Receive { simulcast: true }, "1"),
            line(
                MediaKind::Video,
                Content::Send {
                    open: true,
                    group: 3,
                    ssrc: 11,
                    repair: Some(12),
                },
                "2",
            ),
            line(MediaKind::Audio, Content::Nothing, "3"),
        ]
    }

    #[test]
    fn an_offer_says_what_each_line_is_for() {
        let candidates = ["192.0.2.1:5000", "[2001:db8::1]:5000"].map(|at| at.parse().unwrap());
        let mut session = session(&candidates);
        session.codecs = Codecs {
            vp9: true,
            red: true,
            ..Codecs::default()
        };
        let sdp = offer(&session, &lines());
        let read = SessionDescription::unmarshal(&mut Cursor::new(&sdp)).unwrap();
        assert_eq!(read.media_descriptions.len(), 4);
        for line in [
            "a=group:BUNDLE 0 1 2 3",
            "a=ice-lite",
            "m=audio 9 UDP/TLS/RTP/SAVPF 63 111",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99",
            "a=fmtp:97 apt=96",
            "a=fmtp:63 111/111",
            "a=rid:h recv",
            "a=simulcast:recv l;h",
            "a=ssrc-group:FID 11 12",
            "a=msid:group3 line2",
            "a=inactive",
            "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
            "a=candidate:2 1 udp 2130706175 2001:db8::1 5000 typ host",
        ] {
            assert!(sdp.lines().any(|found| found == line), "{line} in {sdp}");
        }
        assert!(!sdp.contains("AV1"));
    }

    #[test]
    fn a_line_that_rests_keeps_its_names() {
        let mut lines = lines();
        lines[2].content = Content::Send {
            open: false,
            group: 3,
            ssrc: 11,
            repair: Some(12),
        };
        let sdp = offer(&session(&[]), &lines);
        let resting = sdp.split("m=").nth(3).unwrap();
        for line in [
            "a=inactive",
            "a=msid:group3 line2",
            "a=ssrc:11 cname:group3",
        ] {
            assert!(resting.contains(line), "{line} in {resting}");
        }
        assert!(!resting.contains("a=sendonly"));
    }

    const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

    fn line(mid: &str, more: &str) -> String {
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
             a=fingerprint:sha-256 AB:CD\r\na=setup:active\r\n{more}"
        )
    }

    #[test]
    fn an_answer_is_taken_if_it_fits_and_refused_if_it_does_not() {
        let rejected = line("1", "").replace("m=video 9", "m=video 0");
        for (case, sdp, fits) in [
            (
                "both",
                [HEAD, &line("0", ""), &line("1", "")].concat(),
                true,
            ),
            (
                "one rejected",
                [HEAD, &line("0", ""), &rejected].concat(),
                true,
            ),
            ("one too few", [HEAD, &line("0", "")].concat(), false),
            (
                "one too many",
                [HEAD, &line("0", ""), &line("1", ""), &line("2", "")].concat(),
                false,
            ),
            (
                "turned round",
                [HEAD, &line("1", ""), &line("0", "")].concat(),
                false,
            ),
            (
                "two certificates",
                [HEAD, &line("0", ""), &line("1", "").replace("AB", "EF")].concat(),
                false,
            ),
            (
                "passive",
                [HEAD, &line("0", ""), &line("1", "")]
                    .concat()
                    .replace("active", "passive"),
                false,
            ),
            (
                "no fingerprint",
                [HEAD, &line("0", ""), &line("1", "")]
                    .concat()
                    .replace("fingerprint", "print"),
                false,
            ),
            ("empty", String::new(), false),
            ("no description", "v=0".to_owned(), false),
        ] {
            assert_eq!(read_answer(&sdp, &["0", "1"]).is_ok(), fits, "{case}");
        }
    }

    #[test]
    fn sources_are_told_apart_and_bounded() {
        let more = "a=ssrc:1 cname:x\r\na=ssrc:1 msid:y\r\na=ssrc:2 cname:x\r\n\
                    a=ssrc:-3 cname:x\r\na=ssrc:99999999999 cname:x\r\na=ssrc\r\n\
                    a=ssrc-group:FID 1 2\r\na=ssrc-group:FID 1\r\na=ssrc-group:SIM 1 2\r\n\
                    a=ssrc-group:FID 2 2\r\n";
        let answer = read_answer(&[HEAD, &line("0", more)].concat(), &["0"]).unwrap();
        assert_eq!(
            answer.lines[0].sources,
            [
                Source {
                    ssrc: 1,
                    repairs: None
                },
                Source {
                    ssrc: 2,
                    repairs: Some(1)
                }
            ]
        );
        let many: String = (0..500)
            .map(|ssrc| format!("a=ssrc:{ssrc} cname:x\r\n"))
            .collect();
        let answer = read_answer(&[HEAD, &line("0", &many)].concat(), &["0"]).unwrap();
        assert_eq!(answer.lines[0].sources.len(), MOST_SOURCES);
    }
}
