import type { Pool } from "pg";
import { startPostgres } from "../engines/postgres.ts";
import {
  type Engine,
  OWNER,
  PAYLOAD,
  STATE,
  type Subject,
  crowdRow,
  dueAt,
  durableRows,
  id,
  shared,
  stored,
} from "./durable.ts";

/** Where `synced`, a write is on the disk before it is acknowledged. */
async function start(synced: boolean): Promise<Engine<Pool>> {
  const server = await startPostgres();
  return { client: server.pool(synced ? {} : { options: "-c synchronous_commit=off" }), stop: () => server.stop() };
}

type Connect = () => Promise<Engine<Pool>>;

async function ours(connect: Connect): Promise<Subject> {
  const { postgresStore } = await import("mcp-longhaul/stores/postgres");
  const { client, stop } = await connect();
  const store = postgresStore(client);
  await store.ready();
  return stored(store, stop);
}

async function byHand(connect: Connect): Promise<Subject> {
  const { client: pool, stop } = await connect();
  await pool.query(`
    CREATE TABLE tasks (
      id text PRIMARY KEY,
      owner text NOT NULL,
      version bigint NOT NULL,
      created_at bigint NOT NULL,
      due_at bigint,
      state text NOT NULL,
      payload text
    );
    CREATE INDEX ON tasks (owner, created_at, id);
    CREATE INDEX ON tasks (due_at)`);
  const told = (change: string) =>
    `WITH changed AS (${change} RETURNING id) SELECT pg_notify('changes', id) FROM changed`;
  const insert = told("INSERT INTO tasks VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT DO NOTHING");
  const update = told(
    "UPDATE tasks SET version = 2, state = $3, payload = $4 WHERE id = $1 AND owner = $2 AND version = 1",
  );
  const run = async (name: string, text: string, values: unknown[]) =>
    (await pool.query({ name, text, values })).rowCount === 1;
  return {
    get: async (n) => {
      const { rows } = await pool.query({
        name: "get",
        text: "SELECT * FROM tasks WHERE id = $1 AND owner = $2",
        values: [id(n), OWNER],
      });
      return Number(rows[0].created_at) === n;
    },
    create: (n) => run("insert", insert, [id(n), OWNER, n, dueAt(n), STATE]),
    complete: (n) => run("update", update, [id(n), OWNER, STATE, PAYLOAD]),
    close: stop,
  };
}

const unsynced = shared(() => start(false));
const synced = shared(() => start(true));

export const rows = [
  ...durableRows("postgresStore", () => ours(unsynced), { "by hand": () => byHand(unsynced) }),
  // A transaction with a notice of its own keeps all others of its kind waiting until it is on disk.
  crowdRow(
    "postgresStore, synced",
    () => ours(synced),
    () => byHand(synced),
  ),
];
