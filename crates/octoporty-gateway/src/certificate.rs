//! The gateway's own certificates: read from PEM files, and read again when these change.
//!
//! Invariants: what is served is a certificate whose key is there; files that cannot be used replace nothing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sha2::{Digest, Sha256};
use thiserror::Error;

use octoporty_tunnel::trust::pem_in_words;

use crate::shards::ShardContext;

/// How often the files are looked at: a certificate is renewed weeks before it ends.
const LOOK: Duration = Duration::from_secs(5);

/// Most pairs of a folder: each handshake looks through them.
const MOST_PAIRS: usize = 100;

/// Why files give no certificate. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate cannot be read.
    #[error("{}: {reason}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to change.
        reason: String,
    },
    /// The key cannot be read.
    #[error("{}: {reason}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to change.
        reason: String,
    },
    /// They do not belong together.
    #[error("the key in {} is not the one of the first certificate in {}; give the two that were made together",
            key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The folder of certificates cannot be used.
    #[error("{}: {reason}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What is wrong, and what to change.
        reason: String,
    },
    /// A file alone.
    #[error("{} is a file, and Gateway__Tls__KeyFile does not name its key; set it, or give a folder with pairs",
            .0.display())]
    NoKey(PathBuf),
    /// A folder, and a key beside it.
    #[error("{} is a folder, in which each certificate has its key beside it; leave Gateway__Tls__KeyFile out",
            .0.display())]
    KeyOfFolder(PathBuf),
}

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// One certificate and its key.
    Pair { certificate: PathBuf, key: PathBuf },
    /// `NAME.crt` or `NAME.pem`, each with `NAME.key`.
    Folder(PathBuf),
}

/// Files and how they looked, in the order in which they were found.
type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

/// The pairs, in the order of their names.
type Book = Vec<Arc<CertifiedKey>>;

/// Certificates that can be used.
#[derive(Clone)]
pub struct Certificate {
    source: Source,
    stamp: Stamp,
    book: Book,
}

/// Shows no key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a certificate and its key, or a folder of them.
    ///
    /// # Errors
    /// They cannot be used; see [`CertificateError`].
    pub fn open(certificate: &Path, key: Option<&Path>) -> Result<Self, CertificateError> {
        let source = match (certificate.is_dir(), key) {
            (true, None) => Source::Folder(certificate.to_owned()),
            (true, Some(_)) => return Err(CertificateError::KeyOfFolder(certificate.to_owned())),
            (false, Some(key)) => Source::Pair { certificate: certificate.to_owned(), key: key.to_owned() },
            (false, None) => return Err(without_key(certificate)),
        };
        // Before they are read: what changes meanwhile is seen at the next look.
        let stamp = source.stamp();
        Ok(Self { book: source.read()?, stamp, source })
    }

    /// Where it is read from.
    fn path(&self) -> &Path {
        match &self.source {
            Source::Pair { certificate, .. } => certificate,
            Source::Folder(folder) => folder,
        }
    }
}

impl Source {
    fn pairs(&self) -> Result<Vec<(PathBuf, PathBuf)>, CertificateError> {
        match self {
            Self::Pair { certificate, key } => Ok(vec![(certificate.clone(), key.clone())]),
            Self::Folder(folder) => pairs_of(folder),
        }
    }

    fn stamp(&self) -> Stamp {
        let looks = |path: PathBuf| {
            let found = std::fs::metadata(&path).ok();
            let look = found.and_then(|found| Some((found.modified().ok()?, found.len())));
            (path, look)
        };
        let pairs = self.pairs().unwrap_or_default();
        pairs.into_iter().flat_map(|(certificate, key)| [certificate, key]).map(looks).collect()
    }

    fn read(&self) -> Result<Book, CertificateError> {
        let provider = aws_lc_rs::default_provider();
        self.pairs()?.iter().map(|(certificate, key)| read_pair(&provider, certificate, key).map(Arc::new)).collect()
    }
}

fn without_key(certificate: &Path) -> CertificateError {
    match std::fs::metadata(certificate) {
        Ok(_) => CertificateError::NoKey(certificate.to_owned()),
        Err(error) => CertificateError::Certificate {
            path: certificate.to_owned(),
            reason: in_words(&pem::Error::Io(error), &CERTIFICATE),
        },
    }
}

