//! The CMS message of a signature (RFC 5652, CAdES baseline): what is signed, how it is put
//! together, and whether it holds. Trust in the certificate is decided elsewhere.

use chrono::{DateTime, Utc};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier,
    SignerInfo, SignerInfos,
};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode, Sequence};
use ring::digest;
use ring::signature as verification;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::{KeyUsage, SubjectKeyIdentifier};

use super::timestamp::{self, Timestamp};
use super::{InvalidSignature, Prepared, ProvidedSignature, SignatureError};

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const ID_MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const ID_SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const ID_SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const ID_TIMESTAMP_TOKEN: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
const ID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const ID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const ID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ID_ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ID_ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ID_RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const ID_RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const ID_RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

/// `SigningCertificateV2` (RFC 5035): ties the signature to one certificate.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    policies: Option<Any>,
}

/// `ESSCertIDv2`; the algorithm is SHA-256 when absent.
#[derive(Sequence)]
struct EssCertIdV2 {
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetString,
    issuer_serial: Option<Any>,
}

/// Whether a certificate may sign documents at a time; the error says why not.
pub(super) fn check_certificate(der: &[u8], at: DateTime<Utc>) -> Result<(), &'static str> {
    let certificate = Certificate::from_der(der).map_err(|_| "it is not a certificate")?;
    let validity = certificate.tbs_certificate.validity;
    let at = at.timestamp();
    let seconds = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    if at < seconds(validity.not_before) {
        return Err("it is not valid yet");
    }
    if at > seconds(validity.not_after) {
        return Err("it has expired");
    }
    match certificate.tbs_certificate.get::<KeyUsage>() {
        Ok(Some((_, usage))) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err("it is not for signing")
        }
        Ok(_) => Ok(()),
        Err(_) => Err("its extensions cannot be read"),
    }
}

/// The attributes that a signature of `digest` by `certificate` is made over, in DER.
/// There is no signing time among them: PAdES has it in the PDF (ETSI EN 319 142-1, 6.3).
pub(super) fn attributes_to_sign(digest: &[u8], certificate: &[u8]) -> der::Result<Vec<u8>> {
    let signing_certificate = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(digest::digest(&digest::SHA256, certificate).as_ref())?,
            issuer_serial: None,
        }],
        policies: None,
    };
    let mut attributes = SignedAttributes::new();
    attributes.insert(attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?)?;
    attributes.insert(attribute(
        ID_MESSAGE_DIGEST,
        Any::encode_from(&OctetString::new(digest)?)?,
    )?)?;
    attributes.insert(attribute(
        ID_SIGNING_CERTIFICATE_V2,
        Any::encode_from(&signing_certificate)?,
    )?)?;
    attributes.to_der()
}

/// The message of a prepared document and what a key gave back, not yet checked.
pub(super) fn assemble(
    prepared: &Prepared,
    signature: &ProvidedSignature,
) -> Result<Message, SignatureError> {
    match signature {
        ProvidedSignature::Cms(der) => Ok(Message::from_der(der)?),
        ProvidedSignature::Bare(signature) => signed_data(prepared, signature)
            .map_err(|_| SignatureError::Certificate("it cannot be encoded")),
    }
}

fn signed_data(prepared: &Prepared, signature: &[u8]) -> der::Result<Message> {
    let certificates: Vec<Certificate> = prepared
        .certificate_chain_der
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect::<Result<_, _>>()?;
    let signer = certificates.first().ok_or(der::ErrorKind::Failed)?;
    let sha256 = AlgorithmIdentifierOwned {
        oid: ID_SHA256,
        parameters: None,
    };
    let signer_info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: signer.tbs_certificate.issuer.clone(),
            serial_number: signer.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha256.clone(),
        signed_attrs: Some(SignedAttributes::from_der(&prepared.signed_attributes_der)?),
        signature_algorithm: signature_algorithm(&signer.tbs_certificate.subject_public_key_info),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = certificates
        .iter()
        // The root is left out: who verifies has it already, or must not trust it.
        .filter(|certificate| {
            certificate.tbs_certificate.subject != certificate.tbs_certificate.issuer
        })
        .cloned()
        .map(CertificateChoices::Certificate)
        .collect::<Vec<_>>();
    Ok(Message {
        signed_data: SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha256])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ID_DATA,
                econtent: None,
            },
            certificates: Some(CertificateSet::try_from(certificates)?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer_info])?,
        },
    })
}

