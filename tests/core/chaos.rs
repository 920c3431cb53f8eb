//! Clients, handlers and hosts that do anything they may, in any order, on receivers that die and a store that fails.

use std::collections::{BTreeMap, BTreeSet};

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{
    Augmentation, Event, Happening, InputRequestId, Outcome, Output, PeerId, Policy, Promotion, RESTARTED, RequestId,
    Shape, Support,
};
use mcp_longhaul::task::{InputKind, Millis, OnLost, Phase};
use mcp_longhaul::wire::{Generation, News};
use serde_json::Value;

use crate::harness::{G25, G26, LEASE, Seen, World, policy};
use crate::model::Fault;

/// One thing that happens: what, and three numbers that choose.
pub type Step = (u8, u8, u8, u8);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Held,
    Running,
    Over,
}

struct Handler {
    node: usize,
    life: u32,
    stage: Stage,
    own: bool,
}

struct Client {
    node: usize,
    peer: PeerId,
    generation: Generation,
    owner: &'static str,
}

pub struct Chaos {
    pub world: World,
    clients: Vec<Client>,
    policies: u32,
    /// By receiver and call: receivers number the calls that they start again alike.
    handlers: BTreeMap<(usize, RequestId), Handler>,
    /// Receivers that are to end.
    closed: BTreeSet<usize>,
    calls: Vec<(usize, RequestId)>,
    /// Of each request its client, while it may be unanswered.
    by_client: BTreeMap<RequestId, usize>,
    waits: Vec<(usize, RequestId)>,
    /// By how much the clocks were set back.
    back: Millis,
    /// Subscriptions: where, which life, and whether nothing else is on their streams.
    listens: BTreeMap<RequestId, (usize, u32, bool)>,
    asks: BTreeMap<InputRequestId, (usize, u32, RequestId)>,
    given_up: BTreeSet<InputRequestId>,
    last_ask: InputRequestId,
    read: usize,
    settled: BTreeMap<RequestId, usize>,
}

fn policies() -> Vec<Policy> {
    let short = Policy { ttl: Some(5_000), ..policy() };
    vec![
        policy(),
        short.clone(),
        Policy { promotion: Promotion::After(300), ..short.clone() },
        Policy { promotion: Promotion::Handler, cooperative: true, ..short.clone() },
        Policy { extends: true, cooperative: true, ..short.clone() },
        Policy { support: Support::Required, ..short.clone() },
        Policy { on_lost: OnLost::Restart, ..policy() },
        Policy { on_lost: OnLost::Restart, cooperative: true, extends: true, ..short.clone() },
        Policy { support: Support::Forbidden, promotion: Promotion::Never, ..short },
    ]
}

impl Chaos {
    pub fn new(nodes: usize, cross: bool) -> Self {
        let limits =
            Limits { running_per_owner: 6, running: 8, outstanding: 3, issued: 8, page: 2, ..Limits::default() };
        let mut world = World::with(nodes, limits, cross);
        let policies = policies();
        for policy in &policies {
            world.policy(policy.clone());
        }
        world.later = true;
        let mut chaos = Self {
            world,
            clients: Vec::new(),
            policies: policies.len() as u32,
            handlers: BTreeMap::new(),
            closed: BTreeSet::new(),
            calls: Vec::new(),
            by_client: BTreeMap::new(),
            waits: Vec::new(),
            back: 0,
            listens: BTreeMap::new(),
            asks: BTreeMap::new(),
            given_up: BTreeSet::new(),
            last_ask: InputRequestId::new(0),
            read: 0,
            settled: BTreeMap::new(),
        };
        for node in 0..nodes {
            for (generation, owner, pipe) in [(G25, "ann", true), (G26, "ann", false), (G26, "bob", false)] {
                let peer = chaos.world.open(node, Some(owner), pipe);
                chaos.clients.push(Client { node, peer, generation, owner });
            }
        }
        chaos
    }

