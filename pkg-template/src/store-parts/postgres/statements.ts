import { NAME } from "../../name.ts";
import { fnv1a } from "../hash.ts";
import { HEAD, type Statements } from "../sql.ts";
import type { PostgresQuery } from "./client.ts";

/** The statements on the table of tasks, quoted and with its schema. */
export function statements(
  table: string,
  prepare: boolean,
): Statements<PostgresQuery> & { readonly all: PostgresQuery } {
  const statement = (...lines: string[]) => prepared(lines.join(" "), prepare);
  const one = "WHERE owner = $1 AND id = $2";
  const inOrder = "ORDER BY created_at, id";
  // What is due is found in the index alone, which cannot hold the state, for its entries have to be short. `LIMIT 1`
  // keeps the planner from joining in any other way than task by task.
  const due = (which: string) =>
    statement(
      "SELECT found.* FROM",
      `(SELECT owner, id FROM ${table} WHERE ${which} ORDER BY due_at, owner, id LIMIT $2) AS due,`,
      `LATERAL (SELECT owner, ${HEAD} FROM ${table} AS each`,
      "WHERE each.owner = due.owner AND each.id = due.id LIMIT 1) AS found",
      "ORDER BY found.due_at, found.owner, found.id",
    );
  return {
    getWhole: statement(`SELECT ${HEAD}, payload FROM ${table} ${one}`),
    getHead: statement(`SELECT ${HEAD} FROM ${table} ${one}`),
    insert: statement(
      `INSERT INTO ${table} (owner, id, version, created_at, due_at, state, payload)`,
      "VALUES ($1, $2, 1, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    ),
    swap: statement(`UPDATE ${table} SET version = $3, due_at = $4, state = $5`, `${one} AND version = $3::bigint - 1`),
    swapPayload: statement(
      `UPDATE ${table} SET version = $3, due_at = $4, state = $5, payload = $6`,
      `${one} AND version = $3::bigint - 1`,
    ),
    remove: statement(`DELETE FROM ${table} ${one} AND version = $3`),
    usage: statement(
      "SELECT count(*) AS tasks, coalesce(sum(length(payload)), 0) AS bytes",
      `FROM ${table} WHERE owner = $1`,
    ),
    listAll: statement(`SELECT ${HEAD} FROM ${table} WHERE owner = $1 ${inOrder} LIMIT $2`),
    listAfter: statement(
      `SELECT ${HEAD} FROM ${table}`,
      `WHERE owner = $1 AND (created_at, id) > ($2, $3) ${inOrder} LIMIT $4`,
    ),
    all: statement(
      `SELECT owner, ${HEAD} FROM ${table} WHERE (owner, created_at, id) > ($1, $2, $3)`,
      "ORDER BY owner, created_at, id LIMIT $4",
    ),
    dueBefore: due("due_at <= $1"),
    dueAfter: due("due_at <= $1 AND (due_at, owner, id) > ($3, $4, $5)"),
  };
}

/**
 * The name says what the text is (FNV-1a), so that stores on other tables, or of another version, share a connection.
 */
export function prepared(text: string, prepare: boolean): PostgresQuery {
  if (!prepare) return { text };
  return { text, name: `${NAME} ${fnv1a(text).toString(16)}` };
}
