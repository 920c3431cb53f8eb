//! rmcp's client and its requests about tasks, against our server. Arguments: a URL, or a command line.

use std::{collections::BTreeMap, time::Duration};

use interop_peers::{Told, check, expect};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt,
    model::*,
    service::{RoleClient, RunningService},
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use serde_json::{Map, Value, json};
use tokio::{process::Command, time::sleep};

type Client = RunningService<RoleClient, ClientConfig>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn config() -> ClientConfig {
    let capabilities = ClientCapabilities::builder().enable_elicitation().enable_tasks().build();
    ClientConfig::new(capabilities, Implementation::from_build_env())
}

async fn begin(client: &Client, name: &'static str, arguments: Value) -> Result<Task, Failure> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let call = CallToolRequestParams::new(name).with_arguments(arguments);
    match client.call_tool_once(call).await? {
        CallToolResponse::Task(created) => Ok(created.task),
        other => Err(format!("no task: {other:?}").into()),
    }
}

async fn read(client: &Client, id: &str) -> Result<TaskPayload, Failure> {
    Ok(client.peer().get_task(GetTaskParams::new(id.to_string())).await?.task.payload)
}

/// Polls until the task has ended; its questions are answered on the way.
async fn end(client: &Client, id: &str) -> Result<(TaskPayload, Vec<&'static str>), Failure> {
    let mut seen = Vec::new();
    loop {
        let payload = read(client, id).await?;
        match &payload {
            TaskPayload::Working => seen.push("working"),
            TaskPayload::InputRequired { input_requests } => {
                seen.push("input_required");
                let answer = json!({ "action": "accept", "content": { "ok": true } });
                let answers: BTreeMap<String, Value> =
                    input_requests.keys().map(|key| (key.clone(), answer.clone())).collect();
                client.peer().update_task(UpdateTaskParams::new(id.to_string(), answers)).await?;
            }
            _ => return Ok((payload, seen)),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn text(result: &Map<String, Value>) -> String {
    result["content"][0]["text"].as_str().unwrap_or_default().to_string()
}

async fn result(client: &Client, name: &'static str, arguments: Value) -> Told {
    let task = begin(client, name, arguments).await?;
    match end(client, &task.task_id).await?.0 {
        TaskPayload::Completed { result } => Ok(text(&result)),
        other => Err(format!("{other:?}").into()),
    }
}

async fn checks(client: &Client) {
    let teapot = || json!({ "scene": "teapot" });
    check("create", async { Ok(format!("{:?}", begin(client, "render", teapot()).await?.status)) }).await;
    check("poll", async {
        let task = begin(client, "render", teapot()).await?;
        let (payload, seen) = end(client, &task.task_id).await?;
        expect(matches!(payload, TaskPayload::Completed { .. }) && seen.contains(&"working"), seen.join(" "))
    })
    .await;
    check("result", async {
        let found = result(client, "render", teapot()).await?;
        expect(found == "teapot is rendered", found)
    })
    .await;
    check("ask", async {
        let found = result(client, "confirm", json!({})).await?;
        expect(found.contains("accept"), found)
    })
    .await;
    check("error", async {
        let task = begin(client, "fail", json!({})).await?;
        let found = format!("{:?}", end(client, &task.task_id).await?.0);
        expect(found.contains("the tool failed"), found)
    })
    .await;
    check("cancel", async {
        let task = begin(client, "endless", json!({})).await?;
        client.peer().cancel_task(CancelTaskParams::new(task.task_id.clone())).await?;
        let (payload, _) = end(client, &task.task_id).await?;
        expect(matches!(payload, TaskPayload::Cancelled), format!("{:?}", payload.status()))
    })
    .await;
    check("expiry", async {
        let task = begin(client, "brief", json!({})).await?;
        end(client, &task.task_id).await?;
        sleep(Duration::from_secs(2)).await;
        match read(client, &task.task_id).await {
            Err(error) => expect(error.to_string().to_lowercase().contains("not found"), error),
            Ok(payload) => Err(format!("it is still there: {:?}", payload.status()).into()),
        }
    })
    .await;
    check("plain call", async {
        let arguments = teapot().as_object().cloned().unwrap_or_default();
        let found = client.call_tool(CallToolRequestParams::new("render").with_arguments(arguments)).await?;
        let found = found.content[0].as_text().map(|block| block.text.clone()).unwrap_or_default();
        expect(found == "teapot is rendered", found)
    })
    .await;
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let target: Vec<String> = std::env::args().skip(1).collect();
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let client = if target[0].starts_with("http") {
        let transport = StreamableHttpClientTransport::from_uri(target[0].as_str());
        config().serve_with_lifecycle(transport, lifecycle).await?
    } else {
        let mut command = Command::new(&target[0]);
        command.args(&target[1..]);
        config().serve_with_lifecycle(TokioChildProcess::new(command)?, lifecycle).await?
    };
    checks(&client).await;
    client.cancel().await?;
    Ok(())
}
