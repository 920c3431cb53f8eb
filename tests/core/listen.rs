//! `subscriptions/listen`, and `notifications/tasks/status`.

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{Augmentation, Happening, Output, Policy, RequestId, Shape};
use mcp_longhaul::wire::capability::Capabilities;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::harness::{G25, G26, LEASE, START, World, policy};
use crate::properties::cases;

const TASK_ID: &str = "0123456789abcdefghijkl";

/// What `tasks/get` says, in the form of a notification.
fn as_news(state: &Value, request: RequestId) -> Value {
    let mut params = state["result"].clone();
    let members = params.as_object_mut().expect("a state");
    members.remove("resultType");
    members.insert("_meta".into(), json!({ "io.modelcontextprotocol/subscriptionId": format!("request {request}") }));
    params
}

fn acknowledged(world: &World, request: RequestId) -> Value {
    let told = &world.told[&request];
    assert_eq!(told[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(told[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], format!("request {request}"));
    told[0]["params"]["notifications"]["taskIds"].clone()
}

/// A bench whose task is listened to by its own receiver.
fn listened() -> (Bench, RequestId, String, RequestId) {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let peer = bench.peer;
    let listen = bench.listen(0, peer, &[&id]);
    (bench, call, id, listen)
}

/// G26-SUB-02, G26-SUB-07, G26-NTF-01, G26-NTF-03, G26-NTF-04: acknowledged first, then how it stands, then each
/// change, in the words of `tasks/get`; the end is the last that is said of it, and where nothing else is listened to,
/// the subscription ends with it (G26-SUB-08).
#[test]
fn a_task_is_followed_to_its_end() {
    let (mut bench, call, id, listen) = listened();
    assert_eq!(acknowledged(&bench, listen), json!([id]));
    let state = bench.state(&id);
    assert_eq!(bench.heard(listen), [as_news(&state, listen)]);
    bench.pass(10);
    bench.ask(0, call, 1, "name");
    let state = bench.state(&id);
    assert_eq!(bench.heard(listen).last(), Some(&as_news(&state, listen)));
    assert_eq!(bench.heard(listen)[1]["inputRequests"], json!({ "name-1": "ask 1" }));
    let peer = bench.peer;
    bench.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    assert!(bench.replied(listen).is_none());
    bench.complete(0, call);
    let state = bench.state(&id);
    assert_eq!(bench.heard(listen).last(), Some(&as_news(&state, listen)));
    assert_eq!(bench.statuses(listen), ["working", "input_required", "working", "completed"]);
    assert!(bench.heard(listen).iter().all(|news| news.get("resultType").is_none()));
    let subscription = json!({ "io.modelcontextprotocol/subscriptionId": format!("request {listen}") });
    assert_eq!(bench.reply(listen), json!({ "result": { "resultType": "complete", "_meta": subscription } }));
    bench.assert_idle();
}

/// G26-CAP-06: without the extension the answer is the usual error, and no acknowledgement goes out. H92: where no task
/// is named, nothing is missing.
#[test]
fn the_extension_must_be_declared() {
    let mut bench = Bench::new(G26);
    let (_, id) = bench.start();
    let peer = bench.peer;
    for ids in [&[id.as_str()][..], &[]] {
        let mut context = bench.context(0, peer, G26);
        context.capabilities = Capabilities::ELICIT;
        let listen = bench.subscribe_as(0, context, ids, None);
        if ids.is_empty() {
            assert_eq!(acknowledged(&bench, listen), json!([]));
            bench.excused.insert(listen);
        } else {
            let required = json!({ "requiredCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } });
            assert_eq!((bench.code(listen), &bench.reply(listen)["error"]["data"]), (-32021, &required));
            assert!(!bench.told.contains_key(&listen));
        }
    }
}

/// G26-SUB-03, H31, G26-SUB-14: unknown, foreign, malformed and invisible ids are left out alike; where none is left,
/// the subscription is acknowledged and ends.
#[test]
fn only_the_owners_tasks_are_accepted() {
    let mut world = World::new(1);
    let tool = world.policy(policy());
    let (ann, bob, nobody) =
        (world.open(0, Some("ann"), false), world.open(0, Some("bob"), false), world.open(0, None, false));
    let call = world.call(0, ann, G26, tool);
    let mine = world.id(call);
    let call = world.call(0, bob, G26, tool);
    let foreign = world.id(call);
    let call = world.call(0, ann, G25, tool);
    let other = world.id(call);
    let listen = world.listen(0, ann, &[TASK_ID, &foreign, &mine, "no id", "", &other, &mine]);
    assert_eq!(acknowledged(&world, listen), json!([mine]));
    assert!(world.replied(listen).is_none());
    for (peer, ids) in
        [(ann, vec![TASK_ID, &foreign, "no id", &other]), (nobody, vec![mine.as_str()]), (bob, vec![&mine])]
    {
        let listen = world.listen(0, peer, &ids);
        assert_eq!(acknowledged(&world, listen), json!([]));
        assert_eq!(world.reply(listen)["result"]["resultType"], "complete");
        assert_eq!(world.heard(listen), Vec::<Value>::new());
    }
}

/// G26-SUB-14: where something else is subscribed to on the stream, it stays open when no task is left.
#[test]
fn a_shared_stream_is_not_ours_to_end() {
    let (mut bench, call, id, _) = listened();
    let peer = bench.peer;
    let shared = bench.subscribe(0, peer, &[&id]);
    bench.input(0, |receiver, now| receiver.handle_listening(now, shared, false));
    let empty = bench.subscribe(0, peer, &[TASK_ID]);
    bench.input(0, |receiver, now| receiver.handle_listening(now, empty, false));
    bench.complete(0, call);
    assert_eq!(bench.statuses(shared), ["working", "completed"]);
    assert!(bench.replied(shared).is_none() && bench.replied(empty).is_none());
    // The client leaves: nothing is said.
    for listen in [shared, empty] {
        bench.input(0, |receiver, now| receiver.handle_unlisten(now, listen));
        assert!(bench.replied(listen).is_none());
    }
    bench.assert_idle();
}

/// G26-SUB-11: more ids than the limit are not accepted, more subscriptions than the limit are refused, of one owner.
#[test]
fn subscriptions_are_bounded() {
    let mut bench =
        Bench::of(World::with(1, Limits { listened: 2, listens: 3, ..Limits::default() }, false), G26, policy());
    let ids: Vec<String> = (0..3).map(|_| bench.start().1).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let peer = bench.peer;
    let listens: Vec<RequestId> = (0..3).map(|_| bench.listen(0, peer, &ids)).collect();
    assert_eq!(acknowledged(&bench, listens[0]), json!(ids[..2]));
    let refused = bench.subscribe(0, peer, &ids);
    assert_eq!(bench.code(refused), -32603);
    assert_eq!(bench.reply(refused)["error"]["message"], "Subscription limit reached");
    let bob = bench.open(0, Some("bob"), false);
    let other = bench.listen(0, bob, &[TASK_ID]);
    assert_eq!(acknowledged(&bench, other), json!([]));
    bench.input(0, |receiver, now| receiver.handle_unlisten(now, listens[0]));
    let again = bench.listen(0, peer, &ids);
    assert_eq!(acknowledged(&bench, again), json!(ids[..2]));
}

/// H71, G26-SUB-06 (the server's part): a task that ended before the subscription is told at once.
#[test]
fn a_task_that_has_ended_is_told() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.complete(0, call);
    let peer = bench.peer;
    let listen = bench.listen(0, peer, &[&id]);
    assert_eq!(bench.statuses(listen), ["completed"]);
    assert_eq!(bench.heard(listen)[0]["result"]["$"], format!("outcome of {call}"));
    assert_eq!(bench.happened(Happening::Retrieved), 1);
    assert!(bench.replied(listen).is_some());
    bench.assert_idle();
}

/// G26-SUB-02: nothing is said before the acknowledgement is out, however long that takes.
#[test]
fn nothing_overtakes_the_acknowledgement() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    bench.later = true;
    let peer = bench.peer;
    let listen = bench.subscribe(0, peer, &[&id, TASK_ID]);
    bench.complete(0, call);
    assert!(!bench.told.contains_key(&listen));
    bench.answer_all();
    assert_eq!(acknowledged(&bench, listen), json!([id]));
    assert_eq!(bench.heard(listen), Vec::<Value>::new());
    bench.input(0, |receiver, now| receiver.handle_listening(now, listen, true));
    bench.answer_all();
    assert_eq!(bench.statuses(listen), ["completed"]);
    bench.assert_idle();
}

/// G26-HTT-06: a task that runs in another process is followed through the store, by its watch and without one.
#[test]
fn a_task_elsewhere_is_followed() {
    for watched in [true, false] {
        let mut world = World::new(2);
        let tool = world.policy(policy());
        let (here, there) = (world.open(0, Some("ann"), true), world.open(1, Some("ann"), true));
        let call = world.call(0, here, G26, tool);
        let id = world.id(call);
        let listen = world.listen(1, there, &[&id]);
        assert_eq!(world.statuses(listen), ["working"]);
        let news = |world: &mut World| if watched { world.changed(1, "ann", &id) } else { world.pass(5_000) };
        world.ask(0, call, 1, "name");
        news(&mut world);
        assert_eq!(world.heard(listen)[1]["inputRequests"], json!({ "name-1": "ask 1" }));
        world.complete(0, call);
        news(&mut world);
        assert_eq!(world.statuses(listen), ["working", "input_required", "completed"]);
        assert!(world.replied(listen).is_some());
        world.pass(1);
        assert_eq!(world.receiver(1).in_hand(), [0; 8]);
    }
}

/// A lease that is renewed changes the record and nothing that anybody sees: nobody is told.
#[test]
fn the_same_is_not_said_twice() {
    let (mut bench, call, id, listen) = listened();
    for _ in 1..5 {
        let before = bench.stored(&id);
        bench.pass(LEASE / 3);
        assert_ne!(bench.stored(&id), before);
        bench.changed(0, "ann", &id);
    }
    assert_eq!(bench.statuses(listen), ["working"]);
    bench.note_of(call, "half way");
    bench.note_of(call, "half way");
    assert_eq!(bench.heard(listen).len(), 2);
    assert_eq!(bench.heard(listen)[1]["statusMessage"], "half way");
}

/// G26-SUB-13: while the stream takes nothing, changes are not kept; then the newest state goes out, and an end always.
#[test]
fn a_slow_client_hears_the_newest() {
    let (mut bench, call, _, listen) = listened();
    bench.flow(0, listen, false);
    for note in ["one", "two", "three"] {
        bench.pass(1);
        bench.note_of(call, note);
    }
    let reads = bench.store.reads;
    for note in ["four", "five"] {
        bench.pass(1);
        bench.note_of(call, note);
    }
    assert_eq!(bench.store.reads, reads, "nobody reads for a stream that takes nothing");
    assert_eq!(bench.heard(listen).len(), 1);
    bench.flow(0, listen, true);
    assert_eq!(bench.heard(listen).len(), 2);
    assert_eq!(bench.heard(listen)[1]["statusMessage"], "five");
    bench.flow(0, listen, false);
    bench.complete(0, call);
    bench.pass(60_000);
    assert_eq!(bench.heard(listen).len(), 2);
    bench.flow(0, listen, true);
    assert_eq!(bench.statuses(listen), ["working", "working", "completed"]);
    assert!(bench.replied(listen).is_some());
    bench.assert_idle();
}

/// G26-INP-04: what `tasks/get` would refuse is not said; the next state that may be seen is.
#[test]
fn undeclared_input_is_not_told() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let peer = bench.peer;
    let mut context = bench.context(0, peer, G26);
    context.capabilities = Capabilities::TASKS;
    let listen = bench.subscribe_as(0, context, &[&id], None);
    bench.input(0, |receiver, now| receiver.handle_listening(now, listen, true));
    bench.pass(1);
    bench.ask(0, call, 1, "name");
    assert_eq!(bench.statuses(listen), ["working"]);
    bench.update(0, peer, &id, &[("name-1", Shape::ELICITED)]);
    bench.complete(0, call);
    assert_eq!(bench.statuses(listen), ["working", "working", "completed"]);
}

/// X-TTL-05: a task that expires while somebody listens is told as failed.
#[test]
fn expiry_is_told() {
    for extends in [false, true] {
        let mut bench = Bench::of(World::default(), G26, Policy { ttl: Some(1_000), extends, ..policy() });
        let (call, id) = bench.start();
        let peer = bench.peer;
        let listen = bench.listen(0, peer, &[&id]);
        bench.pass(1_500);
        if extends {
            assert_eq!(bench.heard(listen)[1]["ttlMs"], 2_000);
            bench.complete(0, call);
            assert_eq!(bench.statuses(listen), ["working", "working", "completed"]);
        } else {
            assert_eq!(bench.statuses(listen), ["working", "failed"]);
            assert_eq!(bench.heard(listen)[1]["error"]["data"]["reason"], "expired");
        }
        assert!(bench.replied(listen).is_some());
    }
}

/// G26-SUB-12, H33: when the authorization is over, the subscription ends, and nothing more is said of any task.
#[test]
fn an_authorization_ends() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let peer = bench.peer;
    let context = bench.context(0, peer, G26);
    let listen = bench.subscribe_as(0, context, &[&id], Some(START + 60_000));
    bench.input(0, |receiver, now| receiver.handle_listening(now, listen, true));
    bench.pass(59_999);
    assert!(bench.replied(listen).is_none());
    bench.pass(1);
    assert_eq!(bench.reply(listen)["result"]["resultType"], "complete");
    bench.complete(0, call);
    assert_eq!(bench.statuses(listen), ["working"]);
    bench.assert_idle();
}

