// postgresStore against the statements that one would write by hand on the same driver, with the same promises: one atomic
// compare-and-swap, an index for an owner's list and one for what is due, and a notification for each change. One operation at a
// time, so what is measured is the round trip and what both ends add to it. Writes are not synced: the disk would hide the rest.
import type { Pool } from "pg";
import { type Postgres, startPostgres } from "../engines/postgres.ts";
import { type Open, type Row, repeated } from "./harness.ts";

const OWNER = "https://issuer.example|alice|tasks";
const STATE = "w\t2\t1760000000000\t1760000000000\t3600000\t1000\tsearch\t0\t\t\t";
const PAYLOAD = JSON.stringify({ result: { content: [{ type: "text", text: "x".repeat(400) }] } });
const DUE = 3_600_000;
const FILLED = 1_000;

const id = (n: number): string => `0123456789abcdefghijkl${n}`;

/** What a subject does with the task of a number; each answers whether it did. */
interface Subject {
  get(n: number): Promise<boolean>;
  create(n: number): Promise<boolean>;
  complete(n: number): Promise<boolean>;
}

async function ours(pool: Pool): Promise<Subject> {
  const { postgresStore } = await import("mcp-tasks/stores/postgres");
  const store = postgresStore(pool);
  await store.ready();
  const put = async (n: number, version: number, payload: string | null) => store.put({ owner: OWNER, id: id(n), version, createdAt: n, dueAt: n + DUE, state: STATE, payload });
  return {
    get: async (n) => (await store.get(OWNER, id(n)))?.createdAt === n,
    create: (n) => put(n, 1, null),
    complete: (n) => put(n, 2, PAYLOAD),
  };
}

async function byHand(pool: Pool): Promise<Subject> {
  await pool.query(`
    CREATE TABLE tasks (id text PRIMARY KEY, owner text NOT NULL, version bigint NOT NULL, created_at bigint NOT NULL, due_at bigint, state text NOT NULL, payload text);
    CREATE INDEX ON tasks (owner, created_at, id);
    CREATE INDEX ON tasks (due_at)`);
  const told = (change: string) => `WITH changed AS (${change} RETURNING id) SELECT pg_notify('changes', id) FROM changed`;
  const insert = told("INSERT INTO tasks VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT DO NOTHING");
  const update = told("UPDATE tasks SET version = 2, state = $3, payload = $4 WHERE id = $1 AND owner = $2 AND version = 1");
  const run = async (name: string, text: string, values: unknown[]) => (await pool.query({ name, text, values })).rowCount === 1;
  return {
    get: async (n) => {
      const { rows } = await pool.query({ name: "get", text: "SELECT * FROM tasks WHERE id = $1 AND owner = $2", values: [id(n), OWNER] });
      return Number(rows[0].created_at) === n;
    },
    create: (n) => run("insert", insert, [id(n), OWNER, n, n + DUE, STATE]),
    complete: (n) => run("update", update, [id(n), OWNER, STATE, PAYLOAD]),
  };
}

type Operation = keyof Subject;

const opens =
  (make: (pool: Pool) => Promise<Subject>, operation: Operation): Open =>
  async (scale) => {
    const server: Postgres = await startPostgres();
    const subject = await make(server.pool({ options: "-c synchronous_commit=off" }));
    for (let n = 0; n < FILLED; n += 1) await subject.create(n);
    let next = operation === "get" ? 0 : FILLED;
    const loop = async (times: number): Promise<void> => {
      for (let done = 0; done < times; done += 1) {
        const n = operation === "get" ? next++ % FILLED : next++;
        const right = operation === "get" ? await subject.get(n) : (await subject.create(n)) && (operation === "create" || (await subject.complete(n)));
        if (!right) throw new Error("a wrong result");
      }
    };
    return repeated(loop, scale, () => server.stop());
  };

export const rows: readonly Row[] = (["get", "create", "complete"] as const).map((operation) => ({
  target: 2,
  lines: [{ name: `postgresStore: ${operation === "complete" ? "create + complete" : operation}`, unit: "µs", goal: { times: 0.67 } }],
  ours: opens(ours, operation),
  peers: { "by hand": opens(byHand, operation) },
}));
