//! A signing key in software, and the small authority that certifies it: for the sandbox and
//! the tests. What it signs proves nothing about anybody.
//!
//! Everything is derived from secret bytes given by the caller, so a service that keeps the
//! secret finds the same keys and certificates again; or it keeps the PEM.

use std::time::Duration;

use chrono::{DateTime, Utc};
use der::asn1::{
    Any, GeneralizedTime, ObjectIdentifier, PrintableStringRef, SetOfVec, UtcTime, Utf8StringRef,
};
use der::{Encode, EncodePem};
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ring::{digest, hkdf};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::{Builder, CertificateBuilder, Profile};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::{Prepared, ProvidedSignature, SignatureError, cms_message};
use crate::OfficerIdentity;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// From when to when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: DateTime<Utc>,
    /// Last second.
    pub not_after: DateTime<Utc>,
}

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSubject {
    /// A name, or the administrative number alone.
    pub identity: OfficerIdentity,
    /// The administration.
    pub organization: String,
    /// The unit.
    pub unit: String,
}

/// A certification authority in software.
pub struct SoftwareAuthority {
    secret: [u8; 32],
    key: SigningKey,
    certificate: Certificate,
}

impl SoftwareAuthority {
    /// The authority of a secret: the same secret, name and validity give the same root.
    ///
    /// # Errors
    /// When the name or the dates cannot be written in a certificate.
    pub fn from_secret(
        secret: &[u8; 32],
        name: &str,
        validity: Validity,
    ) -> Result<Self, SignatureError> {
        let key = derived_key(secret, b"authority")?;
        let subject =
            distinguished_name(&[(COUNTRY, "FR"), (ORGANIZATION, name), (COMMON_NAME, name)])?;
        let certificate = certify(Profile::Root, subject, validity, &key, &key)?;
        Ok(Self {
            secret: *secret,
            key,
            certificate,
        })
    }

    /// The root certificate in DER.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn certificate_der(&self) -> Result<Vec<u8>, SignatureError> {
        self.certificate.to_der().map_err(|_| unusable())
    }

    /// A key and certificate for a subject: the same subject and validity give the same.
    ///
    /// # Errors
    /// When the subject or the dates cannot be written in a certificate.
    pub fn issue(
        &self,
        subject: &CertificateSubject,
        validity: Validity,
    ) -> Result<SoftwareKey, SignatureError> {
        let (common_name, number) = match &subject.identity {
            OfficerIdentity::Name(name) => (name.clone(), None),
            OfficerIdentity::AdministrativeNumber(number) => {
                (format!("RIO {number}"), Some(number.clone()))
            }
        };
        let mut parts = vec![
            (COUNTRY, "FR"),
            (ORGANIZATION, subject.organization.as_str()),
            (ORGANIZATIONAL_UNIT, subject.unit.as_str()),
            (COMMON_NAME, common_name.as_str()),
        ];
        if let Some(number) = &number {
            parts.push((SERIAL_NUMBER, number.as_str()));
        }
        let name = distinguished_name(&parts)?;
        let label = [&b"signer"[..], &name.to_der().map_err(|_| unusable())?].concat();
        let key = derived_key(&self.secret, &label)?;
        let profile = Profile::Leaf {
            issuer: self.certificate.tbs_certificate.subject.clone(),
            enable_key_agreement: false,
            enable_key_encipherment: false,
            include_subject_key_identifier: true,
        };
        let certificate = certify(profile, name, validity, &key, &self.key)?;
        Ok(SoftwareKey {
            key,
            chain: vec![certificate, self.certificate.clone()],
        })
    }
}

/// A signing key in software with its certificate and issuers.
pub struct SoftwareKey {
    key: SigningKey,
    chain: Vec<Certificate>,
}

impl SoftwareKey {
    /// The chain for [`SignatureRequest`](super::SignatureRequest), signer first.
    ///
    /// # Errors
    /// When a certificate cannot be encoded.
    pub fn certificate_chain_der(&self) -> Result<Vec<Vec<u8>>, SignatureError> {
        self.chain
            .iter()
            .map(|certificate| certificate.to_der().map_err(|_| unusable()))
            .collect()
    }

    /// Signs [`Prepared::signed_attributes_der`]; RFC 6979, so the same input gives the same.
    pub fn sign(&self, signed_attributes_der: &[u8]) -> ProvidedSignature {
        let signature: DerSignature = self.key.sign(signed_attributes_der);
        ProvidedSignature::Bare(signature.as_bytes().to_vec())
    }

    /// Signs a prepared document and answers with a whole CMS message, as a card's software
    /// would.
    ///
    /// # Errors
    /// When the prepared chain cannot be put in a message.
    pub fn sign_cms(&self, prepared: &Prepared) -> Result<ProvidedSignature, SignatureError> {
        let bare = self.sign(&prepared.signed_attributes_der);
        Ok(ProvidedSignature::Cms(
            cms_message::assemble(prepared, &bare)?.to_der()?,
        ))
    }

