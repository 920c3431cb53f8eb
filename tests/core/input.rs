//! Input of a running handler: what it asks, and what clients answer.

use mcp_longhaul::receiver::{InputRequestId, Output, RequestId, Shape, Withdrawal};
use mcp_longhaul::task::{InputKind, Phase};
use mcp_longhaul::wire::capability::Capabilities;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{ABLE, FIRST_INPUT, G25, G26, World, policy};
use crate::model::Fault;

const GOOD: u8 = Shape::ELICITED;

fn update(bench: &mut Bench, id: &str, answers: &[(&str, u8)]) -> RequestId {
    let peer = bench.peer;
    bench.world.update(0, peer, id, answers)
}

fn acknowledged(bench: &Bench, request: RequestId) -> bool {
    bench.reply(request) == json!({ "result": { "resultType": "complete" } })
}

fn answered(bench: &Bench, ask: impl Into<InputRequestId>) -> Option<Option<(RequestId, String)>> {
    let ask = ask.into();
    let mut answers = bench.seen.iter().filter_map(|seen| match &seen.output {
        Output::Answered { input: seen, from } if *seen == ask => Some(from.clone()),
        _ => None,
    });
    let first = answers.next();
    assert!(answers.next().is_none(), "{ask} is answered twice");
    first
}

/// A handler's own JSON-RPC request.
fn nested(bench: &mut Bench, call: RequestId, ask: u32) -> bool {
    let ask = InputRequestId::new(ask);
    bench
        .input(0, |receiver, now| receiver.handle_input_request(now, call, ask, "elicitation", InputKind::Elicit, true))
}

/// A task with two open requests: `name-1` and `age-2`.
fn asking() -> (Bench, RequestId, String) {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.ask(0, call, 2, "age");
    (bench, call, id)
}

