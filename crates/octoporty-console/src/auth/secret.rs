//! The key of access tokens: given, or made once and kept beside the database.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::StartError;
use crate::auth::tokens::random_token;
use crate::config::JwtSecret;
use crate::store::folder_of;

/// The file's name, in the folder of the database.
const FILE: &str = "console-jwt.secret";

/// The key that was given; else the one in the file; else a fresh one, which is put there.
pub(crate) fn key(given: Option<JwtSecret>, database: &Path) -> Result<JwtSecret, StartError> {
    if let Some(secret) = given {
        return Ok(secret);
    }
    let path = folder_of(database).join(FILE);
    let failed = |reason: String| StartError::Database { path: path.display().to_string(), reason };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let fresh = random_token();
            write_once(&path, &fresh).map_err(|error| failed(error.to_string()))?;
            fresh
        }
        Err(error) => {
            return Err(failed(format!("{error}; make the file readable, or delete it to have a new key made")));
        }
    };
    JwtSecret::new(text.trim().to_owned())
        .ok_or_else(|| failed("it has fewer than 32 characters; delete the file to have a new key made".to_owned()))
}

/// The file appears whole or not at all, readable for this user alone.
fn write_once(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("secret.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("console.db");
        let first = key(None, &database).unwrap();
        let second = key(None, &database).unwrap();
        assert_eq!(first.as_bytes(), second.as_bytes());
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_given_key_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let given = JwtSecret::new("x".repeat(32)).unwrap();
        assert_eq!(key(Some(given), &folder.path().join("console.db")).unwrap().as_bytes(), [b'x'; 32]);
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn a_damaged_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "short").unwrap();
        let error = key(None, &folder.path().join("console.db")).unwrap_err().to_string();
        assert!(error.contains("fewer than 32 characters"), "{error}");
    }
}
