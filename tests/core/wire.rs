//! Every shape of both generations, member by member. That they fit the published schemas is tested elsewhere.

use mcp_longhaul::method::{Methods, Side, TABLE};
use mcp_longhaul::state::Members;
use mcp_longhaul::task::{Failure, Input, InputKind, Phase, Task};
use mcp_longhaul::wire::capability::{Capabilities, needed_by, write_g25};
use mcp_longhaul::wire::{Body, Error, Generation, LimitReason, Method, Name, Part, input_kind};
use serde_json::{Value, json};

use crate::harness::{G25, G26, START};
use crate::json::{assemble, response};
use crate::state::task;

const LATER: i64 = START + 7;

fn fill(part: Part, key: &str) -> Value {
    match part {
        Part::Result => json!("<result>"),
        Part::RelatedResult => json!("<result with its task>"),
        Part::Error => json!("<error>"),
        Part::Input => json!(format!("<input {key}>")),
        Part::Subscription => json!("<subscription>"),
        Part::Declaration => json!("<declaration>"),
    }
}

fn written(generation: Generation, body: &Body) -> Value {
    response(generation, body, &fill)
}

fn in_phase(phase: Phase, failure: Option<Failure>) -> Task {
    let input = |number: u32, answered| Input {
        key: format!("q-{number}"),
        name: "q".into(),
        kind: InputKind::Elicit,
        answered,
        in_result: false,
        unknown: Members::default(),
    };
    let inputs =
        if phase == Phase::InputRequired { vec![input(1, true), input(2, false), input(3, false)] } else { Vec::new() };
    Task { phase, failure, updated_at: LATER, inputs, ..task() }
}

fn state(generation: Generation, task: Task) -> Value {
    written(generation, &Body::State { id: "id".into(), task: task.into() })["result"].clone()
}

fn outcome(task: Task) -> Value {
    written(G25, &Body::Outcome { id: "id".into(), task: task.into() })
}

/// The task of 2025-11-25 with this status.
fn flat25(status: &str, message: Option<&str>) -> Value {
    let mut flat = json!({
        "taskId": "id", "status": status, "createdAt": START, "lastUpdatedAt": LATER,
        "ttl": 60_000, "pollInterval": 1000,
    });
    if let Some(message) = message {
        flat["statusMessage"] = json!(message);
    }
    flat
}

/// The same of 2026-07-28, with what its status carries.
fn flat26(status: &str, message: Option<&str>, more: Value) -> Value {
    let mut flat = json!({
        "resultType": "complete", "taskId": "id", "status": status, "createdAt": START, "lastUpdatedAt": LATER,
        "ttlMs": 60_000, "pollIntervalMs": 1000,
    });
    if let Some(message) = message {
        flat["statusMessage"] = json!(message);
    }
    for (name, value) in more.as_object().unwrap() {
        flat[name] = value.clone();
    }
    flat
}

/// G25-GET-01, G25-GET-05, G25-ERR-05, G25-GET-06: the state in each phase, and nothing beside it.
#[test]
fn states_of_2025() {
    for (phase, expected) in [
        (Phase::Working, flat25("working", None)),
        (Phase::InputRequired, flat25("input_required", None)),
        (Phase::Completed, flat25("completed", None)),
        (Phase::ToolFailed, flat25("failed", Some("The tool reported an error"))),
        (Phase::Failed, flat25("failed", Some("The request failed"))),
        (Phase::Cancelled, flat25("cancelled", None)),
    ] {
        assert_eq!(state(G25, in_phase(phase, None)), expected);
    }
}

/// G26-GET-01, G26-GET-02, G26-GET-03, G26-GET-04, G26-GET-05, G26-GET-06, G26-ERR-02, G26-RES-02, G26-RES-05,
/// G26-CRE-02, G26-REL-01: the state in each phase.
#[test]
fn states_of_2026() {
    let result = json!({ "result": { "resultType": "complete", "$": "<result>" } });
    for (phase, expected) in [
        (Phase::Working, flat26("working", None, json!({}))),
        (
            Phase::InputRequired,
            flat26("input_required", None, json!({ "inputRequests": { "q-2": "<input q-2>", "q-3": "<input q-3>" } })),
        ),
        (Phase::Completed, flat26("completed", None, result.clone())),
        (Phase::ToolFailed, flat26("completed", Some("The tool reported an error"), result)),
        (Phase::Failed, flat26("failed", Some("The request failed"), json!({ "error": "<error>" }))),
        (Phase::Cancelled, flat26("cancelled", None, json!({}))),
    ] {
        assert_eq!(state(G26, in_phase(phase, None)), expected);
    }
}

