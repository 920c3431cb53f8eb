// Clients without tasks: a handle that a model can read, tools that stand for the requests, and signs of life.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { TaskServer, type TaskServerOptions } from "mcp-longhaul";
import * as z from "zod";
import { gate, settle } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { FORM, G25, YES, create, initialize } from "./harness/g25.ts";
import { PLAIN, World } from "./harness/g26.ts";
import { HttpRequester, statelessV1 } from "./harness/http.ts";
import type { Requester } from "./harness/requester.ts";
import { KINDS, type Tools, attached, text } from "./harness/servers.ts";

const OURS = ["task_status", "task_answer", "task_cancel"];
const AT_ONCE: TaskServerOptions = {
  defaults: { task: "always", withoutTasks: { after: 30 } },
  taskTools: { wait: 5000 },
};
/** What an older host, and one that asks for no tasks, introduces itself with. */
const HOST = { capabilities: { sampling: {} } };

const call = async (requester: Requester, name: string, args: object = {}, meta?: object): Promise<any> => {
  const response = await requester.request("tools/call", { name, arguments: args, ...(meta && { _meta: meta }) });
  assert.ok(response.result, JSON.stringify(response));
  return response.result;
};
const said = (result: any): string => result.content[0].text;
const listed = async (requester: Requester): Promise<any[]> => (await requester.request("tools/list")).result.tools;

/** Calls a tool that takes long; the id in its handle. */
async function handle(requester: Requester, name: string, args: object = {}): Promise<string> {
  const result = await call(requester, name, args);
  const { taskId } = result.structuredContent.task;
  assert.equal(result.isError, undefined);
  assert.ok(said(result).includes(`task_status" with {"task_id":"${taskId}"}`), said(result));
  return taskId;
}

