import { TaskError } from "../errors.ts";
import { Numbers } from "../numbers.ts";
import type { Message } from "../tap.ts";
import type { TaskReference, TaskStatus } from "../types.ts";
import type { Call } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Port, Kept } from "./port.ts";
import { NONE } from "./host.ts";
import {
  fingerprint,
  handleOf,
  hasContent,
  LONGEST_ID,
  httpStatus,
  isObject,
  isRpcError,
  type Json,
  merge,
  LONGEST_NAME,
  own,
  rpcCode,
  short,
  snapshotFacts,
  snapshotView,
  textOf,
  wellFormed,
} from "./message.ts";
import { codeOf, FollowedTask, Handle, type Outcome, refusalOf, type RpcError, statusOf } from "./task.ts";
import * as core from "../wasm/generated/client.js";

/** Tasks that are followed, and the requests about them. */
export class Tasks {
  readonly #on: Connection;
  readonly #port: Port;
  readonly all: Map<number, FollowedTask> = new Map();
  /** Our own requests, by JSON-RPC id. */
  readonly requests: Map<
    unknown,
    { readonly request: number; readonly method: string; readonly task: FollowedTask | undefined }
  > = new Map();
  readonly waiters: Map<number, (status: TaskStatus | undefined, error: TaskError | undefined) => void> = new Map();
  readonly #waiterNumbers = new Numbers((waiter) => this.waiters.has(waiter));
  /** The input requests of the latest snapshot: a task that is seen for the first time has no place for them yet. */
  #listed: Json = {};

  constructor(on: Connection) {
    this.#on = on;
    this.#port = on.port;
  }

