//! `tasks/get`, `tasks/result` and `tasks/list`.

use std::collections::BTreeSet;

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{Happening, Outcome, Output, Route, Shape};
use mcp_longhaul::storage::Payload;
use mcp_longhaul::task::{Phase, Task};
use mcp_longhaul::wire::capability::Capabilities;
use proptest::prelude::*;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, World, policy};
use crate::properties::cases;

/// G26-GET-09, X-STO-07: a thousand reads change nothing and write nothing.
#[test]
fn reading_changes_nothing() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (call, id) = bench.start();
        bench.ask(0, call, 1, "name");
        let (before, writes) = (bench.stored(&id), bench.store.writes);
        let first = bench.state(&id);
        for _ in 0..1000 {
            bench.pass(3);
            assert_eq!(bench.state(&id), first);
        }
        assert_eq!((bench.stored(&id), bench.store.writes), (before, writes));
    }
}

/// G25-GET-02, G25-TTL-05: the time to live reported is the one in force, in the handle and in every read.
#[test]
fn the_real_time_to_live_is_reported() {
    let mut bench = Bench::new(G25);
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G25);
    let call = bench.call_with(
        0,
        context,
        tool,
        mcp_longhaul::receiver::Augmentation::Asked { ttl: Some(1_000_000_000) },
        false,
    );
    assert_eq!(bench.reply(call)["result"]["task"]["ttl"], 86_400_000);
    let id = bench.id(call);
    assert_eq!(bench.state(&id)["result"]["ttl"], 86_400_000);
    bench.complete(0, call);
    assert_eq!(bench.state(&id)["result"]["ttl"], 86_400_000);
}

/// G26-GET-03, G26-UPD-06: what is outstanding is listed, all of it and only it.
#[test]
fn outstanding_input_is_listed() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.ask(0, call, 2, "age");
    assert_eq!(bench.state(&id)["result"]["inputRequests"], json!({ "name-1": "ask 1", "age-2": "ask 2" }));
    let peer = bench.peer;
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.state(&id)["result"]["inputRequests"], json!({ "age-2": "ask 2" }));
    bench.world.update(0, peer, &id, &[("age-2", Shape::ELICITED)]);
    assert_eq!(bench.state(&id)["result"]["status"], "working");
    assert!(bench.state(&id)["result"].get("inputRequests").is_none());
}

/// X-STO-07, X-STO-06, H22: `lastUpdatedAt` moves on each visible change, and never back, also when the clock does.
#[test]
fn last_updated_moves_forward() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let mut last = bench.stored(&id).updated_at;
    let mut moved = |bench: &mut Bench, id: &str| {
        let at = bench.stored(id).updated_at;
        assert!(at > last, "{at} after {last}");
        last = at;
        bench.pass(10);
    };
    bench.pass(10);
    bench.note_of(call, "half way");
    moved(&mut bench, &id);
    bench.ask(0, call, 1, "name");
    moved(&mut bench, &id);
    let peer = bench.peer;
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    moved(&mut bench, &id);
    let before = bench.stored(&id).updated_at;
    bench.now -= 3_600_000;
    bench.note_of(call, "the clock is an hour back");
    assert!(bench.stored(&id).updated_at >= before);
    bench.complete(0, call);
    assert!(bench.stored(&id).updated_at >= before && bench.stored(&id).phase == Phase::Completed);
}

/// G25-RES-01, G25-RES-02, X-STO-09: `tasks/result` waits for the end, and is answered after the write.
#[test]
fn a_waiter_is_answered_after_the_write() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let wait = bench.wait(&id);
    bench.pass(60_000);
    assert!(bench.replied(wait).is_none());
    bench.later = true;
    bench.complete(0, call);
    assert!(bench.replied(wait).is_none(), "the store does not have it yet");
    bench.answer_all();
    assert_eq!(bench.reply(wait), json!({ "result": { "$": format!("outcome of {call}") } }));
}

