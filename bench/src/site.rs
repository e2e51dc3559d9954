//! What is served to visitors: files whose bytes are known, by nginx (the control *direct*), and the ground that all
//! systems of a run stand on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use octoporty_e2e::target;
use octoporty_e2e::world::World;

use crate::daemon::Daemon;
use crate::sink::Sink;
use crate::systems::nginx;

/// Bytes of the small answer.
const SMALL: usize = 100;
/// Bytes of the file that bulk downloads repeat: long beside a request's cost, short enough to be made at once.
const BULK: usize = 256 << 20;

/// One file of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// 100 bytes.
    Small,
    /// 64 KiB.
    Kib64,
    /// 1 MiB.
    Mib1,
    /// 256 MiB.
    Bulk,
}

impl Page {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Small, Self::Kib64, Self::Mib1, Self::Bulk];

    /// Its path.
    #[must_use]
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Small => "/small",
            Self::Kib64 => "/64k",
            Self::Mib1 => "/1m",
            Self::Bulk => "/bulk",
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Small => SMALL,
            Self::Kib64 => 64 << 10,
            Self::Mib1 => 1 << 20,
            Self::Bulk => BULK,
        }
    }
}

/// A folder, an address of loopback, the site and the sink.
#[derive(Debug)]
pub(crate) struct Ground {
    _nginx: Daemon,
    site_address: SocketAddr,
    sink: Sink,
    certificate: crate::certificate::Certificate,
    world: World,
}

impl Ground {
    /// Makes the files, starts nginx and the sink.
    ///
    /// # Errors
    /// If nginx is not installed or does not start.
    pub(crate) async fn prepare() -> Result<Self> {
        let world = World::new();
        let root = world.path("site");
        std::fs::create_dir_all(&root).context("the run's folder is not writable")?;
        for page in Page::ALL {
            let file = root.join(page.path().trim_start_matches('/'));
            let bytes = if page == Page::Small { small_text() } else { random_bytes(page.len()) };
            std::fs::write(file, bytes).context("no room for the site's files")?;
        }
        let small = std::fs::read_to_string(root.join(Page::Small.path().trim_start_matches('/')))?;
        let site_address = target::free_address(world.ip());
        let server = format!(
            "server {{ listen {site_address} backlog=4096; root {root}; default_type application/octet-stream; \
             sendfile on; location = {path} {{ return 200 \"{small}\"; }} }}",
            root = root.display(),
            path = Page::Small.path(),
        );
        let site = nginx::start("site", world.path("").as_path(), &server)?;
        let sink = Sink::start(world.ip()).await?;
        let certificate = crate::certificate::Certificate::make(&world.path(""), world.ip())?;
        target::listening(site_address).await;
        Ok(Self { _nginx: site, site_address, sink, certificate, world })
    }

    /// Where nginx serves the site.
    #[must_use]
    pub(crate) fn site(&self) -> SocketAddr {
        self.site_address
    }

    /// Where uploads go.
    #[must_use]
    pub(crate) fn sink(&self) -> &Sink {
        &self.sink
    }

    /// A certificate for this run's address.
    #[must_use]
    pub(crate) fn certificate(&self) -> &crate::certificate::Certificate {
        &self.certificate
    }

    /// The run's folder.
    #[must_use]
    pub(crate) fn dir(&self) -> PathBuf {
        self.world.path("")
    }

    /// The file behind a page.
    #[must_use]
    pub(crate) fn file(&self, page: Page) -> PathBuf {
        self.world.path("site").join(page.path().trim_start_matches('/'))
    }

    /// A free port of the run's address.
    #[must_use]
    pub(crate) fn free(&self) -> SocketAddr {
        target::free_address(self.world.ip())
    }

    /// Writes a file of configuration and returns its path.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        write(&self.dir(), name, text)
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = dir.join(name);
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// The small answer. nginx has it in its configuration, so that it leaves as one segment, as an application's answer
/// does: with `sendfile` a file's head and bytes are two, and the target costs more than what is measured.
fn small_text() -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::alphanumeric() as u8).take(SMALL).collect()
}

/// Bytes that no compression makes shorter.
fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}
