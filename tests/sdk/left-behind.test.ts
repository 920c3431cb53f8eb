// What is over leaves nothing in the tables, and what is no message does no harm.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { tables } from "../fuzz/inside.ts";
import { legacy, modern } from "./client-peer.ts";
import { connect, type Kind } from "./client-sdk.ts";
import { until } from "./harness/frames.ts";
import { initialize } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { attached, text } from "./harness/servers.ts";

const NONE: readonly unknown[] = [
  null,
  5,
  [],
  "x",
  {},
  { method: 5, id: 1 },
  { method: "tools/call", id: {}, params: {} },
  { method: "tasks/get", id: 1.5 },
  { method: "tools/call", id: 3, params: [] },
  { id: 4, result: 7 },
  { id: { toString: 1 }, result: {} },
];

/** The tables of a server but those that its policies and names fill once. */
const held = (tasks: TaskServer): string[] =>
  [...tables(tasks).keys()].filter((path) => !/#names|#polic|#plain|\.store/.test(path));

test("a `tasks/update` of 2025-11-25, which has none, is answered and forgotten", async () => {
  const tasks = new TaskServer({ defaults: { task: "always" } });
  const requester = await PipeRequester.to(attached("v1", tasks, { echo: () => text("said") }));
  await initialize(requester);
  const before = held(tasks);
  const { error } = await requester.request("tasks/update", { taskId: "a".repeat(24), inputResponses: {} });
  assert.equal(error?.code, -32601);
  assert.deepEqual(
    held(tasks).filter((path) => !before.includes(path) && !path.includes("peers")),
    [],
  );
  await requester.close();
  await tasks.close();
  assert.deepEqual(held(tasks), []);
});

test("a client keeps nothing of a connection that has closed", async () => {
  const { host, client } = await connect(modern({}), "SDK v2, 2026");
  assert.equal(tables(host).get(".#requestor.#open"), 1);
  await client.close();
  assert.deepEqual([...tables(host)], []);
});

test("a server leaves what is no message to the SDK, and goes on", async () => {
  const errors: unknown[] = [];
  const tasks = new TaskServer({ defaults: { task: "always" }, onerror: (error) => errors.push(error) });
  const requester = await PipeRequester.to(attached("v1", tasks, { echo: () => text("said") }));
  await initialize(requester);
  for (const message of NONE) await requester.send(message as never);
  assert.deepEqual((await requester.request("ping")).result, {});
  assert.deepEqual(errors, []);
  await requester.close();
  await tasks.close();
});

for (const kind of ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"] satisfies Kind[]) {
  test(`a client leaves what is no message to the SDK, and goes on: ${kind}`, async () => {
    const done = text("done");
    const peer =
      kind === "SDK v2, 2026"
        ? modern({ "tools/call": () => ({ resultType: "complete", ...done }) })
        : legacy({}, { "tools/call": () => done });
    const { client } = await connect(peer, kind);
    for (const message of NONE) peer.push(message as never);
    assert.deepEqual((await client.callTool({ name: "plain" })).content, done.content);
    await client.close();
  });
}

test("a request whose client leaves at any moment leaves nothing behind", async () => {
  const tasks = new TaskServer({ defaults: { task: "always" } });
  const handler = createMcpHandler(() => attached("v2", tasks, { echo: () => text("said") }) as never);
  const serve = tasks.fetch(handler);
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
  };
  for (const [method, params] of [
    ["tasks/get", { taskId: "a".repeat(24) }],
    ["tools/call", { name: "echo", task: {} }],
  ] as const) {
    for (let turns = 0; turns < 40; turns++) {
      const leave = new AbortController();
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const response = serve(
        new Request("http://127.0.0.1/mcp", { method: "POST", headers, body, signal: leave.signal }),
      );
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      leave.abort();
      await response.then(({ body }) => body?.cancel()).catch(() => {});
    }
  }
  await until(() => held(tasks).filter((path) => /(peers|requests|calls)/.test(path)).length === 0, "nothing is held");
  await handler.close();
  await tasks.close();
});
