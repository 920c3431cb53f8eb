//! Whatever the peer and the network do: each call is answered once, and nothing spins.

use std::collections::{BTreeMap, BTreeSet};

use mcp_longhaul::method::CallMethod;
use mcp_longhaul::requestor::{
    Answered, Ending, Entry, Output, Preference, Reply, RequestNumber, Requestor, Snapshot, TaskNumber,
};
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Generation, Method, Support};
use proptest::prelude::*;

use super::{World, entry, snapshot};

#[derive(Clone, Debug)]
enum Step {
    Call {
        modern: bool,
    },
    Reply {
        call: usize,
        kind: u8,
    },
    /// Answers an open request, or one that was answered before.
    Answer {
        request: usize,
        kind: u8,
        again: bool,
    },
    Notify {
        task: u32,
        status: u8,
    },
    Input {
        task: u32,
        key: u8,
    },
    NoInput {
        task: u32,
        key: u8,
    },
    PromptOver,
    Abort {
        call: usize,
    },
    Detach {
        call: usize,
    },
    Cancel {
        task: u32,
        await_terminal: bool,
    },
    Resume {
        task: u32,
        modern: bool,
    },
    Observe {
        task: u32,
        observers: u32,
    },
    Page {
        request: usize,
    },
    Acknowledge {
        stream: usize,
        accepted: u32,
    },
    StreamEnd {
        stream: usize,
        kind: usize,
    },
    ToolsChanged,
    Trouble,
    Pass {
        time: i64,
    },
    Timer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(|modern| Step::Call { modern }),
        4 => (0usize..8, 0u8..9).prop_map(|(call, kind)| Step::Reply { call, kind }),
        10 => (0usize..32, 0u8..16, prop::bool::weighted(0.2))
            .prop_map(|(request, kind, again)| Step::Answer { request, kind, again }),
        2 => (0u32..6, 0u8..6).prop_map(|(task, status)| Step::Notify { task, status }),
        2 => (0u32..6, 0u8..4).prop_map(|(task, key)| Step::Input { task, key }),
        1 => (0u32..6, 0u8..4).prop_map(|(task, key)| Step::NoInput { task, key }),
        2 => Just(Step::PromptOver),
        1 => (0usize..8).prop_map(|call| Step::Abort { call }),
        1 => (0usize..8).prop_map(|call| Step::Detach { call }),
        1 => (0u32..6, any::<bool>()).prop_map(|(task, await_terminal)| Step::Cancel { task, await_terminal }),
        1 => (0u32..6, any::<bool>()).prop_map(|(task, modern)| Step::Resume { task, modern }),
        1 => (0u32..6, 0u32..3).prop_map(|(task, observers)| Step::Observe { task, observers }),
        1 => (0usize..32).prop_map(|request| Step::Page { request }),
        3 => (0usize..4, 0u32..16).prop_map(|(stream, accepted)| Step::Acknowledge { stream, accepted }),
        1 => (0usize..4, 0usize..5).prop_map(|(stream, kind)| Step::StreamEnd { stream, kind }),
        1 => Just(Step::ToolsChanged),
        1 => Just(Step::Trouble),
        3 => (0i64..100_000).prop_map(|time| Step::Pass { time }),
        3 => Just(Step::Timer),
    ]
}

const STATUSES: [&str; 6] = ["working", "input_required", "completed", "failed", "cancelled", "paused"];

/// What the host would know.
#[derive(Default)]
struct Host {
    calls: Vec<u32>,
    answered: BTreeSet<u32>,
    aborted: BTreeSet<u32>,
    /// Requests and their tasks, and those that were answered.
    open: Vec<(RequestNumber, TaskNumber, Method, Millis)>,
    done: Vec<RequestNumber>,
    lists: Vec<RequestNumber>,
    numbers: BTreeSet<RequestNumber>,
    ended: BTreeSet<TaskNumber>,
    waiters: BTreeSet<u32>,
    settled: BTreeSet<u32>,
    asked: BTreeMap<(TaskNumber, String), u32>,
    sends: BTreeMap<u32, u32>,
    streams: Vec<RequestNumber>,
    prompts: usize,
}

