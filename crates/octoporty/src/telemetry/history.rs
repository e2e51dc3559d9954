//! Lines that are no longer in memory, read from the log's files.
//!
//! Files and lines are in the order of their ids, so the place of a page is found by halving; from there it is read
//! backward. A page costs a bounded number of bytes, and says how far it came.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use super::backward::Backward;
use super::line::{self, Parsed};
use super::page::Filling;
use super::roller::Naming;

/// Bytes that a page may read once it has found a line: some 30 000 lines.
const PAGE_BYTES: u64 = 8 << 20;
/// Bytes that a page may read while it has found none: a file of something else must not cost more than this.
const JUNK_BYTES: u64 = 64 << 20;
/// What the look into one more file counts as, bytes.
const FILE_BYTES: u64 = 4 << 10;
/// First read while a readable line is looked for from a place within a file; those after it take 16 times as much.
const PROBE_BLOCK: usize = 4 << 10;
/// How far it is looked for. Lines before and behind more junk than this are not all found.
const PROBE_BYTES: usize = 4 << 20;

/// The files of a log.
#[derive(Debug)]
pub(super) struct History(Naming);

/// What a page has cost so far.
struct Cost {
    bytes: u64,
    has_line: bool,
}

impl History {
    pub(super) const fn of(naming: Naming) -> Self {
        Self(naming)
    }

    /// Id of the newest line that can be read, for ids that go on after it.
    pub(super) fn newest(&self) -> u64 {
        let mut newest = 0;
        let mut cost = Cost { bytes: 0, has_line: false };
        for path in self.0.files().iter().rev() {
            let Ok(file) = File::open(path) else { continue };
            // A file that cannot be read now has no part in the order of ids.
            drop(read_down(&file, u64::MAX, &mut cost, &mut |parsed| {
                newest = parsed.last_id();
                ControlFlow::Break(())
            }));
            if newest > 0 || cost.is_over() {
                break;
            }
        }
        newest
    }

    /// Offers lines below an id, newest first, until the page is full. A file that goes away meanwhile is passed over.
    pub(super) fn fill(&self, before: u64, page: &mut Filling<'_>) {
        let mut cost = Cost { bytes: 0, has_line: false };
        let mut last = u64::MAX;
        for path in self.0.files().iter().rev() {
            let Ok(file) = File::open(path) else { continue };
            let flow = read_down(&file, before, &mut cost, &mut |mut parsed| {
                // Lines of one millisecond whose ids are guessed are numbered downwards, from the last of them, whatever
                // page they are on.
                parsed.entry.id = parsed.last_id().min(last.saturating_sub(1)).max(parsed.entry.id);
                last = parsed.entry.id;
                if last >= before { ControlFlow::Continue(()) } else { page.offer(parsed.entry) }
            });
            if matches!(flow, Ok(ControlFlow::Break(()))) {
                return;
            }
            if cost.is_over() {
                return page.give_up();
            }
        }
    }
}

impl Cost {
    const fn is_over(&self) -> bool {
        self.bytes > if self.has_line { PAGE_BYTES } else { JUNK_BYTES }
    }
}

/// Gives the lines of a file that may be below an id, newest first, as long as they are taken and the cost allows.
fn read_down(
    file: &File,
    before: u64,
    cost: &mut Cost,
    take: &mut impl FnMut(Parsed) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    cost.bytes += FILE_BYTES;
    let end = end_of(file, before)?;
    let mut lines = Backward::from(file, end);
    let before_this = cost.bytes;
    while let Some(line) = lines.line()? {
        cost.bytes = before_this + lines.read();
        if let Some(parsed) = line::parse(&line) {
            cost.has_line = true;
            if take(parsed).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if cost.is_over() {
            break;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Offset of the first line that is not below an id.
fn end_of(file: &File, before: u64) -> io::Result<u64> {
    let length = file.metadata()?.len();
    if before == u64::MAX {
        return Ok(length);
    }
    // Lines that begin before `low` are below the id, those that begin at `high` or behind it are not; `low` is where a
    // line begins.
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        match probe(file, middle, high)? {
            Some((end, id)) if id < before => low = end,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// End and id of the first readable line that begins at an offset or behind it, and before another.
fn probe(file: &File, from: u64, to: u64) -> io::Result<Option<(u64, u64)>> {
    // What begins at the offset is a line only if the byte before ends one.
    let mut begin = from.saturating_sub(1);
    let mut is_whole = from == 0;
    let mut held = Vec::new();
    let mut block = vec![0; PROBE_BLOCK];
    let mut read = 0;
    while begin < to && read < PROBE_BYTES {
        let mut unsearched = held.len();
        let count = file.read_at(&mut block, begin + held.len() as u64)?;
        read += count;
        held.extend_from_slice(&block[..count]);
        while let Some(place) = held[unsearched..].iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=unsearched + place).collect();
            let end = begin + line.len() as u64;
            if is_whole && let Some(parsed) = line::parse(&line) {
                return Ok(Some((end, parsed.entry.id)));
            }
            (begin, is_whole, unsearched) = (end, true, 0);
            if begin >= to {
                return Ok(None);
            }
        }
        if count == 0 {
            // The last line may have no end yet.
            let parsed = line::parse(&held).filter(|_| is_whole);
            return Ok(parsed.map(|parsed| (begin + held.len() as u64, parsed.entry.id)));
        }
        block.resize(PROBE_BLOCK * 16, 0);
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
