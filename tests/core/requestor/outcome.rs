//! How the outcome of a task is got.

use mcp_longhaul::requestor::{Answer, Answered, Ending, Output, Snapshot};
use mcp_longhaul::wire::{Generation, Method, Status, error};

use super::{World, answers, ending, sent, snapshot};

/// A snapshot without what its status carries is no snapshot.
#[test]
fn a_terminal_read_must_carry_its_outcome() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    let bare = Snapshot { has_result: false, ..snapshot("t1", "completed") };
    assert_eq!(world.answer(read, Answered::Snapshot(bare)), []);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(world.snapshot(read, "t1", "input_required"), []);
    assert_eq!(world.requestor.followed(), 1);
}

/// G26-RES-06: what each status becomes.
#[test]
fn outcomes_of_2026() {
    let table = [
        ("completed", Ending::Completed, Status::Completed),
        ("failed", Ending::Failed, Status::Failed),
        ("cancelled", Ending::Cancelled, Status::Cancelled),
    ];
    for (word, expected, status) in table {
        let mut world = World::new();
        let (task, _) = world.follow(1, Generation::G26);
        let (_, read) = world.wait_for(Method::Get);
        let outputs = world.snapshot(read, "t1", word);
        assert_eq!(ending(&outputs), Some((expected, Some(status))));
        assert_eq!(answers(&outputs), [(1, Answer::Outcome(task))]);
        assert_eq!(outputs.last(), Some(&Output::Forget { task }));
    }
}

/// G25-INP-03, G25-RES-12: a watched task of 2025 waits in `tasks/result` at once, for as long as it takes, and is read
/// only now and then.
#[test]
fn a_task_of_2025_waits_for_its_result() {
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let result = sent(&outputs, Method::Result).expect("it waits at once");
    let outputs = world.pass(600_000);
    let reads = outputs.iter().filter(|output| matches!(output, Output::Ask { method: Method::Get, .. })).count();
    assert!((8..=20).contains(&reads), "{reads} reads in ten minutes");
    assert_eq!(sent(&outputs, Method::Result), None, "no timeout ends the wait");
    let outputs = world.answer(result, Answered::Result { is_error: false });
    assert_eq!(ending(&outputs), Some((Ending::Completed, Some(Status::Completed))));
}

/// G25-RES-12, G25-GET-04, H07: a lost `tasks/result` is sent again, as another request, and reads go on meanwhile.
#[test]
fn a_lost_result_is_asked_for_again() {
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let mut result = sent(&outputs, Method::Result).expect("it waits");
    let mut seen = vec![result];
    for _ in 0..30 {
        world.answer(result, Answered::Lost);
        let outputs = world.pass(10_000_000);
        result = sent(&outputs, Method::Result).expect("it waits again");
        assert!(!seen.contains(&result));
        seen.push(result);
        let read = sent(&outputs, Method::Get).expect("reads resume");
        world.answer(read, Answered::Snapshot(Snapshot { ttl: f64::INFINITY, ..snapshot("t1", "working") }));
        if world.requestor.followed() == 0 {
            break;
        }
    }
}

/// G25-RES-13, H80: a failed task's real outcome comes from `tasks/result`, also when it is a tool's own error.
#[test]
fn a_failed_task_of_2025_is_fetched() {
    for (answered, expected) in
        [(Answered::Result { is_error: true }, Ending::Completed), (Answered::Error { code: -32042 }, Ending::Failed)]
    {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G25);
        let result = sent(&outputs, Method::Result).expect("it waits");
        let (_, read) = world.wait_for(Method::Get);
        let outputs = world.snapshot(read, "t1", "failed");
        assert_eq!(ending(&outputs), None);
        let second = sent(&outputs, Method::Result).expect("it is asked for at once");
        if matches!(answered, Answered::Error { .. }) {
            assert_eq!(world.error(result, error::INVALID_PARAMS), [], "it speaks of a moment before the end");
        }
        assert_eq!(ending(&world.answer(second, answered)), Some((expected, Some(Status::Failed))));
    }
    // Retrieval fails: what the snapshot said is all there is.
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let mut result = sent(&outputs, Method::Result).expect("it waits");
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "failed");
    let ended = loop {
        if let Some(ended) = ending(&world.answer(result, Answered::Lost)) {
            break ended;
        }
        result = world.wait_for(Method::Result).1;
    };
    assert_eq!(ended, (Ending::Failed, Some(Status::Failed)));
}

