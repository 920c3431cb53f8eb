//! Handlers in the `input_required` result style: they end with a question, and the answers start them again, on
//! whatever receiver.

use mcp_longhaul::receiver::{Outcome, Output, RequestId, Shape, Withdrawal};
use mcp_longhaul::task::{Failure, InputKind, Phase};
use mcp_longhaul::wire::capability::Capabilities;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G26, World, policy};
use crate::model::Fault;

fn asks(names: &[&str]) -> Outcome {
    Outcome::Input {
        requests: names.iter().map(|name| ((*name).to_owned(), Some(InputKind::Elicit))).collect(),
        state: true,
    }
}

fn bench(nodes: usize) -> (Bench, RequestId, String) {
    let mut bench = Bench::of(World::new(nodes), G26, policy());
    let (call, id) = bench.start();
    (bench, call, id)
}

/// G26-GET-03, X-STO-02: the question, the request and the state are in the store, and nobody holds the task.
#[test]
fn a_question_holds_no_process() {
    let (mut bench, call, id) = bench(1);
    bench.outcome(0, call, asks(&["name", "age"]));
    let state = bench.state(&id)["result"].clone();
    assert_eq!(state["status"], "input_required");
    assert_eq!(
        state["inputRequests"],
        json!({ "name-1": format!("request name of {call}"), "age-2": format!("request age of {call}") })
    );
    assert!(state.get("requestState").is_none());
    let parts = bench.store.parts("ann", &id);
    assert_eq!(
        (parts["request"].as_str(), parts["state"].as_str()),
        (&*format!("params of {call}"), &*format!("outcome of {call}"))
    );
    assert!(bench.saw(&Output::Release { call }));
    assert_eq!(bench.receiver(0).in_hand(), [0; 8]);
}

/// H25, G26-UPD-06, G26-UPD-11: asked here, answered elsewhere one by one, after the first process died: the last
/// answer starts the tool again where it arrived, with every answer under the handler's own names.
#[test]
fn the_last_answer_starts_the_tool_again() {
    let (mut bench, call, id) = bench(3);
    bench.outcome(0, call, asks(&["name", "age"]));
    bench.crash(0);
    let one = bench.world.open(1, Some("ann"), false);
    let first = bench.world.update(1, one, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.reply(first), json!({ "result": { "resultType": "complete" } }));
    assert!(bench.restarted().is_none());
    bench.crash(1);
    let two = bench.world.open(2, Some("ann"), false);
    bench.world.update(2, two, &id, &[("age-2", Shape::ELICITED)]);
    let (node, again, answers) = bench.restarted().unwrap();
    assert_eq!(node, 2);
    assert_eq!(answers, [("name-1".into(), "name".into()), ("age-2".into(), "age".into())]);
    let parts = bench.store.parts("ann", &id);
    assert_eq!(parts["answer name-1"], format!("answer name-1 of {first}"));
    assert!(parts.contains_key("answer age-2") && parts.contains_key("request") && parts.contains_key("state"));
    assert!(!parts.contains_key("input name-1") && !parts.contains_key("input age-2"));
    assert_eq!(bench.id(again), id);
    bench.complete(2, again);
    assert_eq!(bench.world.get(2, two, G26, &id)["result"]["status"], "completed");
    bench.assert_idle();
}

/// G26-INP-03, H55: a second round has keys of its own, and the first round's answers are gone.
#[test]
fn rounds_follow_each_other() {
    let (mut bench, call, id) = bench(1);
    let peer = bench.peer;
    bench.outcome(0, call, asks(&["name"]));
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    let (_, second, _) = bench.restarted().unwrap();
    bench.outcome(0, second, asks(&["name", "sure"]));
    assert_eq!(
        bench.state(&id)["result"]["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["name-2", "sure-3"]
    );
    assert!(!bench.store.parts("ann", &id).contains_key("answer name-1"));
    // The old key answers nothing.
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.status(&id), "input_required");
    bench.world.update(0, peer, &id, &[("sure-3", Shape::ELICITED), ("name-2", Shape::ELICITED)]);
    let (_, third, answers) = bench.restarted().unwrap();
    assert_eq!(answers.len(), 2);
    assert!(third != second);
    bench.complete(0, third);
    assert_eq!(bench.status(&id), "completed");
    bench.assert_idle();
}

