//! What a client must know of the server's description, and the descriptions
//! that it answers or offers, in the manner of browsers.

use std::fmt::Write;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddrV4};

use rtc::sdp::description::common::Attribute;
use rtc::sdp::{MediaDescription, SessionDescription};

use crate::ice::Credentials;
use crate::shape::Kind;

const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The server's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Of its ICE agent.
    pub credentials: Credentials,
    /// Of its certificate, SHA-256.
    pub fingerprint: String,
    /// Its candidate; none when it trickles.
    pub address: Option<SocketAddrV4>,
    /// Its m-lines, in order.
    pub lines: Vec<Line>,
}

/// One m-line of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its identification.
    pub mid: String,
    /// Sound or image.
    pub kind: Kind,
    /// What the server does on it.
    pub direction: Direction,
    /// Payload types, extension.
    pub format: Format,
}

/// How packets look on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Opus or VP8.
    pub payload_type: u8,
    /// Its repair format.
    pub rtx: Option<u8>,
    /// The number of the transport-wide sequence extension.
    pub transport_cc: Option<u8>,
}

/// The direction of a line, from the side that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Nobody does anything.
    Inactive,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    fn reverse(self) -> Self {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            other => other,
        }
    }
}

/// What a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssrcs {
    /// Of sound and image.
    pub media: [u32; 2],
    /// Of what repairs the image.
    pub rtx: u32,
}

impl Ssrcs {
    /// Of the publisher with that number.
    pub fn of(publisher: usize) -> Self {
        let first = 1_000_000 + 4 * publisher as u32;
        Self {
            media: [first, first + 1],
            rtx: first + 2,
        }
    }
}

/// The client's side.
#[derive(Debug, Clone)]
pub struct Local {
    /// Of its ICE agent.
    pub credentials: Credentials,
    /// Of its certificate.
    pub fingerprint: String,
    /// Its candidate.
    pub address: SocketAddrV4,
    /// What it sends, if anything.
    pub sends: Option<Ssrcs>,
}

fn value<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .map(|attribute| attribute.value.as_deref().unwrap_or_default())
}

/// Reads an offer or an answer; none if something needed is missing.
pub fn parse(text: &str) -> Option<Remote> {
    let description = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes())).ok()?;
    // Bundled: what the first line says of the transport holds for all.
    let first = description.media_descriptions.first()?;
    let transport =
        |key: &str| value(&first.attributes, key).or_else(|| value(&description.attributes, key));
    let (algorithm, fingerprint) = transport("fingerprint")?.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    Some(Remote {
        credentials: Credentials {
            ufrag: transport("ice-ufrag")?.to_owned(),
            password: transport("ice-pwd")?.to_owned(),
        },
        fingerprint: fingerprint.to_owned(),
        address: first.attributes.iter().find_map(candidate),
        lines: description
            .media_descriptions
            .iter()
            .filter_map(line)
            .collect(),
    })
}

fn candidate(attribute: &Attribute) -> Option<SocketAddrV4> {
    if attribute.key != "candidate" {
        return None;
    }
    let parts: Vec<&str> = attribute.value.as_deref()?.split_whitespace().collect();
    let [_, component, transport, _, address, port, ..] = parts[..] else {
        return None;
    };
    if component != "1" || !transport.eq_ignore_ascii_case("udp") {
        return None;
    }
    let address: Ipv4Addr = address.parse().ok()?;
    Some(SocketAddrV4::new(address, port.parse().ok()?))
}

fn line(media: &MediaDescription) -> Option<Line> {
    let (kind, codec) = match media.media_name.media.as_str() {
        "audio" => (Kind::Audio, "opus/"),
        "video" => (Kind::Video, "vp8/"),
        _ => return None,
    };
    let attributes = &media.attributes;
    let numbered = |key: &str| {
        let key = key.to_owned();
        attributes.iter().filter_map(move |attribute| {
            if attribute.key != key {
                return None;
            }
            let (number, rest) = attribute.value.as_deref()?.split_once(' ')?;
            Some((number, rest))
        })
    };
    let payload_type: u8 = numbered("rtpmap")
        .find(|(_, name)| name.to_ascii_lowercase().starts_with(codec))?
        .0
        .parse()
        .ok()?;
    let apt = format!("apt={payload_type}");
    let rtx = numbered("fmtp")
        .find(|(_, parameters)| parameters.split(';').any(|one| one.trim() == apt))
        .and_then(|(number, _)| number.parse().ok());
    let transport_cc = numbered("extmap")
        .find(|(_, uri)| uri.split_whitespace().next() == Some(TRANSPORT_CC))
        .and_then(|(number, _)| number.split('/').next()?.parse().ok());
    let direction = [
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ]
    .into_iter()
    .find(|direction| value(attributes, direction.word()).is_some())
    .unwrap_or(Direction::SendRecv);
    Some(Line {
        mid: value(attributes, "mid")?.to_owned(),
        kind,
        direction,
        format: Format {
            payload_type,
            rtx,
            transport_cc,
        },
    })
}

/// The answer to a server's offer.
pub fn answer(offer: &Remote, local: &Local) -> String {
    let lines: Vec<Line> = offer
        .lines
        .iter()
        .map(|line| Line {
            direction: match line.direction.reverse() {
                Direction::SendRecv if local.sends.is_none() => Direction::RecvOnly,
                direction => direction,
            },
            ..line.clone()
        })
        .collect();
    write_description(&lines, local)
}

