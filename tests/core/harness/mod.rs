//! A deterministic world: a clock that only tests move, one store, receivers, and a host that does what they want.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mcp_longhaul::id;
use mcp_longhaul::limit::Limits;
use mcp_longhaul::method::{CallMethod, Methods};
use mcp_longhaul::receiver::{
    Augmentation, Called, Event, Happening, InputRequestId, JobId, Outcome, Output, PeerId, Policy, Promotion,
    Receiver, RequestContext, RequestId, Shape, Stop, Support, Withdrawal,
};
use mcp_longhaul::storage::{Completion, Operation, Payload};
use mcp_longhaul::task::{InputKind, Millis, OnLost, Task};
use mcp_longhaul::wire::capability::Capabilities;
use mcp_longhaul::wire::{Body, Generation, News, Part};
use serde_json::{Value, json};

pub use mcp_longhaul::wire::Generation::{G25, G26};

mod processes;
mod requests;
mod seen;
mod store;

use crate::json::{notification, response};
use crate::model::{Fault, Parts, Store};

/// The instant at which every world begins.
pub const START: Millis = 1_800_000_000_000;
/// Outputs of one input: more would be a livelock.
const MOST_OUTPUTS: usize = 20_000;

/// How long a lease lasts in every world, in ms.
pub const LEASE: Millis = 30_000;

/// How long the store may take for an operation in every world, in ms.
pub const STORE_LIMIT: Millis = 30_000;

/// The first input request of a test.
pub const FIRST_INPUT: InputRequestId = InputRequestId::new(1);

/// All that a client can declare.
pub const ABLE: Capabilities = Capabilities::from_bits(63);

/// A tool that always runs as a task, for an hour.
pub fn policy() -> Policy {
    Policy {
        promotion: Promotion::Always,
        support: Support::Optional,
        ttl: Some(3_600_000),
        max_ttl: 86_400_000,
        extends: false,
        poll_interval: 500,
        cooperative: false,
        on_lost: OnLost::Fail,
        restarts: 10,
        immediate: None,
    }
}

/// Where a tool was started again, as which call, and with which answers: (key, name).
pub type Restarted = (usize, RequestId, Vec<(String, String)>);

/// A store operation that waits for the test.
#[derive(Clone, Debug)]
pub struct Op {
    pub node: usize,
    pub life: u32,
    pub job: JobId,
    pub operation: Operation,
    /// What the job had read when it wanted this.
    pub read: Option<Parts>,
}

/// A receiver and what its host keeps for it.
struct Node {
    receiver: Receiver,
    holder: String,
    life: u32,
    /// How far its clock is ahead of the world's.
    ahead: Millis,
    /// Its process is stopped: nothing comes in, no timer fires.
    paused: bool,
    wake: Option<Millis>,
    /// What each job has read or written.
    read: BTreeMap<JobId, Option<Parts>>,
    peers: BTreeSet<PeerId>,
}

/// What a host saw, but for the operations on the store.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub node: usize,
    pub life: u32,
    pub output: Output,
}

pub struct World {
    pub now: Millis,
    pub store: Store,
    nodes: Vec<Node>,
    limits: Limits,
    cross: bool,
    policies: Vec<Policy>,
    /// The store answers when the test says so.
    pub later: bool,
    pub pending: Vec<Op>,
    /// What goes wrong with the next writes.
    pub faults: VecDeque<Fault>,
    /// Reads fail.
    pub blind: bool,
    /// They do from the next write that fails.
    pub blind_next: bool,
    /// The receiver dies at its write number so-and-so from now; `true`: after the write.
    pub crash_at: Option<(usize, bool)>,
    pub crashes: usize,
    pub seen: Vec<Seen>,
    replies: BTreeMap<RequestId, Value>,
    /// Requests of which an answer is neither expected nor wrong.
    pub excused: BTreeSet<RequestId>,
    /// Where each request went.
    sent: BTreeMap<RequestId, (usize, u32)>,
    bound: BTreeMap<RequestId, String>,
    /// What each subscription, or each requestor by its call, was told.
    pub told: BTreeMap<RequestId, Vec<Value>>,
    /// What the next calls bring along.
    pub creation_key: Option<String>,
    pub method: CallMethod,
    methods: Methods,
    last_request: RequestId,
    last_peer: PeerId,
    last_seed: u64,
    /// The `traceparent` of every call.
    pub trace: String,
    pub key: [u8; 16],
}

impl Default for World {
    fn default() -> Self {
        Self::new(1)
    }
}

impl World {
    pub fn new(nodes: usize) -> Self {
        Self::with(nodes, Limits::default(), false)
    }

