//! How often an owner may do what.

use mcp_longhaul::limit::{Act, Limits, Rate, Rates};
use mcp_longhaul::receiver::{Augmentation, Output, PeerId};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::harness::{G25, G26, World, policy};
use crate::properties::cases;

/// One a second, `burst` at once.
fn slowly(acts: &[Act], burst: u32) -> Limits {
    let rate = Rate { interval: 1_000_000, burst };
    Limits { rates: acts.iter().fold(Rates::default(), |rates, &act| rates.with(act, rate)), ..Limits::default() }
}

fn bench(generation: mcp_longhaul::wire::Generation, limits: Limits) -> (Bench, PeerId) {
    let mut bench = Bench::of(World::with(1, limits, false), generation, policy());
    let peer = bench.world.open(0, Some("ann"), false);
    (bench, peer)
}

fn too_often(wait: u32) -> Value {
    json!({ "error": {
        "code": -32603,
        "message": "Too many requests; slow down",
        "data": { "reason": "rate_limit", "retryAfterMs": wait },
    } })
}

/// X-SEC-08, X-ERR-04, G26-GET-08: who reads faster than allowed is refused, and told how long to wait; nothing is
/// looked up.
#[test]
fn reads_are_limited() {
    let (mut bench, peer) = bench(G26, slowly(&[Act::Read], 2));
    let (_, id) = bench.start();
    for _ in 0..2 {
        assert_eq!(bench.world.get(0, peer, G26, &id)["result"]["status"], "working");
    }
    let reads = bench.store.reads;
    assert_eq!(bench.world.get(0, peer, G26, &id), too_often(1000));
    bench.now += 999;
    assert_eq!(bench.world.get(0, peer, G26, &id), too_often(1));
    assert_eq!(bench.store.reads, reads);
    bench.now += 1;
    assert_eq!(bench.world.get(0, peer, G26, &id)["result"]["status"], "working");
    assert_eq!(bench.world.get(0, peer, G26, &id), too_often(1000));
    // Who polls as hinted never notices.
    for _ in 0..100 {
        bench.now += 1000;
        assert_eq!(bench.world.get(0, peer, G26, &id)["result"]["status"], "working");
    }
}

/// X-SEC-08: results and lists are reads, updates and cancels are changes.
#[test]
fn every_method_is_counted() {
    let (mut bench, peer) = bench(G25, slowly(&[Act::Read, Act::Change], 2));
    let (call, id) = bench.start();
    bench.complete(0, call);
    let first = bench.world.result(0, peer, &id);
    assert!(bench.reply(first)["result"].is_object());
    assert!(bench.world.list(0, peer, None)["result"].is_object());
    let result = bench.world.result(0, peer, &id);
    assert_eq!(bench.reply(result), too_often(1000));
    assert_eq!(bench.world.list(0, peer, None), too_often(1000));
    for _ in 0..2 {
        let stop = bench.world.cancel(0, peer, G25, &id);
        assert_eq!(bench.code(stop), -32602, "it has ended");
    }
    let stop = bench.world.cancel(0, peer, G25, &id);
    assert_eq!(bench.reply(stop), too_often(1000));

    let (mut bench, peer) = self::bench(G26, slowly(&[Act::Change], 1));
    let (_, id) = bench.start();
    let update = bench.world.update(0, peer, &id, &[]);
    assert!(bench.reply(update)["result"].is_object());
    let update = bench.world.update(0, peer, &id, &[]);
    assert_eq!(bench.reply(update), too_often(1000));
    assert!(bench.saw(&Output::Forget { request: update }), "its answers can go");
}

/// X-SEC-08: who makes tasks too often waits, in either generation, whether or not the handler is held.
#[test]
fn creations_are_limited() {
    for generation in [G25, G26] {
        for gate in [false, true] {
            let (mut bench, peer) = bench(generation, slowly(&[Act::Create], 1));
            let tool = bench.tool;
            let augmentation = if generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
            let mut calls = Vec::new();
            for _ in 0..2 {
                let context = bench.context(0, peer, generation);
                calls.push(bench.call_with(0, context, tool, augmentation, gate));
            }
            for &call in calls.iter().filter(|_| gate) {
                bench.input(0, |receiver, now| receiver.handle_begin(now, call));
            }
            assert!(bench.is_task(calls[0]) && !bench.is_task(calls[1]));
            assert_eq!(bench.reply(calls[1]), too_often(1000));
            assert!(bench.saw(&Output::Release { call: calls[1] }), "it does not run");
            bench.now += 1000;
            let context = bench.context(0, peer, generation);
            let third = bench.call_with(0, context, tool, augmentation, false);
            assert!(bench.is_task(third));
            for call in [calls[0], third] {
                bench.complete(0, call);
            }
            bench.assert_idle();
        }
    }
}

