/**
 * The contract of a task store, as cases that any test runner can run, in Node, Deno, Bun, a worker or a browser:
 * nothing here knows a framework or a platform. Every case asks `makeStore` for an empty store of its own.
 *
 * ```ts
 * import { test } from "node:test"; // or from "vitest": the last line is the same
 * import { storeCases, type MakeStore } from "mcp-longhaul/store-kit";
 *
 * const makeStore: MakeStore = async () => {
 *   const database = await createDatabase();
 *   return {
 *     store: myStore(database),
 *     peer: myStore(database), // a second connection; left out where there can be none
 *     dispose: () => database.drop(),
 *   };
 * };
 * for (const { name, run } of storeCases) test(name, (t) => run(makeStore, (why) => t.skip(why)));
 * ```
 *
 * What the cases hold a store to is said at {@link TaskStore}: every change is one compare-and-swap of one record, and
 * an answer may only be wrong on the safe side.
 *
 * | Method | Safe when in doubt | Never |
 * |---|---|---|
 * | `put` | `false`, or an error: the core reads again and knows its own writes | `true` for a write that is lost, or
 * that went over another version |
 * | `get` | an error | a miss of a task whose `put` was acknowledged, or state and payload of different versions |
 * | `delete` | `false`, or an error | deleting another version than it was told |
 * | `list` | an error | a task of another owner; leaving out a task that stood there the whole time |
 * | `due` | a task that is not due any more | leaving a due task out for ever; forgetting tasks by itself when their
 * time has come |
 * | `watch` | a change that did not happen, or a missed one | a report before its change can be read; a version that is
 * not the one that the change made |
 *
 * Quiet stores are held to more than that: with no failure in sight exactly one of several writers wins, and `watch`
 * reports every change.
 *
 * A store may refuse, with {@link TaskError} `invalid_argument` or by any other error, what it cannot keep: ids that
 * are not 1 to 128 characters of `A-Z a-z 0-9 _ -`, and owners with NUL or lone surrogates. It must not take them for
 * others.
 */
import type { DuePosition, MaybePromise, StoredTask, TaskPosition, TaskStore, TaskWrite } from "./store.ts";

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

const OWNER = "https://issuer.example|alice|tasks";
const T0 = 1_760_000_000_000;
/** The last moment that JavaScript can write as a date. */
const LATEST = 8_640_000_000_000_000;

function write(id: string, more: Partial<TaskWrite> = {}): TaskWrite {
  return { owner: OWNER, id, version: 1, createdAt: T0, dueAt: null, state: "working", payload: null, ...more };
}

/** A case's body; what it answers is why it could not be run. */
type Body = (under: StoreUnderTest) => Promise<string | void>;

