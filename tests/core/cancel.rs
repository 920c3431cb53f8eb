//! Cancelling, and its races.

use mcp_longhaul::receiver::{Happening, Outcome, Output, Policy, RequestId, Stop, Withdrawal};
use mcp_longhaul::storage::Payload;
use mcp_longhaul::task::{InputKind, Phase, Task};
use proptest::prelude::*;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, World, policy};
use crate::properties::cases;

const ENDS: [Outcome; 3] = [
    Outcome::Result { is_error: false, size: 1 },
    Outcome::Result { is_error: true, size: 1 },
    Outcome::Error { size: 1 },
];

/// G25-CAN-02, G25-CAN-03: the task is cancelled in the store when the answer leaves, the answer is that task, and the
/// handler is stopped.
#[test]
fn a_cancel_of_2025_answers_with_the_cancelled_task() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    bench.later = true;
    let cancel = bench.stop(&id);
    assert!(bench.replied(cancel).is_none() && !bench.aborted(call));
    bench.answer_all();
    assert_eq!(bench.stored(&id).phase, Phase::Cancelled);
    let answer = bench.reply(cancel)["result"].clone();
    assert_eq!((answer["taskId"].as_str(), answer["status"].as_str()), (Some(id.as_str()), Some("cancelled")));
    assert!(bench.aborted(call));
    bench.later = false;
    assert_eq!(bench.state(&id)["result"], answer);
    assert!(bench.store.parts("ann", &id).is_empty());
    bench.assert_idle();
}

/// G26-CAN-02, G26-CAN-05: in 2026-07-28 it is acknowledged, and takes effect at once.
#[test]
fn a_cancel_of_2026_is_acknowledged() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let cancel = bench.stop(&id);
    assert_eq!(bench.reply(cancel), json!({ "result": { "resultType": "complete" } }));
    assert_eq!(bench.status(&id), "cancelled");
    assert!(bench.aborted(call));
}

/// G26-CAN-05: a cooperative handler is told once, and decides how its task ends.
#[test]
fn a_cooperative_handler_decides() {
    for (outcome, status) in
        [(Outcome::Result { is_error: false, size: 1 }, "completed"), (Outcome::Error { size: 1 }, "failed")]
    {
        let mut bench = Bench::of(World::default(), G26, Policy { cooperative: true, ..policy() });
        let (call, id) = bench.start();
        for _ in 0..3 {
            let cancel = bench.stop(&id);
            assert_eq!(bench.reply(cancel), json!({ "result": { "resultType": "complete" } }));
        }
        assert_eq!(bench.status(&id), "working");
        assert!(bench.stored(&id).cancel_requested);
        assert_eq!(bench.count(|output| matches!(output, Output::Abort { silently: true, .. })), 1);
        assert!(!bench.aborted(call));
        bench.outcome(0, call, outcome);
        assert_eq!(bench.status(&id), status);
    }
}

/// G26-CAN-05: a cooperative handler hears of a cancel that arrived at another receiver.
#[test]
fn a_cooperative_handler_hears_of_a_cancel_elsewhere() {
    let mut bench = Bench::of(World::new(2), G26, Policy { cooperative: true, ..policy() });
    let (call, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), false);
    bench.world.cancel(1, peer, G26, &id);
    for _ in 0..2 {
        bench.changed(0, "ann", &id);
    }
    assert_eq!(bench.count(|output| *output == Output::Abort { call, reason: Stop::Cancelled, silently: true }), 1);
}

/// G25-CAN-02: cooperation is for 2026-07-28. A cancel of 2025-11-25 always cancels.
#[test]
fn cooperation_is_for_2026() {
    let mut bench = Bench::of(World::default(), G25, Policy { cooperative: true, ..policy() });
    let (_, id) = bench.start();
    let cancel = bench.stop(&id);
    assert_eq!(bench.reply(cancel)["result"]["status"], "cancelled");

    let mut bench = Bench::of(World::with(1, Default::default(), true), G26, Policy { cooperative: true, ..policy() });
    let (_, id) = bench.start();
    let peer = bench.peer;
    let cancel = bench.world.cancel(0, peer, G25, &id);
    assert_eq!(bench.reply(cancel)["result"]["status"], "cancelled");
}

