//! Targets for tests: certificates of every kind of wrong, and servers that hold them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use octoporty_proto::model::Target;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::dial::Dialler;
use super::rules::Rules;
use super::tls::TargetTls;

/// A private authority; its certificate is a file as well.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    _folder: tempfile::TempDir,
    pub(crate) file: PathBuf,
}

/// What a target's certificate is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaf {
    /// For `localhost` and 127.0.0.1.
    Good,
    Expired,
    OtherName,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        Self { issuer: Issuer::new(params, key), _folder: folder, file }
    }

    fn acceptor(&self, leaf: Leaf) -> TlsAcceptor {
        let (certificate, key) = self.leaf(leaf);
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn leaf(&self, leaf: Leaf) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let names: &[&str] = match leaf {
            Leaf::OtherName => &["elsewhere.example"],
            Leaf::Good | Leaf::Expired => &["localhost", "127.0.0.1"],
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if matches!(leaf, Leaf::Expired) {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// A server that is ended when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Each connection is read once and answered with `answer`.
    pub(crate) async fn plain(answer: &'static [u8]) -> Self {
        Self::start(move |mut socket| async move {
            let mut asked = [0; 4096];
            if socket.read(&mut asked).await.is_ok_and(|length| length > 0) {
                socket.write_all(answer).await.unwrap();
            }
        })
        .await
    }

    /// As [`Self::plain`], in TLS.
    pub(crate) async fn tls(ca: &Ca, leaf: Leaf, answer: &'static [u8]) -> Self {
        Self::tls_or(ca, leaf, answer, None).await
    }

    /// As [`Self::tls`], with something to say in the clear to who does not speak TLS, as common servers have.
    pub(crate) async fn tls_or(ca: &Ca, leaf: Leaf, answer: &'static [u8], plain: Option<&'static [u8]>) -> Self {
        let acceptor = ca.acceptor(leaf);
        Self::start(move |mut socket| {
            let acceptor = acceptor.clone();
            async move {
                let mut first = [0; 1];
                socket.peek(&mut first).await.unwrap();
                if let (Some(plain), true) = (plain, first != [0x16]) {
                    return socket.write_all(plain).await.unwrap();
                }
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut asked = [0; 4096];
                if socket.read(&mut asked).await.is_ok_and(|length| length > 0) {
                    socket.write_all(answer).await.unwrap();
                    socket.shutdown().await.unwrap();
                }
            }
        })
        .await
    }

    /// Each connection is given to `serve`.
    pub(crate) async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                connections.spawn(serve(socket));
            }
        });
        Self { address, _tasks: tasks }
    }

    /// The server as a target.
    pub(crate) fn target(&self, scheme: &str, host: &str) -> Target {
        format!("{scheme}://{host}:{}", self.address.port()).parse().unwrap()
    }
}

/// A dialler without rules that trusts `ca` beside public roots.
pub(crate) fn dialler(ca: Option<&Ca>) -> Dialler {
    let tls = TargetTls::new(ca.map(|ca| ca.file.as_path())).unwrap();
    Dialler { rules: Rules::default(), tls, bound: std::time::Duration::from_secs(20) }
}
