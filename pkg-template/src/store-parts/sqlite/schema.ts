import { requireKnownSchema } from "../sql.ts";
import type { SqliteEngine } from "./engine.ts";

/** How many changes the file keeps at least, so that another connection that looks a little later still finds them. */
const CHANGES_KEPT = 1000;
/** After how many changes older ones are deleted: with each, that would write one page more (a fifth of a creation). */
const CHANGES_BETWEEN_TRIMS = 100;

/** Step `n` leads from schema version `n` to `n + 1`. A step that was released is never changed. */
const STEPS: readonly ((table: string) => string)[] = [
  // An ordinary table, not `WITHOUT ROWID`: payloads are large, and there they would sit in the tree that is searched.
  (table) => `
    CREATE TABLE ${table} (
      owner TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER,
      state TEXT NOT NULL,
      payload TEXT,
      PRIMARY KEY (owner, id)
    );
    CREATE INDEX ${table}_by_creation ON ${table} (owner, created_at, id);
    CREATE INDEX ${table}_by_due ON ${table} (due_at, owner, id) WHERE due_at IS NOT NULL;`,
  // Triggers, so that a change and its notice are one statement, whatever program made it. The last notice is never
  // deleted, hence numbers only grow.
  (table) => `
    CREATE TABLE ${table}_changes (
      number INTEGER PRIMARY KEY,
      owner TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL
    );
    ${["INSERT", "UPDATE", "DELETE"].map((what) => notice(table, what)).join("")}
    CREATE TRIGGER ${table}_changes_trim AFTER INSERT ON ${table}_changes
    WHEN NEW.number % ${CHANGES_BETWEEN_TRIMS} = 0 BEGIN
      DELETE FROM ${table}_changes WHERE number <= NEW.number - ${CHANGES_KEPT};
    END;`,
];

function notice(table: string, what: string): string {
  const change = what === "DELETE" ? "OLD.owner, OLD.id, 0" : "NEW.owner, NEW.id, NEW.version";
  return `
    CREATE TRIGGER ${table}_${what.toLowerCase()} AFTER ${what} ON ${table} BEGIN
      INSERT INTO ${table}_changes (owner, id, version) VALUES (${change});
    END;`;
}

type Prepare = SqliteEngine["prepare"];

/** Makes the tables, or brings them up to date, as a whole or not at all. */
export function migrate(engine: SqliteEngine, prepare: Prepare, table: string): void {
  if (schemaVersion(prepare, table) === STEPS.length) return; // nothing to write, so no lock to wait for
  engine.atomically(() => {
    // Asked again under the lock: another process may have migrated meanwhile.
    const version = schemaVersion(prepare, table);
    requireKnownSchema(table, version, STEPS.length);
    if (version === 0)
      engine.exec(`CREATE TABLE ${table}_schema (version INTEGER NOT NULL); INSERT INTO ${table}_schema VALUES (0)`);
    for (const step of STEPS.slice(version)) engine.exec(step(table));
    engine.exec(`UPDATE ${table}_schema SET version = ${STEPS.length}`);
  });
}

/** 0 where there are no tables yet. */
function schemaVersion(prepare: Prepare, table: string): number {
  const known = prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(`${table}_schema`);
  if (!known) return 0;
  return Number((prepare(`SELECT version FROM ${table}_schema`).get() as { version: number | bigint }).version);
}