/// How a bare signature with SHA-256 is named for a kind of key.
fn signature_algorithm(key: &SubjectPublicKeyInfoOwned) -> AlgorithmIdentifierOwned {
    if key.algorithm.oid == ID_RSA {
        AlgorithmIdentifierOwned {
            oid: ID_RSA_SHA256,
            parameters: Some(Any::null()),
        }
    } else {
        AlgorithmIdentifierOwned {
            oid: ID_ECDSA_SHA256,
            parameters: None,
        }
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// A CMS signed message with one signer.
pub(super) struct Message {
    signed_data: SignedData,
}

impl Message {
    pub(super) fn from_der(der: &[u8]) -> Result<Self, InvalidSignature> {
        let content = ContentInfo::from_der(der).map_err(|_| malformed())?;
        if content.content_type != ID_SIGNED_DATA {
            return Err(malformed());
        }
        let signed_data: SignedData = content.content.decode_as().map_err(|_| malformed())?;
        let message = Self { signed_data };
        message.signer()?;
        Ok(message)
    }

    pub(super) fn to_der(&self) -> Result<Vec<u8>, InvalidSignature> {
        Any::encode_from(&self.signed_data)
            .and_then(|content| {
                ContentInfo {
                    content_type: ID_SIGNED_DATA,
                    content,
                }
                .to_der()
            })
            .map_err(|_| malformed())
    }

    /// The one signer; more or fewer are refused, so that no signature stays unread.
    fn signer(&self) -> Result<&SignerInfo, InvalidSignature> {
        match self.signed_data.signer_infos.0.as_slice() {
            [signer] => Ok(signer),
            _ => Err(malformed()),
        }
    }

    pub(super) fn signature_value(&self) -> &[u8] {
        self.signer()
            .map_or(&[], |signer| signer.signature.as_bytes())
    }

    /// Type and bytes of the content carried inside, if any.
    pub(super) fn content(&self) -> (ObjectIdentifier, Option<&[u8]>) {
        let content = &self.signed_data.encap_content_info;
        (
            content.econtent_type,
            content.econtent.as_ref().map(Any::value),
        )
    }

    pub(super) fn add_timestamp(&mut self, token: &[u8]) -> Result<(), InvalidSignature> {
        let mut signer = self.signer()?.clone();
        let token = Any::from_der(token).map_err(|_| InvalidSignature::Timestamp)?;
        let mut attributes = signer.unsigned_attrs.take().unwrap_or_default();
        attribute(ID_TIMESTAMP_TOKEN, token)
            .and_then(|token| attributes.insert(token))
            .map_err(|_| InvalidSignature::Timestamp)?;
        signer.unsigned_attrs = Some(attributes);
        self.signed_data.signer_infos =
            SignerInfos::try_from(vec![signer]).map_err(|_| malformed())?;
        Ok(())
    }

    /// Checks a PAdES signature of content with this SHA-256: detached, over these bytes,
    /// by the named certificate, with a sound time-stamp if there is one.
    pub(super) fn check(&self, digest: &[u8]) -> Result<Option<Timestamp>, InvalidSignature> {
        let signer = self.signer()?;
        // Versions follow from the way the signer is named (RFC 5652, 5.1 and 5.3).
        let version = match signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
            SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
        };
        let versions_follow = self.signed_data.version == version && signer.version == version;
        if !versions_follow
            || self.content() != (ID_DATA, None)
            || signer.digest_alg.oid != ID_SHA256
        {
            return Err(malformed());
        }
        let attributes = signer.signed_attrs.as_ref().ok_or_else(malformed)?;
        if attributes
            .iter()
            .any(|attribute| attribute.oid == ID_SIGNING_TIME)
        {
            return Err(malformed());
        }
        self.check_signer(ID_DATA, digest)?;
        self.check_signing_certificate(attributes)?;
        self.timestamp()
    }

    /// Checks that the signer signed content of a type with a digest, whoever the signer is.
    pub(super) fn check_signer(
        &self,
        content_type: ObjectIdentifier,
        digest: &[u8],
    ) -> Result<(), InvalidSignature> {
        let signer = self.signer()?;
        let attributes = signer.signed_attrs.as_ref().ok_or_else(malformed)?;
        let expected_type = Any::encode_from(&content_type).map_err(|_| malformed())?;
        if *only_value(attributes, ID_CONTENT_TYPE)? != expected_type {
            return Err(malformed());
        }
        let declared: OctetString = only_value(attributes, ID_MESSAGE_DIGEST)?
            .decode_as()
            .map_err(|_| malformed())?;
        if declared.as_bytes() != digest {
            return Err(InvalidSignature::Digest);
        }
        if !self
            .signed_data
            .digest_algorithms
            .iter()
            .any(|algorithm| algorithm.oid == signer.digest_alg.oid)
        {
            return Err(malformed());
        }
        let certificate = self.signer_certificate()?;
        let key = &certificate.tbs_certificate.subject_public_key_info;
        let algorithm =
            verification_algorithm(&signer.signature_algorithm, &signer.digest_alg, key)?;
        let signed = attributes.to_der().map_err(|_| malformed())?;
        verification::UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
            .verify(&signed, signer.signature.as_bytes())
            .map_err(|_| InvalidSignature::Signature)
    }

    /// The digest of some content with the signer's algorithm.
    pub(super) fn digest(&self, content: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        hash(self.signer()?.digest_alg.oid, content)
    }

    fn check_signing_certificate(
        &self,
        attributes: &SignedAttributes,
    ) -> Result<(), InvalidSignature> {
        let named: SigningCertificateV2 = only_value(attributes, ID_SIGNING_CERTIFICATE_V2)?
            .decode_as()
            .map_err(|_| malformed())?;
        let first = named.certs.first().ok_or_else(malformed)?;
        let algorithm = first
            .hash_algorithm
            .as_ref()
            .map_or(ID_SHA256, |algorithm| algorithm.oid);
        if hash(algorithm, &self.signer_certificate_der()?)? != first.cert_hash.as_bytes() {
            return Err(InvalidSignature::WrongSigner);
        }
        Ok(())
    }

    fn timestamp(&self) -> Result<Option<Timestamp>, InvalidSignature> {
        let Some(attributes) = &self.signer()?.unsigned_attrs else {
            return Ok(None);
        };
        if attributes
            .iter()
            .all(|attribute| attribute.oid != ID_TIMESTAMP_TOKEN)
        {
            return Ok(None);
        }
        let token = only_value(attributes, ID_TIMESTAMP_TOKEN)
            .and_then(|token| token.to_der().map_err(|_| malformed()))
            .map_err(|_| InvalidSignature::Timestamp)?;
        timestamp::check(&token, self.signature_value()).map(Some)
    }

    pub(super) fn signer_certificate_der(&self) -> Result<Vec<u8>, InvalidSignature> {
        self.signer_certificate()?.to_der().map_err(|_| malformed())
    }

    /// Every other certificate of the message, in DER.
    pub(super) fn other_certificates_der(&self) -> Result<Vec<Vec<u8>>, InvalidSignature> {
        let signer = self.signer_certificate()?;
        self.certificates()
            .filter(|certificate| *certificate != signer)
            .map(|certificate| certificate.to_der().map_err(|_| malformed()))
            .collect()
    }

    fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.signed_data
            .certificates
            .iter()
            .flat_map(|set| set.0.iter())
            .filter_map(|choice| match choice {
                CertificateChoices::Certificate(certificate) => Some(certificate),
                CertificateChoices::Other(_) => None,
            })
    }

    pub(super) fn signer_certificate(&self) -> Result<&Certificate, InvalidSignature> {
        let signer = self.signer()?;
        self.certificates()
            .find(|certificate| match &signer.sid {
                SignerIdentifier::IssuerAndSerialNumber(id) => {
                    id.issuer == certificate.tbs_certificate.issuer
                        && id.serial_number == certificate.tbs_certificate.serial_number
                }
                SignerIdentifier::SubjectKeyIdentifier(id) => certificate
                    .tbs_certificate
                    .get::<SubjectKeyIdentifier>()
                    .is_ok_and(|found| found.is_some_and(|(_, found)| found == *id)),
            })
            .ok_or(InvalidSignature::WrongSigner)
    }
}

