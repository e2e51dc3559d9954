//! Log files by day and size: `agent-.log` becomes `agent-20261120.log`, and when that is full
//! `agent-20261120_001.log`. The oldest ones beyond a count are removed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use time::{Date, OffsetDateTime};

/// Where files are and what they are called.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    folder: PathBuf,
    stem: String,
    suffix: String,
}

/// Writes lines to the file of the day.
#[derive(Debug)]
pub(super) struct Roller {
    naming: Naming,
    retained: usize,
    size_limit: u64,
    now: fn() -> OffsetDateTime,
    open: Open,
}

/// The file that is written.
#[derive(Debug)]
struct Open {
    file: File,
    day: Date,
    part: u32,
    size: u64,
}

impl Roller {
    /// Makes the folder and opens the file of today.
    pub(super) fn open(path: &Path, retained: usize, size_limit: u64) -> io::Result<Self> {
        Self::at(path, retained, size_limit, OffsetDateTime::now_utc)
    }

    fn at(path: &Path, retained: usize, size_limit: u64, now: fn() -> OffsetDateTime) -> io::Result<Self> {
        let naming = Naming::of(path);
        fs::create_dir_all(&naming.folder)?;
        let day = now().date();
        let open = naming.first_with_room(day, size_limit)?;
        let mut roller = Self { naming, retained, size_limit, now, open };
        roller.open.end_line()?;
        roller.prune();
        Ok(roller)
    }

    /// What the files are called.
    pub(super) const fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Appends a line, on a new day or over the limit to the next file.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let day = (self.now)().date();
        let length = line.len() as u64;
        let full = self.open.size > 0 && self.open.size + length > self.size_limit;
        if day != self.open.day {
            self.open = self.naming.first_with_room(day, self.size_limit)?;
            self.prune();
        } else if full {
            let part = self.open.part + 1;
            self.open = self.naming.open((day, part))?;
            self.prune();
        }
        self.open.file.write_all(line)?;
        self.open.size += length;
        Ok(())
    }

    /// Removes the oldest files beyond the count. A file that cannot be removed now is tried again next time.
    fn prune(&self) {
        let files = self.naming.files();
        let surplus = files.len().saturating_sub(self.retained);
        for path in &files[..surplus] {
            drop(fs::remove_file(path));
        }
    }
}

impl Naming {
    /// The files of a configured path.
    pub(super) fn of(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (stem, suffix) = match name.rfind('.') {
            Some(dot) => (name[..dot].to_owned(), name[dot..].to_owned()),
            None => (name, String::new()),
        };
        Self { folder: folder.to_owned(), stem, suffix }
    }

    /// The files that there are, oldest first.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut ours: Vec<(String, u32, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let (day, part) = self.stamp_of(&name)?;
                Some((day, part, entry.path()))
            })
            .collect();
        ours.sort();
        ours.into_iter().map(|(_, _, path)| path).collect()
    }

    /// Day and part of a file that a roller made; `None` for any other file.
    fn stamp_of(&self, name: &str) -> Option<(String, u32)> {
        let stamp = name.strip_prefix(&self.stem)?.strip_suffix(&self.suffix)?;
        let (day, part) = stamp.split_once('_').unwrap_or((stamp, "0"));
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        is_day.then_some(day.to_owned()).zip(part.parse().ok())
    }

    /// The first file of the day that still has room; a restart goes on where the last run was.
    fn first_with_room(&self, day: Date, limit: u64) -> io::Result<Open> {
        let mut part = 0;
        loop {
            let open = self.open((day, part))?;
            if open.size < limit {
                return Ok(open);
            }
            part += 1;
        }
    }

    fn open(&self, (day, part): (Date, u32)) -> io::Result<Open> {
        let date = format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day());
        let stamp = if part == 0 { date } else { format!("{date}_{part:03}") };
        let path = self.folder.join(format!("{}{stamp}{}", self.stem, self.suffix));
        let file = File::options().create(true).read(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Open { file, day, part, size })
    }
}

impl Open {
    /// Ends the line that a crash or a full disk may have left unfinished, so that the next one is readable.
    fn end_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if self.size > 0 {
            self.file.read_exact_at(&mut last, self.size - 1)?;
        }
        if last != [b'\n'] {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use tempfile::TempDir;

    use super::*;

    const DAY: i64 = 86_400;
    const START: i64 = 1_795_219_200; // 2026-11-21T00:00:00Z

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn fixed() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(START).unwrap()
    }

    #[test]
    fn the_date_is_put_before_the_suffix() {
        let folder = tempfile::tempdir().unwrap();
        let mut roller = Roller::at(&folder.path().join("logs/agent-.log"), 5, 1000, fixed).unwrap();
        roller.write_line(b"hello\n").unwrap();
        let text = fs::read_to_string(folder.path().join("logs/agent-20261121.log")).unwrap();
        assert_eq!(text, "hello\n");
    }

    #[test]
    fn a_full_file_is_followed_by_the_next_and_a_restart_goes_on_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g-.log");
        let mut roller = Roller::at(&path, 10, 10, fixed).unwrap();
        for _ in 0..3 {
            roller.write_line(b"12345678\n").unwrap();
        }
        assert_eq!(names(&folder), ["g-20261121.log", "g-20261121_001.log", "g-20261121_002.log"]);
        let mut again = Roller::at(&path, 10, 10, fixed).unwrap();
        again.write_line(b"x").unwrap();
        assert_eq!(fs::read(folder.path().join("g-20261121.log")).unwrap(), b"12345678\nx");
        assert_eq!(names(&folder).len(), 3, "the first file had room for one byte");
    }

    #[test]
    fn a_line_that_a_crash_cut_is_ended_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g-.log");
        Roller::at(&path, 10, 1000, fixed).unwrap().write_line(b"cut").unwrap();
        Roller::at(&path, 10, 1000, fixed).unwrap().write_line(b"whole\n").unwrap();
        Roller::at(&path, 10, 1000, fixed).unwrap();
        assert_eq!(fs::read(folder.path().join("g-20261121.log")).unwrap(), b"cut\nwhole\n");
    }

    #[test]
    fn a_line_longer_than_the_limit_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut roller = Roller::at(&folder.path().join("g-.log"), 10, 4, fixed).unwrap();
        roller.write_line(b"much longer than four\n").unwrap();
        assert_eq!(names(&folder).len(), 1);
    }

    #[test]
    fn each_day_has_its_file_and_only_the_newest_stay() {
        static NOW: AtomicI64 = AtomicI64::new(START);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("g-notes.log"), "not a log of ours").unwrap();
        let now = || OffsetDateTime::from_unix_timestamp(NOW.load(Ordering::SeqCst)).unwrap();
        let mut roller = Roller::at(&folder.path().join("g-.log"), 2, 1000, now).unwrap();
        for day in 0..4 {
            NOW.store(START + day * DAY, Ordering::SeqCst);
            roller.write_line(b"line\n").unwrap();
        }
        assert_eq!(names(&folder), ["g-20261123.log", "g-20261124.log", "g-notes.log"]);
    }

    #[test]
    fn an_unwritable_folder_is_an_error_of_the_open() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Roller::open(&folder.path().join("file/agent-.log"), 1, 1000).is_err());
    }
}