impl Host {
    fn take(&mut self, now: Millis, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Send { call, .. } => {
                    let sends = self.sends.entry(call.get()).or_default();
                    *sends += 1;
                    assert!(*sends <= 2, "call {call} was sent {sends} times");
                }
                Output::List { request, .. } => {
                    assert!(self.numbers.insert(*request), "request {request} twice");
                    self.lists.push(*request);
                }
                Output::Ask { request, task, method, .. } => {
                    assert!(self.numbers.insert(*request), "request {request} twice");
                    assert!(!self.ended.contains(task), "task {task} is over");
                    let waiting = self
                        .open
                        .iter()
                        .find(|(_, other, same, since)| (other, same) == (task, method) && now - since < 30_000);
                    assert!(waiting.is_none() || *method == Method::Result, "{method:?} of {task} twice at once");
                    self.open.push((*request, *task, *method, now));
                }
                Output::Listen { request, ids } => {
                    assert!(self.numbers.insert(*request), "request {request} twice");
                    assert!(
                        !ids.is_empty() && ids.len() <= 256 && ids.iter().collect::<BTreeSet<_>>().len() == ids.len(),
                        "{ids:?}"
                    );
                    self.streams.push(*request);
                    assert!(self.streams.len() <= 2, "a stream and its successor, not more");
                }
                Output::Unlisten { request } => {
                    assert!(self.streams.contains(request), "stream {request} is not open");
                    self.streams.retain(|open| open != request);
                }
                Output::Prompt { task, key, .. } => {
                    let times = self.asked.entry((*task, key.clone())).or_default();
                    *times += 1;
                    assert!(*times <= 2, "{key} of {task} was asked {times} times");
                    self.prompts += 1;
                    assert!(self.prompts <= 64, "{} prompts are open", self.prompts);
                }
                Output::Ended { task, .. } => assert!(self.ended.insert(*task), "task {task} ended twice"),
                Output::Answer { call, .. } => {
                    assert!(self.answered.insert(call.get()), "call {call} was answered twice");
                    assert!(!self.aborted.contains(&call.get()), "call {call} was given up");
                }
                Output::Cancelled { waiter, .. } => {
                    assert!(self.settled.insert(waiter.get()), "waiter {waiter} was settled twice")
                }
                _ => {}
            }
        }
    }
}

fn pick<T: Copy>(items: &[T], index: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[index % items.len()])
}

/// Lets time pass; returns how many requests were sent.
fn pass(world: &mut World, host: &mut Host, time: Millis) -> usize {
    let end = world.now + time;
    let mut asks = 0;
    while let Some(next) = world.requestor.next_deadline().filter(|next| *next <= end) {
        world.now = world.now.max(next);
        let outputs = world.run(Requestor::handle_timer);
        asks += outputs.iter().filter(|output| matches!(output, Output::Ask { .. })).count();
        host.take(world.now, &outputs);
    }
    world.now = end;
    asks
}