/// G25-RES-05, G25-RES-06, G25-RES-07, X-SEC-09: each of twenty waiters gets the outcome, and so does who comes later,
/// again and again.
#[test]
fn everybody_gets_the_outcome() {
    for outcome in [
        Outcome::Result { is_error: false, size: 1 },
        Outcome::Result { is_error: true, size: 1 },
        Outcome::Error { size: 1 },
    ] {
        let mut bench = Bench::new(G25);
        let (call, id) = bench.start();
        let mut waits: Vec<_> = (0..20).map(|_| bench.wait(&id)).collect();
        let is_error = matches!(outcome, Outcome::Error { .. });
        bench.outcome(0, call, outcome);
        waits.extend((0..3).map(|_| bench.wait(&id)));
        let expected = if is_error {
            json!({ "error": format!("outcome of {call}") })
        } else {
            json!({ "result": { "$": format!("outcome of {call}") } })
        };
        for wait in waits {
            assert_eq!(bench.reply(wait), expected);
        }
        assert_eq!(bench.happened(Happening::Retrieved), 23);
        bench.assert_idle();
    }
}

/// G25-RES-10, G26-CAN-08: giving a wait up ends that wait only, also while it is still being looked up.
#[test]
fn a_wait_can_be_given_up() {
    for looked_up in [true, false] {
        let mut bench = Bench::new(G25);
        let (call, id) = bench.start();
        bench.later = !looked_up;
        let (gone, kept) = (bench.wait(&id), bench.wait(&id));
        bench.input(0, |receiver, now| receiver.handle_wait_ended(now, gone));
        bench.answer_all();
        bench.later = false;
        bench.complete(0, call);
        assert!(bench.replied(gone).is_none());
        assert!(bench.replied(kept).is_some());
        assert!(!bench.aborted(call));
        bench.assert_idle();
    }
}

/// G25-RES-11, H07: a connection that closes takes its waits along and nothing else.
#[test]
fn a_dropped_stream_cancels_nothing() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let other = bench.world.open(0, Some("ann"), false);
    let gone = bench.world.result(0, other, &id);
    bench.close(0, other);
    let again = bench.world.open(0, Some("ann"), false);
    let wait = bench.world.result(0, again, &id);
    bench.complete(0, call);
    assert!(bench.replied(gone).is_none());
    assert!(bench.replied(wait).is_some());
    bench.assert_idle();
}

/// G25-RES-01: a task that another receiver runs is waited for as well, and its end is noticed.
#[test]
fn a_waiter_sees_a_task_end_elsewhere() {
    for watched in [true, false] {
        let mut bench = Bench::of(World::new(2), G25, policy());
        let (call, id) = bench.start();
        let peer = bench.world.open(1, Some("ann"), true);
        let waits: Vec<_> = (0..5).map(|_| bench.world.result(1, peer, &id)).collect();
        bench.pass(3_000);
        bench.complete(0, call);
        if watched {
            bench.changed(1, "ann", &id);
        } else {
            bench.pass(5_000);
        }
        for wait in waits {
            assert_eq!(bench.reply(wait), json!({ "result": { "$": format!("outcome of {call}") } }));
        }
        assert_eq!(bench.happened(Happening::Completed), 1, "its event came where it was written");
        bench.assert_idle();
    }
}

/// Waiting for a task that runs elsewhere costs one read per pause, however many wait and come and go.
#[test]
fn waiting_elsewhere_is_cheap() {
    let mut bench = Bench::of(World::new(2), G25, policy());
    let (_, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), true);
    for _ in 0..100 {
        let wait = bench.world.result(1, peer, &id);
        bench.world.result(1, peer, &id);
        bench.input(1, |receiver, now| receiver.handle_wait_ended(now, wait));
        bench.pass(1_000);
    }
    let before = bench.store.reads;
    bench.pass(60_000);
    assert!(bench.store.reads - before <= 13, "{} reads in a minute", bench.store.reads - before);
    assert!(bench.receiver(1).timers() < 5);
}

