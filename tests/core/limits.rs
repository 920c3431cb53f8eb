//! What is bounded.

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{Outcome, Output, Policy, Shape, Support, Withdrawal};
use mcp_longhaul::task::{Failure, InputKind, LONGEST_TTL, MESSAGE_BYTES};
use mcp_longhaul::wire::Generation;
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, World, policy};

fn bench(generation: Generation, limits: Limits) -> Bench {
    Bench::of(World::with(1, limits, false), generation, policy())
}

/// X-LIM-01, X-ERR-04, H84: one owner's tasks are limited, and a place is free again when one ends.
#[test]
fn running_tasks_of_one_owner_are_limited() {
    let mut bench = bench(G25, Limits { running_per_owner: 2, ..Limits::default() });
    let (first, _) = bench.start();
    bench.start();
    let (peer, tool) = (bench.peer, bench.tool);
    let refused = bench.world.call(0, peer, G25, tool);
    assert_eq!(bench.reply(refused)["error"]["code"], -32603);
    assert_eq!(bench.reply(refused)["error"]["data"], json!({ "reason": "task_limit" }));
    assert_eq!(bench.store.ids.len(), 2);
    // Somebody else has places of his own.
    let bob = bench.world.open(0, Some("bob"), true);
    let his = bench.world.call(0, bob, G25, tool);
    assert!(bench.is_task(his));
    bench.complete(0, first);
    bench.start();
}

/// X-LIM-01: all tasks together are limited.
#[test]
fn running_tasks_are_limited_in_all() {
    let mut bench = bench(G25, Limits { running: 1, ..Limits::default() });
    bench.start();
    let tool = bench.tool;
    let bob = bench.world.open(0, Some("bob"), true);
    let refused = bench.world.call(0, bob, G25, tool);
    assert_eq!(bench.code(refused), -32603);
}

/// X-LIM-01: calls whose handlers are held count when they begin, not only when they arrive.
#[test]
fn held_calls_do_not_slip_through_the_limit() {
    let mut bench = bench(G25, Limits { running: 2, ..Limits::default() });
    let (peer, tool) = (bench.peer, bench.tool);
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let context = bench.context(0, peer, G25);
            bench.call_with(0, context, tool, mcp_longhaul::receiver::Augmentation::Asked { ttl: None }, true)
        })
        .collect();
    for call in &calls {
        bench.input(0, |receiver, now| receiver.handle_begin(now, *call));
    }
    assert_eq!(bench.store.ids.len(), 2);
    assert_eq!(calls.iter().filter(|call| bench.code_or_zero(**call) == -32603).count(), 3);
}

/// H84: in 2026-07-28 a call that finds no place runs without a task, unless it cannot.
#[test]
fn without_a_place_a_call_runs_plainly() {
    let mut bench = bench(G26, Limits { running: 1, ..Limits::default() });
    bench.start();
    let (peer, tool) = (bench.peer, bench.tool);
    let plain = bench.world.call(0, peer, G26, tool);
    assert!(bench.saw(&Output::Forward { call: plain, gated: false }) && !bench.is_task(plain));
    bench.complete(0, plain);
    assert!(bench.saw(&Output::Relay { call: plain }));
    let required = bench.world.policy(Policy { support: Support::Required, ..policy() });
    let refused = bench.world.call(0, peer, G26, required);
    assert_eq!(bench.code(refused), -32603);
}

/// X-LIM-02, X-LIM-03, X-ERR-04, H67: an outcome as large as the limit is stored, a larger one fails the task.
#[test]
fn outcomes_are_limited() {
    let mut bench = bench(G26, Limits { outcome: 100, ..Limits::default() });
    for (outcome, status) in [
        (Outcome::Result { is_error: false, size: 100 }, "completed"),
        (Outcome::Error { size: 100 }, "failed"),
        (Outcome::Result { is_error: false, size: 101 }, "too large"),
        (Outcome::Error { size: 101 }, "too large"),
    ] {
        let (call, id) = bench.start();
        bench.outcome(0, call, outcome);
        let state = bench.state(&id);
        if status == "too large" {
            assert_eq!(bench.stored(&id).failure, Some(Failure::TooLarge));
            assert_eq!(state["result"]["error"]["code"], -32603);
            assert_eq!(state["result"]["error"]["data"], json!({ "reason": "payload_limit" }));
        } else {
            assert_eq!(state["result"]["status"], status);
        }
    }
}