fn open_keys(bench: &mut Bench, id: &str) -> Vec<String> {
    let state = bench.state(id);
    state["result"]["inputRequests"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

/// G26-UPD-02, G26-UPD-06, G25-INP-04: a part of the answers is taken, the rest stays asked; the last one ends
/// `input_required`.
#[test]
fn answers_may_come_one_by_one() {
    let (mut bench, _, id) = asking();
    let first = update(&mut bench, &id, &[("name-1", GOOD)]);
    assert!(acknowledged(&bench, first));
    assert_eq!(answered(&bench, 1), Some(Some((first, "name-1".into()))));
    assert_eq!(answered(&bench, 2), None);
    assert_eq!(bench.status(&id), "input_required");
    assert_eq!(open_keys(&mut bench, &id), ["age-2"]);
    update(&mut bench, &id, &[("age-2", GOOD)]);
    assert!(answered(&bench, 2).is_some());
    assert_eq!(bench.status(&id), "working");
}

/// G26-UPD-05, H52: a valid, a stale and an unknown key: the valid one counts.
#[test]
fn stale_and_unknown_keys_are_ignored() {
    let (mut bench, _, id) = asking();
    update(&mut bench, &id, &[("name-1", GOOD)]);
    let mixed = update(&mut bench, &id, &[("name-1", GOOD), ("never-7", GOOD), ("age-2", GOOD)]);
    assert!(acknowledged(&bench, mixed));
    assert_eq!(answered(&bench, 2), Some(Some((mixed, "age-2".into()))));
    assert_eq!(bench.status(&id), "working");
}

/// G26-UPD-07, H51: of two answers to one key the first counts, also where both are on their way.
#[test]
fn the_first_answer_wins() {
    let (mut bench, _, id) = asking();
    bench.later = true;
    let first = update(&mut bench, &id, &[("name-1", GOOD)]);
    let second = update(&mut bench, &id, &[("name-1", GOOD)]);
    bench.answer_all();
    assert!(acknowledged(&bench, first) && acknowledged(&bench, second));
    assert_eq!(answered(&bench, 1), Some(Some((first, "name-1".into()))));
}

/// G26-UPD-08: an update of a task that asks nothing is acknowledged and changes nothing.
#[test]
fn a_task_that_asks_nothing_ignores_answers() {
    for end in 0..4 {
        let mut bench = Bench::new(G26);
        let (call, id) = bench.start();
        match end {
            0 => {}
            1 => bench.complete(0, call),
            2 => bench.outcome(0, call, mcp_longhaul::receiver::Outcome::Error { size: 1 }),
            _ => drop(bench.stop(&id)),
        }
        let before = bench.stored(&id);
        let update = update(&mut bench, &id, &[("name-1", GOOD)]);
        assert!(acknowledged(&bench, update));
        assert_eq!(bench.stored(&id), before);
        assert!(bench.saw(&Output::Forget { request: update }));
    }
}

/// G26-UPD-09, H53: one malformed answer to an open key rejects the whole update; malformed answers to others are not
/// looked at.
#[test]
fn a_malformed_answer_rejects_the_update() {
    let (mut bench, _, id) = asking();
    let before = bench.stored(&id);
    for bad in [Shape(0), Shape(Shape::SAMPLED), Shape(Shape::ROOTS)] {
        let mixed = update(&mut bench, &id, &[("name-1", GOOD), ("age-2", bad.0)]);
        assert_eq!(bench.code(mixed), -32602);
        assert_eq!(bench.stored(&id), before);
    }
    assert_eq!(open_keys(&mut bench, &id), ["age-2", "name-1"]);
    let fine = update(&mut bench, &id, &[("name-1", GOOD), ("never-7", 0)]);
    assert!(acknowledged(&bench, fine));

    let peer = bench.peer;
    let context = bench.context(0, peer, G26);
    bench.input(0, |receiver, now| receiver.handle_update(now, context, Some(&id), None));
    assert_eq!(bench.code(context.request), -32602);
}

/// G26-UPD-09: what answers which kind of input.
#[test]
fn shapes_answer_their_kinds() {
    for kind in InputKind::ALL {
        for (shape, kinds) in [
            (Shape::ELICITED, &[InputKind::Elicit, InputKind::ElicitUrl][..]),
            (Shape::SAMPLED, &[InputKind::Sample, InputKind::SampleWithTools][..]),
            (Shape::ROOTS, &[InputKind::Roots][..]),
        ] {
            assert_eq!(Shape(shape).answers(kind), kinds.contains(&kind));
        }
        assert!(!Shape(0).answers(kind));
    }
}

/// G26-UPD-10: an empty update is acknowledged.
#[test]
fn an_empty_update_is_acknowledged() {
    let (mut bench, _, id) = asking();
    let before = bench.stored(&id);
    let empty = update(&mut bench, &id, &[]);
    assert!(acknowledged(&bench, empty));
    assert_eq!(bench.stored(&id), before);
}

/// G26-UPD-11, X-STO-09: answers, keys and status change in one write, and the handler goes on after it. If the write
/// fails, it does not, and the keys are still asked.
#[test]
fn the_handler_goes_on_after_the_write() {
    let (mut bench, _, id) = asking();
    bench.later = true;
    let both = update(&mut bench, &id, &[("name-1", GOOD), ("age-2", GOOD)]);
    bench.answer(0);
    assert_eq!((answered(&bench, 1), bench.replied(both)), (None, None), "read, but not written");
    let version = bench.store.version("ann", &id);
    bench.answer(0);
    assert_eq!(bench.store.version("ann", &id), version + 1);
    assert_eq!(bench.stored(&id).phase, Phase::Working);
    assert!(answered(&bench, 1).is_some() && answered(&bench, 2).is_some() && acknowledged(&bench, both));

    let (mut bench, _, id) = asking();
    bench.faults.extend([Fault::Fail; 3]);
    let lost = update(&mut bench, &id, &[("name-1", GOOD)]);
    assert_eq!(bench.code(lost), -32603);
    assert_eq!(answered(&bench, 1), None);
    assert_eq!(open_keys(&mut bench, &id), ["age-2", "name-1"]);
    bench.faults.clear();
    let again = update(&mut bench, &id, &[("name-1", GOOD)]);
    assert!(acknowledged(&bench, again));
    assert_eq!(answered(&bench, 1), Some(Some((again, "name-1".into()))));
}

/// G26-UPD-11: a write of which only the answer was lost counts, and counts once.
#[test]
fn a_write_whose_answer_was_lost_counts() {
    for fault in [Fault::FailStored, Fault::LoseStored] {
        let (mut bench, call, id) = asking();
        bench.faults.push_back(fault);
        let first = update(&mut bench, &id, &[("name-1", GOOD)]);
        assert!(acknowledged(&bench, first));
        assert_eq!(answered(&bench, 1), Some(Some((first, "name-1".into()))));
        // A request is not asked twice either.
        bench.faults.push_back(fault);
        bench.ask(0, call, 3, "colour");
        bench.pass(1_000);
        assert_eq!(open_keys(&mut bench, &id), ["age-2", "colour-3"]);
    }
}

/// G26-UPD-05, H54: an answer to what the handler withdrew is ignored; withdrawing the last request ends
/// `input_required`.
#[test]
fn a_withdrawn_request_takes_no_answer() {
    let (mut bench, call, id) = asking();
    bench.input(0, |receiver, now| receiver.handle_withdraw(now, call, 1.into()));
    assert_eq!(open_keys(&mut bench, &id), ["age-2"]);
    let late = update(&mut bench, &id, &[("name-1", GOOD)]);
    assert!(acknowledged(&bench, late));
    assert_eq!(answered(&bench, 1), None);
    bench.input(0, |receiver, now| receiver.handle_withdraw(now, call, 2.into()));
    assert_eq!(bench.status(&id), "working");
    assert!(bench.store.parts("ann", &id).is_empty());
    bench.complete(0, call);
    bench.assert_idle();
}

/// A request that is given up before the store has it does not stay asked.
#[test]
fn a_request_may_be_withdrawn_before_it_is_stored() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (call, id) = bench.start();
        bench.later = true;
        bench.input(0, |receiver, now| {
            receiver.handle_input_request(now, call, 1.into(), "name", InputKind::Elicit, generation == G25)
        });
        bench.input(0, |receiver, now| receiver.handle_withdraw(now, call, 1.into()));
        bench.answer_all();
        assert_eq!(bench.stored(&id).phase, Phase::Working);
        assert_eq!(bench.count(|output| matches!(output, Output::Deliver { .. })), 0);
        bench.complete(0, call);
        bench.answer_all();
        bench.assert_idle();
    }
}

