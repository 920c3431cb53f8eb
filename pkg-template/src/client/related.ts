import { isObject, own } from "../json.ts";
import { RELATED_TASK } from "../wire/names.ts";
import type { Message } from "../tap.ts";

/** The most that are remembered. */
const MOST = 1000;

/** Requests of the server that belong to a task: their answers must name it. */
export class Related {
  /** The ids of their tasks, by id. */
  readonly #tasks = new Map<unknown, string>();

  /** Takes a request of the server; answers whether it is new. */
  isNew(request: Message): boolean {
    // The same question on another stream: it is being answered (G25-INP-07).
    if (this.#tasks.has(request.id)) return false;
    const task = own(request, "params", "_meta", RELATED_TASK, "taskId");
    if (typeof task === "string" && this.#tasks.size < MOST) this.#tasks.set(request.id, task);
    return true;
  }

  /** The answer to a request of a task names the task (G25-INP-06). */
  named(message: Message): Message {
    const taskId = this.#tasks.get(message.id);
    if (taskId === undefined) return message;
    this.#tasks.delete(message.id);
    if (!isObject(message.result)) return message;
    const meta = own(message.result, "_meta");
    return {
      ...message,
      result: { ...message.result, _meta: { ...(isObject(meta) ? meta : {}), [RELATED_TASK]: { taskId } } },
    };
  }

  /** The server has taken the request back. */
  forget(id: unknown): void {
    this.#tasks.delete(id);
  }

  clear(): void {
    this.#tasks.clear();
  }
}
