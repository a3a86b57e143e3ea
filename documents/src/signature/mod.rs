//! Electronic signature of a document: PAdES, appended, in two phases.
//!
//! The key is on the officer's card and not in the server, so signing is cut in two:
//! [`prepare`] appends everything but the signature and says what has to be signed,
//! [`complete`] checks what came back and puts it in its place. What lies between is a
//! plain value, [`Prepared`], that can wait in a database.
//!
//! Invariants: the bytes of the document are never touched, only added to; the signature
//! field exists, tagged, before the signature; nothing is embedded that [`complete`] did
//! not verify. This module trusts nobody: which roots count is said by the caller of
//! [`verify`]. It fetches nothing (no time-stamp, no revocation list) and reads no clock.

mod chain;
mod cms_message;
mod pdf;
#[cfg(feature = "software-key")]
mod software_key;
mod timestamp;
mod verification;

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};

#[cfg(feature = "software-key")]
pub use software_key::{CertificateSubject, SoftwareAuthority, SoftwareKey, Validity};
pub use timestamp::Timestamp;
pub use verification::{InvalidSignature, Verified, verify};

/// Bytes kept for the CMS message: a chain of certificates and a time-stamp fit well.
const RESERVED_BYTES: usize = 16 * 1024;

/// What the signature says of itself, and the certificate that it will be made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureRequest {
    /// Why the document is signed; shown by readers.
    pub reason: String,
    /// Where: the unit.
    pub location: String,
    /// Who: a name or an administrative number.
    pub name: String,
    /// The declared time, in the unit's zone.
    pub signed_at: DateTime<FixedOffset>,
    /// The signer's certificate first, then its issuers, each in DER.
    #[serde(with = "base64_list")]
    pub certificate_chain_der: Vec<Vec<u8>>,
}

/// A document that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The whole file, with zeros where the signature goes.
    #[serde(with = "base64_bytes")]
    pub pdf: Vec<u8>,
    /// Offset and length of the two parts that are signed (ISO 32000-1, 12.8.1).
    pub byte_range: [usize; 4],
    /// SHA-256 of those two parts.
    #[serde(with = "base64_bytes")]
    pub digest_sha256: Vec<u8>,
    /// The attributes to sign: the signature is made over exactly these bytes.
    #[serde(with = "base64_bytes")]
    pub signed_attributes_der: Vec<u8>,
    /// The chain of the request.
    #[serde(with = "base64_list")]
    pub certificate_chain_der: Vec<Vec<u8>>,
}

/// What a card, a token or a software key gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvidedSignature {
    /// The bare signature of [`Prepared::signed_attributes_der`] with SHA-256: ECDSA in
    /// DER or RSA PKCS#1 v1.5, as the certificate's key says.
    Bare(Vec<u8>),
    /// A whole detached CMS message in DER (RFC 5652).
    Cms(Vec<u8>),
}

/// Why a document could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The file is not one that this crate made, or is damaged.
    #[error("the file cannot be signed: {0}")]
    Document(&'static str),
    /// The file already has a signature in its field.
    #[error("the document is already signed")]
    AlreadySigned,
    /// The certificate cannot sign this.
    #[error("the certificate cannot be used: {0}")]
    Certificate(&'static str),
    /// What came back is not a valid signature of the prepared document.
    #[error("the signature is refused: {0}")]
    Signature(InvalidSignature),
    /// The message is larger than the place kept for it.
    #[error("the signature has {0} bytes, more than the place kept for it")]
    TooLarge(usize),
    /// The writing library failed.
    #[error("the file could not be written")]
    Writing,
}

impl From<InvalidSignature> for SignatureError {
    fn from(reason: InvalidSignature) -> Self {
        Self::Signature(reason)
    }
}

/// Appends the signature field and an empty signature to a document.
///
/// # Errors
/// When the file is not a tagged PDF with a form that can be signed, is signed already,
/// or the certificate is unusable at the declared time.
pub fn prepare(pdf: &[u8], request: &SignatureRequest) -> Result<Prepared, SignatureError> {
    let signer = request
        .certificate_chain_der
        .first()
        .ok_or(SignatureError::Certificate("there is none"))?;
    cms_message::check_certificate(signer, request.signed_at.with_timezone(&Utc))
        .map_err(SignatureError::Certificate)?;
    let with_field = pdf::with_signature_field(pdf)?;
    let (pdf, byte_range) = pdf::with_empty_signature(&with_field, request)?;
    let digest_sha256 = pdf::digest(&pdf, byte_range).ok_or(SignatureError::Writing)?;
    let signed_attributes_der = cms_message::attributes_to_sign(&digest_sha256, signer)
        .map_err(|_| SignatureError::Certificate("it cannot be encoded"))?;
    Ok(Prepared {
        pdf,
        byte_range,
        digest_sha256,
        signed_attributes_der,
        certificate_chain_der: request.certificate_chain_der.clone(),
    })
}

/// Checks a signature and embeds it, with a time-stamp token over it if there is one.
///
/// The token is an RFC 3161 `TimeStampToken` in DER, over the SHA-256 of
/// [`signature_value`].
///
/// # Errors
/// When the signature is not one of this document by this certificate, the token is not
/// one of this signature, or the message is too large.
pub fn complete(
    prepared: &Prepared,
    signature: &ProvidedSignature,
    timestamp_token: Option<&[u8]>,
) -> Result<Vec<u8>, SignatureError> {
    let signer = prepared
        .certificate_chain_der
        .first()
        .ok_or(SignatureError::Certificate("there is none"))?;
    let digest = pdf::digest(&prepared.pdf, prepared.byte_range).ok_or(
        SignatureError::Document("the byte range is outside the file"),
    )?;
    if digest != prepared.digest_sha256 {
        return Err(SignatureError::Document("it changed after it was prepared"));
    }
    let mut message = cms_message::assemble(prepared, signature)?;
    if let Some(token) = timestamp_token {
        message.add_timestamp(token)?;
    }
    message.check(&digest)?;
    if message.signer_certificate_der()? != *signer {
        return Err(InvalidSignature::WrongSigner.into());
    }
    let der = message.to_der()?;
    if der.len() > RESERVED_BYTES {
        return Err(SignatureError::TooLarge(der.len()));
    }
    pdf::with_contents(&prepared.pdf, prepared.byte_range, &der).ok_or(SignatureError::Document(
        "there is no place for the signature",
    ))
}

/// The bytes that a time-stamp of this signature is made over.
///
/// # Errors
/// When a CMS message cannot be read.
pub fn signature_value(signature: &ProvidedSignature) -> Result<Vec<u8>, InvalidSignature> {
    match signature {
        ProvidedSignature::Bare(signature) => Ok(signature.clone()),
        ProvidedSignature::Cms(der) => Ok(cms_message::Message::from_der(der)?
            .signature_value()
            .to_vec()),
    }
}

/// Bytes as base64 in stored values.
mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(D::Error::custom)
    }
}

/// A list of byte strings as base64 in stored values.
mod base64_list {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        list: &[Vec<u8>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|bytes| STANDARD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| STANDARD.decode(text).map_err(D::Error::custom))
            .collect()
    }
}
