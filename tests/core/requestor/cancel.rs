//! Cancelling, giving up and detaching.

use mcp_longhaul::method::CallMethod;
use mcp_longhaul::requestor::{Answer, Answered, CallFacts, Declared, Ending, Output, Preference, Reply, TaskNumber};
use mcp_longhaul::wire::{Generation, Method, Status, error};

use super::{SERVER, World, answers, ending, sent, snapshot};

fn cancel(world: &mut World, waiter: u32, task: TaskNumber, await_terminal: bool) -> Vec<Output> {
    world.run(|r, now| r.handle_cancel(now, waiter.into(), task, await_terminal))
}

fn settled(outputs: &[Output]) -> Vec<(u32, Option<Status>, Option<Ending>)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Cancelled { waiter, status, error } => Some((waiter.get(), *status, *error)),
            _ => None,
        })
        .collect()
}

/// G26-CAN-01, G26-CAN-06: one `tasks/cancel`, and after its acknowledgement nothing more.
#[test]
fn cancelling_in_2026() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let request = sent(&cancel(&mut world, 1, task, false), Method::Cancel).expect("a cancellation");
    assert_eq!(sent(&cancel(&mut world, 2, task, false), Method::Cancel), None, "one is enough");
    let outputs = world.answer(request, Answered::Result { is_error: false });
    // Both generations read alike.
    assert_eq!(ending(&outputs), Some((Ending::Cancelled, Some(Status::Cancelled))));
    let cancelled = Some(Status::Cancelled);
    assert_eq!(settled(&outputs), [(1, cancelled, None), (2, cancelled, None)]);
    assert_eq!(answers(&outputs), [(1, Answer::Outcome(task))]);
    assert_eq!(world.pass(1_000_000), []);
}

/// G26-CAN-07: a caller that wants to know gets the status in which the task really ended, and its result.
#[test]
fn awaiting_the_real_end() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let request = sent(&cancel(&mut world, 1, task, true), Method::Cancel).expect("a cancellation");
    let outputs = world.answer(request, Answered::Result { is_error: false });
    assert_eq!((ending(&outputs), settled(&outputs).len()), (None, 0));
    let mut read = sent(&outputs, Method::Get).expect("it is read at once");
    for _ in 0..3 {
        world.snapshot(read, "t1", "working");
        read = world.wait_for(Method::Get).1;
    }
    let outputs = world.snapshot(read, "t1", "completed");
    assert_eq!(settled(&outputs), [(1, Some(Status::Completed), None)]);
    assert_eq!(ending(&outputs), Some((Ending::Completed, Some(Status::Completed))));
}

/// G25-CAN-01: the answer of 2025 is the cancelled task.
#[test]
fn cancelling_in_2025() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G25);
    let request = sent(&cancel(&mut world, 1, task, false), Method::Cancel).expect("a cancellation");
    let outputs = world.snapshot(request, "t1", "cancelled");
    assert_eq!(ending(&outputs), Some((Ending::Cancelled, Some(Status::Cancelled))));
    assert_eq!(settled(&outputs), [(1, Some(Status::Cancelled), None)]);
}

/// G25-CAP-08: not declared, not sent; no other way is tried.
#[test]
fn an_undeclared_cancellation_is_not_sent() {
    let mut world = World::new();
    world.requestor.handle_declared(Declared { cancel: false, ..SERVER });
    world.requestor.handle_tool("required", mcp_longhaul::wire::Support::Required);
    let (task, _) = world.follow(1, Generation::G25);
    assert_eq!(
        cancel(&mut world, 1, task, false),
        [Output::Cancelled { waiter: 1.into(), status: None, error: Some(Ending::Unsupported) }]
    );
    let outputs = world.run(|r, now| r.handle_abort(now, 1.into()));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Ask { .. } | Output::Forward { .. })));
    assert_eq!(world.requestor.followed(), 0);
}

/// G25-CAN-10, G25-CAN-07: a refused cancellation came too late, or the task is gone: one read tells.
#[test]
fn a_refused_cancellation_is_looked_into() {
    for code in [error::INVALID_PARAMS, -32600] {
        let start = || {
            let mut world = World::new();
            let (task, outputs) = world.follow(1, Generation::G25);
            let result = sent(&outputs, Method::Result).expect("it waits");
            let request = sent(&cancel(&mut world, 1, task, false), Method::Cancel).expect("a cancellation");
            let read = sent(&world.error(request, code), Method::Get).expect("a read");
            (world, result, read)
        };
        let (mut world, result, read) = start();
        world.snapshot(read, "t1", "completed");
        let outputs = world.answer(result, Answered::Result { is_error: false });
        assert_eq!(settled(&outputs), [(1, Some(Status::Completed), None)], "too late");
        assert_eq!(ending(&outputs), Some((Ending::Completed, Some(Status::Completed))));

        let (mut world, _, read) = start();
        let outputs = world.error(read, error::INVALID_PARAMS);
        assert_eq!(ending(&outputs), Some((Ending::NotFound, None)), "gone");
        assert_eq!(settled(&outputs), [(1, None, None)]);

        let (mut world, _, read) = start();
        let outputs = world.snapshot(read, "t1", "working");
        assert_eq!(settled(&outputs), [(1, None, Some(Ending::Protocol))], "it still runs");
        assert_eq!(world.requestor.followed(), 1);
    }
}