    pub fn with(nodes: usize, limits: Limits, cross: bool) -> Self {
        let key = [7; 16];
        let make = |node| {
            let mut receiver = Receiver::new(limits, cross, key);
            receiver.identify((node as u64 + 1) << 48);
            let holder = format!("{node}.0");
            receiver.lease(&holder, LEASE);
            receiver.limit_store(Some(STORE_LIMIT));
            Node {
                receiver,
                holder,
                life: 0,
                ahead: 0,
                paused: false,
                wake: None,
                read: BTreeMap::new(),
                peers: BTreeSet::new(),
            }
        };
        Self {
            now: START,
            store: Store::default(),
            nodes: (0..nodes).map(make).collect(),
            limits,
            cross,
            policies: Vec::new(),
            later: false,
            pending: Vec::new(),
            faults: VecDeque::new(),
            blind: false,
            blind_next: false,
            crash_at: None,
            crashes: 0,
            seen: Vec::new(),
            replies: BTreeMap::new(),
            excused: BTreeSet::new(),
            sent: BTreeMap::new(),
            bound: BTreeMap::new(),
            told: BTreeMap::new(),
            creation_key: None,
            method: CallMethod::ToolsCall,
            methods: Methods::OFFERED,
            last_request: RequestId::new(0),
            last_peer: PeerId::new(0),
            last_seed: 0,
            trace: String::new(),
            key,
        }
    }

    /// Clocks of different processes may differ by so much.
    pub fn tolerate(&mut self, skew: Millis) {
        self.store.skew = skew;
        for node in &mut self.nodes {
            node.receiver.keep_time(&node.holder, skew);
        }
    }

    pub fn policy(&mut self, policy: Policy) -> u32 {
        self.policies.push(policy.clone());
        self.nodes.iter_mut().map(|node| node.receiver.add_policy(policy.clone())).last().expect("a node")
    }

    /// Which methods every receiver offers.
    pub fn offer(&mut self, methods: Methods) {
        self.methods = methods;
        self.nodes.iter_mut().for_each(|node| node.receiver.offer(methods));
    }

    pub fn receiver(&self, node: usize) -> &Receiver {
        &self.nodes[node].receiver
    }

    /// An input for a receiver, and everything that follows from it.
    pub fn input<T>(&mut self, node: usize, input: impl FnOnce(&mut Receiver, Millis) -> T) -> T {
        let now = self.clock(node);
        let answer = input(&mut self.nodes[node].receiver, now);
        self.drain(node);
        answer
    }

    fn drain(&mut self, node: usize) {
        for _ in 0..MOST_OUTPUTS {
            let Some(output) = self.nodes[node].receiver.poll_output() else { return };
            self.take(node, output);
        }
        panic!("outputs without end");
    }

    fn take(&mut self, number: usize, output: Output) {
        let node = &mut self.nodes[number];
        let life = node.life;
        match output {
            Output::Store { job, operation } => {
                let read = node.read.entry(job).or_default().clone();
                self.pending.push(Op { node: number, life, job, operation, read });
                if !self.later {
                    self.answer(self.pending.len() - 1);
                }
                return;
            }
            // The operation itself goes on.
            Output::Overdue { job } => assert!(node.read.contains_key(&job), "the job {job} is not one"),
            Output::Finish { job } => {
                assert!(node.read.remove(&job).is_some(), "the job {job} was never begun, or is finished twice");
                return;
            }
            Output::Wake { at } => {
                node.wake = Some(at);
                return;
            }
            Output::Reply { request, generation, job, ref body } => {
                let parts = job.map(|job| node.read.get(&job).expect("a job that is not finished").clone());
                self.record_reply(request, generation, parts.as_ref(), body);
            }
            Output::Tell { request, generation, job, ref news } => {
                let parts = job.map(|job| node.read.get(&job).expect("a job that is not finished").clone());
                self.record_news(request, generation, parts.as_ref(), news);
            }
            Output::TellRequestor { call, generation, ref news, .. } => self.record_news(call, generation, None, news),
            Output::AnsweredElsewhere { job, ref key, .. } => {
                let parts = node.read[&job].as_ref().expect("a payload that was read");
                assert!(parts.contains_key(&format!("answer {key}")), "{key} in {parts:?}");
            }
            Output::Restart { job, .. } => {
                let parts = node.read[&job].as_ref().expect("a payload that was read");
                assert!(parts.contains_key("request"), "what the handler is called with, in {parts:?}");
            }
            Output::Bind { call, ref id } => {
                self.bound.insert(call, id.clone());
            }
            _ => {}
        }
        self.seen.push(Seen { node: number, life, output });
    }

    fn record_reply(&mut self, request: RequestId, generation: Generation, parts: Option<&Option<Parts>>, body: &Body) {
        if let Body::Created { id, .. } = body {
            assert!(self.store.ids.contains(id), "a handle leaves only when its task is stored");
        }
        let fill = |part: Part, key: &str| filled(parts, part, key, request);
        let value = response(generation, body, &fill);
        assert!(self.replies.insert(request, value).is_none(), "{request} is answered twice");
    }

    fn record_news(&mut self, request: RequestId, generation: Generation, parts: Option<&Option<Parts>>, news: &News) {
        let fill = |part: Part, key: &str| filled(parts, part, key, request);
        self.told.entry(request).or_default().push(notification(generation, news, &fill));
    }
}

/// What the host puts into a hole.
fn filled(parts: Option<&Option<Parts>>, part: Part, key: &str, request: RequestId) -> Value {
    let name = match part {
        Part::Subscription => return json!(format!("request {request}")),
        Part::Result | Part::RelatedResult => "result".to_owned(),
        Part::Error => "error".to_owned(),
        Part::Input => format!("input {key}"),
        Part::Declaration => "declaration".to_owned(),
    };
    let parts = parts.expect("a job").as_ref().expect("a payload that was read or written");
    json!(parts.get(&name).unwrap_or_else(|| panic!("{name} in {parts:?}")))
}
