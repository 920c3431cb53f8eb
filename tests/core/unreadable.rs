//! Records that this version cannot read: they are there, and stay as they are.

use mcp_longhaul::lifecycle::{self, Command};
use mcp_longhaul::receiver::{Output, Policy, Receiver, Trouble, Withdrawal};
use mcp_longhaul::storage::{Completion, Operation, Payload};
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, START, World, policy};

/// What a later version may have written.
const NEWER: &str = r#"{"v":2,"phase":"pondering"}"#;
const DAMAGED: &str = "damaged";

fn reports(bench: &Bench, trouble: Trouble) -> usize {
    bench.count(|output| matches!(output, Output::Report { trouble: known, .. } if *known == trouble))
}

/// Requests about it hear that they may try again, a list leaves it out, and it is reported once for each version of
/// the record.
#[test]
fn requests_are_told_to_try_again() {
    for (text, trouble) in [(NEWER, Trouble::Newer), (DAMAGED, Trouble::Malformed)] {
        for generation in [G25, G26] {
            let mut bench = Bench::of(World::new(2), generation, policy());
            let (_, id) = bench.start();
            bench.store.corrupt("ann", &id, text);
            let peer = bench.world.open(1, Some("ann"), true);
            let error = bench.world.get(1, peer, generation, &id)["error"].clone();
            assert_eq!(error["code"], -32603);
            assert!(error["message"].as_str().unwrap().contains("cannot be read by this version"), "{error}");
            let cancel = bench.world.cancel(1, peer, generation, &id);
            assert_eq!(bench.code(cancel), -32603);
            if generation == G26 {
                let update = bench.world.update(1, peer, &id, &[("a-1", 0)]);
                assert_eq!(bench.code(update), -32603);
                // There is nothing to listen to.
                let listen = bench.world.listen(1, peer, &[&id]);
                assert!(bench.heard(listen).is_empty() && bench.replied(listen).is_some());
            } else {
                let result = bench.world.result(1, peer, &id);
                assert_eq!(bench.code(result), -32603);
                assert_eq!(bench.world.list(1, peer, None)["result"]["tasks"], json!([]));
            }
            assert_eq!(
                (reports(&bench, trouble), bench.count(|output| matches!(output, Output::Report { .. }))),
                (1, 1)
            );
            assert_eq!(bench.store.state("ann", &id).as_deref(), Some(text));
        }
    }
}

/// A stranger hears what he always hears.
#[test]
fn a_stranger_misses_it() {
    let mut bench = Bench::of(World::new(1), G26, policy());
    let (_, id) = bench.start();
    bench.store.corrupt("ann", &id, NEWER);
    let bob = bench.world.open(0, Some("bob"), true);
    assert_eq!(bench.world.get(0, bob, G26, &id)["error"]["code"], -32602);
}

