// What a request must say of itself before the server deals with tasks for it, and how each omission is answered
// (2026-07-28).
import { specTypeSchemas } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALL,
  EXTENSION,
  KEYS,
  PLAIN,
  TASKS,
  VERSION,
  World,
  latch,
  text,
  type Json,
  type Tool,
  type Way,
  type Answer,
} from "./harness/g26.ts";

const NEEDS = { requiredCapabilities: { extensions: { [EXTENSION]: {} } } };
const WAYS: Way[] = ["fetch", "http", "pipe"];
const tools: Record<string, Tool> = {
  task: () => text("as a task"),
  only: () => text("as a task only"),
  plain: () => text("at once"),
};
const policies = { tools: { task: { task: "always" }, only: { task: "always", support: "required" } } } as const;

/** The code, and the HTTP status where there is one. */
function refused({ error, status }: Answer, code: number, http: number): NonNullable<Answer["error"]> {
  assert.equal(error?.code, code, JSON.stringify(error));
  if (status !== undefined) assert.equal(status, http);
  return error;
}

for (const way of WAYS) {
  test(`G26-CAP-02: server/discover advertises the extension (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const { result } = await world.request("server/discover");
    assert.equal((specTypeSchemas.DiscoverResult["~standard"].validate(result) as Json).issues, undefined);
    assert.deepEqual(result.capabilities.extensions, { [EXTENSION]: {} });
  });

  test(`G26-CAP-03, G26-CAP-13, H49: each request counts by itself, whatever came before it (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const kinds: string[] = [];
    for (const caps of [ALL, PLAIN, ALL, {}, TASKS, PLAIN])
      kinds.push((await world.call("task", {}, { caps })).result.resultType);
    assert.deepEqual(kinds, ["task", "complete", "task", "complete", "task", "complete"]);
    // Side by side: one client with, one without, neither waits for the other.
    const both = await Promise.all([ALL, PLAIN, ALL, PLAIN].map((caps) => world.call("task", {}, { caps })));
    assert.deepEqual(
      both.map(({ result }) => result.resultType),
      ["task", "complete", "task", "complete"],
    );
    const { taskId } = both[0]!.result;
    refused(await world.get(taskId, { caps: PLAIN }), -32021, 400);
    assert.equal((await world.get(taskId)).error, undefined);
  });

  // G26-CAP-04
  test(`a tool that runs only as a task is refused without the extension, and does not run (${way})`, async () => {
    let runs = 0;
    await using world = await World.open({ tools: { only: () => (runs++, text("ran")) }, tasks: policies, way });
    for (const caps of [PLAIN, {}, { extensions: {} }, { tasks: { requests: { tools: { call: {} } } } }]) {
      assert.deepEqual(refused(await world.call("only", {}, { caps }), -32021, 400).data, NEEDS);
    }
    assert.equal(runs, 0);
    await world.until(await world.start("only"), "completed");
    assert.equal(runs, 1);
  });

  // G26-CAP-05, G26-UPD-14 (part)
  test(`tasks/get, update and cancel are refused without the extension (${way})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { task: () => gate.promise.then(() => text("done")) },
      tasks: policies,
      way,
    });
    const id = await world.start("task");
    for (const taskId of [id, "unknown"]) {
      for (const answer of [
        await world.get(taskId, { caps: PLAIN }),
        await world.update(taskId, {}, { caps: PLAIN }),
        await world.cancel(taskId, { caps: PLAIN }),
      ]) {
        assert.deepEqual(refused(answer, -32021, 400).data, NEEDS);
      }
    }
    assert.equal((await world.get(id)).result.status, "working");
    gate.resolve();
    await world.until(id, "completed");
  });

  // G26-CAP-11, G26-CAP-14 (part)
  test(`the legacy capability and anything but an object count as nothing (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const values = [true, null, [], "{}", 1];
    const none = [
      { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      ...values.map((value) => ({ extensions: { [EXTENSION]: value } })),
    ];
    for (const caps of none) {
      const { result, error } = await world.call("task", {}, { caps });
      // The SDK may refuse an envelope with such a value in it before anybody reads it.
      if (error) assert.equal(error.code, -32602, JSON.stringify(caps));
      else assert.equal(result.resultType, "complete", JSON.stringify(caps));
    }
    assert.equal(
      (await world.call("task", {}, { caps: { extensions: { [EXTENSION]: { later: 1 } } } })).result.resultType,
      "task",
    );
  });

  test(`H62 (part), X-LIM-05 (part): the extension on a prototype is not declared (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const hostile = JSON.parse(
      `{"__proto__": {"extensions": {"${EXTENSION}": {}}}, "extensions": {"__proto__": {"${EXTENSION}": {}}}}`,
    );
    const { result } = await world.call("task", {}, { caps: hostile });
    assert.equal(result.resultType, "complete");
    assert.equal(({} as Json).extensions, undefined);
  });

  // G26-CAP-12
  test(`no request without version or capabilities passes, and one without a client's name does (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const taskId = await world.start("task");
    const modern = { "mcp-protocol-version": VERSION };
    for (const [method, params] of [
      ["tools/call", { name: "task", arguments: {} }],
      ["tasks/get", { taskId }],
      ["tasks/update", { taskId, inputResponses: {} }],
      ["tasks/cancel", { taskId }],
    ] as const) {
      refused(await world.request(method, params, { caps: null }), -32602, 400);
      refused(await world.request(method, params, { version: null, headers: modern }), -32602, 400);
    }
    assert.ok((await world.get(taskId)).result, "clientInfo was never sent");
  });

  test(`G26-ERR-04, G26-RES-01, G26-LST-01, H48 (part): methods that are not there (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const taskId = await world.start("task");
    for (const method of ["tasks/result", "tasks/list", "tasks/delete", "tasks/", "tasks/__proto__", "nothing/here"]) {
      refused(await world.request(method, { taskId }), -32601, 404);
    }
  });

  test(`G26-TLN-01, G26-TLN-02: no task support in a modern list, and params.task means nothing (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    const { result } = await world.request("tools/list");
    assert.equal(result.tools.length, 3);
    for (const tool of result.tools) assert.equal(tool.execution, undefined);
    for (const task of [{}, { ttl: 5 }, true, "x"]) {
      assert.equal(
        (await world.request("tools/call", { name: "plain", arguments: {}, task })).result.resultType,
        "complete",
      );
      assert.equal(
        (await world.request("tools/call", { name: "task", arguments: {}, task }, { caps: PLAIN })).result.resultType,
        "complete",
      );
      const { result } = await world.request("tools/call", { name: "task", arguments: {}, task });
      assert.equal(result.resultType, "task");
      assert.notEqual(result.ttlMs, 5);
    }
  });
}

