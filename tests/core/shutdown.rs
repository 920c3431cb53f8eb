//! A receiver that is to end (X-STO-11).

use mcp_longhaul::receiver::{Outcome, Output, Policy, Shape, Stop, Support};
use mcp_longhaul::task::{Failure, InputKind, OnLost, Phase};

use crate::bench::Bench;
use crate::harness::{FIRST_INPUT, G25, G26, LEASE, World, policy};
use crate::model::Fault;

fn of(nodes: usize, on_lost: OnLost) -> Bench {
    Bench::of(World::new(nodes), G26, Policy { on_lost, ttl: None, ..policy() })
}

fn leave(bench: &mut Bench) {
    bench.input(0, |receiver, now| receiver.handle_leaving(now));
}

/// X-STO-11, X-ERR-04: no call becomes a task any more: one that must is refused and may be repeated, any other runs;
/// what runs as a task may end.
#[test]
fn who_closes_takes_on_nothing_new() {
    let mut bench = of(1, OnLost::Fail);
    let (call, id) = bench.start();
    let required = bench.world.policy(Policy { support: Support::Required, ..policy() });
    bench.input(0, |receiver, now| receiver.handle_closing(now));
    let (peer, tool) = (bench.peer, bench.tool);
    let refused = bench.world.call(0, peer, G26, required);
    assert_eq!(
        (bench.code(refused), bench.reply(refused)["error"]["data"]["reason"].as_str()),
        (-32603, Some("task_limit"))
    );
    let plain = bench.world.call(0, peer, G26, tool);
    assert!(!bench.is_task(plain) && bench.saw(&Output::Forward { call: plain, gated: false }));
    bench.complete(0, plain);
    assert!(bench.saw(&Output::Relay { call: plain }));
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");
    assert!(bench.receiver(0).is_quiet());
}

/// A handler that is stopped while the answer to its request cannot be stored hears once that there will be none.
#[test]
fn an_answer_that_comes_too_late_is_withdrawn_once() {
    let mut bench = Bench::of(World::new(1), G25, Policy { on_lost: OnLost::Restart, ..policy() });
    let (call, _) = bench.start();
    bench.input(0, |receiver, now| receiver.handle_input_request(now, call, 1.into(), "name", InputKind::Elicit, true));
    bench.later = true;
    bench.blind = true;
    bench.faults.push_back(Fault::Fail);
    leave(&mut bench);
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
    bench.answer_all();
    assert_eq!(bench.count(|output| matches!(output, Output::Withdraw { input: FIRST_INPUT, .. })), 1);
    bench.assert_idle();
}

/// X-STO-11: what still runs fails at once, or may run elsewhere at once; its handler stops; nobody waits for a lease.
#[test]
fn who_leaves_hands_over() {
    for on_lost in [OnLost::Fail, OnLost::Restart] {
        let mut bench = of(2, on_lost);
        let (call, id) = bench.start();
        bench.ask(0, call, 1, "name");
        leave(&mut bench);
        assert!(bench.aborted(call) && bench.saw(&Output::Release { call }) && bench.receiver(0).is_quiet());
        bench.pause(0, true);
        let peer = bench.world.open(1, Some("ann"), false);
        let state = bench.world.get(1, peer, G26, &id)["result"]["status"].clone();
        match on_lost {
            OnLost::Fail => {
                assert_eq!((state.as_str(), bench.stored(&id).failure), (Some("failed"), Some(Failure::Lost)))
            }
            OnLost::Restart => {
                assert_eq!((state.as_str(), bench.stored(&id).epoch), (Some("working"), 2));
                let (node, again, _) = bench.restarted().unwrap();
                bench.complete(node, again);
                assert_eq!(bench.stored(&id).phase, Phase::Completed);
            }
        }
        bench.assert_idle();
    }
}

/// X-STO-11: also where a client of this process listens to the task, and there is room for others then.
#[test]
fn who_listens_holds_nobody_up() {
    for on_lost in [OnLost::Fail, OnLost::Restart] {
        let mut bench = of(1, on_lost);
        bench.input(0, |receiver, _| receiver.run_alone());
        let (call, id) = bench.start();
        let peer = bench.peer;
        bench.listen(0, peer, &[&id]);
        leave(&mut bench);
        assert!(bench.receiver(0).is_quiet());
        assert_eq!(bench.stopped(call), Some(if on_lost == OnLost::Fail { Stop::Lost } else { Stop::HandedOver }));
    }
}

