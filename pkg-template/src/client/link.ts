import { TaskError } from "../errors.ts";
import type { Message, SendOptions, Wire } from "../tap.ts";
import type { Shared } from "./call-plan.ts";

/** The ways out of one connection: the server below, the SDK above, the application beside. None of them throws. */
export class Link {
  readonly wire: Wire;
  readonly shared: Shared;
  /** `closed`: the connection is; `broken`: the core is lost, and the connection goes on without tasks. */
  state: "open" | "closed" | "broken" = "open";

  constructor(wire: Wire, shared: Shared) {
    this.wire = wire;
    this.shared = shared;
  }

  /** Hands a message to the server; rejects where a transport throws. */
  send(message: Message, options: SendOptions): Promise<void> {
    try {
      return Promise.resolve(this.wire.send(message, options));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** Hands a message to the SDK, as if the server had sent it. */
  deliver(message: Message): void {
    if (this.state === "closed") return;
    try {
      this.wire.deliver(message);
    } catch (cause) {
      this.report(new TaskError("internal", "The SDK's client threw while it took an answer", { cause }));
    }
  }

  /** Tells the application what it would not hear otherwise. */
  report(error: TaskError): void {
    try {
      this.shared.onerror(error);
    } catch {
      // Nothing is left to tell.
    }
  }

  /** Calls one of the application's functions; what it throws is reported. */
  tell<Value>(hook: ((value: Value) => void) | undefined, value: Value, name: string, taskId: string): void {
    try {
      hook?.(value);
    } catch (cause) {
      this.report(new TaskError("invalid_argument", `\`${name}\` threw`, { cause, taskId }));
    }
  }
}
