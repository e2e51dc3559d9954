//! A file beside the database that goes with its owner, however that ends. What a killed process left is swept away by
//! the next that opens the database.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use uuid::Uuid;

use super::open::folder_of;

/// What SQLite puts beside a database.
pub(super) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Between the database's name and a random one.
const MARK: &str = ".scratch-";

/// What a link ends in an error with, and a pipe does not wait for.
const NO_LINK: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();

/// An empty file, for its owner alone. Deleted when dropped, with what SQLite put beside it.
///
/// Whoever owns the folder can put another file under its name, and root works for them: what is written, read and given
/// away goes by the descriptor.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    /// A fresh one beside a database.
    pub(crate) fn beside(database: &Path) -> io::Result<Self> {
        let path = with_suffix(database, &format!("{MARK}{}", Uuid::new_v4().simple()));
        let file = fresh(&path)?;
        Ok(Self { path, file })
    }

    /// Takes a copy of the write-ahead log of a backup that this is a copy of, if there is one: a plain copy of a
    /// database has its newest changes there. A log that somebody else put there says what they like.
    pub(crate) fn take_log_of(&self, database: &Path, backup: &Metadata) -> io::Result<()> {
        let log = with_suffix(database, "-wal");
        let refused = |reason: &str| {
            let words = format!("{} {reason}: move it away, or give it to the backup's owner", log.display());
            io::Error::new(io::ErrorKind::InvalidInput, words)
        };
        let mut source = match OpenOptions::new().read(true).custom_flags(NO_LINK).open(&log) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(refused("is a link"));
            }
            Err(error) => return Err(error),
        };
        let found = source.metadata()?;
        if !found.is_file() {
            return Err(refused("is no file"));
        }
        if found.uid() != backup.uid() {
            return Err(refused("belongs to another user than the backup"));
        }
        io::copy(&mut source, &mut fresh(&with_suffix(&self.path, "-wal"))?)?;
        Ok(())
    }

    /// The file itself, whatever has its name.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Gives it to the owner of something else. Whoever cannot give files away is that owner.
    pub(super) fn give_to_owner_of(&self, like: &Metadata) -> io::Result<()> {
        match std::os::unix::fs::fchown(&self.file, Some(like.uid()), Some(like.gid())) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.file.set_permissions(Permissions::from_mode(0o600))
    }

    /// Whether its name is still its own.
    pub(super) fn check_name(&self) -> io::Result<()> {
        let (named, own) = (std::fs::symlink_metadata(&self.path)?, self.file.metadata()?);
        if (named.dev(), named.ino()) == (own.dev(), own.ino()) {
            return Ok(());
        }
        let words = "another file has taken its place; look who writes in this folder, then repeat this";
        Err(io::Error::other(words))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Renamed or gone already: then there is nothing to do.
        drop(std::fs::remove_file(&self.path));
        for side in SIDE_FILES {
            drop(std::fs::remove_file(with_suffix(&self.path, side)));
        }
    }
}

/// A file that was not there.
fn fresh(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(NO_LINK).open(path)
}

/// A path with more at the end of its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Deletes what processes that were killed left beside a database.
pub(super) fn sweep(database: &Path) -> io::Result<()> {
    let Some(name) = database.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let left = format!("{name}{MARK}");
    for entry in std::fs::read_dir(folder_of(database))? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&left)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_scratch_file_and_what_was_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("octoporty.db");
        std::fs::write(&database, "x").unwrap();
        let scratch = Scratch::beside(&database).unwrap();
        std::fs::write(with_suffix(scratch.path(), "-wal"), "x").unwrap();
        assert_eq!(std::fs::metadata(scratch.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(count(), 3);
        drop(scratch);
        assert_eq!(count(), 1);
        std::mem::forget(Scratch::beside(&database).unwrap());
        std::mem::forget(Scratch::beside(&folder.path().join("other.db")).unwrap());
        sweep(&database).unwrap();
        assert_eq!(count(), 2, "another database's is not ours to take");
    }
}
