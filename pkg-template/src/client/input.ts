import { NAME } from "../name.ts";
import { isObject, type Json, own } from "../json.ts";
import { TaskError } from "../errors.ts";
import type { Message, SendOptions } from "../tap.ts";
import { LONGEST_TIMER } from "../clock.ts";
import type { Calls } from "./calls.ts";
import { type FollowedTask, refusalOf } from "./followed-task.ts";
import type { Link } from "./link.ts";
import type { ConnectedClient } from "./call-plan.ts";
import type { Port } from "./port.ts";
import type { Driven, Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import * as core from "../wasm/generated/client.js";

/** Marks a call that is made only so that the SDK's own driver answers an input request; never sent. */
export const PROMPT: string = `${NAME}/prompt`;
/** The key of that request for the driver, which drops some names. */
const DRIVEN = "input";

/** The method of that call. */
const DRIVEN_METHOD = "tools/call";

/** The answer for a user that neither accepts nor declines (G26-INP-09). */
const DISMISSED = { action: "cancel" };

/** Input of the newer generation, answered by the SDK client's own handlers. */
export class Input {
  readonly #port: Port;
  readonly #link: Link;
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #calls: Calls;
  /** Begins the tokens that are ours, so that no peer makes one. */
  readonly #secret = String(Math.random()).slice(2);
  /** Tasks with input requests for the next round of a call. */
  readonly #queued = new Set<FollowedTask>();
  /** Whether this SDK client answers no input by itself. */
  #manual = false;

  constructor(port: Port, link: Link, registry: Registry, session: Session, calls: Calls) {
    this.#port = port;
    this.#link = link;
    this.#registry = registry;
    this.#session = session;
    this.#calls = calls;
  }

  /** A call that the SDK makes for us, or repeats with answers; undefined for any other. */
  takes(message: Message, options: SendOptions): Promise<void> | undefined {
    const params = message.params;
    if (!isObject(params)) return undefined;
    const prompt = own(params, "_meta", PROMPT);
    if (prompt !== undefined) return this.#drive(message, params, this.#registry.driven.get(String(prompt)));
    const state = own(params, "requestState");
    if (typeof state !== "string" || !state.startsWith(this.#secret)) return undefined;
    return this.#repeated(message, params, options, Number(state.slice(this.#secret.length + 1)));
  }

  /** Has the SDK's driver answer one request, by a call of its own that is never sent. */
  async #promptThrough(client: ConnectedClient, number: number, task: FollowedTask, key: string): Promise<void> {
    const token = `${this.#secret}:${number}:${task.prompts.size}:${String(Math.random())}`;
    const driven: Driven = { request: own(task.listed, key) };
    const stop = new AbortController();
    task.prompts.set(key, stop);
    this.#registry.driven.set(token, driven);
    let failure: unknown;
    try {
      const request = client.request as unknown as (request: Json, options: Json) => Promise<unknown>;
      await request.call(
        client,
        { method: DRIVEN_METHOD, params: { name: task.tool, _meta: { [PROMPT]: token } } },
        { timeout: LONGEST_TIMER, signal: stop.signal },
      );
    } catch (thrown) {
      failure = thrown;
    } finally {
      this.#registry.driven.delete(token);
    }
    const wanted = task.prompts.get(key) === stop && !stop.signal.aborted;
    if (wanted) task.prompts.delete(key);
    const answered = own(driven, "response") !== undefined;
    const refused = failure instanceof Error && (failure as { code?: unknown }).code === "UNSUPPORTED_RESULT_TYPE";
    if (wanted && !answered && refused) {
      // This client answers no input by itself: the caller does, in rounds of its call.
      this.#manual = true;
      this.#enqueue(task, key);
      return this.#port.enter(() => {});
    }
    // A handler whose question was taken back may go on for as long as it likes: until it returns, its prompt is open.
    this.#port.enter(core.promptsOver, 1);
    if (!wanted) return;
    if (answered) return this.#answered(number, task, key, driven.response);
    this.#link.report(
      new TaskError("protocol", `The input request "${key}" was not answered: its handler failed`, {
        cause: failure,
        taskId: task.id,
      }),
    );
    // A form that cannot be shown was dismissed; nothing of the kind can be said for sampling and roots (G26-INP-09).
    if (own(driven.request, "method") === "elicitation/create") return this.#answered(number, task, key, DISMISSED);
    this.#port.enter((requestor) => core.noInput(requestor, number, key));
  }

  async #drive(message: Message, params: Json, driven: Driven | undefined): Promise<void> {
    if (driven === undefined) throw new TaskError("detached", "The task is not followed any more");
    const responses = own(params, "inputResponses");
    const token = own(params, "_meta", PROMPT);
    const repeated = own(params, "requestState") === token;
    if (repeated) driven.response = own(responses, DRIVEN);
    const result: Json = repeated
      ? { resultType: "complete", content: [] }
      : { resultType: "input_required", inputRequests: { [DRIVEN]: driven.request }, requestState: token };
    await Promise.resolve();
    this.#link.deliver({ jsonrpc: "2.0", id: message.id, result });
  }

  /** An answer is stored before it is sent, so that it is not asked for again. */
  #answered(number: number, task: FollowedTask, key: string, response: unknown): void {
    const give = (): void => this.#give(number, task, key, response);
    const { journal } = this.#link.shared;
    if (journal === undefined) return give();
    journal
      .answered(task.id, key, response)
      .catch((error: TaskError) => this.#link.report(error))
      .then(give, () => {});
  }

  #give(number: number, task: FollowedTask, key: string, response: unknown): void {
    task.answers.set(key, response);
    this.#port.enter(core.input, number, key);
  }

  #enqueue(task: FollowedTask, key: string): void {
    task.queue.push(key);
    this.#queued.add(task);
  }

  /** Has the SDK's driver answer requests as part of the call itself: it repeats the call with the responses. */
  promptInCalls(): void {
    if (this.#queued.size === 0) return;
    for (const task of [...this.#queued]) {
      this.#queued.delete(task);
      const call = [...task.calls]
        .map((number) => this.#registry.calls.get(number))
        .find((known) => known?.id !== undefined);
      if (call === undefined || task.queue.length === 0) continue;
      const keys = task.queue.splice(0);
      const id = call.id;
      this.#registry.callsById.delete(id);
      call.id = undefined;
      call.round = keys;
      const inputRequests = Object.fromEntries(keys.map((key) => [key, own(task.listed, key)]));
      this.#link.deliver({
        jsonrpc: "2.0",
        id,
        result: { resultType: "input_required", inputRequests, requestState: `${this.#secret}:${call.number}` },
      });
    }
  }

  /** The SDK repeats a call, with the responses of the round. */
  #repeated(message: Message, params: Json, options: SendOptions, number: number): Promise<void> {
    const call = this.#registry.calls.get(number);
    if (call === undefined) {
      queueMicrotask(() =>
        this.#link.deliver({
          jsonrpc: "2.0",
          id: message.id,
          error: { code: -32603, message: "The task is not followed any more" },
        }),
      );
      return Promise.resolve();
    }
    const keys = call.round;
    call.round = [];
    if (keys.length > 0) this.#port.enter(core.promptsOver, keys.length);
    call.id = message.id;
    this.#registry.callsById.set(message.id, call);
    this.#calls.listen(call, options);
    const task = call.task === undefined ? undefined : this.#registry.tasks.get(call.task);
    if (call.late !== undefined) {
      const late = call.late;
      queueMicrotask(() => this.#calls.finish(call, late));
    } else if (task !== undefined && call.task !== undefined) {
      const number = call.task;
      const responses = own(params, "inputResponses");
      this.#port.enter((requestor, now) => {
        for (const key of keys) {
          const response = own(responses, key);
          if (response === undefined) {
            this.#link.report(
              new TaskError("protocol", `The input request "${key}" was not answered`, { taskId: task.id }),
            );
            core.noInput(requestor, number, key);
          } else {
            if (this.#link.shared.journal !== undefined) this.#answered(number, task, key, response);
            else {
              task.answers.set(key, response);
              core.input(requestor, now, number, key);
            }
          }
        }
        this.#queued.add(task);
      });
    }
    return Promise.resolve();
  }

  prompt(number: number, key: string, again: boolean): void {
    const task = this.#registry.tasks.get(number);
    if (task === undefined) return;
    const { journal } = this.#link.shared;
    if (journal === undefined) return this.#ask(number, task, key, again);
    const recalling = new AbortController();
    task.prompts.set(key, recalling);
    const go = (known?: { readonly answer: unknown }): void => {
      if (task.prompts.get(key) !== recalling || recalling.signal.aborted) return this.#port.enter(core.promptsOver, 1);
      task.prompts.delete(key);
      if (known === undefined) return this.#ask(number, task, key, again);
      this.#port.enter(core.promptsOver, 1);
      this.#give(number, task, key, known.answer);
    };
    journal.recall(task.id, key, own(task.listed, key), again).then(go, (error: TaskError) => {
      this.#link.report(error);
      go();
    });
  }

  #ask(number: number, task: FollowedTask, key: string, again: boolean): void {
    if (again) {
      const { text, cause } = refusalOf(task);
      const message = `The server did not take the answer to the input request "${key}", which is asked again${text}`;
      this.#link.report(new TaskError("protocol", message, { taskId: task.id, ...cause }));
    }
    if (
      this.#session.client?.getProtocolEra !== undefined &&
      this.#session.client.request !== undefined &&
      !this.#manual
    )
      void this.#promptThrough(this.#session.client, number, task, key);
    else this.#enqueue(task, key);
  }

  dismiss(number: number, key: string): void {
    this.#registry.tasks.get(number)?.answers.set(key, DISMISSED);
  }

  withdraw(number: number, key: string): void {
    const task = this.#registry.tasks.get(number);
    const prompt = task?.prompts.get(key);
    task?.prompts.delete(key);
    prompt?.abort();
    const queued = task?.queue.indexOf(key) ?? -1;
    if (queued >= 0) {
      task?.queue.splice(queued, 1);
      this.#port.enter(core.promptsOver, 1);
    }
  }
}
