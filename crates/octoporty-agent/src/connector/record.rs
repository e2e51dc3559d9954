//! What is told of sessions: the log of connections, and the status when one is lost.

use octoporty_proto::model::{ConnectionState, EndReason, SessionRecord};
use tokio::sync::mpsc::error::TrySendError;

use super::Connector;
use super::session::Session;
use crate::status::unix_ms;

impl Connector {
    /// Tells the console; a console that takes none for long loses records, and the log says so.
    pub(super) fn tell_session(&self, record: SessionRecord) {
        match self.outlets.sessions.try_send(record) {
            // Nobody keeps them: the agent runs without a console.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(record)) => {
                tracing::warn!(session = %record.session, "the record of a session was dropped: nobody takes them");
            }
        }
    }

    /// The last record of a session.
    pub(super) fn close_record(&self, session: &Session, reason: EndReason, detail: &str) {
        let mut record = session.record(&self.linker);
        record.ended_ms = Some(unix_ms());
        record.end = Some(reason);
        record.end_detail = Some(detail.to_owned());
        self.tell_session(record);
    }

    /// The status after a session that stood is gone, or an attempt failed.
    pub(super) fn lost(&self, sentence: String) {
        self.board.change(|facts| {
            if facts.connected_at.take().is_some() {
                facts.last_disconnected_ms = Some(unix_ms());
            }
            facts.state = ConnectionState::Reconnecting;
            facts.last_error = Some(sentence);
            facts.links.clear();
        });
    }
}