/// The pairs of a folder, by name.
fn pairs_of(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>, CertificateError> {
    let failed = |reason: String| CertificateError::Folder { path: folder.to_owned(), reason };
    let entries = std::fs::read_dir(folder).map_err(|error| failed(format!("{error}; is it readable?")))?;
    let mut pairs = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(error.to_string()))?.path();
        let is_certificate = path.extension().is_some_and(|end| end == "crt" || end == "pem");
        if is_certificate {
            pairs.push((path.clone(), path.with_extension("key")));
        }
    }
    pairs.sort();
    match pairs.len() {
        0 => Err(failed("it has no certificate; put NAME.crt (or NAME.pem) and NAME.key into it".to_owned())),
        1..=MOST_PAIRS => Ok(pairs),
        found => Err(failed(format!("it has {found} certificates; leave at most {MOST_PAIRS}"))),
    }
}

fn read_pair(provider: &CryptoProvider, certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let wrong = |reason: String| CertificateError::Certificate { path: certificate.to_owned(), reason };
    let wrong_key = |reason: String| CertificateError::Key { path: key.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| wrong(in_words(&error, &CERTIFICATE)))?;
    if chain.is_empty() {
        return Err(wrong(in_words(&pem::Error::NoItemsFound, &CERTIFICATE)));
    }
    let read = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong_key(in_words(&error, &KEY)))?;
    let signing =
        provider.key_provider.load_private_key(read).map_err(|error| wrong_key(format!("{error}; {}", KEY.advice)))?;
    let pair = CertifiedKey::new(chain, signing);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(CertificateError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() })
        }
        Err(error) => Err(wrong(format!("{error}; {}", CERTIFICATE.advice))),
    }
}

/// What a file is to hold.
struct Content {
    what: &'static str,
    advice: &'static str,
}

const CERTIFICATE: Content = Content {
    what: "certificate",
    advice: "give a PEM file with the certificate, its own first and the chain behind it",
};

const KEY: Content = Content {
    what: "private key",
    advice: "give a PEM file with the certificate's private key (PKCS#8, PKCS#1 or SEC1), without a password",
};

/// Never with what the error holds: of a key that stands on one line, that is the key.
fn in_words(error: &pem::Error, content: &Content) -> String {
    let Content { what, advice } = content;
    match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "{error}; let the user that the gateway runs as read it (mode 640 and a group for it; under systemd \
             SupplementaryGroups=)"
        ),
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => format!(
            "{error}; is the path right? In a folder each NAME.crt or NAME.pem has its NAME.key; of certbot's name the \
             files fullchain.pem and privkey.pem"
        ),
        pem::Error::Io(error) => error.to_string(),
        error => format!("{}; {advice}", pem_in_words(error, what)),
    }
}

/// What is served now.
#[derive(Debug)]
struct Holder(ArcSwap<Book>);

impl ResolvesServerCert for Holder {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        choose(&self.0.load(), hello.server_name())
    }
}

/// The first that is for this name, else the very first.
fn choose(book: &[Arc<CertifiedKey>], name: Option<&str>) -> Option<Arc<CertifiedKey>> {
    let asked = name.filter(|_| book.len() > 1);
    let fitting = asked.and_then(|name| book.iter().find(|pair| is_of(pair, name)));
    fitting.or_else(|| book.first()).cloned()
}

fn is_of(pair: &CertifiedKey, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    let certificate = pair.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

/// Certificates that are served, and their files.
pub(crate) struct Served {
    /// Of every shard.
    pub(crate) tls: Arc<ServerConfig>,
    holder: Arc<Holder>,
    certificate: Certificate,
}

impl Served {
    /// TLS 1.2 and 1.3, HTTP/1.1.
    pub(crate) fn new(certificate: Certificate) -> Result<Self, rustls::Error> {
        let holder = Arc::new(Holder(ArcSwap::from_pointee(certificate.book.clone())));
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut tls = builder.with_cert_resolver(holder.clone());
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        tell(&certificate, "certificate is served");
        Ok(Self { tls: Arc::new(tls), holder, certificate })
    }

    /// Looks at the files until the gateway ends, on a thread that moves no bytes.
    pub(crate) async fn keep_fresh(self, shard: Arc<ShardContext>) {
        let mut watch = Watch { holder: self.holder, certificate: self.certificate, refused: None };
        while shard.cancel.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            let looked = shard.tracker.spawn_blocking_on(
                move || {
                    watch.look();
                    watch
                },
                &shard.handle,
            );
            match looked.await {
                Ok(back) => watch = back,
                Err(error) => {
                    if error.is_panic() {
                        tracing::error!(%error, "the certificate's files are not looked at any more; this is a defect");
                    }
                    return;
                }
            }
        }
    }
}

