//! Whether a certificate leads to a trusted root at a time. Path building and signatures
//! are the library's; revocation is not judged yet.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::InvalidSignature;

/// Purposes that a signer's certificate may name; it may also name none.
/// documentSigning (RFC 9336), emailProtection, as qualified certificates do.
pub(super) const DOCUMENT_SIGNING: &[KeyUsage] = &[
    KeyUsage::required_if_present(&[0x2B, 6, 1, 5, 5, 7, 3, 36]),
    KeyUsage::required_if_present(&[0x2B, 6, 1, 5, 5, 7, 3, 4]),
];
/// A time-stamp authority has to name timeStamping (RFC 3161, 2.3).
pub(super) const TIME_STAMPING: &[KeyUsage] = &[KeyUsage::required(&[0x2B, 6, 1, 5, 5, 7, 3, 8])];

/// Succeeds when some purpose and some path to a root hold at `at`.
pub(super) fn check(
    certificate: &[u8],
    intermediates: &[Vec<u8>],
    trusted_roots: &[Vec<u8>],
    at: DateTime<Utc>,
    purposes: &[KeyUsage],
) -> Result<(), InvalidSignature> {
    let roots: Vec<CertificateDer<'_>> = trusted_roots
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchors: Vec<_> = roots
        .iter()
        .filter_map(|root| anchor_from_trusted_cert(root).ok())
        .collect();
    let intermediates: Vec<CertificateDer<'_>> = intermediates
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let certificate = CertificateDer::from(certificate);
    let certificate =
        EndEntityCert::try_from(&certificate).map_err(|_| InvalidSignature::Untrusted)?;
    let seconds = u64::try_from(at.timestamp()).map_err(|_| InvalidSignature::Untrusted)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let trusted = purposes.iter().any(|purpose| {
        certificate
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &anchors,
                &intermediates,
                time,
                *purpose,
                None,
                None,
            )
            .is_ok()
    });
    if trusted {
        Ok(())
    } else {
        Err(InvalidSignature::Untrusted)
    }
}
