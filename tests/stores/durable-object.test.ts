// durableObjectStore and taskObject in workerd: the contract suite inside Durable Objects, then tasks over HTTP,
// through a Worker that routes them, with the whole platform stopped and started again in between.
import assert from "node:assert/strict";
import { Miniflare } from "miniflare";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TaskServer } from "mcp-longhaul";
import { storeCases } from "mcp-longhaul/store-kit";
import { durableObjectStore } from "mcp-longhaul/stores/durable-object";
import { bundleWorker, type WorkerModule } from "../engines/worker.ts";
import { KEYS, TASKS, VERSION, type Json } from "../sdk/harness/g26.ts";

const persist = mkdtempSync(join(tmpdir(), "mcp-longhaul-objects-"));
let modules: WorkerModule[];
let worker: Miniflare;

function start(): Miniflare {
  return new Miniflare({
    modules,
    compatibilityDate: "2026-04-01",
    durableObjects: { CASES: { className: "Case", useSQLite: true }, TASKS: { className: "Tasks", useSQLite: true } },
    durableObjectsPersist: persist,
  } as never);
}

/** As after an eviction or a deployment: nothing is left but what is stored. */
async function restart(): Promise<void> {
  await worker.dispose();
  worker = start();
}

before(async () => {
  modules = await bundleWorker(join(import.meta.dirname, "durable-object-worker.ts"));
  worker = start();
});
after(async () => {
  await worker?.dispose();
  rmSync(persist, { recursive: true });
});

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
// far as they are a store's.
describe("durableObjectStore keeps the contract", () => {
  for (const [index, { name }] of storeCases.entries()) {
    test(name, async (t) => {
      const response = await worker.dispatchFetch(`http://worker/case?index=${index}`);
      const text = await response.text();
      assert.equal(response.status, 200, text);
      const { error, skipped } = JSON.parse(text) as { error?: string; skipped?: string };
      assert.equal(error, undefined);
      if (skipped !== undefined) t.skip(skipped);
    });
  }
});

test("durableObjectStore keeps payloads of any length in rows that the platform takes, and leaves none", async () => {
  const response = await worker.dispatchFetch("http://worker/case?index=pieces");
  assert.deepEqual(await response.json(), { same: [true, true, true, true], rows: [0, 3, 3, 0, 1, 0] });
});

test("durableObjectStore and taskObject say what they cannot use", () => {
  assert.throws(() => durableObjectStore({} as never), { code: "storage", message: /new_sqlite_classes/ });
  for (const idPrefix of ["ä", "a/b", "x".repeat(101)])
    assert.throws(() => new TaskServer({ idPrefix }), { code: "invalid_argument", message: /`idPrefix`/ });
});

interface Says {
  readonly headers?: Record<string, string> | undefined;
  readonly path?: string;
  readonly meta?: Record<string, unknown>;
  readonly cf?: Record<string, unknown>;
}

async function send(
  method: string,
  params: Record<string, unknown>,
  { headers, path = "mcp", meta, cf }: Says = {},
): Promise<Json> {
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method,
    params: { ...params, _meta: { [KEYS.version]: VERSION, [KEYS.capabilities]: TASKS, ...meta } },
  };
  const name = params["taskId"] ?? params["name"];
  const response = await worker.dispatchFetch(`http://worker/${path}`, {
    method: "POST",
    body: JSON.stringify(message),
    cf: cf as never,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
      "mcp-method": method,
      ...(typeof name === "string" && { "mcp-name": name }),
      ...headers,
    },
  });
  return response.json();
}

async function created(name: string, says?: Says): Promise<string> {
  const answer = await send("tools/call", { name, arguments: {} }, says);
  assert.equal(answer.result?.resultType, "task", JSON.stringify(answer));
  return answer.result.taskId;
}

async function until(taskId: string, status: string, says?: Says): Promise<Json> {
  for (;;) {
    const answer = await send("tasks/get", { taskId }, says);
    if (answer.result?.status === status) return answer.result;
    assert.equal(answer.result?.status, "working", JSON.stringify(answer));
    await pause(20);
  }
}

/** A message of 2025-11-25, as it is. */
async function post(message: object, { headers, path = "mcp" }: Says = {}): Promise<Response> {
  const request = {
    method: "POST",
    body: JSON.stringify(message),
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      ...headers,
    },
  };
  return (await worker.dispatchFetch(`http://worker/${path}`, request)) as unknown as Response;
}

const legacy = (id: number, method: string, params: object, says?: Says) =>
  post({ jsonrpc: "2.0", id, method, params }, says);

/** What comes back, message by message. */
async function* messagesOf(response: Response): AsyncGenerator<Json, undefined> {
  if (response.headers.get("content-type")?.startsWith("application/json")) return void (yield await response.json());
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (text += chunk).split("\n");
    text = lines.pop()!;
    for (const line of lines) if (line.startsWith("data: {")) yield JSON.parse(line.slice("data: ".length));
  }
}

async function next(messages: AsyncGenerator<Json>, wanted: (message: Json) => boolean): Promise<Json> {
  for (;;) {
    const { value, done } = await messages.next();
    if (done === true) throw new Error("the stream has ended");
    if (wanted(value)) return value;
  }
}

