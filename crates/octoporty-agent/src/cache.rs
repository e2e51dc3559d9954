//! The newest desired state on disk, so that an agent whose console is not there yet, or that has no network, serves
//! as soon as a link is up.
//!
//! The file is whole or absent at every moment (written beside, synced, renamed), readable by its owner alone, and
//! holds no secret. One that cannot be read is put aside and never stands in the way of a start.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use octoporty_proto::model::DesiredState;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the file's form. A file of another one is foreign.
const VERSION: u32 = 1;

/// Most bytes of a file that is read; desired states are far below (a landing page of 1 MB and mappings of < 1 kB).
const MAX_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Serialize)]
struct Written<'a> {
    octoporty_desired_state: u32,
    state: &'a DesiredState,
}

#[derive(Deserialize)]
struct Version {
    octoporty_desired_state: u32,
}

#[derive(Deserialize)]
struct Read {
    state: DesiredState,
}

/// Why a file is not a desired state.
#[derive(Debug, Error)]
enum CacheError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is not a desired state: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it has the form of version {0}; this release knows version {VERSION}")]
    Version(u32),
    #[error("it has {0} bytes, which no desired state has")]
    TooLarge(u64),
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    file: PathBuf,
}

impl Cache {
    /// At this path; its folder is made when it is first written.
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// What the last run knew, if it can be read. A file that cannot be read is put aside as `<name>.corrupt`.
    pub(crate) fn load(&self) -> Option<DesiredState> {
        match read(&self.file) {
            Ok(state) => Some(state),
            Err(CacheError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.put_aside(&error);
                None
            }
        }
    }

    fn put_aside(&self, why: &CacheError) {
        let aside = self.beside(".corrupt");
        let file = self.file.display();
        match std::fs::rename(&self.file, &aside) {
            Ok(()) => tracing::warn!(
                %file, aside = %aside.display(), reason = %why,
                "the cached desired state is ignored and was put aside; it is written anew from the console"
            ),
            Err(error) => tracing::warn!(
                %file, reason = %why, %error, "the cached desired state is ignored; it could not be put aside"
            ),
        }
    }

    /// Replaces the file. Blocks.
    pub(crate) fn save(&self, state: &DesiredState) -> io::Result<()> {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_vec(&Written { octoporty_desired_state: VERSION, state })?;
        let written = self.beside(".new");
        let mut file = open_private(&written)?;
        file.write_all(&text)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&written, &self.file)?;
        // The rename itself is on disk only when the folder is.
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(suffix);
        name.into()
    }
}

fn read(path: &Path) -> Result<DesiredState, CacheError> {
    let length = std::fs::metadata(path)?.len();
    if length > MAX_BYTES {
        return Err(CacheError::TooLarge(length));
    }
    let text = std::fs::read(path)?;
    let version: Version = serde_json::from_slice(&text)?;
    if version.octoporty_desired_state != VERSION {
        return Err(CacheError::Version(version.octoporty_desired_state));
    }
    Ok(serde_json::from_slice::<Read>(&text)?.state)
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A leftover of a crash may have another mode; `mode` is for new files alone.
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(opened)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

#[cfg(test)]
mod tests;
