//! The gateway's verdicts on mappings: published, and told to whoever reads the log.

use std::sync::Arc;

use octoporty_proto::model::{MappingVerdict, SyncReport};

use super::Connector;

impl Connector {
    /// Publishes a report, whether it was asked for or a verdict changed by itself.
    pub(super) fn publish_verdicts(&mut self, report: SyncReport) {
        let refused = || {
            report.verdicts.iter().filter_map(|(id, verdict)| match verdict {
                MappingVerdict::Refused(refusal) => Some((id, refusal)),
                MappingVerdict::Applied => None,
            })
        };
        tracing::info!(
            revision = report.revision.0,
            applied = report.verdicts.len() - refused().count(),
            refused = refused().count(),
            "the gateway acknowledged the mappings"
        );
        for (mapping, refusal) in refused() {
            tracing::warn!(%mapping, code = ?refusal.code, "the gateway does not serve a mapping: {}", refusal.reason);
        }
        self.told.note(report);
        self.outlets.sync.send_replace(Arc::new(self.told.report()));
    }
}
