// Is the kit worth its name? Each of these stores does one thing wrong, and some case has to say so.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  memoryStore,
  type MemoryStore,
  type StoredTask,
  type TaskListener,
  type TaskStore,
  type TaskWrite,
} from "mcp-longhaul";
import { storeCases, type StoreUnderTest } from "mcp-longhaul/store-kit";

type Change = (memory: MemoryStore, share: Map<string, unknown>) => Partial<TaskStore>;

/** What `change` says, over a store that does all things right. */
function changed(memory: MemoryStore, share: Map<string, unknown>, change: Change): TaskStore {
  const right: TaskStore = {
    get: (owner, id, options) => memory.get(owner, id, options),
    put: (task) => memory.put(task),
    delete: (owner, id, version) => memory.delete(owner, id, version),
    list: (owner, options) => memory.list(owner, options),
    due: (before, limit, after) => memory.due(before, limit, after),
    all: (options) => memory.all(options),
    watch: (listener) => memory.watch(listener),
  };
  return { ...right, ...change(memory, share) };
}

/** With a peer on the same tasks, and reopening. */
function under(change: Change): StoreUnderTest {
  const memory = memoryStore();
  const share = new Map<string, unknown>();
  const open = () => changed(memory, share, change);
  return { store: open(), peer: open(), reopen: open };
}