const answered = (response: Response, id: number): Promise<Json> =>
  next(messagesOf(response), (message) => message.id === id);

async function legacyTask(name: string, says: Says): Promise<string> {
  return (await answered(await legacy(1, "tools/call", { name, arguments: {}, task: {} }, says), 1)).result.task.taskId;
}

const stored = (taskId: string): Promise<{ id: string; version: number }[]> =>
  send("tasks/get", { taskId }, { path: "stored" });

describe("taskObject", () => {
  // G26-HTT-01, the server's part: the header says which object has the task
  test("runs tasks whose ids lead to their objects, over restarts", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => created("greet")));
    const objects = new Set(ids.map((id) => id.slice(0, 64)));
    assert.ok(objects.size > 1, "all tasks are in one object");
    for (const id of ids) assert.match(id, /^[0-9a-f]{64}_[\w-]{24}$/);
    for (const id of ids)
      assert.deepEqual((await until(id, "completed")).result.content, [{ type: "text", text: "hello from an object" }]);
    await restart();
    for (const id of ids) assert.equal((await until(id, "completed")).taskId, id);
  });

  test("makes one task of calls with one creation key, wherever they would have gone", async () => {
    const call = () =>
      send(
        "tools/call",
        { name: "greet", arguments: {} },
        { meta: { "mcp-longhaul/creation-key": "0123456789abcdef" } },
      );
    const answers = await Promise.all(Array.from({ length: 8 }, call));
    assert.equal(new Set(answers.map(({ result }) => result?.taskId)).size, 1, JSON.stringify(answers));
    assert.match(answers[0].result.taskId, /^[0-9a-f]{64}_/);
  });

  test("finds by its body a task that no header names", async () => {
    const taskId = await legacyTask("greet", {});
    const { result } = await answered(await legacy(2, "tasks/result", { taskId }), 2);
    assert.deepEqual(result.content, [{ type: "text", text: "hello from an object" }]);
  });

  test("finds by its question the task that an answer is for (G25-INP-07 (part))", async () => {
    for (let task = 0; task < 4; task++) {
      const taskId = await legacyTask("ask", {});
      const stream = await legacy(2, "tasks/result", { taskId });
      const messages = messagesOf(stream);
      const question = await next(messages, ({ method }) => method === "elicitation/create");
      assert.ok(question.id.includes(taskId.slice(0, 64)), question.id);
      // It names no task and may come to any Worker. Without its way back, three of four would be lost.
      const accepted = await post({ jsonrpc: "2.0", id: question.id, result: { action: "accept", content: {} } });
      assert.equal(accepted.status, 202);
      assert.deepEqual((await next(messages, ({ id }) => id === 2)).result.content, [{ type: "text", text: "accept" }]);
    }
  });

  test("knows whom the Worker has verified, and nobody else's word for it (X-SEC-01 (part))", async () => {
    const alice = { headers: { "x-user": "alice" } };
    const taskId = await created("whoami", alice);
    assert.deepEqual((await until(taskId, "completed", alice)).result.content, [
      { type: "text", text: '[{"sub":"alice"},true]' },
    ]);
    for (const headers of [undefined, { "x-user": "mallory" }])
      assert.equal((await send("tasks/get", { taskId }, { headers })).error?.code, -32602);
    // Clients write no `cf`. What other Workers write there is not believed either.
    const cf = {
      "mcp-longhaul/auth-info": JSON.stringify({ extra: { sub: "alice" }, resource: "https://example.com/mcp" }),
    };
    assert.equal((await send("tasks/get", { taskId }, { cf })).error?.code, -32602);
  });

  test("lists all tasks of an owner who has an object of its own (G25-LST-01 (part))", async () => {
    const bob = { headers: { "x-user": "bob" }, path: "mcp?apart" };
    const ids = await Promise.all(Array.from({ length: 6 }, () => legacyTask("greet", bob)));
    assert.equal(new Set(ids.map((id) => id.slice(0, 64))).size, 1);
    const { result } = await answered(await legacy(1, "tasks/list", {}, bob), 1);
    assert.deepEqual(result.tasks.map((task: Json) => task.taskId).sort(), ids.sort());
  });

  test("says of a task that no object has, or of another namespace's object, that it is not there", async () => {
    for (const taskId of ["no-such-task", `${"0".repeat(64)}_AAAA`, `${"f".repeat(64)}_AAAA`, "../../etc/passwd"]) {
      assert.equal((await send("tasks/get", { taskId })).error?.code, -32602, taskId);
    }
  });

  // X-TTL-05 (part), X-STO-05 (part), H24
  for (const [tool, why] of [
    ["stuck", "its time is over"],
    ["lost", "its run was lost"],
  ] as const) {
    test(`ends a task when ${why}, though its object was stopped and nobody asks`, async () => {
      const id = await created(tool);
      const version = async () => (await stored(id)).find((each) => each.id === id)?.version;
      const before = await version();
      await restart();
      // The alarm is the object's only chance to change anything: reading what is stored starts no task server.
      for (const end = Date.now() + 10_000; (await version()) === before; await pause(50))
        assert.ok(Date.now() < end, "the alarm has changed nothing");
      const { error, result } = await send("tasks/get", { taskId: id });
      assert.equal(result?.status, "failed", JSON.stringify(error ?? result));
    });
  }
});
