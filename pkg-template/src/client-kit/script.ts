// A server that is written by hand: it answers as a case says, and keeps every frame that it got.

/** A message as it is on the wire. */
export interface Frame {
  readonly jsonrpc?: string;
  readonly id?: unknown;
  readonly method?: string;
  // A case reads what a client sent: anything may be in it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The client's end of a connection in memory: what both official SDKs call a transport. */
export interface KitTransport {
  /** Begins to receive. */
  start(): Promise<void>;
  /** Sends a message to the case's server. */
  send(message: unknown, options?: unknown): Promise<void>;
  /** Closes the connection. */
  close(): Promise<void>;
  /** Set by the client: it gets a message. */
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  /** Set by the client: the connection is closed. */
  onclose?: (() => void) | undefined;
  /** Set by the client: something is wrong with the connection. */
  onerror?: ((error: Error) => void) | undefined;
}

/** What a method is answered with: a result, an error, or nothing at all. */
export type Reply = { readonly result: object } | { readonly error: NonNullable<Frame["error"]> } | undefined;
export type Script = Readonly<Record<string, (frame: Frame) => Reply | Promise<Reply>>>;

export class ScriptedServer {
  /** What the client has sent, in its order. */
  readonly frames: Frame[] = [];
  readonly transport: KitTransport;
  readonly #script: Record<string, (frame: Frame) => Reply | Promise<Reply>>;
  #isClosed = false;
  #lastId = 0;
  readonly #asked = new Map<unknown, (frame: Frame) => void>();

  constructor(script: Script) {
    this.#script = { ping: () => ({ result: {} }), ...script };
    this.transport = {
      start: async () => {},
      send: async (message) => {
        if (this.#isClosed) throw new Error("The connection is closed");
        const frame = JSON.parse(JSON.stringify(message)) as Frame;
        this.frames.push(frame);
        void this.#answer(frame);
      },
      close: async () => this.close(),
    };
  }

  /** The frames of a method. */
  all(method: string): Frame[] {
    return this.frames.filter((frame) => frame.method === method);
  }

  /** Sends a message of the server's own. */
  push(message: object): void {
    if (!this.#isClosed) this.transport.onmessage?.(JSON.parse(JSON.stringify(message)) as never);
  }

  /** Asks the client, as servers of 2025-11-25 do; resolves with its answer. */
  ask(method: string, params: object): Promise<Frame> {
    const id = `asked-${++this.#lastId}`;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.push({ jsonrpc: "2.0", id, method, params });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.transport.onclose?.();
  }

  async #answer(frame: Frame): Promise<void> {
    if (frame.method === undefined) return this.#asked.get(frame.id)?.(frame);
    if (frame.id === undefined) return;
    await Promise.resolve();
    const answer = this.#script[frame.method];
    const missing = { error: { code: -32601, message: "Method not found" } };
    const reply = answer === undefined ? missing : await answer(frame);
    if (reply !== undefined) this.push({ jsonrpc: "2.0", id: frame.id, ...reply });
  }
}
