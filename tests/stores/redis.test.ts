import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { TaskStoreFullError, TaskError } from "../../pkg-template/src/errors.ts";
import { redisStore } from "../../pkg-template/src/stores/redis.ts";
import { RedisServer } from "../engines/redis.ts";
import { fails, keepsContract, write } from "./contract.ts";
import { CLIENTS, freshPrefix, makeRedisStore, medianDelay, opened, openers, until } from "./redis-cases.ts";
import { shareTasks } from "./two-servers.ts";

let server: RedisServer;
/** For looking at the server past the store. */
let admin: Redis;
before(async () => {
  server = await RedisServer.start();
  admin = new Redis(server.path).on("error", () => {});
});
after(async () => {
  admin.disconnect();
  await server.stop();
});

const DAY = 86_400_000;
const HOUR = 3_600_000;

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
// far as they are a store's: the contract suite has cases for them.
for (const client of CLIENTS) {
  describe(`redisStore on ${client} keeps the contract`, () => {
    // The server is killed: what it has acknowledged must be there when it is started again.
    const makeStore = makeRedisStore(
      () => openers(server)[client],
      () => server.restart(),
    );
    keepsContract(makeStore);
  });
}

for (const client of CLIENTS) {
  test(`what is damaged in Redis is handed over as it is, and passed over, on ${client}`, async () => {
    const prefix = freshPrefix();
    const { store, end } = await openers(server)[client]({ prefix });
    try {
      const ids = Array.from({ length: 9 }, (_, n) => `task-${n}`);
      for (const [n, id] of ids.entries()) await store.put(write(id, { createdAt: 1_000 + n, dueAt: 2_000 + n }));
      const key = async (id: string): Promise<string> => (await admin.keys(`*${prefix}*:task:${id}:alice`))[0]!;
      const damage: Record<string, (key: string) => Promise<unknown>> = {
        "task-1": (key) => admin.hdel(key, "version"),
        "task-2": (key) => admin.hset(key, "version", "x"),
        "task-3": (key) => admin.hdel(key, "createdAt"),
        "task-4": (key) => admin.hdel(key, "state"),
        "task-5": async (key) => [await admin.del(key), await admin.set(key, "a text")],
        "task-6": async (key) => [await admin.del(key), await admin.hset(key, "of another program", "1")],
        // This one is gone.
        "task-7": (key) => admin.del(key),
      };
      for (const [id, run] of Object.entries(damage)) await run(await key(id));
      await admin.config("RESETSTAT");
      const { length: n } = ids;
      const left = [0, 1, 2, 3, 4, 5, 6, 8];
      const listed = await store.list("alice", { limit: n });
      assert.deepEqual(
        listed.map(({ id, createdAt }) => [id, createdAt]),
        left.map((n) => [`task-${n}`, 1_000 + n]),
      );
      const due = await store.due(9_000, n);
      assert.deepEqual(
        due.map(({ id, dueAt }) => [id, dueAt]),
        left.map((n) => [`task-${n}`, 2_000 + n]),
      );
      for (const tasks of [listed, due]) {
        assert.deepEqual(
          tasks.filter(({ version }) => version === 1).map(({ id }) => id),
          ["task-0", "task-8"],
        );
      }
      for (const limit of [1, 3, n]) {
        const after = await store.list("alice", { limit, after: { createdAt: 1_000, id: "task-0" } });
        assert.deepEqual(
          after.map(({ id }) => id),
          left.slice(1, 1 + limit).map((n) => `task-${n}`),
        );
      }
      const commands = Number(/total_commands_processed:(\d+)/.exec(await admin.info("stats"))![1]);
      assert.ok(commands < 1_000, `${commands} commands`);
      for (const id of Object.keys(damage).slice(0, 6)) {
        assert.ok(Number.isNaN((await store.get("alice", id))?.version), id);
        const before = await admin.dump(await key(id));
        // Neither written over nor deleted.
        const put = async (): Promise<boolean> => store.put(write(id));
        assert.ok(!(await put().catch(() => false)), id);
        assert.ok(!(await Promise.resolve(store.delete("alice", id, 7)).catch(() => false)), id);
        assert.deepEqual(await admin.dump(await key(id)), before, id);
      }
      assert.equal(await store.get("alice", "task-7"), undefined);
    } finally {
      await end();
    }
  });
}

