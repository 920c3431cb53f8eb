//! What happened to a task, for audit and telemetry (X-SEC-09).

use std::rc::Rc;

use serde::Serialize;
use strum::FromRepr;

use super::types::RequestId;
use crate::task::{Millis, Phase, Task};

/// What happened to a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr, Serialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    Created,
    /// A handler begins to run as the task, or its call has become one.
    Started,
    /// The handler's run is over for the task: one for each `Started`, but where the process was lost.
    Stopped,
    /// The handler set the status message.
    Status,
    InputRequired,
    InputAnswered,
    /// The handler gave an input request up.
    InputWithdrawn,
    /// The requestor wishes a cooperative task to be cancelled.
    CancelRequested,
    /// It got more time to live.
    Extended,
    Completed,
    Failed,
    Cancelled,
    Expired,
    /// It failed because the process that ran it was lost.
    Lost,
    /// It begins anew, after the process that ran it was lost.
    Restarted,
    /// Its outcome was read.
    Retrieved,
    /// Its handler ended after it.
    LateOutcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub happening: Happening,
    pub owner: Rc<str>,
    pub id: String,
    /// As the record knows it; `None` where the task is no longer there.
    pub task: Option<Rc<Task>>,
    pub at: Millis,
    /// Since when the task waited for input, where that ends with this event.
    pub waited_since: Option<Millis>,
    /// The call that runs the task here.
    pub run: Option<RequestId>,
}

/// The host's `TaskEvent`, but with the whole id; what is not known is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    r#type: Happening,
    task_id: &'a str,
    owner: &'a str,
    at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_since: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<u32>,
    #[serde(flatten)]
    task: Option<ToldTask<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldTask<'a> {
    method: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    traceparent: &'a str,
    created_at: Millis,
    epoch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
}

impl Event {
    /// As the host's listeners get it, but with the whole id.
    pub fn to_json(&self) -> String {
        let told = Told {
            r#type: self.happening,
            task_id: &self.id,
            owner: &self.owner,
            at: self.at,
            waited_since: self.waited_since,
            run: self.run.map(RequestId::get).filter(|&run| run != 0),
            task: self.task.as_deref().map(|task| ToldTask {
                method: task.method.row().name,
                name: &task.tool,
                status: status(task.phase),
                traceparent: &task.trace,
                created_at: task.created_at,
                epoch: task.epoch,
                is_error: (task.phase == Phase::ToolFailed).then_some(true),
            }),
        };
        // Nothing in it can fail to be written.
        serde_json::to_string(&told).unwrap_or_default()
    }
}

/// The status in which a task is, as both generations call it.
const fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Working => "working",
        Phase::InputRequired => "input_required",
        Phase::Completed | Phase::ToolFailed => "completed",
        Phase::Failed => "failed",
        Phase::Cancelled => "cancelled",
    }
}
