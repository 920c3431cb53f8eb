// What handlers and transports of the host's get wrong: whoever makes the mistake hears of it, and no other task does.
import { type TaskError, TaskServer } from "mcp-longhaul";
import { McpServer } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pipes } from "./harness/hostile.ts";
import { create, result } from "./harness/g25.ts";
import { ALL, KEYS, VERSION, World } from "./harness/g26.ts";
import { KINDS, text } from "./harness/servers.ts";

const CYCLE: Record<string, unknown> = {};
CYCLE["itself"] = CYCLE;
const FORM = { message: "?", requestedSchema: { type: "object", properties: {} } };

/** What a handler without types may do with its task. */
const MISTAKES: Record<string, (task: any) => Promise<unknown>> = {
  "status() of nothing": (task) => task.status(undefined),
  "status() of a number": (task) => task.status(42),
  "status() of an object": (task) => task.status({}),
  "requireInput() of nothing": (task) => task.requireInput(undefined),
  "a method that is no text": (task) => task.requireInput({ method: 5, params: FORM }),
  "a key that is no text": (task) => task.requireInput({ method: "elicitation/create", params: FORM }, 5),
  "params that are nothing": (task) => task.requireInput({ method: "elicitation/create", params: null }),
  "params that are a text": (task) => task.requireInput({ method: "elicitation/create", params: "x" }),
  "params that hold a BigInt": (task) => task.requireInput({ method: "elicitation/create", params: { message: 5n } }),
  "params that hold themselves": (task) => task.requireInput({ method: "elicitation/create", params: CYCLE }),
};

for (const [mistake, make] of Object.entries(MISTAKES)) {
  it(`X-LIM-04: ${mistake} is refused at once, and fails nothing else (2025-11-25 and 2026-07-28)`, async (t) => {
    const heard: unknown[] = [];
    const wrong = async (task: unknown): Promise<object> => {
      await make(task).catch((error: TaskError) => heard.push(error.code));
      return text("after");
    };
    for (const kind of KINDS) {
      const { ada, errors } = await pipes(t, kind, { wrong: (_args, { task }) => wrong(task) });
      const { taskId } = await create(ada, "wrong");
      assert.deepEqual((await result(ada, taskId)).result.content, text("after").content);
      assert.deepEqual(errors, [], kind);
    }
    const world = await World.open({
      tools: { wrong: (_args, ctx) => wrong(world.tasks.current(ctx)) },
      tasks: { tools: { wrong: { task: "always" } } },
    });
    await world.until(await world.start("wrong"), "completed");
    assert.deepEqual(world.errors, []);
    await world.close();
    assert.deepEqual(heard, Array(KINDS.length + 1).fill("invalid_argument"));
  });
}

it("G25-INP-09: a request of the SDK's own that JSON cannot hold is refused at once", async (t) => {
  for (const kind of KINDS) {
    let heard = "";
    const ask = async (_args: unknown, around: any): Promise<object> => {
      await around.ask("elicitation/create", { ...FORM, message: 5n }).catch((error: Error) => (heard = error.message));
      return text("after");
    };
    const { ada, errors } = await pipes(t, kind, { ask });
    const { taskId } = await create(ada, "ask");
    assert.deepEqual((await result(ada, taskId)).result.content, text("after").content);
    assert.notEqual(heard, "", kind);
    assert.deepEqual(errors, [], kind);
  }
});

