//! Pure types and rules: no I/O, no clock of its own.

pub mod deadline;
pub mod ids;
pub mod job;
pub mod packing;
pub mod tokens;
pub mod turn;
pub mod when;
