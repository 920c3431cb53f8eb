import { NAME } from "../../name.ts";
import { TaskError } from "../../errors.ts";
import { requireKnownSchema } from "../sql.ts";
import type { PostgresPool } from "./client.ts";

/** The table of tasks, and where it is. */
export interface Table {
  readonly name: string;
  /** The schema as it stands before a name, or nothing. */
  readonly in: string;
}

/** Step `n` leads from schema version `n` to `n + 1`. A step that was released is never changed. */
const STEPS: readonly ((table: Table) => string)[] = [
  // With the collation "C" texts are in the order of their UTF-8 bytes. For ids, which are ASCII, that is the order of
  // code units. No index holds the version or the state: where the due time stays and the page has room, a swap touches
  // no index.
  (table) => `
    CREATE TABLE ${table.in}"${table.name}" (
      owner text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      created_at bigint NOT NULL,
      due_at bigint,
      state text NOT NULL,
      payload text,
      PRIMARY KEY (owner, id)
    ) WITH (fillfactor = 80);
    CREATE INDEX "${table.name}_by_creation" ON ${table.in}"${table.name}" (owner, created_at, id);
    CREATE INDEX "${table.name}_by_due" ON ${table.in}"${table.name}" (due_at, owner, id) WHERE due_at IS NOT NULL;`,
];

/** Makes the tables, or brings them up to date, under a lock that processes share. */
export async function migrate(pool: PostgresPool, schema: string | undefined, table: Table): Promise<void> {
  const versions = `${table.in}"${table.name}_schema"`;
  // Nothing to write then, and no right to write is needed.
  if ((await publicVersion(pool, versions)) === STEPS.length) return;
  const client = await pool.connect();
  client.on("error", () => {}); // the query that it ends fails by itself
  let broken = false;
  const run = async (text: string, values?: unknown[]) =>
    (await client.query(values ? { text, values } : { text })).rows;
  try {
    // Not as the user may have set it: each statement has to see what others have written while it waited for the lock.
    await run("BEGIN ISOLATION LEVEL READ COMMITTED");
    // One lock for all prefixes: they may share a schema that is still to be made.
    await run(`SELECT pg_advisory_xact_lock(hashtext('${NAME}'))`);
    // Asked first, for `IF NOT EXISTS` wants the right to create schemas all the same.
    if (schema !== undefined && (await run("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).length === 0)
      await run(`CREATE SCHEMA "${schema}"`);
    // `to_regclass` would answer from a cache of before the lock.
    await run(`CREATE TABLE IF NOT EXISTS ${versions} (version integer NOT NULL)`);
    const [row] = await run(`SELECT version FROM ${versions}`);
    if (row === undefined) await run(`INSERT INTO ${versions} VALUES (0)`);
    const version = row === undefined ? 0 : Number((row as VersionRow).version);
    requireKnownSchema(table.name, version, STEPS.length);
    for (const step of STEPS.slice(version)) await run(step(table));
    await run(`UPDATE ${versions} SET version = ${STEPS.length}`);
    await run("COMMIT");
  } catch (error) {
    await run("ROLLBACK").catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}

interface VersionRow {
  readonly version: number | string;
}

/** The schema version that everybody can see; 0 where there are no tables yet. */
async function publicVersion(pool: PostgresPool, versions: string): Promise<number> {
  const ask = async (text: string, values: unknown[]) => (await pool.query({ text, values })).rows[0];
  const { known, encoding } = (await ask(
    "SELECT to_regclass($1) IS NOT NULL AS known, current_setting('server_encoding') AS encoding",
    [versions],
  )) as { known: boolean; encoding: string };
  if (encoding !== "UTF8")
    throw new TaskError("storage", `The database has the encoding ${encoding}; ${NAME} needs one with UTF8.`);
  return known ? Number(((await ask(`SELECT version FROM ${versions}`, [])) as VersionRow).version) : 0;
}
