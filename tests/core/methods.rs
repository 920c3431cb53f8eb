//! What can become a task: the table, and calls of methods that nothing offers yet, through both halves and on either
//! side of a connection.

use mcp_longhaul::method::{CallMethod, Methods, Side, TABLE};
use mcp_longhaul::receiver::{Augmentation, Outcome, Output, Policy, RequestId};
use mcp_longhaul::requestor::{
    self, Answer, Answered, CallFacts, Declared, Ending, Options, Preference, Reply, Requestor,
};
use mcp_longhaul::task::{OnLost, Phase};
use mcp_longhaul::wire::capability::write_g25;
use mcp_longhaul::wire::error::METHOD_NOT_FOUND;
use mcp_longhaul::wire::{Generation, Method, Status};
use serde_json::Value;

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, World, policy};
use crate::json::assemble;
use crate::requestor::snapshot;

/// The number of the call at its requestor.
const CALL: u32 = 7;

/// The table is in the order of its methods; each has a name and a leaf of its own.
#[test]
fn the_table_is_sound() {
    for (number, row) in TABLE.iter().enumerate() {
        assert_eq!(row.method as usize, number);
        assert_eq!(row.method.row(), row);
        assert_eq!(CallMethod::named(row.name), Some(row.method));
        // One object under `tasks.requests` for each, so that none is written twice.
        assert_eq!(TABLE.iter().filter(|other| other.leaf[0] == row.leaf[0]).count(), 1);
    }
    assert_eq!(CallMethod::named("tools/list"), None);
    assert_eq!(Methods::OFFERED.rows().map(|row| row.name).collect::<Vec<_>>(), ["tools/call"]);
}

/// What the requestor reads in the declaration of the side that receives its calls.
fn declared(side: Side, methods: Methods) -> Declared {
    let tasks = assemble(&|_, _| Value::Null, |writer| write_g25(side, methods, false, writer));
    let leaf = |row: &mcp_longhaul::method::Row| {
        row.leaf.iter().fold(&tasks["requests"], |at, name| &at[name.as_str()]).is_object()
    };
    let methods = TABLE.iter().filter(|row| leaf(row)).fold(Methods::NONE, |methods, row| methods.with(row.method));
    Declared { methods, cancel: true, extension: None }
}

/// Both ends of a connection on which calls of one method become tasks.
struct Ends {
    method: CallMethod,
    name: &'static str,
    requestor: Requestor,
    bench: Bench,
}

impl Ends {
    fn new(method: CallMethod, name: &'static str, policy: Policy) -> Self {
        let methods = Methods::NONE.with(method);
        let mut requestor = Requestor::new(Options::default());
        requestor.offer_for(methods);
        requestor.handle_declared(declared(method.row().receiver, methods));
        let mut bench = Bench::of(World::default(), G25, policy);
        bench.offer(methods);
        bench.method = method;
        Self { method, name, requestor, bench }
    }

    fn input(&mut self, input: impl FnOnce(&mut Requestor, i64)) -> Vec<requestor::Output> {
        input(&mut self.requestor, self.bench.now);
        std::iter::from_fn(|| self.requestor.poll_output()).collect()
    }

    fn ask(&mut self, generation: Generation, preference: Preference) -> Vec<requestor::Output> {
        let (method, tool) = (self.method, self.name);
        let facts = CallFacts { generation: Some(generation), method, tool, preference, cancels: true, ttl: None };
        self.input(|requestor, now| requestor.handle_call(now, CALL.into(), facts))
    }

    /// The call as it reaches the receiver.
    fn receive(&mut self, generation: Generation, augmentation: Augmentation) -> RequestId {
        let (peer, policy, name) = (self.bench.peer, self.bench.tool, self.name);
        let context = self.bench.context(0, peer, generation);
        self.bench.call_tool(0, context, name, policy, augmentation, false)
    }

