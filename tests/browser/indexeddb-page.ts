// Runs in pages and workers. What it offers to indexeddb.ts is on `globalThis.tests`.
import { storeCases } from "mcp-longhaul/store-kit";
import { indexedDbStore, type IndexedDbStoreOptions } from "mcp-longhaul/stores/indexeddb";
import type { TaskListener, TaskStore } from "../../pkg-template/src/store.ts";

type Method = Exclude<keyof TaskStore, "watch">;
type News = Parameters<TaskListener>;

const stores = new Map<string, TaskStore>();
const open = (database: string, options?: IndexedDbStoreOptions): TaskStore => {
  let store = stores.get(database);
  if (store === undefined) stores.set(database, (store = indexedDbStore(database, options)));
  return store;
};
const call = (database: string, method: Method, values: unknown[]): unknown =>
  (open(database)[method] as (...values: unknown[]) => unknown)(...values);

/** A store in a worker of this page. */
function workerStore(database: string): { store: TaskStore; end(): Promise<void> } {
  const worker = new Worker("/module.js", { type: "module" });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Set<TaskListener>();
  let last = 0;
  worker.onmessage = ({ data: { number, value, error, change } }) => {
    if (change !== undefined) for (const listener of listeners) listener(...(change as News));
    else if (error !== undefined) waiting.get(number)?.reject(new Error(error));
    else waiting.get(number)?.resolve(value);
  };
  const ask = (method: string, ...values: unknown[]) =>
    new Promise<never>((resolve, reject) => {
      waiting.set(++last, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ database, number: last, method, values });
    });
  const store: TaskStore = {
    get: (...values) => ask("get", ...values),
    put: (...values) => ask("put", ...values),
    delete: (...values) => ask("delete", ...values),
    list: (...values) => ask("list", ...values),
    due: (...values) => ask("due", ...values),
    watch(listener) {
      listeners.add(listener);
      void ask("watch");
      return () => void listeners.delete(listener);
    },
  };
  let ended: Promise<void> | undefined;
  return { store, end: () => (ended ??= ask("close").then(() => worker.terminate())) };
}

if (typeof document === "undefined") {
  globalThis.onmessage = async ({ data: { database, number, method, values } }) => {
    try {
      const value =
        method === "watch"
          ? void open(database).watch?.((...change) => postMessage({ change }))
          : await call(database, method, values);
      postMessage({ number, value });
    } catch (error) {
      postMessage({ number, error: String(error) });
    }
  };
}

/** What listeners outside of the page have not heard yet. */
const inboxes = new Map<number, { readonly unheard: News[]; wake: () => void }>();

async function news(database: string, listener: number): Promise<News[]> {
  let inbox = inboxes.get(listener);
  if (inbox === undefined) {
    const added = { unheard: [] as News[], wake: () => {} };
    inboxes.set(listener, (inbox = added));
    open(database).watch?.((...change) => (added.unheard.push(change), added.wake()));
  }
  if (inbox.unheard.length === 0) await new Promise<void>((resolve) => (inbox.wake = resolve));
  return inbox.unheard.splice(0);
}

function deleteDatabase(database: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(database);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}

/** One case of the contract suite, in this page alone, with a peer in a worker. */
async function runCase(index: number): Promise<{ error?: string; skipped?: string }> {
  const database = `case ${index}`;
  const outcome: { error?: string; skipped?: string } = {};
  try {
    await storeCases[index]!.run(
      () => {
        let store = indexedDbStore(database);
        const peer = workerStore(database);
        const close = async () => (await store.close?.(), await peer.end());
        return {
          store,
          peer: peer.store,
          reopen: async () => (await close(), (store = indexedDbStore(database))),
          dispose: async () => (await store.close?.(), await peer.end(), await deleteDatabase(database)),
        };
      },
      (why) => void (outcome.skipped = why),
    );
  } catch (error) {
    outcome.error = String(error);
  }
  return outcome;
}

/** All of them, one after the other. */
async function runCases(): Promise<{ error?: string; skipped?: string }[]> {
  const outcomes = [];
  for (const index of storeCases.keys()) outcomes.push(await runCase(index));
  return outcomes;
}

export interface PageTests {
  storeCases: readonly string[];
  runCase: typeof runCase;
  runCases: typeof runCases;
  call(database: string, method: Method, values: unknown[]): unknown;
  /**
   * What a listener was told since it was last asked for: the first call begins to watch, each waits until there is
   * something.
   */
  news(database: string, listener: number): Promise<News[]>;
  /** Runs an action; what it throws is told as data. */
  fails(action: () => unknown): Promise<{ name: string; code: string; message: string; cause: string } | undefined>;
  indexedDbStore: typeof indexedDbStore;
}

declare global {
  // eslint-disable-next-line no-var
  var tests: PageTests;
}

globalThis.tests = {
  storeCases: storeCases.map(({ name }) => name),
  runCase,
  runCases,
  call,
  news,
  async fails(action) {
    try {
      await action();
      return undefined;
    } catch (error) {
      const { name, code, message, cause } = error as { name: string; code: string; message: string; cause?: unknown };
      return { name, code, message, cause: String(cause) };
    }
  },
  indexedDbStore,
};
