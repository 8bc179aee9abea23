//! CloudHSM's control plane: many clusters at once, and an endpoint that is killed at its work.
#![allow(clippy::unwrap_used)]
mod answers;
mod hosts;
mod layout;
mod many;
mod networks;
mod relatives;
mod replaced;
mod restarts;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");
