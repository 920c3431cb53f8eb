"""The Python SDK 1's client and its experimental tasks, against our server. Argument: an URL, or a command line."""

import asyncio
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError

from report import check, expect


@asynccontextmanager
async def streams(target):
    if target[0].startswith("http"):
        async with streamablehttp_client(target[0]) as (read, write, _):
            yield read, write
    else:
        async with stdio_client(StdioServerParameters(command=target[0], args=target[1:])) as (read, write):
            yield read, write


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"ok": True})


async def main(target):
    async with streams(target) as (read, write), ClientSession(read, write, elicitation_callback=elicit) as session:
        await session.initialize()
        tasks = session.experimental

        async def result_of(task_id):
            return await tasks.get_task_result(task_id, types.CallToolResult)

        async def create():
            created = await tasks.call_tool_as_task("render", {"scene": "teapot"})
            expect(created.task.status == "working", created)
            return created.task.status

        async def poll():
            created = await tasks.call_tool_as_task("render", {"scene": "teapot"})
            seen = [status.status async for status in tasks.poll_task(created.task.taskId)]
            expect(seen[-1] == "completed", seen)
            return " ".join(seen)

        async def result():
            created = await tasks.call_tool_as_task("render", {"scene": "teapot"})
            found = await result_of(created.task.taskId)
            expect(found.content[0].text == "teapot is rendered", found)
            return found.content[0].text

        async def ask():
            created = await tasks.call_tool_as_task("confirm", {})
            found = await result_of(created.task.taskId)
            expect("accept" in found.content[0].text, found)
            return found.content[0].text

        async def error():
            created = await tasks.call_tool_as_task("fail", {})
            found = await result_of(created.task.taskId)
            expect(found.isError is True, found)
            status = await tasks.get_task(created.task.taskId)
            expect(status.status == "failed", status)
            return status.status

        async def cancel():
            created = await tasks.call_tool_as_task("endless", {})
            cancelled = await tasks.cancel_task(created.task.taskId)
            expect(cancelled.status == "cancelled", cancelled)
            return cancelled.status

        async def expiry():
            created = await tasks.call_tool_as_task("brief", {}, ttl=500)
            await asyncio.sleep(2)
            try:
                await tasks.get_task(created.task.taskId)
            except McpError as refused:
                return refused.error.message
            raise AssertionError("it is still there")

        async def listing():
            try:
                page = await tasks.list_tasks()
                expect(isinstance(page.tasks, list), page)
                return f"{len(page.tasks)} tasks"
            except McpError as refused:
                # Without sessions and without a principal the server does not offer the list.
                expect(refused.error.code == types.METHOD_NOT_FOUND, refused.error)
                return "not offered"

        async def plain():
            found = await session.call_tool("render", {"scene": "teapot"})
            expect(found.content[0].text == "teapot is rendered", found)
            return found.content[0].text

        for name, story in [("create", create), ("poll", poll), ("result", result), ("ask", ask), ("error", error),
                            ("cancel", cancel), ("expiry", expiry), ("list", listing), ("plain call", plain)]:
            await check(name, story)


asyncio.run(main(sys.argv[1:]))