    /// The private key (PKCS#8) and the chain as PEM. It is a secret.
    ///
    /// # Errors
    /// When something cannot be encoded.
    pub fn to_pem(&self) -> Result<String, SignatureError> {
        let key = self
            .key
            .to_pkcs8_pem(Default::default())
            .map_err(|_| unusable())?;
        let mut pem = key.to_string();
        for certificate in &self.chain {
            pem.push_str(
                &certificate
                    .to_pem(Default::default())
                    .map_err(|_| unusable())?,
            );
        }
        Ok(pem)
    }

    /// Reads what [`SoftwareKey::to_pem`] wrote.
    ///
    /// # Errors
    /// When the text is not a PKCS#8 P-256 key followed by certificates, or they do not
    /// belong together.
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        let start = pem
            .find("-----BEGIN CERTIFICATE-----")
            .ok_or(SignatureError::Certificate("there is none"))?;
        let (key, chain) = pem.split_at(start);
        let key = SigningKey::from_pkcs8_pem(key.trim())
            .map_err(|_| SignatureError::Certificate("its key cannot be read"))?;
        let chain = Certificate::load_pem_chain(chain.as_bytes()).map_err(|_| unusable())?;
        let signer = chain
            .first()
            .ok_or(SignatureError::Certificate("there is none"))?;
        if public_key(&key)? != signer.tbs_certificate.subject_public_key_info {
            return Err(SignatureError::Certificate("its key is another"));
        }
        Ok(Self { key, chain })
    }
}

fn certify(
    profile: Profile,
    subject: Name,
    validity: Validity,
    key: &SigningKey,
    issuer: &SigningKey,
) -> Result<Certificate, SignatureError> {
    let public_key = public_key(key)?;
    let not_before = certificate_time(validity.not_before)?;
    let not_after = certificate_time(validity.not_after)?;
    // Twenty octets at most, positive, and the same for the same certificate (RFC 5280, 4.1.2.2).
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [
        subject.to_der(),
        public_key.to_der(),
        not_before.to_der(),
        not_after.to_der(),
    ] {
        context.update(&part.map_err(|_| unusable())?);
    }
    let mut serial = context.finish().as_ref()[..16].to_vec();
    serial[0] = serial[0] & 0x7F | 0x40;
    let serial = SerialNumber::new(&serial).map_err(|_| unusable())?;
    let validity = x509_cert::time::Validity {
        not_before,
        not_after,
    };
    let builder = CertificateBuilder::new(profile, serial, validity, subject, public_key, issuer)
        .map_err(|_| unusable())?;
    builder.build::<DerSignature>().map_err(|_| unusable())
}

fn public_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, SignatureError> {
    SubjectPublicKeyInfoOwned::from_key(*key.verifying_key()).map_err(|_| unusable())
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280, 4.1.2.5).
fn certificate_time(moment: DateTime<Utc>) -> Result<Time, SignatureError> {
    let seconds = u64::try_from(moment.timestamp()).map_err(|_| unusable())?;
    let since_epoch = Duration::from_secs(seconds);
    UtcTime::from_unix_duration(since_epoch)
        .map(Time::UtcTime)
        .or_else(|_| GeneralizedTime::from_unix_duration(since_epoch).map(Time::GeneralTime))
        .map_err(|_| unusable())
}

/// Values are encoded, never parsed, so that no name can add or end an attribute.
fn distinguished_name(parts: &[(ObjectIdentifier, &str)]) -> Result<Name, SignatureError> {
    let mut name = Vec::new();
    for (oid, value) in parts {
        let value = if *oid == COUNTRY || *oid == SERIAL_NUMBER {
            PrintableStringRef::new(value).and_then(|value| Any::encode_from(&value))
        } else {
            Utf8StringRef::new(value).and_then(|value| Any::encode_from(&value))
        }
        .map_err(|_| SignatureError::Certificate("its subject cannot be written"))?;
        let part = SetOfVec::try_from(vec![AttributeTypeAndValue { oid: *oid, value }])
            .map_err(|_| unusable())?;
        name.push(RelativeDistinguishedName(part));
    }
    Ok(RdnSequence(name))
}

/// HKDF-SHA-256 to a scalar; a value outside the group is so rare that the next is taken.
fn derived_key(secret: &[u8; 32], label: &[u8]) -> Result<SigningKey, SignatureError> {
    let extracted =
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"VisioPlainte software key v1").extract(secret);
    for counter in 0..=u8::MAX {
        let mut scalar = [0; 32];
        let info = [label, &[counter]];
        let filled = extracted
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|output| output.fill(&mut scalar));
        if let (Ok(()), Ok(key)) = (filled, SecretKey::from_slice(&scalar)) {
            return Ok(SigningKey::from(key));
        }
    }
    Err(unusable())
}

fn unusable() -> SignatureError {
    SignatureError::Certificate("it cannot be encoded")
}
