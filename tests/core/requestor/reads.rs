//! When a task is read, and what a read changes.

use mcp_longhaul::requestor::{
    Action, Answered, Bounds, Ending, Event, Options, Output, Preference, Reply, Requestor, Snapshot, Stage, TABLE,
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

/// An observer of every snapshot makes the reads as frequent as the hint says.
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

/// A caller that waits only so long for a sign of life has its task read in time, within the bounds; not where signs
/// come by themselves.
#[test]
fn an_impatient_caller_is_heard() {
    for (silence, expected) in [(900, 300..=330), (120, 100..=110), (1_000_000, 1000..=1100)] {
        let mut world = World::with(Options { listen: false, request_timeout: 30_000, ..Options::default() });
        world.call(1, Generation::G26, "any", Preference::Prefer);
        world.run(|r, _| r.handle_silence(1.into(), silence));
        let outputs =
            world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(snapshot("t1", "working")), 1.into()));
        assert_eq!(sent(&outputs, Method::Get), None);
        for _ in 0..3 {
            let (waited, read) = world.wait_for(Method::Get);
            assert!(expected.contains(&waited), "{waited} ms");
            world.snapshot(read, "t1", "working");
        }
    }
    let mut world = World::new();
    world.follow(1, Generation::G25);
    world.run(|r, _| r.handle_silence(1.into(), 900));
    let (_, read) = world.wait_for(Method::Get);
    world.snapshot(read, "t1", "working");
    assert!(world.wait_for(Method::Get).0 >= 30_000);
}

fn ramped() -> World {
    World::with(Options {
        bounds: Bounds::default(),
        max_age: None,
        request_timeout: 30_000,
        listen: false,
        first_read: 20,
        seed: 7,
    })
}

/// X-GET-02, G26-GET-07: a new task is read after 20 ms, then after twice as long each time, until the pause is the
/// interval that the server suggests: a short task does not take as long as a long interval.
#[test]
fn a_new_task_is_read_soon() {
    let mut world = ramped();
    let facts = |id| Reply::Handle(Snapshot { poll: 5000.0, ..snapshot(id, "working") });
    world.call(1, Generation::G26, "required", Preference::Prefer);
    world.run(|r, now| r.handle_reply(now, 1.into(), facts("t1"), 1.into()));
    for expected in [20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000] {
        let (waited, read) = world.wait_for(Method::Get);
        assert!(waited >= expected && waited <= expected + expected / 10 + 1, "{expected}: {waited}");
        world.answer(read, Answered::Snapshot(Snapshot { poll: 5000.0, ..snapshot("t1", "working") }));
    }
    // A server that has enough of it is left alone.
    world.call(2, Generation::G26, "required", Preference::Prefer);
    world.run(|r, now| r.handle_reply(now, 2.into(), facts("t2"), 1.into()));
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