function storeCase(name: string, body: Body): StoreCase {
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

const NO_PEER = "there is no peer";
const NO_REOPEN = "it cannot be reopened";
const NO_WATCH = "it has no `watch`";

/** The contract as test cases, the plainest first. */
export const storeCases: readonly StoreCase[] = [
  storeCase("keeps a task exactly as it was written", async ({ store }) => {
    const task = write("task-1", { dueAt: T0 + 60_000, state: 'w\t"state" ü 😀', payload: '{"a":[1,2.5,null,"x"]}' });
    equal(await store.get(OWNER, "task-1"), undefined, "a task that was never written");
    equal(await store.put(task), true, "put of a new task");
    equal(await store.get(OWNER, "task-1"), task, "get");
    equal(await store.get(OWNER, "task-1", {}), task, "get without a wish about the payload");
    equal(await store.get(OWNER, "task-1", { payload: true }), task, "get with payload");
    const undue = write("task-2");
    await store.put(undue);
    equal(await store.get(OWNER, "task-2"), undue, "a task without due time and payload");
  }),

  // X-STO-10, the store's part
  storeCase("keeps a snapshot: objects that were handed in or out change nothing", async ({ store }) => {
    const given: Mutable<TaskWrite> = write("task-1", { payload: "1" });
    await store.put(given);
    spoil(given);
    equal(await store.get(OWNER, "task-1"), write("task-1", { payload: "1" }), "the task, after its write was changed");
    spoil((await store.get(OWNER, "task-1"))!);
    for (const listed of await store.list(OWNER, { limit: 9 })) spoil(listed);
    equal(await store.get(OWNER, "task-1"), write("task-1", { payload: "1" }), "the task, after results were changed");
    const held = (await store.get(OWNER, "task-1"))!;
    await store.put(write("task-1", { version: 2, state: "completed", payload: "2" }));
    equal(held, write("task-1", { payload: "1" }), "an earlier answer, after a swap");
  }),

  storeCase("inserts only where no task is", async ({ store }) => {
    equal(await store.put(write("task-1", { payload: "1" })), true, "the first insert");
    equal(await store.put(write("task-1", { state: "other", payload: "2" })), false, "an insert over a task");
    equal(await store.get(OWNER, "task-1"), write("task-1", { payload: "1" }), "the task");
    await store.put(write("task-1", { version: 2 }));
    equal(await store.put(write("task-1")), false, "an insert over a swapped task");
  }),

  // X-STO-01, the store's part: a conditional write
  storeCase("swaps only over the version before", async ({ store }) => {
    // with a payload and without, which are two statements in some stores
    for (const [id, payload] of [
      ["task-1", null],
      ["task-2", "{}"],
      ["task-3", undefined],
    ] as const) {
      const swap = (version: number, state: string) =>
        store.put(write(id, { version, state, payload, dueAt: version }));
      const stored = (version: number, state: string) =>
        write(id, { version, state, payload: payload ?? null, dueAt: version });
      equal(await swap(2, "lost"), false, "a swap over nothing");
      equal(await store.get(OWNER, id), undefined, "the task");
      await swap(1, "one");
      for (const version of [0, 1, 3, 4, -1]) equal(await swap(version, "lost"), false, `version ${version} over 1`);
      equal(await store.get(OWNER, id), stored(1, "one"), "the task");
      equal(await swap(2, "two"), true, "version 2 over 1");
      for (const version of [0, 1, 2, 4, 5, -1]) equal(await swap(version, "lost"), false, `version ${version} over 2`);
      equal(await store.get(OWNER, id), stored(2, "two"), "the task");
      equal(await swap(3, "three"), true, "version 3 over 2");
      equal(await store.get(OWNER, id), stored(3, "three"), "the task");
    }
  }),

  storeCase("lets exactly one of many concurrent inserts and swaps win", async ({ store, peer }) => {
    const stores = [store, peer ?? store];
    for (let version = 1; version <= 5; version += 1) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, n) =>
          stores[n % 2]!.put(write("task-1", { version, state: `writer ${n}`, payload: `"${n}"` })),
        ),
      );
      const winners = answers.flatMap((won, n) => (won ? [n] : []));
      equal(winners.length, 1, `the winners of version ${version}`);
      const expected = write("task-1", { version, state: `writer ${winners[0]}`, payload: `"${winners[0]}"` });
      equal(await store.get(OWNER, "task-1"), expected, "what the winner wrote");
      if (peer) equal(await peer.get(OWNER, "task-1"), expected, "what the winner wrote, seen by the peer");
    }
  }),

  storeCase("lets one writer win each version of many tasks that are swapped at once", async ({ store, peer }) => {
    const stores = [store, peer ?? store];
    const ids = Array.from({ length: 12 }, (_, n) => `task-${n}`);
    for (let version = 1; version <= 4; version += 1) {
      await Promise.all(
        ids.map(async (id) => {
          const swaps = Array.from({ length: 4 }, async (_, n) => {
            const payload = n < 2 ? `${n}` : undefined; // with a payload and without, which are two statements in some stores
            return stores[n % 2]!.put(write(id, { version, state: `writer ${n}`, dueAt: T0 + n, payload }));
          });
          const won = await Promise.all(swaps);
          equal(won.filter(Boolean).length, 1, `the winners of version ${version} of ${id}`);
          const { state, dueAt } = (await store.get(OWNER, id))!;
          equal([state, dueAt], [`writer ${won.indexOf(true)}`, T0 + won.indexOf(true)], "what the winner wrote");
        }),
      );
    }
    for (const each of stores) {
      equal(
        (await each.list(OWNER, { limit: 99 })).map(({ version }) => version),
        ids.map(() => 4),
        "the versions in the list",
      );
      equal((await each.due(T0 + 9, 99)).length, ids.length, "due tasks, each of them once");
    }
  }),

  storeCase("lets a delete or a swap of the same version win, not both", async ({ store, peer }) => {
    const other = peer ?? store;
    for (let n = 0; n < 20; n += 1) {
      const id = `task-${n}`;
      await store.put(write(id, { dueAt: 1 }));
      const remove = async () => store.delete(OWNER, id, 1);
      const swap = async () => other.put(write(id, { version: 2, dueAt: 2 }));
      const answers = await Promise.all(n % 2 ? [remove(), swap()] : [swap(), remove()]);
      const [deleted, swapped] = n % 2 ? answers : answers.reverse();
      equal(deleted, !swapped, "the delete, against the swap");
      for (const each of [store, other]) {
        equal((await each.get(OWNER, id))?.version, swapped ? 2 : undefined, "the version that is left");
      }
    }
    await store.put(write("again", { payload: '"old"' }));
    equal(
      await Promise.all([store, other, store].map(async (each) => each.delete(OWNER, "again", 1))),
      [true, true, true],
      "deletes at once",
    );
    const inserts = await Promise.all(
      [store, other, store].map(async (each, n) => each.put(write("again", { state: `${n}` }))),
    );
    equal(inserts.filter(Boolean).length, 1, "the winners of a new task in its place");
    equal(await other.get(OWNER, "again"), write("again", { state: `${inserts.indexOf(true)}` }), "the new task");
  }),

  storeCase("shows each change to its peer as soon as it is acknowledged", async ({ store, peer }) => {
    if (!peer) return NO_PEER;
    for (let version = 1; version <= 30; version += 1) {
      const [writer, reader] = version % 2 ? [store, peer] : [peer, store];
      const task = write("task-1", { version, dueAt: T0 + version, payload: `${version}` });
      equal(await writer.put(task), true, `put of version ${version}`);
      equal(await reader.get(OWNER, "task-1"), task, "get");
      equal(await reader.list(OWNER, { limit: 9 }), [{ ...task, payload: null }], "the list");
      equal(await reader.due(T0 + version, 9), [{ ...task, payload: null }], "what is due");
    }
    equal(await peer.delete(OWNER, "task-1", 30), true, "a delete");
    equal(await store.get(OWNER, "task-1"), undefined, "get of a task that the peer has deleted");
  }),

  storeCase("loses no increment of concurrent writers that try again", async ({ store, peer }) => {
    const stores = [store, peer ?? store];
    await store.put(write("task-1", { state: "0" }));
    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const mine = stores[n % 2]!;
        for (let done = 0, tries = 0; done < 10; tries += 1) {
          if (tries > 2_000) throw new Error("a writer that always tries again never wins");
          const { version, state } = (await mine.get(OWNER, "task-1"))!;
          if (await mine.put(write("task-1", { version: version + 1, state: String(Number(state) + 1) }))) done += 1;
        }
      }),
    );
    equal(await store.get(OWNER, "task-1"), write("task-1", { version: 81, state: "80" }), "the task");
  }),

  // X-STO-02, the store's part: state and payload are one write
  storeCase("never shows a state without its payload", async ({ store, peer }) => {
    const reader = peer ?? store;
    await store.put(write("task-1", { state: "1", payload: "1" }));
    let writing = true;
    const read = async () => {
      for (let reads = 1; writing; reads += 1) {
        const seen = (await reader.get(OWNER, "task-1"))!;
        equal(seen.payload, seen.state, "payload and state");
        equal(String(seen.version), seen.state, "version and state");
        // A store that answers at once would never let the writer in.
        await (reads % 50 ? undefined : new Promise((resolve) => setTimeout(resolve)));
      }
    };
    const reading = Promise.all([read(), read()]);
    reading.catch(() => {}); // it is awaited below
    for (let version = 2; version <= 100; version += 1) {
      await store.put(write("task-1", { version, state: String(version), payload: String(version) }));
    }
    writing = false;
    await reading;
  }),

  storeCase("keeps, replaces and clears the payload", async ({ store }) => {
    const payload = async () => (await store.get(OWNER, "task-1"))?.payload;
    await store.put(write("task-1", { payload: '{"n":1}' }));
    await store.put(write("task-1", { version: 2, state: "two", payload: undefined }));
    equal(await payload(), '{"n":1}', "the payload after a put with `payload: undefined`");
    const { payload: _, ...bare } = write("task-1", { version: 3, state: "three" });
    await store.put(bare);
    equal(await store.get(OWNER, "task-1"), { ...bare, payload: '{"n":1}' }, "the task after a put without `payload`");
    await store.put(write("task-1", { version: 4, payload: "" }));
    equal(await payload(), "", "an empty payload");
    await store.put(write("task-1", { version: 5, payload: "[]" }));
    equal(await payload(), "[]", "a replaced payload");
    await store.put(write("task-1", { version: 6, payload: null }));
    equal(await payload(), null, "a cleared payload");
    await store.put(write("task-1", { version: 7, payload: undefined }));
    equal(await payload(), null, "no payload, kept");
    await store.put(write("task-2", { payload: undefined }));
    equal((await store.get(OWNER, "task-2"))?.payload, null, "the payload of a new task without one");
    equal(await store.put(write("task-1", { version: 7, payload: "9" })), false, "a lost swap");
    equal(await payload(), null, "the payload after a lost swap");
  }),

  storeCase("gives the rest of a task without its payload", async ({ store }) => {
    await store.put(write("task-1", { payload: "1" }));
    const head = await store.get(OWNER, "task-1", { payload: false });
    equal({ ...head!, payload: null }, write("task-1"), "get with `payload: false`");
    if (head!.payload !== null) equal(head!.payload, "1", "a payload that nobody asked for");
    equal(await store.get(OWNER, "task-2", { payload: false }), undefined, "get of no task with `payload: false`");
    equal((await store.get(OWNER, "task-1"))?.payload, "1", "the payload, asked for");
  }),

  storeCase("pages through 250 tasks in order of creation, then id", async ({ store }) => {
    const tasks = Array.from({ length: 250 }, (_, n) =>
      // ten tasks in each millisecond, written neither in order of time nor of id; both cases, digits, `-` and `_` in
      // ids
      write(`${"aZ09-_zAbB"[n % 10]}${shuffled(n, 250)}`, { createdAt: T0 + (shuffled(n, 250) % 25) }),
    );
    await Promise.all(tasks.map((task) => store.put(task)));
    tasks.sort(byPosition);
    for (const limit of [1, 7, 100, 250, 1000]) {
      const seen = await walk(store, OWNER, limit);
      equal(names(seen), names(tasks), `all pages of ${limit}`);
    }
    const [first] = await store.list(OWNER, { limit: 1 });
    equal(first, tasks[0], "a listed task");
    equal(await store.list(OWNER, { limit: 0 }), [], "a page of 0");
    equal(await store.list(OWNER, { after: undefined, limit: 3 }), tasks.slice(0, 3), "a page after nothing");
    equal(await store.list(OWNER, { after: { createdAt: T0 + 25, id: "a" }, limit: 9 }), [], "a page after the last");
    equal(
      names(await store.list(OWNER, { after: { createdAt: T0 - 1, id: "zzz" }, limit: 2 })),
      names(tasks.slice(0, 2)),
      "a page after a place before the first",
    );
  }),

  storeCase("pages past what changes meanwhile, missing nothing that stood there", async ({ store, peer }) => {
    const writer = peer ?? store;
    const ids = Array.from({ length: 40 }, (_, n) => `task-${String(n).padStart(2, "0")}`);
    await Promise.all(ids.map((id, n) => store.put(write(id, { createdAt: T0 + n }))));
    const seen: StoredTask[] = [];
    for (let n = 0; n < 20; n += 1) {
      seen.push(...(await store.list(OWNER, { after: seen.at(-1), limit: 2 })));
      await writer.put(write(ids[n]!, { createdAt: T0 + n, version: 2, state: "completed", dueAt: T0 }));
      await writer.put(write(`late-${n}`, { createdAt: T0 - 1 })); // before every page that is still to come
    }
    equal(names(seen), ids, "all pages");
    equal((await store.list(OWNER, { limit: 99 })).length, 60, "tasks in the end");
  }),

  storeCase("orders by time as by a number, wherever it stands", async ({ store }) => {
    const times = [0, 1, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, T0, LATEST];
    for (const [n, createdAt] of times.entries()) {
      await store.put(write(`task-${99 - n}`, { createdAt, dueAt: createdAt }));
    }
    equal(
      (await walk(store, OWNER, 2)).map(({ createdAt }) => createdAt),
      times,
      "creation times in the list",
    );
    equal(
      (await store.due(LATEST, 99)).map(({ dueAt }) => dueAt),
      times,
      "due times",
    );
    equal((await store.due(10, 99)).length, 4, "what is due at 10 ms");
  }),

  storeCase("lists no payloads, and a swapped task where it was", async ({ store }) => {
    for (const n of [1, 2, 3]) await store.put(write(`task-${n}`, { createdAt: T0 + n, payload: `${n}` }));
    await store.put(write("task-1", { createdAt: T0 + 1, version: 2, state: "completed", dueAt: 9, payload: "{}" }));
    equal(
      await store.list(OWNER, { limit: 9 }),
      [
        write("task-1", { createdAt: T0 + 1, version: 2, state: "completed", dueAt: 9 }),
        write("task-2", { createdAt: T0 + 2 }),
        write("task-3", { createdAt: T0 + 3 }),
      ],
      "the list",
    );
  }),

  storeCase("lists on from the place of a task that was deleted", async ({ store }) => {
    for (const id of ["a", "b", "c", "d", "e"]) await store.put(write(id));
    const page = await store.list(OWNER, { limit: 2 });
    equal(names(page), ["a", "b"], "the first page");
    await store.delete(OWNER, "b", 1);
    await store.delete(OWNER, "c", 1);
    equal(names(await store.list(OWNER, { after: page[1], limit: 9 })), ["d", "e"], "the next page");
    await store.put(write("bb"));
    equal(
      names(await store.list(OWNER, { after: page[1], limit: 9 })),
      ["bb", "d", "e"],
      "with a task that came after it",
    );
    equal(names(await store.list(OWNER, { limit: 9 })), ["a", "bb", "d", "e"], "the whole list");
  }),

  storeCase("keeps owners apart", async ({ store }) => {
    const owners = ["", OWNER, `${OWNER} `, OWNER.toUpperCase(), OWNER.slice(0, -1), "bob", "b%", "*", "ö", "o\u0308"];
    for (const [n, owner] of owners.entries()) {
      for (const id of ["same", `own-${n}`]) {
        equal(await store.put(write(id, { owner, createdAt: T0 + n, state: `of ${n}`, dueAt: T0 + n })), true, "put");
      }
    }
    for (const [n, owner] of owners.entries()) {
      equal(names(await store.list(owner, { limit: 99 })), [`own-${n}`, "same"], `the list of owner ${n}`);
      equal((await store.get(owner, "same"))?.state, `of ${n}`, `the task of owner ${n}`);
      const other = (n + 1) % owners.length;
      equal(await store.get(owner, `own-${other}`), undefined, "a stranger's task");
      equal(await store.put(write(`own-${other}`, { owner, version: 2 })), false, "a swap of a stranger's task");
      equal(await store.delete(owner, `own-${other}`, 1), true, "a delete of a stranger's task, as of none");
      equal((await store.get(owners[other]!, `own-${other}`))?.version, 1, "the stranger's task");
    }
    equal(await store.list("nobody", { limit: 9 }), [], "the list of an owner without tasks");
    equal((await store.due(T0 + 99, 99)).length, 20, "due tasks of all owners");
    await store.delete("", "same", 1);
    equal((await store.get("bob", "same"))?.version, 1, "a namesake of a deleted task");
  }),

  storeCase("finds what is due, the earliest first", async ({ store }) => {
    const offsets = Array.from({ length: 60 }, (_, n) => shuffled(n, 60));
    await Promise.all(
      offsets.map((n) => store.put(write(`task-${n}`, { owner: `owner-${n % 3}`, dueAt: T0 + n, payload: "{}" }))),
    );
    await store.put(write("never", { dueAt: null }));
    await store.put(write("long-ago", { dueAt: 0 }));
    const due = async (before: number, limit: number) => names(await store.due(before, limit));
    equal(await due(-1, 99), [], "before everything");
    equal(await due(0, 99), ["long-ago"], "due at the very millisecond");
    equal(await due(T0 + 1, 99), ["long-ago", "task-0", "task-1"], "up to a time, and at it");
    equal(await due(T0 + 9999, 4), ["long-ago", "task-0", "task-1", "task-2"], "at most `limit`");
    equal(await due(T0 + 9999, 0), [], "at most 0");
    equal((await store.due(T0 + 9999, 999)).length, 61, "all that have a due time");
    equal(
      (await store.due(T0, 9))[1],
      write("task-0", { owner: "owner-0", dueAt: T0 }),
      "a due task, without its payload",
    );
  }),

  storeCase("pages through what is due, each task once, whoever owns it", async ({ store, peer }) => {
    const owners = ["", "\u0001bob", "B", "a", "a ", "a:b", "ab", "b", "ä", "z", "\uffee", "😀", "😀b"];
    for (const [n, owner] of owners.entries()) {
      for (const id of ["b", "B", "-", "_", "9"])
        await store.put(write(id, { owner, dueAt: T0 + (n % 3 === 0 ? 1 : 0), payload: "1" }));
    }
    await store.put(write("later", { dueAt: T0 + 2 }));
    await store.put(write("never", { dueAt: null }));
    const key = ({ owner, id, dueAt }: StoredTask) => JSON.stringify([dueAt, owner, id]);
    const whole = (await store.due(T0 + 1, 999)).map(key);
    equal(whole.length, 5 * owners.length, "all that is due");
    for (const limit of [1, 2, 7, 64]) {
      const seen: string[] = [];
      for (let after: DuePosition | undefined; seen.length <= whole.length; ) {
        const page: readonly StoredTask[] = await (peer ?? store).due(T0 + 1, limit, after);
        seen.push(...page.map(key));
        const last = page.at(-1);
        if (page.length < limit || last === undefined) break;
        after = { dueAt: last.dueAt!, owner: last.owner, id: last.id };
      }
      equal(seen, whole, `the pages of ${limit}`);
    }
    const first = whole.findIndex((each) => each.startsWith(`[${T0 + 1},`));
    const from = async (dueAt: number) => (await store.due(T0 + 1, 999, { dueAt, owner: "", id: "" })).map(key);
    equal(await from(T0), whole, "from the first due time on");
    equal(await from(T0 + 1), whole.slice(first), "from the second one on");
    equal(await from(T0 + 2), [], "from one on that is not asked for");
  }),

  storeCase("goes on after a due task that was deleted or has another due time now", async ({ store }) => {
    for (const id of ["a", "b", "c", "d"]) await store.put(write(id, { dueAt: T0 }));
    const tasks = await store.due(T0, 9);
    const after = (n: number): DuePosition => ({ dueAt: T0, owner: OWNER, id: tasks[n]!.id });
    await store.delete(OWNER, tasks[1]!.id, 1);
    equal(names(await store.due(T0, 9, after(1))), names(tasks.slice(2)), "after one that was deleted");
    await store.put(write(tasks[2]!.id, { version: 2, dueAt: T0 + 9 }));
    equal(names(await store.due(T0, 9, after(2))), names(tasks.slice(3)), "after one that is due later now");
    equal(names(await store.due(T0 + 9, 9, after(2))), names([tasks[3]!, tasks[2]!]), "with it, at its new place");
    equal(names(await store.due(T0 + 9, 9, { dueAt: T0 + 9, owner: OWNER, id: tasks[2]!.id })), [], "after all");
  }),

  storeCase("follows a due time that moves, ends, returns, and goes with its task", async ({ store }) => {
    const due = async () => names(await store.due(T0 + 1000, 99));
    await store.put(write("a", { dueAt: T0 + 1 }));
    await store.put(write("b", { dueAt: T0 + 2 }));
    await store.put(write("a", { version: 2, dueAt: T0 + 3 }));
    equal(await due(), ["b", "a"], "after a move");
    await store.put(write("a", { version: 3, dueAt: null }));
    equal(await due(), ["b"], "after an end");
    await store.put(write("a", { version: 4, dueAt: T0 }));
    equal(await due(), ["a", "b"], "after a return");
    equal(await store.put(write("a", { version: 4, dueAt: T0 + 9 })), false, "a lost swap");
    equal(await due(), ["a", "b"], "after a lost swap");
    await store.delete("other", "a", 4);
    await store.delete(OWNER, "a", 3);
    equal(await due(), ["a", "b"], "after deletes that did nothing");
    await store.delete(OWNER, "a", 4);
    equal(await due(), ["b"], "after a delete");
  }),

  storeCase("keeps a task past its due time until it is deleted", async (under) => {
    const { store } = under;
    const soon = Date.now() + 30;
    const times = [0, 1, soon - 60_000, soon, soon + 86_400_000, LATEST];
    for (const dueAt of times) await store.put(write(`due-${dueAt}`, { dueAt, payload: "1" }));
    await until(() => Date.now() > soon + 20, "a due time to pass");
    const check = async (store: TaskStore) => {
      for (const dueAt of times)
        equal(await store.get(OWNER, `due-${dueAt}`), write(`due-${dueAt}`, { dueAt, payload: "1" }), "a task");
      equal(
        (await store.due(Date.now(), 9)).map(({ dueAt }) => dueAt),
        times.slice(0, 4),
        "what is due, whenever the store is asked",
      );
      equal((await store.list(OWNER, { limit: 9 })).length, times.length, "the list");
    };
    await check(store);
    if (under.reopen) await check(await under.reopen());
  }),

  // X-STO-12, the store's part: deleting is idempotent, and a late swap does not bring the task back
  storeCase("deletes the version it was told, once and for all", async ({ store, peer }) => {
    equal(await store.delete(OWNER, "task-1", 1), true, "a delete of no task");
    await store.put(write("task-1", { dueAt: 1, payload: '"secret"' }));
    await store.put(write("task-1", { version: 2, dueAt: 1 }));
    equal(await store.delete(OWNER, "task-1", 1), false, "a delete of an old version");
    equal(await store.delete(OWNER, "task-1", 3), false, "a delete of a version to come");
    equal((await store.get(OWNER, "task-1"))?.version, 2, "the task");
    equal(await store.delete(OWNER, "task-1", 2), true, "a delete");
    equal(await store.delete(OWNER, "task-1", 2), true, "the same delete again");
    equal(await store.put(write("task-1", { version: 3 })), false, "a late swap");
    for (const each of [store, peer ?? store]) {
      equal(await each.get(OWNER, "task-1"), undefined, "the task");
      equal(await each.list(OWNER, { limit: 9 }), [], "the list");
      equal(await each.due(T0, 9), [], "what is due");
    }
    await store.put(write("task-1"));
    equal(await store.get(OWNER, "task-1"), write("task-1"), "a new task in its place, without the old payload");
  }),

  storeCase("keeps a payload of 5 MB", async (under) => {
    const payload = JSON.stringify({ text: "0123456789abcdeß".repeat(320_000), end: true });
    await under.store.put(write("task-1", { payload }));
    await under.store.put(write("task-1", { version: 2, state: "completed", payload: undefined }));
    equal((await under.store.get(OWNER, "task-1"))?.payload === payload, true, "the payload is the same");
    equal((await under.store.get(OWNER, "task-1", { payload: false }))?.version, 2, "the rest");
    const store = (await under.reopen?.()) ?? under.store;
    equal((await store.get(OWNER, "task-1"))?.payload === payload, true, "the payload is the same after reopening");
  }),

  storeCase("keeps long and odd states to the letter", async ({ store, peer }) => {
    const states = [
      "",
      " ",
      "\t\n\r",
      "w\t1\t\\N\tNULL",
      "'\"`;--",
      "\u0001\u001f\u007f",
      "ü😀\uffff",
      "x".repeat(16_384),
      "😀".repeat(2_048),
    ];
    for (const [n, state] of states.entries()) await store.put(write(`task-${n}`, { state, dueAt: n, createdAt: n }));
    for (const each of [store, peer ?? store]) {
      for (const [n, state] of states.entries())
        equal((await each.get(OWNER, `task-${n}`))?.state, state, `state ${n}`);
      equal(
        (await each.list(OWNER, { limit: 99 })).map(({ state }) => state),
        states,
        "states in the list",
      );
      equal(
        (await each.due(99, 99)).map(({ state }) => state),
        states,
        "states of what is due",
      );
    }
  }),

  // H63, and of X-LIM-07 the part about payloads; of X-LIM-05 the part about payloads
  storeCase("keeps odd payloads to the letter", async (under) => {
    const deep = 100_000;
    const payloads = [
      JSON.stringify({ text: "\ud800 and \udfff" }), // half surrogate pairs, which JSON text holds as escapes
      JSON.stringify(
        "nul \u0000, bell \u0007, line \u2028, emoji 😀👩‍👩‍👧, not a character \uffff, byte order mark \ufeff",
      ),
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":null}',
      "[".repeat(deep) + "]".repeat(deep),
      '{"a":1,"a":2,"n":1e999,"z":-0,"i":12345678901234567890}',
      " \n\t{ } ",
      `{"a":${'{"a":'.repeat(deep)}1${"}".repeat(deep)}}`,
      `{${Array.from({ length: 20_000 }, (_, n) => `"key ${n}":${n}`).join()}}`,
      "\u2028\u2029\u0085\ufeff\r\n\r",
      '"\'; DROP TABLE mcp_tasks; --"',
      '"%s ? ?1 :a @b $c $1 \\\\ \' \\""',
      "true",
    ];
    for (const [n, payload] of payloads.entries()) await under.store.put(write(`task-${n}`, { payload }));
    const check = async (store: TaskStore, when: string) => {
      for (const [n, payload] of payloads.entries()) {
        equal((await store.get(OWNER, `task-${n}`))?.payload === payload, true, `payload ${n} is the same ${when}`);
      }
    };
    await check(under.store, "at once");
    if (under.reopen) await check(await under.reopen(), "after reopening");
    equal(Reflect.has({}, "polluted"), false, "a prototype was changed");
  }),

  // X-SEC-14, and of X-LIM-05 the part about task ids
  storeCase("takes every id and owner as mere text", async (under) => {
    const { store } = under;
    const ids = [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "prototype",
      "NULL",
      "-",
      "_",
      "0",
      "-1",
      "1e3",
      "a".repeat(128),
      "A".repeat(128),
    ];
    const owners = [
      ...ids,
      "'; DROP TABLE mcp_tasks; --",
      '" OR ""="',
      "../../etc/passwd",
      "a\nb",
      "a\\b",
      "\\x00",
      "{}",
      "{a}:b",
      "a:b",
      "a|b",
      "a,b",
      "a b",
      " ",
      "\u0001",
      "a\u0001b",
      "\u001f",
      "ﬁ",
      "fi",
      "É",
      "E\u0301",
      "😀".repeat(256),
      "漢".repeat(512),
      "'".repeat(512),
    ];
    for (const id of ids) equal(await store.get(OWNER, id), undefined, `no task ${id}`);
    for (const owner of owners) equal(await store.list(owner, { limit: 9 }), [], `no task of ${owner}`);
    for (const id of ids) equal(await store.put(write(id, { state: id, payload: `"${id}"` })), true, `put of ${id}`);
    for (const owner of owners)
      equal(await store.put(write("task-1", { owner, state: owner })), true, `put for ${owner}`);
    // What a peer may send as an id is looked for like any other text, and is not there.
    for (const id of [
      ...owners.slice(ids.length),
      "",
      ".",
      "..",
      "%",
      "_%",
      "*",
      "a\u0000",
      "\ud800",
      "a".repeat(129),
      "x".repeat(100_000),
    ]) {
      equal(await store.get(OWNER, id), undefined, "a task with an impossible id");
      equal(await store.delete(OWNER, id, 1), true, "a delete of an impossible id");
      await store.list(OWNER, { after: { createdAt: T0, id }, limit: 1 });
    }
    const check = async (store: TaskStore) => {
      for (const id of ids)
        equal(await store.get(OWNER, id), write(id, { state: id, payload: `"${id}"` }), `task ${id}`);
      for (const owner of owners)
        equal(await store.list(owner, { limit: 9 }), [write("task-1", { owner, state: owner })], `list of ${owner}`);
      equal((await store.list(OWNER, { limit: 99 })).length, ids.length, "tasks");
    };
    await check(store);
    if (under.reopen) await check(await under.reopen());
  }),

  // X-SEC-14
  storeCase("keeps the task under the very id, or refuses to keep it", async ({ store }) => {
    await store.put(write("a", { payload: '"a"' }));
    const odd = [
      "",
      ".",
      "..",
      "../a",
      "a/../a",
      "a%",
      "a ",
      " a",
      "A",
      "a\n",
      "a\u0000",
      "a\u0000b",
      "a'",
      'a"--',
      "a:b",
      "ä",
      "a\u0301",
      "\ud800",
      "a".repeat(129),
      "a".repeat(4_000),
    ];
    const kept: string[] = [];
    for (const id of odd) {
      if (await attempt(async () => store.put(write(id, { state: id, payload: JSON.stringify(id) })))) kept.push(id);
    }
    for (const id of odd) {
      const found = await store.get(OWNER, id);
      equal(found?.payload, kept.includes(id) ? JSON.stringify(id) : undefined, `the task ${JSON.stringify(id)}`);
    }
    equal((await store.get(OWNER, "a"))?.payload, '"a"', "the task whose id they resemble");
    equal((await store.list(OWNER, { limit: 99 })).length, kept.length + 1, "tasks in the list");
  }),

  storeCase("refuses an owner it cannot tell from another, or tells them apart", async ({ store }) => {
    const pairs = [
      ["a\ud800", "a\ufffd"],
      ["a\u0000b", "a"],
      ["c\u0000d", "cd"],
    ] as const;
    for (const [odd, plain] of pairs) {
      await store.put(write("secret", { owner: plain, payload: '"plain"' }));
      const answer = await attempt(async () => store.get(odd, "secret"));
      equal(answer, undefined, "the task of an owner that looks alike");
      equal(
        (await attempt(async () => store.list(odd, { limit: 9 }))) ?? [],
        [],
        "the list of an owner that looks alike",
      );
      await attempt(async () => store.put(write("secret", { owner: odd, version: 2 })));
      await attempt(async () => store.delete(odd, "secret", 1));
      equal((await store.get(plain, "secret"))?.payload, '"plain"', "the task");
      if (await attempt(async () => store.put(write("secret", { owner: odd, payload: '"odd"' })))) {
        equal((await store.get(odd, "secret"))?.payload, '"odd"', "the task of the odd owner");
      }
      await store.delete(plain, "secret", 1);
    }
  }),

  storeCase("tells who watches about changes, after they are stored", async ({ store }) => {
    if (!store.watch) return NO_WATCH;
    const seen: string[] = [];
    const versions: MaybePromise<StoredTask | undefined>[] = [];
    const stop = store.watch((owner, id) => {
      seen.push(`${owner} ${id}`);
      versions.push(store.get(owner, id));
    });
    const stopFaulty = store.watch(() => {
      throw new Error("a listener that fails");
    });
    const other: string[] = [];
    const stopOther = store.watch((_, id) => void other.push(id));
    try {
      equal(await store.put(write("task-1")), true, "a put, though a listener fails");
      await until(() => seen.includes(`${OWNER} task-1`), "the put to be reported");
      equal((await versions[0])?.version, 1, "what the listener finds");
      await until(() => other.length > 0, "the put to be reported to the listener behind the one that fails");
      seen.length = 0;
      await store.put(write("task-1", { version: 2 }));
      await until(() => seen.includes(`${OWNER} task-1`), "the swap to be reported");
      stop();
      stopFaulty();
      seen.length = other.length = 0;
      await store.put(write("task-2"));
      await until(() => other.includes("task-2"), "a put to be reported to the one who still listens");
      equal(seen, [], "reports after watching was stopped");
    } finally {
      for (const each of [stop, stop, stopFaulty, stopOther]) each(); // stopping twice is harmless
    }
  }),

  storeCase("tells who watches about every change of its peer", async ({ store, peer }) => {
    if (!store.watch) return NO_WATCH;
    if (!peer?.watch || peer === store) return NO_PEER;
    const seen = new Map<string, MaybePromise<StoredTask | undefined>>();
    const stop = store.watch((owner, id) => void seen.set(`${owner} ${id}`, store.get(owner, id)));
    const stopPeer = peer.watch(() => {});
    try {
      // Listening may take a moment to begin, and what happens before is missed.
      let version = 0;
      await until(async () => {
        await peer.put(write("first", { version: (version += 1) }));
        return seen.size > 0;
      }, "the peer's changes to be reported");
      const owners = ["", OWNER, "'\"; --", "a\u0001\n\tb", "{},\\", "漢".repeat(512), "😀".repeat(256)];
      for (const owner of owners) {
        const name = `${owner} task-1`;
        await peer.put(write("task-1", { owner, payload: `"${"x".repeat(20_000)}"` }));
        await until(() => seen.has(name), `the put to be reported, for the owner ${cut(owner)}`);
        equal((await seen.get(name))?.version, 1, "what the listener finds");
        seen.delete(name);
        await peer.put(write("task-1", { owner, version: 2 }));
        await until(() => seen.has(name), "the swap to be reported");
      }
      const ids = Array.from({ length: 50 }, (_, n) => `many-${n}`);
      await Promise.all(ids.map(async (id) => peer.put(write(id))));
      await until(() => ids.every((id) => seen.has(`${OWNER} ${id}`)), "many puts at once to be reported");
      stop();
      seen.clear();
      const again = store.watch((owner, id) => void seen.set(`${owner} ${id} again`, undefined));
      try {
        let next = 2;
        await until(async () => {
          await peer.put(write("many-0", { version: next++ }));
          return seen.size > 0;
        }, "a change to be reported to who watches anew");
        equal(
          [...seen.keys()].filter((name) => !name.endsWith(" again")),
          [],
          "reports after watching was stopped",
        );
      } finally {
        again();
      }
    } finally {
      stop();
      stopPeer();
    }
  }),

  storeCase("tells the version with a change, or none, and never another", async ({ store, peer }) => {
    if (!store.watch) return NO_WATCH;
    const writers = peer?.watch && peer !== store ? [store, peer] : [store];
    const told: {
      readonly id: string;
      readonly version: number | undefined;
      readonly found: MaybePromise<StoredTask | undefined>;
    }[] = [];
    const stop = store.watch((owner, id, version) => void told.push({ id, version, found: store.get(owner, id) }));
    const stopPeer = peer?.watch?.(() => {});
    const heard = (which: string, version: number) =>
      until(
        () => told.some((each) => each.id === which && [undefined, version].includes(each.version)),
        `version ${version} of ${which}`,
      );
    try {
      for (const [n, writer] of writers.entries()) {
        let first = 0;
        // Listening may take a moment to begin, and what happens before is missed.
        await until(async () => {
          await writer.put(write(`first-${n}`, { version: (first += 1) }));
          return told.some(({ id }) => id === `first-${n}`);
        }, "a change to be reported");
        const id = `task-${n}`;
        for (const version of [1, 2, 3]) {
          await writer.put(write(id, { version }));
          await heard(id, version);
        }
        await writer.delete(OWNER, id, 3);
        await heard(id, 0);
      }
      for (const { id, version, found } of told.filter(({ id }) => id.startsWith("task-"))) {
        const stored = (await found)?.version;
        if (version === undefined) continue;
        equal([0, 1, 2, 3].includes(version), true, `version ${show(version)} of ${id} was made`);
        equal(
          version === 0 ? stored === undefined : (stored ?? 3) >= version,
          true,
          `version ${version} of ${id}, told where ${show(stored)} was stored, had been made`,
        );
      }
    } finally {
      stop();
      stopPeer?.();
    }
    if (told.every(({ version }) => version === undefined)) return "its `watch` tells no versions";
  }),

  storeCase("still has everything after reopening", async (under) => {
    if (!under.reopen) return NO_REOPEN;
    await under.store.put(write("task-1", { dueAt: T0 + 5, payload: '{"a":1}' }));
    await under.store.put(write("task-1", { version: 2, dueAt: T0 + 6, state: "completed", payload: undefined }));
    await under.store.put(write("task-2", { createdAt: T0 + 1 }));
    await under.store.put(write("task-3"));
    await under.store.delete(OWNER, "task-3", 1);
    const store = await under.reopen();
    const first = write("task-1", { version: 2, dueAt: T0 + 6, state: "completed" });
    equal(await store.get(OWNER, "task-1"), { ...first, payload: '{"a":1}' }, "the task");
    equal(await store.list(OWNER, { limit: 9 }), [first, write("task-2", { createdAt: T0 + 1 })], "the list");
    equal(await store.due(T0 + 6, 9), [first], "what is due");
    equal(await store.put(write("task-1", { version: 2 })), false, "a swap over a version of before");
    equal(await store.put(write("task-1", { version: 3 })), true, "a swap");
  }),
];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes over every field, where the object lets it. */
function spoil(task: object): void {
  for (const key of Object.keys(task)) Reflect.set(task, key, "spoiled");
}