/// A handler learns why it is to stop.
#[test]
fn reasons_to_stop() {
    let mut bench = of(2, OnLost::Restart);
    let (call, id) = bench.start();
    bench.stop(&id);
    assert_eq!(bench.stopped(call), Some(Stop::Cancelled));

    let (call, id) = bench.start();
    bench.pause(0, true);
    let peer = bench.world.open(1, Some("ann"), false);
    for _ in 0..6 {
        bench.world.get(1, peer, G26, &id);
        bench.pass(LEASE / 4);
    }
    bench.pause(0, false);
    bench.pass(LEASE);
    assert_eq!(bench.stopped(call), Some(Stop::Lost));

    let mut bench = Bench::of(World::new(1), G26, Policy { ttl: Some(60_000), ..policy() });
    let (call, _) = bench.start();
    bench.pass(60_000);
    assert_eq!(bench.stopped(call), Some(Stop::Expired));

    let (call, id) = bench.start();
    bench.store.remove("ann", &id);
    bench.pass(LEASE);
    assert_eq!(bench.stopped(call), Some(Stop::Lost));
}

/// X-STO-11: who waits is not answered, by an error of the task least of all: another server will.
#[test]
fn who_waits_is_sent_away() {
    let mut bench = Bench::of(World::new(1), G25, policy());
    let (_, id) = bench.start();
    let wait = bench.wait(&id);
    bench.later = true;
    let looks = bench.wait(&id);
    leave(&mut bench);
    bench.answer_all();
    for request in [wait, looks] {
        assert!(bench.replied(request).is_none() && bench.saw(&Output::HangUp { request }));
    }
    assert!(bench.receiver(0).is_quiet());
    bench.assert_idle();
}

/// What is on its way to the store is not lost, nor waited for without end.
#[test]
fn who_leaves_does_not_wait_for_a_store_that_fails() {
    // An outcome that waits for its next attempt gets one more.
    for faults in [1, 1_000] {
        let mut bench = of(1, OnLost::Fail);
        let (call, id) = bench.start();
        bench.faults.extend(vec![Fault::Fail; faults]);
        bench.complete(0, call);
        assert!(!bench.receiver(0).is_quiet());
        leave(&mut bench);
        assert!(bench.receiver(0).is_quiet() && !bench.aborted(call));
        assert_eq!(bench.stored(&id).phase, if faults == 1 { Phase::Completed } else { Phase::Working });
        bench.assert_idle();
    }
    // What cannot be handed over is left to its lease.
    let mut bench = of(1, OnLost::Restart);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.faults.extend([Fault::Fail; 1_000]);
    leave(&mut bench);
    assert!(bench.receiver(0).is_quiet() && bench.aborted(call) && bench.stored(&id).lease.is_some());
    bench.assert_idle();
    // A task that is being created is announced, then handed over.
    let mut bench = of(1, OnLost::Restart);
    bench.later = true;
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    leave(&mut bench);
    assert!(!bench.receiver(0).is_quiet());
    bench.answer_all();
    let id = bench.id(call);
    assert!(bench.replied(call).is_some() && bench.stored(&id).lease.is_none() && bench.receiver(0).is_quiet());
}

/// An answer that would start a tool again is refused for another server to take, and not lost.
#[test]
fn who_closes_starts_nothing_again() {
    let mut bench = of(2, OnLost::Fail);
    let (call, id) = bench.start();
    bench.outcome(0, call, Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: false });
    bench.input(0, |receiver, now| receiver.handle_closing(now));
    let here = bench.peer;
    let refused = bench.world.update(0, here, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.code(refused), -32603);
    leave(&mut bench);
    assert_eq!(bench.stored(&id).phase, Phase::InputRequired);
    let there = bench.world.open(1, Some("ann"), false);
    bench.world.update(1, there, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.restarted().unwrap().0, 1);
}

/// X-STO-11: a handler whose answer could not be taken note of in time is told so, and nothing more when the write
/// turns out to have arrived.
#[test]
fn who_leaves_answers_a_handler_once() {
    let mut bench = Bench::of(World::new(1), G25, Policy { ttl: None, ..policy() });
    let (call, _) = bench.start();
    bench.input(0, |receiver, now| receiver.handle_input_request(now, call, 1.into(), "name", InputKind::Elicit, true));
    bench.faults.push_back(Fault::FailStored);
    bench.blind_next = true;
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
    // The store is back when the task is to be handed over.
    bench.later = true;
    leave(&mut bench);
    bench.answer(0);
    bench.blind = false;
    bench.answer_all();
    let heard = bench.count(|output| {
        matches!(output, Output::Answered { input: FIRST_INPUT, .. } | Output::Withdraw { input: FIRST_INPUT, .. })
    });
    assert_eq!(heard, 1);
}
