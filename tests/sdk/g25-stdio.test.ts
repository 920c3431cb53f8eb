// 2025-11-25 over standard input and output of a real process.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { type TestContext, describe, it } from "node:test";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { TaskServer } from "mcp-longhaul";
import { type Message, settle } from "./harness/frames.ts";
import { YES, cancel, checkFrames, create, get, initialize, result } from "./harness/g25.ts";
import { PipeRequester, StdioRequester } from "./harness/pipe.ts";
import { type Tools, attached, text } from "./harness/servers.ts";

async function open(t: TestContext, sdk: string): Promise<StdioRequester> {
  const requester = new StdioRequester("./g25-stdio-server.ts", [sdk]);
  t.after(async () => {
    await requester.close();
    checkFrames(requester.frames);
  });
  const { result } = await initialize(requester);
  assert.deepEqual(result.capabilities.tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } });
  return requester;
}

for (const sdk of ["v1", "v2"]) {
  describe(`stdio, SDK ${sdk}`, () => {
    it("G25-INP-08 (part) H79 (part): one pipe, a waiting client, a question", async (t) => {
      const requester = await open(t, sdk);
      const { taskId } = await create(requester, "ask");
      const waiting = result(requester, taskId);
      const question = await requester.asked("elicitation/create");
      assert.deepEqual((await requester.request("ping")).result, {});
      await requester.respond(question.id, { result: YES });
      assert.equal((await waiting).result.content[0].text, "accept");
      const slow = await create(requester, "slow");
      const stopped = result(requester, slow.taskId);
      assert.equal((await cancel(requester, slow.taskId)).result.status, "cancelled");
      assert.equal((await stopped).error?.data.status, "cancelled");
    });

    // X-LIM-03 (part)
    it("an outcome longer than the lines that the SDKs read fails its task, and the connection goes on", async (t) => {
      const requester = await open(t, sdk);
      // Characters of one byte, and of three.
      for (const [fill, size] of [
        ["a", 11_000_000],
        ["水", 3_600_000],
      ] as const) {
        const { taskId } = await create(requester, "heavy", { size, fill });
        const { error } = await result(requester, taskId);
        assert.deepEqual([error?.code, error?.data], [-32603, { reason: "payload_limit" }]);
        assert.equal((await get(requester, taskId)).result.status, "failed");
      }
      const { taskId } = await create(requester, "heavy", { size: 10_000_000, fill: "b" });
      assert.equal((await result(requester, taskId)).result.content[0].text.length, 10_000_000);
      for (const line of requester.lines) assert.ok(Buffer.byteLength(line) < 10 * 2 ** 20);
    });

    it("X-HTT-02 (part): large answers side by side are a line each", async (t) => {
      const requester = await open(t, sdk);
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          create(requester, "heavy", { size: 400_000, fill: String.fromCharCode(97 + n) }),
        ),
      );
      const outcomes = await Promise.all(
        made.flatMap(({ taskId }) => [result(requester, taskId), get(requester, taskId), result(requester, taskId)]),
      );
      outcomes.forEach((outcome, index) => {
        if (index % 3 === 1) return;
        assert.equal(outcome.result.content[0].text, String.fromCharCode(97 + Math.floor(index / 3)).repeat(400_000));
      });
      await settle();
      for (const line of requester.lines) assert.doesNotThrow(() => JSON.parse(line));
    });
  });
}

it("X-LIM-03 (part): what another transport could carry is refused on a line, and read where it can be", async () => {
  const tasks = new TaskServer({ task: "always" });
  const size = 12_000_000;
  const tools: Tools = { heavy: () => text("a".repeat(size)) };
  const near = await PipeRequester.to(attached("v1", tasks, tools));
  await initialize(near);
  const { taskId } = await create(near, "heavy");
  assert.equal((await result(near, taskId)).result.content[0].text.length, size);

  const [input, output] = [new PassThrough(), new PassThrough()];
  await attached("v1", tasks, tools).connect(new StdioServerTransport(input, output) as never);
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  const request = async (id: number, method: string, params: object): Promise<Message> => {
    input.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return JSON.parse((await lines.next()).value as string) as Message;
  };
  await request(1, "initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "far", version: "1" },
  });
  const { error } = await request(2, "tasks/result", { taskId });
  assert.deepEqual([error?.code, error?.data], [-32603, { reason: "payload_limit" }]);
  assert.equal((await request(3, "tasks/get", { taskId })).result.status, "completed");
  await near.close();
  await tasks.close();
});
