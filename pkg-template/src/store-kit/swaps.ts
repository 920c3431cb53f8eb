// Every change is one compare-and-swap of one record.
import { type StoreCase, storeCase } from "./case.ts";
import { equal, NO_PEER, OWNER, T0, write } from "./tools.ts";

export const swaps: readonly StoreCase[] = [
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
            // With a payload and without, which are two statements in some stores.
            const payload = n < 2 ? `${n}` : undefined;
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
];