/// Sees files change.
struct Watch {
    holder: Arc<Holder>,
    certificate: Certificate,
    /// Files that could not be used, as they looked then, and whether that was told.
    refused: Option<(Stamp, Told)>,
}

/// Whether something was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// Not yet: who renews writes one file after the other.
    NotYet,
    /// Once is enough.
    Yes,
}

impl Watch {
    fn look(&mut self) {
        let stamp = self.certificate.source.stamp();
        let before = match &self.refused {
            // Read again even so: a mode or an owner that was put right does not show.
            Some((refused, told)) if *refused == stamp => Some(*told),
            None if stamp == self.certificate.stamp => return,
            Some(_) | None => None,
        };
        match self.certificate.source.read() {
            Ok(book) => {
                let is_new = !same(&book, &self.certificate.book);
                self.certificate = Certificate { source: self.certificate.source.clone(), stamp, book };
                self.refused = None;
                if is_new {
                    self.holder.0.store(Arc::new(self.certificate.book.clone()));
                    tell(&self.certificate, "new certificate is served from the next connection on");
                }
            }
            Err(error) => {
                if before == Some(Told::NotYet) {
                    tracing::warn!(%error, "the new certificate cannot be used; the one before is served on");
                }
                let told = if before.is_none() { Told::NotYet } else { Told::Yes };
                self.refused = Some((stamp, told));
            }
        }
    }
}

fn same(one: &[Arc<CertifiedKey>], other: &[Arc<CertifiedKey>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.cert == other.cert)
}

