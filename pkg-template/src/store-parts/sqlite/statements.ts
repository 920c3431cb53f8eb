import { HEAD, type Statements } from "../sql.ts";
import type { SqliteStatement } from "./engine.ts";

/**
 * The statements on the table of tasks. SQLite compares texts by their UTF-8 bytes; for ids, which are ASCII, that is
 * the order of code units.
 */
export function statements(
  prepare: (sql: string) => SqliteStatement,
  table: string,
): Omit<Statements<SqliteStatement>, "usage"> {
  const one = "WHERE owner = ? AND id = ?";
  const inOrder = "ORDER BY created_at, id LIMIT ?";
  const byDue = "ORDER BY due_at, owner, id LIMIT ?";
  return {
    getWhole: prepare(`SELECT ${HEAD}, payload FROM ${table} ${one}`),
    getHead: prepare(`SELECT ${HEAD} FROM ${table} ${one}`),
    insert: prepare(
      `INSERT INTO ${table} (owner, ${HEAD}, payload) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    swap: prepare(`UPDATE ${table} SET version = ?, due_at = ?, state = ? ${one} AND version = ?`),
    swapPayload: prepare(`UPDATE ${table} SET version = ?, due_at = ?, state = ?, payload = ? ${one} AND version = ?`),
    remove: prepare(`DELETE FROM ${table} ${one} AND version = ?`),
    listAll: prepare(`SELECT ${HEAD} FROM ${table} WHERE owner = ? ${inOrder}`),
    listAfter: prepare(`SELECT ${HEAD} FROM ${table} WHERE owner = ? AND (created_at, id) > (?, ?) ${inOrder}`),
    dueBefore: prepare(`SELECT owner, ${HEAD} FROM ${table} WHERE due_at <= ? ${byDue}`),
    dueAfter: prepare(
      `SELECT owner, ${HEAD} FROM ${table} WHERE due_at <= ? AND (due_at, owner, id) > (?, ?, ?) ${byDue}`,
    ),
  };
}

/** Prepared when it is first asked for: operators do. */
export function allStatement(prepare: (sql: string) => SqliteStatement, table: string): SqliteStatement {
  return prepare(
    `SELECT owner, ${HEAD} FROM ${table} WHERE (owner, created_at, id) > (?, ?, ?) ` +
      "ORDER BY owner, created_at, id LIMIT ?",
  );
}

/** Prepared when it is first asked for, which few do. */
export function usageStatement(prepare: (sql: string) => SqliteStatement, table: string): SqliteStatement {
  const lengthBy = (length: string): SqliteStatement =>
    prepare(`SELECT count(*) AS tasks, coalesce(sum(${length}(payload)), 0) AS bytes FROM ${table} WHERE owner = ?`);
  try {
    // From SQLite 3.43 on; it knows how long a text is without reading it.
    return lengthBy("octet_length");
  } catch {
    return lengthBy("length");
  }
}
