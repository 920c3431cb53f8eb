// Runs under Bun and under Deno: puts the SQLite of the runtime through the contract suite and prints what became of
// each case, as JSON.
import { storeCases } from "../../pkg-template/src/store-kit.ts";
import { lockedDatabase, sqliteFactories, type OpenSqlite } from "./sqlite-cases.ts";

async function opener(): Promise<OpenSqlite> {
  if (!("Bun" in globalThis)) {
    const { DatabaseSync } = await import("node:sqlite");
    return (file) => new DatabaseSync(file);
  }
  const { Database } = await import("bun:sqlite" as string);
  return (file) => {
    const db = new Database(file);
    // `true` throws where a statement is still open, so this also proves that the store's `close` leaves none
    return Object.assign(db, { close: () => Database.prototype.close.call(db, file !== ":memory:") });
  };
}

const results: { name: string; error?: string; skipped?: string }[] = [];
async function record(name: string, body: (skip: (why: string) => void) => unknown): Promise<void> {
  const result: (typeof results)[number] = { name };
  try {
    await body((why) => void (result.skipped = why));
    results.push(result);
  } catch (error) {
    results.push({ name, error: String(error) });
  }
}

const open = await opener();
for (const [how, makeStore] of Object.entries(sqliteFactories(open))) {
  for (const { name, run } of storeCases) await record(`${name}, ${how}`, (skip) => run(makeStore, skip));
}
await record("a locked database is an error that says what to do", () => lockedDatabase(open));
console.log(JSON.stringify(results));
