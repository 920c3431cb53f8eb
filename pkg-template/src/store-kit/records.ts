// A record comes back as it was written, with and without its payload.
import type { TaskWrite } from "../store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { equal, type Mutable, NO_REOPEN, OWNER, spoil, T0, write } from "./tools.ts";

export const records: readonly StoreCase[] = [
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

  storeCase("keeps a payload of 5 MB", async (under) => {
    const payload = JSON.stringify({ text: "0123456789abcdeß".repeat(320_000), end: true });
    await under.store.put(write("task-1", { payload }));
    await under.store.put(write("task-1", { version: 2, state: "completed", payload: undefined }));
    equal((await under.store.get(OWNER, "task-1"))?.payload === payload, true, "the payload is the same");
    equal((await under.store.get(OWNER, "task-1", { payload: false }))?.version, 2, "the rest");
    const store = (await under.reopen?.()) ?? under.store;
    equal((await store.get(OWNER, "task-1"))?.payload === payload, true, "the payload is the same after reopening");
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
