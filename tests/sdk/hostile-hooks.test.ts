// Functions of the host's that fail in every way there is. Each request has its answer, the answers say nothing of what
// was thrown, the process goes on, and `onerror` hears of it.
import { type TaskError, TaskServer, type TaskServerOptions, type TaskStore, memoryStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { it } from "node:test";
import { settle } from "./harness/frames.ts";
import { World } from "./harness/g26.ts";
import { create, get, initialize, result } from "./harness/g25.ts";
import { heard, pipes } from "./harness/hostile.ts";
import { HttpRequester, entryV2, statefulV1, statefulV2, statelessV1 } from "./harness/http.ts";
import { PipeRequester } from "./harness/pipe.ts";
import type { Requester } from "./harness/requester.ts";
import { type Kind, type Tools, attached, text } from "./harness/servers.ts";

const SECRET = "the host's secret";
const refuse = (): never => {
  throw new Error(SECRET);
};
/** What cannot even be looked at. */
const UNTOUCHABLE: object = new Proxy(Object.create(null), {
  get: refuse,
  has: refuse,
  getPrototypeOf: refuse,
  ownKeys: refuse,
  getOwnPropertyDescriptor: refuse,
});

const FAILURES: Record<string, () => never> = {
  "throws an error": refuse,
  "throws a text": () => {
    throw SECRET;
  },
  "throws nothing": () => {
    throw undefined;
  },
  "throws what has no text": () => {
    throw Object.create(null);
  },
  "throws what cannot be looked at": () => {
    throw UNTOUCHABLE;
  },
  "promises and fails": () => Promise.reject(new Error(SECRET)) as never,
  "is a promise in disguise": () => ({ then: refuse }) as never,
};

/** A store whose operation of this name fails. */
function failing(operation: keyof TaskStore, fail: () => never): TaskStore {
  const inner = memoryStore();
  return new Proxy(inner, {
    get: (store, name) =>
      name === operation
        ? fail
        : typeof store[name as never] === "function"
          ? (store[name as never] as () => void).bind(store)
          : store[name as never],
  });
}

type Hooks = (fail: () => never) => TaskServerOptions;
const HOOKS: Record<string, Hooks> = {
  owner: (owner) => ({ owner }),
  onevent: (onevent) => ({ onevent }),
  traceparent: (traceparent) => ({ traceparent }),
  "payloads.seal": (seal) => ({ payloads: { seal, open: (sealed) => sealed } }),
  "payloads.open": (open) => ({ payloads: { seal: (payload) => payload, open } }),
  "store.watch": (fail) => ({ store: failing("watch", fail) }),
  "store.get": (fail) => ({ store: failing("get", fail) }),
  "store.put": (fail) => ({ store: failing("put", fail) }),
  "store.list": (fail) => ({ store: failing("list", fail) }),
  "store.due": (fail) => ({ store: failing("due", fail) }),
};
const TOOLS: Tools = {
  quick: () => text("done"),
  ask: async (_args, { task }) =>
    text(
      JSON.stringify(
        (await task?.requireInput({
          method: "elicitation/create",
          params: { message: "?", requestedSchema: { type: "object", properties: {} } },
        })) ?? "",
      ),
    ),
};

/** One request of each kind; each is answered. Those that wait for a task are given up. */
async function all(requester: Requester): Promise<void> {
  const { result: called } = await requester.request("tools/call", { name: "quick", arguments: {}, task: {} });
  const taskId = called?.task?.taskId ?? "unknown";
  for (const [method, params] of [
    ["ping", undefined],
    ["tools/list", {}],
    ["tasks/get", { taskId }],
    ["tasks/list", {}],
    ["tasks/cancel", { taskId }],
    ["tasks/get", {}],
    ["no/method", {}],
  ] as const) {
    const answer = await requester.request(method, params);
    assert.ok(answer.result !== undefined || answer.error !== undefined, method);
  }
  await requester.notify("notifications/cancelled", { requestId: 5 });
  await requester.respond(1, { result: {} });
  await requester.respond("mcp-longhaul/ask/1", { result: {} });
}

for (const [hook, options] of Object.entries(HOOKS)) {
  for (const kind of ["v1", "v2"] satisfies Kind[]) {
    it(`X-SEC-01: ${hook} may fail in any way (2025-11-25, ${kind}, one stream)`, { timeout: 60_000 }, async () => {
      for (const [how, fail] of Object.entries(FAILURES)) {
        const codes: string[] = [];
        // What hears of it fails too.
        const onerror = ({ code }: TaskError) => (codes.push(code), fail());
        const tasks = new TaskServer({ defaults: { task: "always" }, ...options(fail), onerror });
        const requester = await PipeRequester.to(attached(kind, tasks, TOOLS), kind);
        await initialize(requester);
        await all(requester);
        await requester.request("tools/call", { name: "quick", arguments: {} });
        assert.ok(!heard(requester).includes(SECRET), how);
        await settle();
        assert.ok(codes.length > 0 || hook === "payloads.open", `${how}: nobody was told`);
        // The core has not heard of it: that would end what others wait for.
        assert.ok(!codes.includes("internal"), how);
        await requester.close();
      }
    });
  }

  it(`X-SEC-01: ${hook} may fail in any way (2026-07-28, HTTP and one stream)`, { timeout: 60_000 }, async () => {
    for (const way of ["fetch", "pipe"] as const) {
      for (const [how, fail] of Object.entries(FAILURES)) {
        const world = await World.open({
          way,
          tools: { quick: () => text("done") },
          tasks: { task: "always", ...options(fail), onerror: fail },
        });
        const { result: called } = await world.call("quick");
        const taskId = called?.taskId ?? "unknown";
        for (const answer of [
          await world.get(taskId),
          await world.update(taskId, {}),
          await world.cancel(taskId),
          await world.request("server/discover"),
          await world.request("tools/list"),
        ]) {
          assert.ok(answer.result !== undefined || answer.error !== undefined, `${way}, ${how}`);
        }
        assert.ok(!JSON.stringify(world.frames).includes(SECRET), `${way}, ${how}`);
      }
    }
  });
}

const SERVERS = {
  "SDK v1 with sessions": [statefulV1, "v1"],
  "SDK v1 without sessions": [statelessV1, "v1"],
  "SDK v2 with sessions": [statefulV2, "v2"],
  "SDK v2's entry": [entryV2, "v2"],
} as const;
for (const [name, [serve, kind]] of Object.entries(SERVERS)) {
  // X-SEC-01
  it(`an owner that fails, or an unreadable authInfo, leaves no HTTP request without its answer (${name})`, {
    timeout: 60_000,
  }, async () => {
    const infos: Record<string, () => unknown> = {
      "fails when it is read": () => ({
        token: "t",
        clientId: "c",
        scopes: [],
        get extra() {
          return refuse();
        },
      }),
      "fails when its claim is read": () => ({
        token: "t",
        clientId: "c",
        scopes: [],
        extra: {
          get sub() {
            return refuse();
          },
        },
      }),
      "fails when its expiry is read": () => ({
        token: "t",
        clientId: "c",
        scopes: [],
        extra: { sub: "ada" },
        get expiresAt() {
          return refuse();
        },
      }),
      "cannot be looked at": () => UNTOUCHABLE,
    };
    const cases: [how: string, options: TaskServerOptions, authenticate: () => unknown][] = [
      ...Object.entries(FAILURES).map(
        ([how, owner]) => [`owner ${how}`, { owner }, () => undefined] as [string, TaskServerOptions, () => unknown],
      ),
      ["owner reads a token that is not there", { owner: (info: any) => info.extra.tenant }, () => undefined],
      ...Object.entries(infos).map(
        ([how, info]) => [`authInfo ${how}`, {}, info] as [string, TaskServerOptions, () => unknown],
      ),
    ];
    for (const [how, options, authenticate] of cases) {
      const errors: unknown[] = [];
      const tasks = new TaskServer({
        defaults: { task: "always" },
        onerror: (error) => errors.push(error),
        ...options,
      });
      const server = await serve(() => attached(kind, tasks, TOOLS), { authenticate });
      const requester = new HttpRequester(server.url);
      await initialize(requester);
      await requester.listen().catch(() => {});
      await all(requester);
      assert.ok(!heard(requester).includes(SECRET), how);
      if (!how.includes("expiry")) assert.ok(errors.length > 0, how);
      await requester.close();
      await server.close();
      await tasks.close();
    }
  });
}

it("X-SEC-01: what a low-level handler answers may fail when it is read", async (t) => {
  const answers: Record<string, () => unknown> = {
    "cannot be looked at": () => UNTOUCHABLE,
    "fails when it is read": () => ({
      get content() {
        return refuse();
      },
      get isError() {
        return refuse();
      },
      get resultType() {
        return refuse();
      },
    }),
    "fails as a question": () => ({
      resultType: "input_required",
      get inputRequests() {
        return refuse();
      },
    }),
    "fails as JSON": () => ({ content: [], toJSON: refuse }),
  };
  for (const kind of ["v1-low", "v2-low"] satisfies Kind[]) {
    for (const [how, answer] of Object.entries(answers)) {
      const { ada, errors } = await pipes(t, kind, { bad: answer, good: () => text("good") });
      const good = await create(ada, "good");
      const { taskId } = await create(ada, "bad");
      const end = await result(ada, taskId);
      assert.ok(end.error !== undefined || end.result !== undefined, `${kind}, ${how}`);
      assert.equal((await get(ada, taskId)).result.status, "failed", `${kind}, ${how}`);
      assert.deepEqual((await result(ada, good.taskId)).result.content, text("good").content);
      assert.deepEqual(
        errors.filter(({ code }) => code === "internal"),
        [],
        `${kind}, ${how}: the core heard of it`,
      );
    }
  }
});