/// X-STO-02: what a waiter gets is the outcome, also where the end was noticed by another request's read.
#[test]
fn an_end_noticed_by_a_cancel_is_answered_whole() {
    let mut bench = Bench::of(World::new(2), G25, policy());
    let (call, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), true);
    let wait = bench.world.result(1, peer, &id);
    bench.complete(0, call);
    let cancel = bench.world.cancel(1, peer, G25, &id);
    assert_eq!(bench.code(cancel), -32602);
    assert_eq!(bench.reply(wait), json!({ "result": { "$": format!("outcome of {call}") } }));
}

/// G26-INP-04, H50: a poll that cannot be shown the input is refused, and says what it lacks.
#[test]
fn a_poll_without_the_capability_is_refused() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    let peer = bench.peer;
    let context = bench.context(0, peer, G26);
    let poor = mcp_longhaul::receiver::RequestContext {
        capabilities: Capabilities::TASKS.with(Capabilities::SAMPLING),
        ..context
    };
    bench.input(0, |receiver, now| receiver.handle_get(now, poor, Some(&id)));
    let error = bench.reply(poor.request)["error"].clone();
    assert_eq!(error["code"], -32021);
    assert_eq!(error["data"]["requiredCapabilities"], json!({ "elicitation": { "form": {} } }));
    assert_eq!(bench.status(&id), "input_required");
}

/// G26-CAP-05, G26-UPD-14, G26-ERR-06: each request about tasks declares the extension, before anything else is looked
/// at.
#[test]
fn requests_about_tasks_declare_the_extension() {
    let mut bench = Bench::new(G26);
    let (_, id) = bench.start();
    let peer = bench.peer;
    let reads = bench.store.reads;
    for (what, id) in [
        (0, Some(id.as_str())),
        (1, Some(id.as_str())),
        (2, Some(id.as_str())),
        (0, None),
        (1, None),
        (2, None),
        (0, Some("nobody's")),
    ] {
        let context = bench.context(0, peer, G26);
        let context = mcp_longhaul::receiver::RequestContext { capabilities: Capabilities::ELICIT, ..context };
        bench.input(0, |receiver, now| match what {
            0 => receiver.handle_get(now, context, id),
            1 => receiver.handle_cancel(now, context, id),
            _ => receiver.handle_update(now, context, id, None),
        });
        assert_eq!(bench.code(context.request), -32021);
    }
    assert_eq!(bench.store.reads, reads);
}

/// G25-ERR-01, G25-ERR-06, G26-ERR-01, X-ERR-01, X-LIM-05, X-SEC-14, H62: ids that are unknown, strange or no text.
#[test]
fn unknown_ids_are_not_found() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        bench.start();
        let peer = bench.peer;
        for id in [
            None,
            Some(""),
            Some("__proto__"),
            Some("constructor"),
            Some("../../etc/passwd"),
            Some("AAAAAAAAAAAAAAAAAAAAAAAA"),
            Some("é🎨\0"),
        ] {
            let asked = bench.store.reads;
            for what in 0..4 {
                let context = bench.context(0, peer, generation);
                bench.input(0, |receiver, now| match (what, generation) {
                    (0, _) => receiver.handle_get(now, context, id),
                    (1, _) => receiver.handle_cancel(now, context, id),
                    (2, G25) => receiver.handle_result(now, context, id),
                    (2, G26) => receiver.handle_update(now, context, id, Some(Vec::new())),
                    _ => receiver.handle_get(now, context, id),
                });
                assert_eq!(bench.code(context.request), -32602, "{id:?}");
                if id.is_none_or(|id| !mcp_longhaul::id::is_wellformed(id)) {
                    assert_eq!(bench.store.reads, asked, "{id:?} is not even looked up");
                }
                if id.is_some() {
                    assert_eq!(
                        bench.reply(context.request)["error"]["message"],
                        "Task not found: it does not exist, has expired, or is not yours"
                    );
                }
            }
        }
    }
}

