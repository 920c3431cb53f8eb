"""pydantic-ai's MCPToolset against our server: with tools as tasks, and without. Argument: an URL, or a command line."""

import asyncio
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from report import check, expect


async def elicit(message, response_type, params, context):
    return {"ok": True}


def scripted(tool, arguments):
    """A model that calls one tool, then says what the tool gave."""

    def answer(messages, info):
        last = messages[-1].parts[-1]
        if last.part_kind == "tool-return":
            return ModelResponse(parts=[TextPart(str(last.content))])
        if last.part_kind == "retry-prompt":
            return ModelResponse(parts=[TextPart(f"failed: {last.content}")])
        return ModelResponse(parts=[ToolCallPart(tool, arguments)])

    return FunctionModel(answer)


async def main(target):
    def transport():
        return target[0] if target[0].startswith("http") else StdioTransport(command=target[0], args=target[1:])

    for prefer in (True, False):
        toolset = MCPToolset(transport(), prefer_tasks=prefer, elicitation_handler=elicit)

        async def ask_model(tool, arguments):
            agent = Agent(scripted(tool, arguments), toolsets=[toolset])
            return (await agent.run("go")).output

        async def render():
            output = await ask_model("render", {"scene": "teapot"})
            expect("teapot is rendered" in output, output)
            return output

        async def confirm():
            output = await ask_model("confirm", {})
            expect("accept" in output, output)
            return output

        async def fail():
            output = await ask_model("fail", {})
            expect("the tool failed" in output, output)
            return output

        async def cancel():
            before = await ask_model("stopped", {})
            try:
                await asyncio.wait_for(ask_model("endless", {}), 1)
            except asyncio.TimeoutError:
                pass
            await asyncio.sleep(0.5)
            after = await ask_model("stopped", {})
            expect(after != before, f"{after}: the tool goes on")
            return after

        kind = "tasks preferred" if prefer else "tasks not preferred"
        async with toolset:
            await check(f"result, {kind}", render)
            await check(f"ask, {kind}", confirm)
            await check(f"error, {kind}", fail)
            await check(f"cancel, {kind}", cancel)


asyncio.run(main(sys.argv[1:]))
