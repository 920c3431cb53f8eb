//! Listening for pushed snapshots: what it saves, and that it changes nothing else.

use mcp_longhaul::requestor::{
    Answered, Bounds, Ending, Options, Output, Problem, RequestNumber, Requestor, Snapshot, TaskNumber,
};
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Generation, Method, Status};
use proptest::prelude::*;

use super::{INTERVAL, World, answers, ending, sent, snapshot};

pub fn listen(outputs: &[Output]) -> Option<(RequestNumber, Vec<String>)> {
    outputs.iter().find_map(|output| match output {
        Output::Listen { request, ids } => Some((*request, ids.clone())),
        _ => None,
    })
}

fn closed(outputs: &[Output]) -> Vec<RequestNumber> {
    let closed = |output: &Output| if let Output::Unlisten { request } = output { Some(*request) } else { None };
    outputs.iter().filter_map(closed).collect()
}

impl World {
    /// A task of 2026 whose first read has shown that it still runs.
    fn running(&mut self, call: u32) -> TaskNumber {
        let (task, _) = self.follow(call, Generation::G26);
        let (_, read) = self.wait_for_read_of(task);
        self.snapshot(read, &format!("t{call}"), "working");
        task
    }

    /// The same for two tasks, `t1` and `t2`, found running at the same time.
    fn both_running(&mut self) -> (TaskNumber, TaskNumber) {
        let ((first, _), (second, _)) = (self.follow(1, Generation::G26), self.follow(2, Generation::G26));
        self.pass(1100);
        let read = |world: &Self, task| read_of(&world.outputs, task).expect("it was read");
        let reads = [(read(self, first), "t1"), (read(self, second), "t2")];
        for (read, id) in reads {
            self.snapshot(read, id, "working");
        }
        (first, second)
    }

    fn wait_for_read_of(&mut self, task: TaskNumber) -> (Millis, RequestNumber) {
        let began = self.now;
        for _ in 0..1000 {
            let (_, outputs) = self.wait();
            if let Some(request) = read_of(&outputs, task) {
                return (self.now - began, request);
            }
        }
        panic!("task {task} is not read");
    }

    fn wait_for_stream(&mut self) -> (Millis, RequestNumber, Vec<String>) {
        let began = self.now;
        for _ in 0..1000 {
            let (_, outputs) = self.wait();
            if let Some((request, ids)) = listen(&outputs) {
                return (self.now - began, request, ids);
            }
        }
        panic!("no stream was opened");
    }

    fn acknowledge(&mut self, request: RequestNumber, accepted: &[TaskNumber]) -> Vec<Output> {
        self.run(|r, now| {
            accepted.iter().for_each(|task| r.handle_accepted(request, *task));
            r.handle_acknowledged(now, request);
        })
    }

    fn push(&mut self, snapshot: &Snapshot<'_>) -> Vec<Output> {
        self.run(|r, now| r.handle_notification(now, Generation::G26, snapshot, 2.into()))
    }

    /// A running task with a stream, read after the acknowledgement.
    fn heard(&mut self, call: u32) -> (TaskNumber, RequestNumber) {
        let task = self.running(call);
        let (_, stream, _) = self.wait_for_stream();
        let outputs = self.acknowledge(stream, &[task]);
        self.snapshot(read_of(&outputs, task).expect("it is read once"), &format!("t{call}"), "working");
        (task, stream)
    }
}

fn read_of(outputs: &[Output], task: TaskNumber) -> Option<RequestNumber> {
    outputs.iter().find_map(|output| match output {
        Output::Ask { request, task: about, method: Method::Get, .. } if *about == task => Some(*request),
        _ => None,
    })
}

/// G26-SUB-01: the stream names the tasks that were found running; a task that is over by then never has one.
#[test]
fn only_tasks_that_run_for_longer_have_a_stream() {
    let mut world = World::new();
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(answers(&world.snapshot(read, "t1", "completed")).len(), 1);
    assert_eq!(world.pass(100_000), []);

    let mut world = World::new();
    world.both_running();
    let (waited, _, ids) = world.wait_for_stream();
    assert!(waited <= 50, "{waited}");
    assert_eq!(ids, ["t1", "t2"]);
    assert_eq!(world.outputs.iter().filter(|output| matches!(output, Output::Listen { .. })).count(), 1);
}