    pub fn step(&mut self, (what, a, b, c): Step) {
        let Some(client) = self.some_client(a) else { return self.world.pause(0, false) };
        match what % 35 {
            0..=3 => self.call(client, b, c),
            4 | 5 => self.end_some(b, c),
            6 => self.begin_some(b),
            7 | 8 => self.ask_some(b, c),
            9 => self.answer_some(b),
            10 => self.withdraw_some(b),
            11 => self.on_running(b, |world, node, call| {
                world.input(node, |receiver, now| receiver.handle_status_message(now, call, &format!("at {c}")))
            }),
            12 => self.on_running(b, |world, node, call| {
                world.input(node, |receiver, now| receiver.handle_promote(now, call))
            }),
            13 => self.drop_some(b),
            14 => {
                let request = self.request(client, b, |world, node, peer, generation, id| {
                    let context = world.context(node, peer, generation);
                    world.input(node, |receiver, now| receiver.handle_get(now, context, Some(id)));
                    context.request
                });
                self.note(client, request);
            }
            15 if self.clients[client].generation == G25 => {
                let request = self.request(client, b, |world, node, peer, _, id| world.result(node, peer, id));
                self.note(client, request);
                if let Some(request) = request {
                    self.waits.push((self.clients[client].node, request));
                }
            }
            16 => {
                let request = self
                    .request(client, b, |world, node, peer, generation, id| world.cancel(node, peer, generation, id));
                self.note(client, request);
            }
            17 | 18 if self.clients[client].generation == G26 => self.update(client, b, c),
            19 => {
                if let Some((node, request)) = pick(&self.waits, b).filter(|(node, _)| !self.world.is_paused(*node)) {
                    self.world.excused.insert(request);
                    self.world.input(node, |receiver, now| receiver.handle_wait_ended(now, request));
                }
            }
            20 => self.reconnect(client),
            21 => {
                if let Some((id, owner)) = self.some_id(b) {
                    let node = self.clients[client].node;
                    self.world.input(node, |receiver, now| {
                        receiver.handle_changed(now, owner, &id, Some(u32::from(c)).filter(|&version| version != 0))
                    });
                }
            }
            22 | 23 | 15 | 17 | 18 if !self.world.pending.is_empty() => {
                let index = usize::from(b) % self.world.pending.len();
                self.world.answer(index);
            }
            28 if self.clients[client].generation == G26 => self.listen(client, b, c),
            29 => {
                if let Some((node, request)) = self.some_listen(b) {
                    self.world.flow(node, request, c & 1 == 0);
                }
            }
            30 => {
                if let Some((node, request)) = self.some_listen(b) {
                    self.leave(node, request);
                }
            }
            31 => self.world.pause(self.clients[client].node, true),
            32 => self.world.pause(usize::from(b) % self.world.lives().len(), false),
            // Clocks differ by less than half a lease, or by more.
            33 => self.world.skew(self.clients[client].node, (i64::from(b) - 128) * i64::from(c)),
            34 => match b % 4 {
                0 => self.unstart_some(c),
                1 => self.end_receiver(self.clients[client].node, false),
                _ => self.end_receiver(self.clients[client].node, true),
            },
            24 => self.world.pass(i64::from(b) * i64::from(c)),
            25 => {
                self.world.now -= i64::from(b) * 100;
                self.back += i64::from(b) * 100;
            }
            26 => match b % 12 {
                0 => self.world.crash(self.clients[client].node),
                1 => self.world.crash_at = Some((usize::from(c) % 4, c & 64 != 0)),
                2 => self.world.blind = !self.world.blind,
                3 => self.world.later = !self.world.later,
                4 => self.world.faults.extend([Fault::Fail]),
                5 => self.world.faults.extend([Fault::FailStored]),
                6 => self.world.faults.extend([Fault::Lose, Fault::Lose]),
                7 => self.world.faults.extend([Fault::LoseStored]),
                8 => self.world.faults.extend([Fault::Nothing, Fault::FailStored]),
                9 => self.world.faults.extend([Fault::Full { bytes: c & 1 == 0 }]),
                10 => self.world.faults.extend([Fault::Nothing, Fault::NotJson]),
                _ => self.world.faults.extend([Fault::Fail; 5]),
            },
            _ => {
                if let Some(index) = self.world.pending.len().checked_sub(1) {
                    self.world.answer(index);
                }
            }
        }
        self.watch();
    }

    /// A client of a process that is awake.
    fn some_client(&self, a: u8) -> Option<usize> {
        let awake: Vec<usize> =
            (0..self.clients.len()).filter(|client| !self.world.is_paused(self.clients[*client].node)).collect();
        pick(&awake, a)
    }