/// H33: a `tasks/result` whose authorization is over hears of its task what a stranger hears, and no outcome.
#[test]
fn the_authorization_of_a_waiter_ends() {
    for told in [false, true] {
        let mut bench = Bench::new(G25);
        let (call, id) = bench.start();
        let wait = bench.wait(&id);
        bench.input(0, |receiver, _| receiver.handle_lapses_at(wait, START + 1_000));
        if told {
            bench.input(0, |receiver, now| receiver.handle_lapse(now, wait));
        } else {
            bench.pass(1_000);
        }
        let nowhere = bench.wait(TASK_ID);
        assert_eq!(bench.reply(wait), bench.reply(nowhere));
        bench.complete(0, call);
        bench.pass(1_000);
        let later = bench.wait(&id);
        assert!(bench.reply(later).get("result").is_some());
        bench.assert_idle();
    }
}

/// G26-SUB-10: a client that leaves, at whatever moment, hears nothing more, and nothing is kept for it.
#[test]
fn a_client_that_leaves_hears_nothing() {
    for moment in 0..4 {
        let mut bench = Bench::new(G26);
        bench.later = true;
        let (call, id) = bench.start_later();
        let client = bench.open(0, Some("ann"), false);
        let listen = bench.subscribe(0, client, &[&id]);
        if moment > 0 {
            bench.answer_all();
        }
        if moment > 1 {
            bench.input(0, |receiver, now| receiver.handle_listening(now, listen, true));
        }
        if moment > 2 {
            bench.answer_all();
        }
        let before = bench.told.get(&listen).map_or(0, Vec::len);
        bench.close(0, client);
        bench.complete(0, call);
        bench.answer_all();
        bench.pass(10_000);
        bench.answer_all();
        assert_eq!(bench.told.get(&listen).map_or(0, Vec::len), before);
        assert!(bench.replied(listen).is_none());
        bench.excused.insert(listen);
        bench.assert_idle();
    }
}