// G26-CAP-10
test("the modern capabilities have the extension, the legacy ones have tasks, neither the other's", async () => {
  await using world = await World.open({
    tools,
    tasks: policies,
    sdk: { capabilities: { tools: {}, tasks: { list: {} } } as Json },
  });
  const modern = (await world.request("server/discover")).result.capabilities;
  assert.equal(modern.tasks, undefined);
  assert.deepEqual(modern.extensions, { [EXTENSION]: {} });
  const initialize = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "old", version: "1" } },
  };
  const legacy = (await world.raw(initialize, { headers: { "mcp-method": null } })).result.capabilities;
  assert.deepEqual(legacy.tasks.requests, { tools: { call: {} } });
  assert.equal(legacy.extensions?.[EXTENSION], undefined);
});

for (const way of WAYS) {
  // G26-CAP-15
  test(`where the extension is off, its methods do not exist and it is not advertised (${way})`, async () => {
    await using world = await World.open({ tools, tasks: { ...policies, generations: ["2025-11-25"] }, way });
    for (const caps of [ALL, PLAIN]) {
      assert.equal((await world.call("task", {}, { caps })).result.resultType, "complete");
      for (const method of ["tasks/get", "tasks/update", "tasks/cancel"])
        refused(await world.request(method, { taskId: "x", inputResponses: {} }, { caps }), -32601, 404);
    }
    assert.equal((await world.request("server/discover")).result.capabilities.extensions?.[EXTENSION], undefined);
  });
}

test("G26-CAP-15 (part): a server without tasks answers the same by itself", async () => {
  await using world = await World.open({ tools, bare: true });
  refused(await world.get("x"), -32601, 404);
});

for (const way of WAYS) {
  test(`G26-ERR-05: a version that nobody speaks is answered with both lists (${way})`, async () => {
    await using world = await World.open({ tools, tasks: policies, way });
    for (const [method, params] of [
      ["tools/call", { name: "task", arguments: {} }],
      ["tasks/get", { taskId: "x" }],
    ] as const) {
      const error = refused(await world.request(method, params, { version: "2099-01-01" }), -32022, 400);
      assert.equal(error.data.requested, "2099-01-01");
      assert.ok(error.data.supported.includes(VERSION), JSON.stringify(error.data));
    }
  });
}

