//! When the following of a task ends without its outcome.

use mcp_longhaul::requestor::{Answer, Answered, Bounds, Ending, Options, Output, Snapshot};
use mcp_longhaul::wire::{Generation, Method, Status, error};

use super::{World, answers, ending, snapshot};

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
        world.run(|r, now| {
            r.handle_reply(now, 1.into(), mcp_longhaul::requestor::Reply::Handle(old("working")), 1.into())
        });
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
        let mut world = World::with(Options {
            bounds: Bounds::default(),
            max_age,
            request_timeout: 30_000,
            listen: true,
            first_read: 0,
            seed: 1,
        });
        world.call(1, Generation::G26, "any", mcp_longhaul::requestor::Preference::Prefer);
        let endless = || Snapshot { ttl: f64::INFINITY, poll: 60_000.0, ..snapshot("t1", "working") };
        let began = world.now;
        world.run(|r, now| r.handle_reply(now, 1.into(), mcp_longhaul::requestor::Reply::Handle(endless()), 1.into()));
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
