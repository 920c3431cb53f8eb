import { Assembler } from "../assembler.ts";
import { now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { Numbers, OWN_IDS } from "../numbers.ts";
import type { Message, SendOptions, Wire } from "../tap.ts";
import type { Connection } from "./connection.ts";
import type { Instance } from "../core.ts";
import { clientCore } from "./core.ts";
import type { Json } from "./message.ts";
import type { Shared } from "./plan.ts";
import * as core from "../wasm/generated/client.js";

/** Whether an id is one of our own requests'. */
export function isOwnId(id: unknown): boolean {
  return typeof id === "number" && id >= OWN_IDS.first && id <= OWN_IDS.last;
}

/** What a message brought, kept while the core looks at it. */
export interface Kept {
  readonly snapshot?: Json | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The core of one connection, and the wire below it. */
export class Port {
  readonly #on: Connection;
  readonly #instance: Instance;
  readonly wire: Wire;
  readonly shared: Shared;
  readonly #requestor: number;
  readonly assembler: Assembler;
  state: "open" | "closed" | "broken" = "open";
  readonly kept: Map<number, Kept> = new Map();
  readonly #numbers = new Numbers((number) => this.kept.has(number));
  #keeping: number[] = [];
  /** A session may outlive a process, so the ids begin anywhere. */
  readonly #ids = new Numbers(
    (id) => this.#on.isOpen(id),
    OWN_IDS,
    OWN_IDS.first + Math.floor(Math.random() * 2 ** 29),
  );

  constructor(on: Connection, wire: Wire, shared: Shared) {
    this.#on = on;
    this.wire = wire;
    this.shared = shared;
    this.#instance = clientCore.load();
    this.assembler = new Assembler(this.#instance.names);
    const { min, max, initial } = shared.poll;
    this.#requestor = clientCore.number(this);
    core.makeRequestor(this.#requestor, min, max, initial, shared.maxAge, shared.listen, Math.random());
  }

  /**
   * The number of the core's requestor. Throws a {@link TaskError} where it is lost, through a trap that another
   * connection met.
   */
  get requestor(): number {
    if (!clientCore.isCurrent(this.#instance))
      throw new TaskError(
        "internal",
        "The core of mcp-longhaul was started anew; tasks of this connection can be resumed on another.",
      );
    return this.#requestor;
  }

  /** The names on the wire, by number. */
  get names(): readonly string[] {
    return this.#instance.names;
  }

  /** An id for a request of our own that no open request has. */
  nextId(): number {
    return this.#ids.next();
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
    const number = this.#numbers.next();
    this.kept.set(number, kept);
    this.#keeping.push(number);
    return number;
  }

  /** Gives the core an input, which is told who asks and when, and does what it wants. */
  enter<Rest extends unknown[]>(input: (requestor: number, now: number, ...rest: Rest) => void, ...rest: Rest): void {
    if (this.state !== "open") return;
    const outer = this.#keeping;
    this.#keeping = [];
    try {
      input(this.requestor, now(), ...rest);
      while (core.step(this.requestor, this.#on.host, this.assembler));
      if (this.#on.input.queued.size > 0) this.#on.input.promptInCalls();
      if (this.state === "open") this.shared.alarm.set(this.#on, core.nextDeadline(this.requestor));
    } catch (cause) {
      this.#on.broken(cause instanceof TaskError ? cause : clientCore.poison(this.#instance, cause));
    } finally {
      for (const payload of this.#keeping) this.kept.delete(payload);
      this.#keeping = outer;
    }
  }
}
