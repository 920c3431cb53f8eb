/** What the store uses of a prepared statement. */
export interface SqliteStatement {
  /** The first row, or `undefined` or `null`. */
  get(...values: (string | number | null)[]): unknown;
  /** All rows, as an array. */
  all(...values: (string | number | null)[]): unknown;
  /** Makes a change; answers `{ changes }`, how many rows it met. */
  run(...values: (string | number | null)[]): unknown;
}

/**
 * What the store uses of a SQLite handle: `DatabaseSync` of `node:sqlite`, and `Database` of `better-sqlite3` or
 * `bun:sqlite`.
 */
export interface SqliteDatabase {
  /** Runs statements that return nothing. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
}

/** What holds the database. */
export interface SqliteEngine {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  /** All that `run` does takes place, or nothing of it. */
  atomically(run: () => void): void;
  /** What to do about an error, if that is known; it begins with a space. */
  advice(error: unknown): string;
}
