//! Two cores over a simulated line with a virtual clock. A failing random run prints its seed; set
//! `OCTOPORTY_TEST_SEED` to run that one alone.

mod audit;
mod behaviour;
mod drain;
mod fairness;
mod growth;
mod hostile;
mod limits;
mod liveness;
mod packing;
mod random;
mod sim;
