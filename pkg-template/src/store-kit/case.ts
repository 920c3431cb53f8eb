import type { MaybePromise, TaskStore } from "../store.ts";

/** An empty store, and what else the engine under test can do. What is left out is not tested. */
export interface StoreUnderTest {
  /** The store, empty. */
  readonly store: TaskStore;
  /** A second store on the same tasks, as another process would have it. Both are then used at the same time. */
  readonly peer?: TaskStore | undefined;
  /** Closes everything and opens the same tasks again, as after a restart; the old stores are not used any more. */
  reopen?(): MaybePromise<TaskStore>;
  /** Called when the case is over, whatever its end. */
  dispose?(): MaybePromise<void>;
}

/** Makes the store for one case; each call makes one with no tasks in it. */
export type MakeStore = () => MaybePromise<StoreUnderTest>;

/** One test case. */
export interface StoreCase {
  /** What the store must do. */
  readonly name: string;
  /**
   * Resolves when the store has passed, and rejects with an `Error` that says what is wrong. Where the store under test
   * has not got what the case is about, it calls `skip` with the reason, and resolves: nothing was proven then.
   */
  run(makeStore: MakeStore, skip: (why: string) => void): Promise<void>;
}

/** A case's body; what it answers is why it could not be run. */
type Body = (under: StoreUnderTest) => Promise<string | void>;

export function storeCase(name: string, body: Body): StoreCase {
  return {
    name,
    async run(makeStore, skip) {
      const under = await makeStore();
      let why: string | void;
      try {
        why = await body(under);
      } finally {
        await under.dispose?.();
      }
      if (why) skip(why);
    },
  };
}