/// A store that cannot be read for a while delays the news and loses none.
#[test]
fn a_blind_store_delays_the_end() {
    let (mut bench, call, _, listen) = listened();
    bench.blind = true;
    bench.complete(0, call);
    bench.pass(700_000);
    assert_eq!(bench.statuses(listen), ["working"]);
    bench.blind = false;
    bench.pass(20_000);
    assert_eq!(bench.statuses(listen), ["working", "completed"]);
    bench.assert_idle();
}

/// G25-NTF-01, G25-NTF-03: the requestor of 2025-11-25 hears of each visible change, with the whole flat task.
#[test]
fn a_requestor_is_told() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    bench.pass(1);
    bench.note_of(call, "half way");
    bench.note_of(call, "half way");
    bench.ask(0, call, 1, "name");
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 1.into())));
    let reads = bench.store.reads;
    bench.complete(0, call);
    assert_eq!(bench.store.reads, reads, "telling reads nothing");
    let told = bench.told[&call].clone();
    let statuses: Vec<&Value> = told.iter().map(|news| &news["params"]["status"]).collect();
    assert_eq!(statuses, ["working", "input_required", "working", "completed"]);
    let state = bench.state(&id);
    assert_eq!(told[3], json!({ "method": "notifications/tasks/status", "params": state["result"] }));
    assert!(told.iter().all(|news| news["params"].get("_meta").is_none()));
}

