import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Pool, type PoolConfig } from "pg";
import type { MakeStore } from "mcp-longhaul/store-kit";
import { isTaskError } from "../../pkg-template/src/errors.ts";
import type { TaskStore } from "../../pkg-template/src/store.ts";
import {
  postgresStore,
  type PostgresPool,
  type PostgresStore,
  type PostgresStoreOptions,
} from "../../pkg-template/src/stores/postgres.ts";
import { startPostgres, type Postgres } from "../engines/postgres.ts";
import { gate, until } from "../sdk/harness/frames.ts";
import { fails, keepsContract, write } from "./contract.ts";
import { shareTasks } from "./two-servers.ts";

let postgres: Postgres;
let admin: Pool;
before(async () => {
  postgres = await startPostgres();
  admin = postgres.pool();
});
after(() => postgres?.stop());

let tables = 0;
const prefix = () => `t${(tables += 1)}_`;

/** Two pools, as two processes would have them, on tables of their own. */
function onTwoPools(config: PoolConfig = {}, options: PostgresStoreOptions = {}): MakeStore {
  return () => {
    const tablePrefix = prefix();
    const opened: { readonly store: PostgresStore; readonly pool: Pool }[] = [];
    const open = () => {
      const pool = postgres.pool({ max: 4, ...config });
      const store = postgresStore(pool, { tablePrefix, ...options });
      opened.push({ store, pool });
      return store;
    };
    const closeAll = async () => {
      for (const { store, pool } of opened.splice(0)) {
        await store.close();
        await pool.end(); // which never ends where the store has not given back what it took
      }
    };
    return { store: open(), peer: open(), reopen: async () => (await closeAll(), open()), dispose: closeAll };
  };
}

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
// far as they are a store's: the contract suite has cases for them.
describe("postgresStore keeps the contract, on two pools", { concurrency: 4 }, () => {
  keepsContract(onTwoPools());
});

describe("postgresStore keeps the contract, without prepared statements and in a schema of its own", {
  concurrency: 4,
}, () => {
  // The disk has had its say above.
  const makeStore = onTwoPools({ options: "-c synchronous_commit=off" }, { schema: "Own", prepare: false });
  keepsContract(makeStore);
});

// X-STO-01 (part): what a stricter default isolation refuses is a lost race
describe("postgresStore on connections that are serializable by default", () => {
  const makeStore = onTwoPools({ options: "-c default_transaction_isolation=serializable" });
  keepsContract(makeStore, "", /\bwins?\b/);
});

test("four processes that start at once make the tables once, lose no swap, and end by themselves", async () => {
  const workers = Array.from({ length: 4 }, () =>
    spawn(
      process.execPath,
      [join(import.meta.dirname, "postgres-worker.ts"), JSON.stringify(postgres.connection), "50"],
      { stdio: ["ignore", "ignore", "pipe"] },
    ),
  );
  const ends = await Promise.all(
    workers.map(async (worker) => {
      const errors: string[] = [];
      worker.stderr.on("data", (data) => errors.push(String(data)));
      const [code] = await once(worker, "close");
      return code === 0 ? "ended" : errors.join("");
    }),
  );
  assert.deepEqual(ends, ["ended", "ended", "ended", "ended"]);
  const { rows } = await admin.query("SELECT version, state FROM made_by_four.mcp_tasks");
  assert.deepEqual(rows, [{ version: "201", state: "200" }]);
});

/** How many connections listen to the changes of these tables, and ends them if told. */
async function listening(tablePrefix: string, end = false): Promise<number> {
  const sql = `SELECT ${end ? "pg_terminate_backend(pid)" : "pid"} FROM pg_stat_activity WHERE query = $1`;
  return (await admin.query(sql, [`LISTEN "${tablePrefix}tasks_changed"`])).rows.length;
}