/// The value of an attribute that has to be there once with one value (RFC 5652, 11).
fn only_value(
    attributes: &SignedAttributes,
    oid: ObjectIdentifier,
) -> Result<&Any, InvalidSignature> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    match (found.next(), found.next()) {
        (Some(attribute), None) => match attribute.values.as_slice() {
            [value] => Ok(value),
            _ => Err(malformed()),
        },
        _ => Err(malformed()),
    }
}

/// A digest with an algorithm named by its identifier; SHA-1 and older are refused.
pub(super) fn hash(
    algorithm: ObjectIdentifier,
    content: &[u8],
) -> Result<Vec<u8>, InvalidSignature> {
    let algorithm = match algorithm {
        ID_SHA256 => &digest::SHA256,
        ID_SHA384 => &digest::SHA384,
        ID_SHA512 => &digest::SHA512,
        _ => return Err(InvalidSignature::Algorithm),
    };
    Ok(digest::digest(algorithm, content).as_ref().to_vec())
}

fn verification_algorithm(
    signature: &AlgorithmIdentifierOwned,
    digest: &AlgorithmIdentifierOwned,
    key: &SubjectPublicKeyInfoOwned,
) -> Result<&'static dyn verification::VerificationAlgorithm, InvalidSignature> {
    let curve: Option<ObjectIdentifier> = match key.algorithm.oid {
        ID_EC_PUBLIC_KEY => {
            let parameters = key
                .algorithm
                .parameters
                .as_ref()
                .ok_or(InvalidSignature::Algorithm)?;
            Some(
                parameters
                    .decode_as()
                    .map_err(|_| InvalidSignature::Algorithm)?,
            )
        }
        ID_RSA => None,
        _ => return Err(InvalidSignature::Algorithm),
    };
    Ok(match (signature.oid, digest.oid, curve) {
        (ID_ECDSA_SHA256, ID_SHA256, Some(ID_P256)) => &verification::ECDSA_P256_SHA256_ASN1,
        (ID_ECDSA_SHA384, ID_SHA384, Some(ID_P256)) => &verification::ECDSA_P256_SHA384_ASN1,
        (ID_ECDSA_SHA256, ID_SHA256, Some(ID_P384)) => &verification::ECDSA_P384_SHA256_ASN1,
        (ID_ECDSA_SHA384, ID_SHA384, Some(ID_P384)) => &verification::ECDSA_P384_SHA384_ASN1,
        (ID_RSA | ID_RSA_SHA256, ID_SHA256, None) => &verification::RSA_PKCS1_2048_8192_SHA256,
        (ID_RSA | ID_RSA_SHA384, ID_SHA384, None) => &verification::RSA_PKCS1_2048_8192_SHA384,
        (ID_RSA | ID_RSA_SHA512, ID_SHA512, None) => &verification::RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(InvalidSignature::Algorithm),
    })
}

fn malformed() -> InvalidSignature {
    InvalidSignature::Message
}
