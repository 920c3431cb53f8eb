//! Clocks of processes on one store that differ: no task ends, or disappears, before its announced time by the clock
//! that made it.

use mcp_longhaul::receiver::{Happening, Outcome, Policy, RequestId};
use mcp_longhaul::task::{InputKind, Millis, Phase};

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, START, World, policy};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const SKEW: Millis = 20 * MINUTE;
const KEY: &str = "a-key-of-24-characters_0";

/// The second process is ten minutes ahead of the first, the third ten minutes behind it; all sweep.
fn apart(policy: Policy) -> Bench {
    let mut world = World::new(3);
    world.tolerate(SKEW);
    for (node, ahead) in [(1, 10 * MINUTE), (2, -10 * MINUTE)] {
        world.skew(node, ahead);
    }
    let mut bench = Bench::of(world, G26, policy);
    for node in 0..3 {
        bench.input(node, |receiver, now| receiver.handle_start(now));
    }
    bench
}

fn hour() -> Policy {
    Policy { ttl: Some(HOUR as u64), ..policy() }
}

fn call_on(bench: &mut Bench, node: usize) -> RequestId {
    let tool = bench.tool;
    let peer = bench.world.open(node, Some("ann"), false);
    bench.world.call(node, peer, G26, tool)
}

/// What each process says of a task.
fn statuses(bench: &mut Bench, id: &str) -> Vec<String> {
    let say = |bench: &mut Bench, node| {
        let peer = bench.world.open(node, Some("ann"), false);
        let reply = bench.world.get(node, peer, G26, id);
        reply["result"]["status"].as_str().unwrap_or("not found").to_owned()
    };
    (0..3).map(|node| say(bench, node)).collect()
}

/// X-TTL-01, G26-TTL-03: a task that runs has its whole time whoever made it, and is ended at that time by the process
/// that did.
#[test]
fn a_running_task_has_its_whole_time() {
    for maker in 0..3 {
        let mut bench = apart(hour());
        let call = call_on(&mut bench, maker);
        let id = bench.id(call);
        bench.pass(HOUR - 1);
        assert_eq!(statuses(&mut bench, &id), ["working"; 3], "{maker}");
        assert!(!bench.aborted(call));
        bench.pass(1);
        assert!(bench.aborted(call), "{maker}");
        assert_eq!(bench.happened(Happening::Expired), 1);
    }
}

/// X-TTL-06: nobody hides or deletes a task that has ended before its time is over; then the process that made it does,
/// and where that is gone another one, when clocks cannot differ by so much.
#[test]
fn an_outcome_is_there_for_its_whole_time() {
    for maker in 0..3 {
        for dies in [false, true] {
            let mut bench = apart(hour());
            let call = call_on(&mut bench, maker);
            let id = bench.id(call);
            bench.complete(maker, call);
            if dies {
                bench.crash(maker);
            }
            bench.pass(HOUR - 1);
            assert_eq!(statuses(&mut bench, &id), ["completed"; 3], "{maker}");
            bench.pass(MINUTE);
            assert!(dies || bench.store.task("ann", &id).is_none(), "{maker}");
            bench.pass(2 * SKEW);
            assert!(bench.store.task("ann", &id).is_none(), "{maker}");
        }
    }
}

/// X-TTL-01: so has one that waits for answers, which nobody holds.
#[test]
fn a_task_that_waits_has_its_whole_time() {
    let mut bench = apart(hour());
    let call = call_on(&mut bench, 0);
    let id = bench.id(call);
    bench.outcome(0, call, Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: true });
    bench.crash(0);
    bench.pass(HOUR - 1);
    assert_eq!(statuses(&mut bench, &id), ["input_required"; 3]);
    bench.pass(10 * MINUTE);
    assert_eq!(bench.stored(&id).phase, Phase::InputRequired, "the process that made it is gone");
    bench.pass(SKEW + MINUTE);
    assert_eq!(bench.store.task("ann", &id).map(|task| task.phase), None, "it was shown as expired for a minute");
}

/// X-CRE-01, X-STO-12: a key makes one task, though the task was short, is over, and whoever uses the key again is
/// behind.
#[test]
fn a_key_makes_one_task_whatever_clocks_show() {
    for ttl in [MINUTE, 5 * MINUTE, HOUR] {
        let mut bench = apart(Policy { ttl: Some(ttl as u64), ..policy() });
        bench.creation_key = Some(KEY.into());
        let call = call_on(&mut bench, 1);
        bench.complete(1, call);
        for _ in 0..40 {
            bench.pass(ttl / 16);
            for node in [0, 2] {
                let again = call_on(&mut bench, node);
                assert!(!bench.is_task(again), "it ran again after {}", bench.now - START);
            }
        }
        assert_eq!(bench.store.ids.len(), 1);
    }
}

/// X-STO-05: a process that is ahead or behind takes nothing from one that runs, for as long as it runs.
#[test]
fn nobody_is_interrupted_by_a_clock() {
    let mut bench = apart(hour());
    let calls: Vec<RequestId> = (0..3).map(|node| call_on(&mut bench, node)).collect();
    bench.pass(50 * MINUTE);
    for (node, call) in calls.into_iter().enumerate() {
        let id = bench.id(call);
        bench.complete(node, call);
        assert_eq!(bench.stored(&id).phase, Phase::Completed);
    }
    assert_eq!(bench.happened(Happening::Lost), 0);
    bench.pass(LEASE);
    bench.assert_idle();
}

/// G25-TTL-05: in 2025-11-25 too.
#[test]
fn a_list_shows_a_task_for_its_whole_time() {
    let mut bench = apart(hour());
    bench.generation = G25;
    let (call, id) = bench.start();
    bench.complete(0, call);
    let peers = [0, 1, 2].map(|node| bench.world.open(node, Some("ann"), false));
    bench.pass(HOUR - 1);
    for (node, peer) in peers.into_iter().enumerate() {
        let page = bench.world.list(node, peer, None);
        assert_eq!(page["result"]["tasks"][0]["taskId"], *id, "{node}");
    }
}
