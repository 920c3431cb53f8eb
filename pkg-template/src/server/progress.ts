import type { Message } from "../tap.ts";
import { LONGEST_MESSAGE, bounded } from "./bounds.ts";
import type { Call } from "./pending-call.ts";
import { own, textOf } from "../json.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";
import * as core from "../wasm/generated/server.js";

/** The notifications of handlers whose calls may be tasks. */
export class Progress {
  readonly #port: Port;
  readonly #registry: Registry;
  /** Calls whose latest progress no stream carried, by task id. */
  readonly #unheard = new Map<string | undefined, Call>();

  constructor(port: Port, registry: Registry) {
    this.#port = port;
    this.#registry = registry;
  }

  /** A handler's notification; whether it goes the ordinary way, because its call is no task. */
  isOrdinary(call: Call, message: Message): boolean {
    const { receiver } = this.#port;
    if (core.isOrdinary(receiver, call.number)) return true;
    if (message.method !== "notifications/progress") {
      this.#tell(call, message);
      return false;
    }
    const text = textOf(message.params, "message");
    // Where a task has no progress, its text becomes the status message.
    if (!call.revision.hasProgress && text !== undefined)
      this.#port.enter(core.setStatusMessage, call.number, bounded(text, LONGEST_MESSAGE));
    const value = own(message.params, "progress");
    // A caller that gave no token wants no progress.
    if (own(message.params, "progressToken") === undefined || typeof value !== "number") return false;
    const before = call.unsent;
    call.unsent = message;
    if (!this.#port.enter(core.progress, call.number, value)) call.unsent = before;
    return false;
  }

  /** Sends the latest progress of a task that was not sent. */
  tellLatest(call: Call): void {
    const message = call.unsent;
    if (message === undefined) return;
    if (this.#tell(call, message)) call.unsent = undefined;
    else this.#unheard.set(call.taskId, call);
  }

  /** A client has asked for a task: perhaps its progress is heard now. */
  tellUnheard(taskId: string): void {
    const call = this.#unheard.get(taskId);
    if (call === undefined) return;
    this.#unheard.delete(taskId);
    this.tellLatest(call);
  }

  /** The handler of a call does not run as a task any longer. */
  forget(call: Call): void {
    call.unsent = undefined;
    if (call.taskId !== undefined) this.#unheard.delete(call.taskId);
  }

  /** Sends a task's message where its client listens; says whether it does. Nothing else is kept for later (H74). */
  #tell(call: Call, message: Message): boolean {
    const number = core.route(this.#port.receiver, call.number);
    if (number === undefined) return false;
    const on = this.#registry.requests.get(number);
    if (on !== undefined && !on.link.isStillAuthorized(on)) {
      this.#port.enter(core.lapse, number);
      return false;
    }
    const link = on?.link ?? call.link;
    const route = link.routeTo(on, call.owner);
    if (route !== undefined) link.sendForTask(call.taskId, message, route);
    return route !== undefined;
  }
}