for (const kind of KINDS) {
  describe(`a client without tasks on ${kind}`, () => {
    for (const version of [G25, "2025-06-18"]) {
      it(`${version}: gets a handle in time, and the result by task_status`, async (t) => {
        const work = gate();
        const { requester } = await world(
          t,
          kind,
          { slow: async () => work.promise.then(() => ({ ...text("done"), structuredContent: { n: 1 } })) },
          AT_ONCE,
          { ...HOST, version },
        );
        const task_id = await handle(requester, "slow");
        const waiting = call(requester, "task_status", { task_id });
        work.open();
        const result = await waiting;
        assert.equal(said(result), "done");
        assert.deepEqual(result.structuredContent, { n: 1 });
        // Again: the result stays as long as the task.
        assert.equal(said(await call(requester, "task_status", { task_id })), "done");
      });
    }

    it("reads that the user is to be asked before a question is answered", async (t) => {
      const { requester } = await world(t, kind, { fast: async () => text("at once") }, AT_ONCE, HOST);
      const answer = (await listed(requester)).find(({ name }) => name === "task_answer");
      assert.match(answer.description, /Ask the user first/);
    });

    it("gets the result itself where that comes in time", async (t) => {
      const { requester } = await world(t, kind, { fast: async () => text("at once") }, AT_ONCE, HOST);
      assert.equal(said(await call(requester, "fast")), "at once");
    });

    it("is asked through task_status, and answers by task_answer, again where it did not fit", async (t) => {
      const { requester } = await world(
        t,
        kind,
        {
          ask: async (_args, { task }) =>
            text(JSON.stringify(await task!.requireInput({ method: "elicitation/create", params: FORM }, "sure"))),
        },
        AT_ONCE,
        HOST,
      );
      const task_id = await handle(requester, "ask");
      const question = said(await call(requester, "task_status", { task_id }));
      for (const part of ['"sure-1"', FORM.message, '"yes":{"type":"boolean"}', "task_answer"])
        assert.ok(question.includes(part), question);
      const misfit = await call(requester, "task_answer", { task_id, content: { yes: "maybe" } });
      assert.equal(misfit.isError, true);
      assert.match(said(misfit), /yes/);
      const unknown = await call(requester, "task_answer", { task_id, question: "what" });
      assert.match(said(unknown), /"sure-1"/);
      assert.match(said(await call(requester, "task_answer", { task_id, content: YES.content })), /task_status/);
      const result = JSON.parse(said(await call(requester, "task_status", { task_id })));
      assert.deepEqual(result, { action: "accept", content: YES.content });
    });

    it("answers several questions by name, of every kind", async (t) => {
      const sample = { messages: [{ role: "user", content: { type: "text", text: "Say yes" } }], maxTokens: 5 };
      const { requester } = await world(
        t,
        kind,
        {
          all: async (_args, { task }) =>
            text(
              JSON.stringify(
                await Promise.all([
                  task!.requireInput({ method: "sampling/createMessage", params: sample as never }, "model"),
                  task!.requireInput({ method: "roots/list" }, "folders"),
                  task!.requireInput({ method: "elicitation/create", params: FORM }, "form"),
                ]),
              ),
            ),
        },
        AT_ONCE,
        HOST,
      );
      const task_id = await handle(requester, "all");
      let asked = "";
      for (let reads = 0; reads < 20 && !["model", "folders", "form"].every((name) => asked.includes(name)); reads++)
        asked = said(await call(requester, "task_status", { task_id }));
      const names = [...asked.matchAll(/Question "([^"]+)"/g)].map(([, name]) => name);
      const key = (name: string) => names.find((known) => known!.startsWith(name));
      assert.equal((await call(requester, "task_answer", { task_id, content: {} })).isError, true);
      const wrong = [
        { question: key("folders") },
        { question: key("folders"), content: { roots: [1] } },
        { question: key("form"), action: "agree" },
        { question: key("form"), action: 5 },
        { question: "__proto__" },
        { question: 5, content: {} },
      ];
      for (const args of wrong) {
        const answer = await call(requester, "task_answer", { task_id, ...args });
        assert.equal(answer.isError, true, JSON.stringify([args, answer]));
      }
      await call(requester, "task_answer", { task_id, question: key("model"), content: { text: "yes" } });
      const roots = [{ uri: "file:///home" }];
      await call(requester, "task_answer", { task_id, question: key("folders"), content: { roots } });
      await call(requester, "task_answer", { task_id, question: key("form"), action: "decline" });
      const [sampled, folders, form] = JSON.parse(said(await call(requester, "task_status", { task_id })));
      assert.equal(sampled.content.text, "yes");
      assert.deepEqual(folders, { roots });
      assert.deepEqual(form, { action: "decline" });
    });

    it("cancels by task_cancel, and hears of failures", async (t) => {
      const aborted = gate();
      const { requester } = await world(
        t,
        kind,
        {
          slow: (_args, { signal }) =>
            new Promise((_resolve, reject) =>
              signal.addEventListener("abort", () => (aborted.open(), reject(new Error("stopped")))),
            ),
          fail: async () => {
            await new Promise((resolve) => setTimeout(resolve, 60));
            throw new Error("no luck");
          },
        },
        AT_ONCE,
        HOST,
      );
      const slow = await handle(requester, "slow");
      const waiting = call(requester, "task_status", { task_id: slow });
      assert.match(said(await call(requester, "task_cancel", { task_id: slow })), /cancelled/);
      await aborted.promise;
      assert.match(said(await waiting), /cancelled/);
      const fail = await handle(requester, "fail");
      const failed = await call(requester, "task_status", { task_id: fail });
      assert.equal(failed.isError, true);
      assert.match(said(failed), /no luck/);
      for (const tool of OURS) {
        const unknown = await call(requester, tool, { task_id: "nothing" });
        assert.equal(unknown.isError, true, tool);
        assert.equal((await call(requester, tool, { task_id: 1 })).isError, true, tool);
        assert.equal((await call(requester, tool)).isError, true, tool);
      }
    });

    it("is told that it still runs when nothing happens for the time of a wait", async (t) => {
      const work = gate();
      const { requester } = await world(
        t,
        kind,
        {
          slow: (_args, { task }) =>
            task!
              .status("half way")
              .then(() => work.promise)
              .then(() => text("done")),
        },
        { ...AT_ONCE, taskTools: { wait: 100 } },
        HOST,
      );
      const task_id = await handle(requester, "slow");
      assert.match(said(await call(requester, "task_status", { task_id })), /still runs.*half way/);
      work.open();
    });

    it("is offered the tools, and nobody else is", async (t) => {
      const tools: Tools = { slow: { work: async () => text(""), output: z.object({ n: z.number() }) } };
      const plain = await world(t, kind, tools, AT_ONCE, HOST);
      const all = await listed(plain.requester);
      assert.deepEqual(
        all.map(({ name }) => name),
        ["slow", ...OURS],
      );
      assert.equal(all[0].outputSchema, undefined);
      const modern = await world(t, kind, tools, AT_ONCE, { capabilities: { tasks: {} } });
      assert.deepEqual(
        (await listed(modern.requester)).map(({ name }) => name),
        ["slow"],
      );
      const waits = await world(t, kind, tools, { defaults: { task: "always" } }, HOST);
      assert.deepEqual(
        (await listed(waits.requester)).map(({ name }) => name),
        ["slow"],
      );
    });

    it("is a client with tasks from its first task on, and then its calls wait", async (t) => {
      const { requester } = await world(
        t,
        kind,
        { slow: async () => new Promise((resolve) => setTimeout(() => resolve(text("done")), 80)) },
        AT_ONCE,
        HOST,
      );
      await create(requester, "slow");
      assert.deepEqual(
        (await listed(requester)).map(({ name }) => name),
        ["slow"],
      );
      assert.equal(said(await call(requester, "slow")), "done");
    });
  });
}