/** A permutation of 0 … count - 1, for counts that 7919 does not divide. */
function shuffled(n: number, count: number): number {
  return (n * 7919) % count;
}

function byPosition(a: TaskPosition, b: TaskPosition): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

function names(tasks: readonly { readonly id: string }[]): string[] {
  return tasks.map(({ id }) => id);
}

async function walk(store: TaskStore, owner: string, limit: number): Promise<StoredTask[]> {
  const seen: StoredTask[] = [];
  for (;;) {
    const page = await store.list(owner, { after: seen.at(-1), limit });
    if (page.length > limit) throw new Error(`list: ${page.length} tasks where at most ${limit} were asked for`);
    seen.push(...page);
    if (page.length < limit) return seen;
    if (seen.length > 10_000) throw new Error("list: the pages never end");
  }
}

async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch {
    return undefined;
  }
}

async function until(condition: () => MaybePromise<boolean>, what: string): Promise<void> {
  for (const start = Date.now(); !(await condition()); ) {
    if (Date.now() - start > 5_000) throw new Error(`waited 5 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Plain data only: texts, numbers, `null`, `undefined`, arrays and objects of them, keys in any order. */
function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [show(actual), show(expected)];
  if (is !== should) throw new Error(`${what}: expected ${cut(should)}, got ${cut(is)}`);
}

function show(value: unknown): string {
  if (value === undefined) return "undefined";
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function cut(text: string): string {
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}… (${text.length} characters)`;
}
