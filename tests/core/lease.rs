//! Leases: a run that is over without knowing it writes nothing, and a task whose process was lost does not stay.

use mcp_longhaul::lifecycle::{self, Command};
use mcp_longhaul::receiver::{Happening, Outcome, Output, Policy, RequestId, Shape, Stop};
use mcp_longhaul::storage::Payload;
use mcp_longhaul::task::{Failure, InputKind, OnLost, Phase};
use serde_json::json;

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, START, World, policy};
use crate::model::Fault;

fn restarting() -> Policy {
    Policy { on_lost: OnLost::Restart, ttl: None, ..policy() }
}

/// A task that runs on the first of some receivers.
fn running(nodes: usize, policy: Policy) -> (Bench, RequestId, String) {
    let mut bench = Bench::of(World::new(nodes), G26, policy);
    let (call, id) = bench.start();
    (bench, call, id)
}

fn restarts(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::Restart { .. }))
}

/// X-STO-04, X-STO-07: a task has a lease from its creation, which is renewed in every third of it, by nothing else
/// than one write; who reads the task notices nothing.
#[test]
fn a_lease_is_renewed() {
    let (mut bench, call, id) = running(1, Policy { ttl: None, ..policy() });
    let created = bench.stored(&id);
    assert_eq!((created.epoch, created.lease.as_ref().unwrap().length), (1, LEASE));
    let (reads, events) = (bench.store.reads, bench.count(|output| matches!(output, Output::Event { .. })));
    bench.pass(10 * LEASE);
    let renewed = bench.stored(&id);
    assert!(bench.now - bench.store.written_at("ann", &id) <= LEASE / 3);
    assert_eq!((renewed.epoch, renewed.updated_at), (1, created.updated_at));
    assert_eq!((bench.store.writes, bench.store.reads), (31, reads), "one write a third, and no read");
    assert_eq!(bench.count(|output| matches!(output, Output::Event { .. })), events);
    bench.complete(0, call);
    assert!(bench.stored(&id).lease.is_none());
    bench.pass(LEASE);
    assert_eq!(bench.receiver(0).timers(), 1, "the sweep");
    bench.assert_idle();
}

/// X-STO-05: a request that changes nothing, and is on its way whenever the lease is to be renewed, does not keep it
/// from that.
#[test]
fn what_is_on_its_way_does_not_keep_a_lease_from_being_renewed() {
    let (mut bench, call, id) = running(1, Policy { ttl: None, ..policy() });
    bench.ask(0, call, 1, "name");
    let peer = bench.peer;
    for _ in 0..9 {
        bench.later = true;
        let update = bench.world.update(0, peer, &id, &[("never-1", 1)]);
        bench.pass(LEASE / 3);
        bench.later = false;
        bench.answer_all();
        assert!(bench.reply(update)["error"].is_null());
        assert!(bench.now - bench.store.written_at("ann", &id) <= LEASE / 3);
    }
}

/// Whatever its runner writes extends a lease, so that a busy task needs no renewals.
#[test]
fn a_busy_task_needs_no_renewal() {
    let (mut bench, call, id) = running(1, policy());
    let writes = bench.store.writes;
    for round in 0..20 {
        bench.pass(LEASE / 4);
        bench.note_of(call, &format!("{round}"));
        assert_eq!(bench.store.written_at("ann", &id), bench.now);
    }
    assert_eq!(bench.store.writes, writes + 20);
}

