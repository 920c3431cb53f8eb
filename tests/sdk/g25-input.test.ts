// 2025-11-25: a task that asks its client, on a pipe.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gate, settle, until } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { FORM, RELATED, YES, cancel, create, get, reaches, result } from "./harness/g25.ts";
import { KINDS, text } from "./harness/servers.ts";

const SAMPLE = { messages: [{ role: "user", content: { type: "text", text: "Say yes" } }], maxTokens: 5 };
const SAMPLED = { role: "assistant", model: "m", content: { type: "text", text: "yes" } };
const relatedOf = (message: any) => message.params?._meta?.[RELATED];

for (const kind of KINDS) {
  describe(`input on ${kind}`, () => {
    // G25-INP-01 G25-INP-02 (part) G25-INP-08 H79
    it("a waiting client is asked, answers, and gets the result", async (t) => {
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => text(JSON.stringify(await ask("elicitation/create", FORM))),
      });
      const { taskId } = await create(requester, "ask");
      const waiting = result(requester, taskId);
      const question = await requester.asked("elicitation/create");
      assert.deepEqual(relatedOf(question), { taskId });
      assert.equal(question.params.message, FORM.message);
      assert.deepEqual(question.params.requestedSchema, FORM.requestedSchema);
      assert.equal((await get(requester, taskId)).result.status, "input_required");
      await requester.respond(question.id, { result: { ...YES, _meta: { [RELATED]: { taskId } } } });
      const { result: outcome } = await waiting;
      assert.deepEqual(JSON.parse(outcome.content[0].text).content, YES.content);
      assert.equal((await get(requester, taskId)).result.status, "completed");
    });

    it("G25-INP-02 sampling and roots carry the task too", async (t) => {
      const { requester } = await world(t, kind, {
        both: async (_args, { ask }) => {
          const sampled = await ask("sampling/createMessage", SAMPLE);
          const listed = await ask("roots/list");
          return text(`${sampled.content.text} ${listed.roots.length}`);
        },
      });
      requester.answer("sampling/createMessage", () => ({ result: SAMPLED }));
      requester.answer("roots/list", () => ({ result: { roots: [{ uri: "file:///a" }, { uri: "file:///b" }] } }));
      const { taskId } = await create(requester, "both");
      assert.equal((await result(requester, taskId)).result.content[0].text, "yes 2");
      for (const method of ["sampling/createMessage", "roots/list"])
        assert.deepEqual(relatedOf(await requester.asked(method)), { taskId }, method);
    });

    it("a plain call's request carries no task", async (t) => {
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
      });
      requester.answer("elicitation/create", () => ({ result: YES }));
      assert.equal(
        (await requester.request("tools/call", { name: "ask", arguments: {} })).result.content[0].text,
        "accept",
      );
      assert.equal(relatedOf(await requester.asked("elicitation/create")), undefined);
    });

    it("G25-INP-04 of two questions the last answer ends input_required", async (t) => {
      const { requester } = await world(t, kind, {
        two: async (_args, { ask }) =>
          text(
            (
              await Promise.all([
                ask("elicitation/create", { ...FORM, message: "one" }),
                ask("elicitation/create", { ...FORM, message: "two" }),
              ])
            )
              .map((answer) => answer.action)
              .join(),
          ),
      });
      const { taskId } = await create(requester, "two");
      const one = await requester.frames.next((message) => message.params?.message === "one", "one");
      const two = await requester.frames.next((message) => message.params?.message === "two", "two");
      assert.notEqual(one.message.id, two.message.id);
      await requester.respond(two.message.id, { result: { action: "decline" } });
      await settle(20);
      assert.equal((await get(requester, taskId)).result.status, "input_required");
      await requester.respond(one.message.id, { result: YES });
      assert.equal((await result(requester, taskId)).result.content[0].text, "accept,decline");
    });

    it("after its input a task works again", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => {
          await ask("elicitation/create", FORM);
          await go.promise;
          return text("done");
        },
      });
      requester.answer("elicitation/create", () => ({ result: YES }));
      const { taskId } = await create(requester, "ask");
      await requester.asked("elicitation/create");
      await reaches(requester, taskId, "working");
      go.open();
      await reaches(requester, taskId, "completed");
    });

    it("G25-INP-10 H59 (part): a refusal is the handler's matter", async (t) => {
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => {
          try {
            await ask("sampling/createMessage", SAMPLE);
            return text("answered");
          } catch (error: any) {
            return text(`refused: ${error.message}`);
          }
        },
        form: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
      });
      requester.answer("sampling/createMessage", () => ({
        error: { code: -1, message: "User rejected sampling request" },
      }));
      requester.answer("elicitation/create", () => ({ result: { action: "decline" } }));
      const refused = await create(requester, "ask");
      assert.match((await result(requester, refused.taskId)).result.content[0].text, /refused: .*User rejected/);
      assert.equal((await get(requester, refused.taskId)).result.status, "completed");
      const declined = await create(requester, "form");
      assert.equal((await result(requester, declined.taskId)).result.content[0].text, "decline");
    });

    it("G25-INP-11 (part) G25-CAN-03 a cancel withdraws what was asked, and a late answer is ignored", async (t) => {
      const rejected = gate<string>();
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => {
          try {
            await ask("elicitation/create", FORM);
          } catch (error: any) {
            rejected.open(error.message);
          }
          return text("late");
        },
      });
      const { taskId } = await create(requester, "ask");
      const question = await requester.asked("elicitation/create");
      assert.equal((await cancel(requester, taskId)).result.status, "cancelled");
      const withdrawn = await requester.frames.next(
        (message) => message.method === "notifications/cancelled",
        "the withdrawal",
      );
      assert.equal(withdrawn.message.params.requestId, question.id);
      assert.deepEqual(relatedOf(withdrawn.message), { taskId });
      assert.match(await rejected.promise, /\w/);
      await requester.respond(question.id, { result: YES });
      await settle(20);
      assert.equal((await get(requester, taskId)).result.status, "cancelled");
      assert.equal(requester.frames.fromServer((message) => message.method === "notifications/cancelled").length, 1);
    });

    it("G25-INP-09 what the client did not declare is not asked for", async (t) => {
      const { requester } = await world(
        t,
        kind,
        {
          ask: async ({ method }, { ask, task }) => {
            const params = method === "elicitation/create" ? FORM : method === "roots/list" ? undefined : SAMPLE;
            const own = await ask(method, params).then(
              () => "answered",
              () => "rejected",
            );
            const through = await task!.requireInput({ method, ...(params && { params }) }).then(
              () => "answered",
              (error) => error.code,
            );
            return text(`${own} ${through}`);
          },
          url: (_args, { task }) =>
            task!
              .requireInput({
                method: "elicitation/create",
                params: { mode: "url", message: "m", url: "https://example.com", elicitationId: "e" },
              })
              .then(
                () => text("answered"),
                (error) => text(error.code),
              ),
        },
        {},
        { capabilities: {} },
      );
      for (const method of ["elicitation/create", "sampling/createMessage", "roots/list"]) {
        const { taskId } = await create(requester, "ask", { method });
        assert.equal((await result(requester, taskId)).result.content[0].text, "rejected unsupported", method);
      }
      const { taskId } = await create(requester, "url");
      assert.equal((await result(requester, taskId)).result.content[0].text, "unsupported");
      assert.equal(
        requester.frames.fromServer((message) => message.method !== undefined && message.id !== undefined).length,
        0,
      );
    });

    it("X-LIM-10 (part) X-LIM-02 (part): one question too many fails the handler's call, not the task", async (t) => {
      const { requester } = await world(
        t,
        kind,
        {
          flood: async (_args, { task }) => {
            const answers = await Promise.allSettled(
              Array.from({ length: 6 }, () => task!.requireInput({ method: "elicitation/create", params: FORM })),
            );
            return text(answers.map((answer) => (answer.status === "fulfilled" ? "ok" : answer.reason.code)).join());
          },
        },
        { limits: { outstandingInputs: 4 } },
      );
      const { taskId } = await create(requester, "flood");
      await until(
        () => requester.frames.fromServer((message) => message.method === "elicitation/create").length === 4,
        "four questions",
      );
      await settle(20);
      for (const { message } of requester.frames.fromServer((message) => message.method === "elicitation/create"))
        await requester.respond(message.id, { result: YES });
      assert.equal((await result(requester, taskId)).result.content[0].text, "ok,ok,ok,ok,limit,limit");
    });

    it("X-LIM-05 (part) H62 (part): odd keys and odd answers stay what they are", async (t) => {
      const { requester } = await world(t, kind, {
        ask: async (_args, { task }) => {
          const answers = [];
          for (const key of ["__proto__", "constructor", "toString", "__proto__"])
            answers.push(
              await task!.requireInput(
                {
                  method: "elicitation/create",
                  params: { ...FORM, requestedSchema: { type: "object", properties: {} } },
                },
                key,
              ),
            );
          return text(JSON.stringify(answers));
        },
      });
      requester.answer("elicitation/create", () => ({
        result: JSON.parse('{"action":"accept","content":{"__proto__":"x","constructor":"y"}}'),
      }));
      const { taskId } = await create(requester, "ask");
      const answers = JSON.parse((await result(requester, taskId)).result.content[0].text);
      assert.equal(answers.length, 4);
      assert.equal(({} as any).x, undefined);
      for (const answer of answers) assert.deepEqual(Object.keys(answer.content), ["__proto__", "constructor"]);
    });

    it("G25-INP-07 (part) H08 (part): the first answer counts", async (t) => {
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => text(JSON.stringify((await ask("elicitation/create", FORM)).content)),
      });
      const { taskId } = await create(requester, "ask");
      const question = await requester.asked("elicitation/create");
      await requester.respond(question.id, { result: YES });
      await requester.respond(question.id, { result: { action: "accept", content: { yes: false } } });
      assert.equal((await result(requester, taskId)).result.content[0].text, '{"yes":true}');
    });
  });
}

