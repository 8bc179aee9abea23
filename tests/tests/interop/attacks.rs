//! What strangers and neighbours try, bounded and on this machine only.
mod replaced;
