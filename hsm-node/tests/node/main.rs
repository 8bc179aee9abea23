//! A node over TLS: durability under power cuts and full disks, refusals, peers, the process.
#![allow(clippy::unwrap_used)]
mod authority;
mod bed;
mod crowds;
mod disk;
mod durability;
mod line;
#[cfg(target_os = "linux")]
mod memory;
mod peers;
mod process;
mod refusals;
mod shares;
