//! Calls that become tasks, and calls that do not.

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{Augmentation, Happening, Outcome, Output, Policy, Promotion, RequestId, Support};
use mcp_longhaul::task::Phase;
use mcp_longhaul::wire::Generation;
use mcp_longhaul::wire::capability::Capabilities;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{ABLE, G25, G26, START, World, policy};
use crate::model::Fault;

const DONE: Outcome = Outcome::Result { is_error: false, size: 10 };

fn bench(generation: Generation, policy: Policy) -> Bench {
    Bench::of(World::default(), generation, policy)
}

fn forwarded(bench: &Bench, call: RequestId) -> bool {
    bench.count(|output| matches!(output, Output::Forward { call: seen, .. } if *seen == call)) == 1
}

fn relayed(bench: &Bench, call: RequestId) -> bool {
    bench.saw(&Output::Relay { call })
}

/// An augmented call of 2025-11-25.
fn asked(bench: &mut Bench, augmentation: Augmentation, gate: bool) -> RequestId {
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G25);
    bench.call_with(0, context, tool, augmentation, gate)
}

/// A call of 2026-07-28 that declares only `capabilities`.
fn declaring(bench: &mut Bench, capabilities: Capabilities) -> RequestId {
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G26);
    bench.call_with(
        0,
        mcp_longhaul::receiver::RequestContext { capabilities, ..context },
        tool,
        Augmentation::Absent,
        false,
    )
}

/// G25-CRE-02, G25-CRE-06: the handle, with nothing but the task.
#[test]
fn a_call_of_2025_is_answered_with_its_task() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let task = json!({
        "taskId": id, "status": "working", "createdAt": START, "lastUpdatedAt": START,
            "ttl": 3_600_000, "pollInterval": 500,
    });
    assert_eq!(bench.reply(call), json!({ "result": { "task": task } }));
}

/// G26-CRE-01, G26-CRE-07, G26-TTL-01: the handle is flat.
#[test]
fn a_call_of_2026_is_answered_with_its_task() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let task = json!({
        "resultType": "task", "taskId": id, "status": "working", "createdAt": START, "lastUpdatedAt": START,
            "ttlMs": 3_600_000,
        "pollIntervalMs": 500,
    });
    assert_eq!(bench.reply(call), json!({ "result": task }));
}

/// G25-CRE-03, G25-CRE-09, G26-CRE-03: the handle leaves when the store has the task, and the handler begins after it.
#[test]
fn the_handle_waits_for_the_store_and_the_handler_for_the_handle() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        bench.later = true;
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, generation, tool);
        assert!(bench.replied(call).is_none() && !forwarded(&bench, call));
        bench.answer_all();
        assert!(bench.reply(call)["result"].is_object());
        assert!(forwarded(&bench, call));
        let place = |wanted: &dyn Fn(&Output) -> bool| bench.seen.iter().position(|seen| wanted(&seen.output));
        assert!(
            place(&|output| matches!(output, Output::Reply { .. }))
                < place(&|output| matches!(output, Output::Forward { .. }))
        );
    }
}

/// G25-CRE-04, G26-CRE-04, H45, H46: a handle says `working`, whatever the handler has already done, and carries no
/// outcome.
#[test]
fn work_that_ends_before_the_handle_changes_nothing_in_it() {
    // 2025-11-25: the SDK answered without a handler that could be held.
    let mut bench = Bench::new(G25);
    let call = asked(&mut bench, Augmentation::Asked { ttl: None }, true);
    bench.outcome(0, call, DONE);
    let id = bench.id(call);
    assert_eq!(bench.reply(call)["result"]["task"]["status"], "working");
    assert_eq!(bench.status(&id), "completed");

    // 2026-07-28: the handler ended while the store was asked.
    let mut bench = self::bench(G26, Policy { promotion: Promotion::After(100), ..policy() });
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    bench.later = true;
    bench.pass(100);
    bench.outcome(0, call, DONE);
    bench.answer_all();
    bench.later = false;
    let id = bench.id(call);
    let handle = bench.reply(call);
    assert_eq!(handle["result"]["status"], "working");
    assert!(handle["result"].get("result").is_none());
    assert_eq!(bench.status(&id), "completed");
    bench.assert_idle();
}

/// G25-CRE-07: the model's immediate response travels in `_meta`.
#[test]
fn an_immediate_response_goes_with_the_handle() {
    let mut bench = bench(G25, Policy { immediate: Some("Painting now".into()), ..policy() });
    let (call, _) = bench.start();
    assert_eq!(
        bench.reply(call)["result"]["_meta"],
        json!({ "io.modelcontextprotocol/model-immediate-response": "Painting now" })
    );
}

