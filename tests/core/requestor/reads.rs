//! Reading a task, and knowing when it is over.

use mcp_longhaul::requestor::{
    Action, Answer, Answered, Bounds, Ending, Event, Options, Output, Preference, Reply, Requestor, Snapshot, Stage,
    TABLE,
};
use mcp_longhaul::wire::{Generation, Method, Status, error};

use super::{World, answers, ending, sent, snapshot};

/// Each stage answers each event once, and a stage that nothing leaves does not exist.
#[test]
fn the_table_is_a_function() {
    for (index, (stage, event, _, _)) in TABLE.iter().enumerate() {
        assert!(
            !TABLE[..index].iter().any(|(other, on, _, _)| (other, on) == (stage, event)),
            "{stage:?} {event:?} twice"
        );
    }
    for stage in [Stage::Following, Stage::Doubting, Stage::LastLook, Stage::Fetching] {
        let rows = TABLE.iter().filter(|(from, ..)| *from == stage);
        assert!(
            rows.clone().any(|(_, _, _, action)| matches!(action, Action::End(_) | Action::EndAsKnown)),
            "{stage:?} never ends"
        );
        assert!(
            rows.clone().any(|(_, on, _, _)| *on == Event::Missing),
            "{stage:?} does not end when the task is gone"
        );
    }
}

/// X-GET-02, G25-GET-03, G26-GET-07, H19: hints are kept to, within the bounds, and a tenth of jitter comes on top.
#[test]
fn polls_keep_to_the_hint() {
    let table = [
        (f64::NAN, 1000),
        (2500.0, 2500),
        (0.0, 1000),
        (-5.0, 1000),
        (f64::INFINITY, 1000),
        (1.0, 100),
        (1e12, 60_000),
    ];
    for (hint, expected) in table {
        let mut world = World::new();
        let (_, outputs) = world.follow(1, Generation::G26);
        assert_eq!(sent(&outputs, Method::Get), None, "a task that has just begun is not read at once");
        let (_, mut read) = world.wait_for(Method::Get);
        let mut waits = Vec::new();
        for _ in 0..40 {
            world.answer(
                read,
                Answered::Snapshot(Snapshot { poll: hint, ttl: f64::INFINITY, ..snapshot("t1", "working") }),
            );
            let (waited, next) = world.wait_for(Method::Get);
            waits.push(waited);
            read = next;
        }
        assert!(waits.iter().all(|&wait| wait >= expected && wait <= expected + expected / 10), "{hint}: {waits:?}");
        assert!(waits.iter().any(|&wait| wait != waits[0]), "{hint}: no jitter");
    }
}

/// G26-GET-07, G26-TTL-02: the newest hint counts.
#[test]
fn the_newest_hint_counts() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    world.answer(read, Answered::Snapshot(Snapshot { poll: 20_000.0, ..snapshot("t1", "working") }));
    let (waited, read) = world.wait_for(Method::Get);
    assert!(waited >= 20_000);
    world.answer(read, Answered::Snapshot(Snapshot { poll: 200.0, ..snapshot("t1", "working") }));
    assert!(world.wait_for(Method::Get).0 <= 220);
}

/// X-GET-03: while a read waits for its answer there is no other, and one that is never answered is given up.
#[test]
fn one_read_at_a_time() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let (_, first) = world.wait_for(Method::Get);
    for observers in 1..50 {
        let outputs = world.run(|r, now| r.handle_observers(now, task, observers));
        assert_eq!(sent(&outputs, Method::Get), None);
    }
    assert_eq!(world.pass(29_000), []);
    let (_, second) = world.wait_for(Method::Get);
    assert_ne!(first, second);
    assert_eq!(world.snapshot(first, "t1", "completed"), [], "it was given up");
    assert_eq!(answers(&world.snapshot(second, "t1", "completed")).len(), 1);
}