/// G26-INP-03, H55: the same question again has another key, and the old one never reappears.
#[test]
fn keys_are_never_used_again() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let mut seen = Vec::new();
    for ask in 1..=20 {
        bench.ask(0, call, ask, "name");
        let keys = open_keys(&mut bench, &id);
        assert_eq!(keys.len(), 1);
        assert!(!seen.contains(&keys[0]));
        update(&mut bench, &id, &[(&keys[0], GOOD)]);
        seen.extend(keys);
    }
}

/// X-LIM-05, H62: names that mean something to JavaScript are ordinary names.
#[test]
fn strange_names_are_ordinary() {
    for name in ["__proto__", "constructor", "toString", "hasOwnProperty", "", "a b", "a\tb\\c\n", "🎨"] {
        let mut bench = Bench::new(G26);
        let (call, id) = bench.start();
        bench.ask(0, call, 1, name);
        let key = format!("{name}-1");
        assert_eq!(open_keys(&mut bench, &id), [key.as_str()]);
        update(&mut bench, &id, &[("__proto__", GOOD), (&key, GOOD)]);
        assert!(answered(&bench, 1).is_some(), "{name:?}");
        assert_eq!(bench.status(&id), "working");
    }
}

/// G26-INP-04: what the creating request's client cannot answer is never asked; the handler learns it.
#[test]
fn input_that_nobody_can_give_is_not_asked() {
    let mut bench = Bench::new(G26);
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G26);
    let poor = mcp_longhaul::receiver::RequestContext {
        capabilities: Capabilities::TASKS.with(Capabilities::ELICIT),
        ..context
    };
    let call = bench.call_with(0, poor, tool, mcp_longhaul::receiver::Augmentation::Absent, false);
    let id = bench.id(call);
    for (ask, kind) in InputKind::ALL.into_iter().enumerate() {
        let ask = InputRequestId::new(ask as u32 + 1);
        assert!(bench.input(0, |receiver, now| receiver.handle_input_request(now, call, ask, "q", kind, false)));
        assert_eq!(bench.withdrawn(ask), (kind != InputKind::Elicit).then_some(Withdrawal::Undeclared));
    }
    assert_eq!(bench.stored(&id).inputs.len(), 1);
    assert!(ABLE.contains(Capabilities::ROOTS));
}

/// A handler that is no task is told so; its own requests go their ordinary way.
#[test]
fn a_plain_call_asks_no_task_input() {
    let mut bench = Bench::of(
        Default::default(),
        G26,
        mcp_longhaul::receiver::Policy { promotion: mcp_longhaul::receiver::Promotion::Never, ..policy() },
    );
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    assert!(bench.ask(0, call, 1, "name"));
    assert_eq!(bench.withdrawn(1), Some(Withdrawal::NotATask));
    assert!(!nested(&mut bench, call, 2), "it goes its ordinary way");
    assert_eq!(bench.withdrawn(2), None);
}

/// G26-INP-01: in 2026-07-28 a handler's request is shown in the task and never sent.
#[test]
fn modern_input_is_never_sent() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    assert!(nested(&mut bench, call, 1));
    assert_eq!(open_keys(&mut bench, &id), ["elicitation-1"]);
    assert_eq!(bench.count(|output| matches!(output, Output::Deliver { .. })), 0);
}

