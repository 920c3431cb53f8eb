//! The transition table against the state machines of both generations, and what applies it.

use std::collections::BTreeSet;

use mcp_longhaul::lifecycle::{Command, CommandKind, NewInput, Refusal, Step, TABLE, apply, step};
use mcp_longhaul::state::Members;
use mcp_longhaul::task::{Failure, Input, InputKind, Phase, Task};
use proptest::prelude::*;

use crate::harness::START;
use crate::properties::cases;
use crate::state::task;

/// The edges that both generations allow: section 22 of the ledger. What is not here is forbidden.
const EDGES: &[(Phase, Phase)] = &[
    (Phase::Working, Phase::Working),
    (Phase::Working, Phase::InputRequired),
    (Phase::Working, Phase::Completed),
    (Phase::Working, Phase::ToolFailed),
    (Phase::Working, Phase::Failed),
    (Phase::Working, Phase::Cancelled),
    (Phase::InputRequired, Phase::Working),
    (Phase::InputRequired, Phase::InputRequired),
    (Phase::InputRequired, Phase::Completed),
    (Phase::InputRequired, Phase::ToolFailed),
    (Phase::InputRequired, Phase::Failed),
    (Phase::InputRequired, Phase::Cancelled),
];

fn command(kind: CommandKind, tool_failed: bool) -> Command<'static> {
    match kind {
        CommandKind::SetStatusMessage => Command::SetStatusMessage("half way"),
        CommandKind::RequestInput => Command::RequestInput {
            inputs: vec![NewInput { name: "name".into(), kind: InputKind::Elicit }].leak(),
            in_result: false,
        },
        CommandKind::Answer => Command::Answer { keys: vec!["open-1".into()].leak(), kept: false },
        CommandKind::Withdraw => Command::Withdraw("open-1"),
        CommandKind::Complete => Command::Complete { tool_failed },
        CommandKind::Fail => Command::Fail(None),
        CommandKind::Cancel => Command::Cancel,
        CommandKind::RequestCancel => Command::RequestCancel,
        CommandKind::Expire => Command::Expire,
        CommandKind::Extend => Command::Extend(1000),
        CommandKind::Renew => Command::Renew,
        CommandKind::Release => Command::Release,
        CommandKind::Restart => Command::Restart,
        CommandKind::Post => Command::Post { until: START, begins: true },
        CommandKind::Posted => Command::Posted,
    }
}

fn in_phase(phase: Phase, open: usize) -> Task {
    let inputs = (1..=open).map(|number| Input {
        key: format!("open-{number}"),
        name: "open".into(),
        kind: InputKind::Elicit,
        answered: false,
        in_result: false,
        unknown: Members::default(),
    });
    Task { phase, inputs: inputs.collect(), issued: open as u32, ..task() }
}

/// X-STO-01, G25-CAN-05: every command from every phase leads along an edge of the ledger's table, or is refused and
/// changes nothing; nothing leaves an end.
#[test]
fn every_edge_is_in_the_ledger() {
    let mut taken = BTreeSet::new();
    for (kind, steps) in TABLE {
        for (phase, expected) in Phase::ALL.into_iter().zip(steps) {
            assert_eq!(step(phase, kind), expected);
            for (tool_failed, open) in [(false, 1), (true, 2)] {
                let open = if phase == Phase::InputRequired { open } else { 0 };
                let before = in_phase(phase, open);
                match apply(&before, command(kind, tool_failed), START + 5) {
                    Ok(next) => {
                        assert!(EDGES.contains(&(phase, next.phase)), "{kind:?}: {phase:?} to {:?}", next.phase);
                        assert_eq!(next.phase == Phase::InputRequired, next.has_outstanding_input());
                        taken.insert((phase as u8, next.phase as u8));
                    }
                    Err(Refusal::Terminal) => assert!(phase.is_terminal()),
                    Err(Refusal::Idle) => assert!(!phase.is_terminal()),
                }
            }
        }
    }
    let all: BTreeSet<_> = EDGES.iter().map(|(from, to)| (*from as u8, *to as u8)).collect();
    assert_eq!(taken, all, "each edge of the ledger can be taken");
}

/// G25-CAN-05: an end refuses every command, but that somebody is told of it.
#[test]
fn an_end_refuses_everything() {
    for phase in Phase::ALL.into_iter().filter(|phase| phase.is_terminal()) {
        for (kind, _) in TABLE {
            let tells = matches!(kind, CommandKind::Post | CommandKind::Posted);
            assert_eq!(step(phase, kind), if tells { Step::Stay } else { Step::Refuse });
            let untold = Task { posts: 1, lease: None, ..in_phase(phase, 0) };
            if let Ok(next) = apply(&untold, command(kind, false), START + 5) {
                assert!(tells);
                assert_eq!(Task { posts: 1, post_at: None, ..next }, untold);
            }
            assert_eq!(apply(&in_phase(phase, 0), command(kind, false), START), Err(Refusal::Terminal));
        }
    }
}