/// X-GET-01, H86, H87, X-LIM-08: another task's answer and an unknown status change nothing, and not for ever.
#[test]
fn a_wrong_snapshot_changes_nothing() {
    for (id, status) in [("other", "completed"), ("t1", "paused"), ("", "working")] {
        let mut world = World::new();
        world.follow(1, Generation::G26);
        let (_, read) = world.wait_for(Method::Get);
        assert_eq!(world.snapshot(read, id, status), []);
        let (_, read) = world.wait_for(Method::Get);
        assert_eq!(
            ending(&world.snapshot(read, "t1", "completed")),
            Some((Ending::Completed, Some(Status::Completed)))
        );

        let mut world = World::new();
        world.follow(1, Generation::G26);
        let mut reads = 0;
        let ended = loop {
            let (_, read) = world.wait_for(Method::Get);
            reads += 1;
            if let Some(ended) = ending(&world.snapshot(read, id, status)) {
                break ended;
            }
        };
        assert_eq!((reads, ended.0), (10, Ending::Protocol));
    }
}

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

/// X-ERR-05: what each error to a read means.
#[test]
fn errors_of_reads() {
    // Unknown: confirmed once, after the usual interval (H88), then lost (H23).
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(world.error(read, error::INVALID_PARAMS), []);
    let (waited, read) = world.wait_for(Method::Get);
    assert!(waited >= 1000);
    assert_eq!(ending(&world.error(read, error::INVALID_PARAMS)), Some((Ending::NotFound, None)));

    // A replica that lagged behind: all is well.
    let mut world = World::new();
    world.follow(1, Generation::G26);
    for _ in 0..3 {
        let (_, read) = world.wait_for(Method::Get);
        world.error(read, error::INVALID_PARAMS);
        let (_, read) = world.wait_for(Method::Get);
        assert!(ending(&world.snapshot(read, "t1", "working")).is_none());
    }

    // A configuration error: no second attempt.
    for code in [error::METHOD_NOT_FOUND, error::MISSING_CAPABILITY] {
        let mut world = World::new();
        world.follow(1, Generation::G26);
        let (_, read) = world.wait_for(Method::Get);
        assert_eq!(ending(&world.error(read, code)), Some((Ending::Unsupported, None)));
    }

    // Trouble: slower and slower, and not for ever (X-LIM-11, X-GET-02).
    for lost in [true, false] {
        let mut world = World::new();
        world.follow(1, Generation::G26);
        let (_, mut read) = world.wait_for(Method::Get);
        let mut waits = Vec::new();
        let ended = loop {
            let outputs = if lost { world.answer(read, Answered::Lost) } else { world.error(read, error::INTERNAL) };
            if let Some(ended) = ending(&outputs) {
                break ended;
            }
            let (waited, next) = world.wait_for(Method::Get);
            waits.push(waited);
            read = next;
        };
        assert_eq!(ended.0, Ending::Unreachable);
        assert_eq!(waits.len(), 9);
        assert!(waits.windows(2).all(|pair| pair[1] > pair[0] || pair[1] >= 60_000), "{waits:?}");
        assert!(waits.iter().all(|&wait| wait <= 66_000), "{waits:?}");
    }

    // One good answer forgives all failures.
    let mut world = World::new();
    world.follow(1, Generation::G26);
    for _ in 0..5 {
        for _ in 0..9 {
            let (_, read) = world.wait_for(Method::Get);
            assert!(ending(&world.answer(read, Answered::Lost)).is_none());
        }
        let (_, read) = world.wait_for(Method::Get);
        world.answer(read, Answered::Snapshot(Snapshot { ttl: f64::INFINITY, ..snapshot("t1", "working") }));
    }
}