/// X-LIM-02: a status message is cut at its limit, at the boundary of a code point.
#[test]
fn status_messages_are_cut() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let at_limit = "a".repeat(MESSAGE_BYTES);
    bench.note_of(call, &at_limit);
    assert_eq!(bench.state(&id)["result"]["statusMessage"], at_limit);
    bench.note_of(call, &format!("{}b", "a".repeat(MESSAGE_BYTES - 1) + "é"));
    assert_eq!(bench.state(&id)["result"]["statusMessage"], "a".repeat(MESSAGE_BYTES - 1));
    bench.note_of(call, &"🎨".repeat(2000));
    assert_eq!(bench.state(&id)["result"]["statusMessage"], "🎨".repeat(MESSAGE_BYTES / 4));
}

/// X-LIM-02, X-LIM-10: so many input requests may be outstanding, also those that the store does not have yet.
#[test]
fn outstanding_input_is_limited() {
    let mut bench = bench(G26, Limits { outstanding: 3, ..Limits::default() });
    let (call, id) = bench.start();
    bench.later = true;
    for ask in 1..=4 {
        bench.ask(0, call, ask, "q");
    }
    bench.answer_all();
    assert_eq!(bench.withdrawn(3), None);
    assert_eq!(bench.withdrawn(4), Some(Withdrawal::TooMany));
    assert_eq!(bench.stored(&id).inputs.len(), 3);
}

/// X-LIM-02: a task issues so many input keys in its whole life.
#[test]
fn issued_input_is_limited() {
    let mut bench = bench(G26, Limits { issued: 5, ..Limits::default() });
    let (call, id) = bench.start();
    for ask in 1..=5 {
        bench.ask(0, call, ask, "q");
        let (peer, key) = (bench.peer, format!("q-{ask}"));
        bench.world.update(0, peer, &id, &[(&key, Shape::ELICITED)]);
        assert_eq!(bench.withdrawn(ask), None);
    }
    bench.ask(0, call, 6, "q");
    assert_eq!(bench.withdrawn(6), Some(Withdrawal::TooMany));
    assert_eq!(bench.stored(&id).issued, 5);
}

/// X-LIM-02: a handler that ends with more input requests than may be outstanding fails its task.
#[test]
fn input_in_a_result_is_limited() {
    for (count, phase) in [(3, "input_required"), (4, "failed"), (0, "failed")] {
        let mut bench = bench(G26, Limits { outstanding: 3, ..Limits::default() });
        let (call, id) = bench.start();
        let requests = (0..count).map(|number| (format!("q{number}"), Some(InputKind::Elicit))).collect();
        bench.outcome(0, call, Outcome::Input { requests, state: false });
        assert_eq!(bench.status(&id), phase);
    }
}

/// X-LIM-02: an input key has at most 256 bytes, whatever its name and number.
#[test]
fn input_keys_are_limited() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.ask(0, call, 1, &"é".repeat(400));
    let key = bench.stored(&id).inputs[0].key.clone();
    assert!(key.len() <= 256 && key.starts_with("éé") && key.ends_with("-1"), "{key}");
    // Room for the number of the last key that a task may issue.
    assert!(Limits::default().name + 1 + Limits::default().issued.to_string().len() <= 256);
}

/// One task's queue is bounded, and a long one needs no deep stack.
#[test]
fn a_flood_of_cancels_is_answered() {
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    bench.later = true;
    let cancels: Vec<_> = (0..20_000).map(|_| bench.stop(&id)).collect();
    bench.answer_all();
    assert_eq!(bench.reply(cancels[0])["result"]["status"], "cancelled");
    assert_eq!(bench.code(cancels[1]), -32602);
    assert_eq!(bench.reply(cancels[19_999])["error"]["data"], json!({ "reason": "rate_limit" }));
    assert!(bench.unanswered().is_empty());
    bench.assert_idle();
}

/// X-LIM-10: so many requests wait for one task, whoever sends them; more are refused, and a place is free again later.
#[test]
fn waiters_of_one_task_are_limited() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let waits: Vec<_> = (0..300).map(|_| bench.wait(&id)).collect();
    let (kept, refused) = waits.split_at(256);
    for wait in refused {
        assert_eq!(bench.reply(*wait)["error"]["data"], json!({ "reason": "rate_limit" }));
    }
    bench.input(0, |receiver, now| receiver.handle_wait_ended(now, kept[0]));
    let again = bench.wait(&id);
    bench.complete(0, call);
    assert!(bench.reply(again)["result"].is_object() && bench.reply(kept[255])["result"].is_object());
    bench.assert_idle();
}