/// G26-GET-05, X-LIM-03, X-ERR-04: what the core itself ends has an error of its own, and says why.
#[test]
fn failures_of_2026() {
    for (failure, message, error) in [
        (
            Failure::Expired,
            "The time to live ended before the work",
            json!({ "message": "The task's time to live ended before its work", "data": { "reason": "expired" } }),
        ),
        (
            Failure::Lost,
            "The process that ran the task was lost",
            json!({ "message": "The process that ran the task was lost", "data": { "reason": "interrupted" } }),
        ),
        (
            Failure::TooLarge,
            "The outcome exceeds the limit",
            json!({ "message": "The data of this task exceeds the limit", "data": { "reason": "payload_limit" } }),
        ),
        (Failure::NotJson, "The outcome is not JSON", json!({ "message": "The outcome of the task is not JSON" })),
        (
            Failure::Unanswerable,
            "The tool asked for input that the client cannot give",
            json!({ "message": "The tool asked for input that the client cannot give" }),
        ),
    ] {
        let mut error = error;
        error["code"] = json!(-32603);
        // What the handler said last does not hide why the task failed.
        let task = Task { message: "half way".into(), ..in_phase(Phase::Failed, Some(failure)) };
        assert_eq!(state(G26, task.clone()), flat26("failed", Some(message), json!({ "error": error })));
        assert_eq!(state(G25, task), flat25("failed", Some(message)));
    }
}

/// G25-RES-02, G25-RES-03, G25-RES-04, G25-RES-05, G25-RES-08, G25-RES-09, H05, H80: how each end is answered.
#[test]
fn outcomes_of_2025() {
    let result = json!({ "result": { "$": "<result with its task>" } });
    assert_eq!(outcome(in_phase(Phase::Completed, None)), result);
    assert_eq!(outcome(in_phase(Phase::ToolFailed, None)), result);
    assert_eq!(outcome(in_phase(Phase::Failed, None)), json!({ "error": "<error>" }));
    let data = json!({ "taskId": "id", "status": "cancelled" });
    let cancelled = json!({ "code": -32603, "message": "The task was cancelled", "data": data });
    assert_eq!(outcome(in_phase(Phase::Cancelled, None)), json!({ "error": cancelled }));
    assert_eq!(
        outcome(in_phase(Phase::Failed, Some(Failure::Expired))),
        json!({ "error": { "code": -32602, "message": "Task expired" } })
    );
    for failure in [Failure::Lost, Failure::TooLarge, Failure::NotJson, Failure::Unanswerable] {
        assert_eq!(outcome(in_phase(Phase::Failed, Some(failure)))["error"]["code"], -32603);
    }
}

/// G25-CRE-04, G25-REL-05, G26-CRE-02, G26-CRE-04, G26-CRE-07: a handle has no details; in 2025-11-25 it says `working`
/// in whatever phase the task is.
#[test]
fn handles() {
    for phase in Phase::ALL {
        let created = |immediate| Body::Created { id: "id".into(), task: in_phase(phase, None).into(), immediate };
        let nested = written(G25, &created(None));
        assert_eq!(nested["result"].as_object().unwrap().len(), 1);
        assert_eq!(nested["result"]["task"]["status"], "working");
        let status =
            written(G26, &Body::State { id: "id".into(), task: in_phase(phase, None).into() })["result"]["status"]
                .clone();
        let mut flat = flat26(status.as_str().unwrap(), None, json!({}));
        flat["resultType"] = json!("task");
        let mut answer = written(G26, &created(Some("for the model".into())))["result"].clone();
        answer.as_object_mut().unwrap().remove("statusMessage");
        assert_eq!(answer, flat);
    }
}

