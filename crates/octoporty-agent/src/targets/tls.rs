//! TLS with targets: two configurations that every connection shares (so that sessions are resumed), and what went
//! wrong with a certificate in words.

use std::path::Path;
use std::sync::Arc;

use octoporty_proto::model::TlsVerification;
use octoporty_tunnel::trust::{Trust, TrustError, client_config};
use rustls::{CertificateError, ClientConfig};

/// What targets are spoken to with over TLS.
#[derive(Debug, Clone)]
pub(crate) struct TargetTls {
    strict: Arc<ClientConfig>,
    accept_invalid: Arc<ClientConfig>,
}

impl TargetTls {
    /// Public roots, and the certificates of `ca_file` if one is given, for strict verification.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let strict = ca_file.map_or(Trust::PublicRoots, |file| Trust::WithCaFile(file.to_owned()));
        Ok(Self { strict: client_config(&strict)?, accept_invalid: client_config(&Trust::AcceptInvalid)? })
    }

    /// The one that a mapping asks for. They share no sessions: what an unchecked connection learned is never
    /// taken for a checked one.
    pub(crate) fn config(&self, verification: TlsVerification) -> Arc<ClientConfig> {
        match verification {
            TlsVerification::Strict => Arc::clone(&self.strict),
            TlsVerification::AcceptInvalid => Arc::clone(&self.accept_invalid),
        }
    }
}

/// What is wrong with a certificate.
pub(crate) fn describe(error: &CertificateError) -> String {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "it has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet (or the agent's clock is wrong)".to_owned()
        }
        E::UnknownIssuer => "it is signed by no authority that the agent knows (private CA or self-signed)".to_owned(),
        E::NotValidForNameContext { expected, presented } => {
            let presented = if presented.is_empty() {
                "no name".to_owned()
            } else {
                presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
            };
            format!("it is for {presented} and not for {}", expected.to_str())
        }
        E::NotValidForName => "it is for another name".to_owned(),
        E::Revoked => "it is revoked".to_owned(),
        E::BadSignature => "its signature is wrong".to_owned(),
        other => other.to_string(),
    }
}

/// The name inside of the library's `DnsName("…")`.
fn bare(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let other_name = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("nas.example").expect("a name"),
            presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (error, words) in [
            (CertificateError::Expired, "it has expired"),
            (CertificateError::UnknownIssuer, "private CA"),
            (CertificateError::NotValidYet, "clock"),
            (
                other_name(&["DnsName(\"a.example\")", "IpAddress(10.0.0.1)"]),
                "for a.example, IpAddress(10.0.0.1) and not",
            ),
            (other_name(&[]), "it is for no name and not for nas.example"),
        ] {
            assert!(describe(&error).contains(words), "{}", describe(&error));
        }
    }
}
