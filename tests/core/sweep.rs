//! What is due in the store: every backlog makes progress, and costs each process one page at a time.

use std::collections::BTreeMap;

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{Output, Policy};
use mcp_longhaul::storage::{Operation, Record};
use mcp_longhaul::task::{Millis, OnLost};

use crate::bench::Bench;
use crate::harness::{G26, LEASE, Op, START, World, policy};

/// Room for a backlog.
fn world(nodes: usize) -> World {
    World::with(nodes, Limits { running_per_owner: 10_000, ..Limits::default() }, false)
}

/// X-TTL-01, X-STO-05: more tasks than fit a page, due at the same instant, that no process can run again; what comes
/// after them in the store is settled all the same.
#[test]
fn what_cannot_be_settled_is_passed_over() {
    for spread in [0, 1] {
        let mut bench = Bench::of(world(2), G26, Policy { on_lost: OnLost::Restart, ttl: None, ..policy() });
        for _ in 0..1_200 {
            bench.start();
            bench.now += spread;
        }
        let fails = bench.world.policy(Policy { ttl: None, ..policy() });
        bench.now += 1;
        let peer = bench.world.open(0, Some("zoe"), true);
        let lost = bench.world.call(0, peer, G26, fails);
        let lost = bench.id(lost);
        // Its process is gone, and nobody of their owner is connected anywhere.
        bench.crash(0);
        bench.pass(3 * LEASE + 62_000);
        assert!(bench.task("zoe", &lost).phase.is_terminal(), "it waits behind what cannot be settled");
    }
}

/// X-TTL-01: records that others keep in the same store are never read, and deleted when they are due, however far the
/// clock of whichever process wrote them may be.
#[test]
fn records_of_others_go_when_they_are_due() {
    const SKEW: Millis = 20_000;
    let mut bench = Bench::of(world(1), G26, policy());
    bench.tolerate(SKEW);
    let due = [("gone", Some(START)), ("early", Some(START + 3 * SKEW)), ("never", None)];
    for (id, due_at) in due {
        bench.store.keep(Record {
            owner: "\u{2}others".into(),
            id: id.into(),
            version: 1,
            created_at: START,
            due_at,
            state: "not even JSON".into(),
        });
    }
    let there = |bench: &Bench| due.map(|(id, _)| bench.store.state("\u{2}others", id).is_some());
    bench.input(0, |receiver, now| receiver.handle_start(now));
    bench.answer_all();
    assert_eq!(there(&bench), [true, true, true], "a clock that is behind would still show it");
    bench.pass(2 * SKEW);
    assert_eq!(there(&bench), [false, true, true]);
    bench.pass(4 * SKEW);
    assert_eq!(there(&bench), [false, false, true]);
    assert_eq!(bench.count(|output| matches!(output, Output::Report { .. })), 0);
}

/// How the operations on their way to the store are answered: each process has a few connections.
fn tick(world: &mut World, nodes: usize, done: &mut BTreeMap<&'static str, usize>) {
    for node in 0..nodes {
        for _ in 0..10 {
            let Some(place) = world.pending.iter().position(|op| op.node == node) else { break };
            let name = match world.pending[place].operation {
                Operation::Delete { .. } => "delete",
                Operation::Due { .. } => "due",
                _ => "other",
            };
            *done.entry(name).or_default() += 1;
            world.answer(place);
        }
    }
    world.pass(2);
}

fn under_way(world: &World, node: usize, is_it: impl Fn(&Op) -> bool) -> usize {
    world.pending.iter().filter(|op| op.node == node && is_it(op)).count()
}

/// X-TTL-01: a backlog of what is over, a slow store, and a sweep that is due again and again meanwhile: a task is
/// deleted once, and never more than a page is under way.
#[test]
fn one_walk_at_a_time() {
    let mut bench = Bench::of(world(1), G26, Policy { ttl: Some(60_000), ..policy() });
    for _ in 0..2_000 {
        let (call, _) = bench.start();
        bench.complete(0, call);
        bench.now += 1;
    }
    bench.later = true;
    bench.now += 80_000;
    bench.crash(0);
    let mut done = BTreeMap::new();
    for round in 0..4_000 {
        tick(&mut bench, 1, &mut done);
        if round % 10 == 0 {
            // Hosts ask too, as an alarm does.
            bench.input(0, |receiver, now| receiver.handle_start(now));
        }
        assert!(under_way(&bench, 0, |_| true) <= 100);
        assert!(under_way(&bench, 0, |op| matches!(op.operation, Operation::Due { .. })) <= 1);
        if bench.store.len() == 0 {
            break;
        }
    }
    assert_eq!((bench.store.len(), done["delete"]), (0, 2_000));
}

/// X-TTL-01: processes that begin to sweep at once share the work.
#[test]
fn processes_share_a_backlog() {
    let mut bench = Bench::of(world(4), G26, Policy { ttl: Some(60_000), ..policy() });
    for _ in 0..6_000 {
        let (call, _) = bench.start();
        bench.complete(0, call);
        bench.now += 20;
    }
    bench.later = true;
    bench.now += 80_000;
    for node in 0..4 {
        bench.crash(node);
    }
    let mut done = BTreeMap::new();
    for _ in 0..4_000 {
        tick(&mut bench, 4, &mut done);
        if bench.store.len() == 0 {
            break;
        }
    }
    assert_eq!(bench.store.len(), 0);
    assert!(done["delete"] < 9_000, "{done:?}");
}

/// A store that knows no places, or says the same again, is asked a few times, not for ever.
#[test]
fn a_store_that_repeats_itself() {
    let mut bench = Bench::of(world(1), G26, Policy { on_lost: OnLost::Restart, ttl: None, ..policy() });
    for _ in 0..150 {
        bench.start();
    }
    bench.crash(0);
    bench.later = true;
    bench.now += 2 * LEASE;
    bench.ring(0);
    let mut pages = 0;
    for _ in 0..50 {
        while let Some(mut op) = bench.pending.pop() {
            if let Operation::Due { after, .. } = &mut op.operation {
                *after = None;
                pages += 1;
            }
            bench.pending.push(op);
            let last = bench.pending.len() - 1;
            bench.answer(last);
        }
        bench.pass(5);
    }
    assert!(pages <= 60, "{pages} pages");
}
