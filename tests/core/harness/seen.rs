//! What clients, handlers and listeners have seen.

use super::*;

impl World {
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
