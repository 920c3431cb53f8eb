import { isObject, type Json, merge, own } from "../json.ts";
import { Part } from "../core/codes.ts";
import { declaration } from "../wire/revisions.ts";
import { TaskError } from "../errors.ts";
import type { Message } from "../tap.ts";
import type { TaskReference, TaskStatus } from "../types.ts";
import type { Calls } from "./calls.ts";
import { codeOf, FollowedTask, type Outcome, refusalOf, type RpcError } from "./followed-task.ts";
import { Handle, notCancelled } from "./handle.ts";
import { concerning } from "./task-of.ts";
import type { Link } from "./link.ts";
import { hasContent, LONGEST_ID, httpStatus, isRpcError, rpcCode, snapshotView } from "./facts.ts";
import type { Port } from "./port.ts";
import type { Call, OwnRequest, Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Ending, Problem, RequestMethod } from "../wasm/generated/client.js";
import * as core from "../wasm/generated/client.js";

/** Tasks that are followed, and the requests about them. */
export class Tasks {
  readonly #port: Port;
  readonly #link: Link;
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #snapshots: Snapshots;
  readonly #calls: Calls;

  constructor(port: Port, link: Link, registry: Registry, session: Session, snapshots: Snapshots, calls: Calls) {
    this.#port = port;
    this.#link = link;
    this.#registry = registry;
    this.#session = session;
    this.#snapshots = snapshots;
    this.#calls = calls;
    port.assembler.begin(declared);
  }