/// G25-INP-01: on a pipe a nested request goes out at once, after the task says `input_required`; a waiting
/// client answers, and the task goes on.
#[test]
fn a_nested_request_on_a_pipe() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let wait = bench.wait(&id);
    bench.later = true;
    assert!(nested(&mut bench, call, 1));
    assert_eq!(bench.count(|output| matches!(output, Output::Deliver { .. })), 0);
    bench.answer_all();
    assert!(bench.saw(&Output::Deliver { input: 1.into(), stream: None }));
    bench.later = false;
    assert_eq!(bench.status(&id), "input_required");
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
    assert_eq!(answered(&bench, 1), Some(None));
    assert_eq!(bench.status(&id), "working");
    bench.complete(0, call);
    assert!(bench.replied(wait).is_some());
    bench.assert_idle();
}

/// G25-INP-04: two elicitations in parallel: the first answer does not end `input_required`.
#[test]
fn two_nested_requests() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    nested(&mut bench, call, 2);
    bench.input(0, |receiver, now| receiver.handle_answer(now, 2.into()));
    assert_eq!(bench.status(&id), "input_required");
    bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into()));
    assert_eq!(bench.status(&id), "working");
}

fn deliveries(bench: &Bench, ask: u32) -> Vec<Option<RequestId>> {
    let ask = InputRequestId::new(ask);
    let each = bench.seen.iter().filter_map(|seen| match seen.output {
        Output::Deliver { input: seen, stream } if seen == ask => Some(stream),
        _ => None,
    });
    each.collect()
}

/// G25-INP-07, G25-NTF-04, H06, H08, H78: without a pipe a request waits for a result stream, goes to exactly one, the
/// newest, and is owed again when that one dies; the first answer counts.
#[test]
fn a_nested_request_is_owed_until_it_is_answered() {
    let mut bench = Bench::new(G25);
    bench.peer = bench.world.open(0, Some("ann"), false);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    bench.pass(10_000);
    assert_eq!(deliveries(&bench, 1), [None], "the connection may have a stream of its own");
    assert_eq!(bench.status(&id), "input_required");
    bench.input(0, |receiver, _| receiver.handle_undelivered(1.into()));

    let first = bench.wait(&id);
    assert_eq!(deliveries(&bench, 1), [None, Some(first)]);
    let stream = bench.world.open(0, Some("ann"), false);
    let second = bench.world.result(0, stream, &id);
    assert_eq!(deliveries(&bench, 1), [None, Some(first)], "not on both");
    nested(&mut bench, call, 2);
    assert_eq!(deliveries(&bench, 2), [Some(second)], "on the newest");

    bench.input(0, |receiver, now| receiver.handle_wait_ended(now, first));
    assert_eq!(deliveries(&bench, 1), [None, Some(first), Some(second)]);
    bench.close(0, stream);
    for ask in [1, 2] {
        assert_eq!(deliveries(&bench, ask).last(), Some(&None), "there is no stream");
        bench.input(0, |receiver, _| receiver.handle_undelivered(ask.into()));
    }
    let third = bench.wait(&id);
    assert_eq!(deliveries(&bench, 1), [None, Some(first), Some(second), None, Some(third)]);
    assert_eq!(deliveries(&bench, 2), [Some(second), None, Some(third)]);

    bench.later = true;
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
    assert!(!bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())), "a copy was answered already");
    bench.answer_all();
    assert_eq!(answered(&bench, 1), Some(None));
}

/// G25-INP-07, H29: a pipe that closes owes what it carried; another connection of the owner gets it.
#[test]
fn a_closed_pipe_owes_its_requests() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    let pipe = bench.peer;
    bench.close(0, pipe);
    bench.input(0, |receiver, _| receiver.handle_undelivered(1.into()));
    bench.peer = bench.world.open(0, Some("ann"), false);
    let wait = bench.wait(&id);
    assert_eq!(deliveries(&bench, 1).last(), Some(&Some(wait)));
    bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into()));
    bench.complete(0, call);
    assert!(bench.replied(wait).is_some());
    bench.assert_idle();
}

/// G25-INP-07, H29: a connection that is gone while the handler runs carries nothing more; the owner's next one does.
#[test]
fn a_gone_pipe_owes_its_requests() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    let pipe = bench.peer;
    bench.input(0, |receiver, now| receiver.handle_gone(now, pipe));
    bench.input(0, |receiver, _| receiver.handle_undelivered(1.into()));
    bench.peer = bench.world.open(0, Some("ann"), true);
    let wait = bench.wait(&id);
    assert_eq!(deliveries(&bench, 1).last(), Some(&Some(wait)));
    bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into()));
    bench.complete(0, call);
    assert!(bench.replied(wait).is_some());
}