    /// The call from its creation as a task to its result, which says `isError`.
    fn live(&mut self) -> Vec<requestor::Output> {
        let sent = self.ask(G25, Preference::Prefer);
        assert_eq!(sent, [requestor::Output::Send { call: CALL.into(), offer: true }]);
        let call = self.receive(G25, Augmentation::Asked { ttl: None });
        let id = self.bench.reply(call)["result"]["task"]["taskId"].as_str().expect("a handle").to_owned();
        let stored = self.bench.stored(&id);
        assert_eq!((stored.method, &*stored.tool), (self.method, self.name));

        let followed = self.input(|requestor, now| {
            requestor.handle_reply(now, CALL.into(), Reply::Handle(snapshot(&id, "working")), 1.into())
        });
        let result = crate::requestor::sent(&followed, Method::Result).expect("the outcome is asked for");
        let waiting = self.bench.wait(&id);
        assert_eq!(self.bench.replied(waiting), None);

        self.bench.outcome(0, call, Outcome::Result { is_error: true, size: 10 });
        assert!(self.bench.reply(waiting)["result"].is_object() || self.bench.reply(waiting)["result"].is_string());
        let failed = self.method.row().has_error_results;
        let phase = if failed { Phase::ToolFailed } else { Phase::Completed };
        assert_eq!(self.bench.stored(&id).phase, phase);
        self.input(|requestor, now| requestor.handle_answer(now, result, Answered::Result { is_error: true }, 2.into()))
    }
}

/// A prompt, and what only a client receives, as tasks: each half does with them what it does with tools, on either
/// side, and an `isError` in their results means nothing.
#[test]
fn other_methods_live_from_creation_to_result() {
    for (method, name, failed) in [
        (CallMethod::ToolsCall, "paint", true),
        (CallMethod::PromptsGet, "greeting", false),
        (CallMethod::ResourcesRead, "file:///a", false),
        (CallMethod::SamplingCreateMessage, "", false),
        (CallMethod::ElicitationCreate, "", false),
    ] {
        let mut ends = Ends::new(method, name, policy());
        if method.row().listed_by.is_some() {
            ends.requestor.handle_tool(name, mcp_longhaul::wire::Support::Optional);
        }
        let outputs = ends.live();
        let status = if failed { Status::Failed } else { Status::Completed };
        assert_eq!(crate::requestor::ending(&outputs), Some((Ending::Completed, Some(status))), "{method:?}");
        assert!(matches!(crate::requestor::answers(&outputs)[..], [(CALL, Answer::Outcome(_))]), "{method:?}");
        assert_eq!(ends.requestor.followed(), 0);
    }
}

/// Where results of a method are no errors, a task that has failed has no result, whatever its peer sends as one.
#[test]
fn a_failed_task_has_no_result_where_results_are_no_errors() {
    for (method, ending) in [(CallMethod::ToolsCall, Ending::Completed), (CallMethod::PromptsGet, Ending::Failed)] {
        let mut ends = Ends::new(method, "greeting", policy());
        ends.requestor.handle_tool("greeting", mcp_longhaul::wire::Support::Optional);
        ends.ask(G25, Preference::Prefer);
        let outputs = ends.input(|requestor, now| {
            requestor.handle_reply(now, CALL.into(), Reply::Handle(snapshot("t", "failed")), 1.into())
        });
        let result = crate::requestor::sent(&outputs, Method::Result).expect("the outcome is asked for");
        let outputs = ends.input(|requestor, now| {
            requestor.handle_answer(now, result, Answered::Result { is_error: true }, 2.into())
        });
        assert_eq!(crate::requestor::ending(&outputs), Some((ending, Some(Status::Failed))), "{method:?}");
    }
}

/// A task that goes on in another process is started there by its method.
#[test]
fn a_stored_call_keeps_its_method() {
    let lasting = Policy { on_lost: OnLost::Restart, ..policy() };
    let mut ends = Ends::new(CallMethod::SamplingCreateMessage, "", lasting);
    let call = ends.receive(G25, Augmentation::Asked { ttl: None });
    let id = ends.bench.id(call);
    ends.bench.crash(0);
    ends.bench.peer = ends.bench.world.open(0, Some("ann"), true);
    ends.bench.pass(LEASE);
    assert_eq!(ends.bench.status(&id), "working");
    ends.bench.pass(LEASE);
    assert_eq!(
        ends.bench.count(|output| matches!(output, Output::Restart { method: CallMethod::SamplingCreateMessage, .. })),
        1
    );
}

