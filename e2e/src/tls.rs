//! TLS targets with every kind of certificate.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;

use crate::target::{Peer, Target};

/// A chain and its key.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// A private CA.
#[derive(Debug)]
pub struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    /// Makes a CA that nobody knows.
    ///
    /// # Panics
    /// If keys cannot be made.
    #[must_use]
    pub fn make() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A private CA");
        let key = KeyPair::generate().expect("a key");
        Self { ca: CertifiedIssuer::self_signed(params, key).expect("a CA") }
    }

    /// Valid in time, of the private CA.
    #[must_use]
    pub fn valid(&self, name: &str) -> Certificate {
        self.leaf(CertificateParams::new(vec![name.to_owned()]).expect("a name"))
    }

    /// The CA, and a chain and key for `names`, as PEM files in `folder`.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn files(&self, folder: &Path, names: &[&str]) -> [String; 3] {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names).expect("names").signed_by(&key, &self.ca).expect("signed");
        [("ca.pem", self.ca.pem()), ("leaf.pem", leaf.pem()), ("key.pem", key.serialize_pem())].map(|(name, pem)| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("writable");
            path.display().to_string()
        })
    }

    /// Expired long ago.
    #[must_use]
    pub fn expired(&self, name: &str) -> Certificate {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.leaf(params)
    }

    /// Its own issuer.
    #[must_use]
    pub fn self_signed(name: &str) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).expect("a name").self_signed(&key).expect("signed");
        Certificate { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    }

    fn leaf(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.ca).expect("signed");
        Certificate { chain: vec![certificate.der().clone(), self.ca.der().clone()], key: key.serialize_der() }
    }
}

/// A TLS target that answers each request with its request line and echoes after an upgrade.
///
/// # Panics
/// If the certificate is not usable.
pub async fn mirror(ip: IpAddr, certificate: &Certificate) -> Target {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(certificate.key.clone()).expect("PKCS#8");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(certificate.chain.clone(), key)
        .expect("a usable certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Target::start_at(SocketAddr::new(ip, 0), move |peer| {
        let acceptor = acceptor.clone();
        async move {
            answer(acceptor, peer).await.ok();
        }
    })
    .await
}

async fn answer(acceptor: TlsAcceptor, peer: Peer) -> std::io::Result<()> {
    let mut io = BufReader::new(acceptor.accept(peer.into_socket()).await?);
    loop {
        let (mut line, mut upgrade) = (String::new(), false);
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        loop {
            let mut field = String::new();
            io.read_line(&mut field).await?;
            upgrade |= field.to_lowercase().starts_with("upgrade:");
            if field.trim().is_empty() {
                break;
            }
        }
        if upgrade {
            io.get_mut()
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
                .await?;
            let mut bytes = vec![0; 4096];
            loop {
                let n = io.read(&mut bytes).await?;
                if n == 0 {
                    return io.get_mut().shutdown().await;
                }
                io.get_mut().write_all(&bytes[..n]).await?;
                io.get_mut().flush().await?;
            }
        }
        let body = serde_json::json!({ "line": line.trim_end() }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        io.get_mut().write_all(head.as_bytes()).await?;
        io.get_mut().flush().await?;
    }
}
