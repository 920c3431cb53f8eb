// What a modern task says of itself while it runs and when it has ended.
import { ProtocolError, UrlElicitationRequiredError } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallToolResultV2Schema } from "@modelcontextprotocol/ext-tasks/core/v2";
import { FRAMES, PLAIN, RELATED, World, accept, form, latch, text, type Json, type Way } from "./harness/g26.ts";

const WAYS: Way[] = ["fetch", "http", "pipe"];
const KINDS = WAYS.flatMap((way) =>
  [false, true].map((low) => ({ way, low, name: `${low ? "Server" : "McpServer"}, ${way}` })),
);
const always = { task: "always" } as const;

/** What the task of a call ended with, and what the same call answers without one. */
async function both(world: World, tool: string, args: Json = {}): Promise<{ task: Json; plain: Json }> {
  const plain = await world.call(tool, args, { caps: PLAIN });
  const task = await world.until(await world.start(tool, args), ["completed", "failed", "cancelled"]);
  return { task, plain };
}

for (const { way, low, name } of KINDS) {
  // G26-GET-01, G26-GET-02, G26-GET-06
  test(`every status is a complete result with what belongs to it and nothing else (${name})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: {
        work: () => gate.promise.then(() => text("done")),
        ask: async (_, ctx) =>
          text(JSON.stringify(await world.tasks.current(ctx)?.requireInput(form("?", { a: { type: "string" } })))),
        fail: () => Promise.reject(new ProtocolError(-32602, "bad")),
      },
      tasks: always,
      way,
      low,
    });
    // The harness checks resultType, schema and keys of each answer by its status.
    const working = await world.until(await world.start("work"), "working");
    for (const key of ["result", "error", "inputRequests"]) assert.ok(!(key in working), key);
    assert.ok((await world.until(await world.start("ask"), "input_required")).inputRequests);
    gate.resolve();
    await world.until(working.taskId, "completed");
    const failed = await world.until(await world.start("fail"), low ? "failed" : "completed");
    assert.equal(failed.resultType, "complete");
    const id = await world.start("ask");
    await world.until(id, "input_required");
    await world.cancel(id);
    const cancelled = await world.until(id, "cancelled");
    for (const key of ["result", "error", "inputRequests"]) assert.ok(!(key in cancelled), key);
    assert.equal(cancelled.resultType, "complete");
  });

  // G26-GET-04, G26-RES-02, G26-RES-04
  test(`a completed task carries what the call would have returned (${name})`, async () => {
    const rich = {
      content: [
        { type: "text", text: "é\u2028𝄞", annotations: { priority: 0.5 } },
        { type: "image", data: "AAAA", mimeType: "image/png" },
      ],
      structuredContent: { nested: { list: [1, 2.5, null, true, { "": "" }], ["__proto"]: 1 } },
      _meta: { "example.com/x": { y: 1 } },
    };
    await using world = await World.open({ tools: { work: () => structuredClone(rich) }, tasks: always, way, low });
    const { task, plain } = await both(world, "work");
    assert.deepEqual(task.result, plain.result);
    assert.equal(task.result.resultType, "complete");
    assert.ok(CallToolResultV2Schema.safeParse(task.result).success);
    assert.equal(task.result._meta[RELATED], undefined);
    // Reading takes nothing away.
    for (let turn = 0; turn < 3; turn++) assert.deepEqual((await world.get(task.taskId)).result, task);
  });

  test(`G26-ERR-02, H80: a failed tool result completes its task (${name})`, async () => {
    await using world = await World.open({
      tools: { work: () => ({ ...text("no such file"), isError: true }) },
      tasks: always,
      way,
      low,
    });
    const { task, plain } = await both(world, "work");
    assert.equal(task.status, "completed");
    assert.equal(task.result.isError, true);
    assert.deepEqual(task.result, plain.result);
  });
}

for (const way of WAYS) {
  // G26-GET-05, G26-RES-05, G26-ERR-02 (part)
  test(`a JSON-RPC error fails the task, unchanged, with a status message (${way})`, async () => {
    const data = { why: ["quota", { left: 0 }] };
    await using world = await World.open({
      tools: { work: () => Promise.reject(new ProtocolError(-32000, "no quota", data)) },
      tasks: always,
      way,
      low: true,
    });
    const { task, plain } = await both(world, "work");
    assert.equal(task.status, "failed");
    assert.deepEqual(task.error, { code: -32000, message: "no quota", data });
    assert.deepEqual(task.error, plain.error);
    assert.equal(task.statusMessage, "no quota");
  });

  test(`G26-ERR-02 (part), H82: an exception is -32603, whatever it calls its code (${way})`, async () => {
    const thrown: Record<string, unknown> = {
      error: new Error("broken"),
      enoent: Object.assign(new Error("no such file"), { code: "ENOENT" }),
      float: Object.assign(new Error("odd"), { code: 1.5 }),
      huge: Object.assign(new Error("odd"), { code: 2 ** 60 }),
      nan: Object.assign(new Error("odd"), { code: Number.NaN }),
    };
    await using world = await World.open({
      tools: { work: ({ what }) => Promise.reject(thrown[what]) },
      tasks: always,
      way,
      low: true,
    });
    for (const what of Object.keys(thrown)) {
      const { task } = await both(world, "work", { what });
      assert.equal(task.status, "failed", what);
      assert.equal(task.error.code, -32603, what);
      assert.equal(typeof task.error.message, "string");
    }
  });

  // H81, G26-INP-13 (part), G26-ERR-03 (part)
  test(`the codes that the revision took away never leave, however they are thrown (${way})`, async () => {
    const thrown: Record<string, () => unknown> = {
      url: () =>
        new UrlElicitationRequiredError([
          { mode: "url", message: "go", elicitationId: "e-1", url: "https://example.com" },
        ]),
      bare: () => Object.assign(new Error("go"), { code: -32042, data: { elicitations: [{ elicitationId: "e-1" }] } }),
      resource: () => Object.assign(new Error("gone"), { code: -32002 }),
      invented: () => Object.assign(new Error("mine"), { code: -32055 }),
    };
    for (const low of [false, true]) {
      await using world = await World.open({
        tools: { work: ({ what }) => Promise.reject(thrown[what]?.()) },
        tasks: always,
        way,
        low,
      });
      for (const what of Object.keys(thrown)) {
        const task = await world.until(await world.start("work", { what }), ["completed", "failed"]);
        assert.ok(!JSON.stringify(task).includes("elicitationId"), what);
        if (task.status === "failed")
          assert.ok([-32603, -32602].includes(task.error.code), `${what}: ${task.error.code}`);
        else assert.equal(task.result.isError, true);
      }
    }
  });

  test(`H83: a result that JSON cannot hold fails its task (${way})`, async () => {
    const cycle: Json = text("x");
    cycle.structuredContent = { cycle };
    const results: Record<string, unknown> = {
      bigint: { ...text("x"), structuredContent: { n: 1n } },
      cycle,
      thrower: {
        ...text("x"),
        structuredContent: {
          toJSON: () => {
            throw new Error("secret");
          },
        },
      },
    };
    await using world = await World.open({
      tools: { work: ({ what }) => results[what] },
      tasks: always,
      way,
      low: true,
    });
    for (const what of Object.keys(results)) {
      const task = await world.until(await world.start("work", { what }), ["completed", "failed"]);
      assert.equal(task.status, "failed", what);
      assert.equal(task.error.code, -32603);
      assert.ok(task.statusMessage);
      assert.ok(!JSON.stringify(task).includes("secret"));
    }
  });
}

// X-LIM-03, X-LIM-02 (part)
test("a result over the limit fails its task and says why; one below it arrives", async () => {
  await using world = await World.open({
    tools: { work: ({ size }) => text("x".repeat(size)) },
    tasks: { ...always, limits: { resultBytes: 1000 } },
  });
  const overhead = JSON.stringify({
    ...text(""),
    resultType: "complete",
    _meta: { "io.modelcontextprotocol/serverInfo": { name: "g26", version: "1.0.0" } },
  }).length;
  const fits = await world.until(await world.start("work", { size: 1000 - overhead }), ["completed", "failed"]);
  assert.equal(fits.status, "completed");
  const over = await world.until(await world.start("work", { size: 1001 - overhead }), ["completed", "failed"]);
  assert.equal(over.status, "failed");
  assert.deepEqual(over.error.data, { reason: "payload_limit" });
  assert.equal(over.error.code, -32603);
  assert.equal(over.result, undefined);
});

test("H67, X-LIM-03 (part): 50 MiB", async () => {
  await using world = await World.open({ tools: { work: () => text("x".repeat(50 * 2 ** 20)) }, tasks: always });
  const task = await world.until(await world.start("work"), ["completed", "failed"]);
  assert.equal(task.status, "failed");
  assert.deepEqual(task.error.data, { reason: "payload_limit" });
});

test("X-LIM-02 (part): a status message is cut at 4 KiB, between code points", async () => {
  const gate = latch();
  await using world = await World.open({
    tools: {
      async work({ message }, ctx) {
        await world.tasks.current(ctx)?.status(message);
        await gate.promise;
        return text("done");
      },
    },
    tasks: always,
  });
  for (const [message, kept] of [
    ["a".repeat(4096), 4096],
    ["a".repeat(4097), 4096],
    ["𝄞".repeat(1024), 4096],
    [`a${"𝄞".repeat(1024)}`, 4093],
  ] as const) {
    const id = await world.start("work", { message });
    let state: Json;
    do state = (await world.get(id)).result;
    while (!state.statusMessage);
    assert.equal(Buffer.byteLength(state.statusMessage), kept);
    assert.ok(message.startsWith(state.statusMessage));
  }
  gate.resolve();
});

function deep(levels: number): Json {
  let value: Json = 1;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

for (const way of WAYS) {
  // X-LIM-04 (part), H68
  test(`boundless nesting fails in an answer, is refused in a question, and overflows nothing (${way})`, async () => {
    let given: Json;
    await using world = await World.open({
      tools: {
        result: ({ levels }) => ({ ...text("x"), structuredContent: deep(levels) }),
        args: (args) => ((given = args), text("took it")),
      },
      tasks: always,
      way,
      low: true,
    });
    for (const levels of [600, 5_000, 100_000]) {
      const task = await world.until(await world.start("result", { levels }), ["completed", "failed"]);
      assert.equal(task.status, "failed", String(levels));
      assert.equal(task.error.code, -32603);
    }
    const shallow = await world.until(await world.start("result", { levels: 400 }), ["completed", "failed"]);
    assert.equal(shallow.status, "completed");
    // A question: as text, since this side cannot write it either.
    if (way === "pipe") {
      const answer = await world.call("args", { deep: deep(5_000) });
      assert.equal(answer.error?.code, -32602);
    } else {
      const message = world.compose("tools/call", { name: "args", arguments: { deep: "@" } });
      const response = await world.post(
        message,
        {},
        JSON.stringify(message).replace('"@"', `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
      );
      const answer = await world.read(response, message);
      assert.ok([-32602, -32700].includes(answer.error?.code as number), answer.text.slice(0, 300));
    }
    assert.equal(given, undefined);
    assert.ok((await world.call("args", { deep: deep(100) })).result);
  });
}

