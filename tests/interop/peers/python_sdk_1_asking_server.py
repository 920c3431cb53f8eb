"""The Python SDK 1's server asking its client for tasks, for our client. Arguments: `stdio`, or `http` and a port."""

import sys
from contextlib import asynccontextmanager

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server

server = Server("python-sdk-1-asking")
server.experimental.enable_tasks()

NOTHING = {"type": "object", "properties": {}}
FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
MESSAGES = [types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Hi"))]
# The name of a tool, and whether it is a task itself.
TOOLS = {"elicit": "forbidden", "sample": "forbidden", "cancel": "forbidden", "elicit_in_task": "required"}


@server.list_tools()
async def list_tools():
    return [types.Tool(name=name, inputSchema=NOTHING, execution=types.ToolExecution(taskSupport=support))
            for name, support in TOOLS.items()]


def text(value):
    return types.CallToolResult(content=[types.TextContent(type="text", text=value)])


async def cancel(session):
    params = types.CreateMessageRequestParams(messages=MESSAGES, maxTokens=1, task=types.TaskMetadata(ttl=60000))
    created = await session.send_request(types.ServerRequest(types.CreateMessageRequest(params=params)),
                                         types.CreateTaskResult)
    params = types.CancelTaskRequestParams(taskId=created.task.taskId)
    cancelled = await session.send_request(types.ServerRequest(types.CancelTaskRequest(params=params)),
                                           types.CancelTaskResult)
    listed = await session.send_request(types.ServerRequest(types.ListTasksRequest()), types.ListTasksResult)
    found = any(task.taskId == created.task.taskId for task in listed.tasks)
    return f"{cancelled.status}, {'listed' if found else 'not listed'}"


async def run(task):
    answer = await task.elicit_as_task(message="Go on?", requestedSchema=FORM)
    return text(f"{answer.action} {answer.content}")


@server.call_tool(validate_input=False)
async def call_tool(name, arguments):
    context = server.request_context
    if name == "elicit_in_task":
        context.experimental.validate_task_mode("required")
        return await context.experimental.run_task(run)
    features = context.session.experimental
    if name == "elicit":
        answer = await features.elicit_as_task(message="Go on?", requestedSchema=FORM)
        return text(f"{answer.action} {answer.content}")
    if name == "sample":
        answer = await features.create_message_as_task(MESSAGES, max_tokens=10)
        return text(answer.content.text)
    return text(await cancel(context.session))


async def main():
    if sys.argv[1] == "stdio":
        from mcp.server.stdio import stdio_server
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
        return
    import uvicorn
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.applications import Starlette
    from starlette.routing import Mount

    manager = StreamableHTTPSessionManager(app=server)

    @asynccontextmanager
    async def lifespan(app):
        async with manager.run():
            yield

    app = Starlette(routes=[Mount("/mcp", app=manager.handle_request)], lifespan=lifespan)
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
    await uvicorn.Server(config).serve()


anyio.run(main)
