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

    /// The store performs the operation and answers.
    pub fn answer(&mut self, index: usize) {
        if self.nodes[self.pending[index].node].paused {
            return;
        }
        let op = self.pending.remove(index);
        if self.nodes[op.node].life != op.life {
            return;
        }
        let is_put = matches!(op.operation, Operation::Put { .. });
        if is_put && let Some((left, after)) = self.crash_at {
            self.crash_at = left.checked_sub(1).map(|left| (left, after));
            if left == 0 {
                if after {
                    self.perform(&op, Fault::Nothing);
                }
                return self.crash(op.node);
            }
        }
        let fault = if is_put { self.faults.pop_front().unwrap_or(Fault::Nothing) } else { Fault::Nothing };
        if matches!(fault, Fault::Fail | Fault::FailStored) && std::mem::take(&mut self.blind_next) {
            self.blind = true;
        }
        let done = if self.blind && !is_put { (Completion::Failed, None) } else { self.perform(&op, fault) };
        self.complete_op(op, done);
    }

    /// The store performs the operation; nobody has heard of it yet.
    pub fn perform(&mut self, op: &Op, fault: Fault) -> (Completion, Option<Parts>) {
        self.store.now = self.now;
        let (completion, parts) = self.store.perform(&op.operation, op.read.as_ref(), fault);
        (completion, parts.filter(|_| !matches!(op.operation, Operation::Put { payload: Payload::Keep, .. })))
    }

    /// The store's answer arrives.
    pub fn complete_op(&mut self, op: Op, (completion, parts): (Completion, Option<Parts>)) {
        if self.nodes[op.node].life != op.life {
            return;
        }
        // One that took too long is finished already.
        if let Some(read) = self.nodes[op.node].read.get_mut(&op.job).filter(|_| parts.is_some()) {
            *read = parts;
        }
        self.input(op.node, |receiver, now| receiver.handle_completion(now, op.job, completion));
    }

    /// Answers everything, the oldest first.
    pub fn answer_all(&mut self) {
        for _ in 0..MOST_OUTPUTS {
            match self.pending.iter().position(|op| !self.nodes[op.node].paused) {
                Some(index) => self.answer(index),
                None => return,
            }
        }
        panic!("operations without end");
    }

    /// The process of a receiver dies; another one takes its place.
    pub fn crash(&mut self, node: usize) {
        self.crashes += 1;
        let holder = format!("{node}.{}", self.nodes[node].life + 1);
        self.renew(node, holder);
    }

    /// The instance of a receiver is lost; another one in the same process takes its place, and its name.
    pub fn rebuild(&mut self, node: usize) {
        let holder = self.nodes[node].holder.clone();
        self.renew(node, holder);
    }

    fn renew(&mut self, node: usize, holder: String) {
        let old = &mut self.nodes[node];
        old.life += 1;
        old.receiver = Receiver::new(self.limits, self.cross, self.key);
        old.receiver.identify((node as u64 + 1) << 48 | u64::from(old.life) << 32);
        old.receiver.lease(&holder, LEASE);
        old.receiver.limit_store(Some(STORE_LIMIT));
        old.receiver.keep_time(&holder, self.store.skew);
        old.receiver.offer(self.methods);
        old.holder = holder;
        for policy in &self.policies {
            old.receiver.add_policy(policy.clone());
        }
        old.wake = None;
        old.paused = false;
        old.read.clear();
        old.peers.clear();
        let life = old.life;
        self.pending.retain(|op| op.node != node || op.life == life);
        for (request, place) in &self.sent {
            if *place == (node, life - 1) && !self.replies.contains_key(request) {
                self.excused.insert(*request);
            }
        }
        self.input(node, |receiver, now| receiver.handle_start(now));
    }

    /// Time passes, and every deadline in it comes at its instant.
    pub fn pass(&mut self, ms: Millis) {
        let end = self.now + ms;
        for _ in 0..MOST_OUTPUTS {
            match self.due() {
                Some((at, number)) if at <= end => {
                    self.now = self.now.max(at);
                    self.ring(number);
                }
                _ => {
                    self.now = self.now.max(end);
                    return;
                }
            }
        }
        panic!("deadlines without end");
    }

    /// The next deadline, and whose it is.
    pub fn due(&self) -> Option<(Millis, usize)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.paused)
            .filter_map(|(number, node)| Some((node.wake? - node.ahead, number)))
            .min()
    }

    /// The deadline of a receiver has come.
    pub fn ring(&mut self, node: usize) {
        self.nodes[node].wake = None;
        self.input(node, |receiver, now| receiver.handle_deadline(now));
    }

    /// What the clock of a receiver shows.
    pub fn clock(&self, node: usize) -> Millis {
        self.now + self.nodes[node].ahead
    }

    /// Sets the clock of a receiver ahead of the world's, or behind it.
    pub fn skew(&mut self, node: usize, ahead: Millis) {
        self.nodes[node].ahead = ahead;
    }

    /// Stops the process of a receiver, or lets it go on where it stopped. Operations that are on their way wait with
    /// it.
    pub fn pause(&mut self, node: usize, paused: bool) {
        self.nodes[node].paused = paused;
    }

    pub fn is_paused(&self, node: usize) -> bool {
        self.nodes[node].paused
    }

    pub fn holder(&self, node: usize) -> &str {
        &self.nodes[node].holder
    }

    /// How often each receiver was started anew.
    pub fn lives(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.life).collect()
    }

    pub fn is_open(&self, node: usize, peer: PeerId) -> bool {
        self.nodes[node].peers.contains(&peer)
    }

    pub fn wake(&self, node: usize) -> Option<Millis> {
        self.nodes[node].wake
    }

    pub fn open(&mut self, node: usize, owner: Option<&str>, pipe: bool) -> PeerId {
        self.last_peer = PeerId::new(self.last_peer.get() + 1);
        let peer = self.last_peer;
        self.input(node, |receiver, _| receiver.handle_open(peer, owner, pipe));
        self.nodes[node].peers.insert(peer);
        peer
    }

    pub fn close(&mut self, node: usize, peer: PeerId) {
        self.nodes[node].peers.remove(&peer);
        self.input(node, |receiver, now| receiver.handle_close(now, peer));
    }

    /// What a request with everything declared says of itself.
    pub fn context(&mut self, node: usize, peer: PeerId, generation: Generation) -> RequestContext {
        self.last_request = RequestId::new(self.last_request.get() + 1);
        self.sent.insert(self.last_request, (node, self.nodes[node].life));
        RequestContext { request: self.last_request, peer, generation, capabilities: ABLE, lists: true }
    }

    pub fn entropy(&mut self) -> [u8; id::ENTROPY] {
        self.last_seed += 1;
        self.last_entropy()
    }

    /// What the last call's id is made of.
    pub fn last_entropy(&self) -> [u8; id::ENTROPY] {
        let mut entropy = [0; id::ENTROPY];
        entropy[..8].copy_from_slice(&self.last_seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        entropy[8..16].copy_from_slice(&self.last_seed.to_be_bytes());
        entropy
    }

    pub fn call_with(
        &mut self,
        node: usize,
        context: RequestContext,
        policy: u32,
        augmentation: Augmentation,
        gate: bool,
    ) -> RequestId {
        self.call_tool(node, context, "paint", policy, augmentation, gate)
    }

    pub fn call_tool(
        &mut self,
        node: usize,
        context: RequestContext,
        tool: &str,
        policy: u32,
        augmentation: Augmentation,
        gate: bool,
    ) -> RequestId {
        let entropy = self.entropy();
        let called = Called {
            method: self.method,
            tool: tool.into(),
            policy,
            augmentation,
            gate,
            trace: self.trace.clone(),
            creation_key: self.creation_key.clone(),
        };
        self.input(node, |receiver, now| receiver.handle_call(now, context, called, entropy));
        context.request
    }

    /// A call that asks for a task, where the generation does.
    pub fn call(&mut self, node: usize, peer: PeerId, generation: Generation, policy: u32) -> RequestId {
        let context = self.context(node, peer, generation);
        let augmentation = if generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
        self.call_with(node, context, policy, augmentation, false)
    }

    pub fn get(&mut self, node: usize, peer: PeerId, generation: Generation, id: &str) -> Value {
        let context = self.context(node, peer, generation);
        self.input(node, |receiver, now| receiver.handle_get(now, context, Some(id)));
        self.reply(context.request)
    }

    /// `subscriptions/listen` with these tasks; the acknowledgement is not out yet.
    pub fn subscribe(&mut self, node: usize, peer: PeerId, ids: &[&str]) -> RequestId {
        let context = self.context(node, peer, G26);
        self.subscribe_as(node, context, ids, None)
    }

    pub fn subscribe_as(
        &mut self,
        node: usize,
        context: RequestContext,
        ids: &[&str],
        until: Option<Millis>,
    ) -> RequestId {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.input(node, |receiver, now| receiver.handle_listen(now, context, ids, until));
        context.request
    }

    /// The same where nothing else is on the stream, and the acknowledgement is out.
    pub fn listen(&mut self, node: usize, peer: PeerId, ids: &[&str]) -> RequestId {
        let request = self.subscribe(node, peer, ids);
        self.input(node, |receiver, now| receiver.handle_listening(now, request, true));
        request
    }

    pub fn flow(&mut self, node: usize, request: RequestId, ready: bool) {
        self.input(node, |receiver, now| receiver.handle_flow(now, request, ready));
    }

    /// Another process says that a task changed, as a store that watches does.
    pub fn changed(&mut self, node: usize, owner: &str, id: &str) {
        let version = self.store.state(owner, id).map(|_| self.store.version(owner, id));
        self.input(node, |receiver, now| receiver.handle_changed(now, owner, id, version));
    }

    /// What a subscription was told of tasks.
    pub fn heard(&self, request: RequestId) -> Vec<Value> {
        self.told
            .get(&request)
            .into_iter()
            .flatten()
            .filter(|news| news["method"] == "notifications/tasks")
            .map(|news| news["params"].clone())
            .collect()
    }

    /// The statuses that a subscription was told.
    pub fn statuses(&self, request: RequestId) -> Vec<String> {
        self.heard(request).iter().map(|task| task["status"].as_str().expect("a status").to_owned()).collect()
    }

    /// `tasks/result`; it may wait.
    pub fn result(&mut self, node: usize, peer: PeerId, id: &str) -> RequestId {
        let context = self.context(node, peer, G25);
        self.input(node, |receiver, now| receiver.handle_result(now, context, Some(id)));
        context.request
    }

    pub fn list(&mut self, node: usize, peer: PeerId, cursor: Option<&str>) -> Value {
        let context = self.context(node, peer, G25);
        self.input(node, |receiver, now| receiver.handle_list(now, context, Ok(cursor)));
        self.reply(context.request)
    }

    pub fn cancel(&mut self, node: usize, peer: PeerId, generation: Generation, id: &str) -> RequestId {
        let context = self.context(node, peer, generation);
        self.input(node, |receiver, now| receiver.handle_cancel(now, context, Some(id)));
        context.request
    }

    pub fn update(&mut self, node: usize, peer: PeerId, id: &str, answers: &[(&str, u8)]) -> RequestId {
        let context = self.context(node, peer, G26);
        let answers = answers.iter().map(|(key, shape)| ((*key).to_owned(), Shape(*shape))).collect();
        self.input(node, |receiver, now| receiver.handle_update(now, context, Some(id), Some(answers)));
        context.request
    }

    pub fn outcome(&mut self, node: usize, call: RequestId, outcome: Outcome) {
        self.input(node, |receiver, now| receiver.handle_outcome(now, call, outcome));
    }

    pub fn complete(&mut self, node: usize, call: RequestId) {
        self.outcome(node, call, Outcome::Result { is_error: false, size: 10 });
    }

    pub fn ask(&mut self, node: usize, call: RequestId, input: impl Into<InputRequestId>, name: &str) -> bool {
        self.input(node, |receiver, now| {
            receiver.handle_input_request(now, call, input.into(), name, InputKind::Elicit, false)
        })
    }

    /// The answer to a request, if it has one.
    pub fn replied(&self, request: RequestId) -> Option<Value> {
        self.replies.get(&request).cloned()
    }

    pub fn reply(&self, request: RequestId) -> Value {
        self.replied(request).unwrap_or_else(|| panic!("{request} is not answered"))
    }

    pub fn code(&self, request: RequestId) -> i64 {
        self.reply(request)["error"]["code"].as_i64().unwrap_or_else(|| panic!("an error: {}", self.reply(request)))
    }

    /// The code of a request's error, or 0.
    pub fn code_or_zero(&self, request: RequestId) -> i64 {
        self.replied(request).and_then(|reply| reply["error"]["code"].as_i64()).unwrap_or_default()
    }

    /// A handler sets its task's status message.
    pub fn note_of(&mut self, call: RequestId, message: &str) {
        self.input(0, |receiver, now| receiver.handle_status_message(now, call, message));
    }

    pub fn id(&self, call: RequestId) -> String {
        self.bound.get(&call).cloned().unwrap_or_else(|| panic!("{call} is no task"))
    }

    pub fn is_task(&self, call: RequestId) -> bool {
        self.bound.contains_key(&call)
    }

    pub fn task(&self, owner: &str, id: &str) -> Task {
        self.store.task(owner, id).expect("a task")
    }

    /// How often the hosts saw such an output.
    pub fn count(&self, what: impl Fn(&Output) -> bool) -> usize {
        self.seen.iter().filter(|seen| what(&seen.output)).count()
    }

    pub fn saw(&self, output: &Output) -> bool {
        self.count(|seen| seen == output) > 0
    }

    pub fn happened(&self, happening: Happening) -> usize {
        self.events().filter(|event| event.happening == happening).count()
    }

    /// What was told to whoever listens.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.seen.iter().filter_map(|seen| if let Output::Event(event) = &seen.output { Some(&**event) } else { None })
    }

    pub fn aborted(&self, call: RequestId) -> bool {
        self.stopped(call).is_some()
    }

    /// Why a handler was told to stop.
    pub fn stopped(&self, call: RequestId) -> Option<Stop> {
        self.seen.iter().find_map(|seen| match seen.output {
            Output::Abort { call: seen, reason, silently: false } if seen == call => Some(reason),
            _ => None,
        })
    }

    pub fn withdrawn(&self, input: impl Into<InputRequestId>) -> Option<Withdrawal> {
        let wanted = input.into();
        self.seen.iter().find_map(|seen| match seen.output {
            Output::Withdraw { input: seen, reason, .. } if seen == wanted => Some(reason),
            _ => None,
        })
    }

    /// The last restart.
    pub fn restarted(&self) -> Option<Restarted> {
        self.seen.iter().rev().find_map(|seen| match &seen.output {
            Output::Restart { call, answers, .. } => Some((seen.node, *call, answers.clone())),
            _ => None,
        })
    }

    /// Requests that were neither answered nor excused.
    pub fn unanswered(&self) -> Vec<RequestId> {
        self.sent
            .keys()
            .filter(|request| !self.replies.contains_key(request) && !self.excused.contains(request))
            .copied()
            .collect()
    }

    /// Nothing is left in the hands of any receiver or its host.
    pub fn assert_idle(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            assert_eq!(
                node.receiver.in_hand(),
                [0; 8],
                "calls, slots, asks, waits, lookups, jobs, counted, outputs of {number}"
            );
            assert!(node.read.is_empty(), "jobs never finished: {:?}", node.read);
        }
        assert!(self.pending.is_empty());
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
