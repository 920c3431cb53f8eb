//! Stores that fail, are full, or lose.

use mcp_longhaul::receiver::{Happening, Outcome, Output, Policy, Support, Withdrawal};
use mcp_longhaul::storage::{Operation, Payload};
use mcp_longhaul::task::{Failure, InputKind, Phase, Task};
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, World, policy};
use crate::model::Fault;

/// G25-ERR-02: a store that fails is -32603, whatever is asked of it.
#[test]
fn a_failing_store_is_an_internal_error() {
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    let peer = bench.peer;
    bench.blind = true;
    assert_eq!(bench.state(&id)["error"]["code"], -32603);
    assert_eq!(bench.world.list(0, peer, None)["error"]["code"], -32603);
    let wait = bench.wait(&id);
    assert_eq!(bench.code(wait), -32603);
    bench.faults.extend([Fault::Fail; 4]);
    let cancel = bench.stop(&id);
    assert_eq!(bench.code(cancel), -32603);
    bench.blind = false;
    bench.faults.clear();
    assert_eq!(bench.status(&id), "working");
}

/// G25-CRE-09, G26-CRE-03, X-ERR-04: a task that cannot be stored has no handle and runs nothing, where a task was
/// promised.
#[test]
fn a_task_that_cannot_be_stored_does_not_begin() {
    for (fault, reason) in [
        (Fault::Fail, json!(null)),
        (Fault::Lose, json!(null)),
        (Fault::Full { bytes: false }, json!("task_limit")),
        (Fault::Full { bytes: true }, json!("payload_limit")),
    ] {
        for generation in [G25, G26] {
            let mut bench = Bench::of(World::default(), generation, Policy { support: Support::Required, ..policy() });
            bench.faults.push_back(fault);
            let (peer, tool) = (bench.peer, bench.tool);
            let call = bench.world.call(0, peer, generation, tool);
            assert_eq!(bench.code(call), -32603);
            assert_eq!(bench.reply(call)["error"]["data"]["reason"], reason);
            assert!(bench.aborted(call) && bench.count(|output| matches!(output, Output::Forward { .. })) == 0);
            assert_eq!(bench.store.len(), 0);
            bench.pass(1_000);
            bench.assert_idle();
        }
    }
}

/// H84: where no task was promised, the call runs without one, also if its handler runs already.
#[test]
fn a_call_runs_plainly_where_its_task_cannot_be_stored() {
    let mut bench = Bench::new(G26);
    bench.faults.push_back(Fault::Full { bytes: false });
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    assert!(bench.saw(&Output::Forward { call, gated: false }));
    bench.complete(0, call);
    assert!(bench.saw(&Output::Relay { call }));

    let slow = bench.world.policy(Policy { promotion: mcp_longhaul::receiver::Promotion::After(100), ..policy() });
    let call = bench.world.call(0, peer, G26, slow);
    bench.later = true;
    bench.faults.push_back(Fault::Fail);
    bench.pass(100);
    bench.complete(0, call);
    bench.answer_all();
    assert!(bench.saw(&Output::Relay { call }) && bench.replied(call).is_none());
    bench.later = false;
    bench.pass(1_000);
    bench.assert_idle();
}

/// H93, X-STO-02: an outcome that cannot be written is tried again, and nobody hears of it before it is stored.
#[test]
fn an_outcome_is_tried_again() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let wait = bench.wait(&id);
    bench.faults.extend([Fault::Fail; 5]);
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "working");
    assert!(bench.replied(wait).is_none());
    bench.pass(30_000);
    assert_eq!(bench.status(&id), "completed");
    assert_eq!(bench.reply(wait)["result"]["$"], format!("outcome of {call}"));
    assert_eq!(bench.happened(Happening::Completed), 1);
    bench.assert_idle();
}

/// X-STO-02, X-STO-09: an outcome that was stored although the store failed counts once, and is nobody's late outcome.
#[test]
fn an_outcome_whose_answer_was_lost_counts_once() {
    for fault in [Fault::FailStored, Fault::LoseStored] {
        let mut bench = Bench::new(G25);
        let (call, id) = bench.start();
        let wait = bench.wait(&id);
        bench.faults.push_back(fault);
        bench.complete(0, call);
        bench.pass(1_000);
        assert_eq!(bench.reply(wait)["result"]["$"], format!("outcome of {call}"));
        assert_eq!((bench.happened(Happening::Completed), bench.happened(Happening::LateOutcome)), (1, 0));
        bench.assert_idle();
    }
}

