//! What strangers and neighbours try, bounded and on this machine only.
mod crowds;
mod http;
mod pages;
mod replaced;