    /// A receiver takes on nothing more, and perhaps hands over what it has.
    fn end_receiver(&mut self, node: usize, leaves: bool) {
        self.closed.insert(node);
        self.world.input(
            node,
            |receiver, now| if leaves { receiver.handle_leaving(now) } else { receiver.handle_closing(now) },
        );
    }

    /// The host cannot start a call again.
    fn unstart_some(&mut self, b: u8) {
        let again: Vec<(usize, RequestId)> =
            self.handlers_at(Stage::Running).into_iter().filter(|(_, call)| *call >= RESTARTED).collect();
        if let Some((node, call)) = pick(&again, b) {
            self.handlers.remove(&(node, call));
            self.world.input(node, |receiver, now| receiver.handle_unstarted(now, call));
        }
    }

    fn call(&mut self, client: usize, b: u8, c: u8) {
        let Client { node, peer, generation, .. } = self.clients[client];
        let context = self.world.context(node, peer, generation);
        let augmentation = match (generation, c % 8) {
            (G26, _) | (_, 0) => Augmentation::Absent,
            (_, 1) => Augmentation::Invalid,
            (_, 2) => Augmentation::Asked { ttl: Some(0) },
            _ => Augmentation::Asked { ttl: None },
        };
        self.by_client.insert(context.request, client);
        self.calls.push((node, context.request));
        self.world.call_with(node, context, u32::from(b) % self.policies, augmentation, c & 16 != 0);
    }

    fn note(&mut self, client: usize, request: Option<RequestId>) {
        if let Some(request) = request {
            self.by_client.insert(request, client);
        }
    }

    fn some_id(&self, b: u8) -> Option<(String, &'static str)> {
        let ids: Vec<&String> = self.world.store.ids.iter().collect();
        let id = (*ids.get(usize::from(b) % ids.len().max(1))?).clone();
        let owner = if self.world.store.task("bob", &id).is_some() { "bob" } else { "ann" };
        Some((id, owner))
    }

    fn request(
        &mut self,
        client: usize,
        b: u8,
        send: impl FnOnce(&mut World, usize, PeerId, Generation, &str) -> RequestId,
    ) -> Option<RequestId> {
        let (id, _) = self.some_id(b)?;
        let Client { node, peer, generation, .. } = self.clients[client];
        Some(send(&mut self.world, node, peer, generation, &id))
    }

    fn listen(&mut self, client: usize, b: u8, c: u8) {
        let ids: Vec<String> =
            (0..=c % 3).filter_map(|more| self.some_id(b.wrapping_add(more))).map(|(id, _)| id).collect();
        let Client { node, peer, .. } = self.clients[client];
        let context = self.world.context(node, peer, G26);
        self.by_client.insert(context.request, client);
        let life = self.world.lives()[node];
        self.listens.insert(context.request, (node, life, c & 8 == 0));
        let until = (c & 16 != 0).then(|| self.world.now + 1_000);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.world.subscribe_as(node, context, &ids, until);
    }

    /// A subscription that has begun.
    fn some_listen(&self, b: u8) -> Option<(usize, RequestId)> {
        let begun: Vec<(usize, RequestId)> = self
            .listens
            .iter()
            .filter(|(request, _)| self.world.told.contains_key(request))
            .map(|(request, (node, ..))| (*node, *request))
            .collect();
        pick(&begun, b)
    }

    fn leave(&mut self, node: usize, request: RequestId) {
        self.listens.remove(&request);
        self.world.excused.insert(request);
        self.world.input(node, |receiver, now| receiver.handle_unlisten(now, request));
    }

    fn update(&mut self, client: usize, b: u8, c: u8) {
        let Some((id, owner)) = self.some_id(b) else { return };
        let mut keys: Vec<String> = self
            .world
            .store
            .task(owner, &id)
            .map(|task| task.inputs.into_iter().map(|input| input.key).collect())
            .unwrap_or_default();
        if c & 1 == 0 {
            keys.truncate(1);
        }
        if c & 2 == 0 {
            keys.push("never-1".into());
        }
        let shape = if c % 7 == 0 { Shape(0) } else { Shape(Shape::ELICITED) };
        let Client { node, peer, .. } = self.clients[client];
        let context = self.world.context(node, peer, G26);
        let answers = keys.into_iter().map(|key| (key, shape)).collect();
        self.by_client.insert(context.request, client);
        self.world.input(node, |receiver, now| receiver.handle_update(now, context, Some(&id), Some(answers)));
    }

