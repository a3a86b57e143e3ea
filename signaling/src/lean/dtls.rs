//! DTLS-SRTP (RFC 5764) as the server, on the `rtc-dtls` crate: a handshake, the
//! check that the browser's certificate is the one of its answer, and the keys.
//!
//! `rtc-dtls` takes the first SRTP profile of the client that the server knows,
//! and browsers name the slowest first. So the first message of the client is
//! looked at, and the server is made to know only the profile that we prefer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use ring::digest;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_srtp::config::{Config as SrtpConfig, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::handshake::Allowance;
use crate::transport::TransportError;

/// The profiles that we take, the preferred one first: AES-GCM is hardware's
/// favourite, AES-CM is what the oldest browsers have.
const PROFILES: [(SrtpProtectionProfile, ProtectionProfile); 3] = [
    (
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ProtectionProfile::AeadAes128Gcm,
    ),
    (
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
        ProtectionProfile::AeadAes256Gcm,
    ),
    (
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ProtectionProfile::Aes128CmHmacSha1_80,
    ),
];
/// Packets may come out of order by so many.
const REPLAY_WINDOW: usize = 1024;
/// The association is one whatever addresses its datagrams travel between.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// What the transports of a worker share: a certificate, and the configurations
/// made with it.
pub(crate) struct Identity {
    pub crypto: Arc<dyn RTCCryptoProvider>,
    fingerprint: String,
    /// One for each profile.
    configs: Vec<(SrtpProtectionProfile, Arc<HandshakeConfig>)>,
    /// For a client whose profiles cannot be read beforehand.
    any: Arc<HandshakeConfig>,
}

fn failed(error: impl std::fmt::Display) -> TransportError {
    TransportError::Stack(error.to_string())
}

impl Identity {
    /// A fresh certificate, in memory only.
    pub fn new() -> Result<Self, TransportError> {
        let crypto = rtc_crypto::default_provider().map_err(failed)?;
        let names = vec!["visioplainte-media".to_owned()];
        let certificate =
            Certificate::generate_self_signed(names, crypto.crypto()).map_err(failed)?;
        let leaf = certificate
            .certificate
            .first()
            .ok_or_else(|| failed("a certificate was made without itself"))?;
        let fingerprint = hex(digest::digest(&digest::SHA256, leaf).as_ref());
        let config = |profiles: Vec<SrtpProtectionProfile>| {
            ConfigBuilder::default()
                .with_crypto_provider(Arc::clone(&crypto))
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(profiles)
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                // There is no authority to ask: the answer's fingerprint decides.
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(false, None)
                .map(Arc::new)
                .map_err(failed)
        };
        let any = config(PROFILES.iter().map(|(profile, _)| *profile).collect())?;
        let configs = PROFILES
            .iter()
            .map(|(profile, _)| Ok((*profile, config(vec![*profile])?)))
            .collect::<Result<_, TransportError>>()?;
        Ok(Self {
            crypto,
            fingerprint,
            configs,
            any,
        })
    }

    /// The certificate's fingerprint, for the offer.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The fingerprint of a certificate as SDP has it (RFC 8122).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// `sha-256`, `sha-384` or `sha-512`.
    pub algorithm: String,
    /// Pairs of hexadecimal digits between colons.
    pub value: String,
}

impl Fingerprint {
    /// Whether it is that certificate's.
    pub fn fits(&self, certificate: &[u8]) -> bool {
        let algorithm = match self.algorithm.to_ascii_lowercase().as_str() {
            "sha-256" => &digest::SHA256,
            "sha-384" => &digest::SHA384,
            "sha-512" => &digest::SHA512,
            _ => return false,
        };
        let found = hex(digest::digest(algorithm, certificate).as_ref());
        found.eq_ignore_ascii_case(&self.value)
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// The keys of an association.
pub(crate) struct Keys {
    /// Protects what is sent.
    pub sealing: Context,
    /// Opens what is received.
    pub opening: Context,
}

/// What became of the handshake.
pub(crate) enum Progress {
    /// Nothing to tell.
    Going,
    /// Keys are agreed with whoever holds this certificate.
    Done {
        keys: Box<Keys>,
        certificate: Vec<u8>,
    },
    /// It failed, or the browser said goodbye.
    Over,
}

/// The node's end of one association.
pub(crate) struct Dtls {
    endpoint: Endpoint,
    identity: Arc<Identity>,
    allowance: Allowance,
    begun: bool,
}

impl Dtls {
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            endpoint: Endpoint::new(ANYWHERE, TransportProtocol::UDP, None),
            identity,
            allowance: Allowance::default(),
            begun: false,
        }
    }

