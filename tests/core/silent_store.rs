//! Stores that do not answer: each operation has a limit, and then counts as failed, though it may have arrived.

use mcp_longhaul::receiver::{Output, Policy};
use mcp_longhaul::storage::{Completion, Operation};
use mcp_longhaul::task::Phase;

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, Op, STORE_LIMIT, World, policy};
use crate::model::Fault;

/// What is on its way to the store never arrives, or its answer never comes back.
fn silence(bench: &mut Bench, arrives: bool) -> Vec<Op> {
    let lost = std::mem::take(&mut bench.pending);
    for op in lost.iter().filter(|_| arrives) {
        bench.world.perform(op, Fault::Nothing);
    }
    lost
}

fn overdue(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::Overdue { .. }))
}

/// X-STO-04, X-STO-05: a request is answered when the store had its time, and a late answer of the store changes
/// nothing.
#[test]
fn a_read_that_is_never_answered_fails_in_time() {
    for generation in [G25, G26] {
        let mut bench = Bench::new(generation);
        let (_, id) = bench.start();
        bench.later = true;
        let peer = bench.peer;
        let context = bench.context(0, peer, generation);
        bench.input(0, |receiver, now| receiver.handle_get(now, context, Some(&id)));
        let lost = silence(&mut bench, false);
        bench.later = false;
        bench.pass(STORE_LIMIT - 1);
        assert!(bench.replied(context.request).is_none());
        bench.pass(1);
        assert_eq!((bench.code(context.request), overdue(&bench)), (-32603, 1));
        for op in lost {
            let done = bench.world.perform(&op, Fault::Nothing);
            bench.world.complete_op(op, done);
        }
        assert_eq!(bench.status(&id), "working");
        bench.pass(2 * LEASE);
        assert_eq!(overdue(&bench), 1);
    }
}

/// X-STO-02: an outcome whose write is never answered is written again, or found written; its lease is renewed
/// meanwhile, and no operation holds the task for longer than it has to.
#[test]
fn an_outcome_whose_write_is_never_answered_is_stored_once() {
    for arrives in [false, true] {
        let (mut bench, call, id) = {
            let mut bench = Bench::of(World::new(1), G26, Policy { ttl: None, ..policy() });
            let (call, id) = bench.start();
            (bench, call, id)
        };
        bench.later = true;
        bench.complete(0, call);
        silence(&mut bench, arrives);
        bench.later = false;
        bench.pass(LEASE / 3 * 2 + 1_000);
        assert_eq!((bench.stored(&id).phase, overdue(&bench)), (Phase::Completed, 1), "{arrives}");
        assert_eq!(bench.count(|output| matches!(output, Output::Release { .. })), 1);
        bench.assert_idle();
    }
}

/// X-STO-05: what does not answer costs no more of a lease than the time between two renewals.
#[test]
fn a_renewal_that_is_never_answered_is_repeated_within_the_lease() {
    let mut bench = Bench::of(World::new(1), G26, Policy { ttl: None, ..policy() });
    let (_, id) = bench.start();
    bench.pass(LEASE / 3 - 1);
    bench.later = true;
    bench.pass(1);
    assert!(matches!(bench.pending[..], [Op { operation: Operation::Put { .. }, .. }]), "the renewal");
    silence(&mut bench, false);
    bench.later = false;
    let version = bench.store.version("ann", &id);
    bench.pass(LEASE / 3);
    assert_eq!(bench.store.version("ann", &id), version + 1);
}

/// X-STO-11: whoever closes does not wait for ever for a store that does not answer.
#[test]
fn a_receiver_that_leaves_is_quiet_in_time() {
    let mut bench = Bench::of(World::new(1), G26, policy());
    bench.start();
    bench.later = true;
    bench.input(0, |receiver, now| receiver.handle_leaving(now));
    for _ in 0..3 {
        silence(&mut bench, false);
        bench.pass(STORE_LIMIT);
    }
    bench.later = false;
    bench.pass(STORE_LIMIT);
    assert!(bench.receiver(0).is_quiet());
}

/// An answer that comes after its operation was given up is not taken for that of another one.
#[test]
fn the_answer_of_one_operation_is_not_anothers() {
    let mut bench = Bench::new(G26);
    let (_, id) = bench.start();
    bench.later = true;
    let peer = bench.peer;
    let context = bench.context(0, peer, G26);
    bench.input(0, |receiver, now| receiver.handle_get(now, context, Some(&id)));
    let [late] = silence(&mut bench, false).try_into().expect("one read");
    bench.pass(STORE_LIMIT);
    silence(&mut bench, false);
    let other = bench.context(0, peer, G26);
    bench.input(0, |receiver, now| receiver.handle_get(now, other, Some(&id)));
    bench.world.complete_op(late, (Completion::Record(None), None));
    assert!(bench.replied(other.request).is_none());
    bench.later = false;
    bench.answer_all();
    assert_eq!(bench.reply(other.request)["result"]["status"], "working");
}
