//! The developer's and operator's command.

fn main() {}
