// 2025-11-25: what a server declares, and who may ask for a task.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { TaskServer, type TaskServerOptions } from "mcp-longhaul";
import { EXTENSION, G25, IMMEDIATE, augmented, checkFrames, create, get, initialize, result } from "./harness/g25.ts";
import { HttpRequester, entryV2, statefulV1, statelessV1 } from "./harness/http.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, type Kind, type Tools, attached, text } from "./harness/servers.ts";

const ran: string[] = [];
const TOOLS: Tools = {
  always: () => (ran.push("always"), text("always")),
  plain: () => (ran.push("plain"), text("plain")),
  only: () => (ran.push("only"), text("only")),
};
const POLICIES: TaskServerOptions = {
  tools: { always: { task: "always" }, plain: { task: "never" }, only: { task: "always", support: "required" } },
};

async function pipe(t: TestContext, kind: Kind, options: TaskServerOptions = POLICIES): Promise<PipeRequester> {
  ran.length = 0;
  const tasks = new TaskServer(options);
  const requester = await PipeRequester.to(attached(kind, tasks, TOOLS), kind.startsWith("v1") ? "v1" : "v2");
  t.after(async () => {
    await requester.close();
    await tasks.close();
    checkFrames(requester.frames);
  });
  return requester;
}

for (const kind of KINDS) {
  describe(`a server on ${kind}`, () => {
    it("G25-CAP-01 G25-CAP-02 declares what it does with tasks, and says so in objects", async (t) => {
      const requester = await pipe(t, kind);
      const { result } = await initialize(requester);
      assert.equal(result.protocolVersion, G25);
      assert.deepEqual(result.capabilities.tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } });
      assert.ok(result.capabilities.tools, "the SDK's own capabilities stay");
    });

    it("G25-TLN-01 lists each tool's support", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      const { result } = await requester.request("tools/list");
      assert.deepEqual(Object.fromEntries(result.tools.map((tool: any) => [tool.name, tool.execution?.taskSupport])), {
        always: "optional",
        plain: "forbidden",
        only: "required",
      });
    });

    it("G25-TLN-04 H41 refuses a task for a tool that makes none, and does not run it", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      const { error } = await augmented(requester, "plain");
      assert.equal(error?.code, -32601);
      assert.deepEqual(ran, []);
    });

    it("G25-TLN-05 an optional tool works both ways", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      const plain = await requester.request("tools/call", { name: "always", arguments: {} });
      assert.deepEqual(plain.result.content, text("always").content);
      const task = await create(requester, "always");
      const { result: later } = await result(requester, task.taskId);
      assert.deepEqual(later.content, plain.result.content);
    });

    it("G25-TLN-07 G25-ERR-03 H42 a plain call of a required tool is a JSON-RPC error, and nothing runs", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      const response = await requester.request("tools/call", { name: "only", arguments: {} });
      assert.equal(response.error?.code, -32601);
      assert.deepEqual(ran, []);
      assert.equal((await augmented(requester, "only")).error, undefined);
    });

    it("G25-CAP-10 another version has no tasks, whatever was declared", async (t) => {
      const requester = await pipe(t, kind);
      const { result } = await initialize(requester, {
        version: "2025-06-18",
        capabilities: { tasks: { requests: {} } },
      });
      assert.equal(result.protocolVersion, "2025-06-18");
      assert.equal(result.capabilities.tasks, undefined);
      // SDK v1's own McpServer says "forbidden" in every version.
      const tools = await requester.request("tools/list");
      for (const tool of tools.result.tools) assert.equal(tool.execution?.taskSupport ?? "forbidden", "forbidden");
      assert.equal((await requester.request("tasks/get", { taskId: "x" })).error?.code, -32601);
      assert.equal((await requester.request("tasks/list")).error?.code, -32601);
      assert.deepEqual((await augmented(requester, "always")).result?.content, text("always").content);
    });

    it("G25-CAP-11 the extension's key enables nothing in this handshake", async (t) => {
      const requester = await pipe(t, kind);
      const { result } = await initialize(requester, { capabilities: { extensions: { [EXTENSION]: {} } } });
      assert.equal(result.capabilities.extensions?.[EXTENSION], undefined);
      const plain = await requester.request("tools/call", { name: "always", arguments: {} });
      assert.deepEqual(plain.result.content, text("always").content);
      assert.equal(plain.result.resultType, undefined);
      const task = await create(requester, "always");
      assert.equal((await get(requester, task.taskId)).result.taskId, task.taskId);
      assert.equal(
        (await requester.request("tasks/update", { taskId: task.taskId, inputResponses: {} })).error?.code,
        -32601,
      );
    });

    it("G25-CRE-12 H39 `task` on a method that knows no tasks is ignored", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      const { result } = await requester.request("tools/list", { task: { ttl: 1000 } });
      assert.equal(result.tools.length, 3);
      assert.equal(result.task, undefined);
      assert.deepEqual((await requester.request("ping", { task: {} })).result, {});
      assert.deepEqual((await requester.request("tasks/list", { task: {} })).result, { tasks: [] });
    });

    it("G25-UPD-01 H48 (part): the methods of 2026-07-28 do not exist", async (t) => {
      const requester = await pipe(t, kind);
      await initialize(requester);
      for (const method of ["tasks/update", "tasks/nonsense", "server/discover", "subscriptions/listen"]) {
        assert.equal((await requester.request(method, { taskId: "abc" })).error?.code, -32601, method);
      }
    });
  });
}