test("X-ERR-02: what went wrong inside stays inside: no stack, no key of the store, nobody else's id", async () => {
  await using world = await World.open({
    tools: { work: () => Promise.reject(new Error("broken")), bad: () => ({ content: 5 }) },
    tasks: always,
    low: true,
  });
  const texts: string[] = [];
  for (const tool of ["work", "bad"])
    texts.push(JSON.stringify(await world.until(await world.start(tool), ["completed", "failed"])));
  for (const id of ["x", "../../etc/passwd", "'; DROP TABLE tasks", "a".repeat(5000), " ", "é"]) {
    const { error } = await world.get(id);
    assert.ok(error);
    texts.push(JSON.stringify(error));
  }
  for (const one of texts) assert.doesNotMatch(one, /\bat .*:\d+:\d+|node_modules|file:|DROP|passwd|state|owner/);
});

test("X-SEC-13: text from a peer or a tool is passed on as text", async () => {
  const nasty = [
    "<script>alert(1)</script>",
    "${process.exit(1)}",
    "../../etc/passwd",
    "'; DROP TABLE tasks; --",
    "\u0000\u001b[2J",
    "__proto__",
    "constructor",
    "{{7*7}}",
  ];
  await using world = await World.open({
    tools: {
      async work({ message }, ctx) {
        const task = world.tasks.current(ctx);
        await task?.status(message);
        const answer: Json = await task?.requireInput(form(message, { a: { type: "string" } }), message);
        return { ...text(answer.content.a), structuredContent: JSON.parse(`{${JSON.stringify(message)}: 1}`) };
      },
    },
    tasks: always,
  });
  for (const message of nasty) {
    const id = await world.start("work", { message });
    const asking = await world.until(id, "input_required");
    assert.equal(asking.statusMessage, message);
    const [[key, request]] = Object.entries(asking.inputRequests) as [[string, Json]];
    assert.equal(request.params.message, message);
    await world.update(id, { [key]: accept({ a: message }) });
    const { result } = await world.until(id, "completed");
    assert.equal(result.content[0].text, message);
    assert.deepEqual(Object.keys(result.structuredContent), [message]);
  }
  assert.equal(({} as Json).a, undefined);
});

