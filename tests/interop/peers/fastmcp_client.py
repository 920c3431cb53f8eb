"""FastMCP's client (3 with tasks of 2025-11-25, 4 with those of 2026-07-28), against our server. Argument: an URL, or a command line."""

import asyncio
import sys

import fastmcp
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError

from report import check, expect

MODERN = fastmcp.__version__.startswith("4.")
if MODERN:
    # Imported before the first client: the import is what gives clients their tasks.
    from fastmcp_tasks import call_tool_task


async def elicit(message, response_type, params, context):
    return {"ok": True}


def text_of(result):
    return result.content[0].text


async def main(target):
    transport = target[0] if target[0].startswith("http") else StdioTransport(command=target[0], args=target[1:])
    async with Client(transport, elicitation_handler=elicit) as client:

        async def begin(name, arguments=None):
            if MODERN:
                return await call_tool_task(client, name, arguments or {}, raise_on_error=False)
            return await client.call_tool(name, arguments or {}, task=True, raise_on_error=False)

        async def create():
            task = await begin("render", {"scene": "teapot"})
            status = (await task.status()).status
            expect(status == "working", status)
            return status

        async def poll():
            task = await begin("render", {"scene": "teapot"})
            status = await task.wait(state="completed", timeout=10)
            return status.status

        async def result():
            found = await (await begin("render", {"scene": "teapot"})).result()
            expect(text_of(found) == "teapot is rendered", found)
            return text_of(found)

        async def ask():
            found = await (await begin("confirm")).result()
            expect("accept" in text_of(found), found)
            return text_of(found)

        async def error():
            task = await begin("fail")
            found = await task.result()
            expect(found.is_error, found)
            return text_of(found)

        async def cancel():
            task = await begin("endless")
            await task.cancel()
            status = (await task.wait(state="cancelled", timeout=10)).status
            expect(status == "cancelled", status)
            return status

        async def expiry():
            if MODERN:
                task = await begin("brief")
            else:
                task = await client.call_tool("brief", {}, task=True, ttl=500)
            await task.result()
            await asyncio.sleep(2)
            try:
                # A task of FastMCP 3 does not read again what it knows to have ended.
                status = await (task.status() if MODERN else client.get_task_status(task.task_id))
            except Exception as refused:  # noqa: BLE001 - FastMCP 3 and 4 have different classes
                expect("not found" in str(refused).lower(), refused)
                return str(refused)
            raise AssertionError(f"it is still there: {status.status}")

        async def transparent():
            found = await client.call_tool("render", {"scene": "teapot"})
            expect(text_of(found) == "teapot is rendered", found)
            return text_of(found)

        for name, story in [("create", create), ("poll", poll), ("result", result), ("ask", ask), ("error", error),
                            ("cancel", cancel), ("expiry", expiry), ("plain call", transparent)]:
            await check(name, story)


asyncio.run(main(sys.argv[1:]))
