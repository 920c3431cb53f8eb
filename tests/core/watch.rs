//! What a store says of changes, and the versions it tells with them.

use mcp_longhaul::receiver::{Output, RequestId, Shape};

use crate::bench::Bench;
use crate::harness::{FIRST_INPUT, G26, World, policy};

/// A receiver whose store answers later and whose handler waits for input, and another one on the same store.
fn asking() -> (Bench, RequestId, String) {
    let mut bench = Bench::of(World::new(2), G26, policy());
    bench.later = true;
    let (call, id) = bench.start_later();
    bench.ask(0, call, 1, "name");
    bench.answer_all();
    assert_eq!(bench.store.version("ann", &id), 2);
    (bench, call, id)
}

/// Another process stores the answer that the handler waits for.
fn answer_elsewhere(bench: &mut Bench, id: &str) {
    let peer = bench.world.open(1, Some("ann"), false);
    bench.world.update(1, peer, id, &[("name-1", Shape::ELICITED)]);
    // What the first receiver has on its way stays there.
    while let Some(index) = bench.pending.iter().position(|op| op.node == 1) {
        bench.answer(index);
    }
}

fn news(bench: &mut Bench, id: &str, version: Option<u32>) {
    bench.input(0, |receiver, now| receiver.handle_changed(now, "ann", id, version));
}

/// How often the handler got the answer that another process stored.
fn answers(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::AnsweredElsewhere { input: FIRST_INPUT, .. }))
}

/// The echo of a write comes before its answer or after it: either way nothing is read.
#[test]
fn the_echo_of_an_own_write_costs_nothing() {
    for early in [true, false] {
        let mut bench = Bench::new(G26);
        bench.later = true;
        let (peer, tool) = (bench.peer, bench.tool);
        let call = bench.world.call(0, peer, G26, tool);
        bench.answer_all();
        let id = bench.id(call);
        news(&mut bench, &id, Some(1));
        let before = bench.store.reads;
        for version in 2..10 {
            bench.note_of(call, &format!("at {version}"));
            if early {
                news(&mut bench, &id, Some(version));
            }
            bench.answer_all();
            assert_eq!(bench.store.version("ann", &id), version);
            news(&mut bench, &id, Some(version));
            bench.answer_all();
        }
        assert_eq!(bench.store.reads, before);
        bench.ask(0, call, 1, "name");
        bench.answer_all();
        news(&mut bench, &id, Some(10));
        assert!(bench.pending.is_empty(), "the handler waits, and nothing is looked for");
        bench.complete(0, call);
        bench.answer_all();
        news(&mut bench, &id, Some(11));
        assert!(bench.pending.is_empty());
        bench.assert_idle();
    }
}

/// Who listens hears of a change after one read, whatever the store says of it.
#[test]
fn the_echo_costs_those_who_listen_nothing() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let peer = bench.peer;
    let listen = bench.listen(0, peer, &[&id]);
    let before = bench.store.reads;
    for n in 1..=5 {
        bench.note_of(call, &format!("at {n}"));
        bench.changed(0, "ann", &id);
        assert_eq!(bench.store.reads, before + n);
        assert_eq!(bench.heard(listen)[n]["statusMessage"], format!("at {n}"));
    }
}

/// News that are older than what was seen are none; newer ones are read, and so are those without a version.
#[test]
fn only_what_is_newer_is_read() {
    let (mut bench, _, id) = asking();
    let before = bench.store.reads;
    for version in [1, 2] {
        news(&mut bench, &id, Some(version));
    }
    assert!(bench.pending.is_empty());
    news(&mut bench, &id, None);
    bench.answer_all();
    assert_eq!(bench.store.reads, before + 1);

    answer_elsewhere(&mut bench, &id);
    let before = bench.store.reads;
    for _ in 0..3 {
        news(&mut bench, &id, Some(3));
        bench.answer_all();
    }
    assert_eq!(answers(&bench), 1);
    assert_eq!(bench.store.reads, before + 1);
}

/// H25: a swap loses against an answer from elsewhere, of which the store speaks before it answers the swap, after it,
/// or when the next swap has gone over it. The handler gets its answer without waiting for the next look, which would
/// come after a while.
#[test]
fn a_version_that_was_written_over_is_noticed() {
    for told in ["before", "between", "after", "with the next"] {
        let (mut bench, call, id) = asking();
        bench.note_of(call, "halfway");
        answer_elsewhere(&mut bench, &id);
        assert_eq!((bench.pending.len(), bench.store.version("ann", &id)), (1, 3), "{told}: the swap is on its way");
        if told == "before" {
            news(&mut bench, &id, Some(3));
            assert_eq!(bench.pending.len(), 1, "{told}: the answer to the swap will tell");
        }
        bench.answer(0);
        if told == "between" {
            news(&mut bench, &id, Some(3));
        }
        bench.answer_all();
        assert_eq!(bench.stored(&id).message, "halfway");
        if told == "after" || told == "with the next" {
            assert_eq!(answers(&bench), 0, "{told}: the swap did not read what the handler waits for");
            news(&mut bench, &id, Some(if told == "after" { 3 } else { 4 }));
            bench.answer_all();
        }
        assert_eq!(answers(&bench), 1, "{told}");
        news(&mut bench, &id, Some(4));
        assert!(bench.pending.is_empty(), "{told}: all is known");
        bench.complete(0, call);
        bench.answer_all();
        bench.assert_idle();
    }
}

/// A task that another process cancelled, while a swap was on its way here, stops its handler.
#[test]
fn a_swap_that_lost_against_an_end_is_noticed() {
    for told in [true, false] {
        let (mut bench, call, id) = asking();
        bench.note_of(call, "halfway");
        let peer = bench.world.open(1, Some("ann"), false);
        bench.world.cancel(1, peer, G26, &id);
        while let Some(index) = bench.pending.iter().position(|op| op.node == 1) {
            bench.answer(index);
        }
        if told {
            news(&mut bench, &id, Some(3));
        }
        bench.answer_all();
        assert!(bench.aborted(call));
        bench.assert_idle();
    }
}
