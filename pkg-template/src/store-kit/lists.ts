// An owner's tasks in order of creation, page by page.
import type { StoredTask } from "../store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { byPosition, equal, LATEST, NO_ALL, names, OWNER, shuffled, T0, walk, write } from "./tools.ts";

export const lists: readonly StoreCase[] = [
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

  storeCase("lists the tasks of all owners, each owner's together", async ({ store }) => {
    if (store.all === undefined) return NO_ALL;
    const owners = ["", "a", "alice", "Alice", "älice", "\u{1f600}", "\u0001alice", "b"];
    const tasks = owners.flatMap((owner) =>
      Array.from({ length: 9 }, (_, n) =>
        write(`task-${shuffled(n, 9)}`, { owner, createdAt: T0 + (n % 3), payload: `${n}`, dueAt: T0 + n }),
      ),
    );
    await Promise.all(tasks.map((task) => store.put(task)));
    let order: string[] | undefined;
    for (const limit of [1, 5, 9, 1000]) {
      const seen: StoredTask[] = [];
      for (let pages = 0; ; pages += 1) {
        const page = await store.all({ after: seen.at(-1), limit });
        equal(
          page.length <= limit && pages <= tasks.length,
          true,
          "a page has no more than asked for, and there is an end",
        );
        if (page.length === 0) break;
        seen.push(...page);
      }
      const met = [...new Set(seen.map(({ owner }) => owner))];
      equal(met, (order ??= met), "the order of owners");
      equal([...met].sort(), [...owners].sort(), "all owners");
      for (const owner of owners) {
        const theirs = tasks.filter((task) => task.owner === owner).sort(byPosition);
        const found = seen.filter((task) => task.owner === owner);
        equal(
          found,
          theirs.map((task) => ({ ...task, payload: null })),
          `what is there of ${owner}`,
        );
      }
      equal(seen.length, tasks.length, `tasks in pages of ${limit}`);
      const last = order.at(-1);
      equal(
        seen.slice(-9).every(({ owner }) => owner === last),
        true,
        "an owner's tasks are together",
      );
    }
    equal(await store.all({ limit: 0 }), [], "a page of 0");
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
];
