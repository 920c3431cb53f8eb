//! A server on tower-mcp's tasks, for our client. Arguments: `stdio`, or `http` and a port.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{from_value, json};
use tokio::time::sleep;
use tower_mcp::{
    CallToolResult, HttpTransport, McpRouter, StdioTransport, TaskContext, TaskOutcome, TaskSupportMode, Tool,
    ToolBuilder,
    async_task::{MemoryTaskStore, MemoryTaskStoreConfig},
    error::JsonRpcError,
    extract::Json,
};

#[derive(Deserialize, JsonSchema)]
struct Scene {
    scene: String,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

fn tools() -> Vec<Tool> {
    let optional = |name: &str| ToolBuilder::new(name).task_support(TaskSupportMode::Optional);
    vec![
        optional("render")
            .extractor_handler((), |Json(Scene { scene }): Json<Scene>| async move {
                sleep(Duration::from_millis(300)).await;
                Ok(CallToolResult::text(format!("{scene} is rendered")))
            })
            .build(),
        ToolBuilder::new("confirm")
            .live_task_handler(|task: TaskContext, _: Nothing| async move {
                let schema =
                    json!({ "type": "object", "properties": { "ok": { "type": "boolean" } }, "required": ["ok"] });
                let params = json!({ "mode": "form", "message": "Go on?", "requestedSchema": schema });
                let questions = json!({ "ok": { "method": "elicitation/create", "params": params } });
                let answers = task.require_input(from_value(questions).expect("questions")).await?;
                Ok(TaskOutcome::Completed(CallToolResult::text(json!(answers).to_string())))
            })
            .build(),
        ToolBuilder::new("fail")
            .live_task_handler(|_: TaskContext, _: Nothing| async move {
                sleep(Duration::from_millis(50)).await;
                Ok(TaskOutcome::Failed(JsonRpcError::internal_error("the tool failed")))
            })
            .build(),
        ToolBuilder::new("endless")
            .live_task_handler(|task: TaskContext, _: Nothing| async move {
                tokio::select! {
                    () = task.cancelled() => Ok(TaskOutcome::Cancelled { message: None }),
                    () = sleep(Duration::from_secs(60)) => Ok(TaskOutcome::Completed(CallToolResult::text("it ended"))),
                }
            })
            .build(),
        optional("brief").no_params_handler(|| async { Ok(CallToolResult::text("brief")) }).build(),
    ]
}

#[tokio::main]
async fn main() -> Result<(), tower_mcp::BoxError> {
    // Only the server knows the time to live in 2026-07-28.
    let kept = MemoryTaskStoreConfig::new().default_ttl(Duration::from_secs(4));
    let router = tools().into_iter().fold(
        McpRouter::new()
            .server_info("tower-mcp", "1.0.0")
            .task_store(Arc::new(MemoryTaskStore::with_config(kept)))
            .with_tasks(),
        McpRouter::tool,
    );
    let parameters: Vec<String> = std::env::args().skip(1).collect();
    if parameters[0] == "stdio" {
        StdioTransport::new(router).run().await?;
        return Ok(());
    }
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", parameters[1])).await?;
    axum::serve(listener, HttpTransport::new(router).into_router_at("/mcp")).await?;
    Ok(())
}