/// Answers that arrive at two receivers at one instant start the tool once.
#[test]
fn one_round_starts_one_handler() {
    let (mut bench, call, id) = bench(2);
    bench.outcome(0, call, asks(&["name", "age"]));
    let (here, there) = (bench.peer, bench.world.open(1, Some("ann"), false));
    bench.later = true;
    for answers in [[("name-1", Shape::ELICITED)], [("age-2", Shape::ELICITED)]] {
        bench.world.update(0, here, &id, &answers);
        bench.world.update(1, there, &id, &answers);
    }
    bench.answer_all();
    assert_eq!(bench.count(|output| matches!(output, Output::Restart { .. })), 1);
    assert_eq!(bench.stored(&id).phase, Phase::Working);
    assert!(bench.unanswered().is_empty());
}

/// G26-UPD-11: a write whose answer was lost starts the tool all the same, once.
#[test]
fn a_lost_answer_of_the_store_starts_the_tool() {
    for fault in [Fault::FailStored, Fault::LoseStored, Fault::Lose] {
        let (mut bench, call, id) = bench(1);
        let peer = bench.peer;
        bench.outcome(0, call, asks(&["name"]));
        bench.faults.push_back(fault);
        let update = bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
        assert!(bench.reply(update)["result"].is_object());
        assert_eq!(bench.count(|output| matches!(output, Output::Restart { .. })), 1, "{fault:?}");
    }
}

/// G26-CAN-05: a task that waits for answers and is held by nobody can be cancelled.
#[test]
fn a_question_can_be_cancelled() {
    for cooperative in [false, true] {
        let mut bench = Bench::of(World::new(1), G26, mcp_longhaul::receiver::Policy { cooperative, ..policy() });
        let (call, id) = bench.start();
        let peer = bench.peer;
        bench.outcome(0, call, asks(&["name"]));
        bench.stop(&id);
        assert_eq!(bench.status(&id), "cancelled", "nobody is there to decide otherwise");
        bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
        assert!(bench.restarted().is_none());
        assert!(bench.store.parts("ann", &id).is_empty());
        bench.assert_idle();
    }
}

/// G26-INP-04: a question that the client cannot answer, or that nobody knows, fails the task.
#[test]
fn an_unanswerable_question_fails_the_task() {
    for (kind, capabilities) in
        [(Some(InputKind::Sample), Capabilities::TASKS.with(Capabilities::ELICIT)), (None, Capabilities::from_bits(63))]
    {
        let mut bench = Bench::new(G26);
        let (peer, tool) = (bench.peer, bench.tool);
        let context = bench.context(0, peer, G26);
        let context = mcp_longhaul::receiver::RequestContext { capabilities, ..context };
        let call = bench.call_with(0, context, tool, mcp_longhaul::receiver::Augmentation::Absent, false);
        let id = bench.id(call);
        bench.outcome(
            0,
            call,
            Outcome::Input {
                requests: vec![("name".into(), Some(InputKind::Elicit)), ("other".into(), kind)],
                state: false,
            },
        );
        assert_eq!(bench.stored(&id).failure, Some(Failure::Unanswerable));
        bench.assert_idle();
    }
}

/// What a handler asked before it ended with a question is withdrawn, and does not hold the restart up.
#[test]
fn open_requests_end_with_their_handler() {
    let (mut bench, call, id) = bench(1);
    let peer = bench.peer;
    bench.ask(0, call, 1, "colour");
    bench.outcome(0, call, asks(&["name"]));
    assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
    assert_eq!(bench.state(&id)["result"]["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["name-2"]);
    bench.world.update(0, peer, &id, &[("name-2", Shape::ELICITED)]);
    let (_, again, answers) = bench.restarted().unwrap();
    assert_eq!(answers.len(), 1);
    bench.complete(0, again);
    bench.assert_idle();
}

/// X-LIM-01: a task that waits for answers takes no place; it takes one again when it is started again.
#[test]
fn a_question_takes_no_place() {
    let limits = mcp_longhaul::limit::Limits { running: 1, ..Default::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G26, policy());
    let (call, id) = bench.start();
    let peer = bench.peer;
    bench.outcome(0, call, asks(&["name"]));
    let (other, _) = bench.start();
    bench.complete(0, other);
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    let tool = bench.tool;
    let plain = bench.world.call(0, peer, G26, tool);
    assert!(!bench.is_task(plain));
}
