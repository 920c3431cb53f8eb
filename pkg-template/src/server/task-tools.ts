// Clients without tasks get long work too: a call that takes long is answered with a handle that a model can read, and
// tools of ours stand for the requests that such a client does not have. To the core, all of it comes from a client of
// the stateless revision, so that one set of rules holds for both kinds of client.
import { now } from "../clock.ts";
import type { Extra, Message } from "../tap.ts";
import type { TaskTool } from "../types.ts";
import { isObject, own, textOf } from "../json.ts";
import { STATELESS, listenTo } from "../wire/revisions.ts";
import type { Gate } from "./gate.ts";
import type { Link } from "./link.ts";
import type { Completion } from "./sdk-requests.ts";
import type { Shared } from "./shared-by-connections.ts";
import { type Carrier, Subscription } from "./subscription.ts";
import type { TaskRequests } from "./task-requests.ts";
import { type Result, STAND_IN, answerTo, failed, noSuchQuestion, plain, told } from "./task-texts.ts";

/** What clients without tasks are offered on one connection. */
export class TaskTools {
  readonly #shared: Shared;
  readonly #link: Link;
  readonly #gate: Gate;
  readonly #requests: TaskRequests;
  readonly #waiting = new Set<Wait>();

  constructor(shared: Shared, link: Link, gate: Gate, requests: TaskRequests) {
    this.#shared = shared;
    this.#link = link;
    this.#gate = gate;
    this.#requests = requests;
  }

  /** What is put over the answer to `tools/list`: our tools on its last page. */
  readonly listed: Completion = (result) => {
    const { tools, nextCursor } = result;
    if (!Array.isArray(tools)) return undefined;
    const { policies, taskTools } = this.#shared.settings;
    // The handle of a task need not be what the tool would return.
    const own = tools.map((tool: unknown) => {
      if (!isObject(tool) || policies.ofTool(textOf(tool, "name") ?? "").withoutTasks === undefined) return tool;
      const { outputSchema: _schema, ...rest } = tool;
      return rest;
    });
    const ours = nextCursor === undefined ? taskTools.list() : [];
    return { tools: [...own, ...ours.filter((tool) => !this.#gate.hasTool((tool as TaskTool).name ?? ""))] };
  };

  /** A call of a client without tasks; whether it is for a tool of ours. */
  take(message: Message, extra: Extra): boolean {
    const name = textOf(message.params, "name");
    const kind = this.#shared.settings.taskTools.kindOf(name);
    if (kind === undefined || this.#gate.hasTool(name ?? "")) return false;
    const args = own(message.params, "arguments");
    const taskId = textOf(args, "task_id");
    const call: ToolCall = { message, extra, taskId: taskId ?? "", args };
    if (taskId === undefined) this.#link.send(plain(message, failed("`task_id` must be a text.")), undefined);
    else if (kind === "status") this.#status(call, now() + this.#shared.settings.taskTools.wait);
    else if (kind === "answer") this.#answer(call);
    else this.#ask(call, "tasks/cancel", {}, () => told(`The task ${taskId} is cancelled.`));
    return true;
  }

  /** The client gives up a request; whether it was one that waits for news of a task. */
  cancel(id: unknown, extra: Extra): boolean {
    const waits = [...this.#waiting].filter((wait) => wait.id === id);
    const owner = waits.length > 0 ? this.#link.ownerOf(extra) : undefined;
    const wait = waits.findLast((wait) => wait.owner === owner);
    if (wait === undefined) return false;
    this.#waiting.delete(wait);
    return wait.leave();
  }

  closed(): void {
    for (const wait of this.#waiting) wait.leave();
    this.#waiting.clear();
  }

  /** Asks the core, and answers the call with what `say` makes of the result, if it makes something. */
  #ask(call: ToolCall, method: string, params: object, say: (result: unknown) => Result | undefined): void {
    const { message, extra, taskId } = call;
    const request: Message = { jsonrpc: "2.0", id: message.id, method, params: { taskId, ...params } };
    this.#requests.ask(request, extra, STATELESS, STAND_IN, true, ({ result, error }) => {
      const said = error === undefined ? say(result) : failed(error.message);
      return said && plain(message, said);
    });
  }

  /** Answers with the task's state, when there is news of it, or at the time `until`. */
  #status(call: ToolCall, until: number): void {
    const { taskTools } = this.#shared.settings;
    this.#ask(call, "tasks/get", {}, (task) => {
      const rest = until - now();
      if (own(task, "status") === "working" && rest > 0 && !this.#link.isClosed) return this.#wait(call, until, rest);
      return taskTools.state(call.taskId, task);
    });
  }

  #wait(call: ToolCall, until: number, rest: number): undefined {
    const wait = new Wait(this.#shared, this.#link, call, rest, (isOver) => {
      this.#waiting.delete(wait);
      this.#status(call, isOver ? 0 : until);
    });
    this.#waiting.add(wait);
    wait.begin();
  }

  /** Looks at what the task asks, and answers it. */
  #answer(call: ToolCall): void {
    const { taskId, args } = call;
    this.#ask(call, "tasks/get", {}, (task) => {
      const requests = STATELESS.inputRequestsOf(task as Result) ?? {};
      const keys = Object.keys(requests);
      const key = textOf(args, "question") ?? (keys.length === 1 ? keys[0] : undefined);
      const request = key === undefined ? undefined : own(requests, key);
      if (key === undefined || request === undefined) return noSuchQuestion(taskId, keys);
      const params = { inputResponses: { [key]: answerTo(request, args) } };
      this.#ask(call, "tasks/update", params, () => this.#shared.settings.taskTools.taken(taskId));
      return undefined;
    });
  }
}

/** A call of a tool of ours. */
interface ToolCall {
  readonly message: Message;
  readonly extra: Extra;
  readonly taskId: string;
  readonly args: unknown;
}

/** Waits for news of a task, for a time. */
class Wait implements Carrier {
  readonly id: unknown;
  readonly owner: string | undefined;
  readonly #subscription: Subscription;
  readonly #news: (isOver: boolean) => void;
  readonly #rest: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** `news`: called once, unless the wait is left. `isOver`: there is none, and nothing to wait for any longer. */
  constructor(shared: Shared, link: Link, call: ToolCall, rest: number, news: (isOver: boolean) => void) {
    this.id = call.message.id;
    this.owner = link.ownerOf(call.extra);
    this.#news = news;
    this.#rest = rest;
    const message = listenTo(call.message.id, [call.taskId]);
    this.#subscription = new Subscription(shared, message, call.extra, link.sessionId, link.isSingleStream, this);
  }

  begin(): void {
    this.#timer = setTimeout(() => this.end(), this.#rest);
    (this.#timer as { unref?: () => void }).unref?.();
    this.#subscription.open();
  }

  /** The client waits no longer. */
  leave(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#subscription.leave();
    return true;
  }

  acknowledge(): void {
    this.#subscription.listening(true);
  }

  tell(notification: Message): void {
    if (own(notification.params, "status") !== "working" && this.leave()) this.#news(false);
  }

  end(): void {
    if (this.leave()) this.#news(true);
  }
}
