"""The Python SDK 1's low-level server with its experimental tasks, for our client. Arguments: `stdio`, or `http` and a port."""

import sys
from contextlib import asynccontextmanager

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server

server = Server("python-sdk-1")
server.experimental.enable_tasks()

NOTHING = {"type": "object", "properties": {}}


@server.list_tools()
async def list_tools():
    execution = types.ToolExecution(taskSupport="required")
    scene = {"type": "object", "properties": {"scene": {"type": "string"}}}
    return [types.Tool(name=name, inputSchema=scene if name == "render" else NOTHING, execution=execution)
            for name in ("render", "confirm", "fail", "endless", "brief")]


def text(value, is_error=False):
    return types.CallToolResult(content=[types.TextContent(type="text", text=value)], isError=is_error)


async def run(name, arguments, task):
    if name == "render":
        await task.update_status("rendering")
        await anyio.sleep(0.3)
        return text(f"{arguments['scene']} is rendered")
    if name == "confirm":
        schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
        answer = await task.elicit(message="Go on?", requestedSchema=schema)
        return text(f"{answer.action} {answer.content}")
    if name == "fail":
        await anyio.sleep(0.05)
        raise ValueError("the tool failed")
    if name == "brief":
        return text("brief")
    await anyio.sleep(60)
    return text("it ended")


@server.call_tool(validate_input=False)
async def call_tool(name, arguments):
    context = server.request_context
    context.experimental.validate_task_mode("required")
    return await context.experimental.run_task(lambda task: run(name, arguments, task))


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
