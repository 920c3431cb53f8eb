//! Writes that the store has taken without saying so, and reads that fail after them: whatever was acknowledged, or
//! arrived, has its effects, once.

use mcp_longhaul::lifecycle::{self, Command};
use mcp_longhaul::receiver::{Happening, Outcome, Output, Policy, Shape};
use mcp_longhaul::storage::{Payload, Source, Stored};
use mcp_longhaul::task::{InputKind, OnLost, Phase};

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, World, policy};
use crate::model::Fault;

const FORM: u8 = Shape::ELICITED;

fn bench() -> Bench {
    Bench::of(World::new(2), G26, Policy { ttl: None, ..policy() })
}

/// The next write is stored, its acknowledgement is lost, and from then on so is all that is read, until [`back`].
fn away(bench: &mut Bench) {
    bench.faults.push_back(Fault::FailStored);
    bench.blind_next = true;
}

fn back(bench: &mut Bench) {
    bench.blind = false;
    bench.pass(10_000);
}

fn answers(bench: &Bench, wanted: u32) -> usize {
    bench.count(|output| match output {
        Output::Answered { input: ask, .. } | Output::AnsweredElsewhere { input: ask, .. } => ask.get() == wanted,
        _ => false,
    })
}

/// G26-UPD-05, G26-UPD-11: the answer of an update that was refused, but had arrived, reaches the handler that waits
/// for it, whether or not it is repeated; and a repeated one is acknowledged because it does.
#[test]
fn an_answer_that_arrived_is_used() {
    for repeats in [0, 1, 3] {
        let mut bench = bench();
        let (call, id) = bench.start();
        bench.ask(0, call, 1, "name");
        let peer = bench.peer;
        away(&mut bench);
        let update = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
        assert_eq!(bench.code(update), -32603);
        for _ in 0..repeats {
            let again = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
            bench.pass(30_000);
            assert_eq!(bench.code(again), -32603);
        }
        assert_eq!(bench.withdrawn(1), None, "the handler goes on waiting");
        bench.blind = false;
        if repeats > 0 {
            let again = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
            bench.pass(10_000);
            assert!(bench.reply(again)["error"].is_null());
        }
        back(&mut bench);
        assert_eq!((answers(&bench, 1), bench.happened(Happening::InputAnswered)), (1, 1), "{repeats}");
        bench.complete(0, call);
        assert_eq!(bench.status(&id), "completed");
        bench.assert_idle();
    }
}

/// G26-UPD-11: so does one that has not arrived, once it is repeated, and nothing stays behind.
#[test]
fn an_answer_that_did_not_arrive_is_taken_again() {
    let mut bench = bench();
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    let peer = bench.peer;
    bench.faults.push_back(Fault::Fail);
    bench.blind_next = true;
    let update = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
    assert_eq!(bench.code(update), -32603);
    back(&mut bench);
    assert_eq!(answers(&bench, 1), 0);
    let again = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
    assert!(bench.reply(again)["error"].is_null());
    assert_eq!(answers(&bench, 1), 1);
    bench.complete(0, call);
    bench.assert_idle();
}

/// X-STO-05: an unconfirmed update that begins the next run of a handler begins it, in the process that stored it: the
/// task is not lost.
#[test]
fn a_run_that_an_unconfirmed_answer_begins_is_begun() {
    for on_lost in [OnLost::Fail, OnLost::Restart] {
        let mut bench = Bench::of(World::new(2), G26, Policy { ttl: None, on_lost, ..policy() });
        let (call, id) = bench.start();
        bench.outcome(
            0,
            call,
            Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: true },
        );
        let peer = bench.peer;
        away(&mut bench);
        let update = bench.world.update(0, peer, &id, &[("name-1", FORM)]);
        assert_eq!(bench.code(update), -32603);
        back(&mut bench);
        let (node, again, answers) = bench.restarted().expect("a run");
        assert_eq!((node, answers), (0, vec![("name-1".to_owned(), "name".to_owned())]));
        bench.pass(3 * LEASE);
        bench.complete(0, again);
        assert_eq!((bench.status(&id).as_str(), bench.stored(&id).epoch), ("completed", 2));
        bench.assert_idle();
    }
}

/// G26-INP-03: an unconfirmed question is asked once, and the answer that another process took meanwhile is its answer.
#[test]
fn an_unconfirmed_question_is_asked_once() {
    let mut bench = bench();
    let (call, id) = bench.start();
    away(&mut bench);
    bench.ask(0, call, 1, "name");
    let key = ["name-1".to_owned()];
    let answer = (Stored::Answer(key[0].clone()), Source::Response { request: 99.into(), key: key[0].clone() });
    let payload = Payload::Write { onto_read: true, remove: vec![Stored::Input(key[0].clone())], set: vec![answer] };
    let now = bench.now;
    bench.store.meddle(
        "ann",
        &id,
        |task| lifecycle::apply(task, Command::Answer { keys: &key, kept: true }, now).unwrap(),
        payload,
    );
    back(&mut bench);
    assert_eq!((bench.stored(&id).issued, answers(&bench, 1)), (1, 1));
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");
    bench.assert_idle();
}