/// G25-CAN-04, G25-ERR-02: whatever the end, and a second cancel too.
#[test]
fn a_late_cancel_of_2025_is_refused() {
    for outcome in ENDS {
        let mut bench = Bench::new(G25);
        let (call, id) = bench.start();
        bench.outcome(0, call, outcome);
        let before = bench.stored(&id);
        let cancel = bench.stop(&id);
        assert_eq!(bench.code(cancel), -32602);
        assert_eq!(bench.stored(&id), before);
    }
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    bench.stop(&id);
    let again = bench.stop(&id);
    assert_eq!(bench.code(again), -32602);
}

/// G26-CAN-04: the same acknowledgement, and nothing changes.
#[test]
fn a_late_cancel_of_2026_is_acknowledged() {
    for outcome in ENDS {
        let mut bench = Bench::new(G26);
        let (call, id) = bench.start();
        bench.outcome(0, call, outcome);
        let before = bench.stored(&id);
        let cancel = bench.stop(&id);
        assert_eq!(bench.reply(cancel), json!({ "result": { "resultType": "complete" } }));
        assert_eq!(bench.stored(&id), before);
    }
}

/// G25-CAN-05, H04: a late outcome is dropped, whatever it is; nothing moves.
#[test]
fn a_late_outcome_is_dropped() {
    for generation in [G25, G26] {
        for outcome in ENDS {
            let mut bench = Bench::new(generation);
            let (call, id) = bench.start();
            bench.stop(&id);
            let (before, writes) = (bench.stored(&id), bench.store.writes);
            bench.pass(1000);
            bench.outcome(0, call, outcome);
            bench.note_of(call, "too late");
            assert!(!bench.ask(0, call, 1, "name") || bench.withdrawn(1).is_some());
            assert_eq!((bench.stored(&id), bench.store.writes), (before, writes));
            assert_eq!(bench.status(&id), "cancelled");
            assert_eq!(bench.happened(Happening::Cancelled), 1);
            bench.assert_idle();
        }
    }
}

/// G25-RES-08, H05: `tasks/result` on a cancelled task, pending and late, again and again.
#[test]
fn results_of_a_cancelled_task() {
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    let pending = bench.wait(&id);
    bench.stop(&id);
    let expected = json!({ "error": {
        "code": -32603, "message": "The task was cancelled", "data": { "taskId": id, "status": "cancelled" },
    } });
    assert_eq!(bench.reply(pending), expected);
    for _ in 0..3 {
        let late = bench.wait(&id);
        assert_eq!(bench.reply(late), expected);
    }
}

/// G25-INP-11: a cancel withdraws what the handler asks; a late answer is ignored.
#[test]
fn a_cancel_withdraws_input() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (call, id) = bench.start();
        bench.input(0, |receiver, now| {
            receiver.handle_input_request(now, call, 1.into(), "name", InputKind::Elicit, generation == G25)
        });
        assert_eq!(bench.status(&id), "input_required");
        bench.stop(&id);
        assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
        assert_eq!(
            bench.saw(&Output::Withdraw { input: 1.into(), delivered: true, reason: Withdrawal::Ended }),
            generation == G25
        );
        assert!(!bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
        assert_eq!(bench.count(|output| matches!(output, Output::Answered { .. })), 0);
        bench.assert_idle();
    }
}

/// H03: the task ends between the check of a cancel and its write: the store refuses the write, and the answer is that
/// the task had ended.
#[test]
fn the_task_ends_between_check_and_write() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    bench.later = true;
    let cancel = bench.stop(&id);
    bench.store.meddle(
        "ann",
        &id,
        |task| Task { phase: Phase::Failed, failure: Some(mcp_longhaul::task::Failure::Lost), ..task.clone() },
        Payload::nothing(),
    );
    bench.answer_all();
    assert_eq!(bench.code(cancel), -32602);
    assert_eq!(bench.stored(&id).phase, Phase::Failed);
    assert!(bench.aborted(call), "its handler runs for nothing");
    bench.assert_idle();
}