it("a tool of the server's own hides ours, and names and texts are the host's", async (t) => {
  const options: TaskServerOptions = {
    ...AT_ONCE,
    taskTools: { status: { name: "wait_for", description: "Waits." }, wait: 5000 },
  };
  const { requester } = await world(t, "v1", { task_cancel: async () => text("own") }, options, HOST);
  const all = await listed(requester);
  assert.deepEqual(
    all.map(({ name }) => name),
    ["task_cancel", "wait_for", "task_answer"],
  );
  assert.equal(all[1].description, "Waits.");
  assert.equal(said(await call(requester, "task_cancel")), "own");
});

it("without a session, over HTTP; another owner's task is none", async (t) => {
  const work = gate();
  const tasks = new TaskServer({ ...AT_ONCE });
  const authenticate = (token?: string) => token && { token, clientId: "c", scopes: [], extra: { sub: token } };
  const server = await statelessV1(
    () => attached("v1", tasks, { slow: async () => work.promise.then(() => text("done")) }),
    { authenticate },
  );
  const client = async (t: TestContext, subject: string): Promise<HttpRequester> => {
    const requester = new HttpRequester(server.url, { authorization: `Bearer ${subject}` });
    t.after(() => requester.close());
    await initialize(requester, HOST);
    return requester;
  };
  t.after(async () => {
    await server.close();
    await tasks.close();
  });
  const mine = await client(t, "me");
  const task_id = await handle(mine, "slow");
  const other = await client(t, "other");
  for (const tool of OURS) {
    const stranger = await call(other, tool, { task_id });
    assert.equal(stranger.isError, true);
    assert.deepEqual(said(stranger), said(await call(other, tool, { task_id: task_id.replace(/./g, "a") })));
  }
  const waiting = call(mine, "task_status", { task_id });
  work.open();
  assert.equal(said(await waiting), "done");
});

it("waits end with their requests and connections", async (t) => {
  const { requester, tasks } = await world(
    t,
    "v1",
    {
      slow: async (_args, { signal }) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(text("")))),
    },
    AT_ONCE,
    HOST,
  );
  const task_id = await handle(requester, "slow");
  const id = requester.nextId();
  const waiting = requester.request("tools/call", { name: "task_status", arguments: { task_id } }, id);
  let isAnswered = false;
  void waiting.then(
    () => (isAnswered = true),
    () => {},
  );
  await requester.request("ping");
  await requester.notify("notifications/cancelled", { requestId: id });
  await call(requester, "task_cancel", { task_id });
  await requester.request("ping");
  assert.equal(isAnswered, false);
  const left = requester.request("tools/call", { name: "task_status", arguments: { task_id } });
  left.catch(() => {});
  await tasks.close();
});

for (const way of ["fetch", "pipe"] as const) {
  it(`2026-07-28, ${way}: a client that does not declare the extension; one that does can read the task`, async () => {
    const work = gate();
    await using w = await World.open({
      way,
      tools: { slow: async () => work.promise.then(() => text("done")) },
      tasks: AT_ONCE,
    });
    const plain = { caps: PLAIN };
    assert.deepEqual(
      (await w.request("tools/list", {}, plain)).result.tools.map(({ name }: any) => name),
      ["slow", ...OURS],
    );
    assert.deepEqual(
      (await w.request("tools/list")).result.tools.map(({ name }: any) => name),
      ["slow"],
    );
    const { result } = await w.call("slow", {}, plain);
    const { taskId } = result.structuredContent.task;
    assert.equal((await w.get(taskId)).result.status, "working");
    const waiting = w.call("task_status", { task_id: taskId }, plain);
    work.open();
    assert.equal(said((await waiting).result), "done");
    assert.equal((await w.get(taskId)).result.result.content[0].text, "done");
    assert.equal((await w.call("task_status", { task_id: taskId })).result?.isError ?? true, true);
  });
}

