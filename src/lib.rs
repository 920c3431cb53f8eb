//! The core of `mcp-longhaul`: it decides, the host moves messages and bytes.
//!
//! # The rooms
//! - [`task`]: a task. [`state`]: the text that a store keeps of it, and of a creation key.
//! - [`method`]: what can become a task, as a table. [`lifecycle`]: what may happen to a task, as a table.
//! - [`generation`]: in what the generations of the protocol differ, as questions. [`wire`]: how each says it. Nothing
//!   else knows that there are generations.
//! - [`operator`]: what is done to stored tasks without a receiver.
//! - [`receiver`]: runs tasks (the server side). [`requestor`]: follows them (the client side).
//! - [`storage`]: what goes out to the store and comes back. [`deadline`]: timers. [`id`], [`cursor`], [`limit`]: as
//!   they say.
//!
//! # The invariant
//! The core does nothing by itself: it has no clock, no randomness, no store and no network. Time, entropy and records
//! are arguments. **Every input (`handle_*`) is followed by draining every output (`poll_output`) until there is
//! none.** An output that asks for an operation names a job; its completion is an input like any other, and may come at
//! once, later, or from within the handling of that output, in any order. A task changes only by one compare-and-swap
//! of its record, and a change takes effect only when the store has it: no answer leaves before.
//!
//! Payloads (arguments, results, answers) never come in here. The host keeps them; the core says where they belong.
//!
//! # The loop
//! ```
//! use std::collections::BTreeMap;
//!
//! use mcp_longhaul::limit::Limits;
//! use mcp_longhaul::method::CallMethod;
//! use mcp_longhaul::receiver::{Augmentation, Called, Outcome, Output, PeerId, Policy, Promotion, Receiver};
//! use mcp_longhaul::receiver::{RequestContext, RequestId, Support};
//! use mcp_longhaul::storage::{Completion, Operation, Record};
//! use mcp_longhaul::task::{OnLost, Phase, Task};
//! use mcp_longhaul::wire::capability::Capabilities;
//! use mcp_longhaul::wire::{Body, Generation};
//!
//! /// A host: a store, and what it has answered.
//! #[derive(Default)]
//! struct Host {
//!     records: BTreeMap<String, Record>,
//!     replies: Vec<Body>,
//! }
//!
//! impl Host {
//!     /// Does everything that the receiver wants done.
//!     fn drain(&mut self, receiver: &mut Receiver, now: i64) {
//!         while let Some(output) = receiver.poll_output() {
//!             match output {
//!                 Output::Store { job, operation } => receiver.handle_completion(now, job, self.run(operation)),
//!                 Output::Reply { body, .. } => self.replies.push(body),
//!                 // A real host hands calls to its SDK, sets a timer, forgets payloads, …
//!                 _ => {}
//!             }
//!         }
//!     }
//!
//!     /// A store that answers at once.
//!     fn run(&mut self, operation: Operation) -> Completion {
//!         match operation {
//!             Operation::Get { id, .. } => Completion::Record(self.records.get(&id).cloned()),
//!             Operation::Put { record, .. } => {
//!                 let stored = self.records.get(&record.id).map_or(0, |stored| stored.version);
//!                 let swaps = record.version == stored + 1;
//!                 if swaps {
//!                     self.records.insert(record.id.clone(), record);
//!                 }
//!                 Completion::Done(swaps)
//!             }
//!             Operation::Delete { id, .. } => Completion::Done(self.records.remove(&id).is_some()),
//!             Operation::List { .. } | Operation::Due { .. } => {
//!                 Completion::Records { records: Vec::new(), full: false }
//!             }
//!             Operation::Usage { .. } => Completion::Usage { tasks: 0, bytes: 0 },
//!         }
//!     }
//! }
//!
//! let mut host = Host::default();
//! let mut receiver = Receiver::new(Limits::default(), false, [7; 16]);
//! let policy = receiver.add_policy(Policy {
//!     promotion: Promotion::Always,
//!     support: Support::Optional,
//!     ttl: Some(60_000),
//!     max_ttl: 60_000,
//!     extends: false,
//!     poll_interval: 1_000,
//!     cooperative: false,
//!     on_lost: OnLost::Fail,
//!     restarts: 0,
//!     immediate: None,
//! });
//! let peer = PeerId::new(1);
//! receiver.handle_open(peer, Some("alice"), true);
//! let context = RequestContext {
//!     request: RequestId::new(1),
//!     peer,
//!     generation: Generation::G26,
//!     capabilities: Capabilities::TASKS,
//!     lists: false,
//! };
//!
//! // A call arrives at noon, and becomes a task before its handler begins.
//! let noon = 43_200_000;
//! let called = Called {
//!     method: CallMethod::ToolsCall,
//!     tool: "render".into(),
//!     policy,
//!     augmentation: Augmentation::Absent,
//!     gate: false,
//!     trace: String::new(),
//!     creation_key: None,
//! };
//! receiver.handle_call(noon, context, called, [9; 18]);
//! host.drain(&mut receiver, noon);
//! assert!(matches!(host.replies.last(), Some(Body::Created { .. })));
//!
//! // A second later the handler has ended.
//! receiver.handle_outcome(noon + 1_000, context.request, Outcome::Result { is_error: false, size: 2 });
//! host.drain(&mut receiver, noon + 1_000);
//! let record = host.records.values().next().unwrap();
//! assert_eq!(Task::from_state(&record.state).unwrap().phase, Phase::Completed);
//! ```

pub mod claim;
pub mod cursor;
pub mod deadline;
pub mod generation;
pub mod id;
pub mod lifecycle;
pub mod limit;
pub mod method;
pub mod number;
pub mod operator;
pub mod receiver;
pub mod requestor;
pub mod state;
pub mod storage;
mod table;
pub mod task;
pub mod trace;
pub mod wire;
