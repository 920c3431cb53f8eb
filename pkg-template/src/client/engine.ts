import { Assembler } from "../assembler.ts";
import { TaskError } from "../errors.ts";
import type { Message, SendOptions, Wire } from "../tap.ts";
import type { Connection } from "./connection.ts";
import { type ClientCore, clientCore } from "./core.ts";
import type { Json } from "./message.ts";
import type { Shared } from "./plan.ts";

/** Numbers of our own requests begin here: numbers, because the SDKs coerce ids, and far from theirs. */
export const OWN_IDS: number = 2 ** 52;

/** What a message brought, kept while the core looks at it. */
export interface Kept {
  readonly snapshot?: Json | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The core of one connection, and the wire below it. */
export class Engine {
  readonly #on: Connection;
  readonly wire: Wire;
  readonly shared: Shared;
  readonly core: ClientCore;
  readonly requestor: InstanceType<ClientCore["Requestor"]>;
  readonly assembler: Assembler;
  state: "open" | "closed" | "broken" = "open";
  readonly kept: Map<number, Kept> = new Map();
  #lastKept = 0;
  #keeping: number[] = [];
  lastId: number = OWN_IDS + Math.floor(Math.random() * 2 ** 48);

  constructor(on: Connection, wire: Wire, shared: Shared) {
    this.#on = on;
    this.wire = wire;
    this.shared = shared;
    this.core = clientCore.load();
    this.assembler = new Assembler(this.core.names);
    const { min, max, initial } = shared.poll;
    this.requestor = new this.core.Requestor(min, max, initial, shared.maxAge, shared.listen, Math.random());
  }

  async send(message: Message, options: SendOptions): Promise<void> {
    await this.wire.send(message, options);
  }

  deliver(message: Message): void {
    if (this.state === "closed") return;
    try {
      this.wire.deliver(message);
    } catch (cause) {
      this.report(new TaskError("internal", "The SDK's client threw while it took an answer", { cause }));
    }
  }

  report(error: TaskError): void {
    try {
      this.shared.onerror(error);
    } catch {
      // Nothing is left to tell.
    }
  }

  keep(kept: Kept): number {
    this.kept.set(++this.#lastKept, kept);
    this.#keeping.push(this.#lastKept);
    return this.#lastKept;
  }

  /** Gives the core an input and does what it wants. */
  run(input: () => void, closing = false): void {
    if (this.state === "broken" || (this.state === "closed" && !closing)) return;
    const outer = this.#keeping;
    this.#keeping = [];
    try {
      if (clientCore.load() !== this.core) throw new TaskError("internal", "The core of mcp-tasks was started anew; tasks of this connection can be resumed on another");
      input();
      this.requestor.drain(this.#on.host, this.assembler);
      if (this.#on.input.queued.size > 0) this.#on.input.promptInCalls();
      if (this.state === "open") this.shared.alarm.set(this.#on, this.requestor.nextDeadline());
    } catch (cause) {
      this.#on.broken(cause instanceof TaskError ? cause : clientCore.poison(this.core, cause));
    } finally {
      for (const payload of this.#keeping) this.kept.delete(payload);
      this.#keeping = outer;
    }
  }
}
