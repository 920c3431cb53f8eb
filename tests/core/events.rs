//! What is told of a task, to whom it may concern (X-SEC-09).

use mcp_longhaul::receiver::Happening::{self, *};
use mcp_longhaul::receiver::{Event, Outcome, Output, Policy, Receiver, Shape};
use mcp_longhaul::task::{InputKind, Phase, Task};
use mcp_longhaul::trace;
use proptest::prelude::*;

use crate::bench::Bench;
use crate::harness::{G25, G26, START, World, policy};
use crate::properties::cases;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn told(world: &World) -> Vec<Happening> {
    world.events().map(|event| event.happening).collect()
}

fn phase(event: &Event) -> Option<Phase> {
    event.task.as_ref().map(|task| task.phase)
}

fn last(world: &World, happening: Happening) -> Event {
    world
        .events()
        .filter(|event| event.happening == happening)
        .last()
        .unwrap_or_else(|| panic!("{happening:?}"))
        .clone()
}

/// X-SEC-09: the life of a task in order, each event with what the record says then.
#[test]
fn a_life_is_told_in_order() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        bench.trace = TRACE.into();
        let (call, id) = bench.start();
        bench.note_of(call, "half");
        bench.pass(100);
        assert!(bench.ask(0, call, 7, "name"));
        bench.pass(250);
        if generation == G25 {
            bench.input(0, |receiver, now| receiver.handle_answer(now, 7.into()));
        } else {
            let peer = bench.peer;
            bench.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
        }
        bench.complete(0, call);
        if generation == G25 {
            bench.wait(&id);
        } else {
            bench.state(&id);
        }
        assert_eq!(
            told(&bench),
            [Created, Started, Status, InputRequired, InputAnswered, Completed, Stopped, Retrieved]
        );
        for event in bench.events() {
            let task = event.task.as_ref().expect("it is stored");
            assert_eq!((&*event.owner, &*event.id, &*task.tool, &*task.trace), ("ann", &*id, "paint", TRACE));
            assert_eq!((task.created_at, task.epoch), (START, 1));
            assert_eq!(event.run, (event.happening != Retrieved).then_some(call));
        }
        let answered = last(&bench, InputAnswered);
        assert_eq!(
            (answered.waited_since, answered.at, phase(&answered)),
            (Some(START + 100), START + 350, Some(Phase::Working))
        );
        assert_eq!(last(&bench, InputRequired).waited_since, None);
        assert_eq!(phase(&last(&bench, Retrieved)), Some(Phase::Completed));
    }
}

/// Several questions at once are one wait, that ends with the last answer, or with the task.
#[test]
fn a_wait_is_told_when_it_ends() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    for (ask, name) in [(1, "one"), (2, "two")] {
        bench.pass(10);
        bench.ask(0, call, ask, name);
    }
    bench.note_of(call, "waiting");
    let peer = bench.peer;
    bench.update(0, peer, &id, &[("one-1", Shape::ELICITED)]);
    assert_eq!(last(&bench, InputAnswered).waited_since, None);
    bench.input(0, |receiver, now| receiver.handle_withdraw(now, call, 2.into()));
    assert_eq!(last(&bench, InputWithdrawn).waited_since, Some(START + 10));
    bench.pass(100);
    bench.ask(0, call, 3, "three");
    bench.stop(&id);
    assert_eq!(last(&bench, Cancelled).waited_since, Some(START + 120));
    assert_eq!(bench.stored(&id).waits_since, None);
}

