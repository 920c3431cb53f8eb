// subscriptions/listen where one stream carries everything: serveStdio in memory, a child process, a bare transport.
import { InMemoryTransport, type Transport } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { EXTENSION, PLAIN, buildServer, latch, text, type Json, type Tool } from "./harness/g26.ts";
import { StdioRequester } from "./harness/pipe.ts";
import { Heard, SUBSCRIPTION, listenMessage } from "./harness/listen.ts";

const always = { task: "always" } as const;
const ID = "0123456789abcdefghijkl";

/** A client on a pipe that sorts what comes by subscription. */
class Client {
  readonly messages: Json[] = [];
  readonly #send: (message: Json) => Promise<void>;
  readonly #subscriptions = new Map<unknown, Heard>();
  readonly #answers = new Map<unknown, (message: Json) => void>();
  #lastId = 100;

  constructor(send: (message: Json) => Promise<void>) {
    this.#send = send;
  }

  arrived(message: Json): void {
    this.messages.push(message);
    const id =
      message.method === "notifications/cancelled"
        ? message.params.requestId
        : (message.params?._meta?.[SUBSCRIPTION] ?? message.id);
    this.#subscriptions.get(id)?.take(message);
    if (message.method === undefined) this.#answers.get(message.id)?.(message);
    if (message.method === "notifications/cancelled") this.#subscriptions.get(id)?.end();
  }

  async request(method: string, params: Json, id: unknown = ++this.#lastId): Promise<Json> {
    const { _meta } = listenMessage(id, {}).params;
    const answer = new Promise<Json>((resolve) => this.#answers.set(id, resolve));
    await this.#send({ jsonrpc: "2.0", id, method, params: { ...params, _meta } });
    return answer;
  }

  async start(name = "work", args: Json = {}): Promise<string> {
    const { result, error } = await this.request("tools/call", { name, arguments: args });
    assert.equal(result?.resultType, "task", JSON.stringify(error));
    return result.taskId;
  }

  async listen(id: unknown, notifications: Json, caps?: unknown): Promise<Heard> {
    const heard = new Heard(id);
    this.#subscriptions.set(id, heard);
    await this.#send(listenMessage(id, notifications, caps));
    return heard;
  }

  cancel(requestId: unknown): Promise<void> {
    return this.#send({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId, _meta: listenMessage(0, {}).params._meta },
    });
  }

  /** How many messages there are of a subscription. */
  of(id: unknown): number {
    return this.messages.filter(
      (message) =>
        message.id === id || message.params?._meta?.[SUBSCRIPTION] === id || message.params?.requestId === id,
    ).length;
  }
}

interface World {
  readonly client: Client;
  readonly tasks: TaskServer;
  readonly release: () => void;
  /** The SDK's server; `serveStdio` makes it on the first message. */
  readonly server: () => { sendToolListChanged(): Promise<void> | void };
  /** Closes the entry. */
  stop(): Promise<void>;
}

/** `serveStdio`, or a server connected to the pipe itself. */
async function open(t: TestContext, how: "serveStdio" | "attached" = "serveStdio"): Promise<World> {
  const gate = latch();
  const tools: Record<string, Tool> = {
    work: async () => (await gate.promise, text("done")),
    quick: () => text("quick"),
  };
  const tasks = new TaskServer(always);
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client((message) => near.send(message));
  near.onmessage = (message) => client.arrived(message);
  await near.start();
  let server!: Json;
  let stop: () => Promise<void>;
  if (how === "serveStdio") {
    const handle = serveStdio(() => (server = tasks.attach(buildServer({ tools }))), { transport: far });
    stop = () => handle.close();
  } else {
    const bare = buildServer({ tools, low: true });
    await tasks.attach(bare).connect(far as Transport);
    server = bare;
    stop = () => bare.close();
  }
  t.after(async () => {
    gate.resolve();
    await stop();
    await tasks.close();
  });
  return { client, tasks, release: () => gate.resolve(), server: () => server, stop };
}

// G26-SUB-02, G26-SUB-07, G26-SUB-08, G26-NTF-03, H38
test("a subscription on a pipe, from its acknowledgement to its end", async (t) => {
  const { client, release } = await open(t);
  const taskId = await client.start();
  const heard = await Promise.all(["5", 5, 0, ""].map((id) => client.listen(id, { taskIds: [taskId, ID] })));
  for (const one of heard) {
    assert.deepEqual(await one.accepted(), [taskId]);
    await one.status("working");
  }
  release();
  for (const one of heard) {
    const state = await one.status("completed");
    const { resultType: _, ...rest } = (await client.request("tasks/get", { taskId })).result;
    assert.deepEqual({ ...state, _meta: undefined }, { ...rest, _meta: undefined });
    await one.last();
    assert.deepEqual(
      one.messages.map(({ method, result }) => method ?? result.resultType),
      [
        "notifications/subscriptions/acknowledged",
        "notifications/tasks",
        "notifications/tasks",
        "complete",
        "notifications/cancelled",
      ],
    );
  }
});

