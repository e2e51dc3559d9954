//! A line as memory holds it: its texts in one piece. Maps of strings would take several times the room.

use octoporty_proto::model::{LogEntry, LogLevel};

/// Bytes that a line takes beside its texts and itself: the allocator's share of three pieces, a count, a place in a queue.
const OVERHEAD: usize = 72;

/// A line.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: u64,
    pub(super) at_ms: u64,
    level: LogLevel,
    /// Message, then name and value of each field.
    text: Box<str>,
    /// Where each of these ends.
    ends: Box<[u32]>,
}

impl Packed {
    /// Packs a line.
    pub(super) fn of(entry: &LogEntry) -> Self {
        let fields = entry.fields.iter().flat_map(|(name, value)| [name, value]);
        let mut text = String::new();
        let mut ends = Vec::with_capacity(1 + 2 * entry.fields.len());
        for piece in std::iter::once(&entry.message).chain(fields) {
            text.push_str(piece);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        let (text, ends) = (text.into_boxed_str(), ends.into_boxed_slice());
        Self { id: entry.id, at_ms: entry.at_ms, level: entry.level, text, ends }
    }

    /// The line.
    pub(super) fn entry(&self) -> LogEntry {
        let mut begin = 0;
        let mut pieces = self.ends.iter().map(|end| {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            let piece = self.text.get(begin..end).unwrap_or_default().to_owned();
            begin = end;
            piece
        });
        let message = pieces.next().unwrap_or_default();
        let mut fields = std::collections::BTreeMap::new();
        while let Some((name, value)) = pieces.next().zip(pieces.next()) {
            fields.insert(name, value);
        }
        LogEntry { id: self.id, at_ms: self.at_ms, level: self.level, message, fields }
    }

    /// Bytes that it takes.
    pub(super) const fn size(&self) -> usize {
        size_of::<Self>() + OVERHEAD + self.text.len() + size_of_val(&*self.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_out_as_it_went_in() {
        for (message, fields) in [("", vec![]), ("é\0", vec![("", ""), ("b", "ü")]), ("x", vec![("a", "1"), ("c", "")])]
        {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let entry = LogEntry { id: 7, at_ms: 8, level: LogLevel::Error, message: message.to_owned(), fields };
            assert_eq!(Packed::of(&entry).entry(), entry);
        }
    }
}
