// Plays the stories of hostile servers against a client: whatever a server says, every call of the application ends,
// nothing is left behind, and nobody else in the process notices.
import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { isTaskError, TaskClient } from "mcp-longhaul";
import { setTimeout as sleep } from "node:timers/promises";
import { EXTENSION, G25, G26, handle25, handle26, RELATED, task25, task26, text } from "../sdk/client-peer.ts";
import { type AnyClient, callOptions, type Kind, makeClient } from "../sdk/client-sdk.ts";
import type { Message } from "../sdk/harness/frames.ts";
import { privates, tables } from "./inside.ts";
import { type Spoil, spoil, spoilsArbitrary, strange } from "./json.ts";
import { misfortunes } from "./watch.ts";

/** What a server does when a request comes; afterwards it is honest. */
type Turn =
  | { readonly do: "answer"; readonly spoils: readonly Spoil[]; readonly late: number }
  | { readonly do: "silence" }
  | { readonly do: "error"; readonly code: number; readonly data: string }
  | { readonly do: "twice"; readonly spoils: readonly Spoil[] }
  /** Answers under another id, JSON text, and then under the right one or not. */
  | { readonly do: "elsewhere"; readonly id: string; readonly also: boolean }
  | { readonly do: "close"; readonly answered: boolean }
  | { readonly do: "push"; readonly what: number; readonly task: number; readonly spoils: readonly Spoil[] }
  /** The task says that it is another. */
  | { readonly do: "rename" }
  /** So many input requests at once. */
  | { readonly do: "flood"; readonly requests: number }
  /** Lists of tools never end. */
  | { readonly do: "endless" }
  /** Subscriptions are acknowledged, and nothing is ever told. */
  | { readonly do: "subscribe" };

/** What the application does. */
interface Use {
  readonly how: "call" | "handle" | "updates";
  readonly stop: "cancel" | "abort" | "detach" | undefined;
  readonly after: number;
  readonly preference: "prefer" | "allow" | "require" | "forbid";
}

export interface HostileServer {
  readonly uses: readonly Use[];
  readonly turns: readonly Turn[];
  /** The client's transport holds what it reads to the schema, as those of the SDKs do. */
  readonly validates: boolean;
}

const CODES = [-32602, -32603, -32601, -32600, -32021, -32020, -32001, -32000, 0, 2 ** 40];
const DATA = [
  "null",
  "{}",
  '{"retryAfterMs":1e12}',
  '{"retryAfterMs":-1}',
  '{"status":"cancelled","reason":"x"}',
  '{"reason":"expired"}',
  '{"__proto__":{"polluted":1}}',
  "[]",
];
const IDS = ["0", "1", "2", '"1"', "-1", "1e21", "4503599627370497", "null", "1099511627776", '"x"'];

const turn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      spoils: spoilsArbitrary,
      late: fc.constantFrom(0, 0, 0, 5, 30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("silence" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("error" as const),
      code: fc.constantFrom(...CODES),
      data: fc.oneof(fc.constantFrom(...DATA), strange),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("twice" as const), spoils: spoilsArbitrary }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("elsewhere" as const), id: fc.constantFrom(...IDS), also: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), answered: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      what: fc.nat(9),
      task: fc.nat(4),
      spoils: spoilsArbitrary,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rename" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("flood" as const), requests: fc.constantFrom(2, 65, 700, 10_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("endless" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("subscribe" as const) }) },
);

