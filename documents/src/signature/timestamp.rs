//! RFC 3161 time-stamp tokens that come with a signature: read and checked, never asked for.

use chrono::{DateTime, NaiveDateTime, Utc};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use spki::AlgorithmIdentifierRef;

use super::InvalidSignature;
use super::chain;
use super::cms_message::{Message, hash};

const ID_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// The time that a time-stamp authority put on a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// The time in the token.
    pub at: DateTime<Utc>,
    /// Whether the authority's certificate leads to a trusted root. Without it the time is
    /// only a claim.
    pub authority_trusted: bool,
    pub(super) authority_certificate_der: Vec<u8>,
    pub(super) other_certificates_der: Vec<Vec<u8>>,
}

impl Timestamp {
    /// Judges the authority against the roots at the time that it attests.
    pub(super) fn judged(mut self, trusted_roots: &[Vec<u8>]) -> Self {
        self.authority_trusted = chain::check(
            &self.authority_certificate_der,
            &self.other_certificates_der,
            trusted_roots,
            self.at,
            chain::TIME_STAMPING,
        )
        .is_ok();
        self
    }
}

/// Checks that a token is sound and made over this signature value; trust is not judged.
pub(super) fn check(token: &[u8], signature_value: &[u8]) -> Result<Timestamp, InvalidSignature> {
    check_token(token, signature_value).map_err(|_| InvalidSignature::Timestamp)
}

fn check_token(token: &[u8], signature_value: &[u8]) -> Result<Timestamp, InvalidSignature> {
    let message = Message::from_der(token)?;
    let (ID_TST_INFO, Some(info)) = message.content() else {
        return Err(InvalidSignature::Timestamp);
    };
    message.check_signer(ID_TST_INFO, &message.digest(info)?)?;
    let info = read(info).map_err(|_| InvalidSignature::Timestamp)?;
    if hash(info.algorithm, signature_value)? != info.imprint {
        return Err(InvalidSignature::Timestamp);
    }
    Ok(Timestamp {
        at: info.at.ok_or(InvalidSignature::Timestamp)?,
        authority_trusted: false,
        authority_certificate_der: message.signer_certificate_der()?,
        other_certificates_der: message.other_certificates_der()?,
    })
}

/// The three fields of `TSTInfo` that matter here.
struct Info {
    algorithm: ObjectIdentifier,
    imprint: Vec<u8>,
    at: Option<DateTime<Utc>>,
}

/// `TSTInfo` starts with version, policy, message imprint, serial number and time; the rest
/// (accuracy, nonce, name) is optional and not needed.
fn read(info: &[u8]) -> der::Result<Info> {
    let sequence = AnyRef::from_der(info)?;
    sequence.tag().assert_eq(Tag::Sequence)?;
    let mut reader = SliceReader::new(sequence.value())?;
    let _version: AnyRef<'_> = reader.decode()?;
    let _policy: ObjectIdentifier = reader.decode()?;
    let (algorithm, imprint) = reader.sequence(|reader| {
        let algorithm: AlgorithmIdentifierRef<'_> = reader.decode()?;
        let imprint: OctetStringRef<'_> = reader.decode()?;
        Ok((algorithm.oid, imprint.as_bytes().to_vec()))
    })?;
    let _serial: AnyRef<'_> = reader.decode()?;
    let time: AnyRef<'_> = reader.decode()?;
    time.tag().assert_eq(Tag::GeneralizedTime)?;
    // Fractions of a second are allowed here (RFC 3161, 2.4.2), unlike in certificates.
    let at = std::str::from_utf8(time.value())
        .ok()
        .and_then(|text| NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S%.fZ").ok())
        .map(|time| time.and_utc());
    Ok(Info {
        algorithm,
        imprint,
        at,
    })
}
