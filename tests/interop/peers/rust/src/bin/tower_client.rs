//! tower-mcp's client and its requests about tasks, against our server. Arguments: a URL, or a command line; the
//! generation is in `GENERATION`.

use std::time::Duration;

use interop_peers::{Told, check, expect};
use serde_json::{Value, from_value, json};
use tokio::time::sleep;
use tower_mcp::{
    ProtocolSupport,
    client::{ClientHandler, ClientTransport, HttpClientTransport, McpClient, StdioClientTransport},
    error::JsonRpcError,
    protocol::{ElicitRequestParams, ElicitResult, TaskObject, TaskStatus},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Person;

#[async_trait::async_trait]
impl ClientHandler for Person {
    async fn handle_elicit(&self, _: ElicitRequestParams) -> Result<ElicitResult, JsonRpcError> {
        let answer = json!({ "action": "accept", "content": { "ok": true } });
        from_value(answer).map_err(|error| JsonRpcError::internal_error(error.to_string()))
    }
}

async fn begin(client: &McpClient, name: &str, arguments: Value, ttl: Option<u64>) -> Result<TaskObject, Failure> {
    Ok(client.call_tool_as_task(name, arguments, ttl).await?.task)
}

fn text(task: &TaskObject) -> String {
    task.result.as_ref().map_or_else(|| format!("no result, {:?}", task.status), |result| result.all_text())
}

async fn checks(client: &McpClient, modern: bool) {
    let ttl = |ms| (!modern).then_some(ms);
    let teapot = || json!({ "scene": "teapot" });
    let end = async |name, arguments| -> Result<TaskObject, Failure> {
        let task = begin(client, name, arguments, ttl(60_000)).await?;
        Ok(client.task_wait(&task.task_id).await?)
    };
    check("create", async {
        let task = begin(client, "render", teapot(), ttl(60_000)).await?;
        expect(task.status == TaskStatus::Working, format!("{:?}", task.status))
    })
    .await;
    check("poll", async {
        let task = begin(client, "render", teapot(), ttl(60_000)).await?;
        let first = client.task_get(&task.task_id).await?.status;
        let last = client.task_wait(&task.task_id).await?.status;
        expect(first == TaskStatus::Working && last == TaskStatus::Completed, format!("{first:?} {last:?}"))
    })
    .await;
    check("result", async {
        let found = text(&end("render", teapot()).await?);
        expect(found == "teapot is rendered", found)
    })
    .await;
    check("ask", async {
        let found = text(&end("confirm", json!({})).await?);
        expect(found.contains("accept"), found)
    })
    .await;
    check("error", async {
        let task = end("fail", json!({})).await?;
        let found = format!("{:?} {:?} {}", task.status, task.status_message, text(&task));
        expect(found.contains("the tool failed"), found)
    })
    .await;
    check("cancel", async {
        let task = begin(client, "endless", json!({}), ttl(60_000)).await?;
        client.task_cancel(&task.task_id, None).await?;
        let status = client.task_wait(&task.task_id).await?.status;
        expect(status == TaskStatus::Cancelled, format!("{status:?}"))
    })
    .await;
    check("expiry", async {
        let task = begin(client, "brief", json!({}), ttl(500)).await?;
        client.task_wait(&task.task_id).await?;
        sleep(Duration::from_secs(2)).await;
        match client.task_get(&task.task_id).await {
            Err(error) => expect(error.to_string().to_lowercase().contains("not found"), error),
            Ok(task) => Err(format!("it is still there: {:?}", task.status).into()),
        }
    })
    .await;
    check("plain call", plain(client, teapot())).await;
}

async fn plain(client: &McpClient, arguments: Value) -> Told {
    let found = client.call_tool("render", arguments).await?.all_text();
    expect(found == "teapot is rendered", found)
}

async fn connected(transport: impl ClientTransport, version: &str) -> Result<McpClient, Failure> {
    let mut builder = McpClient::builder().protocol_support(ProtocolSupport::try_new([version])?).with_elicitation();
    if version == "2026-07-28" {
        builder = builder.with_protocol_extension(tower_mcp::async_task::tasks_extension());
    }
    let client = builder.connect(transport, Person).await?;
    if version == "2026-07-28" {
        client.discover("tower-mcp", "1.0.0").await?;
    } else {
        client.initialize("tower-mcp", "1.0.0").await?;
    }
    Ok(client)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let target: Vec<String> = std::env::args().skip(1).collect();
    let version = std::env::var("GENERATION")?;
    let client = if target[0].starts_with("http") {
        connected(HttpClientTransport::new(target[0].as_str()), &version).await?
    } else {
        let parameters: Vec<&str> = target[1..].iter().map(String::as_str).collect();
        connected(StdioClientTransport::spawn(&target[0], &parameters).await?, &version).await?
    };
    checks(&client, version == "2026-07-28").await;
    client.shutdown().await?;
    Ok(())
}
