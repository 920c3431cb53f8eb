"""FastMCP 3's client against our server's prompts and resources. Argument: an URL, or a command line."""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from mcp.shared.exceptions import McpError

from report import check, expect


def text_of(result):
    return result.messages[0].content.text if hasattr(result, "messages") else result[0].text


async def main(target):
    transport = target[0] if target[0].startswith("http") else StdioTransport(command=target[0], args=target[1:])
    async with Client(transport) as client:

        async def ended(task, expected):
            expect(not task.returned_immediately, "the server answered at once, without a task")
            expect((await task.status()).status == "working", await task.status())
            found = text_of(await task.result())
            expect(found == expected, found)
            return found

        async def refused(call):
            try:
                await call
            except McpError as error:
                expect(error.error.code == -32601, error.error)
                return error.error.message
            raise AssertionError("it is not refused")

        async def prompt():
            return await ended(await client.get_prompt("essay", {"subject": "tea"}, task=True), "an essay on tea")

        async def resource():
            return await ended(await client.read_resource("data://report", task=True), "the report")

        async def template():
            return await ended(await client.read_resource("data://tea", task=True), "the data of tea")

        async def error():
            task = await client.get_prompt("broken", task=True)
            status = await task.wait(state="failed", timeout=10)
            expect("the prompt failed" in (status.statusMessage or ""), status)
            return status.statusMessage

        async def cancel():
            task = await client.get_prompt("long", task=True)
            await task.cancel()
            return (await task.wait(state="cancelled", timeout=10)).status

        async def as_ever():
            found = text_of(await client.get_prompt("essay", {"subject": "tea"}))
            expect(found == "an essay on tea", found)
            found = text_of(await client.read_resource("data://report"))
            expect(found == "the report", found)
            return found

        async def no_task():
            expect(text_of(await client.get_prompt("quick")) == "no task", "another prompt")
            return await refused(client.get_prompt("quick", task=True))

        async def only_as_a_task():
            found = await (await client.get_prompt("only", task=True)).result()
            expect(text_of(found) == "only as a task", found)
            return await refused(client.get_prompt("only"))

        for name, story in [("prompt", prompt), ("resource", resource), ("template", template), ("error", error),
                            ("cancel", cancel), ("as ever", as_ever), ("no task", no_task),
                            ("only as a task", only_as_a_task)]:
            await check(name, story)


asyncio.run(main(sys.argv[1:]))