test("G26-SUB-08: when the entry closes, each subscription gets its result and its cancellation once", async (t) => {
  const { client, stop } = await open(t);
  const taskId = await client.start();
  const quick = await client.start("quick");
  const ended = await client.listen("ended", { taskIds: [quick] });
  await ended.last();
  const heard = await client.listen("open", { taskIds: [taskId], toolsListChanged: true });
  await heard.status("working");
  await stop();
  await heard.last();
  assert.deepEqual(
    heard.messages.slice(-2).map(({ method, result }) => method ?? result.resultType),
    ["complete", "notifications/cancelled"],
  );
  assert.deepEqual(client.messages.filter(({ id, result }) => id === "ended" && result).length, 1);
});

// G26-SUB-10
test("after the client's cancellation nothing is said for that id, at whatever moment it comes", async (t) => {
  const { client, release, server } = await open(t);
  const taskId = await client.start();
  await Promise.all([client.listen("early", { taskIds: [taskId] }), client.cancel("early")]);
  const late = await client.listen("late", { taskIds: [taskId], toolsListChanged: true });
  await late.status("working");
  await client.cancel("late");
  const before = [client.of("early"), client.of("late")];
  const stays = await client.listen("stays", { taskIds: [taskId], toolsListChanged: true });
  await stays.accepted();
  await server().sendToolListChanged();
  release();
  await stays.status("completed");
  assert.deepEqual([client.of("early"), client.of("late")], before);
  assert.equal(stays.over, false);
  assert.ok(stays.messages.some(({ method }) => method === "notifications/tools/list_changed"));
});

test("G26-CAP-06, H92, G26-SUB-14 on a pipe", async (t) => {
  const { client } = await open(t);
  const taskId = await client.start();
  const refused = await client.listen("refused", { taskIds: [taskId] }, PLAIN);
  await refused.until(() => refused.messages.length > 0, "an error");
  assert.equal(refused.messages[0].error.code, -32021);
  assert.deepEqual(refused.messages[0].error.data.requiredCapabilities, { extensions: { [EXTENSION]: {} } });
  const plain = await client.listen("plain", { taskIds: [], toolsListChanged: true }, PLAIN);
  assert.equal(await plain.accepted(), undefined);
  const nothing = await client.listen("nothing", { taskIds: [ID] });
  assert.deepEqual(await nothing.accepted(), []);
  await nothing.last();
  assert.equal(nothing.messages.length, 3);
  // What the SDK refuses is refused.
  const wrong = await client.listen("wrong", { taskIds: [taskId], toolsListChanged: "yes" });
  await wrong.until(() => wrong.messages.length > 0, "an error");
  assert.equal(wrong.messages[0].error.code, -32602);
});

test("a server on a bare transport knows no subscriptions: those of tasks are ours alone", async (t) => {
  const { client, release } = await open(t, "attached");
  const taskId = await client.start();
  const heard = await client.listen(7, { taskIds: [taskId] });
  assert.deepEqual(await heard.accepted(), [taskId]);
  await heard.status("working");
  release();
  await heard.status("completed");
  await heard.last();
  assert.equal(
    client.messages.some(({ error }) => error !== undefined),
    false,
  );
  const plain = await client.listen(8, { toolsListChanged: true });
  await plain.until(() => plain.messages.length > 0, "the SDK's answer");
  assert.equal(plain.messages[0].error.code, -32601);
});

test("a subscription of a task in a process on a real pipe", async () => {
  const child = new StdioRequester("g26-stdio-server.ts");
  const client = new Client((message) => child.send(message));
  let read = 0;
  const take = (): void => {
    for (const frame of child.frames.all.slice(read)) if (frame.from === "server") client.arrived(frame.message);
    read = child.frames.all.length;
  };
  const push = child.frames.push.bind(child.frames);
  child.frames.push = (frame) => (push(frame), take());
  const taskId = await client.start("hold", { name: "a" });
  const heard = await client.listen("s", { taskIds: [taskId] });
  assert.deepEqual(await heard.accepted(), [taskId]);
  await client.request("tools/call", { name: "open", arguments: { name: "a" } });
  assert.equal((await heard.status("completed")).result.content[0].text, "held a");
  await heard.last();
  await child.close();
});
