//! One file per URL.

mod health;
