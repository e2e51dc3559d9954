//! `/api/v1/agent`: the agent's process itself.

pub(crate) mod logs;
