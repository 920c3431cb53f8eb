// Tenants of one server: what one principal can do to another's tasks, which is nothing. CVE-2026-52870 was a set of
// task handlers that let any client list, read and cancel everybody's tasks, and take the one-time URLs that waited in
// them.
import { TaskServer, memoryStore, type StoredTask, type TaskStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./harness/frames.ts";
import { ALL, KEYS, VERSION, encodeHeader } from "./harness/g26.ts";
import { ALL_INPUT, G25, YES, initialize } from "./harness/g25.ts";
import { HttpRequester, entryV2, statefulV1, statelessV1, type HttpServer } from "./harness/http.ts";
import { attached, text, type Kind, type Tools } from "./harness/servers.ts";

const UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAAAA";
const SECRET = "https://issuer.test/authorize?one-time=42";

/**
 * A token names its subject before the dot; what follows changes with every refresh. One without a subject is still
 * valid.
 */
function authenticate(token: string | undefined): unknown {
  if (token === undefined) return undefined;
  const [subject] = token.split(".");
  return {
    token,
    clientId: "the same client for all",
    scopes: [],
    extra: { iss: "https://issuer.test", ...(subject === "" ? {} : { sub: subject }) },
  };
}

type Ask = (method: string, params: Record<string, unknown>) => Promise<Message & { status?: number }>;
interface Way {
  readonly name: string;
  readonly generation: 25 | 26;
  readonly sessions: boolean;
  serve(make: (kind: Kind) => never): Promise<HttpServer>;
}
const WAYS: readonly Way[] = [
  {
    name: "SDK v1 with sessions, 2025",
    generation: 25,
    sessions: true,
    serve: (make) => statefulV1(() => make("v1"), { authenticate }),
  },
  {
    name: "SDK v1 without sessions, 2025",
    generation: 25,
    sessions: false,
    serve: (make) => statelessV1(() => make("v1"), { authenticate }),
  },
  {
    name: "SDK v2's entry, 2025",
    generation: 25,
    sessions: false,
    serve: (make) => entryV2(() => make("v2"), { authenticate }),
  },
  {
    name: "SDK v2's entry, 2026",
    generation: 26,
    sessions: false,
    serve: (make) => entryV2(() => make("v2"), { authenticate }),
  },
  {
    name: "SDK v2's low-level server, 2026",
    generation: 26,
    sessions: false,
    serve: (make) => entryV2(() => make("v2-low"), { authenticate }),
  },
];

/** A client with this token. `name` is what it says of itself. */
async function client(
  way: Way,
  url: string,
  token: string | undefined,
  name = "client",
): Promise<{ ask: Ask; requester: HttpRequester }> {
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const requester = new HttpRequester(url, {
    ...authorization,
    ...(way.generation === 25 && !way.sessions ? { "mcp-protocol-version": G25 } : {}),
  });
  if (way.generation === 25) {
    if (way.sessions) await initialize(requester, { capabilities: ALL_INPUT, name });
    return { requester, ask: (method, params) => requester.request(method, params) };
  }
  const ask: Ask = async (method, params) => {
    const named = params["taskId"] ?? params["name"];
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": VERSION,
        "mcp-method": method,
        ...(typeof named === "string" ? { "mcp-name": encodeHeader(named) } : {}),
        ...authorization,
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method,
        params: {
          ...params,
          _meta: { [KEYS.version]: VERSION, [KEYS.capabilities]: ALL, [KEYS.client]: { name, version: "1" } },
        },
      }),
    });
    return { ...((await response.json()) as Message), status: response.status };
  };
  return { requester, ask };
}

/** Everything an answer lets its reader see but the id of the request. */
const seen = ({ result, error, status }: Message & { status?: number }): string =>
  JSON.stringify({ result, error, status });

function snapshots(store: TaskStore & { all(): StoredTask[] }): string {
  return JSON.stringify(store.all());
}

/** A store that knows all it keeps, and how often it was written to. */
function watched(): TaskStore & { all(): StoredTask[]; writes: number } {
  const inner = memoryStore();
  const kept = new Set<string>();
  const store = {
    writes: 0,
    get: inner.get.bind(inner),
    put(task: Parameters<TaskStore["put"]>[0]) {
      store.writes++;
      kept.add(JSON.stringify([task.owner, task.id]));
      return inner.put(task);
    },
    delete(...where: Parameters<TaskStore["delete"]>) {
      store.writes++;
      return inner.delete(...where);
    },
    list: inner.list.bind(inner),
    due: inner.due.bind(inner),
    all: () => [...kept].sort().flatMap((key) => inner.get(...(JSON.parse(key) as [string, string])) ?? []),
  };
  return store;
}