    /// Takes a DTLS datagram.
    pub fn handle(&mut self, datagram: &[u8], now: Instant) -> Progress {
        if !self.allowance.admits(datagram) {
            return Progress::Going;
        }
        if !self.begun {
            // Anything but a first message of a client begins nothing.
            if !is_client_hello(datagram) {
                return Progress::Going;
            }
            let configs = &self.identity.configs;
            let config = match named_profiles(datagram) {
                Some(named) => configs.iter().find(|(profile, _)| named.contains(profile)),
                // In pieces: the client's own order has to do.
                None => None,
            };
            let config = config.map_or(&self.identity.any, |(_, config)| config);
            self.endpoint.set_server_config(Some(Arc::clone(config)));
            self.begun = true;
        }
        match self
            .endpoint
            .read(now, ANYWHERE, None, BytesMut::from(datagram))
        {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => return self.complete(),
                        EndpointEvent::PeerClosed => return Progress::Over,
                        // No data channel is ever offered.
                        _ => {}
                    }
                }
                Progress::Going
            }
            Err(error) => {
                tracing::debug!(%error, "a DTLS datagram was refused");
                Progress::Going
            }
        }
    }

    fn complete(&self) -> Progress {
        let Some(state) = self.endpoint.get_connection_state(ANYWHERE) else {
            return Progress::Over;
        };
        let Some(certificate) = state.peer_certificates.first() else {
            return Progress::Over;
        };
        match keys(state, self.identity.crypto.as_ref()) {
            Ok(keys) => Progress::Done {
                keys: Box::new(keys),
                certificate: certificate.clone(),
            },
            Err(error) => {
                tracing::debug!(%error, "no keys came of a handshake");
                Progress::Over
            }
        }
    }

    /// The next datagram to send.
    pub fn next_datagram(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|sent| sent.message)
    }

    /// When a datagram must be repeated.
    pub fn deadline(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&ANYWHERE)
    }

    /// Lets time pass; false when the handshake was repeated in vain.
    pub fn handle_deadline(&mut self, now: Instant) -> bool {
        if !self.begun || self.endpoint.get_connection_state(ANYWHERE).is_none() {
            return true;
        }
        self.endpoint.handle_timeout(ANYWHERE, now).is_ok()
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        let _ = self.endpoint.close(now);
    }
}

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;

/// Whether a record begins a handshake, whole or in pieces (RFC 6347 section 4.2.2).
fn is_client_hello(datagram: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    datagram.first() == Some(&HANDSHAKE) && datagram.get(RECORD_HEADER) == Some(&CLIENT_HELLO)
}

