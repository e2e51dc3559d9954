//! A file's lines from the last to the first, with little of it in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of one read.
const BLOCK: usize = 64 << 10;
/// A longer line is none of ours (they are cut at a few KiB a value) and is passed over.
const MAX_LINE: usize = 1 << 20;

/// Reads lines backward.
#[derive(Debug)]
pub(super) struct Backward<'a> {
    file: &'a File,
    /// Where the bytes that are held begin in the file.
    place: u64,
    held: Vec<u8>,
    /// The end of `held` belongs to a line that is too long.
    is_passing: bool,
    read: u64,
}

impl<'a> Backward<'a> {
    /// From an offset that a line ends at.
    pub(super) fn from(file: &'a File, end: u64) -> Self {
        Self { file, place: end, held: Vec::new(), is_passing: false, read: 0 }
    }

    /// Bytes that were read so far.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// The line before, without its end; `None` at the file's beginning.
    pub(super) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut unsearched = self.held.len();
        loop {
            if let Some(end) = self.held[..unsearched].iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(end + 1);
                self.held.pop();
                if !std::mem::take(&mut self.is_passing) {
                    return Ok(Some(line));
                }
                unsearched = self.held.len();
                continue;
            }
            if self.held.len() > MAX_LINE {
                self.held.clear();
                self.is_passing = true;
            }
            if self.place == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty() && !self.is_passing).then_some(line));
            }
            unsearched = self.fetch()?;
        }
    }

    /// Puts the block before in front of what is held; its length.
    fn fetch(&mut self) -> io::Result<usize> {
        let length = usize::try_from(self.place).unwrap_or(BLOCK).min(BLOCK);
        let mut block = vec![0; length];
        self.place -= length as u64;
        self.file.read_exact_at(&mut block, self.place)?;
        self.read += length as u64;
        block.append(&mut self.held);
        self.held = block;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(content: &[u8]) -> Vec<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut backward = Backward::from(&file, content.len() as u64);
        let mut lines = Vec::new();
        while let Some(line) = backward.line().unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        lines
    }

    #[test]
    fn lines_come_from_the_last_to_the_first() {
        assert_eq!(lines(b"one\ntwo\n\nthree\n"), ["", "three", "", "two", "one"]);
        assert_eq!(lines(b"one\npart"), ["part", "one"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn lines_that_cross_blocks_are_whole() {
        let long = "x".repeat(BLOCK * 2 + 17);
        let content = format!("{long}a\n{long}b\nc\n");
        assert_eq!(lines(content.as_bytes()), ["", "c", &format!("{long}b"), &format!("{long}a")]);
        for near in BLOCK - 3..BLOCK + 3 {
            let line = "y".repeat(near);
            assert_eq!(lines(format!("a\n{line}\n").as_bytes()), ["", &line, "a"]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let huge = "x".repeat(MAX_LINE + BLOCK * 2);
        assert_eq!(lines(format!("a\n{huge}\nb\n").as_bytes()), ["", "b", "a"]);
        assert_eq!(lines(format!("{huge}\nb\n").as_bytes()), ["", "b"]);
        assert_eq!(lines(format!("a\n{huge}").as_bytes()), ["a"]);
    }
}
