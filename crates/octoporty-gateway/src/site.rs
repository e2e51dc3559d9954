//! The gateway's own names and landing page, as configuration and agents have them.

use std::collections::HashSet;

use bytes::Bytes;
use octoporty_proto::model::Hostname;

/// Replaced whole when anything changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Site {
    /// Names that are the gateway's own.
    pub names: HashSet<Hostname>,
    /// Custom HTML; `None`: the default page.
    pub landing: Option<Bytes>,
}
