// The terminal view on a store, for operators.
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, type TestContext, test } from "node:test";
import type { TaskStore } from "mcp-longhaul";
import { postgresStore } from "mcp-longhaul/stores/postgres";
import { redisStore } from "mcp-longhaul/stores/redis";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { createClient } from "redis";
import { freePorts } from "../engines/ports.ts";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { create, reaches } from "../sdk/harness/g25.ts";
import { world } from "../sdk/harness/g25-world.ts";
import { Program } from "./program.ts";
import { HOSTILE, tools } from "./tools.ts";

/** Where drivers are installed. */
const root = join(import.meta.dirname, "..", "..");

describe("on a store", () => {
  let program: Program;
  before(async () => (program = await Program.install()));
  after(() => program.remove());
  let files = 0;

  /** A server that runs, with its store in a file. */
  async function stage(t: TestContext) {
    const file = join(program.folder, `tasks-${++files}.db`);
    const database = new DatabaseSync(file);
    const store: TaskStore = sqliteStore(database, { wal: true, busyTimeout: 5000 });
    const { requester } = await world(t, "v1", tools, { store });
    const begin = async (tool: string, args: object = {}) => (await create(requester, tool, args)).taskId;
    return { requester, begin, store, on: ["--store", `sqlite:${file}`] };
  }

  test("lists, counts, reads, cancels and purges beside a server that runs", async (t) => {
    const { requester, begin, on } = await stage(t);
    const [added, endless] = [await begin("add", { a: 1, b: 2 }), await begin("endless")];
    await reaches(requester, added, "completed");

    const listed = await program.run("list", ...on);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, new RegExp(`^${endless} +working +endless +\\d+ s +-$`, "m"));
    const counted = await program.run("count", "--json", ...on);
    assert.deepEqual(counted.events.map(({ event, tool, status, tasks }) => [event, tool, status, tasks]).sort(), [
      ["count", "add", "completed", 1],
      ["count", "endless", "working", 1],
    ]);
    const filtered = await program.run("list", "--status", "completed", "--tool", "add", "--json", ...on);
    assert.deepEqual(
      filtered.events.map(({ taskId }) => taskId),
      [added],
    );

    const result = await program.run("result", added, ...on);
    assert.deepEqual([result.code, result.stdout], [0, "3\n"]);

    const running = await program.run("purge", endless, ...on);
    assert.equal(running.code, 1);
    assert.match(running.stderr, /is not over yet/);
    const cancelled = await program.run("cancel", endless, ...on);
    assert.equal(cancelled.code, 0, cancelled.stderr);
    await reaches(requester, endless, "cancelled");

    const young = await program.run("purge", "--older", "3600", ...on);
    assert.deepEqual([young.code, young.stderr], [0, ""]);
    const purged = await program.run("purge", added, endless, "nothing-like-it", "--json", ...on);
    assert.deepEqual(
      purged.events.map(({ taskId, outcome }) => [taskId, outcome]),
      [
        [added, "done"],
        [endless, "done"],
        ["nothing-like-it", "missing"],
      ],
    );
    assert.equal(purged.code, 5);
    assert.equal((await program.run("list", ...on)).stdout, "");
  });

  test("on PostgreSQL, with the driver of the folder where it runs", async (t) => {
    const postgres = await startPostgres();
    t.after(() => postgres.stop());
    const store = postgresStore(postgres.pool(), { tablePrefix: "some_" });
    t.after(() => store.close());
    const { requester } = await world(t, "v1", tools, { store });
    const { taskId } = await create(requester, "endless");
    const { user, host, port, database } = postgres.connection;
    const on = ["--store", `postgres://${user}:any-p4ssword@${host}:${port}/${database}`, "--prefix", "some_"];
    const run = (...command: string[]) => program.start(["tasks", ...command, ...on], {}, root);
    const listed = await run("list", "--json");
    assert.deepEqual(
      listed.events.map((task) => [task.taskId, task.status]),
      [[taskId, "working"]],
      listed.stderr,
    );
    assert.equal((await run("cancel", taskId)).code, 0);
    await reaches(requester, taskId, "cancelled");
    assert.equal((await run("purge", taskId)).code, 0);
    assert.deepEqual((await run("count", "--json")).events, []);
  });

  test("on Redis, which lists no owners: one is named", async (t) => {
    const [port] = await freePorts(1);
    const server = await RedisServer.start("--bind", "127.0.0.1", "--port", String(port));
    const url = `redis://127.0.0.1:${port}`;
    const client = createClient({ url });
    await client.connect();
    const store = redisStore(client as never);
    t.after(async () => {
      await store.close?.();
      client.destroy();
      await server.stop();
    });
    const { requester } = await world(t, "v1", tools, { store });
    const { taskId } = await create(requester, "endless");
    const run = (...command: string[]) => program.start(["tasks", ...command, "--store", url], {}, root);
    const all = await run("list");
    assert.equal(all.code, 2);
    assert.match(all.stderr, /cannot list the tasks of all owners: say --owner/);
    const named = await run("list", "--owner", "", "--json");
    assert.deepEqual(
      named.events.map((task) => [task.taskId, task.status]),
      [[taskId, "working"]],
      named.stderr,
    );
    assert.equal((await run("cancel", taskId, "--owner", "")).code, 0);
    await reaches(requester, taskId, "cancelled");
  });

  test("X-SEC: nothing that a terminal obeys reaches it, whatever tasks say", async (t) => {
    const { requester, begin, on } = await stage(t);
    const id = await begin("echo", { said: HOSTILE });
    await reaches(requester, id, "completed");
    for (const command of [["list"], ["result", id], ["status", id]]) {
      const { code, stdout, stderr } = await program.run(...command, ...on);
      assert.equal(code, 0, stderr);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
  });

  test("a store that is not there is not made; a missing driver is named; a password is not told", async () => {
    const missing = await program.run("list", "--store", "sqlite:not-there.db");
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /There is no file not-there\.db/);
    const address = "postgres://ada:very-s3cret@127.0.0.1:1/tasks";
    const driver = await program.start(["tasks", "list", "--store", "env"], { MCP_LONGHAUL_STORE: address });
    assert.equal(driver.code, 2);
    assert.match(driver.stderr, /needs the package pg: npx -p mcp-longhaul -p pg/);
    assert.doesNotMatch(driver.stderr, /s3cret/);
    for (const [parameters, sentence] of [
      [["purge", "--store", "sqlite:x"], /purge takes ids, or --older/],
      [["list", "--store", "mongo:x"], /--store takes sqlite:FILE/],
      [["call", "x", "--store", "sqlite:x"], /with --store list, count/],
      [["list", "--owner", "x", "--url", "https://example.com"], /--owner is for --store/],
      [["list", "--store", "sqlite:x", "--url", "https://example.com"], /--url is for servers/],
    ] as const) {
      const { code, stderr } = await program.run(...parameters);
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    }
  });
});