test("G26-HTT-03, H66: a header that is missing or says something else is refused, and nothing happens", async () => {
  for (const way of ["fetch", "http"] as const) {
    const gate = latch();
    await using world = await World.open({
      tools: { task: () => gate.promise.then(() => text("done")) },
      tasks: policies,
      way,
    });
    const id = await world.start("task");
    const other = await world.start("task");
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
      const ask = (headers: Record<string, string | null>, taskId = id): Promise<Answer> =>
        world.request(method, { taskId, inputResponses: {} }, { headers });
      const sentinel = (value: string): string => `=?base64?${Buffer.from(value).toString("base64")}?=`;
      const wrong: Record<string, string | null>[] = [
        { "mcp-name": null },
        { "mcp-name": other },
        { "mcp-name": id.toLowerCase() === id ? id.toUpperCase() : id.toLowerCase() },
        { "mcp-name": sentinel(other) },
        { "mcp-name": "=?base64?%%%?=" },
        { "mcp-method": null },
        { "mcp-method": "tools/call" },
        { "mcp-method": method.toUpperCase() },
        { "mcp-protocol-version": null },
        { "mcp-protocol-version": "2025-11-25" },
      ];
      for (const headers of wrong) refused(await ask(headers), -32020, 400);
      // The names of headers are not case-sensitive, and an encoded value is compared decoded.
      if (method === "tasks/get")
        assert.equal((await ask({ "mcp-name": null, "MCP-NAME": sentinel(id) })).error, undefined);
    }
    for (const taskId of [id, other]) assert.equal((await world.get(taskId)).result.status, "working");
    gate.resolve();
    await world.until(id, "completed");
    await world.until(other, "completed");
  }
});

test("H65 (part): an id that looks encoded is encoded again, and compared as it is", async () => {
  await using world = await World.open({ tools, tasks: policies });
  const { error, status } = await world.get("=?base64?eA==?=");
  assert.equal(error?.code, -32602);
  assert.equal(status, 200);
});

test("G26-HTT-04: what is looked up is the body's id; a forged header only fails the comparison", async () => {
  await using world = await World.open({ tools, tasks: policies });
  const id = await world.start("task");
  refused(await world.get("somebody-elses-id", { headers: { "mcp-name": id } }), -32020, 400);
  refused(await world.get(id, { headers: { "mcp-name": "somebody-elses-id" } }), -32020, 400);
});

test("G26-ERR-06: header, version, envelope, method, extension, parameters, lookup, in this order", async () => {
  await using world = await World.open({ tools, tasks: policies });
  const taskId = await world.start("task");
  await world.until(taskId, "completed");
  // Header before version.
  refused(
    await world.get(taskId, { version: "2099-01-01", headers: { "mcp-protocol-version": VERSION } }),
    -32020,
    400,
  );
  // Header before method and extension.
  refused(await world.request("tasks/result", { taskId }, { headers: { "mcp-method": "tasks/get" } }), -32020, 400);
  refused(await world.get(taskId, { caps: PLAIN, headers: { "mcp-name": "x" } }), -32020, 400);
  // Envelope before extension, parameters and lookup.
  refused(await world.get(5, { caps: null }), -32602, 400);
  // Version before extension and lookup.
  refused(await world.get("x", { version: "2099-01-01", caps: PLAIN }), -32022, 400);
  // Method before extension.
  refused(await world.request("tasks/result", { taskId }, { caps: PLAIN }), -32601, 404);
  // Extension before parameters.
  refused(await world.get(5, { caps: PLAIN, headers: { "mcp-name": null } }), -32021, 400);
  refused(await world.update(taskId, "not an object", { caps: PLAIN }), -32021, 400);
  // Extension before lookup.
  refused(await world.get("x", { caps: PLAIN }), -32021, 400);
  // Parameters before lookup.
  const parameters = refused(await world.update("x", "not an object"), -32602, 200);
  const lookup = refused(await world.update("x", {}), -32602, 200);
  assert.notEqual(parameters.message, lookup.message);
  // Lookup before action.
  assert.equal(refused(await world.cancel("x"), -32602, 200).message, lookup.message);
});

// G26-CAP-13 (part)
test("nothing is carried over in a process either: two clients over HTTP, interleaved, each with a name", async () => {
  await using world = await World.open({ tools, tasks: policies });
  const meta = { [KEYS.client]: { name: "one", version: "1" } };
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => world.call("task", {}, { caps: index % 2 ? PLAIN : ALL, meta })),
  );
  assert.deepEqual(
    answers.map(({ result }) => result.resultType),
    Array.from({ length: 20 }, (_, index) => (index % 2 ? "complete" : "task")),
  );
});