/// X-STO-05, H24, H27: the task of a process that died is failed by whoever reads it when its lease is over, not
/// before; also one without an end.
#[test]
fn who_reads_a_lost_task_sees_it_failed() {
    for (generation, wait) in [(G26, false), (G25, false), (G25, true)] {
        let mut bench = Bench::of(World::new(2), generation, Policy { ttl: None, ..policy() });
        let (_, id) = bench.start();
        bench.pause(0, true);
        let peer = bench.world.open(1, Some("ann"), true);
        bench.watch_for_a_lease(1, peer, &id);
        bench.now -= 1;
        let state = bench.world.get(1, peer, generation, &id)["result"]["status"].clone();
        assert_eq!(state, "working");
        bench.pass(1);
        if wait {
            let result = bench.world.result(1, peer, &id);
            assert_eq!(
                (bench.code(result), bench.reply(result)["error"]["data"]["reason"].clone()),
                (-32603, json!("interrupted"))
            );
        } else {
            let state = bench.world.get(1, peer, generation, &id)["result"].clone();
            assert_eq!(
                (&state["status"], &state["statusMessage"]),
                (&json!("failed"), &json!("The process that ran the task was lost"))
            );
        }
        assert_eq!(bench.stored(&id).failure, Some(Failure::Lost));
        assert_eq!(bench.happened(Happening::Lost), 1);
    }
}

/// X-STO-05, H27: where nobody reads it, the sweep of another process fails it, and so does the sweep at the start of
/// the next one.
#[test]
fn the_sweep_fails_a_lost_task() {
    let (mut bench, _, id) = running(2, Policy { ttl: None, ..policy() });
    bench.input(1, |receiver, now| receiver.handle_start(now));
    bench.pause(0, true);
    bench.pass(2 * LEASE - 1);
    assert_eq!(bench.stored(&id).failure, None);
    bench.pass(1);
    assert_eq!(
        bench.stored(&id).failure,
        Some(Failure::Lost),
        "the sweep met it after one lease, and looked again after another one"
    );

    let (mut bench, _, id) = running(1, Policy { ttl: None, ..policy() });
    bench.pause(0, true);
    bench.pass(LEASE);
    bench.crash(0);
    bench.pass(LEASE);
    assert_eq!(bench.stored(&id).failure, Some(Failure::Lost));
    bench.assert_idle();
}

/// A blocked `tasks/result` in another process hears of the loss.
#[test]
fn who_waits_for_a_lost_task_is_answered() {
    let mut bench = Bench::of(World::new(2), G25, policy());
    let (_, id) = bench.start();
    let peer = bench.world.open(1, Some("ann"), true);
    let wait = bench.world.result(1, peer, &id);
    bench.pause(0, true);
    bench.pass(LEASE - 1);
    assert!(bench.replied(wait).is_none());
    bench.pass(5_001);
    assert_eq!(bench.code(wait), -32603);
}

/// H26, X-STO-04: a runner that was asleep while its task was failed or run again writes nothing more; its handler
/// stops, and there is one outcome.
#[test]
fn a_runner_that_wakes_late_writes_nothing() {
    for on_lost in [OnLost::Fail, OnLost::Restart] {
        for wakes_with in ["outcome", "note", "ask", "input", "renewal"] {
            let (mut bench, call, id) = running(2, Policy { on_lost, ttl: None, ..policy() });
            let peer = bench.world.open(1, Some("ann"), true);
            bench.pause(0, true);
            bench.watch_for_a_lease(1, peer, &id);
            bench.world.get(1, peer, G26, &id);
            let settled = bench.stored(&id);
            assert_eq!(
                (settled.phase, settled.epoch),
                if on_lost == OnLost::Fail { (Phase::Failed, 1) } else { (Phase::Working, 2) }
            );
            bench.pause(0, false);
            match wakes_with {
                "outcome" => bench.complete(0, call),
                "note" => bench.note_of(call, "here I am"),
                "ask" => drop(bench.ask(0, call, 1, "name")),
                "input" => bench.outcome(
                    0,
                    call,
                    Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: false },
                ),
                _ => bench.pass(LEASE / 3),
            }
            assert_eq!(bench.stored(&id).epoch, settled.epoch, "{wakes_with}");
            assert_eq!(
                (bench.stored(&id).phase, bench.stored(&id).message),
                (settled.phase, settled.message),
                "{wakes_with}"
            );
            assert!(
                bench.saw(&Output::Release { call })
                    && (wakes_with == "outcome" || wakes_with == "input" || bench.aborted(call)),
                "{wakes_with}"
            );
            let late = bench.happened(Happening::LateOutcome);
            assert_eq!(late, usize::from(wakes_with == "outcome" || wakes_with == "input"), "{wakes_with}");
            if let Some((node, again, _)) = bench.restarted() {
                assert_eq!(node, 1);
                bench.complete(1, again);
                assert_eq!(bench.stored(&id).phase, Phase::Completed);
                assert_eq!(bench.store.parts("ann", &id)["result"], format!("outcome of {again}"));
            }
            bench.assert_idle();
        }
    }
}

