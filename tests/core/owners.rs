//! Whose a task is.

use mcp_longhaul::receiver::{Augmentation, Output};
use serde_json::Value;

use crate::bench::Bench;
use crate::harness::{G25, G26, World, policy};

/// The answers to every request about `id`, by a client of this owner.
fn answers(bench: &mut Bench, owner: &str, generation: mcp_longhaul::wire::Generation, id: &str) -> Vec<Value> {
    let peer = bench.world.open(0, Some(owner), true);
    let mut answers = vec![bench.world.get(0, peer, generation, id)];
    let mut requests = vec![bench.world.cancel(0, peer, generation, id)];
    requests.push(if generation == G25 {
        bench.world.result(0, peer, id)
    } else {
        bench.world.update(0, peer, id, &[("name-1", 1), ("name-1", 0)])
    });
    answers.extend(requests.into_iter().map(|request| bench.world.reply(request)));
    answers
}

/// X-SEC-01, X-SEC-02, X-ERR-01, H31, G26-CAN-03, G26-UPD-04: a stranger's task is answered exactly like a missing one,
/// and nothing happens to it.
#[test]
fn a_strangers_task_is_a_miss() {
    for generation in [G25, G26] {
        for ended in [false, true] {
            let mut bench = Bench::new(generation);
            let (call, id) = bench.start();
            bench.ask(0, call, 1, "name");
            if ended {
                bench.complete(0, call);
            }
            let (before, writes) = (bench.stored(&id), bench.store.writes);
            let foreign = answers(&mut bench, "bob", generation, &id);
            let missing = answers(&mut bench, "bob", generation, "AAAAAAAAAAAAAAAAAAAAAAAA");
            assert_eq!(foreign, missing);
            for answer in foreign {
                assert_eq!(answer["error"]["code"], -32602);
            }
            assert_eq!((bench.stored(&id), bench.store.writes), (before, writes));
            assert!(!bench.aborted(call));
        }
    }
}

/// X-SEC-02: who names somebody's task while it is being changed does not come between it and its owner.
#[test]
fn a_stranger_does_not_hide_a_task_from_its_owner() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let bob = bench.world.open(0, Some("bob"), true);
    bench.later = true;
    let his = bench.world.cancel(0, bob, G25, &id);
    let hers = bench.stop(&id);
    bench.answer_all();
    assert_eq!(bench.code(his), -32602);
    assert_eq!(bench.reply(hers)["result"]["status"], "cancelled");
    assert!(bench.aborted(call), "the owner's cancel reaches the handler");
    bench.assert_idle();

    let (call, id) = bench.start_later();
    let wait = bench.wait(&id);
    bench.answer_all();
    let his = bench.world.cancel(0, bob, G25, &id);
    bench.answer_all();
    assert_eq!(bench.code(his), -32602);
    bench.complete(0, call);
    bench.answer_all();
    assert!(bench.reply(wait)["result"].is_object());
    bench.assert_idle();
}

/// G25-LST-04, X-SEC-01, H31: a list holds all that its owner can get, and nothing of another.
#[test]
fn a_list_is_its_owners() {
    let mut bench = Bench::new(G25);
    let (ann, bob) = (bench.peer, bench.world.open(0, Some("bob"), true));
    let tool = bench.tool;
    let mut ids = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (place, peer) in [ann, bob].into_iter().enumerate() {
            bench.pass(1);
            let call = bench.world.call(0, peer, G25, tool);
            let id = bench.id(call);
            ids[place].push(id);
        }
    }
    for (place, peer) in [ann, bob].into_iter().enumerate() {
        let list = bench.world.list(0, peer, None);
        let listed: Vec<&str> =
            list["result"]["tasks"].as_array().unwrap().iter().map(|task| task["taskId"].as_str().unwrap()).collect();
        assert_eq!(listed, ids[place]);
        for task in list["result"]["tasks"].as_array().unwrap() {
            assert_eq!(bench.world.get(0, peer, G25, task["taskId"].as_str().unwrap())["result"], *task);
        }
    }
}

/// X-SEC-01: where nobody can tell the owner, no task is created and none is found; what can run plainly does.
#[test]
fn without_an_owner_nothing_is_created_or_found() {
    let mut bench = Bench::new(G25);
    let (_, id) = bench.start();
    let tool = bench.tool;
    let nobody = bench.world.open(0, None, true);
    let refused = bench.world.call(0, nobody, G25, tool);
    assert_eq!(bench.code(refused), -32603);
    assert_eq!(bench.world.get(0, nobody, G25, &id)["error"]["code"], -32602);
    assert_eq!(bench.world.list(0, nobody, None)["result"]["tasks"].as_array().unwrap().len(), 0);
    let plain = bench.world.call(0, nobody, G26, tool);
    assert!(bench.saw(&Output::Forward { call: plain, gated: false }) && !bench.is_task(plain));
    assert_eq!(bench.store.ids.len(), 1);
}