describe("watch of postgresStore", () => {
  test("hears of a peer's change within milliseconds", async (t) => {
    const tablePrefix = prefix();
    const [mine, peer] = [0, 1].map(() => postgresStore(postgres.pool(), { tablePrefix })) as [
      PostgresStore,
      PostgresStore,
    ];
    let heard = gate();
    mine.watch!(() => heard.open());
    await peer.ready();
    await until(async () => (await listening(tablePrefix)) === 1, "the store to listen");
    const times: number[] = [];
    for (let version = 1; version <= 50; version += 1) {
      heard = gate();
      await peer.put(write("a", { version }));
      const start = performance.now();
      await heard.promise;
      times.push(performance.now() - start);
    }
    const median = times.sort((a, b) => a - b)[25]!;
    t.diagnostic(`heard ${median.toFixed(2)} ms after the put was acknowledged (median of 50)`);
    assert.ok(median < 50, `${median} ms`);
    await mine.close();
  });

  test("is told of a change at once, and of what follows it together, also when the store is closed", async (t) => {
    const tablePrefix = prefix();
    const pool = postgres.pool();
    let notices = 0;
    const counting: PostgresPool = {
      query: (query) => {
        if (/pg_notify/.test(query.text)) notices += 1;
        return pool.query(query as never);
      },
      connect: () => pool.connect(),
    };
    const [mine, peer] = [postgresStore(counting, { tablePrefix }), postgresStore(postgres.pool(), { tablePrefix })];
    t.after(() => peer.close());
    let heard = 0;
    peer.watch!(() => (heard += 1));
    await mine.ready();
    await until(async () => (await listening(tablePrefix)) === 1, "the peer to listen");
    const start = performance.now();
    await mine.put(write("a"));
    assert.equal(notices, 1, "the first is told at once");
    for (let version = 2; version <= 300; version += 1) await mine.put(write("a", { version }));
    const most = 2 + (performance.now() - start) / 5;
    assert.ok(notices <= most, `${notices} notices, at most ${most}`);
    await mine.close();
    await until(() => heard === 300, "every change to be heard");
    assert.ok(notices <= most + 2, `${notices} notices`);
  });

  test("goes on where the pool fails at once", async () => {
    const pool = postgres.pool();
    let failing = true;
    let notices = 0;
    const faulty: PostgresPool = {
      query: (query) => {
        if (/pg_notify/.test(query.text)) {
          notices += 1;
          if (failing) throw new Error("no connection");
        }
        return pool.query(query as never);
      },
      connect: () => pool.connect(),
    };
    const store = postgresStore(faulty, { tablePrefix: prefix() });
    assert.equal(await store.put(write("a")), true);
    failing = false;
    let version = 1;
    await until(async () => (await store.put(write("a", { version: (version += 1) }))) && notices > 1, "a notice");
    await store.close();
  });

  test("listens on one connection while anybody listens, and again when it is lost", async () => {
    const tablePrefix = prefix();
    const pool = postgres.pool();
    const store = postgresStore(pool, { tablePrefix });
    const seen = new Set<string>();
    const stops = [store.watch!((_, id) => void seen.add(id)), store.watch!(() => {})];
    await until(async () => (await listening(tablePrefix)) === 1, "the store to listen");
    for (const round of ["a", "b"]) {
      assert.equal(await listening(tablePrefix, true), 1);
      let n = 0;
      await until(async () => {
        await store.put(write(`${round}${(n += 1)}`));
        return [...seen].some((id) => id.startsWith(round));
      }, "a change to be heard after the connection was lost");
    }
    assert.equal(await listening(tablePrefix), 1);
    stops[0]!();
    assert.equal(await listening(tablePrefix), 1);
    stops[1]!();
    await until(async () => (await listening(tablePrefix)) === 0, "the connection to be closed");
    const again = store.watch!((_, id) => void seen.add(id));
    await until(async () => (await listening(tablePrefix)) === 1, "the store to listen again");
    again();
    await store.close();
    await pool.end();
  });

  test("waits for a database that is not there yet, and keeps quiet about it", async () => {
    const pool = postgres.pool({ database: "later" });
    const store = postgresStore(pool);
    const seen: string[] = [];
    store.watch!((_, id) => seen.push(id));
    await assert.rejects(async () => store.put(write("a")), fails("storage", /could not open: .*later.*not exist/));
    await admin.query("CREATE DATABASE later");
    let version = 0;
    await until(
      async () => (await store.put(write("a", { version: (version += 1) }))) && seen.length > 0,
      "a change to be heard",
    );
    await store.close();
    await pool.end();
  });
});

describe("two servers on one database", () => {
  // X-STO-09 (part): who waits elsewhere is woken after the write. X-STO-08 (part), G25-CAN-02 (part), G25-RES-02
  // (part)
  test("a task of one is read, awaited and cancelled on the other, and waits end in milliseconds", async (t) => {
    const tablePrefix = prefix();
    const stores = [
      postgresStore(postgres.pool(), { tablePrefix }),
      postgresStore(postgres.pool(), { tablePrefix }),
    ] as const;
    t.after(() => Promise.all(stores.map((store) => store.close())));
    await shareTasks(t, "v2", stores, () => until(async () => (await listening(tablePrefix)) === 2, "both to listen"));
  });
});

test("postgresStore counts an owner's tasks and the length of what they keep (X-LIM-01)", async (t) => {
  const store = postgresStore(postgres.pool(), { tablePrefix: prefix() });
  t.after(() => store.close());
  assert.deepEqual(await store.usage!("alice"), { tasks: 0, bytes: 0 });
  await store.put(write("a", { payload: '{"ü":"😀"}' }));
  await store.put(write("b"));
  await store.put(write("c", { owner: "bob", payload: "{}" }));
  assert.deepEqual(await store.usage!("alice"), { tasks: 2, bytes: 9 });
  assert.equal(await store.put(write("a", { version: 3, payload: "{}" })), false);
  assert.equal(await store.put(write("a", { version: 2, payload: "{}" })), true);
  assert.deepEqual(await store.usage!("alice"), { tasks: 2, bytes: 2 });
});