/// X-STO-05: leases need no common clock. Whoever is ahead by hours takes nothing from a process that renews, and takes
/// over from one that is silent, as whoever is behind does when it meets the task.
#[test]
fn clocks_may_differ() {
    for ahead in [LEASE / 2, 2 * LEASE, 36_000_000, -36_000_000] {
        let (mut bench, call, id) = running(2, Policy { ttl: None, ..policy() });
        bench.skew(1, ahead);
        let peer = bench.world.open(1, Some("ann"), false);
        bench.input(1, |receiver, now| receiver.handle_start(now));
        for _ in 0..20 {
            bench.pass(LEASE / 4);
            assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "working");
        }
        bench.complete(0, call);
        assert_eq!(bench.stored(&id).phase, Phase::Completed);
        assert_eq!(bench.happened(Happening::Completed) + bench.happened(Happening::Lost), 1);

        let (mut bench, _, id) = running(2, Policy { ttl: None, ..policy() });
        bench.skew(1, ahead);
        let peer = bench.world.open(1, Some("ann"), false);
        bench.pause(0, true);
        bench.watch_for_a_lease(1, peer, &id);
        assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "failed");
    }
}

/// X-STO-05: in a store that was away nobody could renew a lease, so nobody has been silent. The outage may be as long
/// as it likes, and whoever watched may have asked in it, or not.
#[test]
fn an_outage_of_the_store_interrupts_nobody() {
    for outage in [LEASE / 2 + 1, LEASE, 3 * LEASE, 100 * LEASE] {
        for asks in [false, true] {
            let (mut bench, call, id) = running(3, Policy { ttl: None, ..policy() });
            let peer = bench.world.open(1, Some("ann"), false);
            bench.input(2, |receiver, now| receiver.handle_start(now));
            bench.world.get(1, peer, G26, &id);
            bench.blind = true;
            bench.faults.extend(std::iter::repeat_n(Fault::Fail, 100_000));
            for _ in 0..outage / (LEASE / 5) {
                bench.pass(LEASE / 5);
                if asks {
                    assert_eq!(bench.world.get(1, peer, G26, &id)["error"]["code"], -32603);
                }
            }
            bench.pass(outage % (LEASE / 5));
            bench.blind = false;
            bench.faults.clear();
            for _ in 0..40 {
                assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "working", "{outage}");
                bench.pass(LEASE / 20);
            }
            bench.complete(0, call);
            assert_eq!(bench.stored(&id).phase, Phase::Completed);
        }
    }
}

/// X-STO-05: a process that stood still together with others, because its machine did, takes nothing from them when it
/// goes on.
#[test]
fn a_machine_that_stood_still_interrupts_nobody() {
    let (mut bench, call, id) = running(2, Policy { ttl: None, ..policy() });
    let peer = bench.world.open(1, Some("ann"), false);
    bench.input(1, |receiver, now| receiver.handle_start(now));
    bench.world.get(1, peer, G26, &id);
    bench.pause(0, true);
    bench.pause(1, true);
    bench.pass(10 * LEASE);
    bench.pause(1, false);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "working");
    bench.pass(LEASE / 3);
    bench.pause(0, false);
    bench.pass(LEASE);
    bench.complete(0, call);
    assert_eq!(bench.stored(&id).phase, Phase::Completed);
}

/// A runner whose lease is over, but whom nobody has missed, goes on.
#[test]
fn a_lease_that_nobody_took_is_still_ours() {
    let (mut bench, call, id) = running(1, policy());
    bench.pause(0, true);
    bench.pass(2 * LEASE);
    bench.pause(0, false);
    assert_eq!(bench.status(&id), "working");
    bench.complete(0, call);
    assert_eq!(bench.status(&id), "completed");
}

