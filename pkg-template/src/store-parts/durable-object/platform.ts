// What is used of the platform.

/** What is used of `ctx.storage` of a Durable Object with SQLite. */
export interface ObjectStorage {
  /** The database. */
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): unknown[]; readonly rowsWritten: number } };
  /** Runs what is undone as a whole if it throws. */
  transactionSync<T>(run: () => T): T;
  /** Wakes the object up at `time`, in ms since the epoch. */
  setAlarm(time: number): Promise<void>;
}

/** What is used of a Durable Object's `ctx`. */
export interface ObjectContext {
  /** The object's id: 64 hexadecimal digits. */
  readonly id: { toString(): string };
  /** Its storage. */
  readonly storage: ObjectStorage;
  /** Keeps the object awake until `promise` settles. */
  waitUntil(promise: Promise<unknown>): void;
}

/** What is used of a binding to a class of Durable Objects. */
export interface ObjectNamespace {
  /** The id of the object of this name. */
  idFromName(name: string): object;
  /** The id that was written as 64 hexadecimal digits. */
  idFromString(id: string): object;
  /** The object of an id. */
  get(id: never): { fetch(request: Request): Promise<Response> };
}