describe("the tables of postgresStore", () => {
  test("are searched by index: what is due in the index alone, a page of a list in its order", async () => {
    const pool = postgres.pool({ max: 1 });
    const asked: { text: string; values?: unknown[] }[] = [];
    const recording: PostgresPool = {
      query: (query) => (asked.push(query as never), pool.query(query as never)),
      connect: () => pool.connect(),
    };
    const store = postgresStore(recording, { watch: false });
    await store.put(write("x"));
    await pool.query(
      `INSERT INTO mcp_tasks SELECT 'owner ' || n % 100, 'task-' || n, 1, n, CASE WHEN n % 2 = 0 THEN n END,
      repeat('s', 200), repeat('p', 500) FROM generate_series(1, 20000) AS n`,
    );
    await pool.query("VACUUM ANALYZE mcp_tasks");
    const plan = async (ask: () => unknown) => {
      asked.length = 0;
      await ask();
      const { text, values } = asked[0]!;
      const { rows } = await pool.query(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ${text}`,
        values as unknown[],
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    };
    for (const mode of ["auto", "force_generic_plan"]) {
      await pool.query(`SET plan_cache_mode = ${mode}`);
      const due = await plan(() => store.due(9_000, 50));
      assert.match(due, /Index Only Scan using mcp_tasks_by_due .*Heap Fetches: 0/s);
      assert.match(due, /Index Scan using mcp_tasks_pkey on mcp_tasks each \(actual rows=1(\.00)? loops=50\)/);
      assert.doesNotMatch(due, /Seq Scan/);
      const rest = await plan(() => store.due(9_000, 50, { dueAt: 4_000, owner: "owner 7", id: "task-7" }));
      assert.match(
        rest,
        /Index Only Scan using mcp_tasks_by_due .*Index Cond: [^\n]*ROW\(due_at, owner, id\) > ROW.*Heap Fetches: 0/s,
      );
      assert.doesNotMatch(rest, /Seq Scan/);
      assert.match(
        await plan(() => store.due(1, 50)),
        /using mcp_tasks_pkey on mcp_tasks each \(never executed\)/,
        "nothing is due, and the table is not touched",
      );
      assert.match(await plan(() => store.get("owner 7", "task-7")), /^Index Scan using mcp_tasks_pkey/);
    }
    await pool.query("SET plan_cache_mode = auto");
    for (const after of [undefined, { createdAt: 10_000, id: "task-1" }]) {
      const page = await plan(() => store.list("owner 7", { after, limit: 50 }));
      assert.match(page, /^Limit .*\n +-> {2}Index Scan using mcp_tasks_by_creation on mcp_tasks/);
      assert.equal(/Index Cond: .*ROW\(created_at, id\) >/.test(page), after !== undefined);
      assert.doesNotMatch(page, /Sort|Filter/);
    }
    const swap = write("task-7", { owner: "owner 7", version: 2, payload: undefined });
    assert.match(await plan(() => store.put(swap)), /^Update on mcp_tasks .*\n +-> {2}Index Scan using mcp_tasks_pkey/);
    await pool.query("DROP TABLE mcp_tasks, mcp_tasks_schema");
    await assert.rejects(async () => store.get("alice", "x"), fails("storage", /gone/));
  });

  test("of a newer version are left alone", async () => {
    const pool = postgres.pool();
    const tablePrefix = prefix();
    await postgresStore(pool, { tablePrefix }).ready();
    await pool.query(`UPDATE ${tablePrefix}tasks_schema SET version = 99`);
    await assert.rejects(postgresStore(pool, { tablePrefix }).ready(), fails("storage", /version 99.*newer/));
    assert.deepEqual((await pool.query(`SELECT version FROM ${tablePrefix}tasks_schema`)).rows, [{ version: 99 }]);
  });

  test("that may not be made are an error that says what to do, and are used once they are there", async () => {
    const tablePrefix = prefix();
    await admin.query("CREATE ROLE poor LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    const store = postgresStore(postgres.pool({ user: "poor" }), { tablePrefix, schema: "public" });
    await assert.rejects(
      async () => store.put(write("a")),
      fails("storage", /could not open: .*permission denied.*create tables once/),
    );
    await assert.rejects(async () => store.due(1, 1), fails("storage", /permission denied/));
    await postgresStore(admin, { tablePrefix }).ready();
    await admin.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tablePrefix}tasks, ${tablePrefix}tasks_schema TO poor`,
    );
    assert.equal(await store.put(write("a")), true);
  });

  test("of stores that share a pool are apart", async () => {
    const pool = postgres.pool({ max: 2 });
    const [one = "", two = ""] = [prefix(), prefix()];
    const stores: TaskStore[] = [{ tablePrefix: one }, { tablePrefix: two }, { tablePrefix: one, schema: "other" }].map(
      (options) => postgresStore(pool, options),
    );
    for (const [n, store] of stores.entries()) assert.equal(await store.put(write("a", { state: `${n}` })), true);
    for (const [n, store] of stores.entries()) assert.equal((await store.get("alice", "a"))?.state, `${n}`);
  });

  test("hold nothing of a deleted task", async () => {
    const tablePrefix = prefix();
    const store = postgresStore(postgres.pool(), { tablePrefix });
    await store.put(write("a", { payload: '"secret"' }));
    await store.delete("alice", "a", 1);
    assert.equal((await admin.query(`SELECT FROM ${tablePrefix}tasks`)).rowCount, 0);
  });
});

// H93 (part), X-STO-02 (part): a write whose answer was lost is never taken for a lost race, nor for a success
test("a connection that is lost during a put is an error", async () => {
  const tablePrefix = prefix();
  const store = postgresStore(postgres.pool(), { tablePrefix });
  await store.put(write("a"));
  const blocker = await postgres.pool().connect();
  await blocker.query(`BEGIN; SELECT FROM ${tablePrefix}tasks FOR UPDATE`);
  const put = store.put(write("a", { version: 2 }));
  const blocked = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${tablePrefix}%'`;
  await until(async () => (await admin.query(`SELECT ${blocked}`)).rowCount === 1, "the put to wait for the row");
  await Promise.all([
    assert.rejects(
      async () => put,
      (error) => fails("storage", /could not write/)(error) && isTaskError(error) && error.taskId === "a",
    ),
    admin.query(`SELECT pg_terminate_backend(pid) ${blocked}`),
  ]);
  await blocker.query("ROLLBACK");
  blocker.release();
  assert.equal((await store.get("alice", "a"))?.version, 1);
  assert.equal(await store.put(write("a", { version: 2 })), true, "the pool has another connection");
});

test("a server that cannot be reached, or a database of another encoding, is an error that says so", async () => {
  const unreachable = new Pool({ host: "127.0.0.1", port: 1 });
  const store = postgresStore(unreachable);
  for (const call of [
    store.ready(),
    store.get("alice", "a"),
    store.put(write("a")),
    store.delete("alice", "a", 1),
    store.list("alice", { limit: 1 }),
    store.due(1, 1),
  ]) {
    await assert.rejects(async () => call, fails("storage", /could not open: .*ECONNREFUSED.*running/));
  }
  await unreachable.end();
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  await assert.rejects(postgresStore(postgres.pool({ database: "latin" })).ready(), fails("storage", /LATIN1.*UTF8/));
});

test("postgresStore refuses what it cannot keep", async () => {
  const pool = postgres.pool();
  for (const tablePrefix of ["", "1a", "a-", 'a"b', "x; DROP TABLE y; --", "ä", "x".repeat(42)]) {
    assert.throws(() => postgresStore(pool, { tablePrefix }), fails("invalid_argument", /`tablePrefix`/));
  }
  for (const schema of ["", "a.b", 'a"b', "ä", "x".repeat(64)]) {
    assert.throws(() => postgresStore(pool, { schema }), fails("invalid_argument", /`schema`/));
  }
  assert.throws(() => postgresStore(postgres.pool({ max: 1 })), fails("invalid_argument", /`watch`.*one connection/));
  assert.equal(postgresStore(postgres.pool({ max: 1 }), { watch: false }).watch, undefined);
  const tablePrefix = prefix();
  const store = postgresStore(pool, { tablePrefix });
  for (const owner of ["\ud800", "a\udfff", "\ude00\ud83d", "a\u0000", "a".repeat(513)]) {
    await assert.rejects(async () => store.get(owner, "a"), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.put(write("a", { owner })), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.list(owner, { limit: 1 }), fails("invalid_argument", /owner/));
    await assert.rejects(async () => store.delete(owner, "a", 1), fails("invalid_argument", /owner/));
  }
  // X-SEC-14
  for (const id of [
    "",
    "../../etc/passwd",
    "'; DROP TABLE mcp_tasks; --",
    "a b",
    "a\n",
    "ä",
    "\ud800",
    "a\u0000",
    "a".repeat(129),
  ]) {
    await assert.rejects(async () => store.put(write(id)), fails("invalid_argument", /task id/));
  }
  await assert.rejects(async () => store.put(write("a", { payload: "\u0000" })), fails("storage", /could not write/));
});
