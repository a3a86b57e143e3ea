//! TLS to the relay, verified as browsers do: the name, the authorities, and how
//! long the certificates are still good.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::clock::Timestamp;

/// The public authorities, and those of the PEM file `extra`.
pub fn roots(extra: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = extra {
        let wrong = |error: String| format!("provider_roots: {error}");
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(roots)
}

/// Shakes hands; gives also when the first of the certificates shown will end.
pub async fn connect(
    tcp: TcpStream,
    host: &str,
    roots: RootCertStore,
) -> Result<(TlsStream<TcpStream>, Timestamp), String> {
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| format!("TLS: {error}"))?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let ends = shown
        .iter()
        .map(|certificate| ends(certificate))
        .collect::<Result<Vec<_>, _>>()?;
    let first = ends.into_iter().min().ok_or("no certificate was shown")?;
    Ok((stream, first))
}

fn ends(certificate: &[u8]) -> Result<Timestamp, String> {
    let certificate =
        Certificate::from_der(certificate).map_err(|error| format!("certificate: {error}"))?;
    let seconds = certificate
        .tbs_certificate
        .validity
        .not_after
        .to_unix_duration()
        .as_secs();
    let millis = i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000);
    Ok(Timestamp(millis))
}
