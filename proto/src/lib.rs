//! The wire protocol: what travels, and nothing else. No I/O, no clock, no meaning of secrets.
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

#[macro_use]
pub mod message;
#[macro_use]
mod table;

pub mod attribute;
pub mod command;
mod fault;
mod frame;
pub mod limits;
pub mod manual;
mod mechanism;
mod terms;
mod wire;

pub use attribute::{Attribute, Change, Datum, Setting};
pub use command::{Command, Effect, Opcode, Spec, Weight, Who};
pub use fault::{Fault, Refusal};
pub use frame::{Deframer, Frame, HEADER, put_frame};
pub use mechanism::{Mechanism, Use};
pub use message::{Blob, Field, Message, Secret, Value};
pub use terms::{Curve, Hash, KeyClass, KeyType, NodeState, Role};
pub use wire::{Reader, Writer, decode, encode};

/// The protocol's major version: the number that `Hello` carries. Peers of another are refused.
pub const VERSION: u32 = 1;
