//! Creation keys: one key, one task.

use std::collections::BTreeSet;

use mcp_longhaul::claim::Claim;
use mcp_longhaul::limit::{Act, Limits, Rate, Rates};
use mcp_longhaul::method::CallMethod;
use mcp_longhaul::receiver::{Augmentation, Output, PeerId, Policy, Promotion, RequestContext, RequestId, Support};
use mcp_longhaul::state::{Form, Members, Unreadable};
use mcp_longhaul::storage::Operation;
use mcp_longhaul::task::EXPIRED_GRACE;
use mcp_longhaul::wire::Generation;
use proptest::prelude::*;

use crate::bench::Bench;
use crate::harness::{G25, G26, START, World, policy};
use crate::model::Fault;
use crate::properties::cases;

const KEY: &str = "a-key-of-24-characters_0";
const TTL: i64 = 10_000;

fn keyed(nodes: usize, generation: Generation) -> Bench {
    let mut bench = Bench::of(World::new(nodes), generation, Policy { ttl: Some(TTL as u64), ..policy() });
    bench.creation_key = Some(KEY.into());
    bench
}

/// A call with the key, by a client of this owner on this node.
fn call_on(bench: &mut Bench, node: usize, owner: &str) -> RequestId {
    let (generation, tool) = (bench.generation, bench.tool);
    let peer = bench.world.open(node, Some(owner), false);
    bench.world.call(node, peer, generation, tool)
}

/// The task that a call was answered with.
fn handle(bench: &Bench, call: RequestId) -> String {
    let reply = bench.reply(call);
    let task = if bench.generation == G25 { &reply["result"]["task"] } else { &reply["result"] };
    task["taskId"].as_str().unwrap_or_else(|| panic!("a handle: {reply}")).to_owned()
}

fn ran(bench: &Bench, call: RequestId) -> bool {
    bench.saw(&Output::Forward { call, gated: false })
}

/// What the store keeps under the key.
fn claim(bench: &Bench, owner: &str) -> Option<Claim> {
    bench.store.state(&format!("\u{1}{owner}"), KEY).map(|state| Claim::from_state(&state).expect("a claim"))
}

/// X-CRE-01: the call that is repeated with its key gets the task of the first, wherever it arrives, and nothing runs
/// twice.
#[test]
fn a_repeated_call_gets_the_first_ones_task() {
    for generation in [G25, G26] {
        let mut bench = keyed(2, generation);
        let first = call_on(&mut bench, 0, "ann");
        let id = handle(&bench, first);
        assert!(ran(&bench, first));
        for node in [0, 1] {
            let again = call_on(&mut bench, node, "ann");
            assert_eq!(handle(&bench, again), id);
            assert!(!ran(&bench, again) && !bench.is_task(again));
            assert!(bench.saw(&Output::Release { call: again }));
        }
        // The answer says how the task stands; in 2025-11-25 every handle says that it works (G25-CRE-04).
        bench.complete(0, first);
        let late = call_on(&mut bench, 1, "ann");
        assert_eq!(handle(&bench, late), id);
        if generation == G26 {
            assert_eq!(bench.reply(late)["result"]["status"], "completed");
        } else {
            assert_eq!(bench.reply(late)["result"]["task"]["status"], "working");
        }
        assert_eq!(bench.store.ids.len(), 1);
        bench.assert_idle();
    }
}

/// X-SEC-01: a key is its owner's: with the same one, somebody else has a task of his own.
#[test]
fn a_key_is_its_owners() {
    let mut bench = keyed(1, G26);
    let (hers, his) = (call_on(&mut bench, 0, "ann"), call_on(&mut bench, 0, "bob"));
    assert_ne!(handle(&bench, hers), handle(&bench, his));
    assert!(ran(&bench, hers) && ran(&bench, his));
}

/// A held handler is let go when its task exists already.
#[test]
fn a_held_handler_does_not_begin_again() {
    for generation in [G25, G26] {
        let mut bench = keyed(1, generation);
        let first = call_on(&mut bench, 0, "ann");
        let (peer, tool) = (bench.peer, bench.tool);
        let context = bench.context(0, peer, generation);
        let augmentation = if generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
        let again = bench.call_with(0, context, tool, augmentation, true);
        assert!(bench.saw(&Output::Forward { call: again, gated: true }));
        bench.input(0, |receiver, now| receiver.handle_begin(now, again));
        assert_eq!(handle(&bench, again), handle(&bench, first));
        assert!(bench.aborted(again) && !bench.saw(&Output::Begin { call: again }));
        bench.complete(0, first);
        bench.assert_idle();
    }
}