/// The older generation has no such stream, and a client that does not want one has none.
#[test]
fn not_everybody_listens() {
    for (generation, wants) in [(Generation::G25, true), (Generation::G26, false)] {
        let mut world = World::with(Options {
            bounds: Bounds::default(),
            max_age: None,
            request_timeout: 30_000,
            listen: wants,
            first_read: 0,
            seed: 7,
        });
        world.follow(1, generation);
        for _ in 0..20 {
            let (_, read) = world.wait_for(Method::Get);
            world.snapshot(read, "t1", "working");
        }
        assert_eq!(listen(&world.outputs), None);
    }
}

/// G26-SUB-06, H71: what happened before the acknowledgement is read, once; then reads are rare.
#[test]
fn the_acknowledgement_is_followed_by_a_read() {
    let mut world = World::new();
    let task = world.running(1);
    let (_, stream, ids) = world.wait_for_stream();
    assert_eq!(ids, ["t1"]);
    let outputs = world.acknowledge(stream, &[task]);
    let read = read_of(&outputs, task).expect("it is read");
    assert_eq!(ending(&world.snapshot(read, "t1", "completed")), Some((Ending::Completed, Some(Status::Completed))));

    let mut world = World::new();
    let (task, _) = world.heard(1);
    assert_eq!(world.acknowledge(RequestNumber::new(1), &[task]), [], "an acknowledgement of nothing");
    let (waited, _) = world.wait_for(Method::Get);
    assert!((30_000..=33_000).contains(&waited), "{waited}");
}

/// G26-SUB-06: a read that was under way at the acknowledgement may be older than it.
#[test]
fn a_read_under_way_does_not_count() {
    let mut world = World::new();
    let task = world.running(1);
    let (_, stream, _) = world.wait_for_stream();
    let (_, early) = world.wait_for(Method::Get);
    assert_eq!(read_of(&world.acknowledge(stream, &[task]), task), None, "one read at a time");
    let outputs = world.snapshot(early, "t1", "working");
    assert!(read_of(&outputs, task).is_some());
}

/// A hint that is longer than the safety net counts.
#[test]
fn a_long_hint_is_kept_to() {
    let mut world = World::new();
    let task = world.running(1);
    let (_, stream, _) = world.wait_for_stream();
    let outputs = world.acknowledge(stream, &[task]);
    let read = read_of(&outputs, task).expect("it is read");
    world.answer(read, Answered::Snapshot(Snapshot { poll: 50_000.0, ..snapshot("t1", "working") }));
    assert!(world.wait_for(Method::Get).0 >= 50_000);
}

/// G26-SUB-05: tasks that were not accepted are polled as before, and not asked for again.
#[test]
fn what_was_not_accepted_is_polled() {
    let mut world = World::new();
    let (first, second) = world.both_running();
    let (_, stream, _) = world.wait_for_stream();
    let outputs = world.acknowledge(stream, &[second]);
    assert_eq!(read_of(&outputs, first), None);
    world.snapshot(read_of(&outputs, second).expect("it is read"), "t2", "working");
    let mut reads = 0;
    for _ in 0..20 {
        let (waited, read) = world.wait_for_read_of(first);
        assert!(waited <= 1100, "{waited}");
        world.snapshot(read, "t1", "working");
        reads += 1;
    }
    assert_eq!(reads, 20);
    assert_eq!(world.outputs.iter().filter(|output| matches!(output, Output::Listen { .. })).count(), 1);
}

/// A server that accepts none of the tasks it has just shown pushes none.
#[test]
fn a_server_that_accepts_nothing_is_not_asked_again() {
    let mut world = World::new();
    world.running(1);
    let (_, stream, _) = world.wait_for_stream();
    assert_eq!(closed(&world.acknowledge(stream, &[])), [stream]);
    let before = world.outputs.len();
    let second = world.running(2);
    let (waited, _) = world.wait_for_read_of(second);
    assert!(waited <= 1100);
    world.pass(100_000);
    assert_eq!(listen(&world.outputs[before..]), None);
}

