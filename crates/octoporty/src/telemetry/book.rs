//! The log of one role: what is in memory, and behind it what is in files.

use octoporty_proto::model::{LogPage, LogPlace, LogQuery, LogSource};

use super::history::History;
use super::page::Filling;
use super::ring::Ring;

/// The log of one role.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) ring: Ring,
    history: Option<History>,
}

impl Book {
    /// Goes on after what the files have.
    pub(super) fn open(history: Option<History>) -> Self {
        let newest = history.as_ref().map_or(0, History::newest);
        Self { ring: Ring::after(newest), history }
    }

    fn fill_down(&self, before: u64, page: &mut Filling<'_>) {
        let mut before = before;
        loop {
            let lines = self.ring.below(before);
            let Some(last) = lines.last() else { break };
            before = last.id;
            if lines.iter().any(|line| page.offer(line.entry()).is_break()) {
                return;
            }
        }
        if let Some(history) = &self.history {
            // What is in memory was given from there, and what is between is not in the files yet.
            history.fill(before.min(self.ring.oldest().unwrap_or(u64::MAX)), page);
        }
    }

    fn fill_up(&self, after: u64, page: &mut Filling<'_>) {
        let mut after = after;
        loop {
            let lines = self.ring.above(after);
            let Some(last) = lines.last() else { return };
            after = last.id;
            if lines.iter().any(|line| page.offer(line.entry()).is_break()) {
                return;
            }
        }
    }
}

impl LogSource for Book {
    fn page(&self, query: &LogQuery) -> LogPage {
        let mut page = Filling::new(query);
        match query.place {
            LogPlace::Newest => self.fill_down(u64::MAX, &mut page),
            LogPlace::Before(id) => self.fill_down(id, &mut page),
            LogPlace::After(id) => self.fill_up(id, &mut page),
        }
        page.finish()
    }

    fn newest(&self) -> u64 {
        self.ring.newest()
    }
}
