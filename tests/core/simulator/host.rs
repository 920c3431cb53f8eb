//! What the instances want of their hosts, held against the truth.

use mcp_longhaul::receiver::{Happening, InputRequestId, Output, RequestId, Withdrawal};
use mcp_longhaul::wire::{Method, News};
use serde_json::{Value, json};

use super::simulation::{Event, Open, Simulation, To};
use crate::harness::Seen;

impl Simulation {
    pub(super) fn look(&mut self) {
        loop {
            for op in std::mem::take(&mut self.world.pending) {
                let pause = self.random.time(0, self.store.slow / 2);
                self.after(pause, Event::Perform(op));
            }
            let Some(Seen { node, life, output }) = self.world.seen.get(self.seen).cloned() else { return };
            self.seen += 1;
            self.say(|| format!("{node}.{life}: {output:?}"));
            self.take(node, life, output);
        }
    }

    pub(super) fn take(&mut self, node: usize, life: u32, output: Output) {
        match output {
            Output::Reply { request, .. } => {
                let value = self.world.reply(request);
                self.replied(request, value);
            }
            Output::Relay { call } => self.relayed(call, json!({ "result": { "content": [] } })),
            Output::Reject { call } => self.relayed(call, json!({ "error": { "code": -32602 } })),
            Output::HangUp { request } => {
                if let Some(open) = self.open.remove(&request) {
                    self.send_back(open.client, open.to, None);
                }
            }
            Output::TellRequestor { news: News::State { ref id, .. }, call, .. } => {
                // A hint; after an unconfirmed write the same may be told again.
                let state = self.world.told[&call].last().expect("just told")["params"].clone();
                self.truth.shown(id, &state, false);
            }
            Output::Tell { request, ref news, .. } => self.tell(node, life, request, news),
            Output::Forward { call, gated } => self.forward((node, life, call), gated),
            Output::Begin { call } => self.begin((node, life, call)),
            Output::Restart { call, answers, .. } => self.restart((node, life, call), answers),
            Output::Abort { call, .. } => self.stop((node, life, call)),
            Output::Release { call } => self.let_go((node, life, call)),
            Output::Bind { call, id } => self.bound((node, life, call), id),
            Output::Deliver { input: ask, stream } => self.deliver(node, life, ask, stream),
            Output::Answered { input: ask, from } => self.heard(node, ask, from.map(|(_, key)| key)),
            Output::AnsweredElsewhere { input: ask, key, .. } => self.heard(node, ask, Some(key)),
            Output::Withdraw { input: ask, reason, .. } => {
                assert_ne!(reason, Withdrawal::Undeclared);
                self.heard(node, ask, None);
            }
            Output::Post { post, attempt, end } => {
                let done = attempt > 1 || self.random.chance(90);
                self.truth.posted(&end);
                let pause = self.random.time(0, 3_000);
                self.after(pause, Event::Posted { node, life, post, done });
            }
            Output::StepKept { step } => self.step_is_over(step, true),
            Output::StepLost { step, .. } => self.step_is_over(step, false),
            Output::Event(event) => {
                self.truth.event(&event);
                if event.happening == Happening::Started {
                    self.figures.runs += 1;
                    self.truth.started((node, life, event.run.expect("a run")), &event);
                }
            }
            _ => {}
        }
    }

    /// An instance answers: what it says of a task is held against what others were told.
    pub(super) fn replied(&mut self, request: RequestId, value: Value) {
        let Some(open) = self.open.remove(&request) else { return };
        let Open { client, to, id, knew, .. } = open;
        let result = value.get("result");
        if let Some(state) = result.filter(|result| result.get("taskId").is_some() && !matches!(to, To::Call(_))) {
            self.truth.shown(&id, state, knew);
        }
        if let To::Ask(_, Method::Result) = to {
            match (result, value.get("error")) {
                (Some(result), _) => self.truth.ended(&id, None, Some(result.clone())),
                (_, Some(error)) if error.is_string() => self.truth.ended(&id, Some("failed"), Some(error.clone())),
                _ => {}
            }
        }
        if let (To::Ask(_, Method::Get), Some(-32602)) = (to, value["error"]["code"].as_i64()) {
            self.truth.missed(&id, self.world.now);
        }
        self.send_back(client, to, Some(value));
    }

    pub(super) fn relayed(&mut self, call: RequestId, value: Value) {
        if let Some(open) = self.open.remove(&call) {
            self.send_back(open.client, open.to, Some(value));
        }
    }

    pub(super) fn tell(&mut self, node: usize, life: u32, request: RequestId, news: &News) {
        let place = self.told.entry(request).or_default();
        let value = self.world.told[&request][*place].clone();
        *place += 1;
        match news {
            News::State { id, .. } => self.truth.pushed((node, life, request), id, &value["params"]),
            News::Acknowledged { .. } => {
                let pause = self.random.time(1, self.network.slow);
                self.after(pause, Event::Acknowledged { node, life, request });
            }
        }
        let Some(Open { client, to: To::Listen(stream), .. }) = self.open.get(&request) else { return };
        let (client, stream) = (*client, *stream);
        // A stream keeps its order, and loses nothing but its end.
        let pause = self.network.slow / 2;
        self.after(pause, Event::Tell { client, stream, news: value });
    }

    pub(super) fn deliver(&mut self, node: usize, life: u32, ask: InputRequestId, stream: Option<RequestId>) {
        if stream.is_none() || self.random.chance(self.network.lost) {
            return self.at(node, |receiver, _| receiver.handle_undelivered(ask));
        }
        for _ in 0..=u8::from(self.random.chance(self.network.doubled)) {
            let pause = self.random.time(50, 20_000);
            self.after(pause, Event::Reply { node, life, ask });
        }
    }
}
