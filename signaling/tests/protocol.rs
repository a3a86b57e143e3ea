//! The fixtures that the pages' TypeScript reads too: each is a message that this
//! crate reads and writes back unchanged, and no message goes without one.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signaling::protocol::{ClientMessage, CloseCode, ParseError, ServerMessage};
use signaling::room_document::{NodeMessage, ServiceMessage};

fn fixtures() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/protocol");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect()
}

/// Reads as `M` and writes again; what is absent and what is null say the same.
fn there_and_back<M: DeserializeOwned + Serialize>(name: &str, fixture: &Value) {
    let message: M =
        serde_json::from_value(fixture.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(&serde_json::to_value(&message).unwrap(), fixture, "{name}");
}

#[test]
fn every_fixture_is_read_and_written_back() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 20);
    for (name, fixture) in &fixtures {
        let speaker = name.split('-').next().unwrap();
        match speaker {
            "client" => {
                there_and_back::<ClientMessage>(name, fixture);
                ClientMessage::parse(&fixture.to_string()).unwrap();
            }
            "server" => there_and_back::<ServerMessage>(name, fixture),
            "service" => {
                there_and_back::<ServiceMessage>(name, fixture);
                ServiceMessage::parse(&fixture.to_string()).unwrap();
            }
            "node" => there_and_back::<NodeMessage>(name, fixture),
            other => panic!("{name}: who is {other}?"),
        }
    }
}

#[test]
fn no_message_goes_without_a_fixture() {
    let fixtures = fixtures();
    let told = |speaker: &str, field: &str| -> BTreeSet<String> {
        fixtures
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{speaker}-")))
            .filter_map(|(_, fixture)| fixture[field].as_str().map(ToOwned::to_owned))
            .collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(told("client", "type"), set(ClientMessage::TYPES));
    assert_eq!(told("service", "type"), set(ServiceMessage::TYPES));
    assert_eq!(
        told("server", "type"),
        set(&[
            "waiting",
            "joined",
            "offer",
            "state",
            "quality",
            "limit",
            "seal",
            "seal_refused",
            "refused",
            "ended",
            "pong"
        ])
    );
    assert_eq!(
        told("node", "type"),
        set(&[
            "ready",
            "presence",
            "status",
            "applied",
            "room_refused",
            "event"
        ])
    );
    assert_eq!(
        told("node", "event"),
        set(&[
            "joined",
            "left",
            "media_started",
            "media_stopped",
            "media_resumed",
            "quality",
            "incident",
            "room_emptied"
        ])
    );
}

#[test]
fn unknown_types_are_told_apart_from_malformed_messages() {
    for (text, expected) in [
        (r#"{"type":"leave"}"#, Ok(ClientMessage::Leave {})),
        (r#"{"type":"leave","new":1}"#, Ok(ClientMessage::Leave {})),
        (r#"{"type":"dance"}"#, Err(ParseError::UnknownType)),
        (r#"{"type":"media"}"#, Err(ParseError::Malformed)),
        (r#"{"type":7}"#, Err(ParseError::Malformed)),
        (r#"{"leave":{}}"#, Err(ParseError::Malformed)),
        ("", Err(ParseError::Malformed)),
        ("null", Err(ParseError::Malformed)),
        (r#"{"type":"leave"} {}"#, Err(ParseError::Malformed)),
    ] {
        assert_eq!(ClientMessage::parse(text), expected, "{text}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(ClientMessage::parse(&deep), Err(ParseError::Malformed));
}

#[test]
fn every_close_code_is_in_the_written_protocol() {
    let written = include_str!("../PROTOCOL.md");
    for code in [
        CloseCode::Normal,
        CloseCode::GoingAway,
        CloseCode::Malformed,
        CloseCode::TokenRefused,
        CloseCode::NotInRoom,
        CloseCode::UnknownRoom,
        CloseCode::HeartbeatLost,
        CloseCode::Replaced,
        CloseCode::Ended,
        CloseCode::TooLarge,
        CloseCode::TooMany,
        CloseCode::Full,
    ] {
        let row = format!("| {} |", code.number());
        let retry = if code.retry() { "yes" } else { "no" };
        let line = written
            .lines()
            .find(|line| line.starts_with(&row))
            .unwrap_or_else(|| panic!("{row} is not in PROTOCOL.md"));
        assert!(line.contains(&format!("| {retry} |")), "{line}");
    }
}
