//! Interim answers (1xx): advice that goes ahead of the answer.

use std::sync::Arc;

use http::{StatusCode, Version};

use super::connection::Connection;
use crate::upstream::response::Passed;

/// Sends interim answers to the visitor of one request, as long as the final head has not begun.
#[derive(Debug, Clone)]
pub(crate) struct EarlyWriter {
    connection: Option<Arc<Connection>>,
}

impl EarlyWriter {
    /// For a request of this version: HTTP/1.0 knows no interim answers.
    pub(super) fn new(connection: &Arc<Connection>, version: Version) -> Self {
        Self { connection: (version == Version::HTTP_11).then(|| Arc::clone(connection)) }
    }

    /// Queues `status` (1xx, but not 100, which asking for the body sends, nor 101) with these fields. It leaves when
    /// the connection's turn ends. Nothing happens for visitors that know no interim answers.
    pub(crate) fn send(&self, status: StatusCode, passed: &Passed) {
        let Some(connection) = &self.connection else { return };
        if !status.is_informational() || matches!(status, StatusCode::CONTINUE | StatusCode::SWITCHING_PROTOCOLS) {
            return;
        }
        connection.wire().queue_early(&encode(status, passed));
    }
}

fn encode(status: StatusCode, passed: &Passed) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or("Interim");
    [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n", &passed.lines, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interim_head_is_written_as_it_stands_on_the_wire() {
        let passed = Passed { lines: b"Link: </style.css>; rel=preload\r\n".to_vec(), ..Passed::default() };
        let expected = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
        assert_eq!(encode(StatusCode::EARLY_HINTS, &passed), expected.as_bytes());
    }
}