    /// Handlers in processes that are awake.
    fn handlers_at(&self, stage: Stage) -> Vec<(usize, RequestId)> {
        self.handlers
            .iter()
            .filter(|((node, _), handler)| handler.stage == stage && !self.world.is_paused(*node))
            .map(|(place, _)| *place)
            .collect()
    }

    fn on_running(&mut self, b: u8, act: impl FnOnce(&mut World, usize, RequestId)) {
        if let Some((node, call)) = pick(&self.handlers_at(Stage::Running), b) {
            act(&mut self.world, node, call);
        }
    }

    fn begin_some(&mut self, b: u8) {
        if let Some((node, call)) = pick(&self.handlers_at(Stage::Held), b) {
            self.world.input(node, |receiver, now| receiver.handle_begin(now, call));
        }
    }

    fn end_some(&mut self, b: u8, c: u8) {
        let mut calls = self.handlers_at(Stage::Running);
        if c & 128 != 0 {
            // A call whose parameters are wrong ends before its handler begins.
            calls.extend(self.handlers_at(Stage::Held));
        }
        if let Some(place) = pick(&calls, b) {
            self.end(place, c);
        }
    }

    fn end(&mut self, (node, call): (usize, RequestId), c: u8) {
        let Some(handler) = self.handlers.get_mut(&(node, call)) else { return };
        handler.stage = Stage::Over;
        let outcome = match c % 8 {
            0 => Outcome::Error { size: 10 },
            1 => Outcome::Result { is_error: true, size: 10 },
            2 => Outcome::NotJson,
            3 | 4 if self.world.is_task(call) => Outcome::Input {
                requests: vec![("name".into(), Some(InputKind::Elicit)), ("age".into(), Some(InputKind::Elicit))],
                state: c & 16 != 0,
            },
            5 => Outcome::Result { is_error: false, size: u32::MAX },
            _ => Outcome::Result { is_error: false, size: 10 },
        };
        self.world.outcome(node, call, outcome);
    }

    fn ask_some(&mut self, b: u8, c: u8) {
        let Some((node, call)) = pick(&self.handlers_at(Stage::Running), b) else { return };
        let Handler { life, own, .. } = self.handlers[&(node, call)];
        self.last_ask = InputRequestId::new(self.last_ask.get() + 1);
        let ask = self.last_ask;
        // An ordinary request of an ordinary call is not the receiver's.
        if self.world.input(node, |receiver, now| {
            receiver.handle_input_request(now, call, ask, &format!("q{}", c % 2), InputKind::Elicit, own)
        }) {
            self.asks.insert(ask, (node, life, call));
        }
    }

    fn some_ask(&self, b: u8) -> Option<InputRequestId> {
        let asks: Vec<InputRequestId> =
            self.asks.iter().filter(|(_, (node, ..))| !self.world.is_paused(*node)).map(|(ask, _)| *ask).collect();
        pick(&asks, b)
    }

    fn answer_some(&mut self, b: u8) {
        if let Some(ask) = self.some_ask(b) {
            let (node, ..) = self.asks[&ask];
            self.world.input(node, |receiver, now| receiver.handle_answer(now, ask));
        }
    }

    fn withdraw_some(&mut self, b: u8) {
        if let Some(ask) = self.some_ask(b) {
            let (node, _, call) = self.asks[&ask];
            self.given_up.insert(ask);
            self.world.input(node, |receiver, now| receiver.handle_withdraw(now, call, ask));
        }
    }

    fn drop_some(&mut self, b: u8) {
        let open: Vec<(usize, RequestId)> = self
            .calls
            .iter()
            .filter(|(node, call)| !self.world.is_paused(*node) && self.world.replied(*call).is_none())
            .copied()
            .collect();
        if let Some((node, call)) = pick(&open, b) {
            self.world.excused.insert(call);
            self.world.input(node, |receiver, now| receiver.handle_dropped(now, call, false));
        }
    }