  /** Hands a snapshot to the core. */
  snapshot(from: number, number: number, task: Json, followed: FollowedTask | undefined, kept: Kept): void {
    const call = from === 0 ? this.#on.calls.all.get(number) : this.#on.calls.resuming(own(task, "taskId"));
    const generation = followed?.generation ?? call?.generation ?? this.#on.session.generation;
    const { id, status, ttl, poll, age, flags } = snapshotFacts(task, generation);
    const inputs = own(task, "inputRequests");
    this.#port.enter((requestor, now) => {
      this.#listed = isObject(inputs) ? inputs : {};
      if (isObject(inputs) && generation === 26) {
        core.beginEntries(requestor);
        if (followed !== undefined) followed.listed = inputs;
        for (const [key, request] of Object.entries(inputs)) {
          const method = own(request, "method");
          const sound = wellFormed(key) === key && typeof method === "string" ? textOf(request) : undefined;
          const known = sound === undefined ? "" : short(method, LONGEST_NAME);
          // A key that is too long is refused, and need not cross whole to be.
          core.entry(requestor, key.slice(0, LONGEST_NAME + 1), known, fingerprint(sound ?? ""));
        }
      }
      const payload = this.#port.keep(kept);
      core.snapshot(requestor, now, from, number, id, status, ttl, poll, age, flags, payload);
    });
  }

  /** A snapshot that the server pushed. */
  pushed(task: unknown, generation: number): void {
    if (!isObject(task)) return;
    const id = own(task, "taskId");
    const followed = [...this.all.values()].find((known) => known.id === id);
    const ended = followed === undefined && generation === 26;
    if (ended || followed?.generation === generation)
      this.snapshot(2, 0, task, followed, { snapshot: task, result: own(task, "result"), error: own(task, "error") });
  }

  answer(
    id: unknown,
    message: Message,
    {
      request,
      method,
      task,
    }: { readonly request: number; readonly method: string; readonly task: FollowedTask | undefined },
  ): void {
    this.requests.delete(id);
    task?.open.delete(id as number);
    const { result, error } = message;
    if (method === "tools/list") return this.#page(request, result);
    // An error of `tasks/result` may be the outcome.
    if (task !== undefined && method !== "tasks/result") task.trouble = error;
    if (!isObject(result)) {
      this.#port.enter((requestor, now) =>
        core.answerError(requestor, now, request, rpcCode(error), this.#port.keep({ error })),
      );
    } else if (method === "tasks/get" || (method === "tasks/cancel" && own(result, "taskId") !== undefined)) {
      this.snapshot(1, request, result, task, {
        snapshot: result,
        result: own(result, "result"),
        error: own(result, "error"),
      });
    } else if (hasContent(result)) {
      this.#port.enter((requestor, now) =>
        core.answerResult(requestor, now, request, own(result, "isError") === true, this.#port.keep({ result })),
      );
    } else {
      this.#port.enter((requestor, now) => core.answerEmpty(requestor, now, request, this.#port.keep({ result })));
    }
  }

  #page(request: number, result: unknown): void {
    const tools = own(result, "tools");
    const next = own(result, "nextCursor");
    this.#port.enter((requestor, now) => {
      if (!Array.isArray(tools)) return core.pageLost(requestor, now, request);
      this.#on.session.learnTools(tools);
      const sound = typeof next === "string" && next.length <= LONGEST_ID;
      core.page(requestor, now, request, sound ? next : undefined);
    });
  }

  #send(method: string, params: Json, request: number, task: FollowedTask | undefined): void {
    const id = this.#port.nextId();
    this.requests.set(id, { request, method, task });
    task?.open.set(id, method);
    const lost = (cause?: unknown): void => {
      if (!this.requests.delete(id)) return;
      task?.open.delete(id);
      if (method === "tools/list") return this.#port.enter(core.pageLost, request);
      if (task !== undefined && cause !== undefined) task.trouble = cause;
      const status = httpStatus(cause);
      this.#port.enter((requestor, now) =>
        status === undefined
          ? core.lost(requestor, now, request)
          : core.answerError(requestor, now, request, status, 0),
      );
    };
    this.#port.send({ jsonrpc: "2.0", id, method, params }, { onRequestStreamEnd: () => lost() }).catch(lost);
  }

  begin(task: number): void {
    const followed = this.all.get(task);
    this.#port.assembler.begin((_kind, key) => followed?.answers.get(key));
  }

  list(request: number, cursor: string | undefined): void {
    this.#send("tools/list", cursor === undefined ? {} : { cursor }, request, undefined);
  }

  ask(request: number, number: number, name: number): void {
    const params = this.#port.assembler.take();
    const task = this.all.get(number);
    const method = this.#port.names[name] ?? "";
    // A task that is being resumed is known by its call alone, until it has been seen.
    // One whose call was given up has nothing of its own.
    const shared = isObject(own(params, "_meta")) ? this.#on.session.envelope : undefined;
    const envelope =
      task === undefined ? (this.#on.calls.resuming(own(params, "taskId"))?.envelope ?? shared) : task.envelope;
    // One request of a kind waits, but for the outcome: an earlier answer to that counts too.
    if (method !== "tasks/result")
      for (const [id, open] of task?.open ?? []) if (open === method && task?.open.delete(id)) this.requests.delete(id);
    // The HTTP client of SDK v2.0 names no task in `Mcp-Name`, which routes the request (G26-HTT-01), but whatever is
    // `name`.
    const routed =
      this.#port.wire.cancelsByAbort && isObject(envelope) ? { ...params, name: own(params, "taskId") } : params;
    this.#send(method, isObject(envelope) ? merge({ _meta: envelope }, routed) : params, request, task);
  }

  created(number: number, taskNumber: number): void {
    const call = this.#on.calls.all.get(number);
    if (call === undefined) return;
    call.task = taskNumber;
    const task = this.#followed(taskNumber, call);
    task.calls.add(number);
    const { plan } = call;
    if (plan.created === undefined && this.#port.shared.ontask === undefined) return;
    const reference: TaskReference = {
      format: 1,
      taskId: task.id,
      tool: task.tool,
      generation: call.version as TaskReference["generation"],
      ...(this.#on.session.serverName() !== undefined && { server: this.#on.session.serverName() }),
    };
    const controls = {
      cancel: (awaitTerminal: boolean) => this.#cancel(taskNumber, awaitTerminal),
      detach: () => this.#port.enter(core.detach, number),
    };
    const handle = new Handle({ task, reference, controls, answer: plan.answer });
    for (const tell of [plan.created, this.#port.shared.ontask]) {
      try {
        tell?.(handle);
      } catch (cause) {
        this.#port.report(new TaskError("invalid_argument", "`ontask` threw", { cause, taskId: task.id }));
      }
    }
  }

  #followed(number: number, call: Call): FollowedTask {
    let task = this.all.get(number);
    if (task === undefined) {
      const handle = isObject(call.reply?.result) ? handleOf(call.reply.result, call.generation) : undefined;
      const id = call.plan.resume?.taskId ?? String(own(handle, "taskId"));
      const meta = isObject(call.envelope) ? { ...call.envelope } : undefined;
      // The token belongs to the call.
      if (meta !== undefined) delete meta.progressToken;
      const about = {
        id,
        generation: call.generation,
        tool: wellFormed(own(call.frame.params, "name")),
        envelope: meta,
      };
      task = new FollowedTask(about, (observers) => this.#port.enter(core.observers, number, observers));
      task.listed = this.#listed;
      this.all.set(number, task);
    }
    return task;
  }

  #cancel(task: number, awaitTerminal: boolean): Promise<TaskStatus | undefined> {
    const waiter = this.#waiterNumbers.next();
    return new Promise((resolve, reject) => {
      this.waiters.set(waiter, (status, error) => (error === undefined ? resolve(status) : reject(error)));
      this.#port.enter(core.cancel, waiter, task, awaitTerminal);
      if (this.#port.state !== "open") this.cancelled(waiter, NONE, 8);
    });
  }

  changed(number: number, payload: number): void {
    const task = this.all.get(number);
    const snapshot = this.#port.kept.get(payload)?.snapshot;
    if (task === undefined || snapshot === undefined) return;
    const before = task.snapshot;
    task.show(snapshotView(snapshot, task.generation));
    const { statusMessage, lastUpdatedAt, status } = task.snapshot;
    const moved =
      before.lastUpdatedAt !== undefined &&
      (before.statusMessage !== statusMessage || before.lastUpdatedAt !== lastUpdatedAt);
    if (task.generation === 26 && moved && (status === "working" || status === "input_required"))
      this.#on.calls.tellProgress(task.calls, statusMessage);
  }

  hold(number: number, payload: number): void {
    const task = this.all.get(number);
    if (task !== undefined) task.held = rpcError(this.#port.kept.get(payload)?.error);
  }

  dropInput(number: number, key: string): void {
    this.all.get(number)?.answers.delete(key);
  }

  refused(number: number, payload: number): void {
    const task = this.all.get(number);
    if (task !== undefined) task.refusal = rpcError(this.#port.kept.get(payload)?.error);
  }

  report(number: number, key: string, problem: number): void {
    if (problem === CONTRADICTED)
      return this.#port.report(
        new TaskError("protocol", "The server pushed another end of a task that has ended", { taskId: key }),
      );
    const task = this.all.get(number);
    const about = problem === REFUSED_TWICE ? refusalOf(task) : { text: "", cause: {} };
    const message = `The input request "${key}" ${PROBLEMS[problem] ?? ""}${about.text}`;
    this.#port.report(new TaskError("protocol", message, { taskId: task?.id, ...about.cause }));
  }

  ended(number: number, ending: number, status: number, payload: number): void {
    const local = this.#port.assembler.take() as unknown as RpcError;
    const task = this.all.get(number);
    if (task === undefined) return;
    const shown = statusOf(status);
    if (shown !== undefined && shown !== task.snapshot.status) {
      // The message told of an earlier state.
      const { statusMessage: _, ...rest } = task.snapshot;
      task.show({ ...rest, status: shown });
    }
    const kept = this.#port.kept.get(payload);
    const code = codeOf(ending);
    let outcome: Outcome;
    if (code === undefined && isObject(kept?.result)) outcome = { result: kept.result };
    else if (code === "failed") {
      const message = task.snapshot.statusMessage;
      const unread = message === undefined ? local : { ...local, message };
      outcome = { error: (payload === 0 ? task.held : rpcError(kept?.error)) ?? unread, code };
    } else if (code === "unsupported" || code === "unreachable" || code === "not_found") {
      outcome = { error: code === "not_found" ? local : because(local, task.trouble), code, cause: task.trouble };
    } else {
      const message = ending === REFUSED ? local.message + refusalOf(task).text : local.message;
      outcome = { error: { ...local, message }, code: code ?? "protocol" };
    }
    task.settle(outcome);
  }

  cancelled(waiter: number, status: number, error: number): void {
    const settle = this.waiters.get(waiter);
    this.waiters.delete(waiter);
    const code = error === NONE ? undefined : (codeOf(error) ?? "internal");
    settle?.(
      statusOf(status),
      code === undefined
        ? undefined
        : new TaskError(code, `The task was not cancelled: ${CANCEL_ERRORS[code] ?? code}`),
    );
  }

  forget(number: number): void {
    const task = this.all.get(number);
    for (const id of task?.open.keys() ?? []) this.requests.delete(id);
    this.all.delete(number);
  }
}

/** Twin of `Problem` in `src/requestor/ledger.rs`: what the application hears of an input request. */
const PROBLEMS: readonly string[] = [
  "changed under its key",
  "asks for something unknown",
  "was answered twice and refused twice",
  "could not be answered: the answer cannot be sent",
  "",
  "was listed and taken back too often; it is not answered",
];
const REFUSED_TWICE = 2;
/** The only problem that is not about an input request, but about the task whose id is in the place of its key. */
const CONTRADICTED = 4;
/** The ending of a task whose server takes no answer; twin of `Ending::Refused`. */
const REFUSED = 12;

const CANCEL_ERRORS: Readonly<Record<string, string>> = {
  unsupported: "the server does not offer to cancel tasks",
  protocol: "the server refused",
  unreachable: "the server did not answer",
  connection: "the connection is closed",
  detached: "it is not followed any more",
  not_found: "it has ended",
};

/** An error of ours, with what the peer or the transport said. */
function because(error: RpcError, trouble: unknown): RpcError {
  const said =
    isRpcError(trouble) || trouble instanceof Error ? (trouble as { code?: unknown; message: string }) : undefined;
  if (said === undefined) return error;
  const cause = { message: said.message, ...(isRpcError(trouble) && { code: said.code }) };
  return { ...error, message: `${error.message}: ${said.message}`, data: { ...(error.data as Json), cause } };
}

function rpcError(error: unknown): RpcError | undefined {
  return isRpcError(error) ? (error as RpcError) : undefined;
}