/// H89: an unanswered cancellation is repeated, three times in all.
#[test]
fn a_lost_cancellation_is_repeated() {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let mut request = sent(&cancel(&mut world, 1, task, false), Method::Cancel).expect("a cancellation");
    for _ in 0..2 {
        assert_eq!(settled(&world.answer(request, Answered::Lost)), []);
        request = world.wait_for(Method::Cancel).1;
    }
    assert_eq!(settled(&world.answer(request, Answered::Lost)), [(1, None, Some(Ending::Unreachable))]);
    assert_eq!(world.requestor.followed(), 1, "the task is still followed");
}

fn given_up(cancels: bool) -> World {
    let mut world = World::new();
    let facts = CallFacts {
        generation: Some(Generation::G26),
        method: CallMethod::ToolsCall,
        tool: "any",
        preference: Preference::Prefer,
        cancels,
        ttl: None,
    };
    world.run(|r, now| r.handle_call(now, 1.into(), facts));
    world
}

/// A call that is given up before its task is known is cancelled there; a task that comes nevertheless is cancelled
/// too.
#[test]
fn giving_up_before_the_task_is_known() {
    for cancels in [true, false] {
        let mut world = given_up(cancels);
        assert_eq!(world.run(|r, now| r.handle_abort(now, 1.into())), [Output::Forward { call: 1.into() }]);
        assert_eq!(world.run(|r, now| r.handle_abort(now, 1.into())), []);
        let outputs =
            world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(snapshot("t1", "working")), 1.into()));
        assert!(answers(&outputs).is_empty());
        assert_eq!(sent(&outputs, Method::Cancel).is_some(), cancels);
        if let Some(request) = sent(&outputs, Method::Cancel) {
            assert!(answers(&world.answer(request, Answered::Result { is_error: false })).is_empty());
        }
        assert_eq!((world.requestor.followed(), world.requestor.next_deadline()), (0, None));
    }
}

/// Where only closing the exchange would cancel a call, its answer is waited for: a handle that is on its way names a
/// task that would run to its end. A call that is no task ends a moment later, and one that declared no tasks at once.
#[test]
fn hanging_up_waits_for_the_handle() {
    for cancels in [true, false] {
        let mut world = given_up(cancels);
        assert_eq!(world.run(|r, now| r.handle_hang_up(now, 1.into())), []);
        assert_eq!(world.run(|r, now| r.handle_hang_up(now, 1.into())), []);
        assert_eq!(world.pass(3000), []);
        let outputs =
            world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(snapshot("t1", "working")), 1.into()));
        assert_eq!(sent(&outputs, Method::Cancel).is_some(), cancels);
        if let Some(request) = sent(&outputs, Method::Cancel) {
            world.answer(request, Answered::Empty);
        }
        assert_eq!((world.requestor.followed(), world.requestor.next_deadline()), (0, None));
    }
    for reply in [None, Some(Reply::Result { is_error: false, demands_task: false })] {
        let mut world = given_up(true);
        world.run(|r, now| r.handle_hang_up(now, 1.into()));
        let expected = if reply.is_some() { vec![] } else { vec![Output::HangUp { call: 1.into() }] };
        if let Some(reply) = reply {
            assert_eq!(world.run(|r, now| r.handle_reply(now, 1.into(), reply, 0.into())), []);
        }
        assert_eq!(world.pass(10_000), expected);
        assert_eq!(world.requestor.next_deadline(), None);
    }
    let mut world = World::new();
    world.call(1, Generation::G26, "any", Preference::Forbid);
    assert_eq!(world.run(|r, now| r.handle_hang_up(now, 1.into())), [Output::HangUp { call: 1.into() }]);
}

/// Giving up a followed call cancels its task, or leaves it; either way its reads stop and no call is answered.
#[test]
fn giving_up_a_followed_call() {
    for cancels in [true, false] {
        let mut world = given_up(cancels);
        world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(snapshot("t1", "working")), 1.into()));
        let outputs = world.run(|r, now| r.handle_abort(now, 1.into()));
        assert_eq!(sent(&outputs, Method::Cancel).is_some(), cancels);
        assert!(answers(&outputs).is_empty());
        assert!(
            !outputs.contains(&Output::Forward { call: 1.into() }),
            "a task is never cancelled by the notification"
        );
        if let Some(mut request) = sent(&outputs, Method::Cancel) {
            for _ in 0..2 {
                world.answer(request, Answered::Lost);
                request = world.wait_for(Method::Cancel).1;
            }
            world.answer(request, Answered::Lost);
        }
        assert_eq!((world.requestor.followed(), world.requestor.next_deadline()), (0, None));
    }
}

/// Detaching answers the caller and leaves the task alone.
#[test]
fn detaching() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let outputs = world.run(|r, now| r.handle_detach(now, 1.into()));
    assert_eq!(answers(&outputs), [(1, Answer::Local(Ending::Detached))]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Ask { .. })));
    assert_eq!((world.requestor.followed(), world.requestor.next_deadline()), (0, None));
}
