//! Calls that become tasks, and calls that do not.

use mcp_tasks::receiver::{Augmentation, Outcome, Output, Policy, Promotion, Request, Support};
use mcp_tasks::task::Phase;
use mcp_tasks::wire::capability::Capabilities;
use serde_json::json;

use crate::harness::{Bench, G25, G26, START, World, policy};
use crate::model::Fault;

/// G25-CRE-02, G25-CRE-04, G25-CRE-06: the handle, with nothing but the task.
#[test]
fn a_call_of_2025_is_answered_with_its_task() {
    let mut bench = Bench::new(G25);
    let (call, id) = bench.start();
    let task = json!({
        "taskId": id, "status": "working", "createdAt": START, "lastUpdatedAt": START, "ttl": 3_600_000, "pollInterval": 500,
    });
    assert_eq!(bench.reply(call), json!({ "result": { "task": task } }));
}

/// G26-CRE-01, G26-CRE-07, G26-TTL-01: the handle is flat.
#[test]
fn a_call_of_2026_is_answered_with_its_task() {
    let mut bench = Bench::new(G26);
    let (call, id) = bench.start();
    let task = json!({
        "resultType": "task", "taskId": id, "status": "working", "createdAt": START, "lastUpdatedAt": START, "ttlMs": 3_600_000,
        "pollIntervalMs": 500,
    });
    assert_eq!(bench.reply(call), json!({ "result": task }));
}