    fn reconnect(&mut self, number: usize) {
        let Client { node, peer, owner, generation, .. } = self.clients[number];
        for (request, client) in &self.by_client {
            if *client == number && self.world.replied(*request).is_none() {
                self.world.excused.insert(*request);
            }
        }
        self.world.close(node, peer);
        self.clients[number].peer = self.world.open(node, Some(owner), generation == G25);
    }

    /// What the hosts learned since the last look.
    fn watch(&mut self) {
        while let Some(Seen { node, life, output }) = self.world.seen.get(self.read).cloned() {
            self.read += 1;
            match output {
                Output::Forward { call, gated } => {
                    let stage = if gated { Stage::Held } else { Stage::Running };
                    let own = self.by_client.get(&call).is_some_and(|client| self.clients[*client].generation == G25);
                    self.handlers.insert((node, call), Handler { node, life, stage, own });
                }
                Output::Begin { call } => {
                    if let Some(handler) =
                        self.handlers.get_mut(&(node, call)).filter(|handler| handler.stage == Stage::Held)
                    {
                        handler.stage = Stage::Running;
                    }
                }
                Output::Restart { call, context, .. } => {
                    self.handlers.insert(
                        (node, call),
                        Handler { node, life, stage: Stage::Running, own: context.generation == G25 },
                    );
                }
                Output::HangUp { request } => {
                    self.world.excused.insert(request);
                }
                Output::Abort { call, silently: false, .. } => {
                    if let Some(handler) =
                        self.handlers.get_mut(&(node, call)).filter(|handler| handler.stage == Stage::Held)
                    {
                        handler.stage = Stage::Over;
                    }
                }
                Output::Tell { request, news: News::Acknowledged { .. }, .. } => {
                    if let Some((_, _, alone)) = self.listens.get(&request).copied() {
                        self.world.input(node, |receiver, now| receiver.handle_listening(now, request, alone));
                    }
                }
                Output::Relay { call } | Output::Reject { call } => *self.settled.entry(call).or_default() += 1,
                Output::Answered { input: ask, .. }
                | Output::AnsweredElsewhere { input: ask, .. }
                | Output::Withdraw { input: ask, .. } => {
                    self.asks.remove(&ask);
                }
                _ => {}
            }
        }
        // The dead have no handlers, and their clients connect again.
        for client in 0..self.clients.len() {
            let Client { node, owner, generation, .. } = self.clients[client];
            if !self.world.is_open(node, self.clients[client].peer) {
                self.clients[client].peer = self.world.open(node, Some(owner), generation == G25);
            }
        }
        let lives: Vec<u32> = self.world.lives();
        self.handlers.retain(|_, handler| lives[handler.node] == handler.life);
        self.asks.retain(|_, (node, life, _)| lives[*node] == *life);
        let world = &self.world;
        self.listens.retain(|request, (node, life, _)| {
            lives[*node] == *life && world.replied(*request).is_none() && !world.excused.contains(request)
        });
    }

    /// Everything works again, every handler ends, and time passes until no task is left.
    pub fn settle(&mut self) {
        self.world.later = false;
        self.world.blind = false;
        self.world.faults.clear();
        self.world.crash_at = None;
        for node in 0..self.world.lives().len() {
            self.world.pause(node, false);
            if self.closed.contains(&node) {
                self.world.crash(node);
            }
            self.world.input(node, |receiver, now| {
                receiver.run_alone();
                receiver.handle_start(now);
            });
        }
        self.watch();
        self.assert_nothing_stuck();
        for round in 0..40 {
            self.world.answer_all();
            self.watch();
            for (request, (node, _, alone)) in self.listens.clone() {
                if alone {
                    self.world.flow(node, request, true);
                } else {
                    self.leave(node, request);
                }
            }
            self.watch();
            self.world.pass(if round < 4 { 20_000 } else { 1_000_000 });
            self.watch();
            for call in self.handlers_at(Stage::Held) {
                let (node, number) = call;
                self.world.input(node, |receiver, now| receiver.handle_begin(now, number));
                self.watch();
                if self.handlers[&call].stage == Stage::Held {
                    self.end(call, 7);
                }
            }
            for call in self.handlers_at(Stage::Running) {
                self.end(call, 7);
            }
            self.watch();
        }
    }

