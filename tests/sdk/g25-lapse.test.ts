// 2025-11-25: a request that waits for a task while its authorization ends.
import assert from "node:assert/strict";
import { it } from "node:test";
import { TaskServer } from "mcp-longhaul";
import { gate, settle } from "./harness/frames.ts";
import { FORM, YES, checkFrames, create, get, initialize } from "./harness/g25.ts";
import { HttpRequester, statefulV1 } from "./harness/http.ts";
import { attached, text } from "./harness/servers.ts";

const NOBODYS = "0123456789abcdefghijkl";

for (const how of ["expires", "is revoked, then an outcome comes", "is revoked, then a question comes"] as const) {
  // H33
  it(`a tasks/result whose authorization ${how} hears what a stranger hears, and the outcome waits`, async (t) => {
    const go = gate();
    let revoked = false;
    const tasks = new TaskServer({ defaults: { task: "always" }, owner: () => (revoked ? undefined : "ann") });
    const expiresAt = (): number => Math.floor(Date.now() / 1000) + (how === "expires" ? 1 : 3_600);
    const server = await statefulV1(
      () =>
        attached("v1", tasks, {
          work: async (_args, { ask }) => {
            await go.promise;
            if (how.endsWith("question comes")) await ask("elicitation/create", FORM);
            return text("secret");
          },
        }),
      { authenticate: (token) => ({ token, clientId: "c", scopes: [], expiresAt: expiresAt() }) },
    );
    const requester = new HttpRequester(server.url);
    t.after(async () => {
      await requester.close();
      await server.close();
      await tasks.close();
      checkFrames(requester.frames);
    });
    await initialize(requester);
    requester.answer("elicitation/create", () => ({ result: YES }));
    const { taskId } = await create(requester, "work");
    const waiting = requester.request("tasks/result", { taskId }, 50);
    const stranger = await requester.request("tasks/result", { taskId: NOBODYS });
    if (how !== "expires") {
      // It waits by now: what was asked later is answered.
      revoked = true;
      go.open();
    }
    const { id: _, ...answer } = await waiting;
    const { id: __, ...other } = stranger;
    assert.deepEqual(answer, other);
    await settle();
    assert.deepEqual(
      requester.frames.fromServer((message, { on }) => on === "POST tasks/result 50" && message.method !== undefined),
      [],
    );
    revoked = false;
    go.open();
    const { result } = await requester.request("tasks/result", { taskId }, 51);
    assert.equal(result.content[0].text, "secret");
    assert.equal((await get(requester, taskId)).result.status, "completed");
  });
}
