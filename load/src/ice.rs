//! As much of ICE as a client with one address towards a server with one
//! address needs: checks until one is answered, answers to the server's own
//! checks, and consent every few seconds (RFC 8445, RFC 7675).

use std::net::{IpAddr, SocketAddrV4};
use std::sync::Arc;

use rtc::crypto::RTCCryptoProvider;
use rtc::ice::attributes::control::{AttrControlled, AttrControlling};
use rtc::ice::attributes::priority::PriorityAttr;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc::stun::textattrs::TextAttribute;
use rtc::stun::xoraddr::XorMappedAddress;

/// A peer reflexive candidate of one component, as browsers number it.
const PRIORITY: u32 = 1_853_824_767;

/// A user fragment and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the side.
    pub ufrag: String,
    /// Proves it.
    pub password: String,
}

/// One client's side of ICE.
pub struct Ice {
    local: Credentials,
    remote: Credentials,
    controlling: bool,
    tie_breaker: u64,
    provider: Arc<dyn RTCCryptoProvider>,
    /// The server answered a check.
    pub answered: bool,
}

/// What a STUN message asked for.
pub enum Heard {
    /// Nothing to do.
    Nothing,
    /// Our check was answered.
    Answered,
    /// Send this back.
    Reply(Vec<u8>),
}

impl Ice {
    /// Knows both sides' credentials.
    pub fn new(
        local: Credentials,
        remote: Credentials,
        controlling: bool,
        provider: Arc<dyn RTCCryptoProvider>,
    ) -> Self {
        Self {
            local,
            remote,
            controlling,
            tie_breaker: fastrand(),
            provider,
            answered: false,
        }
    }

    /// A check, which nominates where that is this side's affair.
    pub fn check(&self) -> Option<Vec<u8>> {
        let name = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        let mut setters: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId::new()),
            Box::new(TextAttribute::new(ATTR_USERNAME, name)),
        ];
        if self.controlling {
            setters.push(Box::new(UseCandidateAttr));
            setters.push(Box::new(AttrControlling(self.tie_breaker)));
        } else {
            setters.push(Box::new(AttrControlled(self.tie_breaker)));
        }
        setters.push(Box::new(PriorityAttr(PRIORITY)));
        setters.push(Box::new(
            MessageIntegrity::new_short_term_integrity_with_provider(
                self.remote.password.clone(),
                self.provider.crypto(),
            ),
        ));
        setters.push(Box::new(FINGERPRINT));
        built(&setters)
    }

    /// Takes a STUN message of the server.
    pub fn hear(&mut self, datagram: &[u8], from: SocketAddrV4) -> Heard {
        let mut message = Message::new();
        if message.unmarshal_binary(datagram).is_err() {
            return Heard::Nothing;
        }
        let crypto = self.provider.crypto();
        if message.typ == BINDING_SUCCESS {
            if MessageIntegrity::check(&mut message, self.remote.password.as_bytes(), crypto)
                .is_err()
            {
                return Heard::Nothing;
            }
            self.answered = true;
            return Heard::Answered;
        }
        if message.typ != BINDING_REQUEST
            || MessageIntegrity::check(&mut message, self.local.password.as_bytes(), crypto)
                .is_err()
        {
            return Heard::Nothing;
        }
        let setters: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(BINDING_SUCCESS),
            Box::new(message.transaction_id),
            Box::new(XorMappedAddress {
                ip: IpAddr::V4(*from.ip()),
                port: from.port(),
            }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                self.local.password.clone(),
                crypto,
            )),
            Box::new(FINGERPRINT),
        ];
        built(&setters).map_or(Heard::Nothing, Heard::Reply)
    }
}

fn built(setters: &[Box<dyn Setter + '_>]) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message.build(setters).ok()?;
    Some(message.raw)
}

/// Any number will do: it only breaks ties.
fn fastrand() -> u64 {
    let id = TransactionId::new().0;
    id.iter().fold(0, |sum, byte| sum << 5 ^ u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_check_understand_each_other() {
        let side = |name: &str| Credentials {
            ufrag: format!("{name}frag"),
            password: format!("{name}-password-of-enough-length"),
        };
        let provider = rtc::crypto::default_provider().unwrap();
        let mut near = Ice::new(side("near"), side("far"), true, provider.clone());
        let mut far = Ice::new(side("far"), side("near"), false, provider.clone());
        let mut other = Ice::new(side("near"), side("other"), false, provider);
        let at = SocketAddrV4::new([127, 1, 0, 1].into(), 9);
        let check = near.check().unwrap();
        let Heard::Reply(reply) = far.hear(&check, at) else {
            panic!("a check is answered");
        };
        assert!(matches!(other.hear(&check, at), Heard::Nothing));
        assert!(matches!(other.hear(&reply, at), Heard::Nothing));
        assert!(matches!(near.hear(&reply, at), Heard::Answered));
        assert!(near.answered && !other.answered);
        assert!(matches!(near.hear(&[0; 30], at), Heard::Nothing));
    }
}
