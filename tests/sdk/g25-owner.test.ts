// 2025-11-25: whose task it is.
import assert from "node:assert/strict";
import { it } from "node:test";
import { world } from "./harness/g25-world.ts";
import { augmented, create, get, initialize, result } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { attached, text } from "./harness/servers.ts";

const auth = (token: string, extra: object, more: object = {}) => ({
  token,
  clientId: "client-1",
  scopes: [],
  extra,
  ...more,
});
const TOOLS = { quick: () => text("mine") };

it("X-SEC-05 (part) X-SEC-07 (part): the subject owns the task, whatever token or client it comes with", async (t) => {
  const { requester } = await world(t, "v1", TOOLS);
  const alice = { iss: "https://issuer", sub: "alice" };
  requester.authInfo = auth("token-1", alice);
  const { taskId } = await create(requester, "quick");
  for (const [who, found] of [
    [auth("token-2", alice), true],
    [auth("token-1", alice, { clientId: "client-2" }), true],
    [auth("token-1", { ...alice, sub: "bob" }), false],
    [auth("token-1", { ...alice, iss: "https://another" }), false],
    [auth("token-1", alice, { resource: new URL("https://another.example/mcp") }), false],
    [undefined, false],
  ] as const) {
    requester.authInfo = who;
    assert.equal((await get(requester, taskId)).error === undefined, found, JSON.stringify(who));
    assert.equal((await result(requester, taskId)).error === undefined, found, JSON.stringify(who));
  }
});

it("X-SEC-01 (part): an authorization without a subject creates nothing and finds nothing", async (t) => {
  let runs = 0;
  const { requester, store } = await world(t, "v1", { quick: () => (runs++, text("")) });
  const known = (await create(requester, "quick")).taskId;
  requester.authInfo = auth("opaque", {});
  const { error } = await augmented(requester, "quick");
  assert.equal(error?.code, -32603);
  assert.equal(runs, 1);
  assert.equal(store.records.length, 1);
  assert.equal((await get(requester, known)).error?.code, -32602);
  // A plain call needs no owner.
  assert.equal((await requester.request("tools/call", { name: "quick", arguments: {} })).error, undefined);
});

it("X-SEC-11 (part): the name a client gives itself owns nothing", async (t) => {
  const { requester, tasks } = await world(
    t,
    "v1",
    TOOLS,
    { owner: (info: any) => info?.extra?.sub ?? "" },
    { name: "alice" },
  );
  requester.authInfo = auth("t", { sub: "alice" });
  const { taskId } = await create(requester, "quick");
  const forger = await PipeRequester.to(attached("v1", tasks, TOOLS), "v1", auth("t", { sub: "mallory" }));
  await initialize(forger, { name: "alice" });
  assert.equal((await get(forger, taskId)).error?.code, -32602);
  await forger.close();
});

it("the owner option decides, and what it throws away is nobody's", async (t) => {
  const { requester } = await world(t, "v2", TOOLS, {
    owner: (info: any) => (info?.clientId === undefined ? undefined : `client:${info.clientId}`),
  });
  assert.equal((await augmented(requester, "quick")).error?.code, -32603);
  requester.authInfo = auth("t", {}, { clientId: "a" });
  const { taskId } = await create(requester, "quick");
  requester.authInfo = auth("t", {}, { clientId: "b" });
  assert.equal((await get(requester, taskId)).error?.code, -32602);
});

// X-SEC-05 X-SEC-01
it("audiences are part of the principal, one or several, in any order; what is no audience owns nothing", async (t) => {
  const { requester } = await world(t, "v1", TOOLS);
  const of = (aud: unknown, more: object = {}) => auth("token", { iss: "https://issuer", sub: "alice", aud }, more);
  const found = async (taskId: string): Promise<boolean> => (await get(requester, taskId)).error === undefined;
  for (const [aud, same, other] of [
    ["x", [["x"], ["x", "x"]], ["y", ["y"], ["x", "y"], [], undefined]],
    [["x", "y"], [["y", "x"]], ["x", "x,y", ["x"], ["x", "z"], '["x","y"]']],
  ] as const) {
    requester.authInfo = of(aud);
    const { taskId } = await create(requester, "quick");
    for (const equal of same) {
      requester.authInfo = of(equal);
      assert.ok(await found(taskId), JSON.stringify(equal));
    }
    for (const different of other) {
      requester.authInfo = of(different);
      assert.ok(!(await found(taskId)), JSON.stringify(different));
    }
  }
  for (const broken of [
    of(5),
    of([1]),
    of({ x: 1 }),
    auth("t", { sub: 5 }),
    auth("t", { sub: "alice", iss: ["a"] }),
    auth("t", { sub: "alice" }, { resource: 5 }),
  ]) {
    requester.authInfo = broken;
    assert.equal((await augmented(requester, "quick")).error?.code, -32603, JSON.stringify(broken));
  }
  // `resource` may have been text on its way.
  requester.authInfo = of(undefined, { resource: new URL("https://api.example/mcp") });
  const { taskId } = await create(requester, "quick");
  requester.authInfo = of(undefined, { resource: "https://api.example/mcp" });
  assert.ok(await found(taskId));
});