// X-STO-10 (part)
test("what a handler changes afterwards, or a reader changes in what it got, changes nothing", async () => {
  const shared: Json = { ...text("first"), structuredContent: { list: [1] } };
  const { promise, resolve } = latch<Json>();
  await using world = await World.open({
    tools: { work: () => (resolve(shared), shared) },
    tasks: always,
    way: "pipe",
    low: true,
  });
  const id = await world.start("work");
  await promise;
  const first = await world.until(id, "completed");
  shared.content[0].text = "second";
  shared.structuredContent.list.push(2);
  first.result.structuredContent.list.push(3);
  const { result } = (await world.get(id)).result;
  assert.equal(result.content[0].text, "first");
  assert.deepEqual(result.structuredContent, { list: [1] });
});

test("G26-ERR-01, G26-CAN-03, G26-UPD-04 (part): an unknown task is -32602, with HTTP 200, in one text", async () => {
  for (const way of WAYS) {
    await using world = await World.open({ tools: {}, tasks: always, way });
    const errors = new Set<string>();
    for (const id of ["nobody", "AAAAAAAAAAAAAAAAAAAAAA", "x".repeat(128)]) {
      for (const answer of [
        await world.get(id),
        await world.update(id, {}),
        await world.update(id, { a: 5 }),
        await world.cancel(id),
      ]) {
        assert.equal(answer.error?.code, -32602);
        if (answer.status !== undefined) assert.equal(answer.status, 200);
        errors.add(JSON.stringify(answer.error));
      }
    }
    assert.equal(errors.size, 1);
  }
});