/// A key that cannot be one, or that was used for another tool, is refused by name; nothing runs.
#[test]
fn bad_keys_are_refused() {
    let mut bench = keyed(1, G26);
    for (key, good) in [
        ("", false),
        ("fifteen-letters", false),
        ("sixteen-letters_", true),
        ("has a space in it", false),
        (&*"x".repeat(128), true),
        (&*"x".repeat(129), false),
    ] {
        bench.creation_key = Some(key.into());
        let call = call_on(&mut bench, 0, "ann");
        assert_eq!(ran(&bench, call), good, "{key}");
        if !good {
            assert_eq!(bench.code(call), -32602);
            assert!(bench.reply(call)["error"]["message"].as_str().unwrap().contains("mcp-longhaul/creation-key"));
        }
    }
    bench.creation_key = Some(KEY.into());
    call_on(&mut bench, 0, "ann");
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G26);
    let other = bench.call_tool(0, context, "sculpt", tool, Augmentation::Absent, false);
    assert_eq!(bench.code(other), -32602);
    assert!(!ran(&bench, other));
}

/// With a key a call is a task from the beginning, or it is no task at all and the key means nothing.
#[test]
fn a_key_makes_a_task_at_once_or_not_at_all() {
    let mut bench = keyed(1, G26);
    for promotion in [Promotion::After(60_000), Promotion::Handler] {
        bench.tool = bench.world.policy(Policy { promotion, ..policy() });
        bench.creation_key =
            Some(format!("{promotion:?}-0123456789").replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"));
        let call = call_on(&mut bench, 0, "ann");
        assert!(bench.is_task(call));
    }
    bench.tool = bench.world.policy(Policy { promotion: Promotion::Never, ..policy() });
    let plain = [call_on(&mut bench, 0, "ann"), call_on(&mut bench, 0, "ann")];
    assert!(plain.iter().all(|&call| ran(&bench, call) && !bench.is_task(call)));
}

/// X-STO-12: a key whose task is gone makes no other until it is forgotten, and no id is used twice.
#[test]
fn a_key_outlives_its_task() {
    let mut bench = keyed(1, G26);
    let window = Limits::default().creation_window;
    let first = call_on(&mut bench, 0, "ann");
    bench.complete(0, first);
    bench.pass(TTL + 30_000);
    assert!(bench.store.all().is_empty());
    let late = call_on(&mut bench, 0, "ann");
    assert_eq!(bench.code(late), -32602);
    assert!(!ran(&bench, late) && claim(&bench, "ann").is_some());
    // At the end of its time the key is free, whether or not the sweep has been there.
    bench.now = START + window;
    let anew = call_on(&mut bench, 0, "ann");
    assert_ne!(handle(&bench, anew), handle(&bench, first));
    bench.complete(0, anew);
    bench.pass(window + 120_000);
    assert_eq!(bench.store.len(), 0);
    bench.assert_idle();
}

/// An expired task is shown as such for a moment, by its key too; then it is gone.
#[test]
fn a_key_of_an_expired_task() {
    let mut bench = keyed(1, G26);
    let first = call_on(&mut bench, 0, "ann");
    bench.pass(TTL);
    let again = call_on(&mut bench, 0, "ann");
    assert_eq!(bench.reply(again)["result"]["status"], "failed");
    assert_eq!(handle(&bench, again), handle(&bench, first));
    bench.pass(EXPIRED_GRACE);
    let late = call_on(&mut bench, 0, "ann");
    assert_eq!(bench.code(late), -32602);
}

/// A process that dies between its claim and its task leaves a key with which the next call makes that very task, as
/// long as it cannot have been there and gone.
#[test]
fn a_claim_without_a_task_is_taken_over() {
    for (pause, taken) in [(0, true), (TTL / 2 - 1, true), (TTL / 2, false)] {
        let mut bench = keyed(2, G26);
        bench.crash_at = Some((1, false));
        call_on(&mut bench, 0, "ann");
        assert!(bench.store.all().is_empty(), "it died before the second write");
        let claimed = claim(&bench, "ann").unwrap().task;
        bench.now += pause;
        let next = call_on(&mut bench, 1, "ann");
        if taken {
            assert_eq!(handle(&bench, next), claimed);
            assert!(ran(&bench, next));
            let third = call_on(&mut bench, 0, "ann");
            assert_eq!(handle(&bench, third), claimed);
            assert!(!ran(&bench, third));
        } else {
            assert_eq!(bench.code(next), -32602);
            assert!(!ran(&bench, next));
        }
    }
}

/// Two calls at once: one runs, both get its task.
#[test]
fn calls_at_once_share_a_task() {
    for there in [0, 1] {
        let mut bench = keyed(2, G26);
        bench.later = true;
        let calls = [call_on(&mut bench, 0, "ann"), call_on(&mut bench, there, "ann")];
        // The second is quicker in everything.
        for _ in 0..100 {
            if bench.pending.is_empty() {
                bench.world.pass(100);
            } else {
                let last = bench.pending.len() - 1;
                bench.world.answer(last);
            }
        }
        assert_eq!(handle(&bench, calls[0]), handle(&bench, calls[1]));
        assert_eq!(calls.iter().filter(|&&call| ran(&bench, call)).count(), 1);
        assert_eq!(bench.store.ids.len(), 1);
    }
}

/// X-LIM-01, X-SEC-08: a full house still answers who asks again, and no key is left for what was refused.
#[test]
fn a_known_key_needs_no_room() {
    let limits = Limits { running_per_owner: 1, ..Limits::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G26, policy());
    bench.creation_key = Some(KEY.into());
    let first = call_on(&mut bench, 0, "ann");
    let again = call_on(&mut bench, 0, "ann");
    assert_eq!(handle(&bench, again), handle(&bench, first));
    bench.creation_key = Some("another-key-of-ann-s".into());
    let refused = call_on(&mut bench, 0, "ann");
    assert_eq!(bench.reply(refused)["error"]["data"]["reason"], "task_limit");
    assert!(!ran(&bench, refused), "plain work would run again under the same key");
    assert_eq!(bench.store.len(), 2, "one task, one key");

    // A store that is full of tasks takes the claim back.
    bench.complete(0, first);
    bench.faults = [Fault::Nothing, Fault::Full { bytes: false }].into();
    let refused = call_on(&mut bench, 0, "ann");
    assert_eq!(bench.reply(refused)["error"]["data"]["reason"], "task_limit");
    let later = call_on(&mut bench, 0, "ann");
    assert!(ran(&bench, later));
    bench.complete(0, later);
    bench.assert_idle();

    let limits = Limits {
        rates: Rates::default().with(Act::Create, Rate { interval: 1_000_000, burst: 1 }),
        ..Limits::default()
    };
    let mut bench = Bench::of(World::with(1, limits, false), G26, policy());
    for key in ["key-number-0123456", "key-number-1234567"] {
        bench.creation_key = Some(key.into());
        call_on(&mut bench, 0, "ann");
    }
    assert_eq!(bench.store.len(), 2);
}

/// G26-HTT-07, G25-CAN-09, H10: a lost connection does not take a task along whose key the caller has; who gives the
/// call up itself does.
#[test]
fn a_lost_caller_can_come_back() {
    for generation in [G25, G26] {
        let mut bench = keyed(1, generation);
        bench.later = true;
        let tool = bench.tool;
        let peer = bench.world.open(0, Some("ann"), false);
        let call = bench.world.call(0, peer, generation, tool);
        bench.world.input(0, |receiver, now| receiver.handle_dropped(now, call, true));
        bench.world.close(0, peer);
        bench.excused.insert(call);
        bench.answer_all();
        assert!(ran(&bench, call));
        bench.later = false;
        let again = call_on(&mut bench, 0, "ann");
        assert_eq!(handle(&bench, again), bench.id(call));

        let mut bench = keyed(1, generation);
        bench.later = true;
        let early = call_on(&mut bench, 0, "ann");
        bench.input(0, |receiver, now| receiver.handle_dropped(now, early, false));
        bench.excused.insert(early);
        bench.answer_all();
        assert!(!ran(&bench, early) && bench.store.all().is_empty());
        // The key is free again. The next caller gives up when its task is on its way to the store.
        let call = call_on(&mut bench, 0, "ann");
        while !bench
            .pending
            .iter()
            .any(|op| matches!(&op.operation, Operation::Put { record, .. } if &*record.owner == "ann"))
        {
            bench.world.answer(0);
        }
        bench.input(0, |receiver, now| receiver.handle_dropped(now, call, false));
        bench.excused.insert(call);
        bench.answer_all();
        assert!(!ran(&bench, call));
        bench.assert_idle();
        // What it gave up shows as such under its key; nothing else comes of it.
        bench.later = false;
        let again = call_on(&mut bench, 0, "ann");
        let id = handle(&bench, again);
        assert_eq!(bench.status(&id), "cancelled");
        assert!(!ran(&bench, again));
    }
}

/// X-SEC-01: without an owner there is no key either.
#[test]
fn without_an_owner_a_key_is_refused() {
    let mut bench = keyed(1, G26);
    let tool = bench.tool;
    let nobody = bench.world.open(0, None, false);
    let call = bench.world.call(0, nobody, G26, tool);
    assert_eq!(bench.code(call), -32603);
    assert!(!ran(&bench, call));
}

/// A claim is read as it was written, and as nothing else.
#[test]
fn a_claim_is_read_back() {
    let claim = Claim {
        form: Form,
        task: "AbC-_9".into(),
        method: CallMethod::ToolsCall,
        tool: "a\ttool\\of\0many\npieces".into(),
        clock: "".into(),
        open_until: -5,
        until: i64::MAX,
        unknown: Members::default(),
    };
    assert_eq!(Claim::from_state(&claim.to_state()), Ok(claim.clone()));
    assert_eq!(mcp_longhaul::task::Task::from_state(&claim.to_state()), Err(Unreadable::Malformed));
}

#[derive(Clone, Debug)]
enum Step {
    Call(usize, bool),
    Answer(usize),
    Fault(Fault),
    Crash(usize),
    CrashAt(usize, bool),
    Drop(bool),
    Finish,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::Fail),
        Just(Fault::FailStored),
        Just(Fault::Lose),
        Just(Fault::LoseStored),
        Just(Fault::Full { bytes: false }),
        Just(Fault::Nothing),
    ];
    prop_oneof![
        4 => (0usize..3, any::<bool>()).prop_map(|(node, gate)| Step::Call(node, gate)),
        12 => (0usize..8).prop_map(Step::Answer),
        3 => fault.prop_map(Step::Fault),
        1 => (0usize..3).prop_map(Step::Crash),
        1 => (1usize..4, any::<bool>()).prop_map(|(write, after)| Step::CrashAt(write, after)),
        1 => any::<bool>().prop_map(Step::Drop),
        1 => Just(Step::Finish),
        3 => (0i64..4_000).prop_map(Step::Pass),
    ]
}

