//! What clients send, how it travels, and what they make of what comes back.

use mcp_longhaul::receiver::{Augmentation, RequestContext, RequestId, Shape};
use mcp_longhaul::requestor;
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::Method;
use serde_json::Value;

use super::simulation::{Event, Open, Sent, Simulation, To};
use crate::harness::G25;

/// How long a client waits for the answer to a call.
const PATIENCE: Millis = 90_000;

impl Simulation {
    /// A message to any instance, as a load balancer sends it, or to `node`.
    pub(super) fn send(&mut self, client: usize, node: Option<usize>, sent: Sent) {
        let times = if self.random.chance(self.network.lost) {
            0
        } else {
            1 + u8::from(self.random.chance(self.network.doubled))
        };
        for _ in 0..times {
            let node = node.unwrap_or_else(|| self.random.below(self.held.len() as u64) as usize);
            let pause = self.random.time(1, self.network.slow);
            self.after(pause, Event::Arrive { node, client, sent: sent.clone() });
        }
    }

    pub(super) fn send_back(&mut self, client: usize, to: To, value: Option<Value>) {
        let times = if self.random.chance(self.network.lost) {
            0
        } else {
            1 + u8::from(self.random.chance(self.network.doubled))
        };
        for _ in 0..times {
            let pause = self.random.time(1, self.network.slow);
            self.after(pause, Event::Answer { client, to, value: value.clone() });
        }
    }

    pub(super) fn context(&mut self, node: usize, client: usize) -> RequestContext {
        let (owner, generation) = (self.clients[client].owner, self.clients[client].generation);
        let life = self.world.lives()[node];
        let peer = match self.peers.get(&(client, node, life)) {
            Some(peer) => *peer,
            None => {
                let peer = self.world.open(node, Some(owner), false);
                self.peers.insert((client, node, life), peer);
                peer
            }
        };
        self.world.context(node, peer, generation)
    }

    pub(super) fn opens(&mut self, context: RequestContext, node: usize, client: usize, to: To, id: &str) {
        let life = self.world.lives()[node];
        self.open.insert(
            context.request,
            Open { client, to, node, life, id: id.to_owned(), knew: self.truth.is_over(id), excused: false },
        );
    }

    pub(super) fn find(&self, client: usize, to: To) -> Vec<(usize, RequestId)> {
        self.open
            .iter()
            .filter(|(_, open)| open.client == client && open.to == to)
            .map(|(request, open)| (open.node, *request))
            .collect()
    }

    pub(super) fn arrive(&mut self, node: usize, client: usize, sent: Sent) {
        if self.leaving.contains(&node) {
            // A server that leaves takes no more requests.
            return;
        }
        match sent {
            Sent::Call { call, tool, gate } => {
                let context = self.context(node, client);
                self.opens(context, node, client, To::Call(call), "");
                let augmentation =
                    if context.generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
                self.world.call_with(node, context, tool, augmentation, gate);
                self.look();
            }
            Sent::Drop { call } => {
                for (node, request) in self.find(client, To::Call(call)) {
                    if !self.world.is_paused(node) {
                        self.open.get_mut(&request).expect("just found").excused = true;
                        self.at(node, |receiver, now| receiver.handle_dropped(now, request, false));
                    }
                }
            }
            Sent::Ask { request, id, method, keys } => {
                self.ask(node, client, To::Ask(request, method), &id, method, &keys)
            }
            Sent::Listen { request, ids } => {
                let context = self.context(node, client);
                self.opens(context, node, client, To::Listen(request), "");
                self.at(node, |receiver, now| receiver.handle_listen(now, context, ids, None));
            }
            Sent::Unlisten { request } => {
                for (node, request) in self.find(client, To::Listen(request)) {
                    if !self.world.is_paused(node) {
                        self.open.remove(&request);
                        self.at(node, |receiver, now| receiver.handle_unlisten(now, request));
                    }
                }
            }
        }
    }

    /// A request about a task arrives.
    pub(super) fn ask(&mut self, node: usize, client: usize, to: To, id: &str, method: Method, keys: &[String]) {
        let context = self.context(node, client);
        self.opens(context, node, client, to, id);
        let id = Some(id);
        self.at(node, |receiver, now| match method {
            Method::Get => receiver.handle_get(now, context, id),
            Method::Result => receiver.handle_result(now, context, id),
            Method::Cancel => receiver.handle_cancel(now, context, id),
            Method::Update => {
                let answers = keys.iter().map(|key| (key.clone(), Shape(Shape::ELICITED))).collect();
                receiver.handle_update(now, context, id, Some(answers));
            }
            Method::List => receiver.handle_list(now, context, Ok(None)),
        });
    }

    /// An input for a client, and all that follows from it.
    pub fn with(&mut self, client: usize, input: impl FnOnce(&mut requestor::Requestor, Millis)) {
        let now = self.world.now;
        input(&mut self.clients[client].requestor, now);
        self.serve(client);
    }

    pub(super) fn serve(&mut self, client: usize) {
        for output in self.clients[client].outputs() {
            self.say(|| format!("client {client}: {output:?}"));
            match output {
                requestor::Output::Send { call, .. } => {
                    let (tool, gate) = self.clients[client].wish(call);
                    self.send(client, None, Sent::Call { call, tool, gate });
                    self.after(PATIENCE, Event::Tire { client, call });
                }
                requestor::Output::Ask { request, task, method, keys } => {
                    if let Some(id) = self.clients[client].requestor.task(task).map(|(_, id)| id.to_owned()) {
                        self.send(client, None, Sent::Ask { request, id, method, keys });
                    }
                }
                requestor::Output::Listen { request, ids } => self.send(client, None, Sent::Listen { request, ids }),
                requestor::Output::Unlisten { request } => {
                    self.clients[client].left(request);
                    self.send(client, None, Sent::Unlisten { request });
                }
                requestor::Output::Forward { call } => self.send(client, None, Sent::Drop { call }),
                requestor::Output::Prompt { task, key, .. } => {
                    let pause = self.random.time(50, 30_000);
                    self.after(pause, Event::Give { client, task, key });
                }
                requestor::Output::Ended { id, ending, payload, .. } => {
                    if let Some((status, outcome)) = self.clients[client].end_of(ending, payload) {
                        self.truth.ended(&id, status, outcome);
                    }
                }
                requestor::Output::Report { key, problem: requestor::Problem::Contradicted, .. } => {
                    self.truth.contradicted(&key)
                }
                requestor::Output::Report { problem, .. } => {
                    assert!(
                        !matches!(problem, requestor::Problem::Changed | requestor::Problem::UnknownMethod),
                        "{problem:?}"
                    );
                }
                _ => {}
            }
        }
    }

    pub(super) fn answer(&mut self, client: usize, to: To, value: Option<&Value>) {
        let now = self.world.now;
        let it = &mut self.clients[client];
        match to {
            To::Call(call) => it.replied(now, call, value),
            To::Ask(request, method) => it.answered(now, request, Some(method), value),
            To::Listen(request) => {
                it.left(request);
                it.answered(now, request, None, value);
            }
        }
        self.serve(client);
    }

    /// A client gives up the call that nobody answers.
    pub(super) fn tire(&mut self, client: usize, call: requestor::CallNumber) {
        if !self.clients[client].follows(call) {
            self.give_up(client, call);
        }
    }

    pub(super) fn give_up(&mut self, client: usize, call: requestor::CallNumber) {
        if self.clients[client].calls.remove(&call) {
            self.with(client, |requestor, now| requestor.handle_abort(now, call));
        }
    }
}
