//! How each generation says it: which revision names which fields, statuses, errors and capabilities.
//!
//! Everything that leaves as JSON is written field by field into a [`Writer`], with holes ([`Part`]) where the host
//! puts payloads that never enter this crate. [`Name`] is a closed table, so that a name crosses to the host as a
//! number.

pub mod capability;
pub mod error;
mod g25;
mod g26;
mod input;
mod message;
mod method;
pub(crate) mod name;
mod request;
mod task;
mod write;
mod writer;

pub use crate::generation::Generation;
pub use error::{Error, INVALID_REQUEST, LimitReason};
pub use input::{can_be_dismissed, input_kind, missing_for_input};
pub use message::{Body, News, View};
pub use method::Method;
pub use name::Name;
pub use request::{Status, Support, write_listen, write_offer, write_request};
pub use write::{ReplyKind, write, write_news};
pub use writer::{Part, Writer};