/// G25-NTF-04: on a connection of many streams, the newest `tasks/result` carries it, else the connection itself, and
/// never two. G26-NTF-02: a requestor of 2026-07-28 that did not subscribe hears nothing.
#[test]
fn a_requestor_is_told_on_one_stream() {
    for generation in [G25, G26] {
        let mut world = World::new(1);
        let tool = world.policy(policy());
        let peer = world.open(0, Some("ann"), false);
        let call = world.call(0, peer, generation, tool);
        let id = world.id(call);
        world.note_of(call, "one");
        let mut waits = Vec::new();
        if generation == G25 {
            waits.extend((0..2).map(|_| world.result(0, peer, &id)));
        }
        world.note_of(call, "two");
        world.complete(0, call);
        let streams: Vec<Option<RequestId>> = world
            .seen
            .iter()
            .filter_map(|seen| match seen.output {
                Output::TellRequestor { stream, .. } => Some(stream),
                _ => None,
            })
            .collect();
        let newest = waits.last().copied();
        assert_eq!(streams, if generation == G25 { vec![None, newest, newest] } else { Vec::new() });
    }
}

/// X-STO-09: told when the store has it, before those who wait are answered; not told what never was, nor where the
/// server does not want it.
#[test]
fn a_requestor_is_told_after_the_write() {
    let mut bench = Bench::new(G25);
    bench.later = true;
    let (call, id) = bench.start_later();
    let wait = bench.wait(&id);
    bench.answer_all();
    bench.complete(0, call);
    assert!(!bench.told.contains_key(&call));
    bench.answer_all();
    let place = |bench: &Bench, what: &dyn Fn(&Output) -> bool| {
        bench.seen.iter().position(|seen| what(&seen.output)).expect("an output")
    };
    let told = place(&bench, &|output| matches!(output, Output::TellRequestor { .. }));
    let answered = place(&bench, &|output| matches!(output, Output::Reply { request, .. } if *request == wait));
    assert!(told < answered);
    bench.input(0, |receiver, _| receiver.tell_requestors(false));
    let (call, _) = bench.start_later();
    bench.complete(0, call);
    bench.answer_all();
    assert!(!bench.told.contains_key(&call));
}

