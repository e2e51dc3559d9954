//! The `octoporty` binary.
fn main() {}