/// G25-CRE-10, H15: a malformed `task` is refused, runs nothing and stores nothing.
#[test]
fn a_malformed_task_is_refused() {
    let mut bench = Bench::new(G25);
    let call = asked(&mut bench, Augmentation::Invalid, false);
    assert_eq!(bench.code(call), -32602);
    assert_eq!(bench.store.len(), 0);
    assert!(!forwarded(&bench, call));
    bench.assert_idle();
}

/// G25-CRE-08: what the SDK refuses before its handler begins becomes no task, in either form of refusal.
#[test]
fn a_call_with_wrong_parameters_leaves_no_task() {
    let mut bench = Bench::new(G25);
    let call = asked(&mut bench, Augmentation::Asked { ttl: None }, true);
    assert!(bench.saw(&Output::Forward { call, gated: true }));
    bench.outcome(0, call, Outcome::Error { size: 10 });
    assert!(relayed(&bench, call));

    // SDK v1 says it in a tool result.
    let call = asked(&mut bench, Augmentation::Asked { ttl: None }, true);
    bench.outcome(0, call, Outcome::Result { is_error: true, size: 10 });
    assert!(bench.saw(&Output::Reject { call }));
    assert_eq!(bench.store.ids.len(), 0);
    bench.assert_idle();
}

/// G25-CRE-08: a held handler begins when its task is stored and the handle is out, however often it asks.
#[test]
fn a_held_handler_begins_after_its_task() {
    let mut bench = Bench::new(G25);
    let call = asked(&mut bench, Augmentation::Asked { ttl: None }, true);
    assert_eq!(bench.store.len(), 0);
    bench.later = true;
    for _ in 0..2 {
        bench.input(0, |receiver, now| receiver.handle_begin(now, call));
        assert!(!bench.saw(&Output::Begin { call }));
    }
    bench.answer_all();
    assert!(bench.saw(&Output::Begin { call }));
    assert!(bench.replied(call).is_some());
}

/// G25-TLN-04, H41: a tool that runs as no task is not run as one, nor at all.
#[test]
fn a_forbidden_tool_refuses_a_task() {
    let mut bench = bench(G25, Policy { support: Support::Forbidden, ..policy() });
    let call = asked(&mut bench, Augmentation::Asked { ttl: None }, false);
    assert_eq!(bench.code(call), -32601);
    assert!(!forwarded(&bench, call));
    bench.assert_idle();
}

/// G25-TLN-07, H42: a tool that runs only as a task is not run plainly.
#[test]
fn a_required_tool_refuses_a_plain_call() {
    let mut bench = bench(G25, Policy { support: Support::Required, ..policy() });
    let call = asked(&mut bench, Augmentation::Absent, false);
    assert_eq!(bench.code(call), -32601);
    assert!(!forwarded(&bench, call));
    bench.assert_idle();
}

/// G25-TLN-05: an optional tool runs plainly where no task is asked for.
#[test]
fn an_optional_tool_runs_plainly() {
    let mut bench = Bench::new(G25);
    let call = asked(&mut bench, Augmentation::Absent, false);
    bench.outcome(0, call, DONE);
    assert!(relayed(&bench, call) && bench.replied(call).is_none());
    assert_eq!(bench.store.ids.len(), 0);
    bench.assert_idle();
}

/// G26-CAP-03, H49: only a request that declares the extension gets a task, whatever came before it.
#[test]
fn each_request_declares_for_itself() {
    let mut bench = Bench::new(G26);
    let first = declaring(&mut bench, ABLE);
    let second = declaring(&mut bench, Capabilities::ELICIT);
    assert!(bench.is_task(first) && !bench.is_task(second));
    bench.outcome(0, second, DONE);
    assert!(relayed(&bench, second));
}