/// G25-GET-02, G26-TTL-01: no end is `null`, and there.
#[test]
fn a_task_without_an_end() {
    let task = Task { ttl: None, ..task() };
    assert_eq!(state(G25, task.clone())["ttl"], Value::Null);
    assert!(state(G25, task.clone()).as_object().unwrap().contains_key("ttl"));
    assert_eq!(state(G26, task.clone())["ttlMs"], Value::Null);
    assert!(state(G26, task).as_object().unwrap().contains_key("ttlMs"));
}

/// G26-CAN-02, G26-UPD-02: an acknowledgement is empty.
#[test]
fn acknowledgements() {
    assert_eq!(written(G26, &Body::Ack), json!({ "result": { "resultType": "complete" } }));
}

/// G25-LST-01, G25-LST-06: a page holds tasks, and a cursor only where there is one.
#[test]
fn pages() {
    let page = |next| Body::Page {
        rows: [Phase::Working, Phase::Cancelled].map(|phase| ("id".into(), in_phase(phase, None).into())).into(),
        next,
    };
    let tasks = json!([flat25("working", None), flat25("cancelled", None)]);
    assert_eq!(written(G25, &page(None)), json!({ "result": { "tasks": tasks } }));
    assert_eq!(written(G25, &page(Some("next".into()))), json!({ "result": { "tasks": tasks, "nextCursor": "next" } }));
    assert_eq!(written(G25, &Body::Page { rows: Vec::new(), next: None }), json!({ "result": { "tasks": [] } }));
}

/// X-STO-03, X-GEN-04: one stored outcome, shown as each generation wants it, with none of the other's names.
#[test]
fn generations_do_not_mix() {
    for phase in Phase::ALL {
        for failure in
            [None, Some(Failure::Lost)].into_iter().filter(|failure| failure.is_none() || phase == Phase::Failed)
        {
            let (old, new) = (state(G25, in_phase(phase, failure)), state(G26, in_phase(phase, failure)));
            for name in ["ttlMs", "pollIntervalMs", "resultType", "result", "error", "inputRequests"] {
                assert!(old.get(name).is_none(), "{name}");
            }
            for name in ["ttl", "pollInterval", "task"] {
                assert!(new.get(name).is_none(), "{name}");
            }
        }
    }
    assert_eq!(state(G25, in_phase(Phase::ToolFailed, None))["status"], "failed");
    assert_eq!(state(G26, in_phase(Phase::ToolFailed, None))["status"], "completed");
}

/// X-ERR-01, X-ERR-04, G26-ERR-03: codes, and data without secrets.
#[test]
fn errors() {
    let error = |error: Error| written(G26, &Body::Error(error))["error"].clone();
    assert_eq!(
        error(Error::NotFound),
        json!({ "code": -32602, "message": "Task not found: it does not exist, has expired, or is not yours" })
    );
    assert_eq!(error(Error::MethodNotFound), json!({ "code": -32601, "message": "Method not found" }));
    for (reason, word) in
        [(LimitReason::Tasks, "task_limit"), (LimitReason::Rate, "rate_limit"), (LimitReason::Payload, "payload_limit")]
    {
        let limit = error(Error::Limit(reason));
        assert_eq!((limit["code"].as_i64(), &limit["data"]), (Some(-32603), &json!({ "reason": word })));
    }
    for made in [
        Error::NotFound,
        Error::Expired,
        Error::TooDeep,
        Error::MethodNotFound,
        Error::TaskForbidden,
        Error::TaskRequired,
        Error::MissingCapability(Capabilities::TASKS),
        Error::AlreadyTerminal,
        Error::Internal,
        Error::Storage,
        Error::NoOwner,
        Error::Cancelled,
    ] {
        assert!([-32601, -32602, -32603, -32021].contains(&made.code()), "{made:?}");
        assert!(!made.message().is_empty());
    }
}

