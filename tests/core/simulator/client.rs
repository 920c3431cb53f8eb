//! A client: a real requestor, a user who answers after a while, and what came in.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mcp_longhaul::method::{CallMethod, Methods};
use mcp_longhaul::requestor::{
    Answered, Bounds, CallFacts, CallNumber, Declared, Ending, Entry, Options, Output, PayloadNumber, Preference,
    Reply, RequestNumber, Requestor, Snapshot, TaskNumber,
};
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Generation, Method, Support};
use serde_json::Value;

use crate::harness::G25;

/// The tool of every story.
pub const TOOL: &str = "paint";

pub struct Client {
    pub requestor: Requestor,
    pub owner: &'static str,
    pub generation: Generation,
    /// Calls that are not answered.
    pub calls: BTreeSet<CallNumber>,
    last_call: CallNumber,
    wishes: BTreeMap<CallNumber, (u32, bool)>,
    /// Calls that have become tasks.
    following: BTreeSet<CallNumber>,
    pub tasks: BTreeMap<TaskNumber, String>,
    payloads: BTreeMap<PayloadNumber, Value>,
    last_payload: PayloadNumber,
    /// The first request that came under each key of each task.
    streams: BTreeSet<RequestNumber>,
}

impl Client {
    pub fn new(owner: &'static str, generation: Generation, seed: u64) -> Self {
        let mut requestor = Requestor::new(Options {
            bounds: Bounds::default(),
            max_age: None,
            request_timeout: 30_000,
            listen: true,
            first_read: 20,
            seed,
        });
        requestor.handle_declared(Declared { methods: Methods::OFFERED, cancel: true, extension: None });
        requestor.handle_tool(TOOL, Support::Optional);
        requestor.handle_tools_complete();
        Self {
            requestor,
            owner,
            generation,
            calls: BTreeSet::new(),
            last_call: 0.into(),
            wishes: BTreeMap::new(),
            following: BTreeSet::new(),
            tasks: BTreeMap::new(),
            payloads: BTreeMap::new(),
            last_payload: 0.into(),
            streams: BTreeSet::new(),
        }
    }