/// An offer to a server that only answers: one line for each kind.
pub fn offer(local: &Local) -> String {
    let line = |mid: &str, kind, payload_type, rtx, transport_cc| Line {
        mid: mid.to_owned(),
        kind,
        direction: Direction::SendOnly,
        format: Format {
            payload_type,
            rtx,
            transport_cc,
        },
    };
    let lines = [
        line("0", Kind::Audio, 111, None, Some(3)),
        line("1", Kind::Video, 96, Some(97), Some(3)),
    ];
    write_description(&lines, local)
}

fn write_description(lines: &[Line], local: &Local) -> String {
    let mut text =
        String::from("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    let mids: Vec<&str> = lines.iter().map(|line| line.mid.as_str()).collect();
    let _ = write!(
        text,
        "a=group:BUNDLE {}\r\na=msid-semantic: WMS load\r\n",
        mids.join(" ")
    );
    for line in lines {
        write_line(&mut text, line, local);
    }
    text
}

fn write_line(text: &mut String, line: &Line, local: &Local) {
    let Format {
        payload_type,
        rtx,
        transport_cc,
    } = line.format;
    let name = match line.kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    };
    let mut all = vec![
        format!("m={name} 9 UDP/TLS/RTP/SAVPF {payload_type}"),
        "c=IN IP4 0.0.0.0".to_owned(),
        "a=rtcp:9 IN IP4 0.0.0.0".to_owned(),
        format!(
            "a=candidate:1 1 udp {} {} {} typ host",
            2_113_937_151_u32,
            local.address.ip(),
            local.address.port()
        ),
        format!("a=ice-ufrag:{}", local.credentials.ufrag),
        format!("a=ice-pwd:{}", local.credentials.password),
        format!("a=fingerprint:sha-256 {}", local.fingerprint),
        "a=setup:active".to_owned(),
        format!("a=mid:{}", line.mid),
        format!("a={}", line.direction.word()),
        "a=rtcp-mux".to_owned(),
    ];
    if let Some(rtx) = rtx {
        all[0] += &format!(" {rtx}");
    }
    if let Some(number) = transport_cc {
        all.push(format!("a=extmap:{number} {TRANSPORT_CC}"));
    }
    match line.kind {
        Kind::Audio => {
            all.push(format!("a=rtpmap:{payload_type} opus/48000/2"));
            all.push(format!("a=fmtp:{payload_type} minptime=10;useinbandfec=1"));
        }
        Kind::Video => {
            all.push("a=rtcp-rsize".to_owned());
            all.push(format!("a=rtpmap:{payload_type} VP8/90000"));
            for feedback in ["ccm fir", "nack", "nack pli"] {
                all.push(format!("a=rtcp-fb:{payload_type} {feedback}"));
            }
        }
    }
    if transport_cc.is_some() {
        all.push(format!("a=rtcp-fb:{payload_type} transport-cc"));
    }
    if let Some(rtx) = rtx {
        all.push(format!("a=rtpmap:{rtx} rtx/90000"));
        all.push(format!("a=fmtp:{rtx} apt={payload_type}"));
    }
    let sends = matches!(line.direction, Direction::SendOnly | Direction::SendRecv);
    if let (true, Some(ssrcs)) = (sends, local.sends) {
        let ssrc = ssrcs.media[line.kind.index()];
        all.push(format!("a=msid:load {name}"));
        let repaired = line.kind == Kind::Video && rtx.is_some();
        if repaired {
            all.push(format!("a=ssrc-group:FID {ssrc} {}", ssrcs.rtx));
        }
        for ssrc in [Some(ssrc), repaired.then_some(ssrcs.rtx)]
            .into_iter()
            .flatten()
        {
            all.push(format!("a=ssrc:{ssrc} cname:load"));
            all.push(format!("a=ssrc:{ssrc} msid:load {name}"));
        }
    }
    for line in all {
        text.push_str(&line);
        text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(sends: bool) -> Local {
        Local {
            credentials: Credentials {
                ufrag: "near".into(),
                password: "near-password-long-enough".into(),
            },
            fingerprint: "AA:BB".into(),
            address: SocketAddrV4::new([127, 1, 0, 1].into(), 40_000),
            sends: sends.then(|| Ssrcs::of(3)),
        }
    }

    #[test]
    fn what_is_offered_is_what_is_read() {
        let read = parse(&offer(&local(true))).unwrap();
        assert_eq!(read.credentials, local(true).credentials);
        assert_eq!(read.fingerprint, "AA:BB");
        assert_eq!(read.address, Some(local(true).address));
        assert_eq!(read.lines.len(), 2);
        assert_eq!(read.lines[1].direction, Direction::SendOnly);
        assert_eq!(
            read.lines[1].format,
            Format {
                payload_type: 96,
                rtx: Some(97),
                transport_cc: Some(3)
            }
        );
    }

    #[test]
    fn an_answer_turns_every_line_round() {
        let mut theirs = parse(&offer(&local(false))).unwrap();
        theirs.lines[0].direction = Direction::RecvOnly;
        theirs.lines[1].mid = "video-of-another".into();
        let text = answer(&theirs, &local(true));
        let read = parse(&text).unwrap();
        assert_eq!(read.lines[0].direction, Direction::SendOnly);
        assert_eq!(read.lines[1].direction, Direction::RecvOnly);
        assert_eq!(read.lines[1].mid, "video-of-another");
        assert!(text.contains("a=ssrc:1000012 cname:load"));
        assert!(!text.contains("a=ssrc:1000013"), "nothing is sent there");
    }

    #[test]
    fn what_is_no_description_is_none() {
        for text in [
            "",
            "v=0",
            "nonsense",
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
