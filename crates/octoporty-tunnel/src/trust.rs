//! Whom TLS believes: public roots, a private CA beside them, or anybody.

mod anybody;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use thiserror::Error;

use self::anybody::Anybody;

/// Whom TLS believes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Public roots.
    #[default]
    PublicRoots,
    /// Public roots and the certificates of this PEM file.
    WithCaFile(PathBuf),
    /// Any certificate: expired, other name, private or no CA. The peer must only hold its key.
    AcceptInvalid,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file of a private CA cannot be read or has no certificate.
    #[error("{path}: {reason}; give a PEM file with at least one certificate of a CA")]
    CaFile {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The crypto provider does not have what TLS needs.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The configuration of TLS clients for this trust; HTTP/1.1 is offered by ALPN. Sessions are resumed, so clone the
/// `Arc` rather than building it again.
///
/// # Errors
/// See [`TrustError`].
pub fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let mut config = match trust {
        Trust::PublicRoots => builder.with_root_certificates(public_roots()).with_no_client_auth(),
        Trust::WithCaFile(path) => {
            let mut roots = public_roots();
            add_ca_file(&mut roots, path)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::AcceptInvalid => accept_invalid(builder, provider),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn accept_invalid(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    provider: Arc<CryptoProvider>,
) -> ClientConfig {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody::new(provider))).with_no_client_auth()
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// What is wrong with a PEM file that is to hold this. Never with what the error holds: of a key that stands on one line, by
/// mistake perhaps, that is the key.
#[must_use]
pub fn pem_in_words(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("it has no {what}"),
        pem::Error::IllegalSectionStart { .. } | pem::Error::MissingSectionEnd { .. } => {
            "it is no PEM: its BEGIN and END have to be whole, each on a line of its own".to_owned()
        }
        pem::Error::Base64Decode(_) => "it is no PEM: what stands between BEGIN and END is not base64".to_owned(),
        _ => "it is no PEM".to_owned(),
    }
}

fn add_ca_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let failed = |reason: String| TrustError::CaFile { path: path.display().to_string(), reason };
    let words = |error: &pem::Error| pem_in_words(error, "certificate");
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(words(&error)))? {
        let certificate = certificate.map_err(|error| failed(words(&error)))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        found += 1;
    }
    if found == 0 { Err(failed("it has no certificate".to_owned())) } else { Ok(()) }
}