/// A task of one generation, listened to from the other where the server allows that, is told in the listener's words.
#[test]
fn generations_may_cross() {
    let mut world = World::with(1, Limits::default(), true);
    let tool = world.policy(policy());
    let peer = world.open(0, Some("ann"), true);
    let context = world.context(0, peer, G25);
    let call = world.call_with(0, context, tool, Augmentation::Asked { ttl: None }, false);
    let id = world.id(call);
    let listen = world.listen(0, peer, &[&id]);
    world.complete(0, call);
    let state = world.get(0, peer, G26, &id);
    assert_eq!(world.heard(listen).last(), Some(&as_news(&state, listen)));
    assert_eq!(world.told[&call].last().expect("news")["params"]["status"], "completed");
}

proptest! {
    #![proptest_config(cases(300))]

    /// G26-NTF-05, G26-NTF-04, G26-SUB-13: whatever happens to a task, here or elsewhere, what was told last is what
    /// `tasks/get` says, no state is told twice in a row, and nothing follows the end.
    #[test]
    fn what_is_told_is_what_is_read(elsewhere: bool, steps in prop::collection::vec((0u8..9, any::<u8>()), 0..40)) {
        let mut world = World::new(2);
        let tool = world.policy(Policy { ttl: Some(20_000), ..policy() });
        let runner = world.open(0, Some("ann"), true);
        let node = usize::from(elsewhere);
        let peer = world.open(node, Some("ann"), true);
        let call = world.call(0, runner, G26, tool);
        let id = world.id(call);
        let listen = world.listen(node, peer, &[&id]);
        let (mut ready, mut asks, mut over) = (true, 0, false);
        for (what, number) in steps {
            match what {
                0 => world.note_of(call, &format!("note {}", number % 4)),
                1 => {
                    asks += 1;
                    world.ask(0, call, asks, "name");
                }
                2 => {
                    world.update(node, peer, &id, &[(&format!("name-{}", number % 4), Shape::ELICITED)]);
                }
                3 if !over && number % 4 == 0 => {
                    over = true;
                    world.complete(0, call);
                }
                4 if number % 8 == 0 => {
                    world.cancel(node, peer, G26, &id);
                }
                5 => world.pass(i64::from(number) * 16),
                6 => {
                    ready = !ready;
                    world.flow(node, listen, ready);
                }
                7 => world.changed(node, "ann", &id),
                _ => {
                    world.flow(node, listen, ready);
                }
            }
            if elsewhere {
                world.changed(node, "ann", &id);
            }
            let heard = world.heard(listen);
            prop_assert!(heard.windows(2).all(|pair| pair[0] != pair[1]));
            let state = world.get(node, peer, G26, &id);
            if ready && state.get("result").is_some() {
                prop_assert_eq!(heard.last(), Some(&as_news(&state, listen)));
            }
        }
        if !ready {
            world.flow(node, listen, true);
        }
        let statuses = world.statuses(listen);
        let ends = |status: &String| matches!(status.as_str(), "completed" | "failed" | "cancelled");
        prop_assert!(!statuses.iter().rev().skip(1).any(ends));
        prop_assert_eq!(world.replied(listen).is_some(), statuses.last().is_some_and(ends));
    }
}