fn walk(bench: &mut Bench) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let peer = bench.peer;
        let page = bench.world.list(0, peer, cursor.as_deref());
        pages.push(
            page["result"]["tasks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|task| task["taskId"].as_str().unwrap().to_owned())
                .collect(),
        );
        match page["result"].get("nextCursor") {
            Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
            None => return pages,
        }
        assert!(pages.len() < 100);
    }
}

fn paged(page: u32) -> Bench {
    Bench::of(World::with(1, Limits { page, running_per_owner: 1000, ..Limits::default() }, false), G25, policy())
}

/// G25-LST-01, G25-LST-02: a cursor is there exactly where more remain.
#[test]
fn lists_have_pages() {
    for (tasks, pages) in
        [(0, vec![0]), (1, vec![1]), (10, vec![10]), (11, vec![10, 1]), (20, vec![10, 10]), (25, vec![10, 10, 5])]
    {
        let mut bench = paged(10);
        let ids: BTreeSet<String> = (0..tasks).map(|_| bench.start().1).collect();
        let walked = walk(&mut bench);
        assert_eq!(walked.iter().map(Vec::len).collect::<Vec<_>>(), pages);
        assert_eq!(walked.concat().into_iter().collect::<BTreeSet<_>>(), ids);
    }
}

/// G25-LST-05, G25-ERR-02, G25-ERR-06, H34: cursors that are altered, somebody else's, or no text.
#[test]
fn bad_cursors_are_refused() {
    let mut bench = paged(1);
    bench.start();
    bench.start();
    let peer = bench.peer;
    let cursor = bench.world.list(0, peer, None)["result"]["nextCursor"].as_str().unwrap().to_owned();
    for place in 0..cursor.len() {
        let mut altered = cursor.clone().into_bytes();
        altered[place] = if altered[place] == b'x' { b'y' } else { b'x' };
        assert_eq!(bench.world.list(0, peer, Some(&String::from_utf8(altered).unwrap()))["error"]["code"], -32602);
    }
    let bob = bench.world.open(0, Some("bob"), true);
    assert_eq!(bench.world.list(0, bob, Some(&cursor))["error"]["code"], -32602);
    let context = bench.context(0, peer, G25);
    bench.input(0, |receiver, now| receiver.handle_list(now, context, Err(())));
    assert_eq!(bench.code(context.request), -32602);
}

/// G25-LST-07, H35: a walk goes on after the task at its cursor was deleted.
#[test]
fn a_walk_outlives_the_task_at_its_cursor() {
    let mut bench = paged(2);
    let ids: Vec<String> = (0..5)
        .map(|_| {
            bench.pass(1);
            bench.start().1
        })
        .collect();
    let peer = bench.peer;
    let first = bench.world.list(0, peer, None);
    bench.store.remove("ann", &ids[1]);
    let cursor = first["result"]["nextCursor"].as_str().unwrap();
    let second = bench.world.list(0, peer, Some(cursor));
    let seen: Vec<&str> =
        second["result"]["tasks"].as_array().unwrap().iter().map(|task| task["taskId"].as_str().unwrap()).collect();
    assert_eq!(seen, [&ids[2], &ids[3]]);
}

/// No list where it is not offered.
#[test]
fn a_list_that_is_not_offered_is_unknown() {
    let mut bench = Bench::new(G25);
    let peer = bench.peer;
    let context = bench.context(0, peer, G25);
    bench.input(0, |receiver, now| {
        receiver.handle_list(now, mcp_longhaul::receiver::RequestContext { lists: false, ..context }, Ok(None))
    });
    assert_eq!(bench.code(context.request), -32601);
    let context = bench.context(0, peer, G25);
    bench.input(0, |receiver, now| receiver.handle_unknown(now, context));
    assert_eq!(bench.code(context.request), -32601);
}

