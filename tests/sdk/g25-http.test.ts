// 2025-11-25 over Streamable HTTP: sessions, single requests, and SDK v2's entry.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { InMemoryEventStore } from "@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js";
import { TaskServer, type TaskServerOptions } from "mcp-longhaul";
import { gate, settle, until } from "./harness/frames.ts";
import { FORM, RELATED, YES, cancel, checkFrames, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { HttpRequester, type HttpServer, entryV2, statefulV1, statelessV1 } from "./harness/http.ts";
import { type Kind, type Tools, attached, text } from "./harness/servers.ts";
import { WatchedStore } from "./harness/store.ts";

type Entry = "v1 with sessions" | "v1 without sessions" | "v2's entry";
const ENTRIES: readonly Entry[] = ["v1 with sessions", "v1 without sessions", "v2's entry"];
const authenticate = (token?: string) =>
  token && { token, clientId: "c", scopes: [], extra: { sub: token.split("/")[0] } };

interface World {
  readonly server: HttpServer;
  readonly store: WatchedStore;
  readonly tasks: TaskServer;
  client(headers?: Record<string, string>): Promise<HttpRequester>;
}

async function world(
  t: TestContext,
  entry: Entry,
  tools: Tools,
  options: TaskServerOptions = {},
  transport: object = {},
  kind: Kind = "v1",
): Promise<World> {
  const store = new WatchedStore();
  const tasks = new TaskServer({ store, defaults: { task: "always" }, ...options });
  const make = () => attached(entry === "v2's entry" ? "v2" : kind, tasks, tools);
  const server = await (entry === "v1 with sessions"
    ? statefulV1(make, { authenticate, transport })
    : entry === "v1 without sessions"
      ? statelessV1(make, { authenticate, transport })
      : entryV2(make, { authenticate }));
  const clients: HttpRequester[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.close();
    await tasks.close();
    for (const client of clients) checkFrames(client.frames);
  });
  return {
    server,
    store,
    tasks,
    client: async (headers) => {
      const client = new HttpRequester(server.url, { ...headers });
      clients.push(client);
      await initialize(client);
      return client;
    },
  };
}

/** A form that a client answers whichever way it hears of it. */
const asking: Tools = {
  ask: async (_args, { task }) =>
    task!.requireInput({ method: "elicitation/create", params: FORM }).then(
      (answer) => text((answer as { action: string }).action),
      (error) => text(`${error.code}: ${error.message}`),
    ),
};