/// G26-CAP-05, G26-INP-04, H50: a missing capability is named as the client would declare it.
#[test]
fn missing_capabilities() {
    let required = |capabilities| written(G26, &Body::Error(Error::MissingCapability(capabilities)))["error"].clone();
    assert_eq!(required(Capabilities::TASKS)["code"], -32021);
    for (kind, expected) in [
        (InputKind::Elicit, json!({ "elicitation": { "form": {} } })),
        (InputKind::ElicitUrl, json!({ "elicitation": { "url": {} } })),
        (InputKind::Sample, json!({ "sampling": {} })),
        (InputKind::SampleWithTools, json!({ "sampling": { "tools": {} } })),
        (InputKind::Roots, json!({ "roots": {} })),
    ] {
        assert_eq!(required(needed_by(kind))["data"]["requiredCapabilities"], expected);
    }
    let all = json!({
        "extensions": { "io.modelcontextprotocol/tasks": {} },
        "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {} }, "roots": {},
    });
    assert_eq!(required(Capabilities::from_bits(255))["data"]["requiredCapabilities"], all);
}

/// G25-CAP-02: what a server declares, each leaf an object.
#[test]
fn declared_capabilities() {
    let declared = |list| assemble(&fill, |writer| write_g25(Side::Server, Methods::OFFERED, list, writer));
    assert_eq!(declared(true), json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } }));
    assert_eq!(declared(false), json!({ "cancel": {}, "requests": { "tools": { "call": {} } } }));
}

/// G25-CAP-02: a side declares the methods whose calls it receives, and no others.
#[test]
fn each_side_declares_what_it_receives() {
    let all = TABLE.iter().fold(Methods::NONE, |all, row| all.with(row.method));
    let declared =
        |side, methods| assemble(&fill, |writer| write_g25(side, methods, false, writer))["requests"].clone();
    let server = json!({ "tools": { "call": {} }, "prompts": { "get": {} }, "resources": { "read": {} } });
    assert_eq!(declared(Side::Server, all), server);
    let client = json!({ "sampling": { "createMessage": {} }, "elicitation": { "create": {} } });
    assert_eq!(declared(Side::Client, all), client);
    assert_eq!(declared(Side::Client, Methods::OFFERED), json!({}));
}

/// G25-CAP-10, X-GEN-01: a generation is one exact version.
#[test]
fn versions() {
    assert_eq!(Generation::of_version("2025-11-25"), Some(G25));
    assert_eq!(Generation::of_version("2026-07-28"), Some(G26));
    for version in
        ["2025-06-18", "2025-03-26", "2024-11-05", "2025-11-26", "2026-06-30", "", " 2025-11-25", "2025-11-25 "]
    {
        assert_eq!(Generation::of_version(version), None, "{version:?}");
    }
    assert_eq!([24, 25, 26, 27].map(Generation::from_number), [None, Some(G25), Some(G26), None]);
}

/// G25-UPD-01, G26-RES-01, G26-LST-01, G26-ERR-04, H48: which methods a generation has.
#[test]
fn methods() {
    let of = |generation| {
        [
            "tasks/get",
            "tasks/result",
            "tasks/list",
            "tasks/cancel",
            "tasks/update",
            "tasks/delete",
            "tasks/",
            "__proto__",
        ]
        .map(|name| Method::named(generation, name))
    };
    assert_eq!(
        of(G25),
        [Some(Method::Get), Some(Method::Result), Some(Method::List), Some(Method::Cancel), None, None, None, None]
    );
    assert_eq!(of(G26), [Some(Method::Get), None, None, Some(Method::Cancel), Some(Method::Update), None, None, None]);
}

/// The methods that may be asked as input.
#[test]
fn input_methods() {
    assert_eq!(input_kind("elicitation/create", false, true), Some(InputKind::Elicit));
    assert_eq!(input_kind("elicitation/create", true, false), Some(InputKind::ElicitUrl));
    assert_eq!(input_kind("sampling/createMessage", false, false), Some(InputKind::Sample));
    assert_eq!(input_kind("sampling/createMessage", false, true), Some(InputKind::SampleWithTools));
    assert_eq!(input_kind("roots/list", false, false), Some(InputKind::Roots));
    for method in ["", "ping", "tools/call", "elicitation/create ", "__proto__"] {
        assert_eq!(input_kind(method, false, false), None);
    }
}

/// Names cross to the host as their place in a table that holds each once where it matters.
#[test]
fn names_are_numbered() {
    assert!(Name::ALL.len() < 256);
    assert_eq!(Name::ALL[Name::Task as usize], "task");
    assert_eq!(Name::ALL[Name::Internal as usize], Name::Internal.as_str());
}