for (const client of CLIENTS) {
  test(`Redis may forget the scripts at any time, on ${client}`, async (t) => {
    const store = await opened(t, openers(server)[client]);
    await store.put(write("a"));
    let writing = true;
    const flushing = (async () => {
      for (; writing; await new Promise(setImmediate)) await admin.script("FLUSH");
    })();
    for (let version = 2; version <= 100; version += 1) {
      assert.equal(await store.put(write("a", { version })), true);
      assert.equal((await store.get("alice", "a"))?.version, version);
    }
    assert.equal((await store.list("alice", { limit: 9 })).length, 1);
    assert.equal((await store.due(9, 9)).length, 1);
    assert.equal(await store.delete("alice", "a", 100), true);
    writing = false;
    await flushing;
  });
}

describe("watching", () => {
  for (const [writer, listener] of [
    ["ioredis", "redis"],
    ["redis", "ioredis"],
  ] as const) {
    test(`${listener} hears within milliseconds what ${writer} changes`, async (t) => {
      const prefix = freshPrefix();
      const [mine, theirs] = [
        await opened(t, openers(server)[writer], { prefix }),
        await opened(t, openers(server)[listener], { prefix }),
      ];
      const median = await medianDelay(mine, theirs);
      t.diagnostic(`median ${median.toFixed(2)} ms from put to listener`);
      assert.ok(median < 50, `median ${median} ms`);
    });
  }

  for (const client of CLIENTS) {
    test(`goes on after the server was away, and says that it was, on ${client}`, async (t) => {
      const prefix = freshPrefix();
      const errors: TaskError[] = [];
      const [store, peer] = [
        await opened(t, openers(server)[client], { prefix, onerror: (error) => errors.push(error) }),
        await opened(t, openers(server)[client], { prefix }),
      ];
      const seen: string[] = [];
      const stop = store.watch!((_owner, id) => seen.push(id));
      let version = 0;
      const swapUntilHeard = () =>
        until(async () => {
          version += Number(await peer.put(write("a", { version: version + 1 })));
          return seen.length > 0;
        });
      await swapUntilHeard();
      await server.down(() => until(() => errors.length > 0));
      assert.ok(errors.every(fails("storage", /^The Redis store could not listen for changes: /)), String(errors[0]));
      version = (await peer.get("alice", "a"))!.version;
      seen.length = 0;
      await swapUntilHeard();
      stop();
    });

    test(`ends with the last who watches, and with the store, on ${client}`, async (t) => {
      const prefix = freshPrefix();
      const store = await opened(t, openers(server)[client], { prefix });
      const listeners = async () => Number((await admin.pubsub("NUMSUB", `${prefix}:changes`))[1]);
      const [first, second] = [store.watch!(() => {}), store.watch!(() => {})];
      await until(async () => (await listeners()) === 1);
      first();
      first();
      assert.equal(await listeners(), 1);
      second();
      await until(async () => (await listeners()) === 0);
      store.watch!(() => {});
      await until(async () => (await listeners()) === 1);
      await store.close!();
      await until(async () => (await listeners()) === 0);
      assert.equal(await store.put(write("a")), true, "the caller's client is open");
      // Stopped before it has begun.
      for (let n = 0; n < 5; n += 1) store.watch!(() => {})();
      assert.equal((await store.get("alice", "a"))?.version, 1);
      await until(async () => (await listeners()) === 0);
    });
  }

  test("begins anew when the client's own connection gives up", async (t) => {
    const client = new Redis({ path: server.path, retryStrategy: () => null }).on("error", () => {});
    t.after(() => client.disconnect());
    const prefix = freshPrefix();
    const errors: TaskError[] = [];
    const store = redisStore(client, { prefix, onerror: (error) => errors.push(error) });
    const peer = await opened(t, openers(server).redis, { prefix });
    const seen: string[] = [];
    const stop = store.watch!((_owner, id) => seen.push(id));
    await server.down(() => until(() => errors.length > 0));
    let n = 0;
    await until(async () => {
      await peer.put(write(`task-${(n += 1)}`));
      return seen.length > 0;
    });
    stop();
  });
});

