// Steps of handlers: what each has led to is stored with its task, so that a handler that runs again passes over it.
import { PartCode, Stop, Withdrawal } from "../core/codes.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import { own } from "../json.ts";
import type { MaybePromise } from "../store.ts";
import * as core from "../wasm/generated/server.js";
import { bounded, LONGEST_NAME } from "./bounds.ts";
import { storableText } from "./payload.ts";
import { type Call, stopped } from "./pending-call.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";

/** Why a step is not kept. */
const LOSSES: Readonly<Partial<Record<Withdrawal, readonly [code: TaskErrorCode, message: string]>>> = {
  [Withdrawal.TooMany]: ["limit", "A task keeps at most 1,000 steps, and no more than `limits.resultBytes` in all."],
  [Withdrawal.Storage]: ["storage", "The task store failed; what the step led to could not be stored."],
};

/** The steps of one server's handlers. */
export class Steps {
  readonly #port: Port;
  readonly #registry: Registry;

  constructor(port: Port, registry: Registry) {
    this.#port = port;
    this.#registry = registry;
  }

  /** A handler takes a step; what its task has kept of an earlier run is taken instead. */
  async take(call: Call, name: string, run: () => MaybePromise<unknown>): Promise<unknown> {
    if (typeof name !== "string" || name === "" || name.length > LONGEST_NAME || typeof run !== "function")
      throw new TaskError("invalid_argument", NO_STEP);
    if (call.signal.aborted) throw call.signal.reason;
    const number = ++call.steps;
    const kept = call.stored?.part(PartCode.Step, String(number));
    if (kept !== undefined) {
      const before = own(kept, "name");
      if (before === name) return structuredClone(own(kept, "value"));
      throw new TaskError("changed", changed(number, name, bounded(String(before), LONGEST_NAME)), {
        taskId: call.taskId,
      });
    }
    const value = await this.#run(call, number, run);
    if (call.signal.aborted) throw call.signal.reason;
    const text = storableText({ name, value });
    if (text === undefined)
      throw new TaskError("invalid_argument", `What the step "${name}" led to must be something that JSON can hold.`);
    if (call.taskId !== undefined) await this.#keep(call, number, text);
    return own(JSON.parse(text), "value");
  }

  async #run(call: Call, number: number, run: () => MaybePromise<unknown>): Promise<unknown> {
    try {
      return await run();
    } catch (error) {
      // It may be taken again, in the same place.
      if (call.steps === number) call.steps--;
      throw error;
    }
  }

  #keep(call: Call, number: number, text: string): Promise<void> {
    const id = this.#registry.next();
    return new Promise((resolve, reject) => {
      this.#registry.steps.set(id, { call, number, text, settle: { resolve, reject } });
      this.#port.enter(core.step, call.number, id, number);
    });
  }

  kept(id: number): void {
    const step = this.#registry.steps.get(id);
    this.#registry.steps.delete(id);
    step?.settle.resolve();
  }

  lost(id: number, reason: Withdrawal): void {
    const step = this.#registry.steps.get(id);
    this.#registry.steps.delete(id);
    const loss = LOSSES[reason];
    if (step === undefined) return;
    step.settle.reject(loss === undefined ? over(step.call) : new TaskError(...loss, { taskId: step.call.taskId }));
  }

  /** The core no longer needs the call: what is not stored by now will not be. */
  release(call: Call): void {
    for (const [id, step] of this.#registry.steps) if (step.call === call) this.lost(id, Withdrawal.Ended);
  }

  /** The core was started anew: it is told of those that are not stored. */
  takeAlong(): void {
    for (const [id, { call, number }] of this.#registry.steps) this.#port.give(core.step, call.number, id, number);
  }
}

/** Why a step of a task that is over here leads nowhere. */
function over(call: Call): unknown {
  return call.signal.aborted ? call.signal.reason : stopped(Stop.Lost, call.taskId);
}

const NO_STEP = `step() takes a name of 1 to ${LONGEST_NAME} characters and a function.`;

function changed(number: number, name: string, before: string): string {
  return (
    `Step ${number} of this task was "${before}" when the task ran before, and is "${name}" now: the handler's code ` +
    "has changed under a running task. Let steps keep their names and their order until tasks that began before " +
    "have ended, or register the new code as another tool."
  );
}
