//! The time to live.

use mcp_longhaul::receiver::{Augmentation, Happening, Output, Policy, Shape, Withdrawal};
use mcp_longhaul::task::{EXPIRED_GRACE, Failure, Phase};
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, START, World, policy};

const TTL: i64 = 10_000;

fn short() -> Policy {
    Policy { ttl: Some(TTL as u64), ..policy() }
}

fn bench(generation: mcp_longhaul::wire::Generation) -> Bench {
    Bench::of(World::default(), generation, short())
}

/// What a task of 2025-11-25 says when this much is asked for.
fn granted(ttl: Option<u64>, policy: Policy) -> serde_json::Value {
    let mut bench = Bench::of(World::default(), G25, policy);
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G25);
    let call = bench.call_with(0, context, tool, Augmentation::Asked { ttl }, false);
    bench.reply(call)["result"]["task"]["ttl"].clone()
}

/// G25-TTL-02, G25-TTL-06, H14, H17: what is asked for is held between the floor and the maximum, and the answer says
/// so.
#[test]
fn the_time_to_live_is_clamped() {
    for (asked, given) in [
        (Some(0), json!(1_000)),
        (Some(999), json!(1_000)),
        (Some(1_000), json!(1_000)),
        (Some(5_000), json!(5_000)),
        (Some(86_400_000), json!(86_400_000)),
        (Some(86_400_001), json!(86_400_000)),
        (Some(9_007_199_254_740_991), json!(86_400_000)),
        (None, json!(3_600_000)),
    ] {
        assert_eq!(granted(asked, policy()), given);
    }
    assert_eq!(granted(None, Policy { ttl: None, ..policy() }), json!(null));
    assert_eq!(granted(Some(60_000), Policy { ttl: None, ..policy() }), json!(60_000));
}

/// H16, X-TTL-02: a time beyond the range of a timer is one deadline at its instant, and nothing happens before.
#[test]
fn a_long_time_to_live_is_one_deadline() {
    let ttl = (1u64 << 31) + 5_000;
    let mut bench = Bench::of(World::default(), G26, Policy { ttl: Some(ttl), max_ttl: ttl, ..policy() });
    let (_, id) = bench.start();
    bench.pass(100_000);
    assert_eq!(bench.status(&id), "working");
    assert!(bench.wake(0) > Some(bench.now));
    bench.now = START + ttl as i64 - 1;
    bench.pass(0);
    assert_eq!(bench.status(&id), "working");
    bench.pass(1);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired));
}

/// G25-TTL-03, X-TTL-01: nobody's timer fires, and still a read finds the task expired, then gone.
#[test]
fn expiry_is_decided_when_a_task_is_read() {
    for generation in [G25, G26] {
        let mut bench = bench(generation);
        let (_, id) = bench.start();
        bench.now = START + TTL - 1;
        assert_eq!(bench.status(&id), "working");
        bench.now = START + TTL;
        assert_eq!(bench.status(&id), "failed");
        assert_eq!(bench.stored(&id).phase, Phase::Working, "only the reader knows");
        bench.now = START + TTL + EXPIRED_GRACE;
        assert_eq!(bench.state(&id)["error"]["code"], -32602);
        if generation == G25 {
            let wait = bench.wait(&id);
            assert_eq!(bench.code(wait), -32602);
        }
    }
}

/// X-TTL-01: a write finds a task expired when a read does, and expiring late brings nothing back.
#[test]
fn a_late_write_finds_the_task_expired() {
    // A cancel.
    let mut bench = bench(G25);
    let (_, id) = bench.start();
    bench.now = START + TTL + 5;
    let cancel = bench.stop(&id);
    assert_eq!(bench.code(cancel), -32602);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired));
    assert_eq!(bench.stored(&id).updated_at, START + TTL);

    // An outcome.
    let mut bench = self::bench(G25);
    let (call, id) = bench.start();
    bench.now = START + TTL;
    assert_eq!(bench.status(&id), "failed");
    bench.complete(0, call);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired));

    // The sweep, long after.
    let mut bench = self::bench(G25);
    let (_, id) = bench.start();
    bench.now = START + TTL + EXPIRED_GRACE;
    assert_eq!(bench.state(&id)["error"]["code"], -32602);
    bench.pass(1);
    assert_eq!(bench.state(&id)["error"]["code"], -32602, "it does not come back");
    bench.pass(60_000);
    assert_eq!(bench.store.len(), 0);
}