/// H29: a task belongs to its owner, not to the connection that created it.
#[test]
fn another_connection_of_the_owner_finds_the_task() {
    let mut bench = Bench::of(World::new(2), G25, policy());
    let (_, id) = bench.start();
    let peer = bench.peer;
    bench.close(0, peer);
    for node in 0..2 {
        let again = bench.world.open(node, Some("ann"), false);
        assert_eq!(bench.world.get(node, again, G25, &id)["result"]["status"], "working");
    }
}

/// X-GEN-02, H47: a task belongs to its generation.
#[test]
fn the_other_generation_does_not_find_a_task() {
    for (own, other) in [(G25, G26), (G26, G25)] {
        let mut bench = Bench::new(own);
        let (call, id) = bench.start();
        let before = bench.stored(&id);
        for answer in answers(&mut bench, "ann", other, &id) {
            assert_eq!(answer["error"]["code"], -32602);
        }
        if other == G25 {
            let peer = bench.peer;
            assert_eq!(bench.world.list(0, peer, None)["result"]["tasks"].as_array().unwrap().len(), 0);
        }
        assert_eq!(bench.stored(&id), before);
        assert!(!bench.aborted(call));
        bench.complete(0, call);
        bench.assert_idle();
    }
}

/// X-GEN-02, X-GEN-04, X-STO-03: unless `crossGeneration` is on; then it is shown as the reader's generation shows it.
#[test]
fn generations_may_be_crossed() {
    let world = || World::with(1, Default::default(), true);
    let mut bench = Bench::of(world(), G25, policy());
    let (call, id) = bench.start();
    let peer = bench.peer;
    bench.outcome(0, call, mcp_longhaul::receiver::Outcome::Result { is_error: true, size: 1 });
    assert_eq!(bench.status(&id), "failed");
    let new = bench.world.get(0, peer, G26, &id);
    assert_eq!(new["result"]["status"], "completed");
    assert_eq!(new["result"]["result"]["$"], format!("outcome of {call}"));
    assert!(new["result"].get("ttl").is_none() && new["result"].get("ttlMs").is_some());

    let mut bench = Bench::of(world(), G26, policy());
    let (call, id) = bench.start();
    let peer = bench.peer;
    let wait = bench.world.result(0, peer, &id);
    bench.outcome(0, call, mcp_longhaul::receiver::Outcome::Result { is_error: true, size: 1 });
    assert_eq!(bench.reply(wait)["result"]["$"], format!("outcome of {call}"));
    assert_eq!(bench.world.get(0, peer, G25, &id)["result"]["status"], "failed");
}

/// X-GEN-02, X-GEN-04: what a handler of 2025-11-25 asks can be read and answered in 2026-07-28 where generations may
/// be crossed.
#[test]
fn nested_input_may_be_crossed() {
    let mut bench = Bench::of(World::with(1, Default::default(), true), G25, policy());
    let (peer, tool) = (bench.peer, bench.tool);
    let context = bench.context(0, peer, G25);
    let call = bench.call_with(0, context, tool, Augmentation::Asked { ttl: None }, false);
    let id = bench.id(call);
    bench.input(0, |receiver, now| {
        receiver.handle_input_request(now, call, 1.into(), "name", mcp_longhaul::task::InputKind::Elicit, true)
    });
    bench.input(0, |receiver, now| {
        receiver.handle_input_request(now, call, 2.into(), "age", mcp_longhaul::task::InputKind::Elicit, true)
    });
    assert_eq!(bench.world.get(0, peer, G26, &id)["result"]["inputRequests"]["name-1"], "ask 1");
    assert!(bench.input(0, |receiver, now| receiver.handle_answer(now, 2.into())));
    let update = bench.world.update(0, peer, &id, &[("name-1", 1)]);
    assert!(bench.saw(&Output::Answered { input: 1.into(), from: Some((update, "name-1".into())) }));
    assert!(bench.saw(&Output::Answered { input: 2.into(), from: None }));
    // The answer stays until the handler's next write, whoever may have to give it to the handler.
    assert_eq!(bench.store.parts("ann", &id).into_keys().collect::<Vec<_>>(), ["answer name-1"]);
    bench.note_of(call, "on");
    assert!(bench.store.parts("ann", &id).is_empty() && bench.stored(&id).inputs.is_empty());
    bench.complete(0, call);
    bench.assert_idle();
}

/// X-SEC-01: a receiver that takes the place of a lost one knows each connection under the number that it had, in
/// whatever order they come.
#[test]
fn a_connection_goes_on_under_its_number() {
    let mut bench = Bench::new(G26);
    let (_, id) = bench.start();
    let ann = bench.peer;
    let bob = bench.world.open(0, Some("bob"), true);
    bench.world.rebuild(0);
    for (peer, owner) in [(bob, "bob"), (ann, "ann")] {
        bench.world.input(0, |receiver, _| receiver.handle_open(peer, Some(owner), true));
    }
    let code = |bench: &mut Bench, peer| bench.world.get(0, peer, G26, &id)["error"]["code"].clone();
    assert_eq!(code(&mut bench, ann), Value::Null);
    assert_eq!(code(&mut bench, bob), -32602);
}