/// G26-SUB-09: a lost stream is opened anew, later and later, with a new id; polls go on meanwhile, and the state is
/// read again.
#[test]
fn a_lost_stream_is_opened_anew() {
    let mut world = World::new();
    let (task, mut stream) = world.heard(1);
    let mut waits = Vec::new();
    for _ in 0..10 {
        let outputs = world.answer(stream, Answered::Lost);
        assert_eq!(listen(&outputs), None);
        let began = world.now;
        let (next, ids) = loop {
            let (_, outputs) = world.wait();
            if let Some(read) = read_of(&outputs, task) {
                assert!(
                    world.snapshot(read, "t1", "working").iter().all(|output| !matches!(output, Output::Ended { .. }))
                );
            }
            if let Some(opened) = listen(&outputs) {
                break opened;
            }
        };
        assert_ne!(next, stream);
        assert_eq!(ids, ["t1"]);
        let waited = world.now - began;
        let reads = i64::try_from(world.outputs.iter().filter(|output| matches!(output, Output::Ask { .. })).count())
            .expect("few");
        assert!(reads >= waited / 1200, "polls go on: {reads} in {waited} ms");
        waits.push(waited);
        stream = next;
        let outputs = world.acknowledge(stream, &[task]);
        if let Some(read) = read_of(&outputs, task) {
            world.snapshot(read, "t1", "working");
        }
    }
    assert!((1000..=1100).contains(&waits[0]), "{waits:?}");
    assert!(waits[1..].iter().zip(&waits).all(|(next, last)| next > last || *next >= 60_000), "{waits:?}");
    assert!((60_000..=66_000).contains(waits.last().expect("ten")), "{waits:?}");

    // A stream that lived long was not ended because it is unwanted.
    world.outputs.clear();
    for _ in 0..3 {
        let (_, read) = world.wait_for(Method::Get);
        world.snapshot(read, "t1", "working");
    }
    world.answer(stream, Answered::Result { is_error: false });
    assert!(world.wait_for_stream().0 <= 1100);
}

/// G26-SUB-09: what an error to a listen means. HTTP's own refusals are like the protocol's.
#[test]
fn errors_of_a_listen() {
    for (code, again) in [
        (-32601, None),
        (-32602, None),
        (-32021, None),
        (404, None),
        (405, None),
        (-32603, Some(60_000)),
        (429, Some(60_000)),
        (408, Some(60_000)),
        (503, Some(1000)),
        (-32000, Some(1000)),
        (0, Some(1000)),
    ] {
        let mut world = World::new();
        let task = world.running(1);
        let (_, stream, _) = world.wait_for_stream();
        world.error(stream, code);
        world.outputs.clear();
        let began = world.now;
        let mut opened = None;
        while world.now - began < 200_000 && opened.is_none() {
            let (_, outputs) = world.wait();
            opened = listen(&outputs).map(|_| world.now - began);
            if let Some(read) = read_of(&outputs, task) {
                world.snapshot(read, "t1", "working");
            }
        }
        match (opened, again) {
            (Some(opened), Some(again)) => assert!((again..=again + again / 10).contains(&opened), "{code}: {opened}"),
            (opened, again) => assert_eq!(opened, again, "{code}"),
        }
        let reads = world.outputs.iter().filter(|output| matches!(output, Output::Ask { .. })).count();
        assert!(reads >= 1, "{code}: it is polled");
    }
}

/// G26-SUB-09: an acknowledgement that never comes is not waited for.
#[test]
fn a_silent_stream_is_given_up() {
    let mut world = World::new();
    let task = world.running(1);
    let (_, stream, _) = world.wait_for_stream();
    let mut outputs = Vec::new();
    while closed(&outputs).is_empty() {
        outputs = world.wait().1;
        if let Some(read) = read_of(&outputs, task) {
            world.snapshot(read, "t1", "working");
        }
    }
    assert_eq!(closed(&outputs), [stream]);
    assert_eq!(world.acknowledge(stream, &[task]), [], "too late");
    let (_, next, _) = world.wait_for_stream();
    assert_ne!(next, stream);
}

