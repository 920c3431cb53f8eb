//! The transition table of a task, and what applies it. The table is data: tests enumerate it.

use strum::EnumDiscriminants;

use crate::state::Members;
use crate::task::{Failure, Input, InputKind, LONGEST_TTL, Millis, POST_LEASE, Phase, Task};

/// What may happen to a task. [`CommandKind`], a row of the table, is the same without what it brings along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumDiscriminants)]
#[strum_discriminants(name(CommandKind))]
pub enum Command<'a> {
    /// The handler sets the status message.
    SetStatusMessage(&'a str),
    /// The handler asks for input. `in_result`: it has ended, and the last answer starts it again.
    RequestInput { inputs: &'a [NewInput], in_result: bool },
    /// Answers arrived for these keys. `kept`: they wait in the store; otherwise the handler has them.
    Answer { keys: &'a [String], kept: bool },
    /// The handler no longer waits for this key.
    Withdraw(&'a str),
    /// The work ended with a result.
    Complete { tool_failed: bool },
    /// The work ended with a JSON-RPC error, or the core ended it.
    Fail(Option<Failure>),
    /// The requestor cancels.
    Cancel,
    /// The requestor cancels, and the handler decides.
    RequestCancel,
    /// The time to live ended.
    Expire,
    /// The time to live grows by this many ms.
    Extend(u64),
    /// Its runner still runs it. Requestors do not see that (X-STO-07).
    Renew,
    /// Its runner lets go of it.
    Release,
    /// Another one tells of its end from `until` on, if it has not been told by then.
    Post { until: Millis, begins: bool },
    /// Its end has been told, or is given up.
    Posted,
    /// Its runner is lost, and another one runs it from the beginning of its last round.
    Restart,
}

/// An input request as the handler asks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewInput {
    pub name: String,
    pub kind: InputKind,
}

/// Where a command leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// To this phase.
    To(Phase),
    /// Nowhere: only other fields change.
    Stay,
    /// To `InputRequired` while input is outstanding, else to `Working`.
    ByInput,
    /// The command is refused.
    Refuse,
}

use Step::{ByInput, Refuse, Stay, To};

/// For each command, the step from each phase in the order of [`Phase::ALL`]: working, input required, then the four
/// terminal ones, which nothing leaves (G25-CAN-05, X-STO-01); only who was told of them changes.
pub const TABLE: [(CommandKind, [Step; 6]); 15] = [
    (CommandKind::SetStatusMessage, [Stay, Stay, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::RequestInput, [To(Phase::InputRequired), To(Phase::InputRequired), Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Answer, [Refuse, ByInput, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Withdraw, [Refuse, ByInput, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Complete, [To(Phase::Completed), To(Phase::Completed), Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Fail, [To(Phase::Failed), To(Phase::Failed), Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Cancel, [To(Phase::Cancelled), To(Phase::Cancelled), Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::RequestCancel, [Stay, Stay, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Expire, [To(Phase::Failed), To(Phase::Failed), Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Extend, [Stay, Stay, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Renew, [Stay, Stay, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Release, [Stay, Stay, Refuse, Refuse, Refuse, Refuse]),
    (CommandKind::Post, [Refuse, Refuse, Stay, Stay, Stay, Stay]),
    (CommandKind::Posted, [Refuse, Refuse, Stay, Stay, Stay, Stay]),
    (CommandKind::Restart, [To(Phase::Working), To(Phase::Working), Refuse, Refuse, Refuse, Refuse]),
];

/// Why a command changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The task has ended.
    Terminal,
    /// There is nothing to change: no such input is outstanding, or the change is already made.
    Idle,
}

/// The step of `kind` from `phase`.
pub fn step(phase: Phase, kind: CommandKind) -> Step {
    TABLE
        .iter()
        .find(|(row, _)| *row == kind)
        .and_then(|(_, steps)| Phase::ALL.iter().zip(steps).find(|(column, _)| **column == phase))
        .map_or(Refuse, |(_, step)| *step)
}

/// The task after `command`, or why nothing changes.
pub fn apply(task: &Task, command: Command, now: Millis) -> Result<Task, Refusal> {
    let step = step(task.phase, command.into());
    if step == Refuse {
        return Err(if task.phase.is_terminal() { Refusal::Terminal } else { Refusal::Idle });
    }
    let mut next = task.clone();
    let mut changes = true;
    match command {
        Command::SetStatusMessage(message) => {
            next.set_message(message);
            changes = next.message != task.message;
        }
        Command::RequestInput { inputs, in_result } => request_input(&mut next, inputs, in_result),
        Command::Answer { keys, kept } => {
            changes = answer(&mut next, keys, kept);
            if task.awaits_answers() && !next.awaits_answers() {
                next.epoch = next.epoch.saturating_add(1);
            }
        }
        Command::Withdraw(key) => changes = next.take_input(|input| input.key == key).is_some(),
        Command::Complete { tool_failed: true } => next.phase = Phase::ToolFailed,
        Command::Fail(failure) => next.failure = failure,
        Command::Expire => next.failure = Some(Failure::Expired),
        Command::RequestCancel => {
            changes = !task.cancel_requested;
            next.cancel_requested = true;
        }
        Command::Release => next.lease = None,
        Command::Post { until, begins } => {
            // Who begins to tell goes on with the attempt that comes next; who failed leaves the one after it.
            changes = task.is_to_be_told();
            next.post_at = Some(until);
            next.posts = next.posts.saturating_add(u32::from(!begins));
        }
        Command::Posted => {
            changes = task.is_to_be_told();
            (next.posts, next.post_at) = (0, None);
        }
        Command::Restart => {
            changes = !task.awaits_answers();
            // What the lost handler asked has lost its asker; the answers with which it began are kept.
            next.inputs.retain(|input| input.in_result);
            next.message.clear();
            next.epoch = next.epoch.saturating_add(1);
            // What was handed over is no loss.
            if task.lease.is_some() {
                next.restarts = next.restarts.saturating_sub(1);
            }
        }
        Command::Extend(by) => next.ttl = next.ttl.map(|ttl| ttl.saturating_add(by).min(LONGEST_TTL)),
        Command::Complete { tool_failed: false } | Command::Cancel | Command::Renew => {}
    }
    if !changes {
        return Err(if task.phase.is_terminal() { Refusal::Terminal } else { Refusal::Idle });
    }
    match step {
        To(Phase::Completed) if next.phase == Phase::ToolFailed => {}
        To(phase) => next.phase = phase,
        ByInput => next.phase = if next.has_outstanding_input() { Phase::InputRequired } else { Phase::Working },
        Stay | Refuse => {}
    }
    if next.phase.is_terminal() {
        next.inputs.clear();
    }
    if next.phase.is_terminal() || next.awaits_answers() {
        next.lease = None;
    }
    if matches!(command, Command::Renew | Command::Release | Command::Post { .. } | Command::Posted) {
        return Ok(next);
    }
    // Readers see a task as expired from the end of its time on, so that is when it expired (X-TTL-01).
    let at = match command {
        Command::Expire if !task.extends => task.expires_at().map_or(now, |at| at.min(now)),
        _ => now,
    };
    next.updated_at = task.updated_at.max(at);
    if next.is_to_be_told() {
        next.post_at = Some(now.saturating_add(POST_LEASE));
    }
    next.waits_since = (next.phase == Phase::InputRequired).then(|| task.waits_since.unwrap_or(next.updated_at));
    Ok(next)
}

/// Adds input requests under keys that were never used before and never will be (G26-INP-03).
fn request_input(task: &mut Task, inputs: &[NewInput], in_result: bool) {
    if in_result {
        // The handler has ended: it has used the answers of the last round, and waits for nothing it asked in between.
        task.inputs.clear();
    }
    for input in inputs {
        task.issued = task.issued.saturating_add(1);
        let (key, name) = (format!("{}-{}", input.name, task.issued), input.name.clone());
        task.inputs.push(Input {
            key,
            name,
            kind: input.kind,
            answered: false,
            in_result,
            unknown: Members::default(),
        });
    }
}

/// Marks or removes the outstanding inputs among `keys`; whether there were any (G26-UPD-05, G26-UPD-07).
fn answer(task: &mut Task, keys: &[String], kept: bool) -> bool {
    let mut any = false;
    for key in keys {
        let Some(input) = task.inputs.iter_mut().find(|input| !input.answered && input.key == *key) else { continue };
        input.answered = true;
        any = true;
        if !kept {
            task.take_input(|input| input.key == *key);
        }
    }
    any
}
