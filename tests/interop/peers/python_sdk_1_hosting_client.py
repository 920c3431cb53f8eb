"""The Python SDK 1's client running tasks for our server. Argument: an URL, or a command line."""

import asyncio
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.experimental.task_handlers import ExperimentalTaskHandlers
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.experimental.tasks.in_memory_task_store import InMemoryTaskStore

from report import check, expect

store = InMemoryTaskStore()
running = set()
cancelled = []


@asynccontextmanager
async def streams(target):
    if target[0].startswith("http"):
        async with streamablehttp_client(target[0]) as (read, write, _):
            yield read, write
    else:
        async with stdio_client(StdioServerParameters(command=target[0], args=target[1:])) as (read, write):
            yield read, write


async def create(metadata, outcome, pause):
    task = await store.create_task(metadata)

    async def finish():
        await asyncio.sleep(pause)
        if (await store.get_task(task.taskId)).status != "cancelled":
            await store.store_result(task.taskId, outcome)
            await store.update_task(task.taskId, status="completed")

    work = asyncio.create_task(finish())
    running.add(work)
    work.add_done_callback(running.discard)
    return types.CreateTaskResult(task=task)


async def elicit(context, params, metadata):
    pause = 30 if "Wait" in params.message else 0.2
    return await create(metadata, types.ElicitResult(action="accept", content={"ok": True, "confirm": True}), pause)


async def sample(context, params, metadata):
    content = types.TextContent(type="text", text="a haiku")
    return await create(metadata, types.CreateMessageResult(role="assistant", content=content, model="m"), 0.2)


async def get(context, params):
    task = await store.get_task(params.taskId)
    if task is None:
        return types.ErrorData(code=types.INVALID_PARAMS, message="no such task")
    return types.GetTaskResult(**task.model_dump())


async def result(context, params):
    outcome = await store.get_result(params.taskId)
    if outcome is None:
        return types.ErrorData(code=types.INVALID_PARAMS, message="no result yet")
    return types.GetTaskPayloadResult.model_validate(outcome.model_dump(by_alias=True, exclude_none=True))


async def cancel(context, params):
    cancelled.append(params.taskId)
    task = await store.update_task(params.taskId, status="cancelled")
    return types.CancelTaskResult(**task.model_dump())


async def main(target):
    handlers = ExperimentalTaskHandlers(get_task=get, get_task_result=result, cancel_task=cancel,
                                        augmented_elicitation=elicit, augmented_sampling=sample)

    async def never(context, params):
        raise AssertionError("asked without a task")

    async with streams(target) as (read, write), ClientSession(
            read, write, elicitation_callback=never, sampling_callback=never,
            experimental_task_handlers=handlers) as session:
        await session.initialize()
        tasks = session.experimental

        async def outcome_of(name, arguments):
            created = await tasks.call_tool_as_task(name, arguments)
            found = await tasks.get_task_result(created.task.taskId, types.CallToolResult)
            expect(found.isError is not True, found)
            return found.content[0].text

        async def asks():
            text = await outcome_of("confirm", {})
            expect("accept" in text and len(store.get_all_tasks()) == 1, text)
            return text

        async def samples():
            text = await outcome_of("write_haiku", {"topic": "tea"})
            expect("a haiku" in text, text)
            return text

        async def cancels():
            created = await tasks.call_tool_as_task("confirm_delete", {"filename": "Wait"})
            for _ in range(100):
                if len(running) > 0:
                    break
                await asyncio.sleep(0.05)
            await tasks.cancel_task(created.task.taskId)
            for _ in range(100):
                if len(cancelled) > 0:
                    return "cancelled"
                await asyncio.sleep(0.05)
            raise AssertionError("it was not cancelled")

        for name, story in [("elicitation as a task", asks), ("sampling as a task", samples),
                            ("cancel what a task asks", cancels)]:
            await check(name, story)


asyncio.run(main(sys.argv[1:]))