describe("answers", () => {
  it("X-INP-01 (part): an answer that breaks the schema never reaches the handler as an answer", async (t) => {
    for (const kind of KINDS) {
      const { requester } = await world(t, kind, {
        ask: async (_args, { server }) => text(JSON.stringify(await (server.server ?? server).elicitInput(FORM))),
      });
      requester.answer("elicitation/create", () => ({
        result: { action: "accept", content: { yes: "not a boolean" } },
      }));
      const { taskId } = await create(requester, "ask");
      await reaches(requester, taskId, "failed");
      const { error, result: outcome } = await result(requester, taskId);
      assert.ok(error !== undefined || outcome.isError === true, kind);
      assert.deepEqual(
        relatedOf(await requester.asked("elicitation/create")),
        { taskId },
        `${kind}: a request through the server itself belongs to the only task`,
      );
    }
  });

  it("G25-INP-14 (part): a URL elicitation keeps its id", async (t) => {
    const params = { mode: "url", message: "Sign in", url: "https://example.com/in", elicitationId: "e-17" };
    for (const kind of KINDS) {
      const { requester } = await world(t, kind, {
        ask: async (_args, { ask }) => text((await ask("elicitation/create", params)).action),
      });
      requester.answer("elicitation/create", () => ({ result: { action: "accept" } }));
      const { taskId } = await create(requester, "ask");
      assert.equal((await result(requester, taskId)).result.content[0].text, "accept");
      const { _meta, ...sent } = (await requester.asked("elicitation/create")).params;
      assert.deepEqual(sent, params);
    }
  });

  it("G25-REL-07 a malformed related-task key in an answer, or in a call, is no key", async (t) => {
    for (const kind of KINDS) {
      for (const key of [5, null, [], "x", {}, { taskId: 5 }, { taskId: null }]) {
        const { requester } = await world(t, kind, {
          ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
        });
        requester.answer("elicitation/create", () => ({ result: { ...YES, _meta: { [RELATED]: key } } }));
        const { taskId } = await create(requester, "ask", {}, {}, { [RELATED]: key });
        assert.equal(
          (await result(requester, taskId)).result.content[0].text,
          "accept",
          `${kind} ${JSON.stringify(key)}`,
        );
        assert.equal(
          (await requester.request("tools/call", { name: "ask", arguments: {}, _meta: { [RELATED]: key } })).result
            .content[0].text,
          "accept",
        );
      }
    }
  });

  it("G25-REL-06 a related-task key of a request that is no task's changes nothing", async (t) => {
    const { requester } = await world(t, "v1", { quick: () => text("quick") });
    const { taskId } = await create(requester, "quick");
    for (const related of [{ taskId }, { taskId: "somebody-elses" }, { taskId: 5 }, "x", null, [], {}]) {
      const { result: plain } = await requester.request("tools/call", {
        name: "quick",
        arguments: {},
        _meta: { [RELATED]: related },
      });
      assert.deepEqual(plain, text("quick"));
      assert.deepEqual((await requester.request("ping", { _meta: { [RELATED]: related } })).result, {});
      const task = await create(requester, "quick", {}, {}, { [RELATED]: related });
      assert.notEqual(task.taskId, taskId);
    }
  });
});