for (const [what, returned] of Object.entries({
  "asks for nothing": { resultType: "input_required" },
  "asks for nothing but to be called again": { resultType: "input_required", requestState: "state" },
  "asks with what is no request": { resultType: "input_required", inputRequests: { a: { method: 5 } } },
  "asks with a list": { resultType: "input_required", inputRequests: [1] },
})) {
  it(`a result that ${what} ends its own task, and blocks nobody (2025-11-25)`, async (t) => {
    for (const kind of KINDS) {
      let calls = 0;
      const odd = async (): Promise<object> => {
        // Called again without a pause, it would never let the test say what is wrong.
        calls += 1;
        if (calls > 1000) throw new Error("called again and again");
        return returned;
      };
      const { ada, errors } = await pipes(t, kind, { odd, fine: () => text("fine") });
      const { taskId } = await create(ada, "odd");
      const answer = await result(ada, taskId);
      assert.ok(answer.error !== undefined || answer.result.isError === true, `${kind}: ${JSON.stringify(answer)}`);
      assert.ok(calls < 20, `${kind}: ${calls} calls`);
      assert.deepEqual((await result(ada, (await create(ada, "fine")).taskId)).result.content, text("fine").content);
      assert.deepEqual(errors, [], kind);
    }
  });
}

const throws = (error: unknown): never => {
  throw error;
};
for (const [what, fail] of Object.entries({
  nothing: () => throws(undefined),
  null: () => throws(null),
  "what cannot be read": () => throws(Object.defineProperty({}, "message", { get: () => throws("no") })),
})) {
  it(`a handler that throws ${what} fails its task (2025-11-25 and 2026-07-28)`, async (t) => {
    for (const kind of KINDS) {
      const { ada } = await pipes(t, kind, { fail });
      const { taskId } = await create(ada, "fail");
      const answer = await result(ada, taskId);
      assert.ok(answer.error !== undefined || answer.result.isError === true, `${kind}: ${JSON.stringify(answer)}`);
    }
    const world = await World.open({ low: true, tools: { fail }, tasks: { tools: { fail: { task: "always" } } } });
    await world.until(await world.start("fail"), "failed");
    await world.close();
  });
}

for (const broken of ["transport", "SDK"]) {
  it(`a subscription goes through a ${broken} that throws, and no task is troubled by it`, async () => {
    const errors: TaskError[] = [];
    const tasks = new TaskServer({ defaults: { task: "always" }, onerror: (error) => errors.push(error) });
    const server = new McpServer({ name: "s", version: "1.0.0" });
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    server.registerTool("slow", {}, async (context) => {
      const task = tasks.current(context);
      await finished;
      await task?.status("nearly");
      return { content: [{ type: "text", text: "done" }] };
    });
    const sent: any[] = [];
    let isBroken = false;
    const transport: any = {
      start: () => Promise.resolve(),
      close: () => Promise.resolve(),
      send(message: unknown) {
        if (isBroken) throw new Error("The socket is gone.");
        sent.push(message);
        return Promise.resolve();
      },
    };
    await tasks.attach(server).connect(transport);
    const answered = async (id: number): Promise<any> => {
      for (let n = 0; n < 1000 && !sent.some((message) => message.id === id); n++) await sleep(5);
      return sent.find((message) => message.id === id);
    };
    const ask = (id: number, method: string, params: object): void => {
      const client = { name: "c", version: "1.0.0" };
      const _meta = { [KEYS.version]: VERSION, [KEYS.capabilities]: ALL, [KEYS.client]: client };
      transport.onmessage({ jsonrpc: "2.0", id, method, params: { ...params, _meta } });
    };
    ask(1, "server/discover", {});
    await answered(1);
    ask(2, "tools/call", { name: "slow", arguments: {} });
    const { taskId } = (await answered(2)).result;
    const inner = server.server as any;
    const { _onrequest: onrequest } = inner;
    if (broken === "SDK") inner._onrequest = () => assert.fail("The SDK throws.");
    ask(3, "subscriptions/listen", { notifications: { taskIds: [taskId] } });
    await sleep(20);
    inner._onrequest = onrequest;
    isBroken = broken === "transport";
    finish();
    await sleep(50);
    isBroken = false;
    for (let n = 4; ; n++) {
      ask(n, "tasks/get", { taskId });
      const { result: seen } = await answered(n);
      if (seen.status === "completed") break;
      assert.ok(n < 100, JSON.stringify(seen));
      await sleep(20);
    }
    assert.ok(errors.length > 0);
    assert.ok(
      errors.every((error) => !error.message.includes("core")),
      errors.join("; "),
    );
    await tasks.close();
  });
}
