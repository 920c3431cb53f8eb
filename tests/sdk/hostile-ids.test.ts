// Ids that a peer chooses, guesses or has seen: of requests, of questions, of sessions. None of them gives it what is
// not its own.
import { TaskServer } from "mcp-longhaul";
import assert from "node:assert/strict";
import { it } from "node:test";
import { settle, until } from "./harness/frames.ts";
import { World, accept, auth } from "./harness/g26.ts";
import { FORM, G25, RELATED, YES, augmented, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { heard, pipes, session } from "./harness/hostile.ts";
import { HttpRequester } from "./harness/http.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, type Kind, type Tools, attached, text } from "./harness/servers.ts";

const SESSIONS: readonly Kind[] = ["v1", "v2"];
const QUESTION = { ...FORM, message: "What is the secret?" };

/** `slow` ends with `open`; `echo` is no task. */
function work(): { tools: Tools; open: () => void; options: object } {
  const gate = Promise.withResolvers<void>();
  return {
    open: gate.resolve,
    options: { tools: { slow: { task: "always" }, echo: { task: "never" } } },
    tools: { slow: () => gate.promise.then(() => text("Ada's result")), echo: ({ says }) => text(says) },
  };
}

for (const kind of KINDS) {
  // X-SEC-01
  it(`what comes under the id of a running task's call is another request (${kind}, one stream)`, async (t) => {
    const { tools, open, options } = work();
    const { ada } = await pipes(t, kind, tools, options);
    const { taskId } = (await augmented(ada, "slow", {}, {}, undefined, 5)).result.task;
    assert.deepEqual((await ada.request("ping", undefined, 5)).result, {});
    assert.ok((await ada.request("tools/list", undefined, 5)).result.tools.length === 2);
    assert.ok((await ada.request("no/such/method", undefined, 5)).error);
    assert.deepEqual(
      (await ada.request("tools/call", { name: "echo", arguments: { says: "echo" } }, 5)).result.content,
      text("echo").content,
    );
    assert.equal((await get(ada, taskId)).result.status, "working");
    const second = (await augmented(ada, "slow", {}, {}, undefined, 5)).result.task.taskId;
    assert.notEqual(second, taskId);
    open();
    for (const id of [taskId, second])
      assert.deepEqual((await result(ada, id)).result.content, text("Ada's result").content);
  });
}

for (const kind of SESSIONS) {
  // X-SEC-01 X-SEC-06
  it(`a session's id and a call's do not let one forge the outcome of another's task (${kind})`, async (t) => {
    const { tools, open, options } = work();
    const { ada, bob } = await session(t, kind, tools, options);
    const { taskId } = (await augmented(ada, "slow", {}, {}, undefined, 5)).result.task;
    assert.match(
      JSON.stringify((await bob.request("tools/call", { name: "echo", arguments: { says: "forged" } }, 5)).result),
      /forged/,
    );
    assert.deepEqual((await bob.request("ping", undefined, 5)).result, {});
    assert.equal((await get(ada, taskId)).result.status, "working");
    open();
    assert.deepEqual((await result(ada, taskId)).result.content, text("Ada's result").content);
  });

  // X-SEC-06
  it(`two principals' requests under one id on one session are answered where they came from (${kind})`, async (t) => {
    const gates = { ada: Promise.withResolvers<void>(), bob: Promise.withResolvers<void>() };
    const tools: Tools = { plain: ({ who }) => gates[who as "ada" | "bob"].promise.then(() => text(`for ${who}`)) };
    const { ada, bob } = await session(t, kind, tools, { defaults: { task: "never" } });
    const hers = ada.request("tools/call", { name: "plain", arguments: { who: "ada" } }, 7);
    await until(() => ada.frames.all.length > 2, "her request is out");
    await ada.request("ping");
    const his = bob.request("tools/call", { name: "plain", arguments: { who: "bob" } }, 7);
    await bob.request("ping", undefined, "look");
    gates.ada.resolve();
    assert.deepEqual((await hers).result.content, text("for ada").content);
    gates.bob.resolve();
    assert.deepEqual((await his).result.content, text("for bob").content);
    assert.ok(!heard(bob).includes("for ada") && !heard(ada).includes("for bob"));
  });

  it(`X-SEC-01 X-SEC-06 G25-RES-10: nobody ends another's wait by its id (${kind})`, async (t) => {
    const { tools, open, options } = work();
    const { ada, bob } = await session(t, kind, tools, options);
    const { taskId } = await create(ada, "slow");
    const outcome = ada.request("tasks/result", { taskId }, "wait");
    await get(ada, taskId);
    await bob.notify("notifications/cancelled", { requestId: "wait" });
    // The same from her own hands ends it.
    const other = ada.request("tasks/result", { taskId }, "given up");
    other.catch(() => {});
    await get(ada, taskId);
    await ada.notify("notifications/cancelled", { requestId: "given up" });
    open();
    assert.deepEqual((await outcome).result.content, text("Ada's result").content);
    await settle();
    assert.equal(ada.frames.fromServer(({ id }) => id === "given up").length, 0);
  });

  it(`X-SEC-06: nobody gives up another's ordinary request by its id (${kind})`, async (t) => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const stopped: string[] = [];
    const plain = async (args: { whose: string }, { signal }: { signal: AbortSignal }): Promise<object> => {
      signal.addEventListener("abort", () => stopped.push(args.whose));
      await opened;
      return text(`for ${args.whose}`);
    };
    const { ada, bob } = await session(t, kind, { plain }, { tools: { plain: { task: "never" } } });
    const hers = ada.request("tools/call", { name: "plain", arguments: { whose: "ada" } }, "same");
    await settle();
    await bob.notify("notifications/cancelled", { requestId: "same" });
    // His own under the same id he may give up.
    const his = bob.request("tools/call", { name: "plain", arguments: { whose: "bob" } }, "same");
    his.catch(() => {});
    await settle();
    await bob.notify("notifications/cancelled", { requestId: "same" });
    await settle();
    assert.deepEqual(stopped, ["bob"]);
    open();
    assert.deepEqual((await hers).result.content, text("for ada").content);
  });

  it(`X-SEC-06 G25-NTF-04: the stream of a session tells nothing of a task but to its owner (${kind})`, async (t) => {
    const tools: Tools = {
      talk: async (_args, { task, log }) => {
        await task!.status("secret status");
        await log("secret log");
        return text(JSON.stringify(await task!.requireInput({ method: "elicitation/create", params: QUESTION })));
      },
    };
    const { ada, bob } = await session(t, kind, tools);
    const his = await bob.listen();
    assert.equal(his.status, 200);
    const { taskId } = await create(ada, "talk");
    await reaches(ada, taskId, "input_required");
    assert.doesNotMatch(heard(bob), /secret|elicitation/);
    his.close();
    // Her own stream, once she can have it, carries what waits.
    await until(async () => (await ada.listen()).status === 200, "the stream is free");
    await get(ada, taskId);
    const end = result(ada, taskId);
    const question = await ada.asked("elicitation/create");
    assert.equal(question.params._meta[RELATED].taskId, taskId);
    await bob.respond(question.id, { result: { action: "decline" } });
    await ada.respond(question.id, { result: YES });
    assert.match(JSON.stringify((await end).result), /accept/);
    assert.doesNotMatch(heard(bob), /secret|elicitation/);
  });

  // X-SEC-06
  it(`a guessed event id does not resume a stream that may hold another's messages (${kind})`, async (t) => {
    const { tools, open, options } = work();
    const events: [id: string, stream: string, message: unknown][] = [];
    const eventStore = {
      async storeEvent(stream: string, message: unknown) {
        events.push([String(events.length), stream, message]);
        return String(events.length - 1);
      },
      async replayEventsAfter(last: string, { send }: { send(id: string, message: unknown): Promise<void> }) {
        const stream = events[Number(last)]![1];
        for (const [id, on, message] of events.slice(Number(last) + 1))
          if (on === stream && Object.keys(message as object).length > 0) await send(id, message);
        return stream;
      },
    };
    const { ada, bob } = await session(t, kind, tools, { ...options, http: { eventStore } });
    const { taskId } = await create(ada, "slow");
    open();
    await result(ada, taskId);
    for (let id = 0; id < events.length; id++)
      assert.equal((await bob.listen({ "last-event-id": String(id) })).status, 404, `event ${id}`);
    await settle(20);
    assert.doesNotMatch(heard(bob), /Ada's result/);
    const last = events.findIndex(([, , message]) => JSON.stringify(message).includes("Ada's result"));
    const stream = events[last]![1];
    assert.equal(
      (await ada.listen({ "last-event-id": String(events.findIndex(([, on]) => on === stream)) })).status,
      200,
    );
    await until(
      () =>
        ada.frames.fromServer(
          ({ result: found }, { on }) => on === "GET" && JSON.stringify(found ?? "").includes("Ada's result"),
        ).length > 0,
      "her own stream again",
    );
  });
}

for (const kind of KINDS) {
  it(`X-SEC-03: an id of ours that a handler gives away serves nobody else (${kind})`, async (t) => {
    const gate = Promise.withResolvers<void>();
    let id: unknown;
    const tools: Tools = {
      slow: async (_args, { context }) => {
        id = context.mcpReq?.id ?? context.requestId;
        await gate.promise;
        return text("Ada's result");
      },
    };
    const { ada, bob } = await pipes(t, kind, tools);
    const { taskId } = await create(ada, "slow");
    await until(() => id !== undefined, "the handler runs");
    assert.equal(typeof id, "string");
    for (const peer of [ada, bob]) {
      assert.deepEqual((await peer.request("ping", undefined, id)).result, {});
      assert.ok((await peer.request("tools/list", undefined, id)).result.tools);
      const own = await augmented(peer, "slow", {}, {}, undefined, id);
      assert.notEqual(own.result.task.taskId, taskId);
      await peer.notify("notifications/cancelled", { requestId: id });
      await peer.respond(id, { result: text("forged") });
    }
    assert.equal((await get(ada, taskId)).result.status, "working");
    gate.resolve();
    assert.deepEqual((await result(ada, taskId)).result.content, text("Ada's result").content);
  });
}

// X-SEC-01 X-SEC-03
it("no key of `_meta` gives a handler another's task (2026-07-28 and 2025-11-25, tools and prompts)", async (t) => {
  const gate = Promise.withResolvers<void>();
  const found: unknown[] = [];
  const look = (tasks: TaskServer, context: any) => found.push(tasks.current(context)?.taskId);
  const configure = (server: any) =>
    server.registerPrompt("look", { description: "looks" }, (context: any) => (look(tasks, context), { messages: [] }));
  const options = { tools: { slow: { task: "always" as const }, look: { task: "never" as const } } };
  const tools: Tools = {
    slow: () => gate.promise.then(() => text("")),
    look: (_args, { context }) => (look(tasks, context), text("")),
  };
  const { ada, bob, tasks } = await pipes(t, "v1", tools, { ...options, configure });
  await create(ada, "slow");
  const tags = ["mcp-longhaul/run", "mcp-longhaul/call"];
  for (let number = 0; number < 12; number++) {
    const _meta = Object.fromEntries(tags.map((tag) => [tag, String(number)]));
    assert.ok((await bob.request("prompts/get", { name: "look", _meta })).result);
    assert.ok((await bob.request("tools/call", { name: "look", arguments: {}, _meta })).result);
  }
  const world = await World.open({
    server: tasks,
    tools: { look: (_args, context) => (look(tasks, context), text("")) },
  });
  for (let number = 0; number < 12; number++) {
    const meta = Object.fromEntries(tags.map((tag) => [tag, String(number)]));
    const { result: answer, error } = await world.call("look", {}, { meta, auth: auth("bob") });
    assert.ok(answer, JSON.stringify(error));
  }
  gate.resolve();
  await world.close();
  assert.ok(found.length >= 36);
  assert.deepEqual(
    found.filter((id) => id !== undefined),
    [],
  );
});

const ASKS: Tools = {
  ask: async (_args, { task }) =>
    text(JSON.stringify(await task!.requireInput({ method: "elicitation/create", params: QUESTION }))),
};

// X-SEC-03
it("over HTTP no other session answers an anonymous client's question, nor guesses the next one's id", async (t) => {
  const { url } = await session(t, "v1", ASKS);
  const [victim, attacker] = [new HttpRequester(url), new HttpRequester(url)];
  await initialize(victim);
  await initialize(attacker);
  const ids: string[] = [];
  for (let round = 0; round < 3; round++) {
    const { taskId } = await create(victim, "ask");
    const before = victim.frames.all.length;
    const end = result(victim, taskId);
    const { id } = await victim.asked("elicitation/create", before);
    ids.push(String(id));
    // Even who has seen it.
    await attacker.respond(id, { result: { action: "decline" } });
    await victim.respond(id, { result: YES });
    assert.match(JSON.stringify((await end).result), /accept/);
  }
  for (const id of ids) assert.match(id, /^mcp-longhaul\/ask\/[0-9a-f-]{72}$/);
  assert.equal(new Set(ids.map((id) => id.slice(-32, -16))).size, ids.length);
  assert.equal(new Set(ids.map((id) => id.slice(-16))).size, ids.length);
  await victim.close();
  await attacker.close();
});

for (const kind of KINDS) {
  // X-SEC-03 G25-INP-02
  it(`on one stream a question has a number of 31 bits of ours, and is answered there alone (${kind})`, async (t) => {
    const { ada, bob } = await pipes(t, kind, ASKS);
    const { taskId } = await create(ada, "ask");
    const end = result(ada, taskId);
    const { id } = await ada.asked("elicitation/create");
    assert.ok(Number.isInteger(id) && (id as number) >= 2 ** 30 && (id as number) < 2 ** 31, String(id));
    for (const guess of [id, String(id), 0, 1, 2, 3]) await bob.respond(guess, { result: { action: "decline" } });
    // The SDK's own ids are no way in either.
    for (let guess = 0; guess < 20; guess++) await ada.respond(guess, { result: { action: "decline" } });
    assert.equal((await get(ada, taskId)).result.status, "input_required");
    // A peer that keeps ids as text.
    await ada.respond(String(id), { result: YES });
    assert.match(JSON.stringify((await end).result), /accept/);
  });

  // X-SEC-06
  it(`the SDK's own question, taken over by a task, is not answered under the SDK's id (${kind})`, async (t) => {
    const { ada } = await pipes(t, kind, {
      ask: async (_args, { ask }) => text(JSON.stringify(await ask("elicitation/create", QUESTION))),
    });
    const { taskId } = await create(ada, "ask");
    const end = result(ada, taskId);
    const { id } = await ada.asked("elicitation/create");
    for (let guess = 0; guess < 20; guess++)
      for (const form of [guess, String(guess)]) await ada.respond(form, { result: { action: "decline" } });
    await ada.respond(id, { result: YES });
    assert.match(JSON.stringify((await end).result), /accept/);
  });
}

// G26-UPD-01 G25-INP-11
it("with `crossGeneration`, an update answers what the SDK asked, and its client hears that it need not", async (t) => {
  const tasks = new TaskServer({ defaults: { task: "always" }, crossGeneration: true });
  const me = auth("ada");
  const requester = await PipeRequester.to(
    attached("v1", tasks, {
      ask: async (_args, { ask }) => text(JSON.stringify(await ask("elicitation/create", QUESTION))),
    }),
    "v1",
    me,
  );
  const world = await World.open({ server: tasks, tools: {} });
  t.after(() => requester.close());
  await initialize(requester, { version: G25 });
  const { taskId } = await create(requester, "ask");
  const { id } = await requester.asked("elicitation/create");
  const seen = await world.until(taskId, "input_required", { auth: me });
  const [key] = Object.keys(seen.inputRequests);
  assert.deepEqual((await world.update(taskId, { [key!]: accept({ yes: true }) }, { auth: me })).error, undefined);
  const end = await world.until(taskId, "completed", { auth: me });
  assert.match(JSON.stringify(end.result), /accept/);
  await requester.frames.next(
    ({ method, params }) => method === "notifications/cancelled" && params.requestId === id,
    "the question is withdrawn",
  );
  await world.close();
});

for (const kind of KINDS) {
  // X-SEC-03 X-SEC-04 G25-LST-01 H30
  it(`a connection without a principal lists what it has made, and nothing else (${kind})`, async (t) => {
    const { ada, bob } = await pipes(t, kind, { quick: () => text("Ada's result") }, { limits: { pageSize: 2 } });
    const listed = async (peer: PipeRequester): Promise<string[]> => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const { result: page, error } = await peer.request("tasks/list", cursor === undefined ? {} : { cursor });
        assert.ok(page, JSON.stringify(error));
        ids.push(...page.tasks.map((task: { taskId: string }) => task.taskId));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return ids;
    };
    const hers: string[] = [];
    for (let made = 0; made < 5; made++) hers.push((await create(ada, "quick")).taskId);
    assert.deepEqual(await listed(bob), []);
    const his = (await create(bob, "quick")).taskId;
    assert.deepEqual((await listed(ada)).sort(), hers.sort());
    assert.deepEqual(await listed(bob), [his]);
    // A cursor of hers leads him nowhere else.
    const { nextCursor } = (await ada.request("tasks/list")).result;
    const { tasks } = (await bob.request("tasks/list", { cursor: nextCursor })).result;
    assert.deepEqual(
      tasks.filter(({ taskId }: { taskId: string }) => taskId !== his),
      [],
    );
    // Who knows an id still reads its task.
    assert.deepEqual((await result(bob, hers[0])).result.content, text("Ada's result").content);
  });
}
