// Somebody is told how tasks end: the hook, and the webhook that signs and posts it.
import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import {
  type SettledTask,
  type TaskError,
  TaskServer,
  type TaskServerOptions,
  isTaskError,
  memoryStore,
} from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { type WebhookOptions, webhook } from "mcp-longhaul/webhooks";
import { Webhook } from "standardwebhooks";
import { until } from "./harness/frames.ts";
import { World, auth, text } from "./harness/g26.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Somebody who is told; `answer` gives the status, or nothing for none at all. */
async function receiver(t: TestContext, answer: () => number | undefined): Promise<{ url: string; posts: Posted[] }> {
  const posts: Posted[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      posts.push({ headers: request.headers, body });
      const status = answer();
      if (status !== undefined) response.writeHead(status, { location: "/elsewhere" }).end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, posts };
}

/** Time passes for the clock of this process, though nobody waits. */
function pass(t: TestContext, ms: number): void {
  const before = performance.now.bind(performance);
  t.mock.method(performance, "now", () => before() + ms);
}

async function world(t: TestContext, options: TaskServerOptions): Promise<World> {
  const opened = await World.open({
    tools: {
      quick: async ({ fails }) => (fails === true ? Promise.reject(new Error("no")) : text("done")),
      slow: () => new Promise(() => {}),
    },
    tasks: { defaults: { task: "always" }, ...options },
  });
  t.after(() => opened.close());
  return opened;
}

test("each end is told once, signed as the official library checks it", async (t) => {
  const { url, posts } = await receiver(t, () => 204);
  const store = sqliteStore(new DatabaseSync(":memory:"));
  const { start, cancel, until: ends } = bound(await world(t, { store, onsettled: webhook({ url, secret: SECRET }) }));
  const ids = [await start("quick"), await start("quick", { fails: true }), await start("slow")] as const;
  await ends(ids[0], "completed");
  await ends(ids[1], "completed");
  await cancel(ids[2]);
  await until(() => posts.length === 3, "all three are told");
  const told = posts.map(({ headers, body }) => new Webhook(SECRET).verify(body, headers as never)) as never as {
    type: string;
    timestamp: string;
    data: SettledTask;
  }[];
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.taskId, data.status, data.isError]),
    [
      ["task.completed", ids[0], "completed", undefined],
      ["task.completed", ids[1], "completed", true],
      ["task.cancelled", ids[2], "cancelled", undefined],
    ],
  );
  for (const [index, { data, timestamp }] of told.entries()) {
    assert.equal(posts[index]!.headers["webhook-id"], ids[index]);
    assert.deepEqual([data.owner, data.method, data.attempt, data.epoch], ["", "tools/call", 1, 1]);
    assert.ok(data.at >= data.createdAt && new Date(timestamp).getTime() === data.at);
  }
  // Nothing of it is left in the records.
  await until(() => (store.due(Date.now() + 61_000, 10) as readonly unknown[]).length === 0, "nobody else is to tell");
});

test("what is not taken is told again, under the same id and with the next attempt", async (t) => {
  const errors: TaskError[] = [];
  let status: number | undefined = 503;
  const { url, posts } = await receiver(t, () => status);
  const opened = await world(t, {
    onsettled: webhook({ url, secret: SECRET, timeout: 200 }),
    onerror: (error) => errors.push(error),
  });
  const { start } = bound(opened);
  const id = await start("quick");
  for (const [index, [ms, next]] of (
    [
      [31_000, 302],
      [301_000, undefined],
      [1_801_000, 200],
    ] as const
  ).entries()) {
    const attempt = index + 1;
    await until(() => posts.length === attempt && errors.length === attempt, `attempt ${attempt} has failed`);
    status = next;
    pass(t, ms);
    await until(() => {
      opened.tasks.sweep();
      return posts.length > attempt;
    }, "it is told again");
  }
  const ids = posts.map(({ headers }) => headers["webhook-id"]);
  const attempts = posts.map(({ body }) => JSON.parse(body).data.attempt);
  assert.deepEqual(
    [ids, attempts],
    [
      [id, id, id, id],
      [1, 2, 3, 4],
    ],
  );
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["failed", "failed", "connection"],
  );
  assert.match(errors[1]!.message, /answered with 302/);
  pass(t, 7_201_000);
  opened.tasks.sweep();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(posts.length, 4);
});

