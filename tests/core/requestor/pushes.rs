//! Snapshots that the server pushes.

use mcp_longhaul::requestor::{Answer, Answered, Ending, Output, Snapshot};
use mcp_longhaul::wire::{Generation, Method, Status};

use super::{World, answers, ending, sent, snapshot};

/// X-NTF-01, G25-NTF-06, H69, H70: notifications are hints; the first end counts, and tasks that are not followed are
/// none of ours.
#[test]
fn notifications_are_hints() {
    let push = |world: &mut World, generation, snapshot: Snapshot<'static>| {
        world.run(|r, now| r.handle_notification(now, generation, &snapshot, 3.into()))
    };
    let notify = |world: &mut World, snapshot| push(world, Generation::G26, snapshot);
    let mut world = World::new();
    assert_eq!(notify(&mut world, snapshot("t1", "completed")), [], "before the creating answer");
    let (task, _) = world.follow(1, Generation::G26);
    assert_eq!(notify(&mut world, snapshot("other", "completed")), []);
    assert_eq!(notify(&mut world, snapshot("t1", "paused")), []);
    assert_eq!(
        notify(&mut world, snapshot("t1", "working")),
        [Output::Changed { task, payload: 3.into(), progress: false }]
    );
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
        let outputs = world.run(|r, now| r.handle_notification(now, generation, &told, 3.into()));
        assert!(
            outputs.contains(&Output::Changed { task, payload: 3.into(), progress: expected }),
            "{generation:?} {status}"
        );
    }
}

/// X-GEN-07: a push counts for the tasks of its own generation alone.
#[test]
fn a_push_of_the_other_generation_is_nothing() {
    for (of, told) in [(Generation::G25, Generation::G26), (Generation::G26, Generation::G25)] {
        let mut world = World::new();
        world.follow(1, of);
        assert_eq!(world.run(|r, now| r.handle_notification(now, told, &snapshot("t1", "working"), 3.into())), []);
    }
}
