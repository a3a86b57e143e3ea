//! ICE-lite (RFC 8445): the browser checks, the node answers. Whoever shows the
//! password owns the address that they show it from, and the last check that
//! nominates decides where datagrams go.
//!
//! STUN itself is the `rtc-stun` crate's; this file knows no sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_crypto::RTCCryptoProvider;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::error_code::{CODE_ROLE_CONFLICT, ErrorCodeAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, Setter};
use rtc_stun::xoraddr::XorMappedAddress;

/// Browsers check their path every few seconds; three missed checks are a lost path.
const SILENT: Duration = Duration::from_secs(8);
const LOST: Duration = Duration::from_secs(12);
/// The longest check that is read; browsers' are about a hundred bytes.
const LONGEST: usize = 512;

/// The node's end of one participant's path.
pub(crate) struct Ice {
    crypto: Arc<dyn RTCCryptoProvider>,
    /// The present credentials first, then those before the last restart, until
    /// the browser uses the present ones.
    credentials: Vec<Credentials>,
    remote: Option<SocketAddr>,
    heard: Option<Instant>,
    state: PathState,
}

struct Credentials {
    ufrag: String,
    password: String,
}

/// How the path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathState {
    /// Nobody came yet, or somebody is there.
    Alive,
    /// Nothing was heard for a while.
    Silent,
    /// Nothing was heard for too long.
    Lost,
}

impl Ice {
    pub fn new(crypto: Arc<dyn RTCCryptoProvider>, ufrag: String, password: String) -> Self {
        Self {
            crypto,
            credentials: vec![Credentials { ufrag, password }],
            remote: None,
            heard: None,
            state: PathState::Alive,
        }
    }

    /// The credentials to offer.
    pub fn credentials(&self) -> (&str, &str) {
        let present = &self.credentials[0];
        (&present.ufrag, &present.password)
    }

    /// Offers new credentials; the former ones hold until a check uses the new ones.
    pub fn restart(&mut self, ufrag: &str, password: &str) {
        self.credentials.truncate(1);
        self.credentials.insert(
            0,
            Credentials {
                ufrag: ufrag.to_owned(),
                password: password.to_owned(),
            },
        );
    }

    /// Where datagrams go, once somebody showed the password.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Notes that something authenticated came on the path.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Takes a STUN datagram; answers what to send back to where it came from.
    /// Whatever is no check with the right password is answered with silence.
    pub fn handle(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Option<Vec<u8>> {
        let mut request = read(datagram)?;
        if request.typ != BINDING_REQUEST {
            return None;
        }
        let username = request.get(ATTR_USERNAME).ok()?;
        let place = self.credentials.iter().position(|held| {
            username
                .strip_prefix(held.ufrag.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&b':'))
        })?;
        let held = &self.credentials[place];
        let crypto = self.crypto.crypto();
        FINGERPRINT.check(&request).ok()?;
        MessageIntegrity::check(&mut request, held.password.as_bytes(), crypto).ok()?;
        let integrity =
            MessageIntegrity::new_short_term_integrity_with_provider(held.password.clone(), crypto);
        if request.contains(ATTR_ICE_CONTROLLED) {
            // The node is lite, so the browser controls (RFC 8445 section 6.1.1).
            return answer(
                &request,
                BINDING_ERROR,
                &[
                    &ErrorCodeAttribute {
                        code: CODE_ROLE_CONFLICT,
                        reason: b"Role Conflict".to_vec(),
                    },
                    &integrity,
                    &FINGERPRINT,
                ],
            );
        }
        let mapped = XorMappedAddress {
            ip: from.ip(),
            port: from.port(),
        };
        let response = answer(
            &request,
            BINDING_SUCCESS,
            &[&mapped, &integrity, &FINGERPRINT],
        );
        if place == 0 {
            self.credentials.truncate(1);
        }
        self.heard = Some(now);
        // Before the first nomination, the first address is as good as any.
        if self.remote.is_none() || (place == 0 && request.contains(ATTR_USE_CANDIDATE)) {
            self.remote = Some(from);
        }
        response
    }

