import { methodBits } from "../wire/methods.ts";
import { NAME } from "../name.ts";
import { Assembler } from "../core/assembler.ts";
import { now } from "../clock.ts";
import type { Instance } from "../core/half.ts";
import { TaskError } from "../errors.ts";
import { Numbers } from "../numbers.ts";
import type { Ending, Problem, RequestMethod, TaskStatus } from "../wasm/generated/client.js";
import * as core from "../wasm/generated/client.js";
import type { Sleeper } from "./alarm.ts";
import { clientCore } from "./core.ts";
import type { RpcError } from "./followed-task.ts";
import type { Link } from "./link.ts";
import type { Json } from "../json.ts";

/** What the requestor asks of its host; twin of `RequestorHost` in `src/bindings/requestor.rs`. No method throws. */
export interface RequestorHost {
  /** Puts together what the core writes. */
  readonly assembler: Assembler;
  /** The message that is put together next has holes for answers of this task. */
  beginAnswers(task: number): void;
  /** Hand the call to the peer; with `offer`, what was put together goes into its `params`. */
  sendCall(call: number, offer: boolean): void;
  /** Read a page of `tools/list`. */
  list(request: number, cursor: string | undefined): void;
  /** Send a request about a task; its `params` were put together. */
  ask(request: number, task: number, method: RequestMethod): void;
  /** Open a stream for pushed snapshots; its `params` were put together. */
  listen(request: number): void;
  unlisten(request: number): void;
  /** Let the cancellation of a call through. */
  forward(call: number): void;
  /** Close the exchange of a call that was given up. */
  hangUp(call: number): void;
  /** The call has become a task, or found the task it resumes. */
  created(call: number, task: number): void;
  /** The task has a new snapshot; `progress`: it is the progress of the task's calls. */
  changed(task: number, payload: number, progress: boolean): void;
  /** Keep this error: it may be the outcome. */
  hold(task: number, payload: number): void;
  /** Have the user's handlers answer an input request; `again` after the server refused the first answer. */
  prompt(task: number, key: string, again: boolean): void;
  withdraw(task: number, key: string): void;
  /** The answer to this input request is not needed any more. */
  dropInput(task: number, key: string): void;
  report(task: number, key: string, problem: Problem): void;
  /** The server refused an update with this error. */
  refused(task: number, payload: number): void;
  /** The answer to this input request is that the user has dismissed it. */
  dismiss(task: number, key: string): void;
  /** The task is over; `payload` 0: the held error, or one of ours. */
  ended(task: number, ending: Ending, status: TaskStatus | undefined, payload: number): void;
  answerReply(call: number): void;
  answerOutcome(call: number, task: number): void;
  /** Answer with an error of ours. */
  answerLocal(call: number, ending: Ending): void;
  cancelled(waiter: number, status: TaskStatus | undefined, error: Ending | undefined): void;
  forget(task: number): void;
}

/** What a message brought, kept while the core looks at it. */
export interface Kept {
  readonly snapshot?: Json | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The connection that the requestor is for. Woken when the core's next deadline is there. */
export interface PortOwner extends Sleeper {
  /** Does what the core wants. */
  readonly host: RequestorHost;
  /** Everything that the core wanted was done. */
  drained(): void;
  /** The core is lost, and with it what it knew. */
  broken(error: TaskError): void;
}

/** The requestor in the core, for one connection: the only way in, and what happens when the core traps. */
export class Port {
  readonly #owner: PortOwner;
  readonly #link: Link;
  readonly #instance: Instance;
  readonly #requestor: number;
  readonly assembler: Assembler;
  readonly kept: Map<number, Kept> = new Map();
  readonly #numbers = new Numbers((number) => this.kept.has(number));
  #keeping: number[] = [];

  constructor(owner: PortOwner, link: Link) {
    this.#owner = owner;
    this.#link = link;
    this.#instance = clientCore.load();
    this.assembler = new Assembler();
    const { methods, poll, maxAge, requestTimeout, listen } = link.shared;
    this.#requestor = clientCore.number(this);
    const { min, max, initial } = poll;
    const bits = methodBits(methods);
    core.makeRequestor(this.#requestor, min, max, initial, maxAge, requestTimeout, listen, Math.random(), bits);
  }

  /** Keeps what a message brought until the input that names it was handled. */
  keep(kept: Kept): number {
    const number = this.#numbers.next();
    this.kept.set(number, kept);
    this.#keeping.push(number);
    return number;
  }

  /** Gives the core an input, which is told for which requestor and when, and does what the core wants. */
  enter<Rest extends unknown[]>(input: (requestor: number, now: number, ...rest: Rest) => void, ...rest: Rest): void {
    if (this.#link.state !== "open") return;
    const outer = this.#keeping;
    this.#keeping = [];
    try {
      input(this.#current(), now(), ...rest);
      let deadline = NaN;
      while (Number.isNaN(deadline)) deadline = core.step(this.#current(), this.#owner.host, this.assembler);
      if (this.#link.state === "open") this.#link.shared.alarm.set(this.#owner, deadline);
      this.#owner.drained();
    } catch (cause) {
      this.#owner.broken(cause instanceof TaskError ? cause : clientCore.poison(this.#instance, cause));
    } finally {
      for (const payload of this.#keeping) this.kept.delete(payload);
      this.#keeping = outer;
    }
  }

  /** The JSON-RPC error for a task, or a call, that ended so and brought none of its own. */
  errorOf(ending: Ending, task?: string): RpcError {
    core.writeError(ending, task, this.assembler);
    return this.assembler.take() as unknown as RpcError;
  }

  /** The number of the requestor. Throws a {@link TaskError} where a trap that another connection met has cost it. */
  #current(): number {
    if (!clientCore.isCurrent(this.#instance))
      throw new TaskError(
        "internal",
        `The core of ${NAME} was started anew; tasks of this connection can be resumed on another.`,
      );
    return this.#requestor;
  }
}
