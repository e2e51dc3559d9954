//! Settings of logs, for both roles.

use std::path::{Path, PathBuf};

use tracing::Level;

use super::key::Role;
use super::reader::Reader;
use super::value::{self, Format};

/// Where log files go when nobody says otherwise; the image and packages make this folder.
const DEFAULT_FOLDER: &str = "/var/log/octoporty";

/// How and where logs are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoggingSettings {
    /// Least important level that is written to standard output.
    pub(crate) level: Level,
    /// Least important level that is written to files and that the console shows.
    pub(crate) kept: Level,
    /// Whose lines they are.
    pub(crate) roles: Roles,
    /// `None`: text on a terminal, else JSON.
    pub(crate) format: Option<Format>,
    /// Path before the date is put in.
    pub(crate) file: LogFile,
    /// Files that are kept.
    pub(crate) retained: usize,
    /// Bytes at which a file is followed by the next.
    pub(crate) size_limit: u64,
}

/// Which roles a process has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Roles {
    /// One; all lines are its own.
    One,
    /// Gateway and agent, whose lines are told apart.
    Both,
}

/// Whether logs go into files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LogFile {
    /// No.
    Off,
    /// There, if its folder is there and can be written; nothing is said otherwise.
    IfWritable(PathBuf),
    /// There; a warning if not possible.
    At(PathBuf),
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader, role: Role) -> LoggingSettings {
    let level = reader.get("Logging__LogLevel", value::level);
    let format = reader.find("Logging__Format", value::format);
    let file = match reader.find("Logging__FilePath", value::path) {
        Some(path) if path.as_os_str().is_empty() => LogFile::Off,
        Some(path) => LogFile::At(path),
        None => {
            let path = Path::new(DEFAULT_FOLDER).join(format!("{}-.log", role.word()));
            reader.derive("Logging__FilePath", format!("{} if its folder is writable", path.display()));
            LogFile::IfWritable(path)
        }
    };
    LoggingSettings {
        level,
        kept: level,
        roles: Roles::One,
        format,
        file,
        retained: reader.get("Logging__RetainedFileCountLimit", value::count(1, 10_000)),
        size_limit: reader.get("Logging__FileSizeLimitBytes", value::bytes(64 << 10, 1 << 40)),
    }
}