/// Calls with one key on three receivers, and what became of them.
struct Rush {
    world: World,
    tool: u32,
    calls: Vec<(RequestId, usize, PeerId)>,
}

impl Rush {
    fn new() -> Self {
        let mut world = World::new(3);
        let tool = world.policy(Policy { ttl: Some(TTL as u64), support: Support::Optional, ..policy() });
        world.later = true;
        world.creation_key = Some(KEY.into());
        Self { world, tool, calls: Vec::new() }
    }

    fn begun(&self) -> Vec<RequestId> {
        let begins = |output: &Output| match *output {
            Output::Forward { call, gated: false } | Output::Begin { call } => Some(call),
            _ => None,
        };
        self.world.seen.iter().filter_map(|seen| begins(&seen.output)).collect()
    }

    fn call(&mut self, node: usize, gate: bool) {
        let peer = self.world.open(node, Some("ann"), false);
        let context: RequestContext = self.world.context(node, peer, G26);
        let call = self.world.call_with(node, context, self.tool, Augmentation::Absent, gate);
        self.calls.push((call, node, peer));
        if gate {
            self.world.input(node, |receiver, now| receiver.handle_begin(now, call));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call(node, gate) => self.call(node, gate),
            Step::Answer(which) if !self.world.pending.is_empty() => {
                self.world.answer(which % self.world.pending.len())
            }
            Step::Answer(_) => {}
            Step::Fault(fault) => self.world.faults.push_back(fault),
            Step::Crash(node) => self.world.crash(node),
            Step::CrashAt(write, after) => self.world.crash_at = Some((write, after)),
            Step::Drop(closed) => {
                let Some(&(call, node, peer)) = self.calls.last() else { return };
                if self.world.replied(call).is_some() || !self.world.is_open(node, peer) {
                    return;
                }
                self.world.excused.insert(call);
                self.world.input(node, |receiver, now| receiver.handle_dropped(now, call, closed));
                if closed {
                    self.world.close(node, peer);
                }
            }
            Step::Finish => {
                if let Some(&call) = self.begun().last()
                    && let Some(&(_, node, _)) = self.calls.iter().find(|(known, ..)| *known == call)
                    && self.world.is_task(call)
                {
                    self.world.complete(node, call);
                }
            }
            Step::Pass(ms) => self.world.pass(ms),
        }
    }
}