/// X-STO-05: a task that may run again does so in the process of the request that finds it, on its connection, with the
/// stored request; what it asked is withdrawn, and its message gone.
#[test]
fn a_lost_task_runs_again() {
    let (mut bench, call, id) = running(2, restarting());
    bench.note_of(call, "half way");
    bench.ask(0, call, 1, "name");
    assert_eq!(bench.status(&id), "input_required");
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    let state = bench.world.get(1, peer, G26, &id)["result"].clone();
    assert_eq!(
        (&state["status"], state.get("statusMessage"), state.get("inputRequests")),
        (&json!("working"), None, None)
    );
    let (node, again, answers) = bench.restarted().unwrap();
    assert_eq!((node, answers.len(), restarts(&bench)), (1, 0, 1));
    assert!(bench.count(|output| matches!(output, Output::Restart { on: Some(on), .. } if *on == peer)) == 1);
    assert_eq!(bench.happened(Happening::Restarted), 1);
    let parts = bench.store.parts("ann", &id);
    assert_eq!(parts.into_iter().collect::<Vec<_>>(), [("request".to_owned(), format!("params of {call}"))]);
    // Its keys are not used again (G26-INP-03).
    bench.ask(1, again, 2, "name");
    assert_eq!(bench.stored(&id).inputs[0].key, "name-2");
    bench.world.update(1, peer, &id, &[("name-2", Shape::ELICITED)]);
    bench.complete(1, again);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "completed");
    bench.assert_idle();
}

/// The answers with which a run began are given to the run that follows it.
#[test]
fn answers_of_a_round_survive_its_process() {
    let (mut bench, call, id) = running(2, restarting());
    let peer = bench.peer;
    bench.outcome(0, call, Outcome::Input { requests: vec![("name".into(), Some(InputKind::Elicit))], state: true });
    assert_eq!(bench.stored(&id).lease, None, "nobody holds a task that waits for answers");
    bench.pass(10 * LEASE);
    assert_eq!(bench.status(&id), "input_required");
    bench.world.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    let (_, second, first_answers) = bench.restarted().unwrap();
    assert_eq!(bench.stored(&id).epoch, 2);
    bench.ask(0, second, 1, "colour");
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    bench.world.get(1, peer, G26, &id);
    let (_, third, answers) = bench.restarted().unwrap();
    assert_eq!((answers, bench.stored(&id).epoch), (first_answers, 3));
    assert_eq!(bench.store.parts("ann", &id).into_keys().collect::<Vec<_>>(), ["answer name-1", "request", "state"]);
    bench.complete(1, third);
    bench.assert_idle();
}

/// X-SEC-01: a sweep runs a task again on a connection of its owner and generation alone, or on a server without one;
/// where there is neither, it stays due.
#[test]
fn a_task_runs_again_where_its_owner_is() {
    for (owner, generation, alone) in [("ann", G26, false), ("ann", G25, true), ("bob", G26, true), ("bob", G26, false)]
    {
        let (mut bench, _, id) = running(2, restarting());
        bench.crash(0);
        if alone {
            bench.input(1, |receiver, _| receiver.run_alone());
        }
        let peer = bench.world.open(1, Some(owner), false);
        bench.world.get(1, peer, generation, &id);
        bench.input(1, |receiver, now| receiver.handle_start(now));
        bench.pass(2 * LEASE);
        let on = bench.seen.iter().find_map(|seen| match seen.output {
            Output::Restart { on, .. } => Some(on),
            _ => None,
        });
        match (owner, generation, alone) {
            ("ann", G26, _) => assert_eq!(on, Some(Some(peer))),
            (_, _, true) => assert_eq!(on, Some(None)),
            _ => assert_eq!((on, bench.stored(&id).phase, bench.stored(&id).epoch), (None, Phase::Working, 1)),
        }
    }
}