/// Where a handler's notifications go, and that they go nowhere after the end.
#[test]
fn notifications_have_a_way() {
    let mut bench = Bench::new(G25);
    let (call, _) = bench.start();
    assert_eq!(bench.receiver(0).route(call), Route::Connection);
    bench.complete(0, call);
    assert_eq!(bench.receiver(0).route(call), Route::Nowhere);

    // No pipe: on the newest result stream; where there is none, the connection may have a stream of its own.
    bench.peer = bench.world.open(0, Some("ann"), false);
    let (call, id) = bench.start();
    assert_eq!(bench.receiver(0).route(call), Route::Connection);
    bench.wait(&id);
    let newest = bench.wait(&id);
    assert_eq!(bench.receiver(0).route(call), Route::Stream(newest));

    let mut bench = Bench::new(G26);
    let (call, _) = bench.start();
    assert_eq!(bench.receiver(0).route(call), Route::Nowhere);
}

proptest! {
    #![proptest_config(cases(100))]

    /// G25-LST-08: a task that lasts for the whole walk appears exactly once, in the order of creation, whatever comes
    /// and goes meanwhile.
    #[test]
    fn a_lasting_task_appears_once(
        lasting in 0usize..12,
        page in 1u32..5,
        changes in prop::collection::vec((0u8..3, any::<prop::sample::Index>()), 0..24),
    ) {
        let mut bench = paged(page);
        let lasting: Vec<String> = (0..lasting).map(|_| { bench.pass(1); bench.start().1 }).collect();
        let mut passing: Vec<String> = Vec::new();
        let mut changes = changes.into_iter();
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..100 {
            let peer = bench.peer;
            let answer = bench.world.list(0, peer, cursor.as_deref());
            let tasks = answer["result"]["tasks"].as_array().unwrap();
            seen.extend(tasks.iter().map(|task| task["taskId"].as_str().unwrap().to_owned()));
            match answer["result"].get("nextCursor") {
                Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
                None => break,
            }
            for (what, which) in changes.by_ref().take(4) {
                match what {
                    0 => passing.push(bench.start().1),
                    1 if !passing.is_empty() => {
                        let id = passing.swap_remove(which.index(passing.len()));
                        bench.store.remove("ann", &id);
                    }
                    _ if !lasting.is_empty() => {
                        let id = lasting[which.index(lasting.len())].clone();
                        let more = |task: &Task| Task { message: format!("{}.", task.message), ..task.clone() };
                bench.store.meddle("ann", &id, more, Payload::Keep);
                    }
                    _ => {}
                }
            }
        }
        let walked: Vec<&String> = seen.iter().filter(|id| lasting.contains(id)).collect();
        prop_assert_eq!(walked, lasting.iter().collect::<Vec<_>>());
        let all: BTreeSet<&String> = seen.iter().collect();
        prop_assert_eq!(all.len(), seen.len());
    }
}

/// The outputs of a read: its answer, and the end of its job.
#[test]
fn a_read_leaves_nothing() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.complete(0, call);
    bench.state(&id);
    assert_eq!(bench.count(|output| matches!(output, Output::Reply { .. })), 2);
    bench.assert_idle();
}

/// A connection closes while the result that it asks for is looked up in another process than the task's: nothing of it
/// stays.
#[test]
fn a_connection_that_closes_while_its_result_is_looked_up() {
    let mut bench = Bench::of(World::new(2), G25, policy());
    let (_, id) = bench.start();
    bench.later = true;
    let peer = bench.world.open(1, Some("ann"), true);
    let wait = bench.world.result(1, peer, &id);
    bench.close(1, peer);
    bench.answer_all();
    bench.excused.insert(wait);
    assert_eq!(bench.receiver(1).in_hand(), [0; 8]);
}