/// X-TTL-03, X-TTL-04, H21: a task is over when its time has passed here, after one more look; its own clock may show
/// any time.
#[test]
fn the_time_to_live_is_a_backstop() {
    // Ten minutes to live, four of which had passed on the server.
    let old = |status: &'static str| Snapshot { ttl: 600_000.0, age: 240_000.0, ..snapshot("t1", status) };
    let start = || {
        let mut world = World::new();
        world.call(1, Generation::G26, "any", mcp_longhaul::requestor::Preference::Prefer);
        world.run(|r, now| r.handle_reply(now, 1, mcp_longhaul::requestor::Reply::Handle(old("working")), 1));
        world
    };
    let live = |world: &mut World| {
        let began = world.now;
        loop {
            let (_, read) = world.wait_for(Method::Get);
            if world.now - began >= 360_000 {
                return (world.now - began, read);
            }
            world.answer(read, Answered::Snapshot(old("working")));
        }
    };
    let mut world = start();
    let (lived, read) = live(&mut world);
    assert_eq!(lived, 360_000);
    assert_eq!(ending(&world.answer(read, Answered::Snapshot(old("working")))), Some((Ending::Expired, None)));

    let mut world = start();
    let (_, read) = live(&mut world);
    assert_eq!(
        ending(&world.answer(read, Answered::Snapshot(old("completed")))),
        Some((Ending::Completed, Some(Status::Completed))),
        "it ended just in time"
    );

    let mut world = start();
    let (_, read) = live(&mut world);
    let extended = Snapshot { ttl: 900_000.0, ..old("working") };
    assert_eq!(ending(&world.answer(read, Answered::Snapshot(extended))), None, "its time has grown (G26-TTL-02)");

    let mut world = start();
    let (_, read) = live(&mut world);
    assert_eq!(ending(&world.error(read, error::INVALID_PARAMS)), Some((Ending::Expired, None)));
    let mut world = start();
    let (_, read) = live(&mut world);
    assert_eq!(ending(&world.answer(read, Answered::Lost)), Some((Ending::Expired, None)));
}

/// X-TTL-03: a clock that stood still here, as in a sleeping machine, does not make a task younger than the server
/// says.
#[test]
fn the_server_knows_the_age_too() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    let old = || Snapshot { ttl: 600_000.0, age: 595_000.0, poll: 60_000.0, ..snapshot("t1", "working") };
    let began = world.now;
    world.answer(read, Answered::Snapshot(old()));
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(world.now - began, 5_000);
    assert_eq!(ending(&world.answer(read, Answered::Snapshot(old()))), Some((Ending::Expired, None)));
}

/// H20, G26-TTL-02: the newest time to live counts, also a shorter one.
#[test]
fn a_shorter_time_to_live_counts() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    let began = world.now;
    world.answer(read, Answered::Snapshot(Snapshot { ttl: 10_000.0, poll: 60_000.0, ..snapshot("t1", "working") }));
    let (_, read) = world.wait_for(Method::Get);
    assert!(world.now - began <= 10_000);
    assert_eq!(
        ending(&world.answer(read, Answered::Snapshot(Snapshot { ttl: 10_000.0, ..snapshot("t1", "working") }))),
        Some((Ending::Expired, None))
    );
}

