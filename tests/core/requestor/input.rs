//! Input requests of 2026: each is asked once, answered once, and sent until it has arrived.

use mcp_tasks::requestor::{Answered, Entry, Output, Problem, Request, Snapshot, Task};
use mcp_tasks::wire::{Generation, Method, error};

use super::{World, entry, sent, snapshot};

fn start() -> (World, Task, Request) {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    (world, task, read)
}

fn ask(world: &mut World, read: Request, entries: &[Entry]) -> Vec<Output> {
    world.answer(read, Answered::Snapshot(Snapshot { inputs: Some(entries), ..snapshot("t1", "input_required") }))
}

fn prompts(outputs: &[Output]) -> Vec<&str> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Prompt { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect()
}

fn keys(outputs: &[Output]) -> Vec<String> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Ask { method: Method::Update, keys, .. } => Some(keys.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

/// G26-INP-06, G26-INP-08, G26-UPD-03, H56, H58: five reads, one question, one answer; a key that is still listed after
/// its answer is not asked again.
#[test]
fn each_key_is_asked_once() {
    let (mut world, task, mut read) = start();
    assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), ["a"]);
    for _ in 0..5 {
        read = world.wait_for(Method::Get).1;
        assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), [""; 0]);
    }
    let outputs = world.run(|r, now| r.handle_input(now, task, "a"));
    assert_eq!(keys(&outputs), ["a"]);
    let update = sent(&outputs, Method::Update).expect("an update");
    assert_eq!(world.answer(update, Answered::Result { is_error: false }), [Output::Drop { task, key: "a".to_owned() }]);
    let read = world.wait_for(Method::Get).1;
    assert_eq!(prompts(&ask(&mut world, read, &[entry("a"), entry("b")])), ["b"]);
}

/// Keys answered while an update is under way go with the next one.
#[test]
fn one_update_at_a_time() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a"), entry("b"), entry("c")]);
    let outputs = world.run(|r, now| r.handle_input(now, task, "b"));
    let first = sent(&outputs, Method::Update).expect("an update");
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "a"))), [""; 0]);
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "c"))), [""; 0]);
    assert_eq!(keys(&world.answer(first, Answered::Result { is_error: false })), ["a", "c"]);
}

/// G26-UPD-12: a lost update is sent again with the same keys, slower and slower, and not for ever.
#[test]
fn a_lost_update_is_repeated() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    let mut update = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    let mut attempts = 1;
    loop {
        let outputs = world.answer(update, Answered::Lost);
        if outputs.iter().any(|output| matches!(output, Output::Report { problem: Problem::Unsent, .. })) {
            break;
        }
        update = loop {
            let (_, outputs) = world.wait();
            if let Some(update) = sent(&outputs, Method::Update) {
                assert_eq!(keys(&outputs), ["a"]);
                break update;
            }
            if let Some(read) = sent(&outputs, Method::Get) {
                assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), [""; 0], "never asked for a new answer");
            }
        };
        attempts += 1;
    }
    assert_eq!(attempts, 10);
}

/// G26-UPD-13: an answer that the server refuses is asked for once more, with its error; then no more.
#[test]
fn a_refused_answer_is_asked_for_once_more() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    let update = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    let outputs = world.error(update, error::INVALID_PARAMS);
    let read = sent(&outputs, Method::Get).expect("a read tells whether the key is still wanted");
    let outputs = ask(&mut world, read, &[entry("a")]);
    assert!(outputs.contains(&Output::Prompt { task, key: "a".to_owned(), again: true }));
    let update = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    let read = sent(&world.error(update, error::INVALID_PARAMS), Method::Get).expect("a read");
    let outputs = ask(&mut world, read, &[entry("a")]);
    assert!(outputs.contains(&Output::Report { task, key: "a".to_owned(), problem: Problem::Rejected }));
    let read = world.wait_for(Method::Get).1;
    assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), [""; 0]);
}

/// some servers refuse an update because the task has ended; the read that follows brings the outcome.
#[test]
fn an_update_that_comes_too_late_is_no_error() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    let update = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    let read = sent(&world.error(update, error::INVALID_PARAMS), Method::Get).expect("a read");
    assert_eq!(super::answers(&world.snapshot(read, "t1", "completed")).len(), 1);
}

/// G26-INP-07: a request that changes under its key is not answered any more, and told.
#[test]
fn a_changed_request_is_not_answered() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a"), entry("b")]);
    let read = world.wait_for(Method::Get).1;
    let outputs = ask(&mut world, read, &[Entry { same: false, ..entry("a") }, entry("b")]);
    assert!(outputs.contains(&Output::Withdraw { task, key: "a".to_owned() }));
    assert!(outputs.contains(&Output::Report { task, key: "a".to_owned(), problem: Problem::Changed }));
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "a"))), [""; 0]);
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "b"))), ["b"]);
}

/// G26-INP-10: what nobody knows stays unanswered and is told once; other keys are served.
#[test]
fn an_unknown_method_is_left_alone() {
    let (mut world, task, read) = start();
    let unknown = || Entry { method: "future/ask".to_owned(), ..entry("x") };
    let outputs = ask(&mut world, read, &[unknown(), entry("a")]);
    assert_eq!(prompts(&outputs), ["a"]);
    assert!(outputs.contains(&Output::Report { task, key: "x".to_owned(), problem: Problem::UnknownMethod }));
    let read = world.wait_for(Method::Get).1;
    let outputs = ask(&mut world, read, &[unknown(), entry("a")]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Report { .. } | Output::Prompt { .. })));
}

/// G26-INP-09: a handler that fails leaves its key unanswered; the task is followed on.
#[test]
fn a_failed_handler_leaves_its_key_unanswered() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    assert_eq!(world.run(|r, _| r.handle_no_input(task, "a")), []);
    let read = world.wait_for(Method::Get).1;
    assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), [""; 0]);
    let read = world.wait_for(Method::Get).1;
    assert_eq!(super::answers(&world.snapshot(read, "t1", "completed")).len(), 1);
}

/// A question that is withdrawn, or whose task ends, is not asked any more; its late answer goes nowhere.
#[test]
fn questions_are_withdrawn() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a"), entry("b")]);
    let read = world.wait_for(Method::Get).1;
    let outputs = ask(&mut world, read, &[entry("b")]);
    assert!(outputs.contains(&Output::Withdraw { task, key: "a".to_owned() }));
    assert_eq!(world.run(|r, now| r.handle_input(now, task, "a")), [Output::Drop { task, key: "a".to_owned() }]);
    let read = world.wait_for(Method::Get).1;
    let outputs = world.snapshot(read, "t1", "completed");
    assert!(outputs.contains(&Output::Withdraw { task, key: "b".to_owned() }));
    assert_eq!(world.run(|r, now| r.handle_input(now, task, "b")), []);
}

/// H62, X-LIM-05: names that mean something elsewhere are keys like any other; too many keys are a breach.
#[test]
fn any_key_is_a_key() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("__proto__"), entry("constructor")]);
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "__proto__"))), ["__proto__"]);

    let (mut world, _, read) = start();
    let many: Vec<Entry> = (0..10_001).map(|index| entry(&index.to_string())).collect();
    assert_eq!(ask(&mut world, read, &many), []);
}
