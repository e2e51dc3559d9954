//! A page that is being filled.

use std::ops::ControlFlow;

use octoporty_proto::model::{LogEntry, LogPage, LogQuery};

/// Takes lines one by one until it has what was asked for.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    query: &'a LogQuery,
    page: LogPage,
    bytes: usize,
}

impl<'a> Filling<'a> {
    pub(super) fn new(query: &'a LogQuery) -> Self {
        Self { query, page: LogPage::default(), bytes: 0 }
    }

    /// Offers the next line; breaks when the page has no room for one that is wanted.
    pub(super) fn offer(&mut self, entry: LogEntry) -> ControlFlow<()> {
        let id = entry.id;
        if self.query.wants(&entry) {
            let weight = entry.weight();
            let most = usize::try_from(self.query.bytes).unwrap_or(usize::MAX);
            let count = usize::try_from(self.query.count).unwrap_or(usize::MAX);
            let has_any = !self.page.entries.is_empty();
            if self.page.entries.len() >= count || (has_any && self.bytes + weight > most) {
                self.page.more = true;
                return ControlFlow::Break(());
            }
            self.bytes += weight;
            self.page.entries.push(entry);
        }
        self.page.next = Some(id);
        ControlFlow::Continue(())
    }

    /// There was more to look at than one page may cost.
    pub(super) fn give_up(&mut self) {
        self.page.more = self.page.next.is_some();
    }

    /// The page.
    pub(super) fn finish(mut self) -> LogPage {
        if !self.page.more {
            self.page.next = None;
        }
        self.page
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use octoporty_proto::model::{LogLevel, LogPlace};

    use super::*;

    fn entry(id: u64, message: &str) -> LogEntry {
        let (message, fields) = (message.to_owned(), BTreeMap::new());
        LogEntry { id, at_ms: 0, level: LogLevel::Info, message, fields }
    }

    fn fill(count: u32, bytes: u32, search: &str, ids: &[u64]) -> (Vec<u64>, bool, Option<u64>) {
        let search = Some(search.to_owned());
        let query = LogQuery { place: LogPlace::Newest, count, level: None, search, bytes };
        let mut filling = Filling::new(&query);
        for id in ids {
            if filling.offer(entry(*id, &format!("line {id}"))).is_break() {
                break;
            }
        }
        let page = filling.finish();
        (page.entries.iter().map(|entry| entry.id).collect(), page.more, page.next)
    }

    #[test]
    fn a_page_is_cut_by_count_and_by_bytes_and_says_where_the_next_begins() {
        assert_eq!(fill(2, 9_999, "", &[9, 8, 7]), (vec![9, 8], true, Some(8)));
        assert_eq!(fill(3, 9_999, "", &[9, 8, 7]), (vec![9, 8, 7], false, None), "no more than these");
        assert_eq!(fill(9, 1, "", &[9, 8]), (vec![9], true, Some(9)), "one line is given in any case");
    }

    #[test]
    fn what_is_not_wanted_is_looked_at_and_left() {
        assert_eq!(fill(1, 9_999, "line 7", &[9, 8, 7]), (vec![7], false, None));
        assert_eq!(fill(1, 9_999, "LINE", &[9, 8]), (vec![9], true, Some(9)));
    }

    #[test]
    fn who_gives_up_says_how_far_it_came() {
        let query =
            LogQuery { place: LogPlace::Newest, count: 5, level: Some(LogLevel::Error), search: None, bytes: 9 };
        let mut filling = Filling::new(&query);
        assert!(filling.offer(entry(9, "x")).is_continue());
        filling.give_up();
        assert_eq!(filling.finish(), LogPage { entries: Vec::new(), more: true, next: Some(9) });
    }
}
