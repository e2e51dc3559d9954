//! What a message says of the hop that it comes over (RFC 9110, 7.6.1).

use thiserror::Error;

use crate::fields::{Fields, Known, items};

/// Most fields that one message may make hop-by-hop. Each field of the message is compared with each of them.
const MAX_NAMED: usize = 64;

/// Over [`MAX_NAMED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("its Connection field names more than {MAX_NAMED} fields")]
pub(crate) struct TooManyNamed;

/// What the `Connection` fields of one message say.
#[derive(Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct ConnectionOptions<'a> {
    /// `close` is among them.
    pub(crate) close: bool,
    /// `upgrade` is among them.
    pub(crate) upgrade: bool,
    /// `keep-alive` is among them.
    pub(crate) keep_alive: bool,
    /// Fields that they make hop-by-hop; what [`Known::is_hop_by_hop`] knows anyway is left out, so this is empty (and
    /// allocates nothing) for nearly every message.
    named: Vec<&'a [u8]>,
}

impl<'a> ConnectionOptions<'a> {
    /// Reads all `Connection` fields of a message, as far as they may go: a head with more was refused when it came.
    pub(crate) fn of(fields: &'a Fields) -> Self {
        let mut options = Self::default();
        for value in fields.all(Known::Connection) {
            if options.read(value).is_err() {
                break;
            }
        }
        options
    }

    /// Reads one value: a comma-separated list of names.
    ///
    /// # Errors
    /// The message is of no use.
    pub(crate) fn read(&mut self, value: &'a [u8]) -> Result<(), TooManyNamed> {
        for token in items(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if !token.eq_ignore_ascii_case(b"te") {
                if self.named.len() == MAX_NAMED {
                    return Err(TooManyNamed);
                }
                self.named.push(token);
            }
        }
        Ok(())
    }

    /// Whether a field is named, and so must be dropped.
    pub(crate) fn names(&self, name: &[u8]) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::fields;

    #[test]
    fn options_of_several_lines_and_any_case_are_read() {
        let fields = fields(&[
            ("Connection", "Keep-Alive, X-Secret"),
            ("connection", "UPGRADE ,x-other,,"),
            ("CONNECTION", " close"),
        ]);
        let options = ConnectionOptions::of(&fields);
        assert!(options.close && options.upgrade && options.keep_alive);
        assert!(options.names(b"x-secret"));
        assert!(options.names(b"X-Other"));
        assert!(!options.names(b"x-third"));
    }

    #[test]
    fn more_names_than_anybody_needs_are_refused() {
        let names = |count: usize| vec!["x"; count].join(",");
        let (most, over) = (names(MAX_NAMED), names(MAX_NAMED + 1));
        assert_eq!(ConnectionOptions::default().read(most.as_bytes()), Ok(()));
        assert_eq!(ConnectionOptions::default().read(over.as_bytes()), Err(TooManyNamed));
        let mut options = ConnectionOptions::default();
        options.read(most.as_bytes()).unwrap();
        assert_eq!(options.read(b"x"), Err(TooManyNamed), "all fields of a message count together");
        assert_eq!(options.read(b"close, keep-alive"), Ok(()), "these name no field");
    }

    #[test]
    fn ordinary_options_name_nothing() {
        let fields = fields(&[("Connection", "keep-alive"), ("Connection", "TE, close")]);
        assert!(ConnectionOptions::of(&fields).named.is_empty());
    }
}
