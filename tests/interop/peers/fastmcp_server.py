"""A FastMCP server with background tasks, in memory or on Redis, for our client. Arguments: `stdio`, or `http` and a port."""

import asyncio
import os
import sys
from datetime import timedelta

import fastmcp
from docket import Docket
from fastmcp import Context, FastMCP

# FastMCP has no setting for it: Docket keeps an ended task for 15 minutes, whatever time a client asks for.
begin = Docket.__init__
Docket.__init__ = lambda self, *args, **kwargs: begin(self, *args, **{"execution_ttl": timedelta(seconds=2), **kwargs})

MODERN = fastmcp.__version__.startswith("4.")
mcp = FastMCP("fastmcp")
if MODERN:
    from fastmcp_tasks import TasksExtension
    mcp.add_extension(TasksExtension(url=os.environ.get("FASTMCP_DOCKET_URL", "memory://")))


@mcp.tool(task=True)
async def render(scene: str) -> str:
    await asyncio.sleep(0.3)
    return f"{scene} is rendered"


if MODERN:
    from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

    # FastMCP 4 asks from a task by returning what is required; the tool runs again with the answers.
    @mcp.tool(task=True)
    async def confirm(ctx: Context):
        if ctx.input_responses is None:
            schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
            params = ElicitRequestFormParams(message="Go on?", requested_schema=schema)
            return InputRequiredResult(input_requests={"ok": ElicitRequest(params=params)})
        answer = ctx.input_responses["ok"]
        return f"{answer.action} {answer.content}"
else:

    @mcp.tool(task=True)
    async def confirm(ctx: Context) -> str:
        answer = await ctx.elicit("Go on?", bool)
        return f"{answer.action} {getattr(answer, 'data', None)}"


@mcp.tool(task=True)
async def fail() -> str:
    await asyncio.sleep(0.05)
    raise ValueError("the tool failed")


@mcp.tool(task=True)
async def brief() -> str:
    return "brief"


@mcp.tool(task=True)
async def endless() -> str:
    await asyncio.sleep(60)
    return "it ended"


if sys.argv[1] == "stdio":
    mcp.run(show_banner=False)
else:
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[2]), show_banner=False, log_level="error")
