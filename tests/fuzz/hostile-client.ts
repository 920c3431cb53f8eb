// Plays the stories of hostile clients against a server, and says what must not have happened.
import { ElicitResultSchema, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { inputRequired, McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { type MemoryStore, memoryStore, type TaskStore, TaskServer } from "mcp-longhaul";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { type Frame, Frames, type Message } from "../sdk/harness/frames.ts";
import { checkFrames } from "../sdk/harness/g25.ts";
import { checkFrame } from "../sdk/harness/g26.ts";
import {
  type Build,
  type Carrier,
  entryV2,
  memoryV1,
  type Open,
  type Party,
  type Post,
  sessionV1,
  statelessV1,
  stdioV1,
  stdioV2,
  VERSION,
} from "./carriers.ts";
import { tables } from "./inside.ts";
import { spoil } from "./json.ts";
import type { Action, Story, What } from "./story.ts";
import { misfortunes } from "./watch.ts";

interface Target {
  readonly open: Open;
  readonly sdk: "v1" | "v2";
  readonly parties: readonly Party[];
  /**
   * The parties have connections of their own and no owner: an id is the key there, and they do not use each other's.
   */
  readonly anonymous: boolean;
  readonly generations: readonly (25 | 26)[];
  readonly pipe: boolean;
}

const principal = (name: string): Party => ({
  name,
  authInfo: { token: name, clientId: "client", scopes: [], extra: { iss: "https://issuer.test", sub: name } },
});
const ALICE = principal("alice");
const BOB = principal("bob");
/** Authenticated, but not as anybody: it fails closed. */
const UNKNOWN: Party = { name: "unknown", authInfo: { token: "x", clientId: "client", scopes: [] } };
/** The host's own code throws for this one. */
const THROWN: Party = {
  name: "mallory",
  authInfo: { token: "thrown", clientId: "client", scopes: [], extra: { sub: "mallory" } },
};
const NOBODY = (name: string): Party => ({ name, authInfo: undefined });
const BOTH = [25, 26] as const;

export const TARGETS: Readonly<Record<string, Target>> = {
  "SDK v1, stdio": {
    open: stdioV1,
    sdk: "v1",
    parties: [NOBODY("carol"), NOBODY("dave")],
    anonymous: true,
    generations: [25],
    pipe: true,
  },
  "SDK v2, stdio": {
    open: stdioV2,
    sdk: "v2",
    parties: [NOBODY("carol"), NOBODY("dave")],
    anonymous: true,
    generations: BOTH,
    pipe: true,
  },
  "SDK v1, in memory": {
    open: memoryV1,
    sdk: "v1",
    parties: [ALICE, BOB, UNKNOWN, THROWN],
    anonymous: false,
    generations: [25],
    pipe: true,
  },
  "SDK v1, HTTP session": {
    open: sessionV1,
    sdk: "v1",
    parties: [ALICE, BOB, UNKNOWN, NOBODY("erin"), THROWN],
    anonymous: false,
    generations: [25],
    pipe: false,
  },
  "SDK v1, HTTP without sessions": {
    open: statelessV1,
    sdk: "v1",
    parties: [ALICE, BOB, UNKNOWN, NOBODY("erin"), THROWN],
    anonymous: false,
    generations: [25],
    pipe: false,
  },
  "SDK v2, TaskServer.fetch": {
    open: entryV2,
    sdk: "v2",
    parties: [ALICE, BOB, UNKNOWN, NOBODY("erin"), THROWN],
    anonymous: false,
    generations: BOTH,
    pipe: false,
  },
};

const FORM = {
  type: "object" as const,
  properties: { a: { type: "string" as const, maxLength: 60 }, n: { type: "integer" as const } },
  required: ["a"],
};
const META = {
  "io.modelcontextprotocol/protocolVersion": VERSION,
  "io.modelcontextprotocol/clientInfo": { name: "fuzz", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {
    extensions: { "io.modelcontextprotocol/tasks": {} },
    elicitation: { form: {}, url: {} },
    sampling: {},
    roots: {},
  },
};
const HELLO = {
  protocolVersion: "2025-11-25",
  capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
  clientInfo: { name: "fuzz", version: "1" },
};
const TERMINAL = new Set(["completed", "failed", "cancelled"]);
/** Longer than anything takes that a server does by itself in a story, on a slow machine. */
const PATIENCE = 8_000;

const mark = (party: Party): string => `mark-of-${party.name}`;
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A server whose tools do what tools do, and say what they were told. */
function builder(sdk: "v1" | "v2", tasks: TaskServer): Build {
  return () => {
    const info = { name: "fuzz", version: "1.0.0" };
    const options = { capabilities: { logging: {} } };
    const server = sdk === "v1" ? new McpServerV1(info, options) : new McpServerV2(info, options);
    const tool = (name: string, run: (said: string, context: any) => unknown): void => {
      const work = async ({ x }: { x?: unknown }, context: any): Promise<any> =>
        run(typeof x === "string" ? x : JSON.stringify(x ?? null), context);
      if (sdk === "v1")
        (server as McpServerV1).registerTool(name, { inputSchema: { x: z.any().optional() } as never }, work as never);
      else
        (server as McpServerV2).registerTool(
          name,
          { inputSchema: z.looseObject({ x: z.any().optional() }) },
          work as never,
        );
    };
    const question = (said: string) => ({
      method: "elicitation/create" as const,
      params: { mode: "form" as const, message: `${said}?`, requestedSchema: FORM },
    });
    for (const name of ["echo", "direct", "must"]) tool(name, (said) => text(`${name} ${said}`));
    tool("late", async (said) => (await sleep(10), text(said)));
    tool("own", async (said, context) => (await tasks.create(context), text(said)));
    tool("fail", (said) => Promise.reject(new Error(said)));
    tool("slow", async (said, context) => {
      for (let at = 0; at < 3; at++) {
        await sleep(4);
        await tasks.current(context)?.status(`${at} ${said}`);
      }
      return text(said);
    });
    tool("ask", async (said, context) => {
      const task = tasks.current(context);
      return text(`${said} ${JSON.stringify(await task?.requireInput(question(said)))}`);
    });
    tool("sdkask", async (said, context) => {
      const { params } = question(said);
      const patience = { timeout: 30, signal: context.signal ?? context.mcpReq?.signal };
      const answer =
        sdk === "v1"
          ? context.sendRequest(question(said), ElicitResultSchema, patience)
          : context.mcpReq.elicitInput(params, patience);
      return text(`${said} ${JSON.stringify(await answer)}`);
    });
    tool("hold", async (said, context) => {
      const task = tasks.current(context);
      await sleep(task === undefined ? 10 : PATIENCE, undefined, {
        signal: task?.signal ?? context.signal ?? context.mcpReq?.signal,
      }).catch(() => {});
      return text(said);
    });
    tool("deep", (said) => {
      let value: unknown = said;
      for (let depth = 0; depth < 2000; depth++) value = [value];
      return { content: [], structuredContent: { value } };
    });
    tool("odd", (said) => ({
      content: [{ type: "text", text: `\ud800${said}` }],
      _meta: JSON.parse('{"__proto__":{"polluted":1}}') as object,
    }));
    tool("ret", (said, context) => {
      if (sdk === "v1" || context.mcpReq.inputResponses !== undefined)
        return text(`${said} ${JSON.stringify(context.mcpReq?.inputResponses)}`);
      return inputRequired({
        inputRequests: { sure: inputRequired.elicit({ message: `${said}?`, requestedSchema: FORM }) },
        requestState: "state",
      });
    });
    return tasks.attach(server) as never;
  };
}

/** A request that waits for its answer. */
interface Pending {
  readonly message: Message;
  readonly party: number;
  readonly post: Post;
  /** How many messages had been sent before it. */
  readonly order: number;
  /** It is what the party meant: nothing in it was spoilt. */
  readonly clean: boolean;
  /** It may stay without an answer. */
  excused: boolean;
  over: boolean;
}

interface Known {
  readonly id: string;
  readonly party: number;
  readonly generation: 25 | 26;
}

/** One story, as it is played. */
class Play {
  readonly faults: string[] = [];
  readonly #target: Target;
  readonly #story: Story;
  readonly #tasks: TaskServer;
  readonly #memory: MemoryStore = memoryStore();
  #carrier!: Carrier;
  #lastId = 0;
  #sent = 0;
  readonly #pending: Pending[] = [];
  /** How often an id was sent, with whatever, and not answered yet; on pipes by party. */
  readonly #ids: Map<unknown, number>[] = [];
  readonly #known: Known[] = [];
  readonly #questions: { readonly party: number; readonly id: unknown }[] = [];
  #declined = 0;
  readonly #inputs: { readonly party: number; readonly taskId: string; readonly key: string }[] = [];
  /** Every text that a party has sent: what it knows already is no secret from it. */
  readonly #said: string[];
  readonly #ends = new Map<string, { readonly status: string; readonly order: number }>();
  readonly #exchanges: { readonly post: Post; readonly stop: AbortController }[] = [];
  #leaving = false;

  constructor(target: Target, story: Story) {
    this.#target = target;
    this.#story = story;
    this.#said = target.parties.map(() => "");
    this.#tasks = new TaskServer({
      store: story.slowStore ? slow(this.#memory) : this.#memory,
      defaults: { task: "always", ttl: 60_000, maxTtl: 60_000, pollInterval: 100 },
      tools: {
        direct: { task: "never" },
        late: { task: { after: 5 } },
        own: { task: "handler" },
        must: { task: "always", support: "required" },
      },
      crossGeneration: story.crossGeneration,
      owner: ownerOf,
      limits: story.tight
        ? ({ rate: { creates: { perSecond: 20, burst: 5 } }, runningPerOwner: 3, resultBytes: 300 } as never)
        : { rate: false },
      onevent: () => {},
      onerror: (error) => {
        const { cause } = error;
        if (cause instanceof Error && cause.message === "the host's secret") return;
        if (error.code === "internal" || error.code === "wasm")
          this.#fault(`onerror: ${error.message}: ${String((error.cause as Error | undefined)?.stack ?? error.cause)}`);
      },
    });
  }

  async run(): Promise<void> {
    const { open, sdk, parties, pipe, generations } = this.#target;
    const heard = {
      message: (party: number, message: string, post: Post | undefined) => this.#heard(party, message, post),
      over: (post: Post, status: number, body: string) => this.#over(post, status, body),
      closed: (party: number) => this.#closed(party),
    };
    this.#carrier = await open(this.#tasks, builder(sdk, this.#tasks), parties, heard);
    if (pipe && generations.length === 1) for (const party of parties.keys()) await this.#hello(party);
    for (const action of this.#story.actions) await this.#act(action);
    await this.#end();
  }

  #nameOf(party: number): string | undefined {
    return this.#target.parties[party]?.name;
  }

  #fault(what: string): void {
    if (this.faults.length < 10) this.faults.push(what.slice(0, 1500));
  }

  async #act(action: Action): Promise<void> {
    if (action.do === "wait")
      return action.ms === 0 ? new Promise((resolve) => setImmediate(resolve)) : sleep(action.ms);
    const party = action.party % this.#target.parties.length;
    if (action.do === "leave") {
      const open = this.#exchanges.filter(({ post }) => post.party === party);
      const exchange = open[action.exchange % open.length];
      exchange?.stop.abort();
      const left = this.#target.pipe && this.#carrier.leave(party);
      for (const pending of this.#pending)
        if (pending.post === exchange?.post || (left && pending.party === party)) pending.excused = true;
      if (left && this.#target.generations.length === 1) await this.#hello(party);
      return;
    }
    const generation = this.#target.generations.includes(action.generation)
      ? action.generation
      : this.#target.generations[0]!;
    const message = this.#compose(action.what, party, generation);
    if (message === undefined) return;
    if (message.method !== undefined && "id" in message && typeof action.id === "object" && "again" in action.id)
      message.id = this.#lastId - action.id.again;
    const written = spoil(message, action.spoils);
    const raw =
      typeof action.id === "object" && "text" in action.id
        ? spoil(JSON.parse(written === "" ? "null" : safe(written, message)), [
            { at: 1, how: "replace", text: action.id.text, key: "" },
          ])
        : written;
    const clean = action.spoils.length === 0 && action.id === "own" && action.header === undefined && !action.batch;
    this.#send(party, action.batch ? `[${raw},${raw}]` : raw, message, action.header, clean);
  }

  #send(party: number, written: string, message: Message, header: Post["header"], clean: boolean): Pending | undefined {
    const stop = new AbortController();
    const post: Post = { party, text: written, message, header, signal: stop.signal };
    this.#said[party] += written;
    this.#sent++;
    let pending: Pending | undefined;
    for (const { id } of messagesIn(written, () => true)) this.#count(party, id, 1);
    for (const request of messagesIn(written, (one) => JSONRPCMessageSchema.safeParse(one).success)) {
      if (request.method === "notifications/cancelled") this.#excuse(party, request.params?.requestId);
      if (request.id === undefined || request.method === undefined) continue;
      const twin = this.#pending.filter(
        (other) => !other.over && sameId(other.message.id, request.id) && (!this.#target.pipe || other.party === party),
      );
      pending = {
        message: request,
        party,
        post,
        order: this.#sent,
        clean: clean && twin.length === 0,
        excused: twin.length > 0,
        over: false,
      };
      // Which of two that share an id is answered cannot be told, and the SDKs forget one of them.
      for (const other of twin) Object.assign(other, { excused: true, clean: false });
      this.#pending.push(pending);
    }
    if (!this.#target.pipe) this.#exchanges.push({ post, stop });
    this.#carrier.send(post);
    return pending;
  }

  /** Counts messages under an id up or down; answers how many are left. */
  #count(party: number, id: unknown, by: 1 | -1): number {
    const counts = (this.#ids[this.#target.pipe ? party : 0] ??= new Map());
    const left = (counts.get(id) ?? 0) + by;
    counts.set(id, left);
    return left;
  }

  #excuse(party: number, id: unknown): void {
    for (const pending of this.#pending)
      if (sameId(pending.message.id, id) && (pending.party === party || !this.#target.pipe)) pending.excused = true;
  }

  async #hello(party: number): Promise<void> {
    this.#send(
      party,
      JSON.stringify({ jsonrpc: "2.0", id: ++this.#lastId, method: "initialize", params: HELLO }),
      { method: "initialize" },
      undefined,
      false,
    );
    this.#send(party, '{"jsonrpc":"2.0","method":"notifications/initialized"}', {}, undefined, false);
  }

  /** The task that is meant, or an id that nobody has. */
  #task(number: number, party: number): string {
    const known = this.#target.anonymous ? this.#known.filter((task) => task.party === party) : this.#known;
    return number % 11 === 10 ? "A".repeat(24) : (known[number % known.length]?.id ?? "B".repeat(24));
  }

  #compose(what: What, party: number, generation: 25 | 26): Message | undefined {
    const marked = mark(this.#target.parties[party]!);
    const meta: Record<string, unknown> = generation === 26 ? { ...META } : {};
    const id = ++this.#lastId;
    const request = (method: string, params: object): Message => ({
      jsonrpc: "2.0",
      id,
      method,
      params: { ...params, ...(Object.keys(meta).length > 0 && { _meta: meta }) },
    });
    const answers = [
      { action: "accept", content: { a: marked } },
      { action: "accept", content: { a: 5 } },
      { action: "decline" },
      { roots: [] },
      null,
      // biome-ignore lint/correctness/noPrecisionLoss: it is Infinity on purpose.
      { action: "accept", content: { a: marked, n: 1e400 } },
    ];
    switch (what.kind) {
      case "call":
        if (what.key !== undefined) meta["mcp-longhaul/creation-key"] = `creation key of ${marked} ${what.key}`;
        if (what.progress) meta["progressToken"] = id;
        if (what.forged !== undefined) meta["mcp-longhaul/run"] = String(what.forged);
        return request("tools/call", {
          name: what.tool,
          arguments: { x: `${marked} ${id}` },
          ...(generation === 25 && what.task !== "none" && { task: what.task === "default" ? {} : { ttl: what.task } }),
        });
      case "task":
        return request(what.method, { taskId: this.#task(what.task, party) });
      case "list":
        return request("tasks/list", what.cursor === undefined ? {} : { cursor: what.cursor });
      case "update": {
        const inputs = this.#target.anonymous ? this.#inputs.filter((input) => input.party === party) : this.#inputs;
        const input = inputs[what.question % inputs.length];
        return request("tasks/update", {
          taskId: input?.taskId ?? this.#task(what.question, party),
          inputResponses: { [what.key ?? input?.key ?? "elicitation-1"]: answers[what.answer % answers.length] },
        });
      }
      case "listen":
        return request("subscriptions/listen", {
          notifications: { taskIds: what.tasks.map((task) => this.#task(task, party)) },
        });
      case "cancelled":
        return {
          jsonrpc: "2.0",
          method: "notifications/cancelled",
          params: { requestId: id - 1 - (what.request % 12), ...(generation === 26 && { _meta: meta }) },
        };
      case "answer": {
        const question = this.#questions[what.question % this.#questions.length];
        const answer =
          what.answer % 7 === 6
            ? { error: { code: -1, message: marked } }
            : { result: answers[what.answer % answers.length] };
        return { jsonrpc: "2.0", id: what.id ?? question?.id ?? 0, ...answer } as Message;
      }
      case "hello":
        return generation === 26 ? request("server/discover", {}) : request("initialize", HELLO);
      case "other": {
        const message = request(what.method, {
          taskId: this.#task(what.task, party),
          level: "info",
          name: marked,
          ref: { type: "ref/prompt", name: marked },
          argument: { name: "x", value: "y" },
        });
        if (what.method.startsWith("notifications/")) delete message.id;
        return message;
      }
    }
  }

  #heard(party: number, received: string, post: Post | undefined): void {
    this.#secrets(party, received);
    let message: Message;
    try {
      message = JSON.parse(received) as Message;
    } catch {
      return this.#fault(`no JSON was sent: ${received}`);
    }
    // An id that JSON-RPC does not know comes back as it was.
    const usual = message.id === undefined || typeof message.id === "string" || Number.isSafeInteger(message.id);
    if (usual && !JSONRPCMessageSchema.safeParse(message).success)
      this.#fault(`no JSON-RPC message was sent: ${received}`);
    if (message.method !== undefined) {
      if (message.id !== undefined) this.#questions.push({ party, id: message.id });
      return this.#check([{ from: "server", on: "pipe", message }]);
    }
    if (message.id === null || message.id === undefined) return;
    const candidates = this.#pending.filter(
      (pending) => sameId(pending.message.id, message.id) && (this.#target.pipe ? pending.party === party : true),
    );
    const pending =
      candidates.find((one) => !one.over && (post === undefined || one.post === post)) ??
      candidates.find((one) => !one.over) ??
      candidates.at(-1);
    // Something that is no request may be refused under its id, too.
    if (this.#count(party, message.id, -1) < 0) this.#fault(`an answer to nothing, or a second one: ${received}`);
    if (pending === undefined) return;
    pending.over = true;
    if (pending.clean) this.#answered(pending, message);
    this.#learn(pending, message);
  }

  /** What belongs to others reaches nobody. */
  #secrets(party: number, received: string): void {
    if (received.includes("the host's secret")) this.#fault(`what a hook threw was sent: ${received}`);
    for (const [other, { name }] of this.#target.parties.entries()) {
      if (other !== party && received.includes(`mark-of-${name}`))
        this.#fault(`${this.#target.parties[party]?.name} heard of ${name}: ${received}`);
    }
    for (const task of this.#known) {
      if (task.party !== party && received.includes(task.id) && !this.#said[party]?.includes(task.id))
        this.#fault(`${this.#nameOf(party)} heard of a task of ${this.#nameOf(task.party)}: ${received}`);
    }
  }

  #answered(pending: Pending, message: Message): void {
    const request: Frame = { from: "client", on: "pipe", message: pending.message };
    this.#check([request, { from: "server", on: "pipe", message }]);
    const status: unknown = message.result?.status;
    const id: unknown = pending.message.params?.taskId;
    if (pending.message.method !== "tasks/get" || typeof status !== "string" || typeof id !== "string") return;
    const end = this.#ends.get(id);
    if (end !== undefined && pending.order > end.order && end.status !== status)
      this.#fault(`the task ${id} was ${end.status} and is ${status}`);
    if (TERMINAL.has(status) && end === undefined) this.#ends.set(id, { status, order: this.#sent });
  }

  /** Holds frames to the published schemas. */
  #check(frames: Frame[]): void {
    const request = frames[0]?.from === "client" ? frames[0].message : undefined;
    try {
      const modern = request?.params?._meta?.["io.modelcontextprotocol/protocolVersion"] === VERSION;
      // What the SDK serves by itself on a connection that has settled on the other generation is its own affair.
      if (modern && request?.method === "tools/call" && frames.at(-1)?.message.result?.resultType === undefined) return;
      if (modern) checkFrame(frames.at(-1)?.message, request);
      else {
        const all = new Frames();
        for (const frame of frames) all.push(frame);
        checkFrames(all);
      }
    } catch (error) {
      this.#fault(`against the schema: ${String((error as Error).message)}; ${JSON.stringify(request)}`);
    }
  }

  #learn({ party, message: request }: Pending, { result }: Message): void {
    const handle = request.method !== "tools/call" ? undefined : result?.resultType === "task" ? result : result?.task;
    if (typeof handle?.taskId === "string") {
      this.#known.push({ id: handle.taskId, party, generation: handle === result ? 26 : 25 });
      if ([UNKNOWN, THROWN].includes(this.#target.parties[party]!))
        this.#fault("a task was made for somebody who owns nothing");
    }
    for (const key of Object.keys(result?.inputRequests ?? {}))
      this.#inputs.push({ party, taskId: String(result.taskId), key });
  }

  #over(post: Post, status: number, body: string): void {
    const at = this.#exchanges.findIndex((exchange) => exchange.post === post);
    if (at >= 0) this.#exchanges.splice(at, 1);
    if (status >= 500 || (status === 0 && body !== "")) this.#fault(`HTTP ${status} for ${post.text}: ${body}`);
    for (const pending of this.#pending) {
      if (pending.post !== post || pending.over) continue;
      // Refused as a whole, which is an answer; where an id is in doubt it is answered with none.
      if (status === 0 || status >= 400) pending.over = true;
    }
  }

  #closed(party: number): void {
    if (this.#leaving) return;
    for (const pending of this.#pending) if (pending.party === party) pending.excused = true;
  }

  /**
   * Everything is answered; every task is cancelled, then what waited for tasks is answered too; nothing is left
   * behind.
   */
  async #end(): Promise<void> {
    const waits = (method: string | undefined): boolean =>
      method === "tasks/result" || method === "subscriptions/listen";
    await this.#quiet(({ message }) => !waits(message.method));
    for (const { id, party, generation } of [...this.#known]) {
      const request = this.#compose({ kind: "task", method: "tasks/cancel", task: 0 }, party, generation);
      this.#send(
        party,
        JSON.stringify({ ...request, params: { ...request?.params, taskId: id } }),
        { ...request, params: { ...request?.params, taskId: id } },
        undefined,
        true,
      );
    }
    await this.#quiet(({ message }) => message.method !== "subscriptions/listen");
    const ping = this.#pending.find(
      ({ over, excused, message }) => !over && !excused && message.method !== "subscriptions/listen",
    );
    if (ping !== undefined) this.#fault(`no answer to ${ping.post.text}`);
    this.#leaving = true;
    for (const { stop } of [...this.#exchanges]) stop.abort();
    const closed = await Promise.race([
      this.#carrier
        .close()
        .then(() => this.#tasks.close())
        .then(() => true),
      sleep(PATIENCE, false, { ref: false }),
    ]);
    if (!closed) this.#fault("close() does not resolve");
    // What was given up ends in later turns.
    for (let turn = 0; turn < 200 && this.#leftovers().length > 0; turn++) await sleep(5);
    const left = this.#leftovers();
    if (left.length > 0) this.#fault(`left behind: ${left.join(", ")}`);
  }

  #leftovers(): string[] {
    return [...tables(this.#tasks)]
      .filter(([path]) => !/\.#?store\b|#plain\b|\.#?polic/i.test(path))
      .map(([path, size]) => `${path} ${size}`);
  }

  async #quiet(counts: (pending: Pending) => boolean): Promise<void> {
    const end = performance.now() + PATIENCE;
    const waiting = (): boolean =>
      this.#pending.some((pending) => !pending.over && !pending.excused && counts(pending));
    while (waiting() && performance.now() < end) {
      // What a handler asks and nobody answers would keep it waiting.
      for (; this.#declined < this.#questions.length; this.#declined++) {
        const { party, id } = this.#questions[this.#declined]!;
        const answer: Message = { jsonrpc: "2.0", id, result: { action: "decline" } };
        this.#send(party, JSON.stringify(answer), answer, undefined, false);
      }
      await sleep(1);
    }
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Who a task belongs to, as the package itself would say, but for one party. */
function ownerOf(authInfo: any): string | undefined {
  if (authInfo?.token === "thrown") throw new Error("the host's secret");
  return authInfo === undefined ? "" : authInfo.extra?.sub;
}

/** A store that answers in a later turn. */
function slow(store: MemoryStore): TaskStore {
  const later =
    <Parameters extends unknown[], Value>(operation: (...parameters: Parameters) => Value) =>
    async (...parameters: Parameters): Promise<Value> => {
      await new Promise((resolve) => setImmediate(resolve));
      return operation(...parameters);
    };
  return {
    get: later(store.get.bind(store)) as never,
    put: later(store.put.bind(store)),
    delete: later(store.delete.bind(store)),
    list: later(store.list.bind(store)),
    due: later(store.due.bind(store)),
    watch: store.watch.bind(store),
  };
}

/** Ids are told apart as JSON-RPC does: by type and value. */
function sameId(one: unknown, other: unknown): boolean {
  return one === other;
}

/** The text, if it is JSON; otherwise what it was made of. */
function safe(written: string, message: Message): string {
  try {
    JSON.parse(written);
    return written;
  } catch {
    return JSON.stringify(message);
  }
}

/** The messages in a text, one or a batch, that `counts` takes for such. */
function messagesIn(written: string, counts: (one: object) => boolean): Message[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch {
    return [];
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).filter(
    (one) => typeof one === "object" && one !== null && counts(one),
  ) as Message[];
}

/** Plays a story; throws what must not have happened. */
export async function play(target: string, story: Story): Promise<void> {
  const run = new Play(TARGETS[target]!, story);
  await run.run();
  const faults = [...run.faults, ...misfortunes()];
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