export const serverArbitrary: fc.Arbitrary<HostileServer> = fc.record({
  uses: fc.array(
    fc.record({
      how: fc.constantFrom("call" as const, "handle" as const, "updates" as const),
      stop: fc.option(fc.constantFrom("cancel" as const, "abort" as const, "detach" as const), {
        nil: undefined,
        freq: 4,
      }),
      after: fc.constantFrom(0, 1, 5, 20),
      preference: fc.constantFrom(
        "prefer" as const,
        "prefer" as const,
        "allow" as const,
        "require" as const,
        "forbid" as const,
      ),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  turns: fc.array(turn, { maxLength: 20, size: "max" }),
  validates: fc.boolean(),
});

export const KINDS: readonly Kind[] = ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"];
/** Longer than an honest server's task takes on a slow machine. */
const PATIENCE = 10_000;
/** How long a client may wait for a server from which nothing will come. */
const GIVEN_UP = 50;
const FORM = {
  mode: "form",
  message: "?",
  requestedSchema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
};
const QUESTION = { method: "elicitation/create", params: FORM };

/** A server that lives through a story, and the transport on which a client reaches it. */
class Server {
  /** It has withheld something, so a call may wait for as long as its caller lets it. */
  withholds = false;
  readonly transport: any;
  readonly #modern: boolean;
  readonly #validates: boolean;
  readonly #turns: Turn[];
  readonly #polls = new Map<unknown, number>();
  readonly #answered = new Set<unknown>();
  readonly #asked = new Map<unknown, (answer: Message) => void>();
  #lastTask = 0;
  #lastAsk = 900;
  #closed = false;
  #endless = false;
  #subscribes = false;
  #renames = false;
  #flood = 0;

  constructor(kind: Kind, { turns, validates }: HostileServer) {
    this.#modern = kind === "SDK v2, 2026";
    this.#validates = validates;
    this.#turns = [...turns];
    this.transport = {
      start: async () => {},
      close: async () => this.#close(),
      send: async (message: Message) => {
        if (this.#closed) throw new Error("closed");
        void this.#received(JSON.parse(JSON.stringify(message)) as Message);
      },
    };
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.withholds = true;
    this.transport.onclose?.();
  }

  /** Says a text; answers whether it was a message. */
  #say(written: string): boolean {
    let message: unknown;
    try {
      message = JSON.parse(written);
    } catch {
      return false;
    }
    const valid = JSONRPCMessageSchema.safeParse(message).success;
    if (!this.#closed && (valid || !this.#validates)) this.transport.onmessage?.(message);
    return valid;
  }

  async #received(message: Message): Promise<void> {
    await Promise.resolve();
    const { id, method } = message;
    if (method === undefined) {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      return asked?.(message);
    }
    if (id === undefined) return;
    // The handshake is honest: without it there is nobody to attack.
    const handshake = method === "initialize" || method === "server/discover";
    const turn = handshake ? undefined : this.#turns.shift();
    const body = await this.#honest(message);
    const honest = JSON.stringify({ jsonrpc: "2.0", id, ...body });
    switch (turn?.do) {
      case undefined:
        this.#say(honest);
        return;
      case "answer": {
        if (turn.late > 0) await sleep(turn.late);
        const written = spoil({ jsonrpc: "2.0", id, ...body }, turn.spoils);
        if (!this.#say(written) || (JSON.parse(written) as Message).id !== id) this.withholds = true;
        return;
      }
      case "silence":
        this.withholds = true;
        return;
      case "error": {
        const error = `{"code":${turn.code},"message":"no","data":${turn.data}}`;
        if (!this.#say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${error}}`)) this.withholds = true;
        return;
      }
      case "twice":
        this.#say(honest);
        this.#say(spoil({ jsonrpc: "2.0", id, ...body }, turn.spoils));
        return;
      case "elsewhere":
        this.#say(honest.replace(`"id":${JSON.stringify(id)}`, `"id":${turn.id}`));
        if (turn.also) this.#say(honest);
        else this.withholds = true;
        return;
      case "close":
        if (turn.answered) this.#say(honest);
        this.#close();
        return;
      case "push":
        this.#say(spoil(this.#push(turn.what, id, `t${turn.task}`), turn.spoils));
        break;
      case "rename":
        this.#renames = true;
        break;
      case "flood":
        this.#flood = turn.requests;
        break;
      case "endless":
        this.#endless = true;
        break;
      case "subscribe":
        this.#subscribes = true;
        break;
    }
    this.#say(JSON.stringify({ jsonrpc: "2.0", id, ...(await this.#honest(message)) }));
  }

  #task(taskId: string, status: string, more: object = {}): any {
    return this.#modern
      ? task26(taskId, status, { pollIntervalMs: 5, ...more })
      : task25(taskId, status, { pollInterval: 5, ...more });
  }

  /** What nobody asked for. */
  #push(what: number, id: unknown, taskId: string): Message {
    const meta = { _meta: { "io.modelcontextprotocol/subscriptionId": id } };
    const related = { _meta: { [RELATED]: { taskId } } };
    const messages: Message[] = [
      {
        method: "notifications/tasks",
        params: { ...this.#task(taskId, "completed", { result: text("pushed") }), ...meta },
      },
      {
        method: "notifications/tasks",
        params: { ...this.#task("nobody's", "failed", { error: { code: -1, message: "pushed" } }), ...meta },
      },
      { method: "notifications/tasks/status", params: this.#task(taskId, "completed") },
      { method: "notifications/cancelled", params: { requestId: id } },
      { method: "notifications/progress", params: { progressToken: id, progress: 1e308, message: "pushed" } },
      { method: "notifications/tools/list_changed" },
      { method: "notifications/subscriptions/acknowledged", params: { notifications: { taskIds: [taskId] }, ...meta } },
      { id: ++this.#lastAsk, method: "elicitation/create", params: { ...FORM, ...related } },
      { id, method: "sampling/createMessage", params: { messages: [], maxTokens: 1, ...related } },
      { id: Number(id) + 1, result: { ...this.#task(taskId, "completed"), ...text("pushed") } },
    ];
    return { jsonrpc: "2.0", ...messages[what % messages.length] };
  }

  /** The answer of a server that means well. */
  async #honest({ id, method, params }: Message): Promise<Partial<Message>> {
    const done = text("done");
    const complete = this.#modern ? { resultType: "complete" } : {};
    const taskId: string = params?.taskId ?? "";
    switch (method) {
      case "initialize":
        return {
          result: {
            protocolVersion: G25,
            capabilities: {
              tools: { listChanged: true },
              tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
            },
            serverInfo: { name: "hostile", version: "1" },
          },
        };
      case "server/discover":
        return {
          result: {
            ...complete,
            supportedVersions: [G26],
            capabilities: { tools: {}, extensions: { [EXTENSION]: {} } },
            ttlMs: 0,
            cacheScope: "private",
            _meta: { "io.modelcontextprotocol/serverInfo": { name: "hostile", version: "1" } },
          },
        };
      case "tools/list":
        return {
          result: {
            ...complete,
            tools: [{ name: "work", inputSchema: { type: "object" }, execution: { taskSupport: "optional" } }],
            ...(this.#modern && { ttlMs: 0, cacheScope: "private" }),
            ...(this.#endless && { nextCursor: `${Math.random()}` }),
          },
        };
      case "tools/call":
        if (
          this.#modern
            ? params?._meta?.["io.modelcontextprotocol/clientCapabilities"]?.extensions?.[EXTENSION] === undefined
            : params?.task === undefined
        )
          return { result: { ...complete, ...done } };
        return {
          result: this.#modern
            ? handle26(`t${this.#lastTask++}`, { pollIntervalMs: 5 })
            : handle25(`t${this.#lastTask++}`, { pollInterval: 5 }),
        };
      case "tasks/get": {
        const shown = this.#renames ? `${taskId}!` : taskId;
        this.#renames = false;
        const polls = (this.#polls.get(taskId) ?? 0) + 1;
        this.#polls.set(taskId, polls);
        // A question that was spoilt once is not answered when it comes right under the same key; the task goes on
        // without.
        if (this.#modern && (this.#flood > 0 || (polls > 1 && polls < 8 && !this.#answered.has(taskId)))) {
          const inputRequests = Object.fromEntries(
            Array.from({ length: this.#flood || 1 }, (_, number) => [`k${number}`, QUESTION]),
          );
          this.#flood = 0;
          return { result: this.#task(shown, "input_required", { inputRequests }) };
        }
        if (polls < 3) return { result: this.#task(shown, "working") };
        return { result: this.#task(shown, "completed", this.#modern ? { result: done } : {}) };
      }
      case "tasks/update":
        this.#answered.add(taskId);
        return { result: complete };
      case "tasks/cancel":
        return { result: this.#modern ? complete : this.#task(taskId, "cancelled") };
      case "tasks/result": {
        for (let asked = Math.max(1, this.#flood); asked > 0; asked--) void this.#ask(taskId);
        this.#flood = 0;
        await sleep(6);
        return { result: { ...done, _meta: { [RELATED]: { taskId } } } };
      }
      case "subscriptions/listen":
        if (!this.#subscribes) return { error: { code: -32601, message: "Method not found" } };
        this.withholds = true;
        this.#say(
          JSON.stringify({
            jsonrpc: "2.0",
            method: "notifications/subscriptions/acknowledged",
            params: { notifications: params?.notifications, _meta: { "io.modelcontextprotocol/subscriptionId": id } },
          }),
        );
        return new Promise(() => {});
      default:
        return { error: { code: -32601, message: "Method not found" } };
    }
  }

  #ask(taskId: string): Promise<Message> {
    const id = ++this.#lastAsk;
    this.#say(
      JSON.stringify({
        jsonrpc: "2.0",
        id,
        method: "elicitation/create",
        params: { ...FORM, _meta: { [RELATED]: { taskId } } },
      }),
    );
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }
}

/** Plays a story with a client of this kind; throws what must not have happened. */
export async function playServer(kind: Kind, story: HostileServer): Promise<void> {
  const faults: string[] = [];
  const fault = (what: string): void => {
    if (faults.length < 10) faults.push(what.slice(0, 1500));
  };
  const host = new TaskClient({
    poll: { min: 1, max: 20, initial: 5 },
    onerror: (error) => {
      if (error.code === "internal" || error.code === "wasm")
        fault(`onerror: ${error.message}: ${String((error.cause as Error | undefined)?.stack ?? error.cause)}`);
    },
  });
  const server = new Server(kind, story);
  const client = host.attach(
    makeClient(kind, { "elicitation/create": () => ({ action: "accept", content: { a: "yes" } }) }) as never,
  ) as AnyClient;
  client.onerror = () => {};
  await client.connect(server.transport);
  const connections = [...(privateOf(privateOf(host, "#requestor"), "#open") as Set<object>)];
  // Before any call, a connection may keep what it has learned of its server.
  const base = new Set(connections.flatMap((connection) => [...tables(connection).keys()]));

  const uses = story.uses.map((use) => settled(begin(host, client, kind, use)));
  const all = Promise.all(uses.map(({ promise }) => promise)).then(() => true);
  const begun = performance.now();
  let over = false;
  while (!over && !(server.withholds && performance.now() - begun > GIVEN_UP) && performance.now() - begun < PATIENCE)
    over = await Promise.race([all, sleep(10, false)]);
  if (!over && !server.withholds) fault(`a server that answers everything keeps calls waiting: ${shown(uses)}`);
  await client.close();
  over ||= await Promise.race([all, sleep(3000, false)]);
  if (!over) fault(`calls do not end with their connection: ${shown(uses)}`);
  for (const { outcome } of uses) {
    if (outcome === undefined || outcome.value !== undefined) continue;
    const { error, handled } = outcome;
    if (!(error instanceof Error)) fault(`a call was rejected with what is no error: ${String(error)}`);
    else if (handled === true && !isTaskError(error))
      fault(`a handle was rejected with an error that is no TaskError: ${error.stack}`);
  }
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  const left = [host, ...connections].flatMap((root) =>
    [...tables(root)].filter(([path]) => !base.has(path)).map(([path, size]) => `${path} ${size}`),
  );
  if (left.length > 0) fault(`left behind: ${left.join(", ")}`);
  host.close();
  faults.push(...misfortunes());
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

interface Outcome {
  readonly value?: unknown;
  readonly error?: unknown;
  readonly handled?: boolean;
}
interface Settled {
  readonly use: string;
  outcome: Outcome | undefined;
  promise: Promise<void>;
}

function settled({ use, work }: { use: Use; work: Promise<unknown> }): Settled {
  const entry: Settled = { use: `${use.how} ${use.stop ?? ""}`, outcome: undefined, promise: Promise.resolve() };
  entry.promise = work.then(
    (value) => void (entry.outcome = { value: value ?? true }),
    (error: unknown) => void (entry.outcome = { error, handled: use.how !== "call" }),
  );
  return entry;
}

const shown = (uses: readonly Settled[]): string =>
  uses
    .filter(({ outcome }) => outcome === undefined)
    .map(({ use }) => use)
    .join(", ");

function begin(host: TaskClient, client: AnyClient, kind: Kind, use: Use): { use: Use; work: Promise<unknown> } {
  const stop = new AbortController();
  const options = { preference: use.preference, ...(use.stop === "abort" && { signal: stop.signal }) };
  const call = { name: "work", arguments: {} };
  if (use.stop === "abort") setTimeout(() => stop.abort(), use.after);
  const run = async (): Promise<unknown> => {
    if (use.how === "call") return client.callTool(call, ...callOptions(kind, options));
    const handle = await host.callTool(client as never, call as never, options);
    const updates = (async () => {
      if (use.how === "updates") for await (const snapshot of handle.updates()) void snapshot;
    })();
    const stopped = (async () => {
      if (use.stop === undefined || use.stop === "abort") return;
      await sleep(use.after);
      if (use.stop === "detach") handle.detach();
      // Whether it could be cancelled is the application's to see.
      else await handle.cancel().catch(() => {});
    })();
    try {
      return await handle.result();
    } finally {
      await Promise.all([updates, stopped]);
    }
  };
  return { use, work: run() };
}

/** What an object keeps under a private name. */
function privateOf(object: object, name: string): object {
  const member = privates(object).find(([known]) => known === name);
  if (member === undefined) throw new Error(`there is no ${name} any more`);
  return member[1] as object;
}