fn play(steps: Vec<Step>) {
    let mut world = World::new();
    let mut host = Host::default();
    let mut waiter = 0;
    for step in steps {
        let outputs = match step {
            Step::Call { modern } => {
                let call = u32::try_from(host.calls.len()).expect("few calls") + 1;
                host.calls.push(call);
                let generation = if modern { Generation::G26 } else { Generation::G25 };
                let tool = ["required", "optional", "forbidden", "unlisted"][call as usize % 4];
                world.call(call, generation, tool, Preference::Prefer)
            }
            Step::Resume { task, modern } => {
                let call = u32::try_from(host.calls.len()).expect("few calls") + 1;
                host.calls.push(call);
                let generation = Some(if modern { Generation::G26 } else { Generation::G25 });
                let facts = mcp_longhaul::requestor::CallFacts {
                    generation,
                    method: CallMethod::ToolsCall,
                    tool: "any",
                    preference: Preference::Prefer,
                    cancels: true,
                    ttl: None,
                };
                world.run(|r, now| r.handle_resume(now, call.into(), facts, generation, &format!("t{task}")))
            }
            Step::Reply { call, kind } => {
                let Some(call) = pick(&host.calls, call) else { continue };
                let id = format!("t{call}");
                let reply = match kind {
                    0..=4 => Reply::Handle(Snapshot { ttl: 500_000.0, ..snapshot(&id, STATUSES[usize::from(kind)]) }),
                    5 => Reply::Result { is_error: false, demands_task: false },
                    6 => Reply::Result { is_error: true, demands_task: true },
                    7 => Reply::Empty,
                    _ => Reply::Error { code: -32601 },
                };
                world.run(|r, now| r.handle_reply(now, call.into(), reply, 1.into()))
            }
            Step::Answer { request, kind, again } => {
                let request = if again {
                    pick(&host.done, request)
                } else {
                    pick(&host.open, request).map(|(request, ..)| request)
                };
                let Some(request) = request else { continue };
                host.open.retain(|(open, ..)| *open != request);
                host.done.push(request);
                // The requestor numbers tasks; the ids of the peer follow from the calls, so any may fit or not.
                let id = format!("t{}", kind % 4 + 1);
                let entries: Vec<Entry> = (0..kind % 4)
                    .map(|key| Entry { fingerprint: u64::from(kind % 3 != 0), ..entry(&key.to_string()) })
                    .collect();
                let answered = match kind {
                    0..=5 => Answered::Snapshot(Snapshot {
                        inputs: Some(&entries),
                        ttl: 500_000.0,
                        ..snapshot(&id, STATUSES[usize::from(kind)])
                    }),
                    6 | 7 => Answered::Result { is_error: kind == 7 },
                    8 => Answered::Error { code: -32602 },
                    9 => Answered::Error { code: -32603 },
                    10 => Answered::Error { code: -32601 },
                    11 => Answered::Error { code: -32600 },
                    12 => Answered::Empty,
                    _ => Answered::Lost,
                };
                world.answer(request, answered)
            }
            Step::Notify { task, status } => {
                let id = format!("t{task}");
                let snapshot = snapshot(&id, STATUSES[usize::from(status)]);
                world.run(|r, now| {
                    r.handle_notification(now, Generation::G25, &snapshot, 2.into());
                    r.handle_notification(now, Generation::G26, &snapshot, 2.into());
                })
            }
            Step::Acknowledge { stream, accepted } => {
                let Some(stream) = pick(&host.streams, stream) else { continue };
                world.run(|r, now| {
                    (0..6)
                        .filter(|task| accepted >> task & 1 == 1)
                        .for_each(|task| r.handle_accepted(stream, TaskNumber::new(task + 1)));
                    r.handle_acknowledged(now, stream);
                })
            }
            Step::StreamEnd { stream, kind } => {
                let Some(stream) = pick(&host.streams, stream) else { continue };
                host.streams.retain(|open| *open != stream);
                let answered =
                    [-32601, -32603, 429, 500].get(kind).map_or(Answered::Lost, |code| Answered::Error { code: *code });
                world.answer(stream, answered)
            }
            Step::Input { task, key } => {
                world.run(|r, now| r.handle_input(now, TaskNumber::new(task), &key.to_string()))
            }
            Step::PromptOver if host.prompts == 0 => continue,
            Step::PromptOver => {
                host.prompts -= 1;
                world.run(|r, now| r.handle_prompt_over(now))
            }
            Step::NoInput { task, key } => world.run(|r, _| r.handle_no_input(TaskNumber::new(task), &key.to_string())),
            Step::Abort { call } => {
                let Some(call) = pick(&host.calls, call) else { continue };
                let outputs = world.run(|r, now| r.handle_abort(now, call.into()));
                if !host.answered.contains(&call) {
                    host.aborted.insert(call);
                }
                outputs
            }
            Step::Detach { call } => {
                let Some(call) = pick(&host.calls, call) else { continue };
                world.run(|r, now| r.handle_detach(now, call.into()))
            }
            Step::Cancel { task, await_terminal } => {
                waiter += 1;
                host.waiters.insert(waiter);
                world.run(|r, now| r.handle_cancel(now, waiter.into(), TaskNumber::new(task), await_terminal))
            }
            Step::Observe { task, observers } => {
                world.run(|r, now| r.handle_observers(now, TaskNumber::new(task), observers))
            }
            Step::Page { request } => {
                let Some(request) = pick(&host.lists, request) else { continue };
                world.run(|r, now| {
                    r.handle_tool("optional", Support::Optional);
                    r.handle_page(now, request, None);
                })
            }
            Step::Trouble => world.run(Requestor::handle_trouble),
            Step::ToolsChanged => world.run(|r, _| r.handle_tools_changed()),
            Step::Pass { time } => {
                let asks = pass(&mut world, &mut host, time);
                let bound = (world.requestor.followed() + 8) * 4 * (usize::try_from(time / 100).expect("positive") + 2);
                assert!(asks <= bound, "{asks} requests in {time} ms");
                Vec::new()
            }
            Step::Timer => {
                // The timer asks for nothing that is due at once again.
                let before = world.now;
                let outputs = world.run(Requestor::handle_timer);
                assert!(world.requestor.next_deadline().is_none_or(|next| next > before), "a busy loop");
                outputs
            }
        };
        host.take(world.now, &outputs);
    }
    // Without another word from the peer everything comes to an end by itself, after a bounded number of requests.
    assert!(pass(&mut world, &mut host, 100_000_000) < 2000, "too many requests to a silent peer");
    let outputs = world.run(|r, _| r.handle_close(Ending::Connection));
    host.take(world.now, &outputs);
    assert_eq!(world.requestor.followed(), 0);
    assert_eq!(world.requestor.next_deadline(), None);
    for call in &host.calls {
        assert!(host.answered.contains(call) || host.aborted.contains(call), "call {call} has no answer");
    }
    assert_eq!(host.waiters, host.settled);
    assert_eq!(host.streams, Vec::<RequestNumber>::new(), "a stream is left open");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random orders of everything that can happen: answers lost, late, doubled, wrong (X-GET-03, X-NTF-01, X-LIM-11).
    #[test]
    fn each_call_has_one_answer_and_nothing_spins(steps in prop::collection::vec(step(), 1..120)) {
        play(steps);
    }
}