describe("what is not offered", () => {
  const none: TaskServerOptions = { defaults: { task: "never" } };
  for (const kind of KINDS) {
    it(`G25-CAP-05 H40 a server without tasks takes an augmented call as an ordinary one (${kind})`, async (t) => {
      const requester = await pipe(t, kind, none);
      const { result } = await initialize(requester);
      assert.equal(result.capabilities.tasks, undefined);
      assert.deepEqual((await augmented(requester, "plain", {}, { ttl: 5 })).result?.content, text("plain").content);
      assert.deepEqual(ran, ["plain"]);
      for (const tool of (await requester.request("tools/list")).result.tools)
        assert.notEqual(tool.execution?.taskSupport, "optional");
    });
  }

  it("G25-CAP-07 methods that were not declared are not found: no list, no tasks at all", async (t) => {
    const unlisted = await pipe(t, "v1", { ...POLICIES, list: false });
    const { result } = await initialize(unlisted);
    assert.deepEqual(result.capabilities.tasks, { cancel: {}, requests: { tools: { call: {} } } });
    const task = await create(unlisted, "always");
    assert.equal((await unlisted.request("tasks/list")).error?.code, -32601);
    assert.equal((await unlisted.request("tasks/get", { taskId: task.taskId })).error, undefined);

    const bare = await pipe(t, "v1", none);
    await initialize(bare);
    for (const method of ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "tasks/update"]) {
      assert.equal((await bare.request(method, { taskId: "x" })).error?.code, -32601, method);
    }
  });

  it("G25-CAP-09 X-SEC-04 (part): no list where requestors cannot be told apart", async (t) => {
    const tasks = new TaskServer(POLICIES);
    const make = () => attached("v1", tasks, TOOLS) as never;
    const authenticate = (token?: string) => token && { token, clientId: "c", scopes: [], extra: { sub: token } };
    const servers = [
      await statefulV1(make, { authenticate }),
      await statelessV1(make, { authenticate }),
      await entryV2(() => attached("v2", tasks, TOOLS) as never, { authenticate }),
    ];
    t.after(() => Promise.all([tasks.close(), ...servers.map((server) => server.close())]));
    for (const { url } of servers) {
      const stranger = new HttpRequester(url);
      const { result } = await initialize(stranger);
      assert.deepEqual(result.capabilities.tasks, { cancel: {}, requests: { tools: { call: {} } } });
      assert.equal((await stranger.request("tasks/list")).error?.code, -32601);
      const known = new HttpRequester(url, { authorization: "Bearer alice" });
      assert.deepEqual((await initialize(known)).result.capabilities.tasks.list, {});
      assert.deepEqual((await known.request("tasks/list")).result, { tasks: [] });
      await Promise.all([stranger.close(), known.close()]);
    }
  });

  it("G25-CAP-12 (part): what a client declares besides is ignored", async (t) => {
    for (const kind of KINDS) {
      const requester = await pipe(t, kind);
      const { result } = await initialize(requester, {
        capabilities: {
          tasks: { list: {}, unknown: { deep: [1] }, requests: { unheard: { of: {} } } },
          alsoUnknown: {},
        },
      });
      assert.deepEqual(result.capabilities.tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } }, kind);
      assert.ok(await create(requester, "always"), kind);
    }
  });

  it("G25-TLN-10 a support that is none of the three is refused when it is registered", () => {
    assert.throws(() => new TaskServer({ tools: { tool: { support: "maybe" as never } } }), {
      name: "TaskError",
      code: "invalid_argument",
      message: /tools\.tool\.support/,
    });
  });

  it("G25-CRE-07 (part): the text for the model comes with the handle", async (t) => {
    const requester = await pipe(t, "v1", { tools: { always: { immediateResponse: "It is running." } } });
    await initialize(requester);
    assert.equal((await augmented(requester, "always")).result._meta[IMMEDIATE], "It is running.");
  });
});