for (const entry of ENTRIES) {
  describe(`HTTP, ${entry}`, () => {
    it("G25-GET-08 (part) H78 (part): a client that only polls is asked on the stream of a poll, once", async (t) => {
      const { client } = await world(t, entry, asking);
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      const isQuestion = (message: { method?: string }): boolean => message.method === "elicitation/create";
      await reaches(requester, taskId, "input_required");
      assert.equal(
        requester.frames.fromServer(isQuestion).length,
        0,
        "a client that opens a result stream is not asked before",
      );
      for (let poll = 0; poll < 5; poll++) await get(requester, taskId);
      const { message: question, on } = await requester.frames.next(isQuestion, "the question");
      assert.match(on, /^POST tasks\/get /);
      assert.deepEqual(question.params._meta, { [RELATED]: { taskId } });
      assert.equal(requester.frames.fromServer(isQuestion).length, 1);
      assert.equal((await requester.post({ jsonrpc: "2.0", id: question.id, result: YES })).status, 202);
      await reaches(requester, taskId, "completed");
      assert.equal((await result(requester, taskId)).result.content[0].text, "accept");
    });

    it("G25-INP-01 (part): a call that asks goes frame by frame as the specification's diagram of it", async (t) => {
      const ask = gate();
      const end = gate();
      const tools: Tools = {
        ask: async (_args, { task }) => {
          await ask.promise;
          const { content } = (await task!.requireInput({ method: "elicitation/create", params: FORM })) as typeof YES;
          await end.promise;
          return text(JSON.stringify(content));
        },
      };
      const { client } = await world(t, entry, tools, { statusNotifications: false });
      const requester = await client();
      const before = requester.frames.all.length;
      const { taskId } = await create(requester, "ask", {}, { ttl: 3_600_000 });
      await get(requester, taskId);
      ask.open();
      await reaches(requester, taskId, "input_required");
      const waiting = result(requester, taskId);
      const question = await requester.asked("elicitation/create");
      assert.deepEqual(question.params._meta[RELATED], { taskId });
      await requester.post({ jsonrpc: "2.0", id: question.id, result: { ...YES, _meta: { [RELATED]: { taskId } } } });
      await reaches(requester, taskId, "working");
      end.open();
      const outcome = await waiting;
      assert.deepEqual(outcome.result._meta[RELATED], { taskId });
      assert.equal(outcome.result.content[0].text, JSON.stringify(YES.content));
      await get(requester, taskId);
      await result(requester, taskId);

      const lines = requester.frames.all.slice(before).map(({ from, message }) => {
        const { method, result: answer } = message;
        const arrow = from === "client" ? "C->>S" : "S->>C";
        return `${arrow}: ${method ?? answer.task?.status ?? answer.status ?? answer.action ?? "result content"}`;
      });
      // Polls that see what the last one saw are one in the diagram.
      const drawn: string[] = [];
      for (let at = 0; at < lines.length; at += 1) {
        const isSeen = lines[at] === "C->>S: tasks/get" && drawn.at(-2) === lines[at] && drawn.at(-1) === lines[at + 1];
        if (isSeen) at += 1;
        else drawn.push(lines[at]!);
      }
      assert.deepEqual(drawn, [
        ...["C->>S: tools/call", "S->>C: working"],
        ...["C->>S: tasks/get", "S->>C: working"],
        ...["C->>S: tasks/get", "S->>C: input_required"],
        ...["C->>S: tasks/result", "S->>C: elicitation/create", "C->>S: accept"],
        ...["C->>S: tasks/get", "S->>C: working"],
        "S->>C: result content",
        ...["C->>S: tasks/get", "S->>C: completed"],
        ...["C->>S: tasks/result", "S->>C: result content"],
      ]);
    });

    // G25-HTT-02 G25-HTT-03 G25-RES-11 H07 H28
    it("a dropped result stream ends nothing, and the result is asked for again", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, { slow: () => go.promise.then(() => text("done")) });
      const requester = await client();
      const { taskId } = await create(requester, "slow");
      void requester.request("tasks/result", { taskId }, 50).catch(() => {});
      await settle(20);
      requester.drop(50);
      await settle(20);
      assert.equal((await get(requester, taskId)).result.status, "working");
      const again = result(requester, taskId);
      await settle(20);
      go.open();
      assert.deepEqual((await again).result.content, text("done").content);
      assert.deepEqual((await result(requester, taskId)).result.content, text("done").content);
    });

    it("G25-RES-07 (part): twenty streams wait, all are answered", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, { slow: () => go.promise.then(() => text("done")) });
      const requester = await client();
      const { taskId } = await create(requester, "slow");
      const waiting = Array.from({ length: 20 }, () => result(requester, taskId));
      await settle(50);
      go.open();
      for (const outcome of await Promise.all(waiting)) assert.deepEqual(outcome.result.content, text("done").content);
    });

    // G25-INP-02 (part) G25-INP-07 (part) H06 (part)
    it("a question comes on the result stream, its answer by POST", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { task }) =>
          text(JSON.stringify(await task!.requireInput({ method: "elicitation/create", params: FORM }))),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      await reaches(requester, taskId, "input_required");
      const waiting = requester.request("tasks/result", { taskId }, 60);
      const { message: question, on } = await requester.frames.next(
        (message) => message.method === "elicitation/create",
        "the question",
      );
      assert.equal(on, "POST tasks/result 60");
      assert.deepEqual(question.params._meta, { [RELATED]: { taskId } });
      assert.equal((await requester.post({ jsonrpc: "2.0", id: question.id, result: YES })).status, 202);
      assert.deepEqual(JSON.parse((await waiting).result.content[0].text), YES);
    });

    it("G25-INP-07 H08 a question whose stream died is asked again, as it was, on the next", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { ask }) => text(JSON.stringify((await ask("elicitation/create", FORM)).content)),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      void requester.request("tasks/result", { taskId }, 70).catch(() => {});
      const first = await requester.frames.next(
        (message, { on }) => message.method === "elicitation/create" && on.endsWith(" 70"),
        "the question",
      );
      requester.drop(70);
      await settle(50);
      const waiting = requester.request("tasks/result", { taskId }, 71);
      const second = await requester.frames.next(
        (message, { on }) => message.method === "elicitation/create" && on.endsWith(" 71"),
        "the question again",
      );
      assert.deepEqual(second.message, first.message);
      await requester.respond(second.message.id, { result: YES });
      await requester.respond(second.message.id, { result: { action: "decline" } });
      assert.equal((await waiting).result.content[0].text, '{"yes":true}');
    });

    it("H09 the answer comes by POST after the stream died", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      void requester.request("tasks/result", { taskId }, 70).catch(() => {});
      const question = await requester.asked("elicitation/create");
      requester.drop(70);
      await settle(20);
      assert.equal((await requester.post({ jsonrpc: "2.0", id: question.id, result: YES })).status, 202);
      await reaches(requester, taskId, "completed");
      assert.equal((await result(requester, taskId)).result.content[0].text, "accept");
    });

    it("G25-INP-04 (part): two questions on one stream", async (t) => {
      const { client } = await world(t, entry, {
        two: async (_args, { ask }) =>
          text(
            (await Promise.all(["one", "two"].map((message) => ask("elicitation/create", { ...FORM, message }))))
              .map((answer) => answer.action)
              .join(),
          ),
      });
      const requester = await client();
      const { taskId } = await create(requester, "two");
      const waiting = result(requester, taskId);
      const one = await requester.frames.next((message) => message.params?.message === "one", "one");
      const two = await requester.frames.next((message) => message.params?.message === "two", "two");
      await requester.respond(two.message.id, { result: { action: "decline" } });
      await requester.respond(one.message.id, { result: YES });
      assert.equal((await waiting).result.content[0].text, "accept,decline");
    });

    it("H06 of two result streams one carries the question, both the result", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, {
        ask: async (_args, { ask }) => (await go.promise, text((await ask("elicitation/create", FORM)).action)),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      const one = requester.request("tasks/result", { taskId }, 80);
      await settle(50);
      const two = requester.request("tasks/result", { taskId }, 81);
      await settle(50);
      go.open();
      const question = await requester.asked("elicitation/create");
      await settle(50);
      await requester.respond(question.id, { result: YES });
      assert.deepEqual((await one).result, (await two).result);
      assert.equal(requester.frames.fromServer((message) => message.method === "elicitation/create").length, 1);
    });

    it("H78 a question with no stream stays, and a poll sees it", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { task }) =>
          text(JSON.stringify(await task!.requireInput({ method: "elicitation/create", params: FORM }))),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      await reaches(requester, taskId, "input_required");
      await settle(50);
      assert.equal((await get(requester, taskId)).result.status, "input_required");
      assert.equal(requester.frames.fromServer((message) => message.method === "elicitation/create").length, 0);
      requester.answer("elicitation/create", () => ({ result: YES }));
      assert.deepEqual(JSON.parse((await result(requester, taskId)).result.content[0].text), YES);
    });

    it("G25-INP-11 a cancel withdraws the question on its stream, then answers the wait", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
      });
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      const waiting = result(requester, taskId);
      const question = await requester.asked("elicitation/create");
      await cancel(requester, taskId);
      assert.equal((await waiting).error?.data.status, "cancelled");
      const withdrawn = await requester.frames.next(
        (message) => message.method === "notifications/cancelled",
        "the withdrawal",
      );
      assert.equal(withdrawn.message.params.requestId, question.id);
      assert.deepEqual(withdrawn.message.params._meta, { [RELATED]: { taskId } });
    });

    it("G25-PRG-01 G25-PRG-05 progress and logs come on the result stream, with the token of the call", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, {
        slow: async (_args, { progress, log }) => {
          await go.promise;
          await progress(1, { total: 2 });
          await log("half");
          await progress(2, { total: 2 });
          return text("done");
        },
      });
      const requester = await client();
      const { taskId } = await create(requester, "slow", {}, {}, { progressToken: "tok" });
      const waiting = requester.request("tasks/result", { taskId }, 90);
      await settle(50);
      await until(async () => (await get(requester, taskId)).result.status === "working", "it waits");
      go.open();
      await waiting;
      const notes = requester.frames.fromServer(
        (message) =>
          message.method?.startsWith("notifications/") === true && message.method !== "notifications/tasks/status",
      );
      assert.deepEqual(
        notes.map(({ message, on }) => [message.method, on, message.params._meta]),
        [
          ["notifications/progress", "POST tasks/result 90", { [RELATED]: { taskId } }],
          ["notifications/message", "POST tasks/result 90", { [RELATED]: { taskId } }],
          ["notifications/progress", "POST tasks/result 90", { [RELATED]: { taskId } }],
        ],
      );
      assert.equal(notes[0]!.message.params.progressToken, "tok");
    });

    it("X-PRG-01 of what nobody listened to the latest is told to whoever listens next", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, {
        slow: async (_args, { progress }) => {
          for (let n = 1; n <= 50; n++) await progress(n);
          await go.promise;
          return text("done");
        },
      });
      const requester = await client();
      const { taskId } = await create(requester, "slow", {}, {}, { progressToken: 1 });
      await settle(20);
      const waiting = result(requester, taskId);
      const told = await requester.frames.next(
        (message) => message.method === "notifications/progress",
        "the latest progress",
      );
      assert.equal(told.message.params.progress, 50);
      go.open();
      await waiting;
      assert.equal(requester.frames.fromServer((message) => message.method === "notifications/progress").length, 1);
    });

    it("H74 X-PRG-01 (part): a flood of progress while nobody listens harms nobody", async (t) => {
      const { client } = await world(t, entry, {
        flood: async (_args, { progress }) => {
          for (let n = 1; n <= 5_000; n++) await progress(n);
          return text("done");
        },
      });
      const requester = await client();
      const { taskId } = await create(requester, "flood", {}, {}, { progressToken: 1 });
      await reaches(requester, taskId, "completed");
      assert.equal((await result(requester, taskId)).result.content[0].text, "done");
      assert.ok(requester.frames.fromServer((message) => message.method === "notifications/progress").length < 5_000);
    });

    it("G25-HTT-07 pings and lists are answered while a result is awaited and a handler runs", async (t) => {
      const go = gate();
      const { client } = await world(t, entry, { slow: () => go.promise.then(() => text("done")) });
      const requester = await client();
      const { taskId } = await create(requester, "slow");
      const waiting = result(requester, taskId);
      await settle(20);
      for (let n = 0; n < 10; n++) assert.deepEqual((await requester.request("ping")).result, {});
      assert.equal((await requester.request("tools/list")).result.tools.length, 1);
      go.open();
      await waiting;
    });

    // H29 H32 X-SEC-05 X-SEC-06 (part)
    it("another session and another token of the same subject find the task", async (t) => {
      const { client } = await world(t, entry, {
        ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
      });
      const first = await client({ authorization: "Bearer alice/1" });
      const { taskId } = await create(first, "ask");
      void first.request("tasks/result", { taskId }, 30).catch(() => {});
      const question = await first.asked("elicitation/create");
      if (entry === "v1 with sessions") assert.equal(await first.end(), 200);
      else first.drop(30);
      await settle(50);
      const second = await client({ authorization: "Bearer alice/2" });
      assert.equal((await get(second, taskId)).result.status, "input_required");
      const waiting = result(second, taskId);
      const again = await second.asked("elicitation/create");
      assert.deepEqual(again, question);
      await second.respond(again.id, { result: YES });
      assert.equal((await waiting).result.content[0].text, "accept");
      assert.deepEqual(
        (await second.request("tasks/list")).result.tasks.map((task: any) => task.taskId),
        [taskId],
      );
    });

    it("H30 X-SEC-06 without an owner the id is the key, whatever session asks", async (t) => {
      const { client } = await world(t, entry, { quick: () => text("found") });
      const first = await client();
      const { taskId } = await create(first, "quick");
      if (entry === "v1 with sessions") await first.end();
      const second = await client();
      assert.equal((await result(second, taskId)).result.content[0].text, "found");
      // The session is no owner: one that is authenticated does not find what was made without.
      assert.equal((await get(await client({ authorization: "Bearer alice" }), taskId)).error?.code, -32602);
    });

    it("X-SEC-01 (part) X-SEC-02 (part) H31 (part): a foreign task is a missing one, byte by byte", async (t) => {
      const { client, store } = await world(t, entry, { slow: () => new Promise(() => {}) });
      const alice = await client({ authorization: "Bearer alice" });
      const mallory = await client({ authorization: "Bearer mallory" });
      const { taskId } = await create(alice, "slow");
      const unknown = `${taskId.slice(0, -4)}AAAA`;
      const writes = store.writes().length;
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
        const foreign = await mallory.request(method, { taskId }, 5);
        const missing = await mallory.request(method, { taskId: unknown }, 5);
        assert.equal(JSON.stringify(foreign), JSON.stringify(missing), method);
        assert.equal(foreign.error?.code, -32602);
        assert.ok(!JSON.stringify(foreign).includes(taskId));
      }
      assert.deepEqual((await mallory.request("tasks/list")).result, { tasks: [] });
      assert.equal(store.writes().length, writes);
      assert.equal((await get(alice, taskId)).result.status, "working");
      assert.equal((await cancel(alice, taskId)).result.status, "cancelled");
    });
  });
}