/// X-TTL-05, H12: expiry stops the handler, withdraws its input and fails the task visibly.
#[test]
fn a_running_task_expires_visibly() {
    let mut bench = bench(G26);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.pass(TTL);
    assert!(bench.aborted(call));
    assert_eq!(bench.withdrawn(1), Some(Withdrawal::Ended));
    let state = bench.state(&id)["result"].clone();
    assert_eq!(state["status"], "failed");
    assert_eq!(state["error"]["data"], json!({ "reason": "expired" }));
    assert!(state["statusMessage"].is_string());
    assert_eq!(bench.happened(Happening::Expired), 1);
    // A late answer is acknowledged while the task is there, and not found afterwards.
    let peer = bench.peer;
    let update = bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.reply(update), json!({ "result": { "resultType": "complete" } }));
    bench.pass(EXPIRED_GRACE);
    let update = bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    assert_eq!(bench.code(update), -32602);
    bench.pass(60_000);
    assert_eq!(bench.store.len(), 0);
    bench.assert_idle();
}

/// G25-RES-09, H13: a waiter whose task expires is told so, here and on another receiver.
#[test]
fn a_waiter_whose_task_expires() {
    let mut bench = Bench::of(World::new(2), G25, short());
    let (call, id) = bench.start();
    let here = bench.wait(&id);
    let peer = bench.world.open(1, Some("ann"), true);
    let there = bench.world.result(1, peer, &id);
    bench.pass(TTL);
    assert_eq!(bench.reply(here)["error"], json!({ "code": -32602, "message": "Task expired" }));
    bench.pass(5_000);
    assert_eq!(bench.code(there), -32602);
    assert!(bench.aborted(call));
    bench.assert_idle();
}

/// G25-RES-09: also where the receiver that ran the task is no more, and where it lost its copy of the record.
#[test]
fn a_waiter_whose_runner_is_gone() {
    let mut bench = Bench::of(World::new(2), G25, short());
    let (_, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), true);
    let wait = bench.world.result(1, peer, &id);
    bench.crash(0);
    bench.pass(TTL + 5_000);
    assert_eq!(bench.code(wait), -32602);

    let mut bench = self::bench(G25);
    let (call, id) = bench.start();
    let wait = bench.wait(&id);
    bench.faults.extend([crate::model::Fault::Fail; 10]);
    bench.note_of(call, "half way");
    bench.pass(TTL + 60_000);
    assert_eq!(bench.code(wait), -32602);
    bench.assert_idle();
}

/// G25-TTL-04, H18: completing does not restart the clock; the task goes when its time from creation is over.
#[test]
fn retention_counts_from_creation() {
    for generation in [G25, G26] {
        let mut bench = bench(generation);
        let (call, id) = bench.start();
        bench.pass(TTL - 1);
        bench.complete(0, call);
        assert_eq!(bench.status(&id), "completed");
        bench.pass(1);
        assert_eq!(bench.state(&id)["error"]["code"], -32602);
        bench.pass(30_000);
        assert_eq!(bench.store.len(), 0);
    }
}

/// G25-TTL-03, G25-TTL-06: tasks go after their time in any status, and promptly; also many at once.
#[test]
fn what_is_over_is_deleted() {
    let mut bench = Bench::of(
        World::with(1, mcp_longhaul::limit::Limits { running_per_owner: 1000, ..Default::default() }, false),
        G25,
        short(),
    );
    for number in 0..350 {
        let (call, id) = bench.start();
        match number % 3 {
            0 => bench.complete(0, call),
            1 => drop(bench.stop(&id)),
            _ => {}
        }
    }
    bench.pass(TTL + EXPIRED_GRACE + 31_000);
    assert_eq!(bench.store.len(), 0);
    assert!(bench.receiver(0).timers() < 10);
    bench.assert_idle();
    // One sweep at a time, not one for each batch.
    let before = bench.store.sweeps;
    bench.pass(300_000);
    assert_eq!(bench.store.sweeps - before, 10);
}

/// X-TTL-06, H85: what ended stays until its time is over, however full the store is.
#[test]
fn nothing_is_evicted_early() {
    let mut bench = bench(G25);
    let (call, id) = bench.start();
    bench.complete(0, call);
    bench.faults.push_back(crate::model::Fault::Full { bytes: false });
    let (peer, tool) = (bench.peer, bench.tool);
    let refused = bench.world.call(0, peer, G25, tool);
    assert_eq!(bench.reply(refused)["error"]["data"], json!({ "reason": "task_limit" }));
    bench.pass(TTL - 1);
    assert_eq!(bench.status(&id), "completed");
}

/// G25-TTL-05, G26-TTL-02, G26-TTL-06: where the policy says so, a running task of 2026-07-28 gets more time instead of
/// ending; its deadline only moves away. One of 2025-11-25 keeps its time.
#[test]
fn a_running_task_is_extended() {
    let mut bench = Bench::of(World::default(), G26, Policy { extends: true, ..short() });
    let (call, id) = bench.start();
    let mut ttl = TTL;
    for _ in 0..50 {
        bench.pass(TTL);
        let now = bench.state(&id)["result"]["ttlMs"].as_i64().unwrap();
        assert!(now >= ttl && START + now > bench.now);
        ttl = now;
    }
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");
    assert_eq!(bench.happened(Happening::Expired), 0);

    let mut bench = Bench::of(World::default(), G25, Policy { extends: true, ..short() });
    let (call, _) = bench.start();
    bench.pass(TTL);
    assert!(bench.aborted(call));
}