/// G26-SUB-01: another task has the stream replaced; the old one goes when the new one is acknowledged, so that no push
/// falls between.
#[test]
fn a_stream_is_replaced() {
    let mut world = World::new();
    let (first, old) = world.heard(1);
    let second = world.running(2);
    let (_, new, ids) = world.wait_for_stream();
    assert_eq!(ids, ["t1", "t2"]);
    assert!(closed(&world.outputs).is_empty());
    let outputs = world.acknowledge(new, &[first, second]);
    assert_eq!(closed(&outputs), [old]);
    assert_eq!(
        (read_of(&outputs, first), read_of(&outputs, second).is_some()),
        (None, true),
        "only the new one has a gap"
    );
    assert_eq!(world.answer(old, Answered::Lost), [], "it is closed");
    assert_eq!(ending(&world.push(&snapshot("t1", "completed"))), Some((Ending::Completed, Some(Status::Completed))));
}

/// Streams follow each other at some distance, however many tasks come.
#[test]
fn replacements_are_gathered() {
    let mut world = World::new();
    let mut tasks = Vec::new();
    let mut opened = Vec::new();
    for call in 1..=40 {
        tasks.push(world.follow(call, Generation::G26).0);
        let end = world.now + 100;
        while world.requestor.next_deadline().is_some_and(|next| next <= end) {
            let (_, outputs) = world.wait();
            for task in &tasks {
                if let Some(read) = read_of(&outputs, *task) {
                    world.snapshot(read, &format!("t{task}"), "working");
                }
            }
            if let Some((stream, _)) = listen(&outputs) {
                opened.push(world.now);
                world.acknowledge(stream, &tasks);
            }
        }
        world.now = end;
    }
    assert!(opened.len() >= 3 && opened.windows(2).all(|pair| pair[1] - pair[0] >= 1000), "{opened:?}");
}

/// The last task takes the stream along, whichever way it goes; so does the end of the connection.
#[test]
fn without_tasks_there_is_no_stream() {
    let ends: [fn(&mut World, TaskNumber) -> Vec<Output>; 4] = [
        |world, _| world.push(&snapshot("t1", "failed")),
        |world, _| world.run(|r, now| r.handle_detach(now, 1.into())),
        |world, _| world.run(|r, _| r.handle_close(Ending::Connection)),
        |world, _| {
            let (_, read) = world.wait_for(Method::Get);
            world.snapshot(read, "t1", "completed")
        },
    ];
    for end in ends {
        let mut world = World::new();
        let (task, stream) = world.heard(1);
        assert_eq!(closed(&end(&mut world, task)), [stream]);
        assert_eq!(world.requestor.next_deadline(), None);

        let mut world = World::new();
        let task = world.running(1);
        let (_, stream, _) = world.wait_for_stream();
        assert_eq!(closed(&end(&mut world, task)), [stream], "it was not acknowledged");
        assert_eq!(world.acknowledge(stream, &[task]), []);
    }
}

/// G26-SUB-11: 256 tasks fit; the others are polled until there is room.
#[test]
fn a_stream_has_room_for_so_many() {
    let mut world = World::new();
    let tasks: Vec<TaskNumber> = (1..=300).map(|call| world.follow(call, Generation::G26).0).collect();
    let mut stream = None;
    while stream.is_none() {
        let (_, outputs) = world.wait();
        for task in &tasks {
            if let Some(read) = read_of(&outputs, *task) {
                world.snapshot(read, &format!("t{task}"), "working");
            }
        }
        stream = listen(&outputs).filter(|(_, ids)| ids.len() >= 256);
        if let Some((early, _)) = listen(&outputs).filter(|_| stream.is_none()) {
            world.acknowledge(early, &tasks);
        }
    }
    let (stream, ids) = stream.expect("just seen");
    assert_eq!(ids.len(), 256);
    world.acknowledge(stream, &tasks);
    assert_eq!(
        closed(&world.outputs).len(),
        world.outputs.iter().filter(|output| matches!(output, Output::Listen { .. })).count() - 1
    );
}