describe("two servers on one Redis", () => {
  // X-STO-09 (part): who waits elsewhere is woken after the write. X-STO-08 (part), G25-CAN-02 (part), G25-RES-02
  // (part)
  for (const kind of ["v1", "v2"] as const) {
    test(`a task of one is read, awaited and cancelled on the other, and waits end soon, on ${kind}`, async (t) => {
      const prefix = freshPrefix();
      const stores = [
        await opened(t, openers(server).ioredis, { prefix }),
        await opened(t, openers(server).redis, { prefix }),
      ] as const;
      await shareTasks(t, kind, stores, () =>
        until(async () => Number((await admin.pubsub("NUMSUB", `${prefix}:changes`))[1]) === 2),
      );
    });
  }
});

describe("native expiry", () => {
  const ttls = async (prefix: string) => {
    const keys = (await admin.keys(`{${prefix}:*`)).sort();
    return Object.fromEntries(
      await Promise.all(keys.map(async (key) => [key.replace(/^\{.*?\}:/, ""), await admin.pttl(key)] as const)),
    );
  };

  test("comes the retention after the due time, for the indexes too, and never to what is never due", async (t) => {
    const prefix = freshPrefix();
    const store = await opened(t, openers(server).ioredis, { prefix, retention: 2 * DAY });
    const near = (actual: number | undefined, expected: number) =>
      assert.ok(Math.abs(actual! - expected) < 5_000, `${actual} ms, not ${expected}`);
    /** Of an index: not every change says anew how long it lives. */
    const atLeast = (actual: number | undefined, expected: number) =>
      assert.ok(actual! > expected - 5_000 && actual! < expected + HOUR + 5_000, `${actual} ms, not ${expected}`);
    // Long past: kept from now on.
    await store.put(write("a", { dueAt: 0 }));
    let found = await ttls(prefix);
    near(found["task:a:alice"], 2 * DAY);
    for (const key of ["list:alice", "due"]) atLeast(found[key], 2 * DAY);
    await store.put(write("b", { dueAt: Date.now() + DAY }));
    found = await ttls(prefix);
    near(found["task:a:alice"], 2 * DAY);
    near(found["task:b:alice"], 3 * DAY);
    for (const key of ["list:alice", "due"]) atLeast(found[key], 3 * DAY);
    // Due when it was: it lives as long as it did.
    await store.put(write("c", { dueAt: Date.now() + DAY }));
    const { dueAt } = (await store.get("alice", "c"))!;
    await store.put(write("c", { version: 2, dueAt, payload: "1" }));
    near((await ttls(prefix))["task:c:alice"], 3 * DAY);
    assert.equal(await store.delete("alice", "c", 2), true);
    // A shorter one does not shorten the others, and a swap moves its own.
    await store.put(write("b", { version: 2, dueAt: 0 }));
    found = await ttls(prefix);
    near(found["task:b:alice"], 2 * DAY);
    for (const key of ["list:alice", "due"]) atLeast(found[key], 3 * DAY);
    await store.put(write("a", { version: 2, dueAt: null }));
    found = await ttls(prefix);
    assert.deepEqual([found["task:a:alice"], found["list:alice"]], [-1, -1]);
    atLeast(found["due"], 3 * DAY);
    await store.put(write("a", { version: 3, dueAt: 0 }));
    found = await ttls(prefix);
    near(found["task:a:alice"], 2 * DAY);
    assert.equal(found["list:alice"], -1);
  });

  test("is off where it is not wanted", async (t) => {
    const prefix = freshPrefix();
    const store = await opened(t, openers(server).ioredis, { prefix, retention: Infinity });
    await store.put(write("a", { dueAt: 0 }));
    assert.deepEqual(await ttls(prefix), { due: -1, "list:alice": -1, "task:a:alice": -1 });
  });

  for (const client of CLIENTS) {
    test(`leaves nothing in the indexes once they are read, on ${client}`, async (t) => {
      const prefix = freshPrefix();
      const store = await opened(t, openers(server)[client], { prefix });
      for (let n = 0; n < 9; n += 1) await store.put(write(`task-${n}`, { createdAt: n, dueAt: n }));
      const [slot] = (await admin.keys(`{${prefix}:*}:due`)).map((key) => key.replace(/:due$/, ""));
      for (const n of [0, 1, 4, 8]) assert.equal(await admin.pexpire(`${slot}:task:task-${n}:alice`, 0), 1);
      assert.equal(await store.get("alice", "task-0"), undefined);
      // The expired are the first in each index, and do not hide what comes behind them.
      assert.deepEqual(
        (await store.list("alice", { limit: 2 })).map(({ id }) => id),
        ["task-2", "task-3"],
      );
      assert.deepEqual(
        (await store.due(9, 2)).map(({ id }) => id),
        ["task-2", "task-3"],
      );
      assert.equal((await store.list("alice", { limit: 9 })).length, 5);
      assert.equal((await store.due(9, 9)).length, 5);
      assert.deepEqual([await admin.zcard(`${slot}:list:alice`), await admin.zcard(`${slot}:due`)], [5, 5]);
      for (const n of [2, 3, 5, 6, 7]) assert.equal(await store.delete("alice", `task-${n}`, 1), true);
      assert.deepEqual(await ttls(prefix), {});
    });
  }
});

