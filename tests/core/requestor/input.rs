//! Input requests of 2026: each is asked once, answered once, and sent until it has arrived.

use mcp_longhaul::requestor::{Answer, Answered, Ending, Entry, Output, Problem, RequestNumber, Snapshot, TaskNumber};
use mcp_longhaul::wire::{Generation, Method, error};

use super::{World, answers, ending, entry, sent, snapshot};

fn start() -> (World, TaskNumber, RequestNumber) {
    let mut world = World::new();
    let (task, _) = world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    (world, task, read)
}

fn ask(world: &mut World, read: RequestNumber, entries: &[Entry]) -> Vec<Output> {
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
    assert_eq!(
        world.answer(update, Answered::Result { is_error: false }),
        [Output::Drop { task, key: "a".to_owned() }]
    );
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

/// The host answers `entry`, the server refuses the answer, and a read lists the request again.
fn refuse(world: &mut World, task: TaskNumber, entry: &Entry) -> Vec<Output> {
    let update = sent(&world.run(|r, now| r.handle_input(now, task, &entry.key)), Method::Update).expect("an update");
    let outputs = world.error(update, error::INVALID_PARAMS);
    assert!(outputs.contains(&Output::Refused { task, payload: 9.into() }), "the host keeps what the server said");
    let read = sent(&outputs, Method::Get).expect("a read tells whether the key is still wanted");
    ask(world, read, std::slice::from_ref(entry))
}

/// G26-UPD-13, G26-INP-09: an answer that the server refuses is asked for once more, with its error; then the server
/// hears that the question was dismissed, at once, and no third answer.
#[test]
fn a_refused_answer_is_asked_for_once_more() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    let outputs = refuse(&mut world, task, &entry("a"));
    assert!(outputs.contains(&Output::Prompt { task, key: "a".to_owned(), again: true }));
    let outputs = refuse(&mut world, task, &entry("a"));
    assert!(outputs.contains(&Output::Report { task, key: "a".to_owned(), problem: Problem::Rejected }));
    assert!(outputs.contains(&Output::Dismiss { task, key: "a".to_owned() }));
    let update = sent(&outputs, Method::Update).expect("the dismissal goes out at once");
    world.answer(update, Answered::Result { is_error: false });
    let read = world.wait_for(Method::Get).1;
    assert_eq!(prompts(&ask(&mut world, read, &[entry("a")])), [""; 0]);
    assert_eq!(world.requestor.followed(), 1);
}

/// A server that takes no answer at all: the caller hears at once, and the task is cancelled, as if the call were given
/// up.
#[test]
fn a_server_that_takes_no_answer_is_given_up() {
    let elicitation = entry("a");
    let sampling = Entry { method: "sampling/createMessage".to_owned(), ..entry("a") };
    for asked in [elicitation, sampling] {
        let (mut world, task, read) = start();
        ask(&mut world, read, std::slice::from_ref(&asked));
        refuse(&mut world, task, &asked);
        let mut outputs = refuse(&mut world, task, &asked);
        if let Some(dismissal) = sent(&outputs, Method::Update) {
            let read = sent(&world.error(dismissal, error::INVALID_PARAMS), Method::Get).expect("a read");
            outputs = ask(&mut world, read, std::slice::from_ref(&asked));
        }
        assert_eq!(ending(&outputs), Some((Ending::Refused, None)), "{}", asked.method);
        assert_eq!(answers(&outputs), [(1, Answer::Outcome(task))]);
        let cancel = sent(&outputs, Method::Cancel).expect("the server's handler hears too");
        world.answer(cancel, Answered::Result { is_error: false });
        assert_eq!(world.requestor.followed(), 0);
    }
}

/// G26-UPD-09: several answers are refused together. Each goes alone then, and no user is asked anew for the right
/// ones.
#[test]
fn of_several_refused_answers_only_the_wrong_one_is_asked_again() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a"), entry("b"), entry("c")]);
    let first = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    world.run(|r, now| r.handle_input(now, task, "b"));
    world.run(|r, now| r.handle_input(now, task, "c"));
    let outputs = world.answer(first, Answered::Result { is_error: false });
    assert_eq!(keys(&outputs), ["b", "c"]);
    let both = sent(&outputs, Method::Update).expect("an update");
    let outputs = world.error(both, error::INVALID_PARAMS);
    assert_eq!(keys(&outputs), ["b"]);
    let alone = sent(&outputs, Method::Update).expect("an update");
    let read = sent(&outputs, Method::Get).expect("a read");
    assert_eq!(prompts(&ask(&mut world, read, &[entry("b"), entry("c")])), [""; 0]);
    let outputs = world.error(alone, error::INVALID_PARAMS);
    assert_eq!(keys(&outputs), ["c"]);
    let alone = sent(&outputs, Method::Update).expect("an update");
    world.answer(alone, Answered::Result { is_error: false });
    let read = sent(&outputs, Method::Get).expect("a read");
    assert_eq!(prompts(&ask(&mut world, read, &[entry("b"), entry("c")])), ["b"]);
}

