// 2025-11-25 over standard input and output of a real process.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { settle } from "./harness/frames.ts";
import { YES, cancel, checkFrames, create, get, initialize, result } from "./harness/g25.ts";
import { StdioRequester } from "./harness/pipe.ts";

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

    it("X-HTT-02 (part): large answers side by side are a line each", async (t) => {
      const requester = await open(t, sdk);
      const made = await Promise.all(Array.from({ length: 12 }, (_, n) => create(requester, "heavy", { size: 400_000, fill: String.fromCharCode(97 + n) })));
      const outcomes = await Promise.all(made.flatMap(({ taskId }) => [result(requester, taskId), get(requester, taskId), result(requester, taskId)]));
      outcomes.forEach((outcome, index) => {
        if (index % 3 === 1) return;
        assert.equal(outcome.result.content[0].text, String.fromCharCode(97 + Math.floor(index / 3)).repeat(400_000));
      });
      await settle();
      for (const line of requester.lines) assert.doesNotThrow(() => JSON.parse(line));
    });
  });
}
