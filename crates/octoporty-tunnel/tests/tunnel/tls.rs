//! Links over TLS that a proxy in front of the gateway terminates, with certificates of every kind.

use std::net::SocketAddr;
use std::sync::Arc;

use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError, health};
use octoporty_tunnel::link::{self, Incoming};
use octoporty_tunnel::trust::{Trust, TrustError, client_config};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::rig::{Tasks, accept, check_pattern, config, dial_to, open, send_pattern, soon};

/// A private CA and a file that has it.
struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        Self { issuer, file }
    }

    fn server(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server_config(certificate.der().clone(), &key)
    }
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Terminates TLS before `gateway`, as Caddy would.
async fn front(tasks: &Tasks, tls: Arc<ServerConfig>, gateway: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tracker = tasks.tracker.clone();
    tasks.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let tls = TlsAcceptor::from(Arc::clone(&tls));
            tracker.spawn(async move {
                // A client that does not trust us goes away here.
                let Ok(mut visitor) = tls.accept(socket).await else { return };
                assert_eq!(visitor.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                let mut gateway = TcpStream::connect(gateway).await.unwrap();
                tokio::io::copy_bidirectional(&mut visitor, &mut gateway).await.ok();
            });
        }
    });
    address
}

/// A gateway behind a front with this certificate, and how to dial it.
async fn gateway(tasks: &Tasks, tls: Arc<ServerConfig>, trust: &Trust) -> (TcpListener, Dial) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = front(tasks, tls, listener.local_addr().unwrap()).await;
    let url = format!("wss://127.0.0.1:{}/tunnel", front.port());
    let dial = Dial { tls: client_config(trust).unwrap(), ..dial_to(&url) };
    (listener, dial)
}

/// How a dial ends with this certificate and this trust.
async fn dialled(tls: Arc<ServerConfig>, trust: &Trust) -> Result<(), DialError> {
    let tasks = Tasks::new();
    let (listener, dial) = gateway(&tasks, tls, trust).await;
    tasks.spawn(async move {
        let carrier = accept(listener.accept().await.unwrap().0).await;
        std::future::pending::<()>().await;
        drop(carrier);
    });
    soon("an answer", websocket::dial(&dial)).await.map(drop)
}

fn is_refused(answer: &Result<(), DialError>) -> bool {
    is_refused_with(answer, "Agent__CaFile")
}

fn is_refused_with(answer: &Result<(), DialError>, advice: &str) -> bool {
    matches!(answer, Err(error @ DialError::Tls { .. }) if error.to_string().contains(advice))
}

#[tokio::test]
async fn a_private_ca_is_believed_when_its_file_is_given_and_else_not() {
    let ca = Ca::new();
    let with_file = Trust::WithCaFile(ca.file.path().to_owned());
    dialled(ca.server(&["127.0.0.1"], |_| {}), &with_file).await.unwrap();
    assert!(is_refused(&dialled(ca.server(&["127.0.0.1"], |_| {}), &Trust::PublicRoots).await));
    let other = Ca::new();
    assert!(is_refused(&dialled(other.server(&["127.0.0.1"], |_| {}), &with_file).await));
}

