// A method beyond `tools/call`, from its call to its result, on either end: what becomes a task is a row of a table
// (`src/method.rs`). What ships offers the one row; here another one is offered.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { OFFERED, callMethodNumbered } from "mcp-longhaul/wire/methods";
import { checkFrames, get, initialize, reaches, result } from "./harness/g25.ts";
import { LEGACY, makeClient } from "./client-sdk.ts";
import { gate, until } from "./harness/frames.ts";
import { PipeRequester } from "./harness/pipe.ts";

const PROMPTS_GET = callMethodNumbered(1);
const INFO = { name: "tests", version: "1.0.0" };
const said = (text: string) => ({ messages: [{ role: "user" as const, content: { type: "text" as const, text } }] });

/** Opens when the slow prompt may answer. */
let opened = gate();
function withPrompts(sdk: "v1" | "v2"): any {
  const server: any = sdk === "v1" ? new McpServerV1(INFO) : new McpServerV2(INFO);
  server.registerPrompt("slow", { description: "waits" }, () => opened.promise.then(() => said("done")));
  server.registerPrompt("bad", { description: "fails" }, () => {
    throw new Error("no such mood");
  });
  return server;
}

async function served(t: { after(done: () => Promise<void>): void }, sdk: "v1" | "v2") {
  opened = gate();
  const tasks = new TaskServer({ defaults: { task: "always" } });
  const server = withPrompts(sdk);
  const requester = await PipeRequester.to(tasks.attach(server), sdk);
  t.after(async () => {
    await requester.close();
    await tasks.close();
    checkFrames(requester.frames);
  });
  return { requester, greeting: await initialize(requester) };
}
const ask = (requester: PipeRequester, name: string, more = {}) => requester.request("prompts/get", { name, ...more });

for (const sdk of ["v1", "v2"] as const) {
  describe(`prompts/get on ${sdk}`, () => {
    before(() => OFFERED.set(PROMPTS_GET.name, PROMPTS_GET));
    after(() => OFFERED.delete(PROMPTS_GET.name));

    it("becomes a task where its client asks for one, and its result is the prompt", async (t) => {
      const { requester } = await served(t, sdk);
      const { result: handle } = await ask(requester, "slow", { task: { ttl: 60_000 } });
      assert.deepEqual(Object.keys(handle), ["task"]);
      const { taskId } = handle.task;
      assert.equal((await get(requester, taskId)).result.status, "working");
      opened.open();
      await reaches(requester, taskId, "completed");
      assert.deepEqual((await result(requester, taskId)).result.messages, said("done").messages);
    });

    it("is declared beside the calls of tools", async (t) => {
      const { greeting } = await served(t, sdk);
      const { requests } = greeting.result.capabilities.tasks;
      assert.deepEqual(requests, { tools: { call: {} }, prompts: { get: {} } });
    });

    it("is answered as ever where its client does not", async (t) => {
      const { requester } = await served(t, sdk);
      opened.open();
      assert.deepEqual((await ask(requester, "slow")).result.messages, said("done").messages);
    });

    it("fails with its handler", async (t) => {
      const { requester } = await served(t, sdk);
      const { result: handle } = await ask(requester, "bad", { task: {} });
      await reaches(requester, handle.task.taskId, "failed");
      assert.match((await result(requester, handle.task.taskId)).error?.message ?? "", /no such mood/);
    });
  });

  it(`prompts/get is no task on ${sdk} where it is not offered`, async (t) => {
    const { requester, greeting } = await served(t, sdk);
    assert.deepEqual(greeting.result.capabilities.tasks.requests, { tools: { call: {} } });
    opened.open();
    const { result: prompt } = await ask(requester, "slow", { task: {} });
    assert.deepEqual(prompt.messages, said("done").messages);
  });
}

for (const kind of LEGACY) {
  it(`${kind}: a client gets the prompt as ever, while the server made a task of it`, async (t) => {
    OFFERED.set(PROMPTS_GET.name, PROMPTS_GET);
    t.after(() => OFFERED.delete(PROMPTS_GET.name));
    const created: string[] = [];
    const events: string[] = [];
    const tasks = new TaskServer({
      defaults: { task: "always", pollInterval: 20 },
      onevent: (event) => events.push(event.type),
    });
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await tasks.attach(withPrompts("v2")).connect(theirs as never);
    const host = new TaskClient({ ontask: (handle) => created.push(handle.taskId ?? "") });
    const client = host.attach(makeClient(kind) as never) as any;
    await client.connect(ours);
    t.after(async () => {
      await client.close();
      await tasks.close();
    });
    opened = gate();
    const prompt = client.getPrompt({ name: "slow" });
    await until(() => created.length > 0, "a task");
    opened.open();
    assert.deepEqual((await prompt).messages, said("done").messages);
    await assert.rejects(client.getPrompt({ name: "bad" }), /no such mood/);
    assert.deepEqual(events.filter((type) => type === "created").length, 2);
  });
}
