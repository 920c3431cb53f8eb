// What is given to the package by hand: what it cannot use is refused where it is given, with its name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { isTaskError, memoryStore, provideWasm, TaskClient, TaskServer } from "mcp-longhaul";
import { otel } from "mcp-longhaul/otel";
import { routeByTask } from "mcp-longhaul/stores/durable-object";
import { indexedDbStore } from "mcp-longhaul/stores/indexeddb";
import { postgresStore } from "mcp-longhaul/stores/postgres";
import { redisStore } from "mcp-longhaul/stores/redis";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";

const refused = (words: string) => (error: unknown) =>
  isTaskError(error) && error.code === "invalid_argument" && error.message.includes(words);

test("an option that is wrong is refused by name, and so is one that there is not", () => {
  for (const [options, name] of [
    [{ storeTimeOut: 500 }, "storeTimeOut"],
    [{ limits: { runing: 1 } }, "limits.runing"],
    [{ tools: { render: { onlost: "restart" } } }, "tools.render.onlost"],
    [{ defaults: { tll: 1 } }, "defaults.tll"],
    [{ tools: ["render"] }, "tools"],
    [{ tools: { render: "always" } }, "tools.render"],
    [{ tools: { render: null } }, "tools.render"],
    [{ tools: { render: { task: null } } }, "tools.render.task"],
    [{ tools: { render: { cooperative: "yes" } } }, "tools.render.cooperative"],
    [{ tools: { render: { immediateResponse: 1 } } }, "tools.render.immediateResponse"],
    [{ defaults: "always" }, "defaults"],
    [{ limits: 5 }, "limits"],
    [{ limits: { rate: 5 } }, "limits.rate"],
    [{ limits: { rate: { reads: 5 } } }, "limits.rate.reads"],
    [{ limits: { rate: { raeds: false } } }, "limits.rate.raeds"],
    [{ limits: { rate: { reads: { perSecond: 1, burst: 1, brust: 2 } } } }, "limits.rate.reads.brust"],
    [{ limits: { pageSize: 0 } }, "limits.pageSize"],
    [{ tools: { render: { task: { after: 5, befor: 1 } } } }, "tools.render.task.befor"],
    [{ defaults: { withoutTasks: { after: 5, befor: 1 } } }, "defaults.withoutTasks.befor"],
    [{ taskTools: { list: {} } }, "taskTools.list"],
    [{ taskTools: { wait: "long" } }, "taskTools.wait"],
    [{ taskTools: { status: { nmae: "x" } } }, "taskTools.status.nmae"],
    [{ taskTools: { status: { name: 5 } } }, "taskTools.status.name"],
    [{ store: {} }, "store"],
    [{ store: "tasks.db" }, "store"],
    [{ owner: "alice" }, "owner"],
    [{ onerror: true }, "onerror"],
    [{ onevent: true }, "onevent"],
    [{ traceparent: "00-" }, "traceparent"],
    [{ generations: [] }, "generations"],
    [{ generations: "2025-11-25" }, "generations"],
    [{ fillTaskName: "yes" }, "fillTaskName"],
    [{ crossGeneration: 1 }, "crossGeneration"],
    [{ statusNotifications: null }, "statusNotifications"],
    [{ list: "authenticated" }, "list"],
    [{ cursorKey: "0123456789abcdef" }, "cursorKey"],
  ] as [object, string][]) {
    assert.throws(() => new TaskServer(options), refused(`option \`${name}\``), name);
  }
  assert.throws(() => new TaskServer(null as never), refused("options"));
  const all = {
    store: memoryStore(),
    owner: undefined,
    limits: { rate: false },
    tools: { render: { task: { after: 0 } } },
  } as const;
  assert.ok(new TaskServer(all).attach(new McpServer({ name: "s", version: "1" })));
});