/// A read knows that the task has ended, and the waiting `tasks/result` is silent: another one is sent, and the first
/// answer of either counts.
#[test]
fn a_silent_result_is_asked_for_again() {
    for first_wins in [true, false] {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G25);
        let first = sent(&outputs, Method::Result).expect("it waits");
        let (_, read) = world.wait_for(Method::Get);
        let outputs = world.snapshot(read, "t1", "completed");
        let second = sent(&outputs, Method::Result).expect("it is asked for at once");
        let (winner, loser) = if first_wins { (first, second) } else { (second, first) };
        assert_eq!(answers(&world.answer(winner, Answered::Result { is_error: false })).len(), 1);
        assert_eq!(world.answer(loser, Answered::Result { is_error: false }), []);
    }
}

/// An error of `tasks/result` is the task's own, or is about the task; a read tells which.
#[test]
fn an_error_of_a_result_is_looked_into() {
    let start = || {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G25);
        let result = sent(&outputs, Method::Result).expect("it waits");
        let outputs = world.error(result, error::INVALID_PARAMS);
        assert!(outputs.iter().any(|output| matches!(output, Output::Hold { .. })));
        let read = sent(&outputs, Method::Get).expect("it is read at once");
        (world, read)
    };
    // It may have been about a task that was not over yet: the outcome is asked for once more.
    for (answered, expected) in
        [(Answered::Result { is_error: true }, Ending::Completed), (Answered::Error { code: -32602 }, Ending::Failed)]
    {
        let (mut world, read) = start();
        let outputs = world.snapshot(read, "t1", "failed");
        assert_eq!(ending(&outputs), None);
        let result = sent(&outputs, Method::Result).expect("it is asked for at once");
        assert_eq!(ending(&world.answer(result, answered)), Some((expected, Some(Status::Failed))));
    }
    let (mut world, read) = start();
    assert_eq!(ending(&world.snapshot(read, "t1", "cancelled")), Some((Ending::Cancelled, Some(Status::Cancelled))));
    let (mut world, read) = start();
    world.error(read, error::INVALID_PARAMS);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(ending(&world.error(read, error::INVALID_PARAMS)), Some((Ending::NotFound, None)));
    let (mut world, read) = start();
    assert_eq!(ending(&world.snapshot(read, "t1", "working")), None);
    assert!(world.wait_for(Method::Result).0 >= 1000, "the server was wrong: it is asked again, not at once");
}

/// X-ERR-05: what is refused for what it says is refused again: no repetition helps. What passes is asked for again.
#[test]
fn a_refusal_that_cannot_heal_ends_at_once() {
    for code in [-32700, -32600, -32601, -32020, -32021, -32022, 400, 403, 405, 413] {
        let mut world = World::new();
        world.follow(1, Generation::G26);
        let read = world.wait_for(Method::Get).1;
        assert_eq!(ending(&world.error(read, code)), Some((Ending::Unsupported, None)), "{code}");
        if code == -32600 {
            // Some servers say so of a task that has ended: one read tells.
            continue;
        }
        let mut world = World::new();
        let (task, _) = world.follow(1, Generation::G26);
        let outputs = world.run(|r, now| r.handle_cancel(now, 1.into(), task, false));
        let outputs = world.error(sent(&outputs, Method::Cancel).expect("it is sent"), code);
        assert_eq!(
            outputs,
            [Output::Cancelled { waiter: 1.into(), status: None, error: Some(Ending::Unsupported) }],
            "{code}"
        );
    }
    for code in [-32603, -32000, 401, 404, 408, 429, 500, 503] {
        let mut world = World::new();
        world.follow(1, Generation::G26);
        let read = world.wait_for(Method::Get).1;
        assert_eq!(ending(&world.error(read, code)), None, "{code}");
        let read = world.wait_for(Method::Get).1;
        assert_eq!(
            ending(&world.snapshot(read, "t1", "completed")),
            Some((Ending::Completed, Some(Status::Completed)))
        );
    }
    // HTTP tells nothing about an outcome.
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let result = sent(&outputs, Method::Result).expect("it waits");
    let read = world.wait_for(Method::Get).1;
    let result = sent(&world.snapshot(read, "t1", "failed"), Method::Result).unwrap_or(result);
    assert_eq!(ending(&world.error(result, 403)), None);
}