    /// X-STO-05: once everything works, a task whose process was lost stays no longer than its lease and a sweep.
    fn assert_nothing_stuck(&mut self) {
        let nodes = self.world.lives().len();
        // By the clocks that differ most a sweep finds what is due.
        let latest = (0..nodes).map(|node| self.world.clock(node)).max().unwrap_or_default();
        let earliest = (0..nodes).map(|node| self.world.clock(node)).min().unwrap_or_default();
        self.world.answer_all();
        self.world.pass(latest - earliest + self.back + 4 * LEASE);
        self.world.answer_all();
        self.watch();
        for (owner, id, task) in
            self.world.store.rows().filter(|(_, _, task)| task.on_lost == OnLost::Fail && task.needs_runner())
        {
            assert!(self.world.now - self.world.store.written_at(owner, id) < LEASE, "{id} is stuck: {task:?}");
        }
    }

    pub fn assert_settled(&self) {
        let world = &self.world;
        world.assert_idle();
        assert_eq!(world.store.len(), 0, "tasks are left: {:?}", world.store.all());
        for (node, count) in world.lives().iter().enumerate() {
            assert!(
                world.receiver(node).timers() < 20,
                "{} timers are left after {count} lives",
                world.receiver(node).timers()
            );
        }
        for request in world.unanswered() {
            assert_eq!(self.settled.get(&request), Some(&1), "{request} has no answer");
        }
        for (call, times) in &self.settled {
            assert!(*times == 1 && world.replied(*call).is_none(), "{call} is answered twice");
        }
        let waiting: Vec<&InputRequestId> = self.asks.keys().filter(|ask| !self.given_up.contains(ask)).collect();
        assert!(waiting.is_empty(), "handlers wait for ever: {waiting:?}");
        self.assert_story();
        self.assert_news();
    }

    /// No subscription heard the same twice, or anything of a task after its end (G26-NTF-04).
    fn assert_news(&self) {
        for request in self.world.told.keys() {
            let mut last: BTreeMap<String, Value> = BTreeMap::new();
            for news in self.world.heard(*request) {
                let id = news["taskId"].as_str().expect("an id").to_owned();
                if let Some(before) = last.get(&id) {
                    assert_ne!(*before, news, "told twice");
                    assert!(
                        matches!(before["status"].as_str(), Some("working" | "input_required")),
                        "{news} after {before}"
                    );
                }
                last.insert(id, news);
            }
        }
    }

    /// What was told fits what happened.
    fn assert_story(&self) {
        let (mut ends, mut created, mut epochs, mut runs) =
            (BTreeMap::new(), BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for Seen { node, life, output } in &self.world.seen {
            let Output::Event(event) = output else { continue };
            let Event { happening, id, .. } = &**event;
            let phase = match happening {
                Happening::Created => {
                    assert!(created.insert(id.clone()), "created twice");
                    continue;
                }
                Happening::Started => {
                    assert!(
                        epochs.insert((id.clone(), event.task.as_ref().map(|task| task.epoch))),
                        "one run of a task began twice: {event:?}"
                    );
                    assert!(
                        runs.insert((*node, *life, event.run), id.clone()).is_none(),
                        "one call runs twice: {event:?}"
                    );
                    continue;
                }
                Happening::Stopped => {
                    assert_eq!(
                        runs.remove(&(*node, *life, event.run)).as_ref(),
                        Some(id),
                        "stopped, but not begun: {event:?}"
                    );
                    continue;
                }
                Happening::Completed => vec![Phase::Completed, Phase::ToolFailed],
                Happening::Failed | Happening::Expired | Happening::Lost => vec![Phase::Failed],
                Happening::Cancelled => vec![Phase::Cancelled],
                _ => continue,
            };
            assert!(ends.insert(id.clone(), *happening).is_none(), "{id} ended twice");
            assert!(phase.contains(&self.world.store.ends[id]), "{happening:?} of {:?}", self.world.store.ends[id]);
        }
        let lives = self.world.lives();
        assert!(runs.keys().all(|(node, life, _)| *life < lives[*node]), "begun, never stopped: {runs:?}");
    }
}

fn pick<T: Copy>(from: &[T], by: u8) -> Option<T> {
    from.get(usize::from(by) % from.len().max(1)).copied()
}