/// X-LIM-11: a task without an end is followed for a day, or as long as the caller says.
#[test]
fn nothing_is_followed_for_ever() {
    for (max_age, expected) in [(None, 86_400_000), (Some(50_000), 50_000)] {
        let mut world =
            World::with(Options { bounds: Bounds::default(), max_age, listen: true, first_read: 0, seed: 1 });
        world.call(1, Generation::G26, "any", mcp_longhaul::requestor::Preference::Prefer);
        let endless = || Snapshot { ttl: f64::INFINITY, poll: 60_000.0, ..snapshot("t1", "working") };
        let began = world.now;
        world.run(|r, now| r.handle_reply(now, 1, mcp_longhaul::requestor::Reply::Handle(endless()), 1));
        let mut reads = 0;
        loop {
            let (_, read) = world.wait_for(Method::Get);
            reads += 1;
            if ending(&world.answer(read, Answered::Snapshot(endless()))).is_some() {
                break;
            }
        }
        assert_eq!(world.now - began, expected);
        assert!(reads <= expected / 60_000 + 1);
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

/// Somebody who wants every snapshot makes the reads as frequent as the hint says.
#[test]
fn observers_make_reads_frequent() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G25);
    let outputs = world.run(|r, now| r.handle_observers(now, task, 1));
    assert_eq!(sent(&outputs, Method::Get), None);
    for _ in 0..5 {
        let (waited, read) = world.wait_for(Method::Get);
        assert!(waited <= 1100);
        world.snapshot(read, "t1", "working");
    }
    world.run(|r, now| r.handle_observers(now, task, 0));
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "working");
    assert!(world.wait_for(Method::Get).0 >= 30_000);
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
        let outputs = world.run(|r, now| r.handle_cancel(now, 1, task, false));
        let outputs = world.error(sent(&outputs, Method::Cancel).expect("it is sent"), code);
        assert_eq!(
            outputs,
            [Output::Cancelled { waiter: 1, status: None, error: Some(Ending::Unsupported) }],
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

/// X-NTF-01, G25-NTF-06, H69, H70: notifications are hints; the first end counts, and strangers' tasks are nobody's.
#[test]
fn notifications_are_hints() {
    let push = |world: &mut World, generation, snapshot: Snapshot<'static>| {
        world.run(|r, now| r.handle_notification(now, generation, &snapshot, 3))
    };
    let notify = |world: &mut World, snapshot| push(world, Generation::G26, snapshot);
    let mut world = World::new();
    assert_eq!(notify(&mut world, snapshot("t1", "completed")), [], "before the creating answer");
    let (task, _) = world.follow(1, Generation::G26);
    assert_eq!(notify(&mut world, snapshot("other", "completed")), []);
    assert_eq!(notify(&mut world, snapshot("t1", "paused")), []);
    assert_eq!(notify(&mut world, snapshot("t1", "working")), [Output::Changed { task, payload: 3 }]);
    let outputs = notify(&mut world, snapshot("t1", "completed"));
    assert_eq!(answers(&outputs), [(1, Answer::Outcome(task))]);
    assert_eq!(notify(&mut world, snapshot("t1", "failed")), []);

    let notify = |world: &mut World, snapshot| push(world, Generation::G25, snapshot);
    // A read that was under way when the end came is not shown.
    let mut world = World::new();
    world.follow(3, Generation::G25);
    let (_, read) = world.wait_for(Method::Get);
    notify(&mut world, snapshot("t3", "completed"));
    assert_eq!(world.snapshot(read, "t3", "working"), []);

    // In 2025 the end is known first, then its outcome; later contradictions are not believed.
    let mut world = World::new();
    let (_, outputs) = world.follow(2, Generation::G25);
    let result = sent(&outputs, Method::Result).expect("it waits");
    notify(&mut world, snapshot("t2", "failed"));
    assert_eq!(notify(&mut world, snapshot("t2", "completed")), []);
    assert_eq!(notify(&mut world, snapshot("t2", "working")), []);
    assert_eq!(
        ending(&world.answer(result, Answered::Result { is_error: true })),
        Some((Ending::Completed, Some(Status::Failed)))
    );
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

/// H94: with the connection everything ends here, once, and nothing is sent or planned.
#[test]
fn a_closed_connection_ends_everything() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    world.follow(2, Generation::G25);
    world.call(3, Generation::G26, "any", mcp_longhaul::requestor::Preference::Prefer);
    let outputs = world.run(|r, _| r.handle_close(Ending::Connection));
    let mut answered: Vec<_> = answers(&outputs).into_iter().map(|(call, _)| call).collect();
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Ask { .. })));
    assert_eq!(world.requestor.next_deadline(), None);
}

/// After trouble in the transport any stream may be dead: each task is looked at, an interval after the look before,
/// and the outcome is asked for once more. Trouble that goes on is no reason for more requests than polls would be.
#[test]
fn trouble_makes_it_look() {
    for generation in [Generation::G25, Generation::G26] {
        let mut world = World::new();
        world.follow(1, generation);
        let (_, read) = world.wait_for(Method::Get);
        world.snapshot(read, "t1", "working");
        let mut reads = 0;
        let mut results = 0;
        for _ in 0..100 {
            let mut outputs = world.run(Requestor::handle_trouble);
            outputs.extend(world.pass(100));
            for output in &outputs {
                if let Output::Ask { request, method, .. } = output {
                    match method {
                        Method::Get => {
                            reads += 1;
                            world.snapshot(*request, "t1", "working");
                        }
                        _ => results += 1,
                    }
                }
            }
        }
        assert!((8..=11).contains(&reads), "{generation:?}: {reads} reads in ten intervals");
        assert!(results <= 4, "{generation:?}: {results} more streams for the outcome");
        assert_eq!(results > 0, generation == Generation::G25);
    }
}

/// A session that the server does not know: what was followed in it ends, and may be resumed in another.
#[test]
fn a_lost_session_ends_what_is_followed() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G25);
    let outputs = world.run(|r, _| r.handle_session_lost());
    assert_eq!(ending(&outputs), Some((Ending::Connection, None)));
    assert_eq!(answers(&outputs), [(1, Answer::Outcome(task))]);
    assert_eq!(world.requestor.next_deadline(), None);
}

