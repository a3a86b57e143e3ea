//! SRTP of the `rtc` project in the two forms needed here: keys from a DTLS
//! handshake, and keys that both sides of the relay floor know beforehand.

use bytes::BytesMut;
use rtc::dtls::state::State;
use rtc::rtp::Header;
use rtc::shared::error::{Error, Result};
use rtc::srtp::config::{Config, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc::srtp::context::Context;
use rtc::srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc::srtp::protection_profile::ProtectionProfile;

const PROFILE: ProtectionProfile = ProtectionProfile::AeadAes128Gcm;
/// The window that the media node uses as well.
const REPLAY_WINDOW: usize = 64;

/// Both directions of one client's media.
pub struct Srtp {
    outbound: Context,
    inbound: Context,
}

impl Srtp {
    /// From a finished handshake.
    pub fn from_handshake(state: &State) -> Result<Self> {
        let mut config = Config {
            profile: PROFILE,
            ..Config::default()
        };
        let material = state.export_keying_material(
            LABEL_EXTRACTOR_DTLS_SRTP,
            &[],
            config.keying_material_len(),
        )?;
        Self::new(&mut config, material.as_ref(), state.is_client())
    }

    /// Keys that follow from the client's number: the floor has no handshake.
    pub fn for_floor(client: usize, is_client: bool) -> Result<Self> {
        let mut config = Config {
            profile: PROFILE,
            ..Config::default()
        };
        let material: Vec<u8> = (0..config.keying_material_len())
            .map(|at| (client.wrapping_mul(31).wrapping_add(at * 7)) as u8)
            .collect();
        Self::new(&mut config, &material, is_client)
    }

    fn new(config: &mut Config, material: &[u8], is_client: bool) -> Result<Self> {
        config.set_session_keys_from_keying_material(material, is_client)?;
        let provider = rtc::crypto::default_provider().map_err(|e| Error::Crypto(e.to_string()))?;
        let keys = &config.keys;
        Ok(Self {
            outbound: Context::new(
                &keys.local_master_key,
                &keys.local_master_salt,
                PROFILE,
                None,
                None,
                provider.crypto(),
            )?,
            inbound: Context::new(
                &keys.remote_master_key,
                &keys.remote_master_salt,
                PROFILE,
                Some(srtp_replay_protection(REPLAY_WINDOW)),
                Some(srtcp_replay_protection(REPLAY_WINDOW)),
                provider.crypto(),
            )?,
        })
    }

    /// Protects a packet whose header is also given parsed.
    pub fn protect(&mut self, packet: &[u8], header: &Header) -> Result<BytesMut> {
        self.outbound.encrypt_rtp_with_header(packet, header)
    }

    /// Opens a packet whose header is also given parsed.
    pub fn open(&mut self, packet: &[u8], header: &Header) -> Result<BytesMut> {
        self.inbound.decrypt_rtp_with_header(packet, header)
    }

    /// Protects a compound of reports.
    pub fn protect_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut> {
        self.outbound.encrypt_rtcp(packet)
    }

    /// Opens a compound of reports.
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut> {
        self.inbound.decrypt_rtcp(packet)
    }
}