/// X-NTF-01, H69: the first end counts. What comes later is dropped, and told if it says otherwise.
#[test]
fn the_first_end_counts() {
    let mut world = World::new();
    world.heard(1);
    let (_, _) = world.heard(2);
    assert_eq!(answers(&world.push(&snapshot("t1", "completed"))).len(), 1);
    for late in ["completed", "working", "input_required", "paused"] {
        assert_eq!(world.push(&snapshot("t1", late)), [], "{late}");
    }
    let told = [Output::Report { task: TaskNumber::default(), key: "t1".to_owned(), problem: Problem::Contradicted }];
    assert_eq!(world.push(&snapshot("t1", "failed")), told);
    assert_eq!(world.push(&snapshot("t1", "failed")), [], "once");
}

/// X-NTF-01: the newest snapshot counts, whether a push or a read brought it.
#[test]
fn the_newest_snapshot_counts() {
    let at = |age: f64, status: &'static str| Snapshot { age, inputs: Some(&[]), ..snapshot("t1", status) };
    let changes = |outputs: &[Output]| outputs.iter().filter(|output| matches!(output, Output::Changed { .. })).count();
    let mut world = World::new();
    world.heard(1);
    assert_eq!(changes(&world.push(&at(2000.0, "input_required"))), 1);
    assert_eq!(changes(&world.push(&at(1000.0, "working"))), 0, "late");
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(changes(&world.push(&at(4000.0, "working"))), 1);
    assert_eq!(
        changes(&world.answer(read, Answered::Snapshot(at(3000.0, "input_required")))),
        0,
        "a push went past it"
    );
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(
        changes(&world.answer(read, Answered::Snapshot(at(3500.0, "input_required")))),
        1,
        "the server's clock went back"
    );
}

/// X-NTF-02, H70: a push that comes before its task is dropped; the next read tells.
#[test]
fn a_push_before_its_task_is_dropped() {
    let mut world = World::new();
    assert_eq!(world.push(&snapshot("t1", "completed")), []);
    world.follow(1, Generation::G26);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(answers(&world.snapshot(read, "t1", "completed")).len(), 1);
}

/// X-TTL-04: the last look is a read: a push that says that the task runs may be older than its end.
#[test]
fn the_last_look_is_a_read() {
    let mut world = World::new();
    world.heard(1);
    let end = world.now + 3_700_000;
    let mut read = None;
    while world.now < end && world.requestor.followed() > 0 {
        let (_, outputs) = world.wait();
        let Some(asked) = sent(&outputs, Method::Get) else { continue };
        if world.requestor.next_deadline().is_some_and(|next| next > world.now + 29_000) && world.now > end - 200_000 {
            read = Some(asked);
            break;
        }
        world.snapshot(asked, "t1", "working");
    }
    assert_eq!(
        world.push(&snapshot("t1", "working")).iter().filter(|output| matches!(output, Output::Ended { .. })).count(),
        0
    );
    let outputs = world.snapshot(read.expect("a last read"), "t1", "completed");
    assert_eq!(answers(&outputs).len(), 1);
}

/// What the network does to each message in turn.
#[derive(Clone, Copy, Debug)]
struct Fate {
    delay: Millis,
    lost: bool,
    /// A copy comes so much later.
    copy: Option<Millis>,
}

fn fate() -> impl Strategy<Value = Fate> {
    let copy = prop_oneof![3 => Just(None), 1 => (0i64..20_000).prop_map(Some)];
    (0i64..2000, prop::bool::weighted(0.3), copy).prop_map(|(delay, lost, copy)| Fate { delay, lost, copy })
}

#[derive(Clone, Debug)]
enum Message {
    Answer { request: RequestNumber, age: Millis },
    Push { age: Millis },
    Acknowledgement { request: RequestNumber },
    StreamEnd { request: RequestNumber },
}

const LIVES: [&str; 3] = ["completed", "failed", "cancelled"];