test("H62 (part), X-LIM-05 (part), X-LIM-07 (part): strange ids are not found, and change nothing", async () => {
  for (const way of WAYS) {
    await using world = await World.open({ tools: {}, tasks: always, way });
    for (const id of [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "\ud800",
      "a\udc00",
      5,
      null,
      true,
      [],
      {},
      undefined,
    ]) {
      for (const method of ["tasks/get", "tasks/cancel", "tasks/update"]) {
        const { error } = await world.request(
          method,
          { taskId: id, inputResponses: {} },
          { headers: typeof id === "string" && /\p{Cs}/u.test(id) ? { "mcp-name": "=?base64?7aCA?=" } : {} },
        );
        // A lone surrogate cannot stand in a header, so that HTTP refuses it one step earlier.
        assert.ok(error?.code === -32602 || error?.code === -32020, `${String(id)}: ${error?.code}`);
      }
    }
  }
});

test("G26-ERR-03: of the reserved codes only the defined ones were sent in this file", () => {
  const codes = FRAMES.filter(({ from }) => from === "server")
    .flatMap(({ message }) => [message.error?.code, message.result?.error?.code])
    .filter((code) => code !== undefined);
  assert.ok(codes.length > 20);
  for (const code of codes)
    assert.ok(!(code <= -32020 && code >= -32099) || [-32020, -32021, -32022].includes(code), String(code));
  assert.ok(!codes.includes(-32042) && !codes.includes(-32002));
});
