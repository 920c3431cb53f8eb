//! Follows tasks: decides which calls may become tasks, when to read, when an outcome is final, what to do with input.
//!
//! Each `handle_*` is followed by draining [`Requestor::poll_output`]; [`Requestor::next_deadline`] is when
//! [`Requestor::handle_timer`] wants to be called. `now` is any clock that never steps back. Payloads stay with the
//! host.
//!
//! Its parts are nouns and own what they hold: `calls`, `tasks` (of `followed` ones, each with its `ledger` of input
//! requests and its `stage`), `requests`, `tools`, `streams`, `pace`. What it does with them are verbs: `calling`,
//! `reading`, `answering`, `cancelling`, `listening`, and `driving`, which sends what is due and takes what comes.

mod answering;
mod calling;
mod calls;
mod cancelling;
mod driving;
mod followed;
mod ledger;
mod limits;
mod listening;
mod pace;
mod reading;
mod requestor;
mod requests;
mod stage;
mod streams;
mod tasks;
mod tools;
mod types;

pub use pace::Bounds;
pub use requestor::Requestor;
pub use stage::{Action, Event, Stage, TABLE};
pub use types::{
    Answer, Answered, CallFacts, CallNumber, Declared, Ending, Entry, Options, Output, PayloadNumber, Preference,
    Problem, Reply, RequestNumber, Snapshot, TaskNumber, WaiterNumber,
};
