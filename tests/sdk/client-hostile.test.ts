// What a server can make a client hold, ask and repeat: bounds that no server talks it out of.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isTaskError } from "mcp-longhaul";
import { handle25, handle26, legacy, modern, task26, text } from "./client-peer.ts";
import { connect, later, until } from "./client-sdk.ts";

const MODERN = "SDK v2, 2026";
const FORM = { mode: "form", message: "?", requestedSchema: { type: "object", properties: {} } };
const question = (message: string) => ({ method: "elicitation/create", params: { ...FORM, message } });

// X-LIM-02
test("64 prompts are open at once, whatever a server lists, and handlers that do not stop count", async () => {
  let reads = 0;
  const fresh = () =>
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${reads}-${index}`, question("?")]));
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => (reads++, task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: fresh() })),
    "tasks/cancel": () => ({ resultType: "complete" }),
  });
  let open = 0;
  const waiting: (() => void)[] = [];
  const { client, host } = await connect(peer, MODERN, {
    // It does not listen to its signal.
    handlers: {
      "elicitation/create": async () => (
        open++, await new Promise<void>((resolve) => waiting.push(resolve)), open--, { action: "cancel" }
      ),
    },
  });
  const handle = await host.callTool(client, { name: "slow" });
  await until(() => reads > 10);
  assert.equal(open, 64);
  for (const done of waiting.splice(0, 10)) done();
  const before = reads;
  await until(() => reads > before + 2 && open === 64, "what waited is asked");
  assert.equal(waiting.length, 64);
  const ended = assert.rejects(handle.result());
  await handle.cancel();
  await ended;
  await client.close();
});

test("prompts that the application answers itself give their room back (X-LIM-02)", async () => {
  const answered = new Set<string>();
  const asked = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`k${index}`, question("?")]));
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => {
      const inputRequests = Object.fromEntries(Object.entries(asked).filter(([key]) => !answered.has(key)));
      return Object.keys(inputRequests).length === 0
        ? task26("t1", "completed", { result: text("done") })
        : task26("t1", "input_required", { pollIntervalMs: 5, inputRequests });
    },
    "tasks/update": (params) => {
      for (const key of Object.keys(params.inputResponses)) answered.add(key);
      return { resultType: "complete" };
    },
  });
  const { client } = await connect(peer, MODERN, { sdk: { inputRequired: { autoFulfill: false } } });
  let answer: any = await client.callTool({ name: "slow" }, { allowInputRequired: true });
  let rounds = 0;
  while (answer.resultType === "input_required") {
    rounds++;
    const inputResponses = Object.fromEntries(
      Object.keys(answer.inputRequests).map((key) => [key, { action: "decline" }]),
    );
    assert.ok(Object.keys(inputResponses).length <= 64);
    answer = await client.callTool(
      { name: "slow", inputResponses, requestState: answer.requestState },
      { allowInputRequired: true },
    );
  }
  assert.deepEqual(answer.content, text("done").content);
  assert.equal(answered.size, 150);
  assert.ok(rounds >= 3);
  await client.close();
});

// G26-UPD-13, G26-INP-09
test("an answer that the server does not take: its handler and the application hear at once", async () => {
  const updates: any[] = [];
  let over = false;
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () =>
      over
        ? task26("t1", "completed", { result: text("done") })
        : task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { k: question("mail?") } }),
    "tasks/update": ({ inputResponses }) => {
      updates.push(inputResponses.k);
      if (inputResponses.k.action === "accept")
        return { error: { code: -32602, message: "mail must be an email address" } };
      over = true;
      return { resultType: "complete" };
    },
  });
  let asked = 0;
  const { client, errors } = await connect(peer, MODERN, {
    handlers: { "elicitation/create": () => (asked++, { action: "accept", content: { mail: "" } }) },
  });
  assert.deepEqual(((await client.callTool({ name: "slow" })) as any).content, text("done").content);
  assert.equal(asked, 2);
  assert.deepEqual(
    updates.map(({ action }) => action),
    ["accept", "accept", "cancel"],
  );
  assert.equal(errors.length, 2, "told before each of the two attempts that follow");
  for (const error of errors as any[]) {
    assert.ok(isTaskError(error) && error.code === "protocol");
    assert.match(error.message, /mail must be an email address/);
    assert.equal((error.cause as any).code, -32602);
  }
  await client.close();
});

test("a server that takes no answer at all: the call is rejected at once, and its task is cancelled", async () => {
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { k: question("?") } }),
    "tasks/update": () => ({ error: { code: -32602, message: "k is not to my taste" } }),
    "tasks/cancel": () => ({ resultType: "complete" }),
  });
  const { client, host } = await connect(peer, MODERN, {
    handlers: { "elicitation/create": () => ({ action: "accept", content: {} }) },
  });
  const handle = await host.callTool(client, { name: "slow" });
  await assert.rejects(
    handle.result(),
    (error: any) =>
      isTaskError(error) && error.code === "protocol" && error.taskId === "t1" && /not to my taste/.test(error.message),
  );
  await until(() => peer.all("tasks/cancel").length === 1);
  const frames = peer.frames.length;
  await later(50);
  assert.equal(peer.frames.length, frames, "nothing is repeated");
  await client.close();
});

test("names and cursors without measure are not kept in the core, whose memory never shrinks", async () => {
  const long = "n".repeat(5000);
  const peer = legacy(
    { slow: "required" },
    {
      "tools/list": ({ cursor }) => ({
        tools:
          cursor === undefined
            ? [{ name: long, inputSchema: { type: "object" }, execution: { taskSupport: "required" } }]
            : [],
        nextCursor: long + (cursor ?? ""),
      }),
      "tools/call": ({ task }) => (task === undefined ? text("plain") : handle25("t1")),
    },
  );
  const { client } = await connect(peer, "SDK v1");
  assert.deepEqual((await client.callTool({ name: long })).content, text("plain").content);
  assert.equal(peer.all("tools/list").length, 1, "such a cursor ends the list");
  await client.close();
});