/// X-STO-05: a request that needs nothing of the payload meets a lost task that asked something.
#[test]
fn a_cancel_meets_a_lost_question() {
    let (mut bench, call, id) = running(2, restarting());
    bench.ask(0, call, 1, "name");
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    bench.world.cancel(1, peer, G26, &id);
    assert_eq!((restarts(&bench), bench.stored(&id).phase), (1, Phase::Cancelled));
    let (_, again, _) = bench.restarted().unwrap();
    assert!(bench.aborted(again));
    bench.assert_idle();
}

/// One process takes a lost task, however many find it at one instant.
#[test]
fn a_lost_task_runs_again_once() {
    let (mut bench, _, id) = running(3, restarting());
    bench.crash(0);
    let peers = [bench.world.open(1, Some("ann"), false), bench.world.open(2, Some("ann"), false)];
    for _ in 0..4 {
        bench.world.get(1, peers[0], G26, &id);
        bench.world.get(2, peers[1], G26, &id);
        bench.pass(LEASE / 4);
    }
    bench.later = true;
    for node in [1, 2] {
        let context = bench.world.context(node, peers[node - 1], G26);
        bench.input(node, |receiver, now| receiver.handle_get(now, context, Some(&id)));
    }
    bench.answer_all();
    assert_eq!((restarts(&bench), bench.stored(&id).epoch), (1, 2));
    assert!(bench.unanswered().is_empty());
}

/// A cancelled task whose handler should have decided is not run again.
#[test]
fn a_lost_task_that_was_to_be_cancelled_is() {
    let (mut bench, _, id) = running(2, Policy { cooperative: true, ..restarting() });
    bench.stop(&id);
    bench.crash(0);
    let peer = bench.world.open(1, Some("ann"), false);
    bench.watch_for_a_lease(1, peer, &id);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "cancelled");
    assert_eq!(restarts(&bench), 0);
}

/// X-CAN-01: a cancel in another process stops the handler at the next renewal, where the store does not tell of it.
#[test]
fn a_cancel_elsewhere_is_noticed_at_the_next_renewal() {
    for cooperative in [false, true] {
        let (mut bench, call, id) = running(2, Policy { cooperative, ..policy() });
        let peer = bench.world.open(1, Some("ann"), false);
        bench.world.cancel(1, peer, G26, &id);
        bench.pass(LEASE / 3);
        assert!(bench.saw(&Output::Abort { call, reason: Stop::Cancelled, silently: cooperative }));
    }
}

/// H93, X-STO-02: an outcome whose write is refused for more than an hour is given up, and its task is lost like any
/// other.
#[test]
fn an_outcome_that_cannot_be_written_is_lost() {
    for (fault, times) in [(Fault::Fail, 500), (Fault::Lose, 66)] {
        let (mut bench, call, id) = running(1, Policy { ttl: None, ..policy() });
        bench.faults.extend(std::iter::repeat_n(fault, times));
        bench.complete(0, call);
        bench.pass(3_600_000);
        // The store takes everything again.
        bench.faults.extend(std::iter::repeat_n(fault, if fault == Fault::Fail { 20 } else { 0 }));
        bench.pass(200_000);
        bench.faults.clear();
        bench.pass(200_000);
        assert!(bench.saw(&Output::Release { call }), "{fault:?}");
        assert_eq!(bench.stored(&id).failure, Some(Failure::Lost), "{fault:?}");
        assert_eq!(bench.happened(Happening::Completed), 0);
        bench.assert_idle();
    }
}

/// A read that meets a lost task while the store refuses writes is answered with what is stored, and not kept waiting.
#[test]
fn a_lost_task_that_cannot_be_settled_is_shown_as_it_is() {
    let (mut bench, _, id) = running(2, Policy { ttl: None, ..policy() });
    bench.pause(0, true);
    let peer = bench.world.open(1, Some("ann"), true);
    bench.watch_for_a_lease(1, peer, &id);
    bench.faults.extend([Fault::Fail; 3]);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "working");
    bench.faults.clear();
    // Whoever holds it may not have been able to write either: it has another lease to do so.
    bench.watch_for_a_lease(1, peer, &id);
    assert_eq!(bench.world.get(1, peer, G26, &id)["result"]["status"], "failed");
    bench.crash(0);
    bench.assert_idle();
}

