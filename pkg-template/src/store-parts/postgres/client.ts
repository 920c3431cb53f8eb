/** What the store asks of the pool or of one of its clients. */
export interface PostgresQuery {
  /** The SQL, with `$1` and so on. */
  readonly text: string;
  /** What stands for `$1` and so on. */
  readonly values?: unknown[];
  /** The statement is prepared once on each connection, under this name. */
  readonly name?: string;
}

/** What the store reads of a result. */
export interface PostgresResult {
  /** One object a row. */
  readonly rows: readonly unknown[];
  /** How many rows a change has met. */
  readonly rowCount: number | null;
}

/** What the store uses of a connection: a `PoolClient` of `pg`. */
export interface PostgresClient {
  /** Runs a statement. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Hears what others notify. */
  on(event: "notification", listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  /** Hears that the connection is lost. */
  on(event: "error" | "end", listener: () => void): unknown;
  /** Gives the connection back to the pool, or closes it. */
  release(destroy?: boolean): void;
  /** Lets the process end while the connection is open. */
  unref?(): void;
}

/** What the store uses of a pool: a `Pool` of `pg`, or one of the same shape, as `@neondatabase/serverless` has it. */
export interface PostgresPool {
  /** Runs a statement on any connection. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Takes a connection out of the pool. */
  connect(): Promise<PostgresClient>;
  /** How many connections it may have. */
  readonly options?: { readonly max?: number | undefined } | undefined;
}