    /// How the path is by now; answers a change only.
    pub fn look(&mut self, now: Instant) -> Option<PathState> {
        let silence = now.saturating_duration_since(self.heard?);
        let state = if silence >= LOST {
            PathState::Lost
        } else if silence >= SILENT {
            PathState::Silent
        } else {
            PathState::Alive
        };
        (std::mem::replace(&mut self.state, state) != state).then_some(state)
    }
}

/// Reads a STUN message that is all of the datagram.
fn read(datagram: &[u8]) -> Option<Message> {
    let length = datagram.get(2..4)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if datagram.len() > LONGEST || datagram.len() != 20 + length {
        return None;
    }
    let mut message = Message::new();
    message.unmarshal_binary(datagram).ok()?;
    // Both are read from the end of the message, so they must be there.
    let mut last = message.attributes.0.iter().rev();
    let fingerprint = last.next()?;
    let integrity = last.next()?;
    let in_order = fingerprint.typ == rtc_stun::attributes::ATTR_FINGERPRINT
        && fingerprint.value.len() == 4
        && integrity.typ == ATTR_MESSAGE_INTEGRITY
        && integrity.value.len() == 20;
    in_order.then_some(message)
}

fn answer(
    request: &Message,
    kind: rtc_stun::message::MessageType,
    attributes: &[&dyn Setter],
) -> Option<Vec<u8>> {
    let mut response = Message::new();
    response.transaction_id = request.transaction_id;
    response.set_type(kind);
    response.write_header();
    for attribute in attributes {
        attribute.add_to(&mut response).ok()?;
    }
    Some(response.raw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rtc_stun::attributes::ATTR_PRIORITY;
    use rtc_stun::error_code::ErrorCodeAttribute;
    use rtc_stun::message::Getter;
    use rtc_stun::textattrs::TextAttribute;

    use super::*;

    struct Raw(rtc_stun::attributes::AttrType, Vec<u8>);

    impl Setter for Raw {
        fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
            message.add(self.0, &self.1);
            Ok(())
        }
    }

    fn provider() -> Arc<dyn RTCCryptoProvider> {
        rtc_crypto::default_provider().unwrap()
    }

    fn check(username: &str, password: &str, more: &[Raw]) -> Vec<u8> {
        let provider = provider();
        let mut message = Message::new();
        message.set_type(BINDING_REQUEST);
        message.write_header();
        TextAttribute {
            attr: ATTR_USERNAME,
            text: username.to_owned(),
        }
        .add_to(&mut message)
        .unwrap();
        for attribute in more {
            attribute.add_to(&mut message).unwrap();
        }
        MessageIntegrity::new_short_term_integrity_with_provider(
            password.to_owned(),
            provider.crypto(),
        )
        .add_to(&mut message)
        .unwrap();
        FINGERPRINT.add_to(&mut message).unwrap();
        message.raw
    }

    fn nominate() -> Vec<Raw> {
        vec![
            Raw(ATTR_PRIORITY, vec![0, 0, 0, 1]),
            Raw(ATTR_USE_CANDIDATE, Vec::new()),
        ]
    }

    fn response(bytes: &[u8], password: &str) -> Message {
        let mut message = read(bytes).unwrap();
        FINGERPRINT.check(&message).unwrap();
        MessageIntegrity::check(&mut message, password.as_bytes(), provider().crypto()).unwrap();
        message
    }

    #[test]
    fn only_who_knows_the_password_is_answered() {
        let from: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let good = check("node:page", "password", &nominate());
        let mut broken = good.clone();
        let last = broken.len() - 1;
        broken[last] ^= 1;
        let mut trailing = good.clone();
        trailing.push(0);
        let mut response_type = good.clone();
        response_type[0] = 1;
        for (case, datagram, answered) in [
            ("good", good.clone(), true),
            ("wrong password", check("node:page", "passwort", &[]), false),
            ("somebody else", check("nodes:page", "password", &[]), false),
            ("fingerprint", broken, false),
            ("more than the message", trailing, false),
            ("no request", response_type, false),
            ("cut", good[..60].to_vec(), false),
            (
                "too long",
                check("node:page", "password", &[Raw(ATTR_PRIORITY, vec![0; 600])]),
                false,
            ),
            ("empty", vec![], false),
        ] {
            let mut ice = Ice::new(provider(), "node".into(), "password".into());
            let answer = ice.handle(from, &datagram, Instant::now());
            assert_eq!(answer.is_some(), answered, "{case}");
            assert_eq!(ice.remote(), answered.then_some(from), "{case}");
            if let Some(answer) = answer {
                let message = response(&answer, "password");
                assert_eq!(message.typ, BINDING_SUCCESS);
                let mut mapped = XorMappedAddress::default();
                mapped.get_from(&message).unwrap();
                assert_eq!(SocketAddr::new(mapped.ip, mapped.port), from);
            }
        }
    }

    #[test]
    fn a_nomination_moves_the_path_at_once() {
        let addresses: Vec<SocketAddr> = ["192.0.2.7:1", "192.0.2.7:2", "[2001:db8::1]:3"]
            .map(|address| address.parse().unwrap())
            .to_vec();
        let now = Instant::now();
        let mut ice = Ice::new(provider(), "node".into(), "password".into());
        for (from, nominates, path) in [(0, true, 0), (1, false, 0), (1, true, 1), (2, true, 2)] {
            let more = if nominates { nominate() } else { vec![] };
            let datagram = check("node:page", "password", &more);
            assert!(ice.handle(addresses[from], &datagram, now).is_some());
            assert_eq!(ice.remote(), Some(addresses[path]));
        }
    }

    #[test]
    fn after_a_restart_the_former_credentials_hold_until_the_new_ones_are_used() {
        let [before, after]: [SocketAddr; 2] =
            ["192.0.2.7:1", "192.0.2.7:2"].map(|address| address.parse().unwrap());
        let now = Instant::now();
        let mut ice = Ice::new(provider(), "old".into(), "password1".into());
        let old = check("old:page", "password1", &nominate());
        let new = check("new:page", "password2", &nominate());
        assert!(ice.handle(before, &new, now).is_none());
        assert!(ice.handle(before, &old, now).is_some());
        ice.restart("new", "password2");
        assert_eq!(ice.credentials(), ("new", "password2"));
        assert!(ice.handle(after, &old, now).is_some());
        assert_eq!(ice.remote(), Some(before), "the old ones move nothing");
        assert!(ice.handle(after, &new, now).is_some());
        assert_eq!(ice.remote(), Some(after));
        assert!(ice.handle(before, &old, now).is_none(), "they are over");
    }

    #[test]
    fn a_browser_that_thinks_it_is_controlled_is_told() {
        let from = "192.0.2.7:1".parse().unwrap();
        let mut ice = Ice::new(provider(), "node".into(), "password".into());
        let datagram = check(
            "node:page",
            "password",
            &[Raw(ATTR_ICE_CONTROLLED, vec![0; 8])],
        );
        let answer = ice.handle(from, &datagram, Instant::now()).unwrap();
        let message = response(&answer, "password");
        assert_eq!(message.typ, BINDING_ERROR);
        let mut code = ErrorCodeAttribute::default();
        code.get_from(&message).unwrap();
        assert!(code.code == CODE_ROLE_CONFLICT);
        assert_eq!(ice.remote(), None);
    }

    #[test]
    fn silence_is_noticed_and_so_is_its_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut ice = Ice::new(provider(), "node".into(), "password".into());
        assert_eq!(ice.look(at(60_000)), None, "nobody came yet");
        ice.heard(start);
        for (ms, change) in [
            (7_999, None),
            (8_000, Some(PathState::Silent)),
            (9_000, None),
            (12_000, Some(PathState::Lost)),
        ] {
            assert_eq!(ice.look(at(ms)), change, "at {ms}");
        }
        ice.heard(at(12_500));
        assert_eq!(ice.look(at(13_000)), Some(PathState::Alive));
    }
}
