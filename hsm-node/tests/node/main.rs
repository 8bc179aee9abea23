//! A node over TLS: durability under power cuts and full disks, refusals, peers, the process.
#![allow(clippy::unwrap_used)]
mod authority;
mod bed;
mod crowds;
mod disk;
mod durability;
mod line;
mod peers;
mod process;
mod refusals;
mod shares;
