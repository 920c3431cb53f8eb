import type { TaskStore } from "mcp-longhaul";

/** A store whose process can be cut off from it: as good as lost to all others. */
export function mortal(store: TaskStore): { store: TaskStore; die(): void } {
  let dead = false;
  const alive = <T>(run: () => T): T => {
    if (dead) throw new Error("cut off");
    return run();
  };
  return {
    store: {
      get: (owner, id, options) => alive(() => store.get(owner, id, options)),
      put: (task) => alive(() => store.put(task)),
      delete: (owner, id, version) => alive(() => store.delete(owner, id, version)),
      list: (owner, options) => alive(() => store.list(owner, options)),
      due: (before, limit, after) => alive(() => store.due(before, limit, after)),
    },
    die: () => void (dead = true),
  };
}