/// A task that its runner extends is not expired by another receiver that is a little faster; one whose runner died
/// fails when its lease is over (X-STO-05).
#[test]
fn an_extended_task_is_left_to_its_runner() {
    let mut bench = Bench::of(World::new(2), G26, Policy { extends: true, ..short() });
    let (call, id) = bench.start();
    bench.now = START + TTL;
    bench.input(1, |receiver, now| receiver.handle_start(now));
    assert_eq!(bench.stored(&id).phase, Phase::Working);
    bench.pass(1);
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");

    let mut bench = Bench::of(World::new(2), G26, Policy { extends: true, ..short() });
    let (_, id) = bench.start();
    bench.input(1, |receiver, now| receiver.handle_start(now));
    bench.crash(0);
    bench.pass(3 * LEASE);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Lost));
}

/// X-TTL-05: a task that a new instance took along expires as well, and its handler is stopped.
#[test]
fn an_adopted_task_expires() {
    let mut bench = bench(G26);
    let (call, id) = bench.start();
    bench.rebuild(0);
    let peer = bench.world.open(0, Some("ann"), true);
    let context = mcp_longhaul::receiver::RequestContext { request: call, peer, ..bench.context(0, peer, G26) };
    bench.input(0, |receiver, now| receiver.handle_adopt(now, context, &id));
    bench.pass(TTL + 31_000);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired));
    assert!(bench.aborted(call));
    bench.assert_idle();
}

/// X-TTL-05: a task that waits for answers, and that no receiver holds, expires by the sweep of any.
#[test]
fn a_task_that_nobody_holds_expires() {
    let mut bench = Bench::of(World::new(2), G26, short());
    let (call, id) = bench.start();
    let requests = vec![("name".to_owned(), Some(mcp_longhaul::task::InputKind::Elicit))];
    bench.outcome(0, call, mcp_longhaul::receiver::Outcome::Input { requests, state: true });
    bench.assert_idle();
    bench.crash(0);
    bench.input(1, |receiver, now| receiver.handle_start(now));
    bench.pass(TTL + 30_000);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired));
    assert_eq!(bench.count(|output| matches!(output, Output::Abort { .. })), 0);
}

/// H22: a clock that steps back ends no task early, and none late once it has caught up.
#[test]
fn a_clock_steps_back() {
    let mut bench = bench(G26);
    let (_, id) = bench.start();
    bench.pass(TTL - 10);
    bench.now -= 3_600_000;
    assert_eq!(bench.status(&id), "working");
    bench.pass(3_600_000 + 10);
    assert_eq!(bench.status(&id), "failed");
}

/// G26-TTL-03, X-TTL-05: a task that nobody runs expires visibly too, when it is read and when it is swept, is shown as
/// failed for a while, never before its time, and then is gone.
#[test]
fn a_task_that_nobody_runs_expires_visibly() {
    let policy = Policy { on_lost: mcp_longhaul::task::OnLost::Restart, ..short() };
    let mut bench = Bench::of(World::new(2), G26, policy);
    let (_, id) = bench.start();
    let peer = bench.peer;
    bench.close(0, peer);
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), true);
    bench.now = START + TTL - 1;
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "working");
    bench.now = START + TTL;
    let read = bench.world.get(1, peer, G26, &id)["result"].clone();
    assert_eq!((read["status"].as_str(), read["error"]["data"]["reason"].as_str()), (Some("failed"), Some("expired")));
    bench.pass(40_000);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Expired), "the sweep has written it");
    assert_eq!(bench.happened(Happening::Expired), 1);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "failed");
    bench.now = START + TTL + EXPIRED_GRACE;
    assert_eq!(bench.world.get(1, peer, G26, &id)["error"]["code"], -32602);
    bench.pass(60_000);
    assert_eq!(bench.store.len(), 0);
}

/// X-TTL-01: a sweep costs what is due, not what is stored.
#[test]
fn a_sweep_costs_what_is_due() {
    let mut bench = Bench::of(World::default(), G26, Policy { ttl: Some(86_400_000), ..policy() });
    for _ in 0..500 {
        let (call, _) = bench.start();
        bench.complete(0, call);
    }
    let brief = bench.world.policy(short());
    let peer = bench.peer;
    for _ in 0..3 {
        let call = bench.world.call(0, peer, G26, brief);
        bench.complete(0, call);
    }
    let (reads, writes, sweeps) = (bench.store.reads, bench.store.writes, bench.store.sweeps);
    bench.pass(120_000);
    assert_eq!(bench.store.len(), 500);
    assert_eq!((bench.store.reads - reads, bench.store.writes - writes), (0, 3), "three deletes");
    assert!(bench.store.sweeps - sweeps <= 4);
}
