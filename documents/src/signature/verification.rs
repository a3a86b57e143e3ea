//! Whether a file is signed, wholly, by someone that the caller trusts.

use chrono::{DateTime, FixedOffset, Utc};
use lopdf::{Dictionary, Document, Object, decode_text_string};

use super::cms_message::Message;
use super::{Timestamp, chain, cms_message, pdf};

/// What a valid signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Subject of the signer's certificate (RFC 4514).
    pub subject: String,
    /// The signer's certificate in DER.
    pub certificate_der: Vec<u8>,
    /// The time that the signer declares.
    pub declared_at: Option<DateTime<FixedOffset>>,
    /// The name, reason and place that the signer declares.
    pub name: Option<String>,
    /// Why the document was signed.
    pub reason: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// A time-stamp, if there is one.
    pub timestamp: Option<Timestamp>,
    /// SHA-256 of everything that is signed.
    pub digest_sha256: Vec<u8>,
}

/// Why a file is not validly signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignature {
    /// The file cannot be read.
    #[error("the file is not a readable PDF")]
    NotAPdf,
    /// There is no signature.
    #[error("the document is not signed")]
    NotSigned,
    /// There are several, which these documents never have.
    #[error("the document has more than one signature field")]
    SeveralSignatures,
    /// Something of the file is not covered by the signature.
    #[error("the signature does not cover the whole file")]
    ByteRange,
    /// What is after the signature in its place is not zeros.
    #[error("the place of the signature holds something else")]
    Padding,
    /// The signature message cannot be read or is not a PAdES one.
    #[error("the signature message is malformed")]
    Message,
    /// An algorithm is unknown or too weak.
    #[error("the signature uses an algorithm that is not accepted")]
    Algorithm,
    /// The document was changed after it was signed.
    #[error("the document is not the one that was signed")]
    Digest,
    /// The signature is not by the key of the certificate.
    #[error("the signature is not by the certificate's key")]
    Signature,
    /// The certificate is missing or another than the one that was named.
    #[error("the certificate is not the one that the signature names")]
    WrongSigner,
    /// The certificate does not lead to a trusted root at that time.
    #[error("the certificate is not trusted at that time")]
    Untrusted,
    /// The time-stamp is malformed or of another signature.
    #[error("the time-stamp is not one of this signature")]
    Timestamp,
}

/// Verifies the signature of a document: its one field is signed, the signed parts are the
/// whole file but the signature, their digest is the signed one, the signature is by the
/// named certificate, and this leads to one of the roots (DER) at the time `at`.
///
/// # Errors
/// The first of these that does not hold.
pub fn verify(
    file: &[u8],
    trusted_roots: &[Vec<u8>],
    at: DateTime<Utc>,
) -> Result<Verified, InvalidSignature> {
    let document = Document::load_mem(file).map_err(|_| InvalidSignature::NotAPdf)?;
    let signature = match pdf::signature_fields(&document).as_slice() {
        [] => return Err(InvalidSignature::NotSigned),
        [field] => field.signature.clone().ok_or(InvalidSignature::NotSigned)?,
        _ => return Err(InvalidSignature::SeveralSignatures),
    };
    let byte_range = byte_range(&signature, file)?;
    let message = Message::from_der(message_der(&contents(file, byte_range)?)?)?;
    let digest_sha256 = pdf::digest(file, byte_range).ok_or(InvalidSignature::ByteRange)?;
    let timestamp = message
        .check(&digest_sha256)?
        .map(|timestamp| timestamp.judged(trusted_roots));
    let certificate_der = message.signer_certificate_der()?;
    cms_message::check_certificate(&certificate_der, at)
        .map_err(|_| InvalidSignature::Untrusted)?;
    chain::check(
        &certificate_der,
        &message.other_certificates_der()?,
        trusted_roots,
        at,
        chain::DOCUMENT_SIGNING,
    )?;
    let text = |key: &[u8]| {
        signature
            .get(key)
            .ok()
            .and_then(|text| decode_text_string(text).ok())
    };
    Ok(Verified {
        subject: message
            .signer_certificate()?
            .tbs_certificate
            .subject
            .to_string(),
        certificate_der,
        declared_at: signature
            .get(b"M")
            .and_then(Object::as_str)
            .ok()
            .and_then(pdf::date_of),
        name: text(b"Name"),
        reason: text(b"Reason"),
        location: text(b"Location"),
        timestamp,
        digest_sha256,
    })
}

/// The byte range, if the dictionary is a PAdES one and the range leaves out nothing but the
/// one string between its halves.
fn byte_range(signature: &Dictionary, file: &[u8]) -> Result<[usize; 4], InvalidSignature> {
    let kind = signature
        .get(b"SubFilter")
        .and_then(Object::as_name)
        .map_err(|_| InvalidSignature::Message)?;
    if kind != b"ETSI.CAdES.detached" {
        return Err(InvalidSignature::Message);
    }
    let numbers: Vec<usize> = signature
        .get(b"ByteRange")
        .and_then(Object::as_array)
        .map_err(|_| InvalidSignature::ByteRange)?
        .iter()
        .filter_map(|number| {
            number
                .as_i64()
                .ok()
                .and_then(|number| usize::try_from(number).ok())
        })
        .collect();
    let range: [usize; 4] = numbers
        .try_into()
        .map_err(|_| InvalidSignature::ByteRange)?;
    let [start, length, second, second_length] = range;
    let whole =
        start == 0 && length < second && second.checked_add(second_length) == Some(file.len());
    let between_brackets = file.get(length) == Some(&b'<')
        && second.checked_sub(1).and_then(|at| file.get(at)) == Some(&b'>');
    // The string has to be the one that the dictionary holds, in the one spelling that the
    // writer uses; otherwise bytes could hide in the gap.
    let held = signature
        .get(b"Contents")
        .and_then(Object::as_str)
        .map_err(|_| InvalidSignature::ByteRange)?;
    let spelled =
        file.get(length + 1..second.saturating_sub(1)) == Some(&pdf::hexadecimal(held)[..]);
    if whole && between_brackets && spelled {
        Ok(range)
    } else {
        Err(InvalidSignature::ByteRange)
    }
}

fn contents(file: &[u8], [_, length, second, _]: [usize; 4]) -> Result<Vec<u8>, InvalidSignature> {
    let digits = file
        .get(length + 1..second - 1)
        .ok_or(InvalidSignature::ByteRange)?;
    digits
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or(InvalidSignature::ByteRange)
}

/// The message without the zeros that fill its place.
fn message_der(contents: &[u8]) -> Result<&[u8], InvalidSignature> {
    use der::{Decode, Header, Reader, SliceReader};
    let mut reader = SliceReader::new(contents).map_err(|_| InvalidSignature::Message)?;
    let header = Header::decode(&mut reader).map_err(|_| InvalidSignature::Message)?;
    let length = usize::try_from(reader.position())
        .ok()
        .zip(usize::try_from(header.length).ok())
        .and_then(|(head, body)| head.checked_add(body))
        .ok_or(InvalidSignature::Message)?;
    if contents.len() < length {
        return Err(InvalidSignature::Message);
    }
    let (message, padding) = contents.split_at(length);
    if padding.iter().any(|&byte| byte != 0) {
        return Err(InvalidSignature::Padding);
    }
    Ok(message)
}