/// X-SEC-09: every end has a name of its own, and stops the run once; what comes later is late.
#[test]
fn ends_are_told_apart() {
    for (outcome, happening, ends) in [
        (Outcome::Result { is_error: false, size: 1 }, Completed, Phase::Completed),
        (Outcome::Result { is_error: true, size: 1 }, Completed, Phase::ToolFailed),
        (Outcome::Error { size: 1 }, Failed, Phase::Failed),
        (Outcome::NotJson, Failed, Phase::Failed),
    ] {
        let mut bench = Bench::new(G26);
        let (call, _) = bench.start();
        bench.outcome(0, call, outcome);
        assert_eq!(told(&bench), [Created, Started, happening, Stopped]);
        assert_eq!(phase(&last(&bench, happening)), Some(ends));
    }
    let mut bench = Bench::of(World::default(), G26, Policy { ttl: Some(60_000), ..policy() });
    bench.start();
    bench.pass(60_000);
    assert_eq!(told(&bench), [Created, Started, Expired, Stopped]);

    let mut bench =
        Bench::of(World::default(), G26, Policy { ttl: Some(60_000), extends: true, cooperative: true, ..policy() });
    let (call, id) = bench.start();
    bench.pass(60_000);
    bench.stop(&id);
    bench.stop(&id);
    bench.complete(0, call);
    assert_eq!(told(&bench), [Created, Started, Extended, CancelRequested, Completed, Stopped]);
}

/// A handler that ended with a question stops; the answers start it again, wherever they arrive, in the same trace.
#[test]
fn the_trace_and_the_wait_go_with_the_record() {
    let mut bench = Bench::of(World::new(2), G26, policy());
    bench.trace = TRACE.into();
    let (call, id) = bench.start();
    bench.outcome(0, call, Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: false });
    assert_eq!(told(&bench), [Created, Started, InputRequired, Stopped]);
    bench.crash(0);
    bench.pass(5_000);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.world.update(1, peer, &id, &[("name-1", Shape::ELICITED)]);
    let (_, again, _) = bench.restarted().unwrap();
    bench.complete(1, again);
    assert_eq!(told(&bench)[4..], [InputAnswered, Started, Completed, Stopped]);
    assert!(bench.events().all(|event| event.task.as_ref().is_some_and(|task| task.trace == TRACE)));
    let answered = last(&bench, InputAnswered);
    assert_eq!((answered.waited_since, answered.at), (Some(START), START + 5_000));
    assert_eq!(last(&bench, Started).run, Some(again));
}

/// Where nobody listens, nothing is told; what the record keeps is the same.
#[test]
fn nobody_is_told_nothing() {
    let mut bench = Bench::new(G26);
    bench.trace = TRACE.into();
    bench.input(0, |receiver: &mut Receiver, _| receiver.audit(false));
    let (call, id) = bench.start();
    bench.complete(0, call);
    bench.state(&id);
    assert_eq!(bench.count(|output| matches!(output, Output::Event(_))), 0);
    assert_eq!(bench.stored(&id).trace, TRACE);
}

/// A `traceparent` is kept as it came, or not at all; it never refuses a call.
#[test]
fn a_trace_is_kept_or_ignored() {
    assert_eq!(trace::parent(TRACE), Some(TRACE));
    assert_eq!(
        trace::parent(&TRACE.replace("00-4", "cc-4")),
        Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    );
    let (zero, zeros) = ("0".repeat(16), "0".repeat(32));
    for wrong in [
        "",
        "00",
        &TRACE.to_uppercase(),
        &TRACE.replacen("00-", "ff-", 1),
        &TRACE.replace('-', "_"),
        &TRACE.replace("00f067aa0ba902b7", &zero),
        &TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros),
        &TRACE.replace("4bf92f", "4bg92f"),
        &TRACE.replace("4bf92f", "4b\u{fffd}"),
        &format!("{TRACE}-00"),
        &format!("{TRACE} "),
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        &"-".repeat(55),
    ] {
        let mut bench = Bench::new(G26);
        bench.trace = wrong.to_owned();
        let (_, id) = bench.start();
        assert_eq!(bench.stored(&id).trace, "", "{wrong}");
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// What is kept is always of the one shape.
    #[test]
    fn any_text_is_a_trace_or_none(text in prop_oneof![
        any::<String>(), "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", "[0-9a-f-]{50,60}",
    ]) {
        if let Some(kept) = trace::parent(&text) {
            prop_assert_eq!(kept, &text);
            prop_assert_eq!(kept.len(), 55);
        }
    }

    /// The trace comes back from the text of a record.
    #[test]
    fn a_trace_survives_the_text(text in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
        let task = Task { trace: text.clone(), ..crate::state::task() };
        prop_assert_eq!(Task::from_state(&task.to_state()).unwrap().trace, text);
    }
}