proptest! {
    #![proptest_config(cases(600))]

    /// X-CRE-01, X-STO-12: whoever calls with a key, on whichever process, whatever the store does and whoever dies:
    /// the work begins at most once for each task, no two tasks of the key are there at once, all who are answered get
    /// a task that was there, and nobody waits for ever.
    #[test]
    fn a_key_runs_its_work_once(steps in prop::collection::vec(step(), 1..80)) {
        let given_up = steps.iter().any(|step| matches!(step, Step::Drop(false) | Step::Fault(Fault::Full { .. })));
        let mut rush = Rush::new();
        for step in steps {
            rush.step(step);
        }
        rush.world.faults.clear();
        rush.world.crash_at = None;
        for _ in 0..20 {
            rush.world.answer_all();
            rush.world.pass(100);
        }
        prop_assert!(rush.world.unanswered().is_empty(), "{:?} wait for ever", rush.world.unanswered());
        let handles: BTreeSet<String> = rush.calls.iter()
            .filter_map(|(call, ..)| rush.world.replied(*call)?["result"]["taskId"].as_str().map(str::to_owned))
            .collect();
        prop_assert!(handles.iter().all(|id| rush.world.store.ids.contains(id)));
        let begun = rush.begun();
        let tasks: BTreeSet<String> = begun.iter().map(|&call| rush.world.id(call)).collect();
        prop_assert_eq!(begun.len(), tasks.len(), "work began twice for one task");
        if !given_up {
            // A caller that gave up, or a full store, frees the key; nothing had begun.
            prop_assert!(rush.world.store.ids.len() <= 1, "{:?}", rush.world.store.ids);
        }
        prop_assert!(begun.len() <= 1, "{begun:?}");
    }
}

