//! The demo's folder: the console's password stays the same over a restart, as the database does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use uuid::Uuid;

/// Letters of a made-up password; none that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters of a password; 5 bits each.
const PASSWORD_LETTERS: usize = 16;

/// The folder is not usable.
#[derive(Debug, Error)]
#[error("{} cannot be used: {source}; choose another folder with --data", path.display())]
pub(super) struct FolderError {
    path: PathBuf,
    source: io::Error,
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// Where.
    pub(super) path: PathBuf,
    /// The console's password.
    pub(super) password: String,
    /// The gateway's key, new in each run: both ends are in this process.
    pub(super) api_key: String,
}

impl Folder {
    /// Makes the folder, and the password if there is none yet.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let wrong = |source| FolderError { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(wrong)?;
        let password = password(&path.join("password")).map_err(wrong)?;
        let api_key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Ok(Self { path: path.to_owned(), password, api_key })
    }
}

fn password(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let password = new_password();
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    writeln!(file, "{password}")?;
    Ok(password)
}

/// Random letters; the randomness is the system's, by way of UUIDs of version 4 (their fixed bits are left out).
fn new_password() -> String {
    let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    let random = bytes.iter().enumerate().filter(|(place, _)| !matches!(place % 16, 6 | 8)).map(|(_, byte)| byte);
    random.take(PASSWORD_LETTERS).map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_restart_has_the_same_password_and_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(&folder.path().join("demo")).unwrap();
        let second = Folder::open(&folder.path().join("demo")).unwrap();
        assert_eq!(first.password, second.password);
        assert_eq!(first.password.len(), PASSWORD_LETTERS);
        assert_ne!(first.api_key, second.api_key);
    }

    #[test]
    fn nobody_else_may_read_the_password() {
        let folder = tempfile::tempdir().unwrap();
        Folder::open(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join("password")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(new_password(), new_password());
    }

    #[test]
    fn a_file_in_the_way_is_named_with_the_flag_to_change() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = Folder::open(&folder.path().join("file")).unwrap_err().to_string();
        assert!(error.contains("--data"), "{error}");
    }
}
