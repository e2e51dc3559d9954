//! A file beside the database that goes with its owner, however that ends. What a killed process left is swept away by
//! the next that opens the database.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::open::folder_of;

/// What SQLite puts beside a database.
pub(super) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Between the database's name and a random one.
const MARK: &str = ".scratch-";

/// An empty file, for its owner alone. Deleted when dropped, with what SQLite put beside it.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A fresh one beside a database.
    pub(crate) fn beside(database: &Path) -> io::Result<Self> {
        let path = with_suffix(database, &format!("{MARK}{}", Uuid::new_v4().simple()));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// Takes a copy of the write-ahead log of a database that this is a copy of, if there is one: a plain copy of a
    /// database has its newest changes there.
    pub(crate) fn take_log_of(&self, database: &Path) -> io::Result<()> {
        let log = with_suffix(database, "-wal");
        if log.exists() {
            std::fs::copy(&log, with_suffix(&self.path, "-wal"))?;
        }
        Ok(())
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
    use std::os::unix::fs::PermissionsExt;

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
