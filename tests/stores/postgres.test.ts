import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storeCases, type MakeStore } from "mcp-tasks/store-kit";
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from "../../pkg-template/src/stores/postgres.ts";
import { startPostgres, type Postgres } from "../engines/postgres.ts";

let postgres: Postgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres?.stop());

let tables = 0;
/** Two pools, as two processes would have them, on tables of their own. */
function makeStore(options: PostgresStoreOptions = {}): MakeStore {
  return () => {
    const tablePrefix = `kit_${(tables += 1)}_`;
    const opened: { readonly store: PostgresStore; end(): Promise<void> }[] = [];
    const open = () => {
      const pool = postgres.pool({ max: 4 });
      const store = postgresStore(pool, { tablePrefix, ...options });
      opened.push({ store, end: () => pool.end() });
      return store;
    };
    const closeAll = async () => {
      for (const { store, end } of opened.splice(0)) {
        await store.close();
        await end();
      }
    };
    return {
      store: open(),
      peer: open(),
      reopen: async () => (await closeAll(), open()),
      dispose: closeAll,
    };
  };
}

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as far as they
// are a store's: the contract suite has cases for them.
describe("postgresStore keeps the contract, on two pools", () => {
  for (const { name, run } of storeCases) test(name, (t) => run(makeStore(), (why) => t.skip(why)));
});