/// After four billion jobs and slots their numbers come round, and those that still live keep theirs.
#[test]
fn numbers_that_come_round_leave_out_what_lives() {
    let mut bench = Bench::new(G25);
    bench.input(0, |receiver, _| receiver.number_from(u32::MAX - 1));
    let (first, one) = bench.start();
    bench.later = true;
    let slow = bench.wait(&one);
    // The next job and the next slot would have the numbers of those two.
    bench.input(0, |receiver, _| receiver.number_from(u32::MAX - 1));
    let (second, other) = bench.start_later();
    bench.later = false;
    assert_ne!(one, other);
    for (call, id) in [(second, &other), (first, &one)] {
        assert_eq!(bench.status(id), "working");
        bench.complete(0, call);
        assert_eq!(bench.status(id), "completed");
    }
    assert!(bench.reply(slow)["result"].is_object());
    bench.assert_idle();
}

/// G26-TTL-05: what goes out is a positive safe integer, whatever the policy says.
#[test]
fn times_are_positive_safe_integers() {
    for ttl in [0, 1, 9_007_199_254_740_993, u64::MAX] {
        let mut bench = Bench::of(
            World::default(),
            G26,
            Policy { ttl: Some(ttl), poll_interval: 0, max_ttl: u64::MAX, ..policy() },
        );
        let (call, id) = bench.start();
        let handle = bench.reply(call)["result"].clone();
        assert!((1..=LONGEST_TTL).contains(&handle["ttlMs"].as_u64().unwrap()));
        assert!(handle["pollIntervalMs"].as_u64().unwrap() > 0);
        assert_eq!(bench.status(&id), "working");
    }
}

/// Timers of tasks that ended long ago do not pile up.
#[test]
fn timers_of_ended_tasks_are_forgotten() {
    let mut bench = Bench::new(G26);
    for _ in 0..10_000 {
        let (call, _) = bench.start();
        bench.complete(0, call);
    }
    assert!(bench.receiver(0).timers() < 3_000, "{}", bench.receiver(0).timers());
}

/// X-LIM-01, H84, H85, X-TTL-06: what an owner keeps is limited across processes; a new task is refused or runs
/// plainly, and nothing that is kept goes for it.
#[test]
fn stored_tasks_of_one_owner_are_limited() {
    let limits = Limits { stored: Some(2), ..Limits::default() };
    let mut bench = Bench::of(World::with(2, limits, false), G26, policy());
    let (first, kept) = bench.start();
    bench.complete(0, first);
    let there = bench.world.open(1, Some("ann"), true);
    let tool = bench.tool;
    let second = bench.world.call(1, there, G26, tool);
    assert!(bench.is_task(second));
    // Ended ones count, and those of other processes.
    let peer = bench.peer;
    let plain = bench.world.call(0, peer, G26, tool);
    assert!(bench.saw(&Output::Forward { call: plain, gated: false }) && !bench.is_task(plain));
    let required = bench.world.policy(Policy { support: Support::Required, ..policy() });
    let refused = bench.world.call(0, peer, G26, required);
    assert_eq!(bench.reply(refused)["error"]["data"], json!({ "reason": "task_limit" }));
    // So does a key that makes no task, and leaves no claim.
    bench.creation_key = Some("a-key-of-some-length".into());
    let keyed = bench.world.call(0, peer, G26, tool);
    assert_eq!(bench.reply(keyed)["error"]["data"], json!({ "reason": "task_limit" }));
    bench.creation_key = None;
    let old = bench.world.call(0, peer, G25, tool);
    assert_eq!(bench.reply(old)["error"]["data"], json!({ "reason": "task_limit" }));
    assert_eq!(bench.status(&kept), "completed");
    assert_eq!(bench.store.ids.len(), 2);
    // Another owner has a place, and so has this one when the first is gone.
    let bob = bench.world.open(0, Some("bob"), true);
    let his = bench.world.call(0, bob, G26, tool);
    assert!(bench.is_task(his));
    bench.pass(3_600_000 + 60_000);
    let again = bench.world.call(0, peer, G26, tool);
    assert!(bench.is_task(again));
}

/// X-ERR-04: so is the length of what an owner keeps; a store that cannot say is no reason to run over it.
#[test]
fn stored_bytes_of_one_owner_are_limited() {
    let limits = Limits { stored_bytes: Some(10), ..Limits::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G25, policy());
    let (first, _) = bench.start();
    bench.complete(0, first);
    let (peer, tool) = (bench.peer, bench.tool);
    let refused = bench.world.call(0, peer, G25, tool);
    assert_eq!(bench.reply(refused)["error"]["data"], json!({ "reason": "payload_limit" }));
    bench.blind = true;
    let failed = bench.world.call(0, peer, G25, tool);
    assert_eq!(bench.code(failed), -32603);
    assert_eq!(bench.store.ids.len(), 1);
    bench.blind = false;
    bench.assert_idle();
    // Without a limit nobody asks.
    let mut bench = Bench::new(G25);
    bench.start();
    assert_eq!(bench.store.usages, 0);
}
