//! The requestor, on a virtual clock.

mod calls;
mod cancel;
mod endings;
mod input;
mod outcome;
mod properties;
mod pushes;
mod reads;
mod streams;

use mcp_longhaul::method::{CallMethod, Methods};
use mcp_longhaul::requestor::{
    Answer, Answered, Bounds, CallFacts, Declared, Ending, Entry, Options, Output, Preference, Reply, RequestNumber,
    Requestor, Snapshot, TaskNumber,
};
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Generation, Method, Status, Support};

/// A requestor, its clock, and what it has asked for since the last look.
pub struct World {
    pub requestor: Requestor,
    pub now: Millis,
    pub outputs: Vec<Output>,
}

pub const SERVER: Declared = Declared { methods: Methods::OFFERED, cancel: true, extension: None };
pub const INTERVAL: f64 = 1000.0;

impl World {
    pub fn new() -> Self {
        Self::with(Options {
            bounds: Bounds::default(),
            max_age: None,
            request_timeout: 30_000,
            listen: true,
            first_read: 0,
            seed: 7,
        })
    }

    pub fn with(options: Options) -> Self {
        let mut requestor = Requestor::new(options);
        requestor.handle_declared(SERVER);
        for (tool, support) in
            [("required", Support::Required), ("optional", Support::Optional), ("forbidden", Support::Forbidden)]
        {
            requestor.handle_tool(tool, support);
        }
        requestor.handle_tools_complete();
        Self { requestor, now: 5_000_000, outputs: Vec::new() }
    }

    /// Does something and returns what came out.
    pub fn run(&mut self, input: impl FnOnce(&mut Requestor, Millis)) -> Vec<Output> {
        input(&mut self.requestor, self.now);
        let mut outputs = Vec::new();
        while let Some(output) = self.requestor.poll_output() {
            outputs.push(output);
        }
        self.outputs.extend(outputs.iter().cloned());
        outputs
    }

    pub fn call(&mut self, call: u32, generation: Generation, tool: &str, preference: Preference) -> Vec<Output> {
        let facts = CallFacts {
            generation: Some(generation),
            method: CallMethod::ToolsCall,
            tool,
            preference,
            cancels: true,
            ttl: None,
        };
        self.run(|requestor, now| requestor.handle_call(now, call.into(), facts))
    }

    /// A call that has become the task `t<call>`; returns what following it asked for first.
    pub fn follow(&mut self, call: u32, generation: Generation) -> (TaskNumber, Vec<Output>) {
        self.call(call, generation, "required", Preference::Prefer);
        let id = format!("t{call}");
        let outputs = self.run(|requestor, now| {
            requestor.handle_reply(now, call.into(), Reply::Handle(snapshot(&id, "working")), 1.into())
        });
        let task = outputs.iter().find_map(|output| match output {
            Output::Created { task, .. } => Some(*task),
            _ => None,
        });
        (task.expect("the call became a task"), outputs)
    }

    /// Lets time pass until something is due, and does it; returns how much time and what came out.
    pub fn wait(&mut self) -> (Millis, Vec<Output>) {
        let began = self.now;
        loop {
            let next = self.requestor.next_deadline().expect("something is due");
            self.now = self.now.max(next);
            let outputs = self.run(Requestor::handle_timer);
            if !outputs.is_empty() {
                return (self.now - began, outputs);
            }
        }
    }

    /// Waits until a request with this method is sent.
    pub fn wait_for(&mut self, method: Method) -> (Millis, RequestNumber) {
        let began = self.now;
        for _ in 0..1000 {
            let (_, outputs) = self.wait();
            if let Some(request) = sent(&outputs, method) {
                return (self.now - began, request);
            }
        }
        panic!("no {method:?} was sent");
    }

    pub fn pass(&mut self, time: Millis) -> Vec<Output> {
        let end = self.now + time;
        let mut outputs = Vec::new();
        while self.requestor.next_deadline().is_some_and(|next| next <= end) {
            self.now = self.now.max(self.requestor.next_deadline().expect("just seen"));
            outputs.extend(self.run(Requestor::handle_timer));
        }
        self.now = end;
        outputs
    }

    pub fn answer(&mut self, request: RequestNumber, answered: Answered<'_>) -> Vec<Output> {
        self.run(|requestor, now| requestor.handle_answer(now, request, answered, 9.into()))
    }

    pub fn snapshot(&mut self, request: RequestNumber, id: &str, status: &str) -> Vec<Output> {
        self.answer(request, Answered::Snapshot(snapshot(id, status)))
    }

    pub fn error(&mut self, request: RequestNumber, code: i32) -> Vec<Output> {
        self.answer(request, Answered::Error { code })
    }
}

pub fn snapshot<'a>(id: &'a str, status: &'a str) -> Snapshot<'a> {
    Snapshot {
        id,
        status,
        ttl: 3_600_000.0,
        poll: INTERVAL,
        age: 0.0,
        has_result: status == "completed",
        has_error: status == "failed",
        moved: false,
        inputs: None,
    }
}

pub fn entry(key: &str) -> Entry {
    Entry { key: key.to_owned(), method: "elicitation/create".to_owned(), fingerprint: 1 }
}

pub fn sent(outputs: &[Output], method: Method) -> Option<RequestNumber> {
    outputs.iter().find_map(|output| match output {
        Output::Ask { request, method: asked, .. } if *asked == method => Some(*request),
        _ => None,
    })
}

pub fn ending(outputs: &[Output]) -> Option<(Ending, Option<Status>)> {
    outputs.iter().find_map(|output| match output {
        Output::Ended { ending, status, .. } => Some((*ending, *status)),
        _ => None,
    })
}

pub fn answers(outputs: &[Output]) -> Vec<(u32, Answer)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Answer { call, answer } => Some((call.get(), *answer)),
            _ => None,
        })
        .collect()
}
