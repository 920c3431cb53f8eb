//! Steps of a handler: what they lead to is kept with the task, through whatever becomes of the process.

use mcp_longhaul::receiver::{Outcome, Output, Policy, RequestId, Shape, StepId, Withdrawal};
use mcp_longhaul::task::{InputKind, OnLost};

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, START, World, policy};
use crate::model::Fault;

const FIRST: StepId = StepId::new(1);
const SECOND: StepId = StepId::new(2);

fn running(nodes: usize) -> (Bench, RequestId, String) {
    let policy = Policy { on_lost: OnLost::Restart, ttl: None, ..policy() };
    let mut bench = Bench::of(World::new(nodes), G26, policy);
    let (call, id) = bench.start();
    (bench, call, id)
}

fn step(bench: &mut Bench, node: usize, call: RequestId, step: StepId, number: u32) {
    bench.input(node, |receiver, now| receiver.handle_step(now, call, step, number));
}

fn lost(step: StepId, reason: Withdrawal) -> Output {
    Output::StepLost { step, reason }
}

/// A step is one write, which renews the lease; who reads the task notices nothing (X-STO-07).
#[test]
fn a_step_is_one_write() {
    for generation in [G25, G26] {
        let mut bench = Bench::of(World::new(1), generation, policy());
        let (call, id) = bench.start();
        let (before, writes) = (bench.state(&id), bench.store.writes);
        bench.pass(LEASE / 4);
        step(&mut bench, 0, call, FIRST, 1);
        assert!(bench.saw(&Output::StepKept { step: FIRST }));
        assert_eq!(bench.store.writes, writes + 1);
        assert_eq!(bench.store.written_at("ann", &id), START + LEASE / 4);
        assert_eq!(bench.store.parts("ann", &id)["step 1"], "value 1");
        assert_eq!(bench.state(&id), before);
        bench.complete(0, call);
        assert!(!bench.store.parts("ann", &id).contains_key("step 1"), "an outcome takes the place of all");
    }
}

/// Steps outlive the process, and the rounds of a handler that ends with questions.
#[test]
fn steps_outlive_their_run() {
    let (mut bench, call, id) = running(2);
    step(&mut bench, 0, call, FIRST, 1);
    bench.ask(0, call, 1, "name");
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    bench.world.get(1, peer, G26, &id);
    let (node, again, _) = bench.restarted().unwrap();
    assert_eq!((node, &*bench.store.parts("ann", &id)["step 1"]), (1, "value 1"));
    step(&mut bench, 1, again, SECOND, 2);
    let asks = Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: false };
    bench.outcome(1, again, asks);
    let key = bench.stored(&id).inputs[0].key.clone();
    bench.world.update(1, peer, &id, &[(&key, Shape::ELICITED)]);
    let parts = bench.store.parts("ann", &id);
    assert_eq!((&*parts["step 1"], &*parts["step 2"]), ("value 1", "value 2"));
}

/// X-STO-04: a run that was taken over keeps no step any more, and hears that it is over.
#[test]
fn a_run_that_is_over_keeps_no_step() {
    let (mut bench, call, id) = running(2);
    bench.pause(0, true);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    bench.world.get(1, peer, G26, &id);
    let (_, again, _) = bench.restarted().unwrap();
    bench.pause(0, false);
    step(&mut bench, 0, call, FIRST, 1);
    assert!(!bench.store.parts("ann", &id).contains_key("step 1"));
    assert!(bench.saw(&Output::Release { call }) && !bench.saw(&Output::StepKept { step: FIRST }));
    step(&mut bench, 1, again, SECOND, 1);
    assert_eq!(bench.store.parts("ann", &id)["step 1"], "value 2");
}

/// A call that is no task keeps none; nor does a task that has ended.
#[test]
fn a_step_without_a_task_is_lost() {
    let (mut bench, call, id) = running(1);
    step(&mut bench, 0, 999.into(), FIRST, 1);
    assert!(bench.saw(&lost(FIRST, Withdrawal::NotATask)));
    bench.later = true;
    bench.stop(&id);
    step(&mut bench, 0, call, SECOND, 1);
    bench.answer_all();
    assert!(bench.saw(&Output::Release { call }) && !bench.saw(&Output::StepKept { step: SECOND }));
}

/// X-LIM-04: there are not more than a thousand, and what is too long, or no JSON, is not kept; the task goes on.
#[test]
fn too_much_is_not_kept() {
    let (mut bench, call, id) = running(1);
    step(&mut bench, 0, call, FIRST, 1_001);
    assert!(bench.saw(&lost(FIRST, Withdrawal::TooMany)));
    for (number, fault) in [(2, Fault::Full { bytes: true }), (3, Fault::NotJson)] {
        bench.faults.push_back(fault);
        step(&mut bench, 0, call, StepId::new(number), 1);
        assert!(bench.saw(&lost(StepId::new(number), Withdrawal::TooMany)), "{fault:?}");
    }
    assert_eq!(bench.status(&id), "working");
    step(&mut bench, 0, call, StepId::new(4), 1);
    assert!(bench.saw(&Output::StepKept { step: StepId::new(4) }));
}

/// X-STO-09: whatever the store says of the write, the step is kept once, and told when it is there.
#[test]
fn a_failing_store_keeps_a_step_once() {
    for fault in [Fault::Fail, Fault::FailStored, Fault::Lose, Fault::LoseStored] {
        let (mut bench, call, id) = running(1);
        bench.faults.push_back(fault);
        step(&mut bench, 0, call, FIRST, 1);
        bench.pass(1_000);
        assert_eq!(bench.count(|output| *output == Output::StepKept { step: FIRST }), 1, "{fault:?}");
        assert_eq!(bench.store.parts("ann", &id)["step 1"], "value 1");
    }
}