test("a client's option that is wrong is refused by name, and so is one that there is not", () => {
  for (const [options, name] of [
    [{ maxage: 5 }, "maxage"],
    [{ poll: { mni: 5 } }, "poll.mni"],
    [{ poll: { min: 0 } }, "poll.min"],
    [{ poll: { max: 2 ** 31 } }, "poll.max"],
    [{ poll: 5 }, "poll"],
    [{ preference: "maybe" }, "preference"],
    [{ ttl: -1 }, "ttl"],
    [{ onAbort: "dettach" }, "onAbort"],
    [{ callTimeout: "until-tsak" }, "callTimeout"],
    [{ maxAge: 0.5 }, "maxAge"],
    [{ listen: "no" }, "listen"],
    [{ ontask: {} }, "ontask"],
    [{ onerror: true }, "onerror"],
  ] as [object, string][]) {
    assert.throws(() => new TaskClient(options), refused(`TaskClient`), name);
    assert.throws(() => new TaskClient(options), refused(`option \`${name}\``), name);
  }
  assert.throws(() => new TaskClient(null as never), refused("options"));
  assert.ok(new TaskClient({ poll: { min: 5, max: undefined }, maxAge: undefined, listen: false, ttl: 0 }));
});

test("an option of a call is refused by name, as a rejection; what is the SDK's passes", async () => {
  const host = new TaskClient();
  for (const [options, name] of [
    [{ preference: "maybe" }, "preference"],
    [{ ttl: 0.5 }, "ttl"],
    [{ onAbort: "dettach" }, "onAbort"],
  ] as [Record<string, unknown>, string][]) {
    await assert.rejects(host.callTool({} as never, { name: "x" }, options), refused(`option \`${name}\``));
    await assert.rejects(
      host.resume({} as never, { format: 1, taskId: "t", tool: "x", generation: "2026-07-28" }, options),
      refused(`option \`${name}\``),
    );
  }
  await assert.rejects(host.callTool({} as never, { name: "x" }, { anyOfTheSdk: 1 }), refused("not connected"));
  await assert.rejects(host.resume({} as never, null as never), refused("resume()"));
});

test("whatever takes options refuses a name that there is not", async () => {
  for (const [taker, take] of [
    ["memoryStore", (options) => memoryStore(options)],
    ["sqliteStore", (options) => sqliteStore({} as never, options)],
    ["postgresStore", (options) => postgresStore({} as never, options)],
    ["redisStore", (options) => redisStore({} as never, options)],
    ["indexedDbStore", (options) => indexedDbStore("tasks", options)],
    ["routeByTask", (options) => routeByTask(new Request("http://localhost"), {} as never, options)],
    ["otel", (options) => otel(options)],
    ["provideWasm", (options) => provideWasm(options)],
    ["TaskServer.close()", (options) => new TaskServer().close(options)],
  ] as [string, (options: never) => unknown][]) {
    const taken = async (options: unknown): Promise<unknown> => take(options as never);
    await assert.rejects(taken({ prefx: undefined }), refused(`${taker} has no option \`prefx\``), taker);
    await assert.rejects(taken(null), refused(`${taker} takes an object of options`), taker);
  }
  await assert.rejects(new TaskServer().close({ drain: -1 }), refused("TaskServer.close() option `drain`"));
  await assert.rejects(new TaskServer().close({ timeout: "5" as never }), refused("option `timeout`"));
});

test("what is no server, client, handler or database is refused at once", () => {
  for (const nothing of [undefined, null, "server", {}]) {
    assert.throws(() => new TaskServer().attach(nothing as never), refused("TaskServer.attach()"));
    assert.throws(() => new TaskClient().attach(nothing as never), refused("TaskClient.attach()"));
    assert.throws(() => new TaskServer().fetch(nothing as never), refused("TaskServer.fetch()"));
    assert.throws(() => sqliteStore(nothing as never), refused("sqliteStore needs"));
    assert.throws(() => postgresStore(nothing as never), refused("postgresStore needs"));
  }
  assert.ok(new TaskClient().attach(InMemoryTransport.createLinkedPair()[0]));
});