/// H78: a poll that sees the question tries once more to deliver it.
#[test]
fn a_poll_tries_to_deliver() {
    let mut bench = Bench::new(G25);
    bench.peer = bench.world.open(0, Some("ann"), false);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    bench.input(0, |receiver, _| receiver.handle_undelivered(1.into()));
    assert_eq!(bench.status(&id), "input_required");
    assert_eq!(deliveries(&bench, 1), [None, None]);
}

/// G25-GET-08, H78: where a client only polls, the third poll that says that input is required carries the question,
/// once.
#[test]
fn a_third_poll_carries_the_question() {
    let mut bench = Bench::new(G25);
    bench.peer = bench.world.open(0, Some("ann"), false);
    let (call, id) = bench.start();
    nested(&mut bench, call, 1);
    for _ in 0..4 {
        assert_eq!(bench.status(&id), "input_required");
        bench.input(0, |receiver, _| receiver.handle_undelivered(1.into()));
    }
    let on_polls: Vec<_> = deliveries(&bench, 1).into_iter().flatten().collect();
    assert_eq!(on_polls.len(), 1);
    let carried = bench.seen.iter().position(|seen| matches!(seen.output, Output::Deliver { stream: Some(_), .. }));
    let replied = bench
        .seen
        .iter()
        .position(|seen| matches!(seen.output, Output::Reply { request, .. } if request == on_polls[0]));
    assert!(carried < replied, "before the answer ends the stream");
    // A client that opens a stream after all gets it there too; the first answer counts.
    let wait = bench.wait(&id);
    assert_eq!(deliveries(&bench, 1).last(), Some(&Some(wait)));
    bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into()));
    assert_eq!(answered(&bench, 1), Some(None));

    // Where a stream is open, polls carry nothing.
    nested(&mut bench, call, 2);
    for _ in 0..5 {
        assert_eq!(bench.status(&id), "input_required");
    }
    assert_eq!(deliveries(&bench, 2), [Some(wait)]);
}

/// H78: what nothing can carry is given up soon, unless something carries it meanwhile.
#[test]
fn a_question_without_a_carrier_is_given_up() {
    for meanwhile in [false, true] {
        let mut bench = Bench::new(G25);
        bench.peer = bench.world.open(0, Some("ann"), false);
        let (call, id) = bench.start();
        nested(&mut bench, call, 1);
        bench.input(0, |receiver, now| receiver.handle_uncarried(now, 1.into()));
        bench.pass(2_000);
        assert_eq!(bench.withdrawn(1), None);
        let wait = meanwhile.then(|| bench.wait(&id));
        bench.pass(2_000);
        assert_eq!(bench.withdrawn(1), (!meanwhile).then_some(Withdrawal::NoCarrier));
        assert_eq!(bench.status(&id), if meanwhile { "input_required" } else { "working" });
        bench.complete(0, call);
        assert!(wait.is_none_or(|wait| bench.replied(wait).is_some()));
        bench.assert_idle();
    }
}

/// A handler that ends with open requests leaves none behind.
#[test]
fn a_handler_ends_with_open_requests() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (call, id) = bench.start();
        bench.ask(0, call, 1, "name");
        bench.complete(0, call);
        assert_eq!(bench.status(&id), "completed");
        assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
        bench.assert_idle();
    }
}

/// H25, G26-UPD-06: an answer that another receiver stored reaches the handler that waits here, once, also where the
/// store tells nobody of changes.
#[test]
fn an_answer_that_came_elsewhere() {
    for watched in [true, false] {
        let mut bench = Bench::of(World::new(2), G26, policy());
        let (call, id) = bench.start();
        bench.ask(0, call, 1, "name");
        let peer = bench.world.open(1, Some("ann"), false);
        let update = bench.world.update(1, peer, &id, &[("name-1", GOOD)]);
        assert!(acknowledged(&bench, update));
        if watched {
            bench.changed(0, "ann", &id);
        }
        bench.pass(if watched { 0 } else { 5_000 });
        bench.pass(20_000);
        assert_eq!(
            bench.count(
                |output| matches!(output, Output::AnsweredElsewhere { input: FIRST_INPUT, key, .. } if key == "name-1")
            ),
            1
        );
        assert_eq!(bench.status(&id), "working");
        bench.complete(0, call);
        bench.assert_idle();
    }
}