/// G26-CAP-04: a tool that cannot run without a task says which capability is missing.
#[test]
fn a_task_only_tool_demands_the_extension() {
    let mut bench = bench(G26, Policy { support: Support::Required, ..policy() });
    let call = declaring(&mut bench, Capabilities::NONE);
    let error = bench.reply(call)["error"].clone();
    assert_eq!(error["code"], -32021);
    assert_eq!(
        error["data"],
        json!({ "requiredCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } })
    );
    assert!(!forwarded(&bench, call));
}

/// G26-TLN-04: what ends before its time is answered as it is; what takes longer becomes a task.
#[test]
fn only_a_slow_call_becomes_a_task() {
    let mut bench = bench(G26, Policy { promotion: Promotion::After(500), ..policy() });
    let quick = declaring(&mut bench, ABLE);
    let slow = declaring(&mut bench, ABLE);
    bench.pass(499);
    bench.outcome(0, quick, DONE);
    assert!(relayed(&bench, quick) && !bench.is_task(slow));
    bench.pass(1);
    assert!(bench.is_task(slow) && !bench.is_task(quick));
    let id = bench.id(slow);
    bench.outcome(0, slow, DONE);
    assert_eq!(bench.status(&id), "completed");
    bench.assert_idle();
}

/// G26-CRE-06: the handler itself says when its call becomes a task; before that, rounds of input are ordinary answers.
#[test]
fn a_handler_promotes_its_call() {
    let mut bench = bench(G26, Policy { promotion: Promotion::Handler, ..policy() });
    let round = declaring(&mut bench, ABLE);
    bench.outcome(0, round, Outcome::Input { requests: vec![("name".into(), None)], state: true });
    assert!(relayed(&bench, round));
    let call = declaring(&mut bench, ABLE);
    bench.input(0, |receiver, now| receiver.handle_promote(now, call));
    bench.input(0, |receiver, now| receiver.handle_promote(now, call));
    assert!(bench.is_task(call));
    assert_eq!(bench.store.ids.len(), 1);
}

/// G25-CAN-08: giving up the answered call ends nothing.
#[test]
fn a_call_that_is_a_task_cannot_be_dropped() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    assert!(!bench.input(0, |receiver, now| receiver.handle_dropped(now, call, false)), "the SDK must not hear of it");
    assert_eq!(bench.status(&id), "working");
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");
}

/// G25-CAN-09, G26-HTT-07, H10: giving the call up while its task is on its way leaves no task and no answer.
#[test]
fn a_call_dropped_during_creation_leaves_nothing() {
    for (generation, lost) in [(G25, false), (G26, false), (G25, true), (G26, true)] {
        let mut bench = Bench::new(generation);
        bench.later = true;
        if lost {
            bench.faults.push_back(Fault::Fail);
        }
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, generation, tool);
        assert!(!bench.input(0, |receiver, now| receiver.handle_dropped(now, call, false)), "there is no handler yet");
        bench.answer_all();
        assert!(bench.replied(call).is_none() && !bench.is_task(call));
        assert!(bench.aborted(call) && !forwarded(&bench, call));
        assert_eq!(bench.store.len(), 0);
        assert_eq!(bench.happened(Happening::Created) + bench.happened(Happening::Cancelled), 0);
        bench.later = false;
        bench.pass(1_000);
        bench.assert_idle();
    }
}

/// G26-HTT-07, X-STO-08: a connection that closes during creation takes its task along in 2026-07-28 only.
#[test]
fn a_connection_closes_during_creation() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        bench.later = true;
        let (peer, tool) = (bench.peer, bench.tool);
        bench.world.call(0, peer, generation, tool);
        bench.close(0, peer);
        bench.answer_all();
        assert_eq!(bench.store.len(), usize::from(generation == G25));
    }
}

/// G26-HTT-07: a held handler whose connection is gone is let go, not stranded.
#[test]
fn a_connection_closes_before_the_handler_begins() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (peer, tool) = (bench.peer, bench.tool);
        let context = bench.context(0, peer, generation);
        let augmentation = if generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
        let call = bench.call_with(0, context, tool, augmentation, true);
        bench.close(0, peer);
        bench.input(0, |receiver, now| receiver.handle_begin(now, call));
        assert_eq!((bench.aborted(call), bench.saw(&Output::Begin { call })), (generation == G26, generation == G25));
        bench.outcome(0, call, DONE);
        bench.assert_idle();
    }
}

/// X-STO-08, H28: a task outlives the connection that created it.
#[test]
fn a_task_outlives_its_connection() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let peer = bench.peer;
    bench.close(0, peer);
    bench.complete(0, call);
    bench.peer = bench.world.open(0, Some("ann"), false);
    assert_eq!(bench.status(&id), "completed");
    assert!(!bench.aborted(call));
}

/// G25-CRE-05: each call has a task of its own.
#[test]
fn ids_are_not_shared() {
    let mut bench =
        Bench::of(World::with(1, Limits { running_per_owner: 1000, ..Limits::default() }, false), G25, policy());
    let mut ids: Vec<String> = (0..1000).map(|_| bench.start().1).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1000);
}

/// H44: a handler that fails at once fails after the handle.
#[test]
fn a_handler_fails_at_once() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    bench.outcome(0, call, Outcome::Error { size: 20 });
    assert_eq!(bench.reply(call)["result"]["task"]["status"], "working");
    assert_eq!(bench.stored(&id).phase, Phase::Failed);
    assert_eq!(bench.status(&id), "failed");
}

/// A status message that the handler has set before it ended is in the final record, also where its task was still on
/// its way to the store then.
#[test]
fn a_message_before_the_end_is_kept() {
    for creating in [false, true] {
        let mut bench = Bench::new(G26);
        bench.later = true;
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, G26, tool);
        if !creating {
            bench.answer_all();
        }
        for number in 1..=4 {
            bench.note_of(call, &format!("{number} of 4"));
        }
        bench.complete(0, call);
        bench.answer_all();
        let id = bench.id(call);
        assert_eq!(
            (bench.stored(&id).phase, &*bench.stored(&id).message),
            (Phase::Completed, "4 of 4"),
            "creating: {creating}"
        );
    }
}