/// Plays a task's whole life; returns how it ended for its caller, and when after its real end.
fn live(pushes: bool, changes: &[Millis], last: usize, fates: &[Fate]) -> ((Ending, Option<Status>), Millis) {
    let mut world = World::with(Options {
        bounds: Bounds::default(),
        max_age: None,
        request_timeout: 30_000,
        listen: pushes,
        first_read: 0,
        seed: 3,
    });
    let born = world.now;
    let (task, _) = world.follow(1, Generation::G26);
    let over = changes.iter().sum::<Millis>();
    // The state at an age: it works and asks in turns, then it is over.
    let state = |age: Millis| {
        let mut sum = 0;
        let turn = changes
            .iter()
            .take_while(|change| {
                sum += **change;
                sum <= age
            })
            .count();
        let status = if turn == changes.len() {
            LIVES[last]
        } else if turn % 2 == 0 {
            "working"
        } else {
            "input_required"
        };
        let updated = changes.iter().take(turn).sum::<Millis>();
        Snapshot { age: updated as f64, inputs: Some(&[]), poll: INTERVAL, ..snapshot("t1", status) }
    };
    let mut fates = fates.iter().copied().cycle();
    let mut mail: Vec<(Millis, Message)> = Vec::new();
    let mut stream: Option<RequestNumber> = None;
    let mut seen = state(0).age;
    loop {
        let next =
            mail.iter().map(|(at, _)| *at).chain(world.requestor.next_deadline()).min().expect("something is due");
        let change = changes
            .iter()
            .scan(born, |sum, change| {
                *sum += *change;
                Some(*sum)
            })
            .find(|at| *at > world.now);
        world.now = world.now.max(next.min(change.unwrap_or(next)));
        let age = world.now - born;
        if state(age).age != seen && stream.is_some() {
            let Fate { delay, lost, copy } = fates.next().expect("they repeat");
            let first = (!lost).then_some(delay);
            mail.extend(
                first
                    .into_iter()
                    .chain(copy.map(|copy| delay + copy))
                    .map(|delay| (world.now + delay, Message::Push { age })),
            );
        }
        seen = state(age).age;
        let mut outputs = Vec::new();
        while let Some(place) = mail.iter().position(|(at, _)| *at <= world.now) {
            outputs.extend(match mail.remove(place).1 {
                Message::Answer { request, age } => world.answer(request, Answered::Snapshot(state(age))),
                Message::Push { age } => world.push(&state(age)),
                Message::Acknowledgement { request } => world.acknowledge(request, &[task]),
                Message::StreamEnd { request } => {
                    stream = stream.filter(|open| *open != request);
                    world.answer(request, Answered::Lost)
                }
            });
        }
        outputs.extend(world.run(Requestor::handle_timer));
        for output in outputs {
            let Fate { delay, lost, copy } = fates.next().expect("they repeat");
            match output {
                Output::Ask { request, .. } => mail.push((world.now + delay, Message::Answer { request, age })),
                Output::Listen { request, .. } => {
                    stream = (!lost).then_some(request).or(stream);
                    mail.push((
                        world.now + delay,
                        if lost { Message::StreamEnd { request } } else { Message::Acknowledgement { request } },
                    ));
                    mail.extend(copy.map(|copy| (world.now + delay + copy, Message::StreamEnd { request })));
                }
                Output::Ended { ending, status, .. } => return ((ending, status), world.now - born - over),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// X-NTF-01, G26-SUB-09, H69: pushes that are lost, doubled or late, and streams that break, change when a task's
    /// end is known, and nothing else; and a lost push costs no more than the safety net's interval.
    #[test]
    fn pushes_change_nothing_but_the_time(
        changes in prop::collection::vec(1i64..40_000, 1..8),
        last in 0usize..3,
        fates in prop::collection::vec(fate(), 1..40),
    ) {
        let (polled, _) = live(false, &changes, last, &fates);
        let (pushed, late) = live(true, &changes, last, &fates);
        prop_assert_eq!(polled, pushed);
        prop_assert!(late <= 33_000 + 4000, "{} ms late", late);
    }
}
