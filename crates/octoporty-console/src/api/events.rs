//! `/api/v1/events`.

pub(crate) mod listen;
pub(crate) mod shapes;