  answer(id: unknown, message: Message, { request, method, task }: OwnRequest): void {
    this.#registry.requests.delete(id);
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
      // A task that is being resumed is known by its call alone.
      const revision =
        task?.revision ?? this.#registry.resuming(own(result, "taskId"))?.revision ?? this.#session.revision;
      this.#snapshots.take("request", request, revision, result, {
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
      this.#session.learnTools(requestor, tools);
      const sound = typeof next === "string" && next.length <= LONGEST_ID;
      core.page(requestor, now, request, sound ? next : undefined);
    });
  }

  #send(method: string, params: Json, request: number, task: FollowedTask | undefined): void {
    const id = this.#registry.ids.next();
    this.#registry.requests.set(id, { request, method, task });
    task?.open.set(id, method);
    const lost = (cause?: unknown): void => {
      if (!this.#registry.requests.delete(id)) return;
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
    this.#link.send({ jsonrpc: "2.0", id, method, params }, { onRequestStreamEnd: () => lost() }).catch(lost);
  }

  beginAnswers(task: number): void {
    const followed = this.#registry.tasks.get(task);
    this.#port.assembler.begin((part, key) => (part === Part.Input ? followed?.answers.get(key) : declared(part)));
  }

  list(request: number, cursor: string | undefined): void {
    this.#send("tools/list", cursor === undefined ? {} : { cursor }, request, undefined);
  }

  ask(request: number, number: number, method: RequestMethod): void {
    const params = this.#port.assembler.take();
    const task = this.#registry.tasks.get(number);
    // A task that is being resumed is known by its call alone, until it has been seen.
    // One that lost its call has nothing of its own.
    const shared = isObject(own(params, "_meta")) ? this.#session.envelope : undefined;
    const envelope =
      task === undefined ? (this.#registry.resuming(own(params, "taskId"))?.envelope ?? shared) : task.envelope;
    // One request of a kind waits, but for the outcome: an earlier answer to that counts too.
    if (method !== "tasks/result")
      for (const [id, open] of task?.open ?? [])
        if (open === method && task?.open.delete(id)) this.#registry.requests.delete(id);
    // The HTTP client of SDK v2.0 names no task in `Mcp-Name`, which routes the request (G26-HTT-01), but whatever is
    // `name`. It may also be behind a proxy that is reached over stdio.
    const routed = isObject(envelope) && { _meta: envelope, name: own(params, "taskId") };
    this.#send(method, routed === false ? params : merge(routed, params), request, task);
  }

  created(number: number, taskNumber: number): void {
    const call = this.#registry.calls.get(number);
    if (call === undefined) return;
    call.task = taskNumber;
    const task = this.#followed(taskNumber, call);
    task.calls.add(number);
    const { plan } = call;
    const reference: TaskReference = {
      format: 1,
      taskId: task.id,
      tool: task.tool,
      ...(call.method !== "tools/call" && { method: call.method as TaskReference["method"] }),
      generation: call.version as TaskReference["generation"],
      ...(this.#session.serverName() !== undefined && { server: this.#session.serverName() }),
    };
    const controls = {
      cancel: (awaitTerminal: boolean) => this.#cancel(taskNumber, awaitTerminal),
      detach: () => this.#port.enter(core.detach, number),
    };
    const handle = new Handle({ task, reference, controls, answer: plan.answer });
    plan.handle = handle;
    task.handle ??= handle;
    plan.created?.(handle);
    this.#link.tell(this.#link.shared.ontask, handle, "ontask", task.id);
  }

  #followed(number: number, call: Call): FollowedTask {
    let task = this.#registry.tasks.get(number);
    if (task === undefined) {
      const handle = isObject(call.reply?.result) ? call.revision?.handleOf(call.reply.result) : undefined;
      const id = call.plan.resume?.taskId ?? String(own(handle, "taskId"));
      const meta = isObject(call.envelope) ? { ...call.envelope } : undefined;
      // The token belongs to the call.
      if (meta !== undefined) delete meta.progressToken;
      const about = {
        id,
        revision: call.revision,
        tool: call.tool,
        envelope: meta,
      };
      task = new FollowedTask(about, (observers) => this.#port.enter(core.observers, number, observers));
      task.listed = this.#snapshots.listed;
      this.#registry.addTask(number, task);
    }
    return task;
  }

  #cancel(task: number, awaitTerminal: boolean): Promise<TaskStatus | undefined> {
    const waiter = this.#registry.waiterNumbers.next();
    return new Promise((resolve, reject) => {
      this.#registry.waiters.set(waiter, (status, error) => (error === undefined ? resolve(status) : reject(error)));
      this.#port.enter(core.cancel, waiter, task, awaitTerminal);
      if (this.#link.state !== "open") this.cancelled(waiter, undefined, "connection");
    });
  }

  changed(number: number, payload: number, progress: boolean): void {
    const task = this.#registry.tasks.get(number);
    const snapshot = this.#port.kept.get(payload)?.snapshot;
    if (task === undefined || snapshot === undefined) return;
    task.show(snapshotView(snapshot, task.revision));
    if (progress) this.#calls.tellProgress(task);
  }

  hold(number: number, payload: number): void {
    const task = this.#registry.tasks.get(number);
    if (task !== undefined) task.held = rpcError(this.#port.kept.get(payload)?.error);
  }

  dropInput(number: number, key: string): void {
    const task = this.#registry.tasks.get(number);
    task?.answers.delete(key);
    if (task !== undefined) this.#link.shared.journal?.delivered(task.id, key);
  }

  refused(number: number, payload: number): void {
    const task = this.#registry.tasks.get(number);
    if (task !== undefined) task.refusal = rpcError(this.#port.kept.get(payload)?.error);
  }

  report(number: number, key: string, problem: Problem): void {
    if (problem === "contradicted")
      return this.#link.report(
        new TaskError("protocol", "The server pushed another end of a task that has ended", { taskId: key }),
      );
    const task = this.#registry.tasks.get(number);
    const about = problem === "rejected" ? refusalOf(task) : { text: "", cause: {} };
    const message = `The input request "${key}" ${PROBLEMS[problem]}${about.text}`;
    const error = new TaskError("protocol", message, { taskId: task?.id, ...about.cause });
    this.#link.report(concerning(error, task?.handle));
  }

  #settle(task: FollowedTask, outcome: Outcome): void {
    task.settle(outcome);
    if (task.handle !== undefined && outcome.code !== "detached") this.#link.shared.onsettled(task.handle);
  }

  ended(number: number, ending: Ending, shown: TaskStatus | undefined, payload: number): void {
    const task = this.#registry.tasks.get(number);
    if (task === undefined) return;
    if (shown !== undefined && shown !== task.snapshot.status) {
      // The message told of an earlier state.
      const { statusMessage: _, ...rest } = task.snapshot;
      task.show({ ...rest, status: shown });
    }
    const kept = this.#port.kept.get(payload);
    const code = codeOf(ending);
    const theirs = payload === 0 ? task.held : rpcError(kept?.error);
    if (code === undefined && isObject(kept?.result)) return this.#settle(task, { result: kept.result });
    if (code === "failed" && theirs !== undefined) return this.#settle(task, { error: theirs, code });
    const local = this.#port.errorOf(ending, task.id);
    let outcome: Outcome;
    if (code === "failed")
      outcome = { error: { ...local, message: task.snapshot.statusMessage ?? local.message }, code };
    else if (code === "unsupported" || code === "unreachable" || code === "not_found") {
      outcome = { error: code === "not_found" ? local : because(local, task.trouble), code, cause: task.trouble };
    } else {
      const message = ending === "refused" ? local.message + refusalOf(task).text : local.message;
      outcome = { error: { ...local, message }, code: code ?? "protocol" };
    }
    this.#settle(task, outcome);
  }

  cancelled(waiter: number, status: TaskStatus | undefined, error: Ending | undefined): void {
    const settle = this.#registry.waiters.get(waiter);
    this.#registry.waiters.delete(waiter);
    settle?.(status, error === undefined ? undefined : notCancelled(codeOf(error)));
  }

  forget(number: number): void {
    this.#registry.removeTask(number);
  }
}

/** What fills the holes of most requests. */
function declared(part: number): unknown {
  return part === Part.Declaration ? declaration() : undefined;
}

/** What the application hears of an input request. */
const PROBLEMS: Readonly<Record<Exclude<Problem, "contradicted">, string>> = {
  changed: "changed under its key",
  unknown_method: "asks for something unknown",
  rejected: "was answered twice and refused twice",
  unsent: "could not be answered: the answer cannot be sent",
  unsteady: "was listed and taken back too often; it is not answered",
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
