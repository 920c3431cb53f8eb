// 2025-11-25: what a server asks without saying for which request. It is a task's where the task's handler asks it, and
// nobody's where it is asked beside the task; what was taken for a task's on a platform that cannot tell does not fail
// with the task.
import { TaskServer } from "mcp-longhaul";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { settle } from "./harness/frames.ts";
import { FORM, RELATED, YES, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { world } from "./harness/g25-world.ts";
import { KINDS, type SdkServer, attached, text } from "./harness/servers.ts";
import { PipeRequester } from "./harness/pipe.ts";

const BLIND = typeof process.getBuiltinModule !== "function";
const ROOTS = { roots: [{ uri: "file:///work" }] };

async function open(
  kind: (typeof KINDS)[number],
  tools: Parameters<typeof attached>[2],
): Promise<{ requester: PipeRequester; ask: () => Promise<any>; close: () => Promise<void> }> {
  const tasks = new TaskServer({ defaults: { task: "always" } });
  let server: any;
  const made: SdkServer = attached(kind, tasks, tools, (inner) => (server = inner.server ?? inner));
  const requester = await PipeRequester.to(made, kind.startsWith("v1") ? "v1" : "v2");
  await initialize(requester);
  const close = async () => {
    await requester.close();
    await tasks.close();
  };
  return { requester, ask: () => server.listRoots(), close };
}

for (const kind of KINDS) {
  it(`what is asked beside a task that runs does not fail when the task ends (${kind})`, async (t) => {
    const gate = Promise.withResolvers<void>();
    const { requester, ask, close } = await open(kind, { slow: () => gate.promise.then(() => text("slow")) });
    t.after(close);
    const { taskId } = await create(requester, "slow");
    const roots = ask();
    const { id, params } = await requester.asked("roots/list");
    if (!BLIND) {
      assert.equal(params?._meta?.[RELATED], undefined);
      assert.equal((await get(requester, taskId)).result.status, "working");
    }
    gate.resolve();
    if (BLIND) await reaches(requester, taskId, "completed");
    else assert.deepEqual((await result(requester, taskId)).result.content, text("slow").content);
    await settle();
    await requester.respond(id, { result: ROOTS });
    assert.deepEqual((await roots).roots, ROOTS.roots);
  });

  it(`G25-INP-02: what a handler asks without saying for which request is its task's (${kind})`, {
    skip: BLIND,
  }, async (t) => {
    const { requester } = await world(t, kind, {
      ask: async (_args, { server }) => {
        await new Promise((resolve) => setImmediate(resolve));
        return text(JSON.stringify(await (server.server ?? server).elicitInput(FORM)));
      },
      slow: () => new Promise(() => {}),
    });
    // Another one runs, so that there is nothing to guess.
    await create(requester, "slow");
    const { taskId } = await create(requester, "ask");
    await reaches(requester, taskId, "input_required");
    const end = result(requester, taskId);
    const { id, params } = await requester.asked("elicitation/create");
    assert.equal(params._meta[RELATED].taskId, taskId);
    await requester.respond(id, { result: YES });
    assert.match(JSON.stringify((await end).result), /accept/);
  });
}

it("the same on a platform that cannot tell whose work is done", { skip: BLIND }, () => {
  const blind = "data:text/javascript,process.getBuiltinModule = undefined";
  const run = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--import", blind, fileURLToPath(import.meta.url)],
    { encoding: "utf8", env: { ...process.env, NODE_TEST_CONTEXT: "" } },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /pass 4/);
});
