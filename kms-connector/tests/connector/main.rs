//! The connector against real nodes.
#![allow(clippy::unwrap_used)]

mod codes;
mod command;
mod keys;
mod outages;
mod rig;
