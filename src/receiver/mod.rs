//! Runs tasks: the receiver, on whichever side of a connection calls arrive.
//!
//! A *call* is a request on its way through that can become a task; a *slot* is a task that this receiver runs, waits
//! for, or is about to change. Changes to one task queue in its slot: each is decided by the lifecycle, written with
//! one compare-and-swap, and has its effects only when the store has it. Reads go straight to the store.
//!
//! Its parts are nouns and own what they hold: `calls`, `peers`, `waits`, `subscriptions`, `jobs`, `timers`, `running`,
//! `sightings`, `sweep` and more, and `slots`, each with the `queue` of its changes, its `run`, its `inputs` and its
//! `followers`. What it does with them are verbs; `driving` is where inputs come in and outputs go out.

mod asking;
mod auditing;
mod buckets;
mod calling;
mod calls;
mod cancelling;
mod change;
mod changing;
mod claiming;
mod clock;
mod code;
mod committing;
mod confirming;
mod connecting;
mod creating;
mod creation_keys;
mod driving;
mod event;
mod followers;
mod holder;
mod inputs;
mod jobs;
mod leasing;
mod leaving;
mod limiting;
mod listening;
mod observing;
mod outbox;
mod output;
mod pace;
mod peers;
mod policy;
mod posting;
mod queue;
mod read;
mod reading;
mod receiver;
mod reported;
mod reporting;
mod restarting;
mod run;
mod running;
mod service;
mod sightings;
mod slot;
mod slots;
mod stepping;
mod subscriptions;
mod sweep;
mod sweeping;
mod telling;
mod timers;
mod turns;
mod types;
mod unconfirmed;
mod versions;
mod waits;
mod write_ids;

pub use code::{AugmentationCode, OutcomeCode, RequestFault};
pub use event::{Event, Happening};
pub use output::Output;
pub use policy::{MIN_TTL, Policy, Promotion, Support};
pub use receiver::Receiver;
pub use types::{
    Augmentation, Called, InputRequestId, JobId, Outcome, PeerId, PostId, RESTARTED, RequestContext, RequestId, Route,
    Shape, SlotId, StepId, Stop, Trouble, Withdrawal,
};
