//! What an operator does, for JavaScript: no state is kept here between two calls.

use mcp_longhaul::operator;
use mcp_longhaul::task::{Millis, Task};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Takes what was read or is to be written; `OperatorHost` in `admin.ts`.
    pub type OperatorHost;

    /// Times are in ms since the epoch; NaN for no end. `failure` and `holder` are empty for none.
    #[wasm_bindgen(method)]
    fn task(
        this: &OperatorHost,
        status: &str,
        failure: &str,
        method: u8,
        tool: &str,
        message: &str,
        updated_at: f64,
        expires_at: f64,
        holder: &str,
        inputs: u32,
    );
    /// `due_at`: NaN for never.
    #[wasm_bindgen(method)]
    fn put(this: &OperatorHost, state: &str, due_at: f64);
}

fn or_nan(at: Option<Millis>) -> f64 {
    at.map_or(f64::NAN, |at| at as f64)
}

/// Whether the records of this owner are tasks.
#[wasm_bindgen(js_name = "operatorHasTasks")]
pub fn has_tasks(owner: &str) -> bool {
    operator::has_tasks(owner)
}

/// Tells what a task's record says; false where it cannot be read.
#[wasm_bindgen(js_name = "operatorReads")]
pub fn reads(host: &OperatorHost, state: &str) -> bool {
    let Ok(task) = Task::from_state(state) else { return false };
    host.task(
        task.phase.into(),
        task.failure.map_or("", Into::into),
        task.method as u8,
        &task.tool,
        task.shown_message().unwrap_or_default(),
        task.updated_at as f64,
        or_nan(task.expires_at()),
        task.lease.as_ref().map_or("", |lease| &lease.holder),
        task.inputs.iter().filter(|input| !input.answered).count() as u32,
    );
    true
}

/// Hands over the record of the task that is cancelled; false where it has ended or cannot be read. `write_id`: random,
/// whole, below 2^48.
#[wasm_bindgen(js_name = "operatorCancels")]
pub fn cancels(host: &OperatorHost, state: &str, now: f64, skew: f64, write_id: f64) -> bool {
    let Ok(task) = Task::from_state(state) else { return false };
    let Some(ended) = operator::cancel(&task, now as Millis, skew as Millis, write_id as u64) else { return false };
    host.put(&ended.state, or_nan(ended.due_at));
    true
}

/// Whether a task has ended, and nobody is still to be told of it.
#[wasm_bindgen(js_name = "operatorDeletes")]
pub fn deletes(state: &str) -> bool {
    Task::from_state(state).is_ok_and(|task| operator::may_be_deleted(&task))
}