/// X-SEC-08, X-SEC-02: who names tasks that it does not have is not answered for a while, whoever has them.
#[test]
fn misses_are_limited() {
    let (mut bench, _) = bench(G26, slowly(&[Act::Miss], 3));
    let (call, id) = bench.start();
    let bob = bench.world.open(0, Some("bob"), false);
    let unknown = "AAAAAAAAAAAAAAAAAAAAAAAA";
    for guess in [unknown, &id, "not an id"] {
        assert_eq!(bench.world.get(0, bob, G26, guess)["error"]["code"], -32602);
    }
    let reads = bench.store.reads;
    for guess in [unknown, &id, "not an id"] {
        assert_eq!(bench.world.get(0, bob, G26, guess), too_often(1000));
        let stop = bench.world.cancel(0, bob, G26, guess);
        assert_eq!(bench.reply(stop), too_often(1000));
    }
    assert_eq!(bench.store.reads, reads);
    // Cancels that miss count like reads that do.
    bench.now += 1000;
    let stop = bench.world.cancel(0, bob, G26, &id);
    assert_eq!(bench.code(stop), -32602);
    assert_eq!(bench.world.get(0, bob, G26, &id), too_often(1000));
    // Nobody else pays for it.
    assert_eq!(bench.status(&id), "working");
    bench.complete(0, call);
    // Where nobody is authenticated, one caller's guesses do not lock the others out.
    let nobody = bench.world.open(0, Some(""), false);
    for _ in 0..10 {
        assert_eq!(bench.world.get(0, nobody, G26, unknown)["error"]["code"], -32602);
    }
}

/// X-SEC-08: each owner has buckets of its own, all its connections share them, and a pipe has none.
#[test]
fn buckets_are_an_owners() {
    let (mut bench, peer) = bench(G26, slowly(&[Act::Read], 1));
    let (_, id) = bench.start();
    let again = bench.world.open(0, Some("ann"), false);
    assert!(bench.world.get(0, peer, G26, &id)["result"].is_object());
    assert_eq!(bench.world.get(0, again, G26, &id), too_often(1000));
    let bob = bench.world.open(0, Some("bob"), false);
    assert_eq!(bench.world.get(0, bob, G26, &id)["error"]["code"], -32602);
    for _ in 0..10 {
        assert_eq!(bench.status(&id), "working");
    }
}

/// X-LIM-10: the buckets of owners who have been quiet for long enough are forgotten.
#[test]
fn full_buckets_are_forgotten() {
    let (mut bench, _) = bench(G26, slowly(&[Act::Read], 2));
    for number in 0..20_000 {
        let peer = bench.world.open(0, Some(&format!("owner {number}")), false);
        bench.world.get(0, peer, G26, "AAAA");
        bench.world.close(0, peer);
        bench.now += 10;
    }
    assert!(bench.receiver(0).bucket_owners() <= 1024, "{}", bench.receiver(0).bucket_owners());
}

proptest! {
    #![proptest_config(cases(200))]

    /// X-SEC-08: in any stretch of time an owner does no more than its bucket holds and what flows into it, the time it
    /// is told to wait is exact, and it never waits for what others do.
    #[test]
    fn a_bucket_is_exact(
        interval in 1u32..5_000_000,
        burst in 1u32..6,
        steps in prop::collection::vec((0u8..3, 0i64..4_000), 1..80),
    ) {
        let limits = Limits { rates: Rates::default().with(Act::Read, Rate { interval, burst }), ..Limits::default() };
        let mut world = World::with(1, limits, false);
        let peers: Vec<PeerId> = ["ann", "bob", "cy"].iter().map(|owner| world.open(0, Some(owner), false)).collect();
        let mut allowed: Vec<Vec<i64>> = vec![Vec::new(); 3];
        for (who, pause) in steps {
            let who = usize::from(who);
            world.now += pause;
            let ask = |world: &mut World| {
            let answer = world.get(0, peers[who], G26, "AAAA");
            answer["error"]["data"]["retryAfterMs"].as_i64()
        };
            match ask(&mut world) {
                None => allowed[who].push(world.now),
                Some(wait) => {
                    // Another owner is not in the way of this one's exact wait.
                    prop_assert!(wait > 0);
                    world.now += wait - 1;
                    prop_assert_eq!(ask(&mut world), Some(1));
                    world.now += 1;
                    prop_assert_eq!(ask(&mut world), None);
                    allowed[who].push(world.now);
                }
            }
            let times = &allowed[who];
            for (first, start) in times.iter().enumerate() {
                let elapsed = (world.now - start) * 1000;
                let most = i64::from(burst) + elapsed / i64::from(interval);
                prop_assert!((times.len() - first) as i64 <= most, "{times:?}");
            }
        }
    }
}