#[tokio::test]
async fn certificates_that_are_not_valid_are_refused_unless_all_are_accepted() {
    let ca = Ca::new();
    let with_file = Trust::WithCaFile(ca.file.path().to_owned());
    let expired = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2200, 1, 1);
    let kinds = [
        ("expired", "renewed", ca.server(&["127.0.0.1"], expired)),
        ("not valid yet", "clocks", ca.server(&["127.0.0.1"], future)),
        ("of another name", "a name that is in", ca.server(&["other.example.com"], |_| {})),
        ("of no name", "a name that is in", ca.server(&[], |_| {})),
        ("self-signed", "Agent__CaFile", self_signed()),
        ("of version 1", "Agent__CaFile", version_one()),
    ];
    for (kind, advice, tls) in kinds {
        let answer = dialled(Arc::clone(&tls), &with_file).await;
        assert!(is_refused_with(&answer, advice), "{kind}: {answer:?}");
        dialled(tls, &Trust::AcceptInvalid).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[tokio::test]
async fn who_dials_a_port_of_the_other_kind_is_told_which_scheme_to_write() {
    let tasks = Tasks::new();
    let (listener, mut secured) = gateway(&tasks, Ca::new().server(&["127.0.0.1"], |_| {}), &Trust::PublicRoots).await;
    let clear = format!("ws://127.0.0.1:{}/tunnel", secured.url.port_u16().unwrap());
    let error = soon("an answer", websocket::dial(&dial_to(&clear))).await.err().unwrap().to_string();
    assert!(error.contains("the answer is TLS; write wss:// instead of ws://"), "{error}");
    secured.url = format!("wss://{}/tunnel", listener.local_addr().unwrap()).parse().unwrap();
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let answer = soon("an answer", websocket::dial(&secured)).await.map(drop);
    assert!(is_refused_with(&answer, "that port does not speak TLS"), "{answer:?}");
}

#[tokio::test]
async fn accepting_every_certificate_still_asks_for_its_key() {
    let (mine, foreign) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&foreign).unwrap();
    // Made by hand, since the library itself sees that key and certificate are not of each other.
    let key = PrivateKeyDer::try_from(mine.serialize_der()).unwrap();
    let signing = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![certificate.der().clone()], signing);
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert!(is_refused(&dialled(Arc::new(tls), &Trust::AcceptInvalid).await));
}

#[tokio::test]
async fn a_link_over_tls_carries_bytes_whole_and_health_goes_the_same_way() {
    let ca = Ca::new();
    let tasks = Tasks::new();
    let trust = Trust::WithCaFile(ca.file.path().to_owned());
    let (listener, dial) = gateway(&tasks, ca.server(&["127.0.0.1"], |_| {}), &trust).await;
    let accepting = async { accept(listener.accept().await.unwrap().0).await };
    let (client, server) = soon("a link", async { tokio::join!(websocket::dial(&dial), accepting) }).await;
    let start = |carrier, side| link::start(carrier, side, config(), &tasks.tracker, tasks.cancel.child_token());
    let (agent, mut events) = start(client.unwrap(), Side::Agent);
    let (gateway, gateway_events) = start(server, Side::Gateway);
    let mut ours = gateway.open(&open(), bytes::Bytes::new()).unwrap();
    let mut theirs = loop {
        if let Incoming::Stream(_, stream) = soon("a stream", events.next()).await.unwrap() {
            break stream;
        }
    };
    let total = 8 * 1024 * 1024;
    soon("the download", async { tokio::join!(send_pattern(&mut theirs, total), check_pattern(&mut ours, total)) })
        .await;
    soon("the upload", async { tokio::join!(send_pattern(&mut ours, total), check_pattern(&mut theirs, total)) }).await;

    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        crate::rig::read_head(&mut socket).await;
        tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    };
    let (status, ()) = soon("health", async { tokio::join!(health(&dial), served) }).await;
    assert_eq!(status.unwrap(), 200);
    drop((agent, gateway_events));
}

#[test]
fn a_ca_file_that_is_none_is_named_with_what_is_wrong() {
    let empty = NamedTempFile::new().unwrap();
    let garbage = NamedTempFile::new().unwrap();
    std::fs::write(garbage.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (path, part) in [
        (std::path::Path::new("/no/such/file.pem"), "No such file"),
        (empty.path(), "no certificate"),
        (garbage.path(), ""),
    ] {
        let error = client_config(&Trust::WithCaFile(path.to_owned())).unwrap_err();
        assert!(matches!(error, TrustError::CaFile { .. }));
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains(part), "{text}");
    }
}

fn self_signed() -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    server_config(certificate.der().clone(), &key)
}

/// As old devices have it: a form that TLS libraries of today do not read.
fn version_one() -> Arc<ServerConfig> {
    use rustls_pki_types::pem::PemObject;
    let pem = include_bytes!("version_one.pem");
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let signing = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![certificate], signing);
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(tls)
}