/// The SRTP profiles that a ClientHello names (RFC 5764 section 4.1.1); none if
/// it cannot be read whole.
pub(crate) fn named_profiles(datagram: &[u8]) -> Option<Vec<SrtpProtectionProfile>> {
    const USE_SRTP: [u8; 2] = [0, 14];
    let header = datagram.get(RECORD_HEADER..RECORD_HEADER + HANDSHAKE_HEADER)?;
    // Of a message in pieces, each says the length of the whole and its own.
    if header[1..4] != header[9..12] || header[6..9] != [0; 3] {
        return None;
    }
    let mut rest = &datagram[RECORD_HEADER + HANDSHAKE_HEADER..];
    // Version and random, session, cookie, ciphers, compression.
    take(&mut rest, 34)?;
    take_counted(&mut rest, 1)?;
    take_counted(&mut rest, 1)?;
    take_counted(&mut rest, 2)?;
    take_counted(&mut rest, 1)?;
    let mut extensions = take_counted(&mut rest, 2)?;
    while !extensions.is_empty() {
        let kind = take(&mut extensions, 2)?;
        let mut value = take_counted(&mut extensions, 2)?;
        if kind == USE_SRTP {
            let named = take_counted(&mut value, 2)?.chunks_exact(2);
            let named = named.map(|number| {
                SrtpProtectionProfile::from(u16::from_be_bytes([number[0], number[1]]))
            });
            return Some(named.collect());
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// Takes what follows its length, which is a number of so many bytes.
fn take_counted<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let length = take(rest, bytes)?;
    let length = length
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    take(rest, length)
}

fn keys(state: &State, crypto: &dyn RTCCryptoProvider) -> rtc_shared::error::Result<Keys> {
    let profile = PROFILES
        .iter()
        .find(|(named, _)| *named == state.srtp_protection_profile())
        .map(|(_, profile)| *profile)
        .ok_or(rtc_shared::error::Error::ErrNoSuchSrtpProfile)?;
    let mut config = SrtpConfig {
        profile,
        ..SrtpConfig::default()
    };
    let material = state.export_keying_material(
        LABEL_EXTRACTOR_DTLS_SRTP,
        &[],
        config.keying_material_len(),
    )?;
    config.set_session_keys_from_keying_material(material.as_ref(), state.is_client())?;
    let sealing = Context::new(
        &config.keys.local_master_key,
        &config.keys.local_master_salt,
        profile,
        None,
        None,
        crypto.crypto(),
    )?;
    let opening = Context::new(
        &config.keys.remote_master_key,
        &config.keys.remote_master_salt,
        profile,
        Some(srtp_replay_protection(REPLAY_WINDOW)),
        Some(srtcp_replay_protection(REPLAY_WINDOW)),
        crypto.crypto(),
    )?;
    Ok(Keys { sealing, opening })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_fingerprint_fits_its_certificate_only() {
        let certificate = b"certificate";
        let right = hex(digest::digest(&digest::SHA256, certificate).as_ref());
        for (case, algorithm, value, fits) in [
            ("right", "sha-256", right.clone(), true),
            ("lower case", "SHA-256", right.to_lowercase(), true),
            ("another", "sha-256", right.replace('A', "B"), false),
            ("cut", "sha-256", right[..20].to_owned(), false),
            ("empty", "sha-256", String::new(), false),
            ("another algorithm", "sha-512", right.clone(), false),
            ("broken algorithm", "sha-1", right, false),
        ] {
            let algorithm = algorithm.to_owned();
            let fingerprint = Fingerprint { algorithm, value };
            assert_eq!(fingerprint.fits(certificate), fits, "{case}");
        }
    }

    #[test]
    fn the_server_prefers_what_is_fastest_whatever_the_client_names_first() {
        let identity = Arc::new(Identity::new().unwrap());
        for (named, agreed) in [
            (vec![2, 0], Some(0)),
            (vec![2, 1], Some(1)),
            (vec![2], Some(2)),
            (vec![], None),
        ] {
            let named: Vec<SrtpProtectionProfile> = named
                .into_iter()
                .map(|place: usize| PROFILES[place].0)
                .collect();
            let crypto = rtc_crypto::default_provider().unwrap();
            let certificate =
                Certificate::generate_self_signed(vec!["page".to_owned()], crypto.crypto())
                    .unwrap();
            let fingerprint = Fingerprint {
                algorithm: "sha-256".to_owned(),
                value: hex(digest::digest(&digest::SHA256, &certificate.certificate[0]).as_ref()),
            };
            let config = ConfigBuilder::default()
                .with_crypto_provider(Arc::clone(&crypto))
                .with_certificates(vec![certificate])
                .with_srtp_protection_profiles(named)
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(true, None)
                .unwrap();
            let now = Instant::now();
            let mut client = Endpoint::new(ANYWHERE, TransportProtocol::UDP, None);
            client
                .connect(now, ANYWHERE, Arc::new(config), None)
                .unwrap();
            let mut server = Dtls::new(Arc::clone(&identity));
            let mut done = None;
            for _ in 0..10 {
                while let Some(sent) = client.poll_transmit() {
                    if let Progress::Done { certificate, .. } = server.handle(&sent.message, now) {
                        done = Some(certificate);
                    }
                }
                while let Some(sent) = server.next_datagram() {
                    let _ = client.read(now, ANYWHERE, None, sent);
                }
            }
            let Some(agreed) = agreed else {
                assert!(done.is_none());
                continue;
            };
            assert!(fingerprint.fits(&done.unwrap()));
            let state = client.get_connection_state(ANYWHERE).unwrap();
            assert_eq!(state.srtp_protection_profile(), PROFILES[agreed].0);
        }
    }

    #[test]
    fn what_is_no_first_message_begins_nothing() {
        for datagram in [
            &[][..],
            &[22; 5],
            &[22; 100],
            &[0; 2_000],
            &[22, 254, 255, 0, 0],
        ] {
            assert_eq!(named_profiles(datagram), None);
            let mut dtls = Dtls::new(Arc::new(Identity::new().unwrap()));
            assert!(matches!(
                dtls.handle(datagram, Instant::now()),
                Progress::Going
            ));
            assert!(dtls.next_datagram().is_none());
        }
    }
}