/// A new instance in the same process keeps the tasks of the one before it.
#[test]
fn an_adopted_task_keeps_its_lease() {
    let (mut bench, call, id) = running(1, policy());
    bench.rebuild(0);
    let peer = bench.world.open(0, Some("ann"), true);
    let context = mcp_longhaul::receiver::RequestContext { request: call, peer, ..bench.context(0, peer, G26) };
    bench.input(0, |receiver, now| receiver.handle_adopt(now, context, &id));
    bench.pass(3 * LEASE);
    assert_eq!((bench.stored(&id).phase, bench.stored(&id).epoch), (Phase::Working, 1));
    bench.complete(0, call);
    assert_eq!(bench.stored(&id).phase, Phase::Completed);
}

/// A host that cannot start a task again lets its lease lapse, and it is tried again.
#[test]
fn a_restart_that_fails_is_repeated() {
    let (mut bench, _, id) = running(1, restarting());
    bench.crash(0);
    bench.input(0, |receiver, _| receiver.run_alone());
    bench.pass(2 * LEASE);
    let (_, again, _) = bench.restarted().unwrap();
    bench.input(0, |receiver, now| receiver.handle_unstarted(now, again));
    assert!(bench.saw(&Output::Release { call: again }));
    bench.pass(2 * LEASE);
    assert_eq!((restarts(&bench), bench.stored(&id).epoch), (2, 3));
}

/// What cannot be settled does not keep the sweep from what can.
#[test]
fn the_sweep_looks_past_what_is_stuck() {
    let limits = mcp_longhaul::limit::Limits { running: 1_000, running_per_owner: 1_000, ..Default::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G26, Policy { ttl: None, ..policy() });
    let ids: Vec<String> = (0..250).map(|_| bench.start().1).collect();
    for stuck in &ids[..249] {
        bench.store.corrupt("ann", stuck, "9");
    }
    bench.crash(0);
    bench.pass(3 * LEASE);
    assert_eq!(bench.stored(&ids[249]).failure, Some(Failure::Lost));
}

/// A handler that ends its process each time does not end them for ever. What is handed over was not lost.
#[test]
fn a_lost_task_runs_again_only_so_often() {
    let (mut bench, _, id) = running(1, Policy { restarts: 2, ..restarting() });
    for (epoch, left) in [(2, 1), (3, 0)] {
        bench.crash(0);
        let peer = bench.world.open(0, Some("ann"), false);
        bench.watch_for_a_lease(0, peer, &id);
        bench.world.get(0, peer, G26, &id);
        assert_eq!(
            (bench.stored(&id).phase, bench.stored(&id).epoch, bench.stored(&id).restarts),
            (Phase::Working, epoch, left)
        );
    }
    bench.store.meddle("ann", &id, |task| lifecycle::apply(task, Command::Release, START).unwrap(), Payload::Keep);
    bench.crash(0);
    let peer = bench.world.open(0, Some("ann"), false);
    bench.world.get(0, peer, G26, &id);
    assert_eq!((bench.stored(&id).phase, bench.stored(&id).epoch), (Phase::Working, 4));
    bench.crash(0);
    bench.pass(2 * LEASE);
    assert_eq!((bench.stored(&id).phase, bench.stored(&id).failure), (Phase::Failed, Some(Failure::Lost)));
    bench.assert_idle();
}

/// X-STO-05: whatever meets a task whose process was lost, its handler is called again with what it was called with
/// first (the harness looks): here a cancel, which needs nothing of that itself.
#[test]
fn a_cancel_that_meets_a_lost_task_starts_it_whole() {
    let (mut bench, _, id) = running(2, restarting());
    bench.pause(0, true);
    let peer = bench.world.open(1, Some("ann"), true);
    bench.watch_for_a_lease(1, peer, &id);
    let cancel = bench.world.cancel(1, peer, G26, &id);
    assert!(bench.replied(cancel).is_some());
    assert_eq!(restarts(&bench), 1);
    assert_eq!(bench.stored(&id).phase, Phase::Cancelled);
}
