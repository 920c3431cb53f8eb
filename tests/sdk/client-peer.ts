// A hand-written peer for the client's tests: it speaks raw JSON-RPC over an in-memory pipe, shows every frame it got,
// and answers as each test says.
import type { Message } from "./client-types.ts";

type Answer = Record<string, unknown> | { error: { code: number; message: string; data?: unknown } } | undefined;
export type Behaviour = Record<string, (params: any, message: Message, peer: Peer) => Answer | Promise<Answer>>;

export const G25 = "2025-11-25";
export const G26 = "2026-07-28";
export const EXTENSION = "io.modelcontextprotocol/tasks";
export const RELATED = "io.modelcontextprotocol/related-task";

interface Pipe {
  send(message: Message): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
  onmessage?: (message: Message) => void;
  onclose?: () => void;
}

/** The server's end of a pipe, and the client's end for an SDK client. */
export class Peer {
  readonly frames: Message[] = [];
  /** What the SDK client connects to. */
  readonly transport: Pipe;
  /** What becomes of an id on its way through the peer. */
  echo: (id: Message["id"]) => Message["id"] = (id) => id;
  #behaviour: Behaviour;
  #closed = false;

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
    this.transport = {
      start: async () => {},
      close: async () => {
        if (this.#closed) return;
        this.#closed = true;
        this.transport.onclose?.();
      },
      send: async (message) => {
        this.frames.push(structuredClone(message));
        void this.#answer(structuredClone(message));
      },
    };
  }

  /** Frames with this method, as they came over the wire. */
  all(method: string): Message[] {
    return this.frames.filter((frame) => frame.method === method);
  }

  /** Changes how methods are answered. */
  set(behaviour: Behaviour): void {
    this.#behaviour = { ...this.#behaviour, ...behaviour };
  }

  /** Hands a message to the client. */
  push(message: Message): void {
    if (!this.#closed) this.transport.onmessage?.(structuredClone(message));
  }

  async #answer(message: Message): Promise<void> {
    if (message.id === undefined || message.method === undefined) {
      void this.#behaviour["*"]?.(message.params, message, this);
      return;
    }
    await Promise.resolve();
    const behave = this.#behaviour[message.method];
    const answer =
      behave === undefined
        ? { error: { code: -32601, message: "Method not found" } }
        : await behave(message.params, message, this);
    if (answer === undefined) return;
    const id = this.echo(message.id);
    this.push(
      "error" in answer && Object.keys(answer).length === 1
        ? { jsonrpc: "2.0", id, ...answer }
        : ({ jsonrpc: "2.0", id, result: answer } as Message),
    );
  }
}

export const text = (value: string) => ({ content: [{ type: "text", text: value }] });

/** A server of 2025-11-25; `tools` by name, with their `taskSupport`. */
export function legacy(
  tools: Record<string, string | undefined>,
  behaviour: Behaviour,
  tasks: object | null = { cancel: {}, list: {}, requests: { tools: { call: {} } } },
  version: string = G25,
): Peer {
  return new Peer({
    initialize: () => ({
      protocolVersion: version,
      capabilities: { tools: { listChanged: true }, ...(tasks && { tasks }) },
      serverInfo: { name: "legacy", version: "1" },
    }),
    "tools/list": () => ({
      tools: Object.entries(tools).map(([name, support]) => ({
        name,
        inputSchema: { type: "object" },
        ...(support !== undefined && { execution: { taskSupport: support } }),
      })),
    }),
    ...behaviour,
  });
}

/** A server of 2026-07-28. */
export function modern(behaviour: Behaviour, extensions: object = { [EXTENSION]: {} }): Peer {
  return new Peer({
    "server/discover": () => ({
      resultType: "complete",
      supportedVersions: [G26],
      capabilities: { tools: {}, extensions },
      ttlMs: 0,
      cacheScope: "private",
      _meta: { "io.modelcontextprotocol/serverInfo": { name: "modern", version: "1" } },
    }),
    ...behaviour,
  });
}

const times = () => ({ createdAt: new Date().toISOString(), lastUpdatedAt: new Date().toISOString() });

export const handle25 = (taskId: string, more: object = {}) => ({
  task: { taskId, status: "working", ttl: 60_000, pollInterval: 100, ...times(), ...more },
});
export const task25 = (taskId: string, status: string, more: object = {}) => ({
  taskId,
  status,
  ttl: 60_000,
  pollInterval: 100,
  ...times(),
  ...more,
});
export const handle26 = (taskId: string, more: object = {}) => ({
  resultType: "task",
  taskId,
  status: "working",
  ttlMs: 60_000,
  pollIntervalMs: 100,
  ...times(),
  ...more,
});
export const task26 = (taskId: string, status: string, more: object = {}) => ({
  resultType: "complete",
  taskId,
  status,
  ttlMs: 60_000,
  pollIntervalMs: 100,
  ...times(),
  ...more,
});