for (const way of WAYS) {
  // X-SEC-01, X-SEC-02, X-SEC-05, X-SEC-06, X-SEC-07, X-SEC-11, H31, H32
  test(`no principal reaches another's tasks (CVE-2026-52870), and each keeps its own (${way.name})`, {
    timeout: 30_000,
  }, async () => {
    const store = watched();
    const tasks = new TaskServer({
      task: "always",
      defaults: { task: "always", pollInterval: 20 },
      store,
      lease: 3_600_000,
    });
    const gate = Promise.withResolvers<void>();
    const stopped: string[] = [];
    const answers: unknown[] = [];
    const tools: Tools = {
      quick: () => text(SECRET),
      work: async (_, { task }) => {
        task?.signal.addEventListener("abort", () => stopped.push(task.taskId ?? ""));
        await gate.promise;
        return text("worked");
      },
      ask: async (_, { task }) => {
        task?.signal.addEventListener("abort", () => answers.length === 0 && stopped.push(task.taskId ?? ""));
        const form = {
          mode: "form",
          message: SECRET,
          requestedSchema: { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] },
        };
        answers.push(await task?.requireInput({ method: "elicitation/create", params: form }, "who"));
        return text("asked");
      },
    };
    const http = await way.serve((kind) => attached(kind, tasks, tools) as never);
    const open = (token: string | undefined, name?: string) => client(way, http.url, token, name);
    try {
      const ada = await open("ada.1", "ada");
      const start = async (name: string): Promise<string> => {
        const { result, error } = await ada.ask("tools/call", {
          name,
          arguments: {},
          ...(way.generation === 25 ? { task: {} } : {}),
        });
        const id = result?.task?.taskId ?? result?.taskId;
        assert.ok(id, JSON.stringify(error));
        return id;
      };
      const reaches = async (ask: Ask, taskId: string, status: string): Promise<any> => {
        for (;;) {
          const { result } = await ask("tasks/get", { taskId });
          if (result?.status === status) return result;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const ids = { working: await start("work"), asking: await start("ask"), done: await start("quick") };
      await reaches(ada.ask, ids.done, "completed");
      await reaches(ada.ask, ids.asking, "input_required");
      // In 2025-11-25 the question goes out on the stream of a result that is waited for.
      let question: unknown;
      let outcome: Promise<Message> | undefined;
      if (way.generation === 25) {
        outcome = ada.requester.request("tasks/result", { taskId: ids.asking });
        question = (await ada.requester.asked("elicitation/create")).id;
      }
      const before = { text: snapshots(store), writes: store.writes };

      const strangers: [string, { ask: Ask; requester: HttpRequester }][] = [
        ["another principal", await open("bob.1")],
        ["another principal under her name", await open("bob.1", "ada")],
        ["nobody", await open(undefined, "ada")],
        ["a token without a subject", await open(".1", "ada")],
      ];
      if (way.sessions) {
        // Her session in another's hands.
        for (const token of ["bob.1", undefined]) {
          const swapped = new HttpRequester(http.url, {
            "mcp-session-id": ada.requester.headers["mcp-session-id"]!,
            "mcp-protocol-version": G25,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          });
          strangers.push([
            `her session with the token ${token}`,
            {
              requester: swapped,
              ask: (method, params) => swapped.request(method, params, `${token} ${swapped.nextId()}`),
            },
          ]);
        }
      }
      const operations: [string, Record<string, unknown>][] = [
        ["tasks/get", {}],
        ["tasks/cancel", {}],
        ...(way.generation === 25
          ? [["tasks/result", {}] as [string, Record<string, unknown>]]
          : ([{}, { "who-1": YES }, { "who-1": 5 }] as const).map(
              (inputResponses): [string, Record<string, unknown>] => ["tasks/update", { inputResponses }],
            )),
      ];
      for (const [who, stranger] of strangers) {
        for (const [method, params] of operations) {
          const missing = await stranger.ask(method, { ...params, taskId: UNKNOWN });
          assert.equal(missing.error?.code, -32602, `${who}, ${method}: ${seen(missing)}`);
          for (const [state, taskId] of Object.entries(ids)) {
            assert.equal(
              seen(await stranger.ask(method, { ...params, taskId })),
              seen(missing),
              `${who}, ${method} of the task that is ${state}`,
            );
          }
        }
        const list = JSON.stringify(await stranger.ask("tasks/list", {}));
        for (const id of Object.values(ids)) assert.ok(!list.includes(id), `${who} lists it`);
        assert.ok(
          !stranger.requester.frames.all.some(({ message }) => JSON.stringify(message).includes("one-time")),
          `${who} saw what was asked`,
        );
        if (question !== undefined) await stranger.requester.respond(question, { result: YES });
      }
      assert.deepEqual([store.writes, snapshots(store)], [before.writes, before.text], "nothing was written");
      assert.deepEqual([stopped, answers], [[], []], "nothing was stopped or answered");

      // She comes back with another token, on another connection: all of it is still hers.
      const again = await open("ada.2");
      for (const [state, taskId] of Object.entries(ids))
        assert.ok((await again.ask("tasks/get", { taskId })).result, state);
      if (way.generation === 25) {
        assert.match(JSON.stringify((await again.ask("tasks/result", { taskId: ids.done })).result), /one-time/);
        assert.deepEqual(
          (await again.ask("tasks/list", {})).result.tasks.map((task: { taskId: string }) => task.taskId).sort(),
          Object.values(ids).sort(),
        );
        await again.requester.respond(question, { result: YES });
        assert.deepEqual((await outcome)?.result?.content, text("asked").content);
      } else {
        assert.ok((await again.ask("tasks/update", { taskId: ids.asking, inputResponses: { "who-1": YES } })).result);
        await reaches(again.ask, ids.asking, "completed");
      }
      assert.deepEqual(answers, [YES]);
      assert.ok((await again.ask("tasks/cancel", { taskId: ids.working })).result);
      await reaches(again.ask, ids.working, "cancelled");
      assert.deepEqual(stopped, [ids.working]);
      // Who has no stable subject makes nothing either.
      const failing = await open(".1");
      const kept = store.all().length;
      await failing.ask("tools/call", { name: "quick", arguments: {}, ...(way.generation === 25 ? { task: {} } : {}) });
      assert.equal(store.all().length, kept);
    } finally {
      gate.resolve();
      await tasks.close();
      await http.close();
    }
  });
}

// X-SEC-01, X-SEC-06
test("a request under the id of another's waiting one neither gets its answer nor keeps it from her", {
  timeout: 30_000,
}, async () => {
  const way = WAYS[0]!;
  const tasks = new TaskServer({ defaults: { task: "always" } });
  const gate = Promise.withResolvers<void>();
  const tools: Tools = { work: () => gate.promise.then(() => text(SECRET)), endless: () => new Promise(() => {}) };
  const http = await way.serve((kind) => attached(kind, tasks, tools) as never);
  try {
    const ada = await client(way, http.url, "ada.1");
    const { result } = await ada.ask("tools/call", { name: "work", arguments: {}, task: {} });
    const { taskId } = result.task;
    const hers = ada.requester.request("tasks/result", { taskId }, "hers");
    await ada.ask("tasks/get", { taskId });
    const bob = new HttpRequester(http.url, {
      authorization: "Bearer bob.1",
      "mcp-session-id": ada.requester.headers["mcp-session-id"]!,
      "mcp-protocol-version": G25,
    });
    // The SDK's transport would send an answer where the latest request with its id came from; his waits for a task of
    // his own.
    const own = (await bob.request("tools/call", { name: "endless", arguments: {}, task: {} }, "his")).result.task
      .taskId;
    const his = bob.request("tasks/result", { taskId: own }, "hers");
    assert.equal((await bob.request("tasks/get", { taskId: own }, "look")).result.status, "working");
    gate.resolve();
    assert.match(JSON.stringify((await hers).result), /one-time/);
    assert.ok((await bob.request("tasks/cancel", { taskId: own }, "stop")).result);
    assert.equal((await his).error?.code, -32603);
    assert.ok(!JSON.stringify(bob.frames.all).includes("one-time"));
    await ada.requester.close();
    await bob.close();
  } finally {
    await tasks.close();
    await http.close();
  }
});
