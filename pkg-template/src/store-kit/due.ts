// What is due, the earliest first, page by page.
import type { DuePosition, StoredTask, TaskStore } from "../store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { equal, LATEST, names, OWNER, shuffled, T0, until, write } from "./tools.ts";

export const due: readonly StoreCase[] = [
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
];
