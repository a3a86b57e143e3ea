//! A DTLS client for each leg, with one certificate for all.
//!
//! The endpoint repeats its own flights: a new ClientHello would make the
//! server's late answer to the first one look like a bad signature.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::crypto::{HashAlgorithm, RTCCryptoProvider};
use rtc::dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc::dtls::crypto::Certificate;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::shared::TransportProtocol;
use rtc::shared::error::{Error, Result};

use crate::srtp::Srtp;

/// How long a flight may stay unanswered; a busy server is not asked twice at once.
const FLIGHT: Duration = Duration::from_millis(400);

/// The certificate of every client, and its fingerprint.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    /// As `a=fingerprint` shows it, after the algorithm.
    pub fingerprint: String,
    /// The cryptography of all.
    pub provider: Arc<dyn RTCCryptoProvider>,
}

fn fingerprint(provider: &dyn RTCCryptoProvider, certificate: &[u8]) -> Result<String> {
    let hash = provider
        .crypto()
        .hash(HashAlgorithm::Sha256, certificate)
        .map_err(|error| Error::Crypto(error.to_string()))?;
    let bytes: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(bytes.join(":"))
}

impl Identity {
    /// A fresh one.
    pub fn new() -> Result<Self> {
        let provider = rtc::crypto::default_provider().map_err(|e| Error::Crypto(e.to_string()))?;
        let certificate =
            Certificate::generate_self_signed(vec!["load".to_owned()], provider.crypto())?;
        let der = certificate
            .certificate
            .first()
            .ok_or(Error::ErrNonCertificate)?;
        Ok(Self {
            fingerprint: fingerprint(provider.as_ref(), der)?,
            certificate,
            provider,
        })
    }

    fn config(&self, server: &str) -> Result<HandshakeConfig> {
        let provider = self.provider.clone();
        let expected = server.to_owned();
        ConfigBuilder::default()
            .with_crypto_provider(self.provider.clone())
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(FLIGHT)
            .with_verify_peer_certificate(Some(Arc::new(
                move |certificates: &[Vec<u8>], _: &[_]| {
                    let shown = certificates.first().ok_or(Error::ErrNonCertificate)?;
                    if fingerprint(provider.as_ref(), shown)?.eq_ignore_ascii_case(&expected) {
                        Ok(())
                    } else {
                        Err(Error::ErrNoMatchingCertificateFingerprint)
                    }
                },
            )))
            .build(true, None)
    }
}

/// One handshake.
pub struct Dtls {
    endpoint: Endpoint,
    server: SocketAddr,
}

impl Dtls {
    /// Begins: the first flight waits to be taken.
    pub fn begin(
        identity: &Identity,
        local: SocketAddr,
        server: SocketAddr,
        server_fingerprint: &str,
        now: Instant,
    ) -> Result<Self> {
        let mut endpoint = Endpoint::new(local, TransportProtocol::UDP, None);
        let config = Arc::new(identity.config(server_fingerprint)?);
        endpoint.connect(now, server, config, None)?;
        Ok(Self { endpoint, server })
    }

    /// Takes a datagram; the keys, once the handshake is finished.
    pub fn read(&mut self, datagram: &[u8], now: Instant) -> Result<Option<Srtp>> {
        let events = self
            .endpoint
            .read(now, self.server, None, BytesMut::from(datagram))?;
        let finished = events
            .iter()
            .any(|event| matches!(event, EndpointEvent::HandshakeComplete));
        if !finished {
            return Ok(None);
        }
        let state = self
            .endpoint
            .get_connection_state(self.server)
            .ok_or(Error::HandshakeInProgress)?;
        Srtp::from_handshake(state).map(Some)
    }

    /// Lets time pass.
    pub fn pass(&mut self, now: Instant) -> Result<()> {
        self.endpoint.handle_timeout(self.server, now)
    }

    /// The next datagram to send.
    pub fn next_datagram(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|sent| sent.message)
    }
}
