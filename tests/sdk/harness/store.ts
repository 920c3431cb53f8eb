// A store that tells what was asked of it, and that can be slow, or held.
import {
  type DuePosition,
  type MemoryStore,
  type StoredTask,
  type TaskListener,
  type TaskPosition,
  type TaskStore,
  type TaskWrite,
  memoryStore,
} from "mcp-longhaul";
import { gate } from "./frames.ts";

export interface Asked {
  readonly operation: "get" | "put" | "delete" | "list" | "due";
  readonly owner: string;
  readonly id: string;
}

export class WatchedStore implements TaskStore {
  readonly memory: MemoryStore;
  readonly asked: Asked[] = [];
  /** Called before an operation; a promise makes the store slow, an exception makes it fail. */
  before: (asked: Asked, task?: TaskWrite) => void | Promise<unknown> = () => {};

  constructor(memory: MemoryStore = memoryStore()) {
    this.memory = memory;
  }

  /** Every stored record. */
  get records(): StoredTask[] {
    return this.memory.due(Number.MAX_SAFE_INTEGER, 100_000);
  }

  writes(): Asked[] {
    return this.asked.filter(({ operation }) => operation === "put" || operation === "delete");
  }

  /** Holds the next write back; answers when it has come and how to let it go. */
  holdPut(): { readonly came: Promise<TaskWrite>; release(): void } {
    const came = gate<TaskWrite>();
    const hold = gate();
    this.before = (asked, task) => {
      if (asked.operation !== "put" || task === undefined) return;
      this.before = () => {};
      came.open(task);
      return hold.promise;
    };
    return { came: came.promise, release: () => hold.open() };
  }

  get(owner: string, id: string, options?: { readonly payload?: boolean }) {
    return this.#run({ operation: "get", owner, id }, () => this.memory.get(owner, id, options));
  }
  put(task: TaskWrite) {
    return this.#run({ operation: "put", owner: task.owner, id: task.id }, () => this.memory.put(task), task);
  }
  delete(owner: string, id: string, version: number) {
    return this.#run({ operation: "delete", owner, id }, () => this.memory.delete(owner, id, version));
  }
  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }) {
    return this.#run({ operation: "list", owner, id: "" }, () => this.memory.list(owner, options));
  }
  due(before: number, limit: number, after?: DuePosition) {
    return this.#run({ operation: "due", owner: "", id: "" }, () => this.memory.due(before, limit, after));
  }
  watch(listener: TaskListener): () => void {
    return this.memory.watch(listener);
  }

  #run<T>(asked: Asked, operation: () => T, task?: TaskWrite): T | Promise<T> {
    this.asked.push(asked);
    const pause = this.before(asked, task);
    return pause === undefined ? operation() : pause.then(operation);
  }
}
