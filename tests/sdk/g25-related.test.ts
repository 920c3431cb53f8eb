// 2025-11-25: where the related-task key stands, and where it does not, over all frames of one full run.
import assert from "node:assert/strict";
import { it } from "node:test";
import { gate, settle } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { FORM, RELATED, YES, cancel, create, get, reaches, result } from "./harness/g25.ts";
import { KINDS, text } from "./harness/servers.ts";

for (const kind of KINDS) {
  // G25-REL-01 G25-REL-02 G25-REL-03 G25-REL-05
  it(`each message of a task names it, save those that must not (${kind})`, async (t) => {
    const go = gate();
    const { requester } = await world(t, kind, {
      all: async (_args, { ask, progress, log }) => {
        await progress(1);
        await log("started");
        await ask("elicitation/create", FORM);
        await ask("roots/list");
        await progress(2);
        return { ...text("done"), _meta: { "tests/own": 1 } };
      },
      bad: () => ({ ...text("bad"), isError: true, _meta: { [RELATED]: { taskId: "forged" } } }),
      stuck: (_args, { ask }) => ask("elicitation/create", FORM),
      slow: () => go.promise.then(() => text("slow")),
    });
    requester.answer("roots/list", () => ({ result: { roots: [] } }));
    requester.answer("elicitation/create", ({ params }) =>
      params._meta[RELATED].taskId === stuck ? undefined : { result: YES },
    );
    let stuck = "";
    const one = (await create(requester, "all", {}, {}, { progressToken: "a" })).taskId;
    assert.equal((await result(requester, one)).result._meta["tests/own"], 1);
    const bad = (await create(requester, "bad")).taskId;
    assert.deepEqual((await result(requester, bad)).result._meta, { [RELATED]: { taskId: bad } });
    const slow = (await create(requester, "slow")).taskId;
    stuck = "?";
    requester.answer("elicitation/create", () => undefined);
    const last = (await create(requester, "stuck")).taskId;
    await reaches(requester, last, "input_required");
    await cancel(requester, last);
    await requester.request("tasks/list");
    go.open();
    await result(requester, slow);
    await get(requester, slow);
    await settle(20);

    const methods = new Map(
      requester.frames.all
        .filter(({ from, message }) => from === "client" && message.method !== undefined && message.id !== undefined)
        .map(({ message }) => [message.id, message]),
    );
    const seen = new Set<string>();
    for (const { from, message } of requester.frames.all) {
      if (from === "client") continue;
      const request = message.method === undefined ? methods.get(message.id) : undefined;
      const key = (message.params ?? message.result)?._meta?.[RELATED];
      const what = message.method ?? `answer to ${request?.method}`;
      seen.add(what);
      // G25-NTF-03: whose status it is, its parameters say.
      const belongs =
        (message.method !== undefined && message.method !== "notifications/tasks/status") ||
        (request?.method === "tasks/result" && message.result !== undefined);
      if (!belongs) assert.equal(key, undefined, what);
      else assert.ok([one, bad, slow, last].includes(key?.taskId), `${what}: ${JSON.stringify(message)}`);
      if (request?.method === "tasks/result") assert.deepEqual(key, { taskId: request.params.taskId });
    }
    for (const what of [
      "notifications/tasks/status",
      "notifications/progress",
      "notifications/message",
      "notifications/cancelled",
      "elicitation/create",
      "roots/list",
      "answer to tools/call",
      "answer to tasks/get",
      "answer to tasks/list",
      "answer to tasks/cancel",
      "answer to tasks/result",
    ]) {
      assert.ok(seen.has(what), what);
    }
  });
}