/// X-TTL-06: what is kept of keys counts against what an owner may store, also where their tasks are gone or were never
/// made. A key that is known goes on to answer, and there is room again when the keys are over.
#[test]
fn keys_are_limited_like_tasks() {
    let limits = mcp_longhaul::limit::Limits { stored: Some(3), creation_window: 60_000, ..Default::default() };
    let mut bench = Bench::of(World::with(1, limits, false), G26, Policy { ttl: Some(TTL as u64), ..policy() });
    let key = |n: usize| Some(format!("another-key-of-some-length-{n}"));
    let keys = |bench: &Bench| bench.store.owned("\u{1}ann");
    for n in 0..9 {
        bench.creation_key = key(n);
        let call = call_on(&mut bench, 0, "ann");
        if n < 3 {
            bench.complete(0, call);
            // The task goes before its key does.
            bench.pass(TTL + 1_000);
        } else {
            assert_eq!(bench.reply(call)["error"]["data"]["reason"], "task_limit");
            assert!(!ran(&bench, call));
        }
        assert_eq!(keys(&bench), (n + 1).min(3));
    }
    // Another owner has keys of his own.
    let his = call_on(&mut bench, 0, "bob");
    assert!(ran(&bench, his));
    bench.pass(60_000 + 60_000 + 30_000);
    bench.creation_key = key(0);
    let call = call_on(&mut bench, 0, "ann");
    assert!(ran(&bench, call));
    let id = handle(&bench, call);
    for n in 1..3 {
        bench.creation_key = key(n);
        let call = call_on(&mut bench, 0, "ann");
        bench.complete(0, call);
    }
    bench.creation_key = key(0);
    let again = call_on(&mut bench, 0, "ann");
    assert_eq!(handle(&bench, again), id);
}