test("what a process left untold, another one tells", async (t) => {
  const store = memoryStore();
  const one = await world(t, { store, onsettled: () => new Promise(() => {}) });
  const id = await bound(one).start("quick");
  await bound(one).until(id, "completed");
  await one.tasks.close();
  const told: SettledTask[] = [];
  const two = new TaskServer({ store, onsettled: (settled) => void told.push(settled) });
  t.after(() => two.close());
  two.sweep();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(told.length, 0, "the first one may still do it");
  pass(t, 61_000);
  two.sweep();
  await until(() => told.length === 1, "it is told");
  assert.deepEqual([told[0]!.taskId, told[0]!.type, told[0]!.attempt], [id, "completed", 1]);
});

test("a hook that throws, or is no function of its own, harms no task", async (t) => {
  for (const onsettled of [
    () => {
      throw new RangeError("mine");
    },
    () => Promise.reject(new RangeError("mine")),
  ]) {
    const errors: TaskError[] = [];
    const { start, until: ends } = bound(await world(t, { onsettled, onerror: (error) => errors.push(error) }));
    const id = await start("quick");
    await ends(id, "completed");
    await until(() => errors.length === 1, "it is reported");
    assert.ok(errors[0]!.code === "failed" && errors[0]!.cause instanceof RangeError && errors[0]!.taskId === id);
  }
});

test("a secret that follows another one signs beside it, and `data` decides what is told", async (t) => {
  const { url, posts } = await receiver(t, () => 200);
  const onsettled = webhook({ url: new URL(url), secret: [SECRET, OTHER], data: ({ owner }) => ({ owner }) });
  const opened = await world(t, { onsettled });
  await bound(opened).start("quick", {}, { auth: auth("ann") });
  await until(() => posts.length === 1, "it is told");
  const { headers, body } = posts[0]!;
  for (const secret of [SECRET, OTHER]) new Webhook(secret).verify(body, headers as never);
  assert.throws(() => new Webhook(`whsec_${Buffer.alloc(24).toString("base64")}`).verify(body, headers as never));
  const { data } = JSON.parse(body);
  assert.deepEqual(Object.keys(data), ["owner"]);
  assert.match(data.owner, /ann/);
});

test("wrong options are refused by name", () => {
  const url = "https://example.com/hook";
  for (const [options, name] of [
    [{}, "url"],
    [{ url }, "secret"],
    [{ url: "ftp://example.com", secret: SECRET }, "url"],
    [{ url: "hook", secret: SECRET }, "url"],
    [{ url, secret: "whsec_short" }, "secret"],
    [{ url, secret: [] }, "secret"],
    [{ url, secret: [SECRET, 7] }, "secret"],
    [{ url, secret: SECRET, timeout: 0 }, "timeout"],
    [{ url, secret: SECRET, timeout: 60_000 }, "timeout"],
    [{ url, secret: SECRET, data: "all" }, "data"],
    [{ url, secret: SECRET, fetch: "all" }, "fetch"],
    [{ url, secret: SECRET, retries: 3 }, "retries"],
  ] as [WebhookOptions, string][])
    assert.throws(
      () => webhook(options),
      (error: unknown) =>
        isTaskError(error) && error.code === "invalid_argument" && error.message.includes(`option \`${name}\``),
      name,
    );
});

function bound(opened: World): Pick<World, "start" | "until" | "cancel"> {
  return {
    start: opened.start.bind(opened),
    until: opened.until.bind(opened),
    cancel: opened.cancel.bind(opened),
  };
}