describe("how answers travel", () => {
  // H78 (part) G25-INP-07 (part)
  it("the stream that belongs to no request carries questions and progress where no other does", async (t) => {
    const { client } = await world(t, "v1 with sessions", {
      ask: async (_args, { ask, progress }) => {
        await progress(1);
        return text((await ask("elicitation/create", FORM)).action);
      },
    });
    const requester = await client();
    const stream = await requester.listen();
    assert.equal(stream.status, 200);
    const { taskId } = await create(requester, "ask", {}, {}, { progressToken: 1 });
    const question = await requester.frames.next((message) => message.method === "elicitation/create", "the question");
    assert.equal(question.on, "GET");
    stream.close();
    await settle(50);
    const waiting = requester.request("tasks/result", { taskId }, 41);
    const again = await requester.frames.next(
      (message, { on }) => message.method === "elicitation/create" && on !== "GET",
      "the question again",
    );
    assert.deepEqual(again.message, question.message);
    await requester.respond(again.message.id, { result: YES });
    assert.equal((await waiting).result.content[0].text, "accept");
    assert.equal(requester.frames.fromServer((message) => message.method === "notifications/progress").length, 1);
    await settle();
    // A poll delivers what no stream could carry before.
    const second = await create(requester, "ask");
    await reaches(requester, second.taskId, "input_required");
    const opened = await requester.listen();
    await get(requester, second.taskId);
    const late = await requester.frames.next(
      (message, { on }) =>
        message.method === "elicitation/create" &&
        on === "GET" &&
        message.params._meta[RELATED].taskId === second.taskId,
      "the question on the new stream",
    );
    await requester.respond(late.message.id, { result: YES });
    await reaches(requester, second.taskId, "completed");
    opened.close();
  });

  it("G25-HTT-05 a resumed stream replays its own messages, and only those", async (t) => {
    const go = gate();
    const { client } = await world(
      t,
      "v1 with sessions",
      { slow: ({ n }, { progress }) => go.promise.then(() => progress(1)).then(() => text(`result ${n}`)) },
      {},
      { eventStore: new InMemoryEventStore() },
    );
    const requester = await client();
    const one = await create(requester, "slow", { n: 1 }, {}, { progressToken: 1 });
    const two = await create(requester, "slow", { n: 2 }, {}, { progressToken: 2 });
    const firstOn = "POST tasks/result 51";
    void requester.request("tasks/result", { taskId: one.taskId }, 51).catch(() => {});
    const other = requester.request("tasks/result", { taskId: two.taskId }, 52);
    await until(() => requester.eventIds.some(({ on }) => on === firstOn), "the stream is primed");
    const last = requester.eventIds.findLast(({ on }) => on === firstOn)!.id;
    requester.drop(51);
    await settle(50);
    go.open();
    assert.equal((await other).result.content[0].text, "result 2");
    await reaches(requester, one.taskId, "completed");
    const before = requester.frames.all.length;
    const resumed = await requester.listen({ "last-event-id": last });
    assert.equal(resumed.status, 200);
    const replayed = await requester.frames.next((message) => message.id === 51, "the answer, replayed", before);
    assert.equal(replayed.message.result.content[0].text, "result 1");
    for (const { message, from, on } of requester.frames.all.slice(before)) {
      if (from === "server" && on === "GET")
        assert.ok(
          message.id === 51 || message.params?._meta?.[RELATED]?.taskId === one.taskId,
          JSON.stringify(message),
        );
    }
    resumed.close();
  });

  it("G25-INP-14 a URL elicitation keeps its id, and its completion goes to its own client only", async (t) => {
    const params = { mode: "url", message: "Sign in", url: "https://example.com/in", elicitationId: "e-17" };
    const { client } = await world(t, "v1 with sessions", {
      ask: async (_args, { ask, context }) => {
        const answer = await ask("elicitation/create", params);
        await context.sendNotification({
          method: "notifications/elicitation/complete",
          params: { elicitationId: "e-17" },
        });
        return text(answer.action);
      },
    });
    const own = await client({ authorization: "Bearer alice" });
    const other = await client({ authorization: "Bearer bob" });
    const streams = [await own.listen(), await other.listen()];
    const { taskId } = await create(own, "ask");
    own.answer("elicitation/create", () => ({ result: { action: "accept" } }));
    assert.equal((await result(own, taskId)).result.content[0].text, "accept");
    const { _meta, ...asked } = (await own.asked("elicitation/create")).params;
    assert.deepEqual(asked, params);
    const completed = await own.frames.next(
      (message) => message.method === "notifications/elicitation/complete",
      "the completion",
    );
    assert.equal(completed.message.params.elicitationId, "e-17");
    await settle(50);
    assert.equal(own.frames.fromServer((message) => message.method === "notifications/elicitation/complete").length, 1);
    assert.equal(other.frames.fromServer((message) => message.method !== undefined).length, 0);
    for (const stream of streams) stream.close();
  });

  it("X-SEC-01 (part): only the owner's answer to a question counts", async (t) => {
    const { client } = await world(t, "v1 with sessions", {
      ask: async (_args, { ask }) => text(JSON.stringify((await ask("elicitation/create", FORM)).action)),
    });
    const alice = await client({ authorization: "Bearer alice" });
    const mallory = await client({ authorization: "Bearer mallory" });
    const { taskId } = await create(alice, "ask");
    const waiting = result(alice, taskId);
    const question = await alice.asked("elicitation/create");
    assert.equal((await mallory.post({ jsonrpc: "2.0", id: question.id, result: { action: "cancel" } })).status, 202);
    await settle(50);
    assert.equal((await get(alice, taskId)).result.status, "input_required");
    await alice.respond(question.id, { result: YES });
    assert.equal((await waiting).result.content[0].text, '"accept"');
  });

  it("G25-GET-08 an answer about a task is plain JSON where the transport does so", async (t) => {
    const { client } = await world(t, "v1 with sessions", { quick: () => text("") }, {}, { enableJsonResponse: true });
    const requester = await client();
    const { taskId } = await create(requester, "quick");
    await get(requester, taskId);
    const frame = requester.frames.fromServer((_message, { on }) => on.startsWith("POST tasks/get")).at(-1)!;
    assert.match(frame.http!.type, /^application\/json/);
    assert.deepEqual((await result(requester, taskId)).result.content, text("").content);
  });
});

for (const entry of ["v1 with sessions", "v1 without sessions"] as const) {
  for (const way of ["through its task", "with a request of the SDK's"]) {
    // H78 (part)
    it(`a question that JSON answers cannot carry fails soon, and says why (${entry}, ${way})`, async (t) => {
      const own: Tools = {
        ask: (_args, { ask }) =>
          ask("elicitation/create", FORM).then(
            () => text("answered"),
            (error) => text(`refused: ${error.message}`),
          ),
      };
      const { client } = await world(
        t,
        entry,
        way === "through its task" ? asking : own,
        {},
        { enableJsonResponse: true },
      );
      const requester = await client();
      const { taskId } = await create(requester, "ask");
      const said = (await result(requester, taskId)).result.content[0].text;
      assert.match(
        said,
        way === "through its task" ? /^unsupported: .*enableJsonResponse/ : /^refused: .*enableJsonResponse/,
      );
    });
  }
}
