//! Somebody is told how tasks end: at least once, by whichever process is there.

use mcp_longhaul::receiver::{Outcome, Output, Policy, PostId, RequestId};
use mcp_longhaul::task::{Millis, POST_LEASE};

use crate::bench::Bench;
use crate::harness::{G26, World, policy};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

fn bench(nodes: usize, ttl: Option<u64>) -> (Bench, RequestId, String) {
    let mut bench = Bench::of(World::new(nodes), G26, Policy { ttl, ..policy() });
    for node in 0..nodes {
        bench.input(node, |receiver, now| {
            receiver.post_ends();
            receiver.handle_start(now);
        });
    }
    let (call, id) = bench.start();
    (bench, call, id)
}

/// What was told: by which receiver, under which number, which attempt it is, and how the task ended.
fn posts(bench: &Bench) -> Vec<(usize, PostId, u32, String)> {
    let told = |seen: &crate::harness::Seen| match &seen.output {
        Output::Post { post, attempt, end } => {
            let end: serde_json::Value = serde_json::from_str(&end.to_json()).unwrap();
            Some((seen.node, *post, *attempt, end["type"].as_str().unwrap().to_owned()))
        }
        _ => None,
    };
    bench.seen.iter().filter_map(told).collect()
}

fn posted(bench: &mut Bench, (node, post, ..): &(usize, PostId, u32, String), done: bool) {
    bench.input(*node, |receiver, now| receiver.handle_posted(now, *post, done));
}

/// However a task ends, somebody is told once, and then nothing of it is left in the record.
#[test]
fn every_end_is_told() {
    for end in ["completed", "failed", "cancelled", "expired"] {
        let (mut bench, call, id) = bench(1, Some(10 * MINUTE as u64));
        match end {
            "completed" => bench.complete(0, call),
            "failed" => bench.outcome(0, call, Outcome::Error { size: 1 }),
            "cancelled" => drop(bench.stop(&id)),
            _ => bench.pass(10 * MINUTE),
        }
        let told = posts(&bench);
        assert_eq!((told.len(), told[0].2, &*told[0].3), (1, 1, end));
        assert_eq!(bench.store.due_at("ann", &id), Some(bench.now + POST_LEASE), "another process comes then");
        let outcome = bench.store.parts("ann", &id);
        posted(&mut bench, &told[0], true);
        let stored = bench.stored(&id);
        assert_eq!((stored.posts, stored.post_at), (0, None));
        assert_eq!(bench.store.due_at("ann", &id), stored.gone_at());
        assert_eq!(bench.store.parts("ann", &id), outcome, "its outcome stays");
        bench.pass(HOUR);
        assert_eq!(posts(&bench).len(), 1);
    }
}

/// A process that dies with the end untold is followed by another one, which tells it once.
#[test]
fn another_process_tells_what_was_not_told() {
    let (mut bench, call, id) = bench(3, None);
    bench.complete(0, call);
    bench.crash(0);
    bench.pass(100_000);
    let told = posts(&bench);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].0 != 0 && told[1].3 == "completed");
    posted(&mut bench, &told[1], true);
    bench.pass(HOUR);
    assert_eq!((posts(&bench).len(), bench.stored(&id).posts), (2, 0));
    assert_eq!(bench.store.due_at("ann", &id), None);
}

/// What cannot be told is told again at growing pauses, for three days; then the operator hears of it.
#[test]
fn what_cannot_be_told_is_told_again() {
    let (mut bench, call, id) = bench(2, Some(HOUR as u64));
    bench.complete(0, call);
    let mut times = Vec::new();
    let begun = bench.now;
    for attempt in 1..=10 {
        while posts(&bench).len() < attempt {
            bench.pass(MINUTE);
        }
        let last = posts(&bench)[attempt - 1].clone();
        assert_eq!(last.2 as usize, attempt);
        times.push((bench.now - begun) / MINUTE);
        posted(&mut bench, &last, false);
    }
    assert!(times.is_sorted() && (bench.now - begun) / DAY == 3, "{times:?}");
    assert_eq!(bench.count(|output| matches!(output, Output::Report { .. })), 1);
    // Nobody saw it for three days, but now it may go.
    assert_eq!(bench.state(&id)["error"]["code"], -32602);
    bench.pass(2 * MINUTE);
    assert!(bench.store.task("ann", &id).is_none());
}

/// A process that tells nobody leaves that to others, and deletes what none of them has told for long.
#[test]
fn who_tells_nobody_leaves_it_to_others() {
    let (mut bench, call, id) = bench(1, Some(HOUR as u64));
    bench.complete(0, call);
    bench.crash(0);
    bench.pass(2 * DAY);
    assert_eq!((posts(&bench).len(), bench.stored(&id).posts), (1, 1));
    bench.pass(3 * DAY);
    assert!(bench.store.task("ann", &id).is_none());
}

/// Nobody is told of a task that nobody had heard of.
#[test]
fn a_discarded_task_is_told_to_nobody() {
    let mut bench = Bench::of(World::new(1), G26, policy());
    bench.input(0, |receiver, _| receiver.post_ends());
    bench.later = true;
    let (peer, tool) = (bench.peer, bench.tool);
    let call = bench.world.call(0, peer, G26, tool);
    bench.input(0, |receiver, now| receiver.handle_dropped(now, call, false));
    bench.later = false;
    bench.answer_all();
    bench.pass(HOUR);
    assert!(posts(&bench).is_empty());
    bench.assert_idle();
}