    fn facts(&self) -> CallFacts<'static> {
        CallFacts {
            generation: Some(self.generation),
            method: CallMethod::ToolsCall,
            tool: TOOL,
            preference: Preference::Prefer,
            cancels: true,
            ttl: None,
        }
    }

    fn next_call(&mut self) -> CallNumber {
        self.last_call = CallNumber::new(self.last_call.get() + 1);
        self.calls.insert(self.last_call);
        self.last_call
    }

    /// `gate`: whether the server's host can hold the handler.
    pub fn call(&mut self, now: Millis, tool: u32, gate: bool) {
        let call = self.next_call();
        self.wishes.insert(call, (tool, gate));
        self.requestor.handle_call(now, call, self.facts());
    }

    pub fn wish(&self, call: CallNumber) -> (u32, bool) {
        self.wishes[&call]
    }

    pub fn follows(&self, call: CallNumber) -> bool {
        self.following.contains(&call)
    }

    pub fn resume(&mut self, now: Millis, id: &str) {
        let call = self.next_call();
        self.requestor.handle_resume(now, call, self.facts(), Some(self.generation), id);
    }

    /// Everything that the requestor wants; each call is answered once.
    pub fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.requestor.poll_output() {
            match &output {
                Output::Created { call, task } => {
                    self.following.insert(*call);
                    // It may have been found as one that has ended.
                    if let Some((_, id)) = self.requestor.task(*task) {
                        self.tasks.insert(*task, id.to_owned());
                    }
                }
                Output::Forget { task } => {
                    self.tasks.remove(task);
                }
                Output::Listen { request, .. } => {
                    self.streams.insert(*request);
                }
                Output::Answer { call, .. } => assert!(self.calls.remove(call), "the call {call} is answered twice"),
                _ => {}
            }
            outputs.push(output);
            assert!(outputs.len() < 10_000, "outputs without end");
        }
        outputs
    }

    /// The task's end as the requestor tells its caller: the status, and the outcome where there is one.
    pub fn end_of(
        &self,
        ending: Ending,
        payload: Option<PayloadNumber>,
    ) -> Option<(Option<&'static str>, Option<Value>)> {
        let status = match ending {
            Ending::Completed => "completed",
            Ending::Failed => "failed",
            // Without a snapshot it is what a caller who left takes for granted.
            Ending::Cancelled if payload.is_some() => "cancelled",
            _ => return None,
        };
        // In 2025-11-25 nobody can tell the error of a task that failed from one that came instead of it.
        let is_ours = |value: &&Value| self.generation != G25 || value.get("error").is_none_or(Value::is_string);
        let value = payload.and_then(|payload| self.payloads.get(&payload)).filter(is_ours);
        // A tool's own error has another status in 2025-11-25 than its result says here.
        Some((
            Some(status).filter(|_| self.generation != G25),
            value.and_then(|value| value.get("result").or(value.get("error"))).cloned(),
        ))
    }

    fn keep(&mut self, value: &Value) -> PayloadNumber {
        self.last_payload = PayloadNumber::new(self.last_payload.get() + 1);
        self.payloads.insert(self.last_payload, value.clone());
        self.last_payload
    }

    /// The answer to a call, or word that there will be none.
    pub fn replied(&mut self, now: Millis, call: CallNumber, reply: Option<&Value>) {
        let Some(reply) = reply else {
            return self.requestor.handle_reply(now, call, Reply::Error { code: -32000 }, 0.into());
        };
        if let Some(error) = reply.get("error") {
            let code = error["code"].as_i64().unwrap_or(-32050) as i32;
            return self.requestor.handle_reply(now, call, Reply::Error { code }, 0.into());
        }
        let result = &reply["result"];
        let task = if result.get("task").is_some() { &result["task"] } else { result };
        if task.get("taskId").is_none() {
            return self.requestor.handle_reply(
                now,
                call,
                Reply::Result { is_error: false, demands_task: false },
                0.into(),
            );
        }
        let payload = self.keep(task);
        let parts = self.read(task);
        self.requestor.handle_reply(now, call, Reply::Handle(parts.snapshot()), payload);
    }

    /// The answer to a request about a task, or word that there will be none.
    pub fn answered(&mut self, now: Millis, request: RequestNumber, method: Option<Method>, answer: Option<&Value>) {
        let Some(answer) = answer else { return self.requestor.handle_answer(now, request, Answered::Lost, 0.into()) };
        if method == Some(Method::Result) {
            let payload = self.keep(answer);
            let answered = match answer.get("error") {
                Some(error) => Answered::Error { code: error["code"].as_i64().unwrap_or(-32050) as i32 },
                None => Answered::Result { is_error: false },
            };
            return self.requestor.handle_answer(now, request, answered, payload);
        }
        if let Some(error) = answer.get("error") {
            let code = error["code"].as_i64().expect("a code") as i32;
            return self.requestor.handle_answer(now, request, Answered::Error { code }, 0.into());
        }
        let state = &answer["result"];
        if state.get("taskId").is_none() {
            return self.requestor.handle_answer(now, request, Answered::Result { is_error: false }, 0.into());
        }
        let payload = self.keep(state);
        let parts = self.read(state);
        self.requestor.handle_answer(now, request, Answered::Snapshot(parts.snapshot()), payload);
    }

    /// News on the stream `request`.
    pub fn told(&mut self, now: Millis, request: RequestNumber, news: &Value) {
        if !self.streams.contains(&request) {
            return;
        }
        let params = &news["params"];
        if news["method"] == "notifications/tasks" {
            let payload = self.keep(params);
            let parts = self.read(params);
            return self.requestor.handle_notification(now, self.generation, &parts.snapshot(), payload);
        }
        let accepted = params["notifications"]["taskIds"].as_array().expect("ids").clone();
        let taken: Vec<TaskNumber> = self
            .tasks
            .iter()
            .filter(|(_, id)| accepted.iter().any(|taken| taken == *id))
            .map(|(task, _)| *task)
            .collect();
        for task in taken {
            self.requestor.handle_accepted(request, task);
        }
        self.requestor.handle_acknowledged(now, request);
    }

    pub fn left(&mut self, request: RequestNumber) {
        self.streams.remove(&request);
    }

    /// What a host reads out of a task's description.
    fn read(&mut self, state: &Value) -> Parts {
        let id = state["taskId"].as_str().expect("an id").to_owned();
        let mut inputs = None;
        if let Some(requests) = state.get("inputRequests").and_then(Value::as_object) {
            let mut entries = Vec::new();
            for (key, request) in requests {
                let mut hasher = DefaultHasher::new();
                request.to_string().hash(&mut hasher);
                entries.push(Entry {
                    key: key.clone(),
                    method: "elicitation/create".into(),
                    fingerprint: hasher.finish(),
                });
            }
            inputs = Some(entries);
        }
        let of = if self.generation == G25 { ("ttl", "pollInterval") } else { ("ttlMs", "pollIntervalMs") };
        let at = |name: &str| state[name].as_f64().expect("a time");
        Parts {
            id,
            status: state["status"].as_str().expect("a status").to_owned(),
            ttl: if state[of.0].is_null() { f64::INFINITY } else { at(of.0) },
            poll: at(of.1),
            age: at("lastUpdatedAt") - at("createdAt"),
            has_result: state.get("result").is_some(),
            has_error: state.get("error").is_some(),
            inputs,
        }
    }
}

struct Parts {
    id: String,
    status: String,
    ttl: f64,
    poll: f64,
    age: f64,
    has_result: bool,
    has_error: bool,
    inputs: Option<Vec<Entry>>,
}

impl Parts {
    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            id: &self.id,
            status: &self.status,
            ttl: self.ttl,
            poll: self.poll,
            age: self.age,
            has_result: self.has_result,
            has_error: self.has_error,
            moved: false,
            inputs: self.inputs.as_deref(),
        }
    }
}
