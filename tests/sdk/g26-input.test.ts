// Input of a modern task: shown in the task, answered by updates, given to handlers of either style.
import { acceptedContent, inputRequired } from "@modelcontextprotocol/server";
import {
  CreateMessageRequestV2Schema,
  ElicitRequestV2Schema,
  InputRequestsV2Schema,
  ListRootsRequestV2Schema,
} from "@modelcontextprotocol/ext-tasks/core/v2";
import { memoryStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALL,
  TASKS,
  World,
  accept,
  form,
  latch,
  text,
  type Answer,
  type Json,
  type Tool,
  type Way,
} from "./harness/g26.ts";

const WAYS: Way[] = ["fetch", "http", "pipe"];
const KINDS = WAYS.flatMap((way) =>
  [false, true].map((low) => ({ way, low, name: `${low ? "Server" : "McpServer"}, ${way}` })),
);
const always = { task: "always" } as const;
const name = { name: { type: "string" } };
const sampling = {
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text: "hi" } }], maxTokens: 5 },
} as const;
const sampled = { role: "assistant", model: "m", content: { type: "text", text: "hello" } };
const roots = { method: "roots/list" } as const;
const home = { roots: [{ uri: "file:///home" }] };

function refused({ error, status }: Answer, code: number, http: number): NonNullable<Answer["error"]> {
  assert.equal(error?.code, code, JSON.stringify(error));
  if (status !== undefined) assert.equal(status, http);
  return error;
}

/** A tool that asks everything at once and answers with the answers. */
function asking(world: () => World, requests: Record<string, Json>): Tool {
  return async (_, ctx) => {
    const task = world().tasks.current(ctx);
    const answers = await Promise.all(
      Object.entries(requests).map(async ([key, request]) => [
        key,
        await task
          ?.requireInput(request, key)
          .catch((error: Error) => ({ error: (error as Json).code ?? error.message })),
      ]),
    );
    return { ...text("done"), structuredContent: Object.fromEntries(answers) };
  };
}

/** The keys under which the input of a task is asked, by the handler's names. */
function keys(state: Json): Record<string, string> {
  return Object.fromEntries(Object.keys(state.inputRequests).map((key) => [key.replace(/-\d+$/, ""), key]));
}

/** Polls until so many inputs are asked. */
async function asked(world: World, id: string, count: number): Promise<Json> {
  for (;;) {
    const state = await world.until(id, "input_required");
    if (Object.keys(state.inputRequests).length === count) return state;
  }
}