/// G25-INP-02: the answer to a handler's own request is given to it, whatever the store says of the write that takes
/// note of it.
#[test]
fn an_answer_to_a_request_of_its_own_is_used() {
    for overwritten in [false, true] {
        let mut bench = Bench::of(World::new(1), G25, Policy { ttl: None, ..policy() });
        let (call, id) = bench.start();
        bench.input(0, |receiver, now| {
            receiver.handle_input_request(now, call, 1.into(), "name", InputKind::Elicit, true)
        });
        away(&mut bench);
        assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
        if overwritten {
            let now = bench.now;
            bench.store.meddle(
                "ann",
                &id,
                |task| lifecycle::apply(task, Command::SetStatusMessage("on"), now).unwrap(),
                Payload::Keep,
            );
        }
        assert_eq!((answers(&bench, 1), bench.withdrawn(1)), (0, None));
        back(&mut bench);
        assert_eq!(answers(&bench, 1), 1);
        bench.complete(0, call);
        bench.assert_idle();
    }
}

/// X-CAN-01: a cancel that was refused, but had arrived, stops the handler without being repeated.
#[test]
fn an_unconfirmed_cancel_stops_the_handler() {
    for (generation, cooperative) in [(G25, false), (G26, false), (G26, true)] {
        let mut bench = Bench::of(World::new(1), generation, Policy { cooperative, ttl: None, ..policy() });
        let (call, id) = bench.start();
        away(&mut bench);
        let cancel = bench.stop(&id);
        assert_eq!(bench.code(cancel), -32603);
        assert!(!bench.aborted(call));
        back(&mut bench);
        assert!(bench.aborted(call) || bench.count(|output| matches!(output, Output::Abort { .. })) == 1);
        let stored = bench.stored(&id);
        assert!(stored.phase == Phase::Cancelled || stored.cancel_requested);
        bench.complete(0, call);
        bench.assert_idle();
    }
}

/// X-STO-02: an unconfirmed outcome is stored once, however long the store is away.
#[test]
fn an_unconfirmed_outcome_is_stored_once() {
    let mut bench = Bench::of(World::new(1), G26, Policy { ttl: None, ..policy() });
    let (call, id) = bench.start();
    away(&mut bench);
    bench.complete(0, call);
    bench.pass(3_000_000);
    back(&mut bench);
    assert_eq!((bench.status(&id).as_str(), bench.happened(Happening::Completed)), ("completed", 1));
    bench.assert_idle();
}

/// G26-UPD-07: what a handler has got is removed with the next write of its run, not before.
#[test]
fn an_answer_is_kept_until_its_handler_has_it() {
    let mut bench = bench();
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.ask(0, call, 2, "age");
    let peer = bench.world.open(1, Some("ann"), false);
    bench.world.update(1, peer, &id, &[("name-1", FORM)]);
    bench.note_of(call, "on");
    assert!(bench.store.parts("ann", &id).contains_key("answer name-1"));
    bench.pass(10_000);
    assert_eq!(answers(&bench, 1), 1);
    bench.note_of(call, "further on");
    assert_eq!(bench.store.parts("ann", &id).into_keys().collect::<Vec<_>>(), ["input age-2"]);
    bench.complete(0, call);
    bench.assert_idle();
}

/// G26-CRE-03, X-CRE-01: a creation with a key that arrived, though nobody could tell for a while: the caller is told
/// to try again, the task runs all the same, and the repeated call finds it.
#[test]
fn an_unconfirmed_keyed_creation_runs_once() {
    for generation in [G25, G26] {
        for arrives in [false, true] {
            let mut bench = Bench::of(World::new(2), generation, Policy { ttl: Some(3_600_000), ..policy() });
            bench.creation_key = Some("a-key-of-24-characters_0".into());
            let (peer, tool) = (bench.peer, bench.tool);
            bench.faults.extend([Fault::Nothing, if arrives { Fault::FailStored } else { Fault::Fail }]);
            bench.blind_next = true;
            let call = bench.world.call(0, peer, generation, tool);
            assert_eq!(bench.code(call), -32603);
            bench.pass(LEASE);
            back(&mut bench);
            assert_eq!(bench.count(|output| matches!(output, Output::Forward { .. })), usize::from(arrives));
            let peer = bench.world.open(1, Some("ann"), false);
            let again = bench.world.call(1, peer, generation, tool);
            let running = if arrives { call } else { again };
            let id = bench.id(running);
            bench.pass(3 * LEASE);
            bench.complete(usize::from(!arrives), running);
            assert_eq!((bench.stored(&id).phase, bench.store.ids.len()), (Phase::Completed, 1), "{arrives}");
            bench.assert_idle();
        }
    }
}

/// H84: a task that was stored, though its call went on without it or was refused, is removed when the store tells of
/// it: no process runs it again.
#[test]
fn an_unconfirmed_creation_leaves_no_task() {
    for generation in [G25, G26] {
        let mut bench =
            Bench::of(World::new(2), generation, Policy { on_lost: OnLost::Restart, ttl: None, ..policy() });
        for node in 0..2 {
            bench.input(node, |receiver, now| {
                receiver.run_alone();
                receiver.handle_start(now);
            });
        }
        away(&mut bench);
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, generation, tool);
        assert!(!bench.is_task(call));
        bench.pass(LEASE / 2);
        assert_eq!(bench.store.len(), 1);
        back(&mut bench);
        assert_eq!(bench.store.len(), 0);
        bench.pass(4 * LEASE);
        assert!(bench.restarted().is_none());
    }
}
