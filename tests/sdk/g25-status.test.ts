// 2025-11-25: notifications/tasks/status, to the requestor of a task and nobody else.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type TaskError, TaskServer } from "mcp-longhaul";
import { type Frame, gate, settle } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { FORM, RELATED, YES, checkFrames, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { HttpRequester, statefulV1 } from "./harness/http.ts";
import { PipeRequester } from "./harness/pipe.ts";
import type { Requester } from "./harness/requester.ts";
import { KINDS, attached, text } from "./harness/servers.ts";

const STATUS = "notifications/tasks/status";
const told = (requester: Requester): Frame[] => requester.frames.fromServer(({ method }) => method === STATUS);
const statuses = (requester: Requester): unknown[] => told(requester).map(({ message }) => message.params.status);

for (const kind of KINDS) {
  // G25-NTF-01 G25-NTF-03
  it(`each visible change is told with the whole task, after the store has it (${kind})`, async (t) => {
    const { requester, store } = await world(t, kind, {
      work: async (_args, { ask, task }) => {
        await task?.status("half way");
        await ask("elicitation/create", FORM);
        return text("done");
      },
      fail: () => ({ ...text("bad"), isError: true }),
    });
    requester.answer("elicitation/create", () => ({ result: YES }));
    const { taskId } = await create(requester, "work");
    await result(requester, taskId);
    await settle();
    assert.deepEqual(statuses(requester).slice(-3), ["input_required", "working", "completed"]);
    const { result: state } = await get(requester, taskId);
    const { _meta, ...flat } = state;
    assert.deepEqual(told(requester).at(-1)?.message.params, flat);
    assert.ok(
      told(requester).every(
        ({ message }) => message.params._meta?.[RELATED] === undefined && message.params.result === undefined,
      ),
    );
    // One for each version at most: the first, which the handle told, has none.
    assert.ok(told(requester).length < (await store.get("", taskId))!.version);
    const before = told(requester).length;
    const failed = (await create(requester, "fail")).taskId;
    await reaches(requester, failed, "failed");
    assert.deepEqual(statuses(requester).slice(before), ["failed"]);
  });
}

// G25-NTF-05
it("others hear nothing; a send that fails harms nothing; `statusNotifications: false` is silence", async (t) => {
  const go = gate();
  const errors: TaskError[] = [];
  const tools = { slow: () => go.promise.then(() => text("done")) };
  const tasks = new TaskServer({ defaults: { task: "always" }, onerror: (error) => errors.push(error) });
  const quiet = new TaskServer({ defaults: { task: "always" }, statusNotifications: false });
  const [first, second] = [
    await PipeRequester.to(attached("v1", tasks, tools)),
    await PipeRequester.to(attached("v1", tasks, tools)),
  ];
  const silent = await PipeRequester.to(attached("v2", quiet, tools), "v2");
  t.after(async () => {
    for (const requester of [first, second, silent]) await requester.close();
    for (const server of [tasks, quiet]) await server.close();
    for (const requester of [first, second, silent]) checkFrames(requester.frames);
  });
  for (const requester of [first, second, silent]) await initialize(requester);
  const lost = (await create(second, "slow")).taskId;
  const { taskId } = await create(first, "slow");
  const unheard = (await create(silent, "slow")).taskId;
  await second.close();
  go.open();
  await result(first, taskId);
  await result(silent, unheard);
  await settle();
  assert.deepEqual(
    told(first).map(({ message }) => [message.params.taskId, message.params.status]),
    [[taskId, "completed"]],
  );
  assert.deepEqual([told(second), told(silent)], [[], []]);
  assert.equal((await get(first, lost)).result.status, "completed");
});

// G25-NTF-04
it("over HTTP one stream tells a change: the newest result stream, else the session's own, else none", async (t) => {
  const steps = Array.from({ length: 4 }, () => gate());
  const tasks = new TaskServer({ defaults: { task: "always" } });
  const server = await statefulV1(() =>
    attached("v1", tasks, {
      slow: async (_args, { task }) => {
        for (const [index, step] of steps.entries()) {
          await step.promise;
          await task?.status(`step ${index}`);
        }
        return text("done");
      },
    }),
  );
  const [mine, other] = [new HttpRequester(server.url), new HttpRequester(server.url)];
  t.after(async () => {
    await mine.close();
    await other.close();
    await server.close();
    await tasks.close();
    for (const requester of [mine, other]) checkFrames(requester.frames);
  });
  for (const requester of [mine, other]) await initialize(requester);
  const otherStream = await other.listen();
  const { taskId } = await create(mine, "slow");
  const step = async (index: number): Promise<void> => {
    steps[index]?.open();
    for (;;) if ((await get(mine, taskId)).result.statusMessage === `step ${index}`) return settle();
  };
  const on = (): unknown[] =>
    told(mine).map(({ on, message }) => [on, message.params.statusMessage ?? message.params.status]);
  // No stream is open.
  await step(0);
  assert.deepEqual(on(), []);
  const own = await mine.listen();
  await step(1);
  assert.deepEqual(on(), [["GET", "step 1"]]);
  const waits = [50, 51].map((id) => mine.request("tasks/result", { taskId }, id));
  await settle(50);
  await step(2);
  steps[3]?.open();
  await Promise.all(waits);
  await settle();
  assert.deepEqual(on().slice(1, 3), [
    ["POST tasks/result 51", "step 2"],
    ["POST tasks/result 51", "step 3"],
  ]);
  assert.deepEqual(
    told(mine)
      .slice(3)
      .map(({ on, message }) => [on, message.params.status]),
    [["POST tasks/result 51", "completed"]],
  );
  // Before the result on the same stream.
  const stream = mine.frames
    .fromServer((_message, { on }) => on === "POST tasks/result 51")
    .map(({ message }) => message.method ?? "answer");
  assert.deepEqual(stream, [STATUS, STATUS, STATUS, "answer"]);
  assert.deepEqual(told(other), []);
  own.close();
  otherStream.close();
});