test("a full server refuses new tasks and fails changes, writing nothing, until there is room", async (t) => {
  const small = await RedisServer.start("--maxmemory", "8mb", "--maxmemory-policy", "noeviction");
  const limit = new Redis(small.path);
  t.after(async () => {
    limit.disconnect();
    await small.stop();
  });
  for (const client of CLIENTS) {
    const store = await opened(t, openers(small)[client]);
    const payload = `"${"x".repeat(500_000)}"`;
    let error: TaskStoreFullError | undefined;
    let stored = 0;
    for (; ; stored += 1) {
      try {
        await store.put(write(`task-${stored}`, { payload }));
      } catch (refused) {
        error = refused as TaskStoreFullError;
        break;
      }
    }
    assert.deepEqual([error.name, error.code, error.reason], ["TaskStoreFullError", "limit", "payload_limit"]);
    assert.match(error.message, /^Redis is full: .*maxmemory.*Raise `maxmemory`/);
    assert.equal(await store.get("alice", `task-${stored}`), undefined);
    // What was refused takes memory as well, for a moment.
    await limit.config("SET", "maxmemory", "1");
    await assert.rejects(
      async () => store.put(write("task-0", { version: 2, payload })),
      fails("storage", /could not write: .*OOM.*Raise `maxmemory`/),
    );
    await limit.config("SET", "maxmemory", "8mb");
    assert.equal((await store.get("alice", "task-0"))?.version, 1);
    assert.equal((await store.list("alice", { limit: 99 })).length, stored);
    assert.equal((await store.due(9, 99)).length, stored);
    // What makes room is never refused.
    for (let n = 1; n < stored; n += 1) assert.equal(await store.delete("alice", `task-${n}`, 1), true);
    assert.equal(await store.put(write("task-0", { version: 2 })), true);
    assert.equal(await store.delete("alice", "task-0", 2), true);
  }
});

test("what Redis does not allow is an error that says what to do, and nothing is written", async (t) => {
  const prefix = freshPrefix();
  const other = await RedisServer.start();
  t.after(() => other.stop());
  const root = new Redis(other.path);
  t.after(() => root.disconnect());
  await root.call("ACL", "SETUSER", "app", "on", ">secret", `~{${prefix}:*`, "resetchannels", "+@all");
  const app = new Redis({ path: other.path, username: "app", password: "secret" }).on("error", () => {});
  t.after(() => app.disconnect());
  const store = redisStore(app, { prefix });
  await assert.rejects(async () => store.put(write("a")), fails("storage", /channel of the prefix/));
  assert.equal(await root.dbsize(), 0);
  await root.call("ACL", "SETUSER", "app", `&${prefix}:changes`);
  assert.equal(await store.put(write("a")), true);

  await root.replicaof("127.0.0.1", 1);
  await assert.rejects(async () => store.put(write("b")), fails("storage", /connected to a replica/));
  assert.equal((await store.get("alice", "a"))?.version, 1);
  await root.replicaof("NO", "ONE");
  assert.equal(await store.get("alice", "b"), undefined);
});