/// Requests that queue behind a write that fails are answered, not held for as long as it is tried again.
#[test]
fn requests_do_not_wait_for_a_failing_write() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.later = true;
    bench.faults.push_back(Fault::Fail);
    bench.complete(0, call);
    let cancel = bench.stop(&id);
    bench.answer_all();
    assert_eq!(bench.code(cancel), -32603);
    bench.pass(1_000);
    bench.answer_all();
    assert_eq!(bench.stored(&id).phase, Phase::Completed);
    bench.assert_idle();
}

/// A store that never comes back is given up in the end: the handler's call is released, and nothing is held.
#[test]
fn a_store_that_never_comes_back() {
    let mut bench = Bench::of(World::default(), G26, Policy { ttl: None, ..policy() });
    let (call, _) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.faults.extend([Fault::Fail; 10_000]);
    bench.complete(0, call);
    bench.pass(3_700_000);
    assert!(bench.saw(&Output::Release { call }));
    assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
    bench.faults.clear();
    bench.pass(100_000);
    bench.assert_idle();
}

/// H83, G26-ERR-02: an outcome that is not JSON fails the task, whoever notices it.
#[test]
fn an_outcome_that_is_not_json() {
    for noticed_by_the_store in [true, false] {
        for question in [true, false] {
            let mut bench = Bench::new(G26);
            let (call, id) = bench.start();
            if noticed_by_the_store {
                bench.faults.push_back(Fault::NotJson);
                let requests = vec![("name".to_owned(), Some(InputKind::Elicit))];
                bench.outcome(
                    0,
                    call,
                    if question {
                        Outcome::Input { requests, state: true }
                    } else {
                        Outcome::Result { is_error: false, size: 1 }
                    },
                );
            } else {
                bench.outcome(0, call, Outcome::NotJson);
            }
            let state = bench.state(&id)["result"].clone();
            assert_eq!((state["status"].as_str(), &state["error"]["code"]), (Some("failed"), &json!(-32603)));
            assert_eq!(bench.stored(&id).failure, Some(Failure::NotJson));
            bench.assert_idle();
        }
    }
}

/// X-LIM-03, X-STO-02: an outcome that the store has no room for fails the task, also if even that needs patience.
#[test]
fn an_outcome_without_room() {
    for faults in [1, 4] {
        for question in [true, false] {
            let mut bench = Bench::new(G26);
            let (call, id) = bench.start();
            bench.faults.extend(vec![Fault::Full { bytes: true }; faults]);
            let requests = vec![("name".to_owned(), Some(InputKind::Elicit))];
            bench.outcome(
                0,
                call,
                if question {
                    Outcome::Input { requests, state: true }
                } else {
                    Outcome::Result { is_error: false, size: 1 }
                },
            );
            bench.pass(10_000);
            assert_eq!(bench.stored(&id).failure, Some(Failure::TooLarge));
            assert_eq!(bench.state(&id)["result"]["error"]["data"], json!({ "reason": "payload_limit" }));
            bench.assert_idle();
        }
    }
}

/// X-STO-01: a swap that loses reads again and asks the lifecycle again.
#[test]
fn a_lost_race_is_decided_anew() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.store.meddle("ann", &id, |task| Task { message: "from elsewhere".into(), ..task.clone() }, Payload::Keep);
    bench.faults.extend([Fault::Lose; 10]);
    bench.complete(0, call);
    let task = bench.stored(&id);
    assert_eq!((task.phase, task.message.as_str()), (Phase::Completed, "from elsewhere"));
    bench.assert_idle();
}

/// A store that always says that somebody else was faster makes no endless loop.
#[test]
fn a_store_that_always_loses() {
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    bench.faults.extend([Fault::Lose; 1_000]);
    let cancel = bench.stop(&id);
    assert_eq!(bench.code(cancel), -32603);
}

/// A status message set while another is on its way is not lost, and only the newest of those that wait is written.
#[test]
fn the_newest_status_message_is_written() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.later = true;
    for message in ["one", "two", "three", "four"] {
        bench.note_of(call, message);
    }
    let writes = bench.store.writes;
    bench.answer_all();
    assert_eq!(bench.stored(&id).message, "four");
    assert_eq!(bench.store.writes - writes, 2);
    assert_eq!(bench.happened(Happening::Status), 2);
    bench.note_of(call, "four");
    bench.answer_all();
    assert_eq!(bench.store.writes - writes, 2, "nothing changed");
}