/// G25-INP-04: the last answer ends `input_required`, the first does not; so does the last withdrawal.
#[test]
fn the_last_answer_ends_input_required() {
    for commands in [
        [
            Command::Answer { keys: vec!["open-1".into()].leak(), kept: true },
            Command::Answer { keys: vec!["open-2".into()].leak(), kept: true },
        ],
        [Command::Withdraw("open-1"), Command::Withdraw("open-2")],
        [Command::Answer { keys: vec!["open-1".into()].leak(), kept: false }, Command::Withdraw("open-2")],
    ] {
        let one = apply(&in_phase(Phase::InputRequired, 2), commands[0], START).unwrap();
        assert_eq!(one.phase, Phase::InputRequired);
        assert_eq!(apply(&one, commands[1], START).unwrap().phase, Phase::Working);
        assert_eq!(apply(&one, commands[0], START), Err(Refusal::Idle), "it is answered or withdrawn already");
    }
}

/// H18, G25-TTL-04: an end moves no deadline.
#[test]
fn ending_does_not_restart_the_clock() {
    let before = in_phase(Phase::Working, 0);
    let next = apply(&before, Command::Complete { tool_failed: false }, before.expires_at().unwrap() - 1).unwrap();
    assert_eq!(next.expires_at(), before.expires_at());
    assert_eq!(next.due_at(START, 0), before.expires_at());
}

/// H55, G26-INP-03: asking for the same again gets a key of its own, also after the first was answered.
#[test]
fn asking_again_gets_another_key() {
    let ask = command(CommandKind::RequestInput, false);
    let first = apply(&in_phase(Phase::Working, 0), ask, START).unwrap();
    assert_eq!(first.inputs[0].key, "name-1");
    let answered = apply(&first, Command::Answer { keys: &["name-1".into()], kept: false }, START).unwrap();
    let again = apply(&answered, ask, START).unwrap();
    assert_eq!(again.inputs.len(), 1);
    assert_eq!(again.inputs[0].key, "name-2");
}

fn any_command() -> impl Strategy<Value = Command<'static>> {
    let name = prop_oneof![Just("a"), Just("a-1"), Just("1"), Just("-"), Just("__proto__"), Just("")];
    let inputs =
        prop::collection::vec(name.prop_map(|name| NewInput { name: name.into(), kind: InputKind::Elicit }), 1..4);
    let key = prop_oneof![Just("a-1"), Just("a-1-2"), Just("1-1"), Just("--2"), Just("__proto__-3"), Just("-4")];
    let keys = prop::collection::vec(key.clone().prop_map(str::to_owned), 0..3);
    prop_oneof![
        "[a-c]{0,2}".prop_map(|message| Command::SetStatusMessage(message.leak())),
        (inputs, any::<bool>())
            .prop_map(|(inputs, in_result)| Command::RequestInput { inputs: inputs.leak(), in_result }),
        (keys, any::<bool>()).prop_map(|(keys, kept)| Command::Answer { keys: keys.leak(), kept }),
        key.prop_map(Command::Withdraw),
        any::<bool>().prop_map(|tool_failed| Command::Complete { tool_failed }),
        prop_oneof![Just(None), Just(Some(Failure::Lost))].prop_map(Command::Fail),
        Just(Command::Cancel),
        Just(Command::RequestCancel),
        Just(Command::Expire),
        (0u64..100_000).prop_map(Command::Extend),
        Just(Command::Renew),
        Just(Command::Release),
        Just(Command::Restart),
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// X-STO-01, X-STO-06, G26-INP-03, G26-TTL-06, H22: whatever is commanded, at whatever time: edges of the table
    /// only, `updated_at` never back, a key once, a deadline never closer, a terminal task for ever the same.
    #[test]
    fn any_life_keeps_the_rules(commands in prop::collection::vec((any_command(), -5_000i64..5_000), 0..40)) {
        let mut task = in_phase(Phase::Working, 0);
        let mut now = START;
        let mut keys = BTreeSet::new();
        for (command, by) in commands {
            now += by;
            let Ok(next) = apply(&task, command, now) else { continue };
            prop_assert!(EDGES.contains(&(task.phase, next.phase)));
            prop_assert!(next.updated_at >= task.updated_at && next.updated_at >= next.created_at);
            prop_assert!(next.expires_at() >= task.expires_at());
            prop_assert!(next.epoch >= task.epoch && next.epoch <= task.epoch + 1);
            prop_assert!(!next.awaits_answers() || next.lease.is_none(), "who awaits answers runs nowhere");
            if command == Command::Renew {
                // X-STO-07
                prop_assert_eq!(&next, &task);
            }
            prop_assert_eq!(next.phase == Phase::InputRequired, next.has_outstanding_input());
            for input in &next.inputs {
                if !task.inputs.iter().any(|old| old.key == input.key) {
                    prop_assert!(keys.insert(input.key.clone()), "{} again", input.key);
                }
            }
            if next.phase.is_terminal() {
                prop_assert!(next.inputs.is_empty() && next.lease.is_none());
            }
            task = next;
        }
    }
}