describe("signs of life", () => {
  const told = (requester: Requester): any[] =>
    requester.frames
      .fromServer(({ method }) => method === "notifications/progress")
      .map(({ message }) => message.params);
  const answered = (requester: Requester, id: unknown): boolean =>
    requester.frames.fromServer((message) => message.id === id && message.result !== undefined).length === 1;
  const begin = async (requester: Requester, id: unknown, progressToken?: unknown): Promise<void> => {
    const _meta = progressToken === undefined ? {} : { progressToken };
    await requester.send({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "slow", arguments: {}, _meta },
    } as never);
    await settle();
  };
  const grow = (values: number[]): boolean => values.every((value, at) => at === 0 || value > values[at - 1]!);

  for (const withoutTasks of ["wait", { after: 600_000 }] as const) {
    it(`${JSON.stringify(withoutTasks)}: a client with a token hears every 15 s that its call goes on`, async (t) => {
      const work = gate();
      const options = { defaults: { task: "always", withoutTasks } } as const;
      const { requester } = await world(
        t,
        "v1",
        { slow: async () => work.promise.then(() => text("done")) },
        options,
        HOST,
      );
      t.mock.timers.enable({ apis: ["setTimeout"] });
      await begin(requester, "with", "t");
      await begin(requester, "without");
      for (let n = 1; n <= 4; n++) {
        t.mock.timers.tick(15_000);
        await settle();
        assert.equal(told(requester).length, n);
      }
      work.open();
      await settle();
      assert.ok(answered(requester, "with") && answered(requester, "without"));
      t.mock.timers.tick(60_000);
      await settle();
      assert.equal(told(requester).length, 4);
      assert.ok(told(requester).every(({ progressToken }) => progressToken === "t"));
      assert.ok(grow(told(requester).map(({ progress }) => progress)));
    });
  }

  it("what the handler tells itself counts, and progress only grows", async (t) => {
    const steps = [gate(), gate(), gate()] as const;
    const { requester } = await world(
      t,
      "v1",
      {
        slow: async (_args, { progress }) => {
          await steps[0].promise;
          await progress(0, { message: "begun" });
          await steps[1].promise;
          await progress(5);
          return steps[2].promise.then(() => text("done"));
        },
      },
      { defaults: { task: "always" } },
      HOST,
    );
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await begin(requester, "call", 0);
    t.mock.timers.tick(15_000);
    steps[0].open();
    await settle();
    t.mock.timers.tick(14_000);
    await settle();
    assert.deepEqual(
      told(requester).map(({ message }) => message),
      [undefined, "begun"],
    );
    t.mock.timers.tick(1_000);
    steps[1].open();
    await settle();
    t.mock.timers.tick(15_000);
    await settle();
    const values = told(requester).map(({ progress }) => progress);
    assert.equal(values.length, 5);
    assert.ok(grow(values), String(values));
    steps[2].open();
    await settle();
    assert.ok(answered(requester, "call"));
  });

  it("end with a cancelled call", async (t) => {
    const tools: Tools = { slow: () => new Promise(() => {}) };
    const { requester } = await world(t, "v1", tools, { defaults: { task: "always" } }, HOST);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await begin(requester, "call", "t");
    await requester.notify("notifications/cancelled", { requestId: "call" });
    await settle();
    t.mock.timers.tick(30_000);
    await settle();
    assert.equal(told(requester).length, 0);
  });
});

it("options that are wrong are refused by name", () => {
  const wrong: [object, string][] = [
    [{ tools: { a: { withoutTasks: "never" } } }, "tools.a.withoutTasks"],
    [{ tools: { a: { withoutTasks: { after: -1 } } } }, "tools.a.withoutTasks"],
    [{ tools: { a: { task: "never", withoutTasks: { after: 1 } } } }, "tools.a.withoutTasks"],
    [{ taskTools: 1 }, "taskTools"],
    [{ taskTools: { wait: -1 } }, "taskTools.wait"],
    [{ taskTools: { status: "x" } }, "taskTools.status"],
    [{ taskTools: { status: { name: 1 } } }, "taskTools.status.name"],
    [{ taskTools: { status: { title: "x" } } }, "taskTools.status.title"],
    [{ taskTools: { stats: {} } }, "taskTools.stats"],
  ];
  for (const [options, name] of wrong)
    assert.throws(
      () => new TaskServer(options as TaskServerOptions),
      (error: { code?: string; message: string }) =>
        error.code === "invalid_argument" && error.message.includes(`\`${name}\``),
      name,
    );
});