/// A caller that waits only so long for a sign of life has its task read in time, within the bounds; not where signs
/// come by themselves.
#[test]
fn an_impatient_caller_is_heard() {
    for (silence, expected) in [(900, 300..=330), (120, 100..=110), (1_000_000, 1000..=1100)] {
        let mut world = World::with(Options { listen: false, ..Options::default() });
        world.call(1, Generation::G26, "any", Preference::Prefer);
        world.run(|r, _| r.handle_silence(1, silence));
        let outputs = world.run(|r, now| r.handle_reply(now, 1, Reply::Handle(snapshot("t1", "working")), 1));
        assert_eq!(sent(&outputs, Method::Get), None);
        for _ in 0..3 {
            let (waited, read) = world.wait_for(Method::Get);
            assert!(expected.contains(&waited), "{waited} ms");
            world.snapshot(read, "t1", "working");
        }
    }
    let mut world = World::new();
    world.follow(1, Generation::G25);
    world.run(|r, _| r.handle_silence(1, 900));
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "working");
    assert!(world.wait_for(Method::Get).0 >= 30_000);
}

fn ramped() -> World {
    World::with(Options { bounds: Bounds::default(), max_age: None, listen: false, first_read: 20, seed: 7 })
}

/// X-GET-02, G26-GET-07: a new task is read after 20 ms, then after twice as long each time, until the pause is the
/// interval that the server suggests: a short task does not take as long as a long interval.
#[test]
fn a_new_task_is_read_soon() {
    let mut world = ramped();
    let facts = |id| Reply::Handle(Snapshot { poll: 5000.0, ..snapshot(id, "working") });
    world.call(1, Generation::G26, "required", Preference::Prefer);
    world.run(|r, now| r.handle_reply(now, 1, facts("t1"), 1));
    for expected in [20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000] {
        let (waited, read) = world.wait_for(Method::Get);
        assert!(waited >= expected && waited <= expected + expected / 10 + 1, "{expected}: {waited}");
        world.answer(read, Answered::Snapshot(Snapshot { poll: 5000.0, ..snapshot("t1", "working") }));
    }
    // A server that has enough of it is left alone.
    world.call(2, Generation::G26, "required", Preference::Prefer);
    world.run(|r, now| r.handle_reply(now, 2, facts("t2"), 1));
    let (_, read) = world.wait_for(Method::Get);
    world.error(read, error::INTERNAL);
    assert!(world.wait_for(Method::Get).0 >= 4000);
}

/// Of many new tasks at once few are read soon; the others wait for their interval.
#[test]
fn few_of_many_new_tasks_are_read_soon() {
    let mut world = ramped();
    for call in 1..=500 {
        world.follow(call, Generation::G26);
    }
    let early =
        world.pass(900).iter().filter(|output| matches!(output, Output::Ask { method: Method::Get, .. })).count();
    assert_eq!(early, 32);
}

/// G26-PRG-01, G25-PRG-01: what has moved is progress where there is no other, as long as the task runs.
#[test]
fn a_snapshot_that_moved_is_progress_where_there_is_no_other() {
    for (generation, status, moved, expected) in [
        (Generation::G26, "working", true, true),
        (Generation::G26, "input_required", true, true),
        (Generation::G26, "working", false, false),
        (Generation::G26, "cancelled", true, false),
        (Generation::G25, "working", true, false),
    ] {
        let mut world = World::new();
        let (task, _) = world.follow(1, generation);
        let told = Snapshot { moved, inputs: Some(&[]), ..snapshot("t1", status) };
        let outputs = world.run(|r, now| r.handle_notification(now, generation, &told, 3));
        assert!(outputs.contains(&Output::Changed { task, payload: 3 }));
        assert_eq!(outputs.contains(&Output::Progress { task }), expected, "{generation:?} {status}");
    }
}

/// X-GEN-07: a push counts for the tasks of its own generation alone.
#[test]
fn a_push_of_the_other_generation_is_nothing() {
    for (of, told) in [(Generation::G25, Generation::G26), (Generation::G26, Generation::G25)] {
        let mut world = World::new();
        world.follow(1, of);
        assert_eq!(world.run(|r, now| r.handle_notification(now, told, &snapshot("t1", "working"), 3)), []);
    }
}
