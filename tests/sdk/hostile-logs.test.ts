// What a log shows that prints an error as it is.
import assert from "node:assert/strict";
import { it } from "node:test";
import { inspect } from "node:util";
import { TaskError, TaskServer, memoryStore } from "mcp-longhaul";
import { create, get, initialize } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { attached, text } from "./harness/servers.ts";

// X-SEC-09
it("an error that is logged shows no whole id of a task, no owner and no payload, and still has them", async (t) => {
  const errors: TaskError[] = [];
  const inner = memoryStore();
  let broken = false;
  // As drivers do: the values of the statement stand beside the message.
  const refused = (parameters: unknown) =>
    Object.assign(new Error("the store is away"), { parameters, detail: "(owner, id) = (the owner, …)" });
  const store = new Proxy(inner, {
    get: (target, name) => {
      const member = target[name as never] as unknown;
      if (typeof member !== "function") return member;
      return (...values: unknown[]) => {
        if (broken && name !== "due") throw refused(values);
        return member.apply(target, values);
      };
    },
  });
  const tasks = new TaskServer({
    store,
    defaults: { task: "always" },
    owner: () => "the owner",
    onerror: (error) => errors.push(error),
  });
  const requester = await PipeRequester.to(attached("v1", tasks, { quick: () => text("the result") }));
  t.after(() => requester.close());
  await initialize(requester);
  const { taskId } = await create(requester, "quick");
  broken = true;
  assert.equal((await get(requester, taskId)).error?.code, -32603);
  errors.push(
    new TaskError("failed", "It failed.", {
      taskId,
      data: { secret: "the result" },
      cause: { code: 1, message: "the result" },
    }),
  );
  for (const error of errors) {
    for (const shown of [
      inspect(error),
      inspect({ error }, { depth: 9 }),
      JSON.stringify(error),
      JSON.stringify({ ...error }),
      String(error),
      error.stack ?? "",
    ]) {
      for (const secret of [taskId, "the owner", "the result"]) assert.ok(!shown.includes(secret), shown);
    }
  }
  assert.match(inspect(errors[0]), /storage.*the store is away/s);
  assert.equal(errors.at(-1)?.taskId, taskId);
  assert.deepEqual(errors.at(-1)?.data, { secret: "the result" });
});