/// One line a certificate: by its fingerprint, as browsers and `openssl x509 -fingerprint -sha256` show it.
fn tell(certificate: &Certificate, what: &str) {
    for pair in &certificate.book {
        let Ok(own) = pair.end_entity_cert() else { continue };
        let digest = Sha256::digest(own.as_ref());
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        tracing::info!(path = %certificate.path().display(), chain = pair.cert.len(), %sha256, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn pair(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        (CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    struct Files {
        folder: TempDir,
    }

    impl Files {
        fn new() -> Self {
            Self { folder: TempDir::new().unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.path(name), text).unwrap();
        }

        fn write_pair(&self, (certificate, key): &(String, String)) {
            self.write("a.pem", certificate);
            self.write("a.key", key);
        }

        fn open(&self) -> Result<Certificate, CertificateError> {
            Certificate::open(&self.path("a.pem"), Some(&self.path("a.key")))
        }

        fn watch(&self) -> Watch {
            let certificate = self.open().unwrap();
            let holder = Arc::new(Holder(ArcSwap::from_pointee(certificate.book.clone())));
            Watch { holder, certificate, refused: None }
        }
    }

    impl Watch {
        /// The first certificate that is served.
        fn served(&self) -> CertificateDer<'static> {
            self.holder.0.load()[0].cert[0].clone()
        }
    }

    #[test]
    fn a_chain_and_its_key_are_taken_and_what_does_not_belong_together_is_not() {
        let files = Files::new();
        let (own, other) = (pair(&["a.test"]), pair(&["b.test"]));
        files.write_pair(&(format!("{}{}", own.0, other.0), own.1.clone()));
        assert_eq!(files.open().unwrap().book[0].cert.len(), 2);
        files.write_pair(&(format!("{}{}", other.0, own.0), own.1.clone()));
        assert!(matches!(files.open(), Err(CertificateError::Mismatch { .. })), "the chain comes first");
        files.write_pair(&(own.1.clone(), own.1.clone()));
        assert!(matches!(files.open(), Err(CertificateError::Certificate { .. })));
        files.write_pair(&(own.0.clone(), own.0.clone()));
        assert!(matches!(files.open(), Err(CertificateError::Key { .. })));
        let locked = own.1.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        files.write_pair(&(own.0.clone(), locked));
        assert!(files.open().unwrap_err().to_string().contains("without a password"));
        files.write_pair(&(own.0.replace("M", "?"), own.1.clone()));
        assert!(matches!(files.open(), Err(CertificateError::Certificate { .. })));
        let secret: String = own.1.lines().skip(1).take(1).collect();
        files.write_pair(&own);
        assert!(!format!("{:?}", files.open().unwrap()).contains(&secret), "no key is shown");
    }

    #[test]
    fn a_file_that_is_no_pem_is_told_of_without_what_it_holds() {
        let files = Files::new();
        let (certificate, key) = pair(&["a.test"]);
        let middle = |text: &str| text.lines().nth(1).unwrap()[..20].to_owned();
        let (secret, public) = (middle(&key), middle(&certificate));
        // As settings and folded YAML make them: line ends lost, or spelled out.
        let ways: [fn(&str) -> String; 4] = [
            |text| text.replace('\n', " "),
            |text| text.replace('\n', "\\n"),
            |text| text.trim().replace('\n', "\\n"),
            |text| text.replacen("-----\n", "-----", 1),
        ];
        for way in ways {
            for (certificate, key) in [(certificate.clone(), way(&key)), (way(&certificate), key.clone())] {
                files.write_pair(&(certificate, key));
                let error = files.open().unwrap_err();
                for told in [error.to_string(), format!("{error:?}")] {
                    assert!(told.contains("on a line of its own"), "{told}");
                    for held in [&secret, &public] {
                        let bytes = format!("{:?}", held.as_bytes());
                        assert!(!told.contains(held) && !told.contains(bytes.trim_matches(['[', ']'])), "{told}");
                    }
                }
            }
        }
    }

    #[test]
    fn files_that_change_are_served_and_what_cannot_be_used_is_not() {
        let files = Files::new();
        files.write_pair(&pair(&["a.test"]));
        let mut watch = files.watch();
        let first = watch.served();
        watch.look();
        assert_eq!((watch.served(), watch.refused.is_some()), (first.clone(), false));
        let next = pair(&["longer-than-the-first.test"]);
        files.write("a.pem", &next.0);
        for told in [Told::NotYet, Told::Yes, Told::Yes] {
            watch.look();
            assert_eq!(watch.served(), first, "its key is not there yet");
            assert_eq!(watch.refused.as_ref().map(|(_, told)| *told), Some(told));
        }
        files.write("a.key", &next.1);
        watch.look();
        assert_ne!(watch.served(), first);
        assert!(watch.refused.is_none());
        std::fs::remove_file(files.path("a.key")).unwrap();
        let second = watch.served();
        watch.look();
        assert_eq!((watch.served(), watch.refused.is_some()), (second, true));
    }

    #[test]
    fn a_name_gets_its_own_certificate_and_every_other_the_first() {
        let files = Files::new();
        for (file, names) in [("b", &["b.test", "*.b.test"][..]), ("a", &["a.test", "192.0.2.7"]), ("c", &["a.test"])] {
            let (certificate, key) = pair(names);
            files.write(&format!("{file}.crt"), &certificate);
            files.write(&format!("{file}.key"), &key);
        }
        let book = Certificate::open(files.folder.path(), None).unwrap().book;
        let chosen = |name: Option<&str>| {
            let chosen = choose(&book, name).unwrap();
            book.iter().position(|pair| Arc::ptr_eq(pair, &chosen))
        };
        assert_eq!(chosen(Some("b.test")), Some(1));
        assert_eq!(chosen(Some("x.b.test")), Some(1));
        for other in [Some("a.test"), Some("else.test"), Some("not a name"), None] {
            assert_eq!(chosen(other), Some(0), "{other:?}");
        }
        std::fs::remove_file(files.path("b.key")).unwrap();
        let error = Certificate::open(files.folder.path(), None).unwrap_err();
        assert!(matches!(&error, CertificateError::Key { path, .. } if path.ends_with("b.key")), "{error}");
    }
}