for (const client of CLIENTS) {
  test(`a closed client is an error of the store, on ${client}`, async () => {
    const { store, end } = await openers(server)[client]({ prefix: freshPrefix() });
    await end();
    const calls = [
      () => store.get("alice", "a"),
      () => store.put(write("a")),
      () => store.delete("alice", "a", 1),
      () => store.list("alice", { limit: 1 }),
      () => store.due(1, 1),
    ];
    for (const call of calls)
      await assert.rejects(async () => call(), fails("storage", /^The Redis store could not \w+: /));
  });
}

test("redisStore refuses what it cannot keep", async (t) => {
  for (const client of [undefined, null, {}, "redis://localhost", { eval() {}, duplicate() {} }]) {
    assert.throws(() => redisStore(client as never), fails("invalid_argument", /client of `ioredis` or `redis`/));
  }
  const cluster4 = { evalSha() {}, eval() {}, duplicate() {}, nodeClient() {}, disconnect() {} };
  assert.throws(() => redisStore(cluster4 as never), fails("invalid_argument", /version 5/));
  const client = new Redis(server.path);
  t.after(() => client.disconnect());
  for (const prefix of ["", "{a", "a}", "a b", "ä", "x".repeat(65)]) {
    assert.throws(() => redisStore(client, { prefix }), fails("invalid_argument", /`prefix`/));
  }
  for (const retention of [-1, 0, 1_000, DAY - 1, NaN]) {
    assert.throws(() => redisStore(client, { retention }), fails("invalid_argument", /`retention`/));
  }
  const prefix = freshPrefix();
  const store = redisStore(client, { prefix });
  for (const owner of ["\ud800", "a\udfff", "\ude00\ud83d"]) {
    await assert.rejects(async () => store.get(owner, "a"), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.put(write("a", { owner })), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.list(owner, { limit: 1 }), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.delete(owner, "a", 1), fails("invalid_argument", /owner/));
  }
  // X-SEC-14
  for (const id of ["", "../../etc/passwd", "a:b", "}", "a b", "a\n", "ä", "\ud800", "a".repeat(129)]) {
    await assert.rejects(async () => store.put(write(id)), fails("invalid_argument", /task id/));
  }
  assert.deepEqual(await client.keys(`{${prefix}:*`), []);
});

// The types take the clients as their packages make them.
test("redisStore takes clients with options of their own", async (t) => {
  const clients = {
    "ioredis that pipelines by itself, under a key prefix": new Redis({
      path: server.path,
      enableAutoPipelining: true,
      keyPrefix: "app:",
    }),
    "redis with RESP 2": await createClient({ RESP: 2, socket: { path: server.path, tls: false } }).connect(),
    "redis with RESP 3": await createClient({ RESP: 3, socket: { path: server.path, tls: false } }).connect(),
    "redis with bytes for texts": (
      await createClient({ socket: { path: server.path, tls: false } }).connect()
    ).withTypeMapping({ 36: Buffer }),
  };
  for (const [name, client] of Object.entries(clients)) {
    await t.test(name, async (t) => {
      t.after(() => ("destroy" in client ? client.destroy() : client.disconnect()));
      const store = redisStore(client, { prefix: freshPrefix() });
      const task = write("a", { owner: "älice", payload: '"ß"' });
      assert.equal(await store.put(task), true);
      assert.deepEqual(await store.get("älice", "a"), task);
      assert.deepEqual(await store.list("älice", { limit: 9 }), [{ ...task, payload: null }]);
      assert.deepEqual(await store.due(2, 9), [{ ...task, payload: null }]);
      assert.equal(await store.delete("älice", "a", 1), true);
    });
  }
});