/** What the first case says that does not pass. */
async function complaint(change: Change): Promise<string | undefined> {
  for (const { name, run } of storeCases) {
    try {
      await run(
        () => under(change),
        (why) => assert.fail(`skipped: ${why}`),
      );
    } catch (error) {
      return `${name}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

const head = (memory: MemoryStore, { owner, id }: TaskWrite) => memory.get(owner, id);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** Writes over what is there, whatever its version. */
function force(memory: MemoryStore, task: TaskWrite): boolean {
  const stored = head(memory, task);
  if (stored) memory.delete(task.owner, task.id, stored.version);
  return memory.put({ ...task, version: 1 });
}
const through =
  (encode: (text: string) => string): Change =>
  (memory) => ({
    get: (owner, id) => memory.get(encode(owner), id),
    put: (task) => memory.put({ ...task, owner: encode(task.owner) }),
    list: (owner, options) => memory.list(encode(owner), options),
    delete: (owner, id, version) => memory.delete(encode(owner), id, version),
  });
const throughId =
  (encode: (id: string) => string): Change =>
  (memory) => ({
    get: (owner, id) => memory.get(owner, encode(id)),
    put: (task) => memory.put({ ...task, id: encode(task.id) }),
  });
const listed =
  (sort: (a: StoredTask, b: StoredTask) => number): Change =>
  (memory) => ({
    list: (owner, { after, limit }) => {
      const all = memory.list(owner, { limit: 99_999 }).sort(sort);
      return all.slice(after ? all.findIndex(({ id }) => id === after.id) + 1 : 0).slice(0, limit);
    },
  });

const FAULTS: Readonly<Record<string, Change>> = {
  "all forgets the owner of its place": (memory) => ({
    all: ({ after, limit }) => {
      const all = memory.all({ limit: 99_999 });
      return all.slice(after ? all.findIndex(({ id }) => id === after.id) + 1 : 0).slice(0, limit);
    },
  }),
  "all mixes owners": (memory) => ({
    all: ({ after, limit }) => {
      const all = memory.all({ limit: 99_999 }).sort((left, right) => left.createdAt - right.createdAt);
      const place = all.findIndex(({ owner, id }) => id === after?.id && owner === after.owner);
      return all.slice(place + 1).slice(0, limit);
    },
  }),
  "all leaves the nameless owner out": (memory) => ({
    all: (options) => memory.all(options).filter(({ owner }) => owner !== ""),
  }),
  "all reads payloads": (memory) => ({
    all: (options) => memory.all(options).map((task) => memory.get(task.owner, task.id)!),
  }),
  "an insert writes over a task": (memory) => ({
    put: (task) => (task.version === 1 ? force(memory, task) : memory.put(task)),
  }),
  "a swap looks for any older version": (memory) => ({
    put: (task) => {
      const stored = head(memory, task);
      return stored && stored.version < task.version - 1 ? force(memory, task) : memory.put(task);
    },
  }),
  "a swap inserts where nothing is": (memory) => ({
    put: (task) => (head(memory, task) ? memory.put(task) : memory.put({ ...task, version: 1 })),
  }),
  "a lost swap says that it won": (memory) => ({ put: (task) => memory.put(task) || true }),
  "a swap is two steps": (memory) => ({
    put: async (task) => {
      const stored = head(memory, task);
      if ((stored?.version ?? 0) !== task.version - 1) return false;
      await turn();
      const now = head(memory, task);
      return memory.put({ ...task, version: (now?.version ?? 0) + 1 });
    },
  }),
  "the state comes before its payload": (memory) => ({
    put: async (task) => {
      const { payload, ...rest } = task;
      if (!memory.put(rest)) return false;
      await turn();
      const stored = head(memory, task);
      if (payload !== undefined && stored?.version === task.version) {
        memory.delete(task.owner, task.id, task.version);
        for (let version = 1; version <= task.version; version += 1) memory.put({ ...task, version });
      }
      return true;
    },
  }),
  "what the peer wrote is seen late": (memory) => {
    const seen = new Map<string, StoredTask>();
    return {
      get: (owner, id) => {
        const key = `${owner} ${id}`;
        const known = seen.get(key);
        if (known) return known;
        const task = memory.get(owner, id);
        if (task) seen.set(key, task);
        return task;
      },
      put: (task) => (seen.delete(`${task.owner} ${task.id}`), memory.put(task)),
      delete: (owner, id, version) => (seen.delete(`${owner} ${id}`), memory.delete(owner, id, version)),
    };
  },
  "a kept payload is lost": (memory) => ({ put: (task) => memory.put({ ...task, payload: task.payload ?? null }) }),
  "a payload is read and written as JSON": (memory) => ({
    put: (task) => memory.put(task.payload ? { ...task, payload: JSON.stringify(JSON.parse(task.payload)) } : task),
  }),
  "a payload is cut at 1 MiB": (memory) => ({
    put: (task) => memory.put(task.payload ? { ...task, payload: task.payload.slice(0, 2 ** 20) } : task),
  }),
  "a state is cut at 4096": (memory) => ({ put: (task) => memory.put({ ...task, state: task.state.slice(0, 4096) }) }),
  "an answer is the stored object": (_memory, share) => {
    const tasks = share as Map<string, StoredTask>;
    return {
      get: (owner, id) => tasks.get(`${owner} ${id}`),
      put: (task) => {
        const stored = tasks.get(`${task.owner} ${task.id}`);
        if ((stored?.version ?? 0) !== task.version - 1) return false;
        tasks.set(`${task.owner} ${task.id}`, task as StoredTask);
        return true;
      },
    };
  },
  "a delete takes any version": (memory) => ({
    delete: (owner, id) => {
      const stored = memory.get(owner, id);
      return stored ? memory.delete(owner, id, stored.version) : true;
    },
  }),
  "a delete of nothing fails": (memory) => ({
    delete: (owner, id, version) => memory.get(owner, id) !== undefined && memory.delete(owner, id, version),
  }),
  "a delete is two steps": (memory) => ({
    delete: async (owner, id, version) => {
      const stored = memory.get(owner, id);
      if (!stored) return true;
      if (stored.version !== version) return false;
      await turn();
      return memory.delete(owner, id, memory.get(owner, id)?.version ?? 0);
    },
    put: async (task) => (await turn(), memory.put(task)),
  }),
  "a task is gone at its due time": (memory) => ({
    get: (owner, id, options) => {
      const task = memory.get(owner, id, options);
      return task?.dueAt != null && task.dueAt <= Date.now() - 10 && task.dueAt > 1e12 ? undefined : task;
    },
  }),
  "what was named as due is not named again": (memory, share) => ({
    due: (before, limit) =>
      memory.due(before, limit).filter(({ owner, id, version }) => {
        const key = `${owner} ${id} ${version}`;
        return !share.has(key) && share.set(key, true);
      }),
  }),
  "due leaves out the very millisecond": (memory) => ({ due: (before, limit) => memory.due(before - 1, limit) }),
  "due is in no order": (memory) => ({ due: (before, limit) => memory.due(before, 99_999).reverse().slice(0, limit) }),
  "due compares times as texts": (memory) => ({
    due: (before, limit) =>
      memory
        .due(before, 99_999)
        .sort((a, b) => (String(a.dueAt) < String(b.dueAt) ? -1 : 1))
        .slice(0, limit),
  }),
  "due knows no place": (memory) => ({ due: (before, limit) => memory.due(before, limit) }),
  "due goes on from the due time alone": (memory) => ({
    due: (before, limit, after) => memory.due(before, limit, after && { dueAt: after.dueAt + 1, owner: "", id: "" }),
  }),
  "due repeats the last task": (memory) => ({
    due: (before, limit, after) => memory.due(before, limit, after && { ...after, id: after.id.slice(0, -1) }),
  }),
  "due goes on from a task, not from its place": (memory) => ({
    due: (before, limit, after) =>
      memory
        .due(before, 99_999)
        .slice(
          1 +
            memory
              .due(before, 99_999)
              .findIndex(({ owner, id, dueAt }) => owner === after?.owner && id === after.id && dueAt === after.dueAt),
        )
        .slice(0, limit),
  }),
  "due pages forget the owner": (memory) => ({
    due: (before, limit, after) =>
      memory
        .due(before, 99_999)
        .filter(
          ({ dueAt, id }) => after === undefined || dueAt! > after.dueAt || (dueAt === after.dueAt && id > after.id),
        )
        .slice(0, limit),
  }),
  "due has payloads": (memory) => ({
    due: (before, limit) => memory.due(before, limit).map(({ owner, id }) => memory.get(owner, id)!),
  }),
  "a list is ordered by id": listed((a, b) => (a.id < b.id ? -1 : 1)),
  "a list is ordered by time alone": listed((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? 1 : -1)),
  "a list is ordered as people would": listed((a, b) => a.createdAt - b.createdAt || a.id.localeCompare(b.id, "en")),
  "a list goes on from a task, not from its place": listed(
    (a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
  ),
  "a page repeats the last task": (memory) => ({
    list: (owner, { after, limit }) =>
      memory.list(owner, { after: after && { ...after, createdAt: after.createdAt - 1 }, limit }),
  }),
  "a list has payloads": (memory) => ({
    list: (owner, options) => memory.list(owner, options).map(({ id }) => memory.get(owner, id)!),
  }),
  "owners differ in case only": through((owner) => owner.toLowerCase()),
  "owners are normalized": through((owner) => owner.normalize()),
  "owners are trimmed": through((owner) => owner.trim()),
  "owners are UTF-8": through((owner) => new TextDecoder().decode(new TextEncoder().encode(owner))),
  "owners end at a NUL": through((owner) => owner.split("\0", 1)[0]!),
  "owners are cut at 255": through((owner) => owner.slice(0, 255)),
  "ids differ in case only": throughId((id) => id.toLowerCase()),
  "ids are cut at 128": throughId((id) => id.slice(0, 128)),
  "ids are trimmed": throughId((id) => id.trim()),
  "an odd id is an error to look for": (memory) => ({
    get: (owner, id) => {
      if (!/^[\w-]{1,128}$/.test(id)) throw new Error("an odd id");
      return memory.get(owner, id);
    },
  }),
  "who watches is told too early": (memory, share) => {
    const listeners = (share.get("listeners") ??
      share.set("listeners", new Set()).get("listeners")) as Set<TaskListener>;
    return {
      watch: (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
      put: (task) => {
        for (const listener of listeners) {
          try {
            listener(task.owner, task.id);
          } catch {
            // As it should be.
          }
        }
        return memory.put(task);
      },
    };
  },
  "a listener that throws harms the writer": (memory) => {
    const listeners = new Set<(owner: string, id: string) => void>();
    return {
      watch: (listener) => {
        listeners.add(listener);
        const stop = memory.watch(listener);
        return () => (listeners.delete(listener), stop());
      },
      put: (task) => {
        const done = memory.put(task);
        for (const listener of listeners) listener(task.owner, task.id);
        return done;
      },
    };
  },
  "a version is told that is still to come": (memory) => ({
    watch: (listener) => memory.watch((owner, id, version) => listener(owner, id, version && version + 1)),
  }),
  "a version is told that was there before": (memory) => ({
    watch: (listener) => memory.watch((owner, id, version) => listener(owner, id, version && version - 1)),
  }),
  "a delete is told as the version that it deletes": (memory) => {
    const last = new Map<string, number | undefined>();
    return {
      watch: (listener) =>
        memory.watch((owner, id, version) => {
          listener(owner, id, version || last.get(id));
          last.set(id, version);
        }),
    };
  },
  "watching does not stop": (memory) => ({ watch: (listener) => (memory.watch(listener), () => {}) }),
  "who watches hears of its own changes only": (memory) => {
    const mine = new Set<string>();
    return {
      put: (task) => (mine.add(`${task.owner} ${task.id} ${task.version}`), memory.put(task)),
      watch: (listener) =>
        memory.watch(
          (owner, id, version) =>
            mine.has(`${owner} ${id} ${memory.get(owner, id)?.version}`) && listener(owner, id, version),
        ),
    };
  },
};

test("a store without a fault passes", async () => {
  assert.equal(await complaint(() => ({})), undefined);
});

describe("the kit finds out", { concurrency: 16 }, () => {
  for (const [fault, change] of Object.entries(FAULTS)) {
    test(`that ${fault}`, async (t) => {
      const said = await complaint(change);
      assert.ok(said !== undefined && !said.includes("skipped:"), said);
      t.diagnostic(said);
    });
  }
});
