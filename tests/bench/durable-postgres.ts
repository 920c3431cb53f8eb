/**
 * What a durable task costs in PostgreSQL: `postgresStore` against the statements that one would write by hand, on the same
 * driver, in the same database. Rows for the harness; `pool` is the caller's, and `npm run bench` does not start a server.
 */

import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { type Open, type Row, repeated } from "./harness.ts";

const OWNER = "https://issuer.example|alice|tasks";
const PAYLOAD = JSON.stringify({ content: [{ type: "text", text: "ok" }] });
/** In parallel, as the calls of many clients are. */
const AT_ONCE = 16;

/** One life of a task, step by step. */
interface Subject {
  create(id: string): Promise<unknown>;
  get(id: string): Promise<unknown>;
  complete(id: string): Promise<unknown>;
  close?(): Promise<void>;
}

async function ours(pool: Pool): Promise<Subject> {
  const { postgresStore } = await import("mcp-tasks/stores/postgres");
  const store = postgresStore(pool, { tablePrefix: "bench_" });
  await store.ready();
  const createdAt = Date.now();
  const task = (id: string, version: number, state: string, payload: string | null) => store.put({ owner: OWNER, id, version, createdAt, dueAt: createdAt + 3_600_000, state, payload });
  return {
    create: (id) => checked(task(id, 1, "working", null)),
    get: (id) => checked(store.get(OWNER, id)),
    complete: (id) => checked(task(id, 2, "completed", PAYLOAD)),
    close: () => store.close(),
  };
}

/** A table with what a task cannot do without, and a condition on its status in place of a version. */
async function byHand(pool: Pool): Promise<Subject> {
  await pool.query("CREATE TABLE IF NOT EXISTS bench_by_hand (id text PRIMARY KEY, owner text NOT NULL, status text NOT NULL, created_at bigint NOT NULL, expires_at bigint, result text)");
  await pool.query("CREATE INDEX IF NOT EXISTS bench_by_hand_expiry ON bench_by_hand (expires_at)");
  await pool.query("CREATE INDEX IF NOT EXISTS bench_by_hand_list ON bench_by_hand (owner, created_at, id)");
  const createdAt = Date.now();
  const one = async (name: string, text: string, values: unknown[]) => checked(pool.query({ name, text, values }).then(({ rowCount }) => rowCount === 1));
  return {
    create: (id) => one("create", "INSERT INTO bench_by_hand VALUES ($1, $2, 'working', $3, $4)", [id, OWNER, createdAt, createdAt + 3_600_000]),
    get: (id) => one("get", "SELECT * FROM bench_by_hand WHERE id = $1 AND owner = $2", [id, OWNER]),
    complete: (id) => one("complete", "UPDATE bench_by_hand SET status = 'completed', result = $3 WHERE id = $1 AND owner = $2 AND status = 'working'", [id, OWNER, PAYLOAD]),
  };
}

async function checked(answer: unknown): Promise<void> {
  if (!(await answer)) throw new Error("a wrong result");
}

/** `step` on one task a time, in parallel; the tasks it needs are made before. */
function open(make: (pool: Pool) => Promise<Subject>, pool: Pool, step: "get" | "life"): Open {
  return async (scale) => {
    const subject = await make(pool);
    const ids = Array.from({ length: AT_ONCE }, () => randomUUID());
    for (const id of ids) await subject.create(id);
    const life = async (): Promise<void> => {
      const id = randomUUID();
      await subject.create(id);
      await subject.get(id);
      await subject.complete(id);
    };
    return repeated(
      async (times) => {
        let left = times;
        const worker = async (n: number): Promise<void> => {
          while (left-- > 0) await (step === "get" ? subject.get(ids[n]!) : life());
        };
        await Promise.all(ids.map((_, n) => worker(n)));
      },
      scale,
      subject.close && (() => subject.close!()),
    );
  };
}

/** The rows for one target. */
export const rowsOn = (pool: Pool, target: number): readonly Row[] => [
  { target, lines: [{ name: "PostgreSQL: get, 16 at once", unit: "µs", goal: undefined }], ours: open(ours, pool, "get"), peers: { "SQL by hand": open(byHand, pool, "get") } },
  { target, lines: [{ name: "PostgreSQL: create, get, complete, 16 at once", unit: "µs", goal: undefined }], ours: open(ours, pool, "life"), peers: { "SQL by hand": open(byHand, pool, "life") } },
];