/// G25-CAP-04, G25-CAP-05, G25-CRE-12: what a side does not offer is a plain call on it, whatever the other side wants.
#[test]
fn what_is_not_offered_is_a_plain_call() {
    let mut ends = Ends::new(CallMethod::PromptsGet, "greeting", policy());
    ends.bench.offer(Methods::OFFERED);
    let call = ends.receive(G25, Augmentation::Asked { ttl: None });
    assert!(ends.bench.saw(&Output::Forward { call, gated: false }));
    let call = ends.receive(G25, Augmentation::Invalid);
    assert!(ends.bench.saw(&Output::Forward { call, gated: false }));

    ends.requestor.handle_declared(declared(Side::Server, Methods::OFFERED));
    assert_eq!(ends.ask(G25, Preference::Prefer), [requestor::Output::Send { call: CALL.into(), offer: false }]);
    ends.requestor.handle_declared(declared(Side::Server, Methods::NONE.with(CallMethod::PromptsGet)));
    ends.requestor.offer_for(Methods::OFFERED);
    assert_eq!(ends.ask(G25, Preference::Prefer), [requestor::Output::Send { call: CALL.into(), offer: false }]);
}

/// G26-CAP-08: the extension knows tasks of tools alone.
#[test]
fn the_extension_allows_only_tools() {
    let mut ends = Ends::new(CallMethod::PromptsGet, "greeting", policy());
    assert_eq!(ends.ask(G26, Preference::Prefer), [requestor::Output::Send { call: CALL.into(), offer: false }]);
    let refused = ends.ask(G26, Preference::Require);
    assert_eq!(crate::requestor::answers(&refused), [(CALL, Answer::Local(Ending::Unsupported))]);
    let call = ends.receive(G26, Augmentation::Absent);
    assert!(ends.bench.saw(&Output::Forward { call, gated: false }));
}

/// Where nothing lists what can be called, the caller decides, within what was declared.
#[test]
fn the_preference_decides_where_nothing_is_listed() {
    for (preference, offer) in [
        (Preference::Forbid, false),
        (Preference::Allow, false),
        (Preference::Prefer, true),
        (Preference::Require, true),
    ] {
        let mut ends = Ends::new(CallMethod::ResourcesRead, "file:///a", policy());
        assert_eq!(ends.ask(G25, preference), [requestor::Output::Send { call: CALL.into(), offer }], "{preference:?}");
    }
}

/// G25-TLN-08: what no list tells a refusal does. The call is made once more the other way, never a third time, and the
/// next begins that way; a name of one method says nothing about that of another.
#[test]
fn a_refusal_tells_where_nothing_is_listed() {
    let refusal = Reply::Error { code: METHOD_NOT_FOUND };
    for (first, preference) in [(true, Preference::Prefer), (false, Preference::Allow)] {
        let mut ends = Ends::new(CallMethod::PromptsGet, "greeting", policy());
        ends.requestor.handle_declared(declared(
            Side::Server,
            Methods::NONE.with(CallMethod::PromptsGet).with(CallMethod::ResourcesRead),
        ));
        let send = |offer| [requestor::Output::Send { call: CALL.into(), offer }];
        let refused = |ends: &mut Ends| {
            ends.input(|requestor, now| requestor.handle_reply(now, CALL.into(), refusal.clone(), 0.into()))
        };
        assert_eq!(ends.ask(G25, preference), send(first));
        assert_eq!(refused(&mut ends), send(!first));
        assert_eq!(crate::requestor::answers(&refused(&mut ends)), [(CALL, Answer::Reply)]);
        assert_eq!(ends.ask(G25, preference), send(!first));
        // It has changed once more.
        assert_eq!(refused(&mut ends), send(first));
        assert_eq!(crate::requestor::answers(&refused(&mut ends)), [(CALL, Answer::Reply)]);
        assert_eq!(ends.ask(G25, preference), send(first));

        ends.requestor.handle_tools_changed();
        assert_eq!(ends.ask(G25, preference), send(first));
        refused(&mut ends);
        ends.method = CallMethod::ResourcesRead;
        ends.requestor.offer_for(Methods::NONE.with(CallMethod::ResourcesRead));
        assert_eq!(ends.ask(G25, preference), send(first));
    }
}

/// A caller that requires a task gets no other answer, whatever the server changes its mind to; one that forbids tasks
/// sees the server's error.
#[test]
fn a_refusal_changes_no_callers_mind() {
    let refusal = Reply::Error { code: METHOD_NOT_FOUND };
    for (preference, answer) in
        [(Preference::Require, Answer::Local(Ending::Unsupported)), (Preference::Forbid, Answer::Reply)]
    {
        let mut ends = Ends::new(CallMethod::PromptsGet, "greeting", policy());
        ends.ask(G25, preference);
        let outputs = ends.input(|requestor, now| requestor.handle_reply(now, CALL.into(), refusal.clone(), 0.into()));
        assert_eq!(crate::requestor::answers(&outputs), [(CALL, answer)]);
    }
}