/// A task that vanished from the store stops its handler and answers who waits.
#[test]
fn a_task_that_vanished() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let wait = bench.wait(&id);
    bench.ask(0, call, 1, "name");
    bench.store.remove("ann", &id);
    bench.changed(0, "ann", &id);
    assert!(bench.aborted(call));
    assert_eq!(bench.code(wait), -32602);
    assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
    bench.assert_idle();
}

/// X-STO-09: a process that dies before the write leaves the task as it was; one that dies after it leaves it ended.
#[test]
fn a_crash_at_the_write_of_an_outcome() {
    for (after, status) in [(false, "working"), (true, "completed")] {
        let mut bench = Bench::of(World::new(2), G25, policy());
        let (call, id) = bench.start();
        let peer = bench.world.open(1, Some("ann"), true);
        let wait = bench.world.result(1, peer, &id);
        bench.crash_at = Some((0, after));
        bench.complete(0, call);
        assert_eq!(bench.crashes, 1);
        assert_eq!(bench.world.get(1, peer, G25, &id)["result"]["status"], status);
        bench.pass(5_000);
        assert_eq!(bench.replied(wait).is_some(), after);
    }
}

/// A task whose creation may have reached the store is not created a second time under its id.
#[test]
fn an_unconfirmed_creation_is_not_repeated() {
    let mut bench = Bench::new(G26);
    bench.faults.push_back(Fault::FailStored);
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    let writes = bench.store.writes;
    bench.input(0, |receiver, now| receiver.handle_promote(now, call));
    assert_eq!(bench.store.writes, writes);
    bench.complete(0, call);
    assert!(bench.saw(&Output::Relay { call }) && bench.replied(call).is_none());
    bench.pass(1_000);
    assert_eq!(bench.store.len(), 0);
    bench.assert_idle();
}

/// What is asked of a task while its creation is still on its way is answered when it is there, or is not.
#[test]
fn requests_during_a_creation() {
    for fault in [Fault::Nothing, Fault::Fail] {
        let mut bench = Bench::new(G25);
        bench.later = true;
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, G25, tool);
        // Another process has listed it already.
        let id = mcp_longhaul::id::from_entropy(&bench.last_entropy());
        let cancel = bench.stop(&id);
        bench.faults.push_back(fault);
        bench.answer_all();
        assert_eq!(bench.reply(cancel).get("result").is_some(), fault == Fault::Nothing);
        assert!(bench.aborted(call));
        bench.assert_idle();
    }
}

/// X-STO-05, G25-RES-09: a task is stored, its creator never learns so, and somebody waits for its result there: it is
/// told how the task ends, also where the store tells of no change.
#[test]
fn who_waits_for_a_task_whose_creation_seems_to_fail() {
    let mut bench = Bench::of(World::new(1), G25, Policy { ttl: None, ..policy() });
    bench.later = true;
    bench.faults.push_back(Fault::FailStored);
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G25, tool);
    let id = bench.pending.iter().find_map(|op| match &op.operation {
        Operation::Put { record, .. } => Some(record.id.clone()),
        _ => None,
    });
    let id = id.expect("a creation");
    // It comes to know the id, as from a list, before the creator hears of the failure.
    let create = bench.pending.iter().position(|op| matches!(op.operation, Operation::Put { .. })).expect("a creation");
    let op = bench.pending.remove(create);
    let fault = bench.faults.pop_front().expect("a fault");
    let done = bench.world.perform(&op, fault);
    let wait = bench.wait(&id);
    bench.answer_all();
    assert!(bench.replied(wait).is_none());
    bench.world.complete_op(op, done);
    bench.later = false;
    bench.answer_all();
    // Another process settles it.
    let lost = |task: &Task| Task { phase: Phase::Failed, failure: Some(Failure::Lost), lease: None, ..task.clone() };
    bench.store.meddle("ann", &id, lost, Payload::nothing());
    bench.pass(LEASE);
    assert!(bench.replied(call).is_some());
    assert_eq!(bench.code(wait), -32603);
}
