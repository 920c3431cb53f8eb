/**
 * The other end of a linked pair: writes JSON-RPC messages and reads the answers, so that only the server side is
 * timed.
 */

export type Json = Record<string, unknown>;

/** What both SDKs' in-memory transports have in common. */
export interface End {
  onmessage?: unknown;
  send(message: never): Promise<void>;
}

interface Answer {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: Json;
  readonly error?: { readonly message?: string };
}

export class Requester {
  readonly #end: { send(message: unknown): Promise<void> };
  readonly #waiting = new Map<unknown, (answer: Answer) => void>();
  #id = 0;
  /** The request that {@link ask} waits for, its answer, and who to wake. */
  #asked: number | undefined;
  #answer: Answer | undefined;
  #wake: ((answer: Answer) => void) | undefined;

  constructor(end: End) {
    this.#end = end as unknown as { send(message: unknown): Promise<void> };
    end.onmessage = (message: Answer) => {
      if (message.id === this.#asked && message.method === undefined) {
        this.#asked = undefined;
        if (this.#wake === undefined) this.#answer = message;
        else this.#wake(message);
        return;
      }
      const waiting = this.#waiting.get(message.id);
      if (waiting === undefined) return;
      this.#waiting.delete(message.id);
      waiting(message);
    };
  }

  /** One request at a time, with as little around it as can be: an answer that comes at once is returned at once. */
  ask(method: string, params: Json): Answer | Promise<Answer> {
    this.#asked = ++this.#id;
    this.#answer = undefined;
    this.#wake = undefined;
    void this.#end.send({ jsonrpc: "2.0", id: this.#asked, method, params });
    return this.#answer ?? new Promise((resolve) => (this.#wake = resolve));
  }

  /** Any number of requests at a time. */
  async request(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#id;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      void this.#end.send({ jsonrpc: "2.0", id, method, params });
    });
    return settled(answer);
  }

  /** The handshake of 2025-11-25. */
  async initialize(capabilities: Json = {}): Promise<void> {
    await this.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities,
      clientInfo: { name: "bench", version: "1" },
    });
    void this.#end.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  }
}

/** The result of an answer, which must be one. */
export function settled(answer: Answer): Json {
  if (answer.result === undefined) throw new Error(answer.error?.message ?? "no result");
  return answer.result;
}

/** The id in the answer to a call that became a task (2025-11-25). */
export function taskIdOf(result: Json): string {
  const id = (result.task as Json | undefined)?.taskId;
  if (typeof id !== "string") throw new Error("the call did not become a task");
  return id;
}

/** Calls a tool as a task `count` times, a batch at a time; resolves with the ids when all are there. */
export async function seed(requester: Requester, tool: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(500, count - ids.length) }, () =>
      requester.request("tools/call", { name: tool, arguments: {}, task: {} }),
    );
    for (const result of await Promise.all(batch)) ids.push(taskIdOf(result));
    // Handlers may need a turn of the event loop to end.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ids;
}

/** The same ids in another order, the same in each run. */
export function shuffled(ids: readonly string[]): string[] {
  const result = [...ids];
  let state = 1;
  for (let at = result.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = state % (at + 1);
    [result[at], result[other]] = [result[other] as string, result[at] as string];
  }
  return result;
}
