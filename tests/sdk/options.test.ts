// What is given to the package by hand: what it cannot use is refused where it is given, with its name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { isTaskError, memoryStore, TaskClient, TaskServer } from "mcp-longhaul";
import { postgresStore } from "mcp-longhaul/stores/postgres";
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