/// A list goes on past it, also where a whole page of them is in the way.
#[test]
fn a_list_pages_past_them() {
    let limits = mcp_longhaul::limit::Limits { page: 3, running: 100, running_per_owner: 100, ..Default::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G25, policy());
    let ids: Vec<String> = (0..12)
        .map(|_| {
            bench.pass(1);
            bench.start().1
        })
        .collect();
    for id in &ids[2..9] {
        bench.store.corrupt("ann", id, NEWER);
    }
    let peer = bench.world.open(0, Some("ann"), true);
    let (mut listed, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..4 {
        let page = bench.world.list(0, peer, cursor.as_deref())["result"].clone();
        listed.extend(page["tasks"].as_array().unwrap().iter().map(|task| task["taskId"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(cursor, None);
    assert_eq!(listed, [&ids[..2], &ids[9..]].concat());
}

/// Its outcome is not written over it, and not dropped without a word; nothing spins on it meanwhile.
#[test]
fn an_outcome_for_it_is_reported() {
    let mut bench = Bench::of(World::new(1), G26, Policy { ttl: Some(10_000), ..policy() });
    let (call, id) = bench.start();
    bench.ask(0, call, 1, "name");
    bench.store.corrupt("ann", &id, NEWER);
    bench.changed(0, "ann", &id);
    bench.note_of(call, "going on");
    let (reads, writes) = (bench.store.reads, bench.store.writes);
    bench.pass(120_000);
    // A renewal each third of a lease, and a look each few seconds for whoever waits for an answer.
    assert!(bench.store.reads - reads < 60, "{}", bench.store.reads - reads);
    assert_eq!(bench.store.writes, writes);
    assert!(!bench.aborted(call));
    bench.ask(0, call, 2, "more");
    assert_eq!(bench.withdrawn(2), Some(Withdrawal::Storage));
    bench.complete(0, call);
    assert_eq!(reports(&bench, Trouble::OutcomeLost), 1);
    assert_eq!(reports(&bench, Trouble::Newer), 1);
    assert_eq!(bench.store.state("ann", &id).as_deref(), Some(NEWER));
    assert!(bench.saw(&Output::Release { call }));
    bench.assert_idle();
}

/// Who waits for a task is told when it becomes unreadable.
#[test]
fn a_waiter_is_told() {
    let mut bench = Bench::of(World::new(1), G25, policy());
    let (_, id) = bench.start();
    let wait = bench.wait(&id);
    bench.store.corrupt("ann", &id, NEWER);
    bench.changed(0, "ann", &id);
    assert_eq!(bench.code(wait), -32603);
}

/// Nothing deletes what is due and unreadable, and what is due behind it is settled. Each is reported once, however
/// often the sweep meets it.
#[test]
fn a_sweep_passes_over_them() {
    let limits = mcp_longhaul::limit::Limits { running: 1_000, running_per_owner: 1_000, ..Default::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G26, policy());
    let ids: Vec<String> = (0..150).map(|_| bench.start().1).collect();
    for id in &ids[..149] {
        bench.store.corrupt("ann", id, NEWER);
    }
    bench.crash(0);
    bench.pass(600_000);
    assert_eq!(reports(&bench, Trouble::Newer), 149);
    assert!(bench.store.task("ann", &ids[149]).is_none_or(|task| task.phase.is_terminal()));
    for id in &ids[..149] {
        assert_eq!(bench.store.state("ann", id).as_deref(), Some(NEWER));
    }
}

/// A newer version of the record that is unreadable is reported again; one that can be read is a task as before.
#[test]
fn it_may_become_readable_again() {
    let mut bench = Bench::of(World::new(1), G26, policy());
    let (_, id) = bench.start();
    let state = bench.store.state("ann", &id).unwrap();
    let peer = bench.world.open(0, Some("ann"), true);
    bench.store.corrupt("ann", &id, NEWER);
    bench.world.get(0, peer, G26, &id);
    bench.store.corrupt("ann", &id, &state);
    bench.store.meddle(
        "ann",
        &id,
        |task| lifecycle::apply(task, Command::SetStatusMessage("x"), START).unwrap(),
        Payload::Keep,
    );
    assert_eq!(bench.world.get(0, peer, G26, &id)["result"]["statusMessage"], "x");
    bench.store.corrupt("ann", &id, NEWER);
    bench.world.get(0, peer, G26, &id);
    assert_eq!(reports(&bench, Trouble::Newer), 2);
}

/// What the host found to be no record is unreadable too.
#[test]
fn what_is_no_record_is_unreadable() {
    let mut bench = Bench::of(World::new(2), G26, policy());
    let (_, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), true);
    bench.later = true;
    let asks: [fn(&mut Receiver, i64, mcp_longhaul::receiver::RequestContext, &str); 2] = [
        |receiver, now, context, id| receiver.handle_get(now, context, Some(id)),
        |receiver, now, context, id| receiver.handle_cancel(now, context, Some(id)),
    ];
    for ask in asks {
        let context = bench.world.context(1, peer, G26);
        bench.input(1, |receiver, now| ask(receiver, now, context, &id));
        let op = bench.pending.remove(0);
        assert!(matches!(op.operation, Operation::Get { .. }));
        bench.complete_op(op, (Completion::Unreadable, None));
        assert_eq!(bench.code(context.request), -32603);
    }
    assert!(bench.pending.is_empty());
}