/// A cancel that arrives while another change is on its way waits for it, and then counts.
#[test]
fn a_cancel_waits_its_turn() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    bench.later = true;
    bench.note_of(call, "half way");
    let cancel = bench.stop(&id);
    bench.note_of(call, "nearly there");
    bench.answer_all();
    assert_eq!(bench.reply(cancel)["result"]["statusMessage"], "half way");
    assert_eq!(bench.stored(&id).phase, Phase::Cancelled);
    bench.assert_idle();
}

struct Race {
    world: World,
    call: RequestId,
    cancel: RequestId,
    id: String,
}

/// Cancel and completion at one instant, on one or two receivers, with the store's answers in any order.
fn race(
    generation: mcp_longhaul::wire::Generation,
    nodes: usize,
    cancel_first: bool,
    order: &[prop::sample::Index],
) -> Race {
    let mut world = World::new(nodes);
    let tool = world.policy(policy());
    let peers: Vec<_> = (0..nodes).map(|node| world.open(node, Some("ann"), true)).collect();
    let call = world.call(0, peers[0], generation, tool);
    let id = world.id(call);
    world.later = true;
    let there = nodes - 1;
    let cancel = if cancel_first {
        let cancel = world.cancel(there, peers[there], generation, &id);
        world.complete(0, call);
        cancel
    } else {
        world.complete(0, call);
        world.cancel(there, peers[there], generation, &id)
    };
    let mut order = order.iter();
    while !world.pending.is_empty() {
        let index = order.next().map_or(0, |index| index.index(world.pending.len()));
        world.answer(index);
    }
    world.later = false;
    Race { world, call, cancel, id }
}

proptest! {
    #![proptest_config(cases(500))]

    /// X-CAN-01, H01: one winner and one event. If the cancel won, its answer is the cancelled task and the outcome is
    /// gone; if the outcome won, the cancel is refused.
    #[test]
    fn cancel_against_completion_in_2025(
        nodes in 1usize..=2,
        first: bool,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..16),
    ) {
        let Race { mut world, call, cancel, id } = race(G25, nodes, first, &order);
        let phase = world.task("ann", &id).phase;
        match phase {
            Phase::Cancelled => prop_assert_eq!(&world.reply(cancel)["result"]["status"], "cancelled"),
            Phase::Completed => prop_assert_eq!(world.code(cancel), -32602),
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(world.happened(Happening::Completed) + world.happened(Happening::Cancelled), 1);
        prop_assert!(!(phase == Phase::Completed && world.aborted(call)), "a completed task is not stopped");
        let peer = world.open(0, Some("ann"), true);
        let late = world.result(0, peer, &id);
        prop_assert_eq!(world.reply(late).get("result").is_some(), phase == Phase::Completed);
        world.assert_idle();
    }

    /// H02, X-CAN-01: both orders are acknowledged, and the status shows the winner.
    #[test]
    fn cancel_against_completion_in_2026(
        nodes in 1usize..=2,
        first: bool,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..16),
    ) {
        let Race { mut world, cancel, id, .. } = race(G26, nodes, first, &order);
        prop_assert_eq!(world.reply(cancel), json!({ "result": { "resultType": "complete" } }));
        let peer = world.open(0, Some("ann"), true);
        let state = world.get(0, peer, G26, &id);
        let cancelled = world.task("ann", &id).phase == Phase::Cancelled;
        prop_assert_eq!(state["result"]["status"].as_str(), Some(if cancelled { "cancelled" } else { "completed" }));
        prop_assert_eq!(state["result"].get("result").is_none(), cancelled);
        prop_assert_eq!(world.happened(Happening::Completed) + world.happened(Happening::Cancelled), 1);
        world.assert_idle();
    }
}