for (const { way, low, name: kind } of KINDS) {
  // G26-INP-01, G26-INP-02, G26-UPD-02
  test(`three kinds of input, shown in the task and answered by an update (${kind})`, async () => {
    let world: World;
    await using _ = (world = await World.open({
      tools: { work: asking(() => world, { ask: form("?", name), sample: sampling, roots }) },
      tasks: always,
      way,
      low,
    }));
    const id = await world.start("work");
    const state = await asked(world, id, 3);
    assert.ok(InputRequestsV2Schema.safeParse(state.inputRequests).success);
    const { ask, sample, roots: list } = keys(state) as Record<string, string>;
    assert.ok(ElicitRequestV2Schema.safeParse(state.inputRequests[ask as string]).success);
    assert.ok(CreateMessageRequestV2Schema.safeParse(state.inputRequests[sample as string]).success);
    assert.ok(ListRootsRequestV2Schema.safeParse(state.inputRequests[list as string]).success);
    for (const request of Object.values(state.inputRequests) as Json[])
      assert.deepEqual(
        Object.keys(request).filter((key) => !["method", "params"].includes(key)),
        [],
      );
    const answers = { [ask as string]: accept({ name: "Ada" }), [sample as string]: sampled, [list as string]: home };
    const update = await world.update(id, answers);
    assert.equal(update.result.resultType, "complete");
    const { result } = await world.until(id, "completed");
    assert.deepEqual(result.structuredContent, { ask: accept({ name: "Ada" }), sample: sampled, roots: home });
    // No request ever came from the server.
    assert.deepEqual(
      world.frames.filter(
        ({ from, message }) => from === "server" && message.method !== undefined && message.id !== undefined,
      ),
      [],
    );
  });

  // G26-GET-03, G26-UPD-06, G26-UPD-07 (part), H51 (part)
  test(`a part of the answers is taken, the rest stays asked (${kind})`, async () => {
    let world: World;
    await using _ = (world = await World.open({
      tools: { work: asking(() => world, { one: form("1?", name), two: form("2?", name) }) },
      tasks: always,
      way,
      low,
    }));
    const id = await world.start("work");
    const { one, two } = keys(await asked(world, id, 2)) as Record<string, string>;
    assert.ok((await world.update(id, { [one as string]: accept({ name: "first" }) })).result);
    const half = await world.until(id, "input_required");
    assert.deepEqual(Object.keys(half.inputRequests), [two]);
    // The same key again, another answer: taken as said, without effect.
    assert.ok((await world.update(id, { [one as string]: accept({ name: "second" }) })).result);
    assert.ok((await world.update(id, { [two as string]: { action: "decline" } })).result);
    const { result } = await world.until(id, "completed");
    assert.deepEqual(result.structuredContent, { one: accept({ name: "first" }), two: { action: "decline" } });
  });

  // G26-UPD-09, H53, X-INP-01 (part)
  test(`one malformed answer rejects the whole update, and everything stays asked (${kind})`, async () => {
    let world: World;
    await using _ = (world = await World.open({
      tools: { work: asking(() => world, { one: form("1?", name), two: form("2?", name) }) },
      tasks: always,
      way,
      low,
    }));
    const id = await world.start("work");
    const before = await asked(world, id, 2);
    const { one, two } = keys(before) as Record<string, string>;
    const malformed = [
      5,
      null,
      "accept",
      [],
      {},
      { action: "maybe" },
      { action: "accept", content: { name: { deep: 1 } } },
      { action: "accept", content: { name: null } },
      sampled,
      home,
      { method: "elicitation/create", result: accept({ name: "x" }) },
      accept({ name: 5 }),
      accept({}),
    ];
    for (const value of malformed) {
      refused(
        await world.update(id, { [one as string]: accept({ name: "fine" }), [two as string]: value }),
        -32602,
        200,
      );
      assert.deepEqual((await world.get(id)).result, before, JSON.stringify(value));
    }
    for (const inputResponses of [undefined, null, 5, "x", [], true])
      refused(await world.update(id, inputResponses), -32602, 200);
    assert.deepEqual((await world.get(id)).result, before);
    // What is not asked is not looked at.
    assert.ok(
      (
        await world.update(id, {
          [one as string]: accept({ name: "fine" }),
          other: 5,
          "two-99": null,
          [two as string]: { action: "cancel" },
        })
      ).result,
    );
    assert.deepEqual((await world.until(id, "completed")).result.structuredContent, {
      one: accept({ name: "fine" }),
      two: { action: "cancel" },
    });
  });

  // G26-UPD-05 (part), G26-UPD-08 (part), G26-UPD-10 (part), H52 (part)
  test(`stale, unknown and no answers are acknowledged (${kind})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: always,
      way,
      low,
    });
    const id = await world.start("work");
    const responses = [
      {},
      { a: accept({}) },
      { a: 5 },
      JSON.parse('{"__proto__": {"action": "accept"}, "constructor": 1, "toString": null}'),
    ];
    const before = (await world.get(id)).result;
    for (const one of responses) assert.ok((await world.update(id, one)).result);
    assert.deepEqual((await world.get(id)).result, before);
    gate.resolve();
    const done = await world.until(id, "completed");
    for (const one of responses) assert.ok((await world.update(id, one)).result);
    assert.deepEqual((await world.get(id)).result, done);
  });

  // G26-INP-04, H50
  test(`input that a poll cannot show is -32021 to it, and the whole of it to one that can (${kind})`, async () => {
    let world: World;
    await using _ = (world = await World.open({
      tools: { work: asking(() => world, { ask: form("?", name), sample: sampling, roots }) },
      tasks: always,
      way,
      low,
    }));
    const id = await world.start("work");
    await asked(world, id, 3);
    const lacking = (caps: Json): Promise<Answer> => world.get(id, { caps: { ...TASKS, ...caps } });
    assert.deepEqual(refused(await lacking({}), -32021, 400).data, {
      requiredCapabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
    });
    assert.deepEqual(refused(await lacking({ elicitation: {}, roots: {} }), -32021, 400).data, {
      requiredCapabilities: { sampling: {} },
    });
    assert.deepEqual(refused(await lacking({ elicitation: { url: {} }, sampling: {}, roots: {} }), -32021, 400).data, {
      requiredCapabilities: { elicitation: { form: {} } },
    });
    assert.equal(
      Object.keys((await lacking({ elicitation: {}, sampling: {}, roots: {} })).result.inputRequests).length,
      3,
    );
    // Who cannot see it may still end it.
    assert.ok((await world.cancel(id, { caps: TASKS })).result);
  });

  // G26-INP-04 (part)
  test(`a handler that asks what the client never declared gets an error, and nothing is shown (${kind})`, async () => {
    let world: World;
    const tools = {
      work: asking(() => world, {
        ask: form("?", name),
        url: { method: "elicitation/create", params: { mode: "url", message: "go", url: "https://example.com" } },
        sample: sampling,
        roots,
      }),
    };
    await using _ = (world = await World.open({ tools, tasks: always, way, low }));
    const id = await world.start("work", {}, { caps: TASKS });
    const { result } = await world.until(id, "completed", { caps: TASKS });
    for (const [key, answer] of Object.entries(result.structuredContent))
      assert.deepEqual(answer, { error: "unsupported" }, key);
  });
}

for (const way of WAYS) {
  test(`G26-INP-01 (part): ctx.mcpReq.elicitInput and requestSampling ask through the task (${way})`, async () => {
    await using world = await World.open({
      tools: {
        async work(_, ctx) {
          const who = await ctx.mcpReq.elicitInput(form("who?", name).params);
          const words = await ctx.mcpReq.requestSampling(sampling.params);
          return text(`${who.content.name} ${words.content.text}`);
        },
      },
      tasks: always,
      way,
    });
    const id = await world.start("work");
    for (const answer of [accept({ name: "Ada" }), sampled]) {
      const [key] = Object.keys((await world.until(id, "input_required")).inputRequests);
      await world.update(id, { [key as string]: answer });
    }
    assert.deepEqual((await world.until(id, "completed")).result.content, text("Ada hello").content);
  });

  // G26-INP-03 (part), G26-INP-05 (part), H55 (part)
  test(`a handler that ends with what it asks runs again with answers and state, round by round (${way})`, async () => {
    for (const low of [false, true]) {
      const runs: Json[] = [];
      await using world = await World.open({
        tools: {
          work(args, ctx) {
            const answers = ctx.mcpReq.inputResponses;
            runs.push({ args, answers, state: ctx.mcpReq.requestState() });
            const round = Number(ctx.mcpReq.requestState() ?? 0);
            if (round < 2)
              return inputRequired({
                inputRequests: { who: form(`${round}?`, name), where: roots },
                requestState: String(round + 1),
              });
            return text(acceptedContent<Json>(answers, "who")?.name);
          },
        },
        tasks: always,
        way,
        low,
      });
      const id = await world.start("work", { n: 1 });
      const seen = new Set<string>();
      for (const round of ["a", "b"]) {
        const { who, where } = keys(await asked(world, id, 2)) as Record<string, string>;
        // A key never comes back.
        for (const key of [who, where]) assert.ok(!seen.has(key as string), key);
        seen.add(who as string).add(where as string);
        await world.update(id, { [where as string]: home });
        assert.equal((await world.get(id)).result.status, "input_required");
        await world.update(id, { [who as string]: accept({ name: round }) });
        if (round === "a") while ((await world.get(id)).result.inputRequests?.[who as string]) continue;
      }
      assert.deepEqual((await world.until(id, "completed")).result.content, text("b").content);
      assert.deepEqual(runs, [
        { args: { n: 1 }, answers: undefined, state: undefined },
        { args: { n: 1 }, answers: { who: accept({ name: "a" }), where: home }, state: "1" },
        { args: { n: 1 }, answers: { who: accept({ name: "b" }), where: home }, state: "2" },
      ]);
    }
  });
}

test("the answers may come to another instance, and the one that began the task may be gone", async () => {
  const store = memoryStore();
  const ran: string[] = [];
  const tools = (where: string): Record<string, Tool> => ({
    work(_, ctx) {
      ran.push(where);
      const answer = acceptedContent<Json>(ctx.mcpReq.inputResponses, "who");
      if (!answer) return inputRequired({ inputRequests: { who: form("?", name) }, requestState: "kept" });
      return text(`${answer.name} ${ctx.mcpReq.requestState()}`);
    },
  });
  const shared = {
    ...store,
    get: store.get.bind(store),
    put: store.put.bind(store),
    delete: store.delete.bind(store),
    list: store.list.bind(store),
    due: store.due.bind(store),
    close: undefined,
  } as Json;
  delete shared.close;
  for (const close of [false, true]) {
    ran.length = 0;
    const one = await World.open({ tools: tools("one"), tasks: { ...always, store: shared } });
    await using two = await World.open({
      tools: tools("two"),
      tasks: { ...always, store: shared },
      way: close ? "fetch" : "pipe",
    });
    const id = await one.start("work");
    await one.until(id, "input_required");
    if (close) await one.close();
    await two.update(id, {
      [Object.keys((await two.until(id, "input_required")).inputRequests)[0] as string]: accept({ name: "Ada" }),
    });
    assert.deepEqual((await two.until(id, "completed")).result.content, text("Ada kept").content);
    assert.deepEqual(ran, ["one", "two"]);
    if (!close) await one.close();
  }
});

test("an answer that comes to another instance reaches the handler that waits in the first", async () => {
  const store = memoryStore();
  let one: World;
  const tools = { work: asking(() => one, { who: form("?", name) }) };
  await using _ = (one = await World.open({ tools, tasks: { ...always, store } }));
  await using two = await World.open({ tools, tasks: { ...always, store } });
  const id = await one.start("work");
  const [key] = Object.keys((await two.until(id, "input_required")).inputRequests);
  assert.ok((await two.update(id, { [key as string]: accept({ name: "Ada" }) })).result);
  assert.deepEqual((await two.until(id, "completed")).result.structuredContent, { who: accept({ name: "Ada" }) });
});

test("X-INP-01: an answer is held against its form before the handler sees it, kind by kind", async () => {
  let world: World;
  const cases: [schema: Json, good: unknown[], bad: unknown[]][] = [
    [{ type: "string", minLength: 2, maxLength: 3 }, ["ab", "abc", "𝄞𝄞𝄞"], ["a", "abcd", 5, true, ["ab"]]],
    [{ type: "string", pattern: "^a+$" }, ["a", "aa"], ["b", ""]],
    [{ type: "string", format: "email" }, ["a@b.example"], ["a", "a b@c"]],
    [{ type: "string", format: "uri" }, ["https://example.com/x"], ["nowhere"]],
    [{ type: "string", format: "date" }, ["2026-07-28"], ["28.7.2026", "2026-13-45"]],
    [{ type: "string", format: "date-time" }, ["2026-07-28T10:00:00Z"], ["2026-07-28"]],
    [{ type: "string", enum: ["red", "green"] }, ["red"], ["blue", "constructor"]],
    [{ type: "string", oneOf: [{ const: "r", title: "Red" }] }, ["r"], ["Red"]],
    [{ type: "number", minimum: 0, maximum: 1 }, [0, 0.5, 1], [-1, 2, "0"]],
    [{ type: "integer" }, [5, -1], [1.5, "5", true]],
    [{ type: "boolean" }, [true, false], ["true", 1]],
    [
      { type: "array", minItems: 1, maxItems: 2, items: { type: "string", enum: ["a", "b"] } },
      [["a"], ["a", "b"]],
      [[], ["a", "b", "a"], ["c"], "a"],
    ],
    [{ type: "array", items: { anyOf: [{ const: "a", title: "A" }] } }, [["a"], []], [["b"]]],
  ];
  await using _ = (world = await World.open({
    tools: {
      work: async ({ schema }, ctx) =>
        ({
          ...text("x"),
          structuredContent: await world.tasks.current(ctx)?.requireInput(form("?", { v: schema })),
        }) as Json,
    },
    tasks: always,
  }));
  for (const [schema, good, bad] of cases) {
    for (const value of good) {
      const id = await world.start("work", { schema });
      const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
      for (const wrong of [...bad.map((v) => accept({ v })), accept({}), accept({ other: "x" }), { action: "accept" }])
        refused(await world.update(id, { [key]: wrong }), -32602, 200);
      assert.ok((await world.update(id, { [key]: accept({ v: value }) })).result, JSON.stringify([schema, value]));
      assert.deepEqual((await world.until(id, "completed")).result.structuredContent, accept({ v: value }));
    }
  }
  // The refusal says which field it is, so that whoever asked the user can ask again.
  const id = await world.start("work", { schema: { type: "string", format: "email" } });
  const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
  const told = async (content: Json): Promise<string> =>
    refused(await world.update(id, { [key]: accept(content) }), -32602, 200).message;
  assert.match(await told({ v: "" }), /in the answer "[^"]+", the field "v" is not what its schema asks for/);
  assert.match(await told({}), /the field "v" is missing/);
  // A refusal needs no content.
  for (const action of ["decline", "cancel"]) {
    const id = await world.start("work", { schema: { type: "integer" } });
    const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
    assert.ok((await world.update(id, { [key]: { action } })).result);
    assert.deepEqual((await world.until(id, "completed")).result.structuredContent, { action });
  }
});

// X-INP-01 (part), G26-UPD-09 (part)
test("so is one that another instance takes for a handler that has ended", async () => {
  const store = memoryStore();
  const tools: Record<string, Tool> = {
    work: (_, ctx) =>
      ctx.mcpReq.inputResponses
        ? text("went on")
        : inputRequired({ inputRequests: { who: form("?", { n: { type: "integer" } }) } }),
  };
  await using one = await World.open({ tools, tasks: { ...always, store } });
  await using two = await World.open({ tools, tasks: { ...always, store } });
  const id = await one.start("work");
  const [key] = Object.keys((await two.until(id, "input_required")).inputRequests) as [string];
  refused(await two.update(id, { [key]: accept({ n: "5" }) }), -32602, 200);
  assert.equal((await one.get(id)).result.status, "input_required");
  await two.update(id, { [key]: accept({ n: 5 }) });
  await one.until(id, "completed");
});

test("H62, X-LIM-05: hostile names of input are ordinary keys, in both directions and both styles", async () => {
  const all = ["__proto__", "constructor", "toString", "hasOwnProperty", "", "é", "a b", "\u0000"];
  let world: World;
  const tools: Record<string, Tool> = {
    direct: async (_, ctx) => {
      const task = world.tasks.current(ctx);
      const answers = await Promise.all(all.map((key) => task?.requireInput(form(`?${key}`, name), key)));
      return text(JSON.stringify(answers.map((answer: Json) => answer.content.name)));
    },
    result(_, ctx) {
      const answers = ctx.mcpReq.inputResponses;
      // The SDK itself takes `__proto__` out of the answers that a handler is given.
      const names = all.slice(1);
      if (!answers)
        return inputRequired({ inputRequests: Object.fromEntries(names.map((key) => [key, form(`?${key}`, name)])) });
      return text(JSON.stringify(names.map((key) => (Object.hasOwn(answers, key) ? answers[key].content.name : null))));
    },
  };
  await using _ = (world = await World.open({ tools, tasks: always }));
  for (const tool of ["direct", "result"]) {
    const id = await world.start(tool);
    const names = tool === "direct" ? all : all.slice(1);
    const state = await asked(world, id, names.length);
    const answers = Object.fromEntries(
      Object.entries(state.inputRequests).map(([key, request]) => [
        key,
        accept({ name: (request as Json).params.message.slice(1) }),
      ]),
    );
    assert.ok((await world.update(id, answers)).result);
    const { result } = await world.until(id, "completed");
    assert.deepEqual(JSON.parse(result.content[0].text), names, tool);
  }
  assert.equal(({} as Json).action, undefined);
  assert.equal(({} as Json).name, undefined);
});

// X-LIM-05 (part), X-LIM-07 (part)
test("__proto__ and lone surrogates are keys that were not asked for; in values they pass", async () => {
  let world: World;
  await using _ = (world = await World.open({
    tools: { work: asking(() => world, { who: form("?", name) }) },
    tasks: always,
  }));
  const id = await world.start("work");
  const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
  const message = world.compose("tasks/update", { taskId: id, inputResponses: "@" });
  const body = JSON.stringify(message).replace(
    '"@"',
    `{"__proto__": {"action": "accept", "content": {"x": 1}}, "\\ud800": 1,
      ${JSON.stringify(key)}: {"action": "accept", "content": {"name": "\\ud800", "__proto__": "p"}}}`,
  );
  const answer = await world.read(await world.post(message, {}, body), message);
  assert.ok(answer.result, answer.text);
  const { result } = await world.until(id, "completed");
  assert.equal(result.structuredContent.who.content.name, "\ud800");
  assert.equal(({} as Json).x, undefined);
});

// G26-INP-03 (part), X-LIM-02 (part)
test("a name too long for a key is cut, and too many inputs fail the handler's call", async () => {
  let world: World;
  const tools: Record<string, Tool> = {
    long: async (_, ctx) =>
      text(String(((await world.tasks.current(ctx)!.requireInput(form("?", name), "x".repeat(5000))) as Json).action)),
    many: async (_, ctx) => {
      const task = world.tasks.current(ctx);
      const results = await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          task?.requireInput(form("?", name), `k${index}`).then(
            () => "answered",
            (error: Json) => error.code,
          ),
        ),
      );
      return text(results.join());
    },
  };
  await using _ = (world = await World.open({ tools, tasks: { ...always, limits: { outstandingInputs: 3 } } }));
  const long = await world.start("long");
  const [key] = Object.keys((await world.until(long, "input_required")).inputRequests) as [string];
  assert.ok(key.length <= 256);
  await world.update(long, { [key]: { action: "decline" } });
  await world.until(long, "completed");
  const many = await world.start("many");
  const state = await asked(world, many, 3);
  await world.update(
    many,
    Object.fromEntries(Object.keys(state.inputRequests).map((one) => [one, { action: "decline" }])),
  );
  assert.equal((await world.until(many, "completed")).result.content[0].text, "answered,answered,answered,limit,limit");
});

// H54 (part)
test("what a handler no longer waits for is withdrawn with the task, and answers to it are acknowledged", async () => {
  let world: World;
  await using _ = (world = await World.open({
    tools: {
      work: async (_, ctx) => {
        void world.tasks
          .current(ctx)
          ?.requireInput(form("?", name), "left")
          .catch(() => {});
        await world.tasks.current(ctx)?.requireInput(form("?", name), "asked");
        return text("done");
      },
    },
    tasks: always,
  }));
  const id = await world.start("work");
  const { left, asked: key } = keys(await asked(world, id, 2)) as Record<string, string>;
  await world.update(id, { [key as string]: { action: "decline" } });
  const done = await world.until(id, "completed");
  assert.equal(done.inputRequests, undefined);
  assert.ok((await world.update(id, { [left as string]: accept({ name: "late" }) })).result);
  assert.deepEqual((await world.get(id)).result, done);
});

test("G26-INP-13: on a modern connection there are no elicitation ids, no completions and no -32042", async () => {
  let world: World;
  await using _ = (world = await World.open({
    tools: {
      work: asking(() => world, {
        url: {
          method: "elicitation/create",
          params: { mode: "url", message: "go", url: "https://example.com/x", elicitationId: "e-1" },
        },
      }),
    },
    tasks: always,
  }));
  const id = await world.start("work");
  const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
  await world.update(id, { [key]: { action: "accept" } });
  await world.until(id, "completed");
  for (const { from, message } of world.frames) {
    if (from !== "server") continue;
    assert.notEqual(message.error?.code, -32042);
    assert.notEqual(message.method, "notifications/elicitation/complete");
    assert.ok(!JSON.stringify(message).includes("elicitationId"));
  }
});

test("G26-UPD-14, G26-UPD-04: an update passes extension and owner each time", async () => {
  const { auth } = await import("./harness/g26.ts");
  let world: World;
  await using _ = (world = await World.open({
    tools: { work: asking(() => world, { who: form("?", name) }) },
    tasks: always,
  }));
  const ada = auth("ada");
  const id = await world.start("work", {}, { auth: ada });
  const [key] = Object.keys((await world.until(id, "input_required", { auth: ada })).inputRequests) as [string];
  const answers = { [key]: accept({ name: "x" }) };
  refused(await world.update(id, answers, { auth: ada, caps: { ...ALL, extensions: {} } }), -32021, 400);
  const foreign = refused(await world.update(id, answers, { auth: auth("bob") }), -32602, 200);
  const unknown = refused(await world.update("AAAAAAAAAAAAAAAAAAAAAA", answers, { auth: auth("bob") }), -32602, 200);
  assert.deepEqual(foreign, unknown);
  refused(await world.update(id, answers), -32602, 200);
  assert.equal((await world.get(id, { auth: ada })).result.status, "input_required");
  assert.ok((await world.update(id, answers, { auth: ada })).result);
  await world.until(id, "completed", { auth: ada });
});
