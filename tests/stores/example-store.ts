// A complete task store over whatever can swap a value: copy it, and put your own storage behind `Storage`.
import type { StoredTask, TaskPosition, TaskStore } from "mcp-longhaul";

/** What the example needs of a storage: a file system, a bucket, a table or a key-value service can do it. */
export interface Storage {
  get(key: string): Promise<string | undefined>;
  /**
   * One atomic step: writes `value` (`undefined` deletes) only if the value is still `expected`; answers whether it
   * did.
   */
  swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean>;
  /** All keys that begin with `prefix`. */
  keys(prefix: string): Promise<string[]>;
}

type Due = Pick<StoredTask, "dueAt" | "owner" | "id">;

export function exampleStore(storage: Storage): TaskStore {
  const key = (owner: string, id: string) => JSON.stringify([owner, id]);
  const read = async (at: string) => {
    const text = await storage.get(at);
    return text === undefined ? undefined : { text, task: JSON.parse(text) as StoredTask };
  };
  /** Reads all tasks with these keys. Where there are many, ask an index that the storage keeps. */
  const all = async (prefix: string) => {
    const found = await Promise.all((await storage.keys(prefix)).map(read));
    return found.flatMap((each) => (each === undefined ? [] : { ...each.task, payload: null }));
  };
  const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  const byPosition = (a: TaskPosition, b: TaskPosition) => a.createdAt - b.createdAt || compare(a.id, b.id);
  const byDue = (a: Due, b: Due) => a.dueAt! - b.dueAt! || compare(a.owner, b.owner) || compare(a.id, b.id);
  return {
    async get(owner, id) {
      return (await read(key(owner, id)))?.task;
    },
    async put({ payload, ...head }) {
      const stored = await read(key(head.owner, head.id));
      if ((stored?.task.version ?? 0) !== head.version - 1) return false;
      const task: StoredTask = { ...head, payload: payload === undefined ? (stored?.task.payload ?? null) : payload };
      return storage.swap(key(head.owner, head.id), stored?.text, JSON.stringify(task));
    },
    async delete(owner, id, version) {
      const stored = await read(key(owner, id));
      if (stored === undefined) return true;
      if (stored.task.version !== version) return false;
      if (await storage.swap(key(owner, id), stored.text, undefined)) return true;
      return (await storage.get(key(owner, id))) === undefined;
    },
    async list(owner, { after, limit }) {
      const tasks = (await all(`${JSON.stringify([owner]).slice(0, -1)},`)).sort(byPosition);
      return tasks.filter((task) => after === undefined || byPosition(task, after) > 0).slice(0, limit);
    },
    async due(before, limit, after) {
      const due = (await all("")).filter(({ dueAt }) => dueAt !== null && dueAt <= before).sort(byDue);
      return due.filter((task) => after === undefined || byDue(task, after) > 0).slice(0, limit);
    },
  };
}
