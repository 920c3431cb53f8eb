// Our stores in the place of SDK v1's InMemoryTaskStore and InMemoryTaskMessageQueue.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test, type TestContext } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type {
  TaskMessageQueue,
  TaskStore as V1TaskStore,
} from "@modelcontextprotocol/sdk/experimental/tasks/interfaces.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CallToolResultSchema, ElicitRequestSchema, ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { memoryStore, TaskServer, type TaskError, type TaskStore } from "mcp-longhaul";
import { sdkTaskMessageQueue, type SdkTaskMessageQueue, sdkTaskStore, type SdkTaskStore } from "mcp-longhaul/sdk-v1";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { PLACES } from "./shared-places.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const call = { method: "tools/call", params: { name: "render", arguments: { secret: "sesame" } } };
const rejects = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error: TaskError) => error.code === code);
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client, and a server as a program for SDK v1 has it, on these stores. */
async function serve(t: TestContext, taskStore: V1TaskStore, taskMessageQueue: TaskMessageQueue) {
  const server = new McpServer(
    { name: "server", version: "1" },
    {
      capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      taskStore,
      taskMessageQueue,
    },
  );
  const started: string[] = [];
  server.experimental.tasks.registerToolTask(
    "ask",
    { execution: { taskSupport: "required" } },
    {
      async createTask(extra) {
        const task = await extra.taskStore.createTask({ ttl: extra.taskRequestedTtl ?? null, pollInterval: 20 });
        started.push(task.taskId);
        void (async () => {
          const params = {
            mode: "form" as const,
            message: "who?",
            requestedSchema: { type: "object" as const, properties: {} },
          };
          const answer = await extra.sendRequest({ method: "elicitation/create", params }, ElicitResultSchema, {
            relatedTask: { taskId: task.taskId },
          } as object);
          await extra.taskStore.storeTaskResult(task.taskId, "completed", text(`hello ${answer.content?.["name"]}`));
        })().catch(() => {});
        return { task };
      },
      getTask: (extra) => extra.taskStore.getTask(extra.taskId) as any,
      getTaskResult: (extra) => extra.taskStore.getTaskResult(extra.taskId) as any,
    },
  );
  const client = new Client({ name: "client", version: "1" }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  await client.connect(near);
  t.after(() => client.close());
  return { client, started };
}

for (const [place, make] of Object.entries(PLACES)) {
  describe(`SDK v1's own client and server on ${place}`, () => {
    test("a task with a question, in a stream of the SDK; then another process has it", async (t) => {
      const open = await make(t);
      const { client, started } = await serve(t, sdkTaskStore(open()), sdkTaskMessageQueue(open()));
      const types: string[] = [];
      let last: any;
      for await (const message of client.experimental.tasks.callToolStream({ name: "ask" }, CallToolResultSchema, {
        task: { ttl: 60_000 },
      })) {
        types.push(message.type);
        last = message;
      }
      assert.equal(types[0], "taskCreated");
      assert.ok(types.includes("taskStatus"));
      assert.equal(last.type, "result", JSON.stringify(last));
      assert.deepEqual(last.result.content, text("hello Ada").content);

      const { client: other } = await serve(t, sdkTaskStore(open()), sdkTaskMessageQueue(open()));
      const task = await other.experimental.tasks.getTask(started[0]!);
      assert.deepEqual([task.status, task.ttl, task.pollInterval], ["completed", 60_000, 20]);
      const result = await other.experimental.tasks.getTaskResult(started[0]!, CallToolResultSchema);
      assert.deepEqual(result.content, text("hello Ada").content);
      assert.deepEqual((await other.experimental.tasks.listTasks()).tasks, [
        (({ _meta, ...rest }) => rest)(task as any),
      ]);
      await assert.rejects(other.experimental.tasks.cancelTask(started[0]!), { code: -32602 });
      await assert.rejects(other.experimental.tasks.getTask("unknown"), { code: -32602 });
    });

    test("of a result and a cancellation that come at once one wins", async (t) => {
      const open = await make(t);
      const [here, there] = [sdkTaskStore(open()), sdkTaskStore(open())];
      for (let round = 0; round < 20; round++) {
        const { taskId } = await here.createTask({ ttl: 60_000 }, 1, call);
        const [stored, cancelled] = await Promise.allSettled([
          here.storeTaskResult(taskId, "completed", text("done")),
          there.updateTaskStatus(taskId, "cancelled"),
        ]);
        assert.deepEqual([stored.status, cancelled.status].sort(), ["fulfilled", "rejected"]);
        const status = (await there.getTask(taskId))!.status;
        assert.equal(status, stored.status === "fulfilled" ? "completed" : "cancelled");
        await rejects(here.updateTaskStatus(taskId, "working"), "invalid_argument");
        if (status === "cancelled") await rejects(here.getTaskResult(taskId), "invalid_argument");
      }
    });

    test("texts come back as they were: NUL, half a surrogate pair, names of members", async (t) => {
      const open = await make(t);
      const [here, there] = [sdkTaskStore(open()), sdkTaskStore(open())];
      const odd = "a\0b\ud800 \u2028 '\"\\";
      const { taskId } = await here.createTask({}, 1, { method: odd, params: { name: odd } }, odd);
      await here.updateTaskStatus(taskId, "input_required", odd, odd);
      assert.equal((await there.getTask(taskId, odd))?.statusMessage, odd);
      assert.equal(await there.getTask(taskId, odd.toWellFormed()), null);
      const result = JSON.parse(`{"__proto__":{"a":1},"text":${JSON.stringify(odd)}}`);
      await here.storeTaskResult(taskId, "completed", result, odd);
      assert.equal(JSON.stringify(await there.getTaskResult(taskId, odd)), JSON.stringify(result));
      const queue = sdkTaskMessageQueue(open());
      await queue.enqueue(odd, { type: "notification", timestamp: 1, message: result });
      assert.equal(JSON.stringify((await queue.dequeue(odd))?.message), JSON.stringify(result));
    });

    test("a queue loses nothing and doubles nothing, in order, among processes", async (t) => {
      const open = await make(t);
      const queues = [sdkTaskMessageQueue(open()), sdkTaskMessageQueue(open()), sdkTaskMessageQueue(open())];
      const message = (from: number, n: number) => ({ type: "notification", timestamp: n, message: { from, n } });
      const taken: any[] = [];
      let ended = false;
      const taking = (async () => {
        for (;;) {
          const next = await queues[2]!.dequeue("any id: at all");
          if (next !== undefined) taken.push(next.message);
          else if (ended) return;
          else await later(1);
        }
      })();
      await Promise.all(
        [0, 1].map((from) =>
          Promise.all(Array.from({ length: 30 }, (_, n) => queues[from]!.enqueue("any id: at all", message(from, n)))),
        ),
      );
      ended = true;
      await taking;
      for (const from of [0, 1])
        assert.deepEqual(
          taken.filter((one) => one.from === from).map(({ n }) => n),
          Array.from({ length: 30 }, (_, n) => n),
        );
    });
  });
}

async function pair(): Promise<{
  store: ReturnType<typeof memoryStore>;
  tasks: SdkTaskStore;
  queue: SdkTaskMessageQueue;
}> {
  const store = memoryStore();
  return { store, tasks: sdkTaskStore(store), queue: sdkTaskMessageQueue(store) };
}

describe("sdkTaskStore", () => {
  test("a session's task is there for that session, and for code that knows its id", async () => {
    const { tasks } = await pair();
    const mine = await tasks.createTask({ ttl: 60_000 }, 1, call, "session-a");
    const open = await tasks.createTask({ ttl: 60_000 }, 1, call);
    assert.notEqual(mine.taskId, open.taskId);
    assert.equal((await tasks.getTask(mine.taskId, "session-a"))?.status, "working");
    assert.equal((await tasks.getTask(mine.taskId))?.status, "working");
    assert.equal((await tasks.getTask(open.taskId, "session-b"))?.status, "working");
    assert.equal(await tasks.getTask(mine.taskId, "session-b"), null);
    await rejects(tasks.updateTaskStatus(mine.taskId, "cancelled", undefined, "session-b"), "not_found");
    await rejects(tasks.storeTaskResult(mine.taskId, "completed", {}, "session-b"), "not_found");
    await rejects(tasks.getTaskResult(mine.taskId, "session-b"), "not_found");
    const listed = async (session?: string) => (await tasks.listTasks(undefined, session)).tasks.map((t) => t.taskId);
    assert.deepEqual(new Set(await listed("session-a")), new Set([mine.taskId, open.taskId]));
    assert.deepEqual(await listed("session-b"), [open.taskId]);
    assert.deepEqual(await listed(), [open.taskId]);
  });

  test("bound to a principal, a task is found in the next session", async () => {
    const principals: Record<string, string> = { one: "ann", two: "ann", three: "bob" };
    const tasks = sdkTaskStore(memoryStore(), { owner: (session) => session && principals[session] });
    const { taskId } = await tasks.createTask({}, 1, call, "one");
    assert.equal((await tasks.getTask(taskId, "two"))?.taskId, taskId);
    assert.equal(await tasks.getTask(taskId, "three"), null);
  });

  test("pages of two shelves are in one order, each task once", async () => {
    const tasks = sdkTaskStore(memoryStore(), { pageSize: 4 });
    const made = [];
    for (let n = 0; n < 10; n++) made.push((await tasks.createTask({}, n, call, n % 3 === 0 ? undefined : "s")).taskId);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await tasks.listTasks(cursor, "s");
      assert.ok(page.tasks.length <= 4);
      seen.push(...page.tasks.map(({ taskId }) => taskId));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual(new Set(seen), new Set(made));
    assert.equal(seen.length, 10);
    await rejects(tasks.listTasks("nonsense", "s"), "invalid_argument");
  });

  test("what is no id, no status, no result or no option is refused", async () => {
    const { tasks } = await pair();
    for (const id of ["", "x".repeat(22), "x".repeat(38), "../etc", "\u0002", 7, null])
      assert.equal(await tasks.getTask(id as string), null);
    const { taskId } = await tasks.createTask({}, 1, call);
    const cyclic: any = {};
    cyclic.self = cyclic;
    await rejects(tasks.storeTaskResult(taskId, "completed", cyclic), "invalid_argument");
    await rejects(tasks.storeTaskResult(taskId, "working" as any, {}), "invalid_argument");
    await rejects(tasks.updateTaskStatus(taskId, "paused" as any), "invalid_argument");
    for (const options of [
      { name: "a b" },
      { maxTtl: 1 },
      { pageSize: 0 },
      { storeTimeout: -1 },
      { clockSkew: -1 },
      { owner: 1 },
      { ttl: 1 },
      7,
    ])
      assert.throws(() => sdkTaskStore(memoryStore(), options as any), { code: "invalid_argument" });
    assert.throws(() => sdkTaskStore({} as TaskStore), { code: "invalid_argument" });
    assert.throws(() => sdkTaskMessageQueue(memoryStore(), { keep: 0 }), { code: "invalid_argument" });
  });

  test("names keep servers apart", async () => {
    const store = memoryStore();
    const [one, two] = [sdkTaskStore(store, { name: "one" }), sdkTaskStore(store, { name: "two" })];
    const { taskId } = await one.createTask({}, 1, call);
    assert.equal(await two.getTask(taskId), null);
    assert.deepEqual((await two.listTasks()).tasks, []);
  });

  test("a store that fails after it has written, or says no although it has, costs nothing", async () => {
    const store = memoryStore();
    let doubts = 0;
    const doubtful: TaskStore = {
      get: (...parameters) => store.get(...parameters),
      put(task) {
        const done = store.put(task);
        if (doubts++ % 2 === 0) return false;
        if (done) throw new Error("the connection is lost");
        return done;
      },
      delete: (...parameters) => store.delete(...parameters),
      list: (...parameters) => store.list(...parameters),
      due: (...parameters) => store.due(...parameters),
    };
    const tasks = sdkTaskStore(doubtful);
    const queue = sdkTaskMessageQueue(doubtful);
    const { taskId } = await tasks.createTask({}, 1, call);
    await tasks.storeTaskResult(taskId, "completed", text("done"));
    assert.deepEqual(await tasks.getTaskResult(taskId), text("done"));
    for (let n = 0; n < 10; n++) await queue.enqueue(taskId, { type: "notification", timestamp: n, message: { n } });
    assert.deepEqual(
      (await queue.dequeueAll(taskId)).map(({ timestamp }) => timestamp),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  test("a store that hangs is given up", async () => {
    const store: TaskStore = { ...memoryStore(), get: () => new Promise(() => {}) } as any;
    for (const name of ["put", "delete", "list", "due"] as const) (store as any)[name] = () => [];
    await rejects(sdkTaskStore(store, { storeTimeout: 20 }).getTask("x".repeat(22)), "storage");
  });

  test("members of other versions are kept, later forms are not read, and the arguments are not stored", async () => {
    const { store, tasks } = await pair();
    const { taskId } = await tasks.createTask({}, 1, call);
    const owner = "\u0002sdk-v1::";
    const row = store.get(owner, taskId)!;
    assert.ok(!row.state.includes("sesame"));
    assert.deepEqual(JSON.parse(row.state).tool, "render");
    store.put({ ...row, version: 2, state: JSON.stringify({ ...JSON.parse(row.state), colour: "red" }) });
    await tasks.updateTaskStatus(taskId, "input_required", "who?");
    assert.equal(JSON.parse(store.get(owner, taskId)!.state).colour, "red");
    for (const state of ['{"v":2,"until":null}', "{", '{"v":1}']) {
      const { version } = store.get(owner, taskId)!;
      store.put({ ...row, version: version + 1, state });
      await rejects(tasks.getTask(taskId), "storage");
      await rejects(tasks.updateTaskStatus(taskId, "working"), "storage");
      assert.equal(store.get(owner, taskId)!.state, state);
    }
  });
});

test("a queue has a size, and is empty afterwards", async () => {
  const { queue } = await pair();
  const one = { type: "notification", timestamp: 1, message: {} };
  await queue.enqueue("task", one, "session", 2);
  await queue.enqueue("task", one, "session", 2);
  await rejects(queue.enqueue("task", one, "session", 2), "limit");
  assert.deepEqual(await queue.dequeueAll("task"), [one, one]);
  assert.deepEqual(await queue.dequeueAll("task"), []);
  assert.equal(await queue.dequeue("task"), undefined);
  assert.equal(await queue.dequeue("other"), undefined);
});

test("a process that is killed loses no task: its successor reads it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "tasks.db");
  const script = `
    import { DatabaseSync } from "node:sqlite";
    import { sdkTaskStore } from "mcp-longhaul/sdk-v1";
    import { sqliteStore } from "mcp-longhaul/stores/sqlite";
    const tasks = sdkTaskStore(sqliteStore(new DatabaseSync(process.argv[1])));
    const { taskId } = await tasks.createTask({ ttl: 60_000 }, 1, { method: "tools/call" });
    await tasks.storeTaskResult(taskId, "completed", { content: [] });
    console.log(taskId);
    setInterval(() => {}, 1_000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, file], { cwd: import.meta.dirname });
  const [taskId] = await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  const tasks = sdkTaskStore(sqliteStore(new DatabaseSync(file)));
  assert.deepEqual(await tasks.getTaskResult(String(taskId).trim()), { content: [] });
});

// The clock of this process never goes back: what moves it comes last.
test("a TaskServer on the same store reads none of it, reports nothing, and deletes what is due", async (t) => {
  let clock = 1_000_000;
  t.mock.method(performance, "now", () => clock);
  const { store, tasks } = await pair();
  const errors: TaskError[] = [];
  const { taskId } = await tasks.createTask({ ttl: 5_000 }, 1, call);
  const kept = await tasks.createTask({ ttl: 80_000_000 }, 1, call);
  const server = new TaskServer({ store, clockSkew: 0, onerror: (error) => void errors.push(error) });
  clock += 70_000;
  await server.sweep();
  for (let n = 0; n < 200 && store.tasks > 1; n++) await later(5);
  assert.equal(store.get("\u0002sdk-v1::", taskId), undefined);
  assert.equal((await tasks.getTask(kept.taskId))?.status, "working");
  assert.deepEqual(errors, []);
  await server.close();
});

test("times to live: within bounds, from the end again, and then it is gone, row and all", async (t) => {
  let clock = 1_000_000;
  t.mock.method(performance, "now", () => clock);
  const { store, tasks, queue } = await pair();
  const ttls = [undefined, null, 0, -5, 1.5, 3_000, 1e300, Number.NaN, Infinity];
  const given = [];
  for (const ttl of ttls) given.push((await tasks.createTask({ ttl: ttl as number }, 1, call)).ttl);
  const day = 86_400_000;
  assert.deepEqual(given, [day, day, 1_000, 1_000, 1_000, 3_000, day, day, day]);
  const { taskId } = await tasks.createTask({ ttl: 10_000 }, 1, call);
  await queue.enqueue(taskId, { type: "notification", timestamp: 1, message: {} });
  clock += 9_000;
  await tasks.storeTaskResult(taskId, "completed", text("done"));
  clock += 9_000;
  assert.deepEqual(await tasks.getTaskResult(taskId), text("done"));
  clock += 1_001;
  assert.equal(await tasks.getTask(taskId), null);
  assert.ok(!(await tasks.listTasks()).tasks.some((task) => task.taskId === taskId));
  await rejects(tasks.updateTaskStatus(taskId, "working"), "not_found");
  clock += 2 * day;
  await tasks.sweep();
  assert.equal(store.tasks, 0);
});

test("a record of another process goes later, by as much as clocks may differ", async (t) => {
  let clock = 1_000_000_000_000;
  t.mock.method(performance, "now", () => clock);
  const { store, tasks } = await pair();
  const { taskId } = await tasks.createTask({ ttl: 1_000 }, 1, call);
  const row = store.get("\u0002sdk-v1::", taskId)!;
  store.put({ ...row, version: 2, state: row.state.replace(/"clock":"\w+"/, '"clock":"another"') });
  clock += 70_000;
  assert.equal(await tasks.getTask(taskId), null);
  await tasks.sweep();
  assert.equal(store.tasks, 1);
  await sdkTaskStore(store, { clockSkew: 60_000 }).sweep();
  assert.equal(store.tasks, 1);
  await sdkTaskStore(store, { clockSkew: 0 }).sweep();
  assert.equal(store.tasks, 0);
});
