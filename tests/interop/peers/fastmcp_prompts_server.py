"""A FastMCP 3 server whose prompts and resources run as tasks, for our client. Arguments: `stdio`, or `http` and a port."""

import asyncio
import sys

from fastmcp import FastMCP
from fastmcp.server.tasks.config import TaskConfig

mcp = FastMCP("fastmcp")


@mcp.prompt(task=True)
async def essay(subject: str) -> str:
    await asyncio.sleep(0.3)
    return f"an essay on {subject}"


@mcp.prompt(task=True)
async def broken() -> str:
    await asyncio.sleep(0.05)
    raise ValueError("the prompt failed")


@mcp.prompt(task=True)
async def long() -> str:
    await asyncio.sleep(60)
    return "it ended"


@mcp.prompt(task=TaskConfig(mode="required"))
async def only() -> str:
    return "only as a task"


@mcp.prompt
async def quick() -> str:
    return "no task"


@mcp.resource("data://report", task=True)
async def report() -> str:
    await asyncio.sleep(0.3)
    return "the report"


@mcp.resource("data://{name}", task=True)
async def data(name: str) -> str:
    await asyncio.sleep(0.3)
    return f"the data of {name}"


if sys.argv[1] == "stdio":
    mcp.run(show_banner=False)
else:
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[2]), show_banner=False, log_level="error")