/// The status may be ahead of the outcome: a task that has completed is asked for its outcome a few times, not for
/// ever.
#[test]
fn an_outcome_that_lags_behind_its_status_is_waited_for() {
    for refusals in [3, 100] {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G25);
        world.error(sent(&outputs, Method::Result).expect("it waits"), error::INVALID_PARAMS);
        let read = world.wait_for(Method::Get).1;
        let mut result =
            sent(&world.snapshot(read, "t1", "completed"), Method::Result).expect("it is asked for at once");
        let mut refused = 0;
        let ended = loop {
            refused += 1;
            let answered = if refused > refusals {
                Answered::Result { is_error: false }
            } else {
                Answered::Error { code: -32602 }
            };
            if let Some(ended) = ending(&world.answer(result, answered)) {
                break ended;
            }
            result = world.wait_for(Method::Result).1;
        };
        let expected = if refusals == 3 { Ending::Completed } else { Ending::Unreachable };
        assert_eq!(ended, (expected, Some(Status::Completed)));
        assert!(refused < 10);
    }
}

/// G25-RES-13: some servers have no result for a task that failed; where it completed, nothing is its result.
#[test]
fn an_outcome_without_content_is_what_the_status_says() {
    for (status, expected) in
        [("failed", Ending::Failed), ("completed", Ending::Completed), ("cancelled", Ending::Cancelled)]
    {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G25);
        let result = sent(&outputs, Method::Result).expect("it waits");
        let outputs = world.answer(result, Answered::Empty);
        assert_eq!(ending(&outputs), None, "nothing was said about the task");
        let outputs = world.snapshot(sent(&outputs, Method::Get).expect("it is read at once"), "t1", status);
        let outputs = sent(&outputs, Method::Result).map_or(outputs, |result| world.answer(result, Answered::Empty));
        assert_eq!(ending(&outputs), Some((expected, Status::named(status))));
    }
}

/// G25-INP-03: a question of the task has one stream; if it is still there after a minute, the stream may be dead
/// and another one is opened (H08).
#[test]
fn input_required_has_a_stream() {
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let first = sent(&outputs, Method::Result).expect("it waits");
    let (_, read) = world.wait_for(Method::Get);
    let began = world.now;
    assert_eq!(sent(&world.snapshot(read, "t1", "input_required"), Method::Result), None, "one stream is enough");
    let mut seen = vec![first];
    let mut ask_again = |world: &mut World| loop {
        let (_, outputs) = world.wait();
        if let Some(read) = sent(&outputs, Method::Get) {
            world.snapshot(read, "t1", "input_required");
        }
        if let Some(result) = sent(&outputs, Method::Result) {
            assert!(!seen.contains(&result));
            seen.push(result);
            return result;
        }
    };
    let second = ask_again(&mut world);
    assert_eq!(world.now - began, 60_000);
    let mut last = second;
    for _ in 0..20 {
        last = ask_again(&mut world);
    }
    assert_eq!(world.answer(second, Answered::Lost), [], "long forgotten");
    let before = last;
    last = ask_again(&mut world);
    let planned = world.requestor.next_deadline();
    assert_eq!(world.answer(before, Answered::Lost), [], "another one is under way");
    assert_eq!(world.requestor.next_deadline(), planned);
    assert_eq!(answers(&world.answer(last, Answered::Result { is_error: false })).len(), 1);

    // Without a stream there is one at once.
    let mut world = World::new();
    let (_, outputs) = world.follow(1, Generation::G25);
    let result = sent(&outputs, Method::Result).expect("it waits");
    world.answer(result, Answered::Lost);
    let (_, read) = world.wait_for(Method::Get);
    assert!(sent(&world.snapshot(read, "t1", "input_required"), Method::Result).is_some());

    // Answered in time: nothing is opened.
    let mut world = World::new();
    world.follow(1, Generation::G25);
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "input_required");
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "working");
    assert_eq!(sent(&world.pass(120_000), Method::Result), None);
}