/// A server without `tasks/update`, or one that never answers it: the task waits for ever, so its caller is told.
#[test]
fn answers_that_cannot_be_sent_end_the_call() {
    let (mut world, task, read) = start();
    ask(&mut world, read, &[entry("a")]);
    let update = sent(&world.run(|r, now| r.handle_input(now, task, "a")), Method::Update).expect("an update");
    let outputs = world.error(update, error::METHOD_NOT_FOUND);
    assert!(outputs.contains(&Output::Report { task, key: "a".to_owned(), problem: Problem::Unsent }));
    assert_eq!(ending(&outputs), Some((Ending::Unsupported, None)));
}

fn many(from: usize, to: usize) -> Vec<Entry> {
    (from..to).map(|key| entry(&format!("key {key}"))).collect()
}

/// X-LIM-02: whatever a server lists, 64 prompts are open at once on a connection; the others wait until one is over,
/// and one whose question was taken back is over only when its handler has returned.
#[test]
fn few_prompts_are_open_at_once() {
    let (mut world, task, read) = start();
    assert_eq!(prompts(&ask(&mut world, read, &many(0, 1000))).len(), 64);
    for round in 1..5 {
        let read = world.wait_for(Method::Get).1;
        let outputs = ask(&mut world, read, &many(round * 1000, round * 1000 + 1000));
        assert_eq!(prompts(&outputs), [""; 0]);
        let withdrawn = outputs.iter().filter(|output| matches!(output, Output::Withdraw { .. })).count();
        assert_eq!(withdrawn, if round == 1 { 64 } else { 0 });
    }
    let mut read = None;
    for _ in 0..3 {
        let outputs = world.run(|r, now| r.handle_prompt_over(now));
        read = read.or(sent(&outputs, Method::Get));
    }
    let read = read.unwrap_or_else(|| world.wait_for(Method::Get).1);
    assert_eq!(
        prompts(&ask(&mut world, read, &many(0, 1000))),
        ["key 0", "key 1", "key 2"],
        "asked before, and taken back"
    );
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "key 1"))), ["key 1"]);
}

/// Other tasks of the connection get what room there is, too: their questions wait, and are asked.
#[test]
fn a_crowded_task_is_read_when_there_is_room() {
    let (mut world, _, read) = start();
    assert_eq!(prompts(&ask(&mut world, read, &many(0, 64))).len(), 64);
    let (two, _) = world.follow(2, Generation::G26);
    let read_of = |outputs: &[Output]| {
        outputs.iter().find_map(|output| match output {
            Output::Ask { request, task, method: Method::Get, .. } if *task == two => Some(*request),
            _ => None,
        })
    };
    let read = loop {
        let (_, outputs) = world.wait();
        if let Some(read) = read_of(&outputs) {
            break read;
        }
    };
    let of_two = [entry("mine")];
    let of_two = Snapshot { inputs: Some(&of_two), ..snapshot("t2", "input_required") };
    assert_eq!(prompts(&world.answer(read, Answered::Snapshot(of_two.clone()))), [""; 0]);
    let mut outputs = world.run(|r, now| r.handle_prompt_over(now));
    outputs.extend(world.pass(100));
    let read = read_of(&outputs).expect("it is read as soon as there is room");
    assert_eq!(prompts(&world.answer(read, Answered::Snapshot(of_two))), ["mine"]);
}

/// What a server may cost over a task's life: after 10,000 keys it is at fault, however it deals them out.
#[test]
fn keys_without_end_end_the_task() {
    let (mut world, task, mut read) = start();
    let mut asked = 0;
    let ended = loop {
        let outputs = ask(&mut world, read, &many(asked, asked + 60));
        if let Some(ended) = ending(&outputs) {
            break ended;
        }
        let mut update = None;
        for key in prompts(&outputs) {
            asked += 1;
            update = update.or(sent(&world.run(|r, now| r.handle_input(now, task, key)), Method::Update));
            world.run(|r, now| r.handle_prompt_over(now));
        }
        while let Some(request) = update {
            update = sent(&world.answer(request, Answered::Result { is_error: false }), Method::Update);
        }
        read = world.wait_for(Method::Get).1;
    };
    assert_eq!(ended.0, Ending::Protocol);
    assert!((9_900..=10_000).contains(&asked), "{asked}");
}

/// Some servers (mcpkit, airlift) refuse an update because the task has ended; the read that follows brings the
/// outcome.
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
    let outputs = ask(&mut world, read, &[Entry { fingerprint: 2, ..entry("a") }, entry("b")]);
    assert!(outputs.contains(&Output::Withdraw { task, key: "a".to_owned() }));
    assert!(outputs.contains(&Output::Report { task, key: "a".to_owned(), problem: Problem::Changed }));
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "a"))), [""; 0]);
    assert_eq!(keys(&world.run(|r, now| r.handle_input(now, task, "b"))), ["b"]);
}

/// G26-INP-10: an unknown request stays unanswered and is told once; other keys are served.
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
