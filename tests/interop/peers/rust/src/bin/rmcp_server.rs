//! A server on rmcp's tasks, for our client. Arguments: `stdio`, or `http` and a port.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, ServerHandler, ServiceExt,
    model::*,
    service::{RequestContext, RoleServer},
    task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, from_value, json};
use tokio::time::sleep;

const TOOLS: [&str; 5] = ["render", "confirm", "fail", "endless", "brief"];

#[derive(Clone, Default)]
struct Server {
    tasks: TaskManager,
}

fn text(value: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(value)])
}

async fn run(name: String, arguments: JsonObject, task: Option<TaskContext>) -> Result<CallToolResult, TaskExit> {
    match (name.as_str(), task) {
        ("render", _) => {
            sleep(Duration::from_millis(300)).await;
            let scene = arguments.get("scene").and_then(Value::as_str).unwrap_or_default();
            Ok(text(format!("{scene} is rendered")))
        }
        ("confirm", Some(task)) => {
            let schema = json!({ "type": "object", "properties": { "ok": { "type": "boolean" } }, "required": ["ok"] });
            let params = json!({ "mode": "form", "message": "Go on?", "requestedSchema": schema });
            let question = json!({ "method": "elicitation/create", "params": params });
            let answer = task.request_input("ok", from_value(question).expect("a question")).await?;
            Ok(text(answer.to_string()))
        }
        ("fail", _) => {
            sleep(Duration::from_millis(50)).await;
            Err(ErrorData::internal_error("the tool failed", None).into())
        }
        ("endless", Some(task)) => tokio::select! {
            () = task.cancelled() => Err(TaskExit::Cancelled),
            () = sleep(Duration::from_secs(60)) => Ok(text("it ended")),
        },
        ("brief", _) => Ok(text("brief")),
        _ => Err(ErrorData::invalid_params(format!("{name} runs as a task alone, or does not exist"), None).into()),
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tasks().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.map(|name| {
            let schema = json!({ "type": "object", "properties": { "scene": { "type": "string" } } });
            Tool::new(name, "a tool", Arc::new(from_value(schema).expect("a schema")))
        });
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.to_string();
        let arguments = request.arguments.unwrap_or_default();
        if !context.client_capabilities().is_some_and(|declared| declared.supports_tasks()) {
            return match run(name, arguments, None).await {
                Ok(result) => Ok(result.into()),
                Err(TaskExit::Error(error)) => Err(error),
                Err(TaskExit::Cancelled) => Err(ErrorData::internal_error("cancelled", None)),
            };
        }
        let mut options = TaskOptions::new().with_poll_interval_ms(50);
        if name == "brief" {
            options = options.with_ttl_ms(500);
        }
        let task = self.tasks.spawn(options, move |task| Box::pin(run(name, arguments, Some(task))));
        Ok(CallToolResponse::Task(CreateTaskResult::new(task)))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.tasks.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::default();
    let parameters: Vec<String> = std::env::args().skip(1).collect();
    if parameters[0] == "stdio" {
        server.serve(rmcp::transport::stdio()).await?.waiting().await?;
        return Ok(());
    }
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", parameters[1])).await?;
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}
