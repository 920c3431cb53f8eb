import { NAME } from "../name.ts";
import {
  PartCode,
  type ReplyKind,
  type SourceCode,
  type Stop,
  Trouble,
  type Withdrawal,
  type WriteCode,
} from "../core/codes.ts";
import type { Alarm } from "./alarm.ts";
import type { Events } from "./events.ts";
import { TaskError } from "../errors.ts";
import { own, textOf } from "../wire/message.ts";
import { refusal } from "./facts.ts";
import type { Input } from "./input.ts";
import { member } from "./payload.ts";
import type { Peers } from "./peers.ts";
import type { Port } from "./port.ts";
import type { ReceiverHost } from "./receiver-host.ts";
import type { Registry } from "./registry.ts";
import type { Replies } from "./replies.ts";
import type { Restarts } from "./restart.ts";
import type { Sources } from "./sources.ts";
import type { StoreJobs } from "./store-jobs.ts";

const LEFT = "It is left as it is, and requests about it are told to try again";
const TROUBLES: Readonly<Record<Trouble, string>> = {
  [Trouble.Newer]: `A task's record was written by a newer version of ${NAME}, in a form that this one cannot read. ${LEFT}: update this process.`,
  [Trouble.Malformed]:
    `A task's record is not in a form that this version of ${NAME} reads: a newer version wrote it, or it is damaged. ${LEFT}: ` +
    "update this process, or restore or delete the record.",
  [Trouble.OutcomeLost]:
    "The outcome of a task could not be stored and is lost; an error before this one says why. When its lease is over, the task is settled " +
    "by a process that can read it.",
};

/** The parts of a server that do what the receiver wants. */
export interface HostParts {
  readonly port: Port;
  readonly registry: Registry;
  readonly peers: Peers;
  readonly jobs: StoreJobs;
  readonly sources: Sources;
  readonly replies: Replies;
  readonly input: Input;
  readonly restarts: Restarts;
  readonly events: Events;
  readonly alarm: Alarm;
}

/** What the receiver wants done, each handed to the part that does it. */
export class Host implements ReceiverHost {
  readonly #parts: HostParts;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  // The store.

  get(job: number, owner: string, id: string, payload: boolean): void {
    this.#parts.jobs.get(job, owner, id, payload);
  }
  read(job: number, request: number, payload: boolean): void {
    const { jobs, registry } = this.#parts;
    const entry = registry.requests.get(request);
    // The core asks only for requests that wait here.
    if (entry === undefined) jobs.missing(job);
    else jobs.get(job, entry.owner, entry.taskId ?? "", payload);
  }
  removePart(job: number, part: PartCode, key: string): void {
    this.#parts.jobs.edit(job).remove.push(member(part, key));
  }
  setPart(job: number, part: PartCode, key: string, source: SourceCode, number: number, sourceKey: string): void {
    const { jobs, sources } = this.#parts;
    const edit = jobs.edit(job);
    const text = sources.textOf(source, number, sourceKey, key);
    if (text === undefined) edit.unwritable = true;
    else edit.set.push([member(part, key), text]);
  }
  put(
    job: number,
    owner: string,
    id: string,
    version: number,
    createdAt: number,
    dueAt: number,
    state: string,
    write: WriteCode,
  ): void {
    this.#parts.jobs.put(job, owner, id, version, createdAt, dueAt, state, write);
  }
  delete(job: number, owner: string, id: string, version: number): void {
    this.#parts.jobs.delete(job, owner, id, version);
  }
  list(job: number, owner: string, after: number, afterId: string, limit: number): void {
    this.#parts.jobs.list(job, owner, after, afterId, limit);
  }
  due(job: number, before: number, after: number, afterOwner: string, afterId: string, limit: number): void {
    this.#parts.jobs.due(job, before, after, afterOwner, afterId, limit);
  }
  usage(job: number, owner: string): void {
    this.#parts.jobs.usage(job, owner);
  }
  overdue(job: number): void {
    this.#parts.jobs.overdue(job);
  }
  finish(job: number): void {
    this.#parts.jobs.finish(job);
  }

  // Answers and news.

  beginReply(request: number, job: number): void {
    this.#parts.replies.begin(request, job);
  }
  endReply(request: number, kind: ReplyKind): void {
    this.#parts.replies.end(request, kind);
  }
  beginNews(request: number, job: number): void {
    this.#parts.replies.beginNews(request, job);
  }
  tell(listen: number): void {
    this.#parts.replies.tell(listen);
  }
  tellRequestor(call: number, stream: number): void {
    this.#parts.replies.tellRequestor(call, stream);
  }
  hangUp(request: number): void {
    const { requests } = this.#parts.registry;
    const entry = requests.get(request);
    requests.delete(request);
    entry?.link.hangUp(entry);
  }
  forget(request: number): void {
    this.#parts.registry.requests.delete(request);
  }

  // Calls.

  forward(number: number): void {
    const call = this.#parts.registry.calls.get(number);
    call?.caller.forward(call);
  }
  bind(number: number, id: string): void {
    const call = this.#parts.registry.calls.get(number);
    if (call === undefined) return;
    call.owner = this.#parts.peers.ownerOf(call.peer) ?? call.owner;
    call.bind(id);
  }
  begin(number: number): void {
    this.#parts.registry.calls.get(number)?.open();
  }
  relay(number: number): void {
    const call = this.#parts.registry.calls.get(number);
    if (call?.outcome !== undefined) call.link.answer(call.outcome, call);
  }
  reject(number: number): void {
    const call = this.#parts.registry.calls.get(number);
    if (call === undefined) return;
    const content = own(call.outcome?.result, "content");
    const message = Array.isArray(content) ? textOf(content[0], "text") : undefined;
    const text = message ?? "The tool refused the call: unknown name or invalid arguments";
    call.link.answer(refusal(call.id, text, -32602), call);
  }
  abort(number: number, reason: Stop, silently: boolean): void {
    const call = this.#parts.registry.calls.get(number);
    if (call === undefined) return;
    call.abort(reason);
    if (!silently) call.link.cancelHandler(call.sdkId, call.extra);
  }
  release(number: number): void {
    const { registry, input } = this.#parts;
    const call = registry.calls.get(number);
    if (call === undefined) return;
    registry.release(number);
    input.forget(call.taskId);
    call.caller.ended(call);
    if (call.alone) call.link.close();
    registry.tellIdle();
  }
  kept(key: string, name: string): void {
    this.#parts.restarts.keep(key, name);
  }
  restart(
    call: number,
    method: number,
    on: number,
    generation: number,
    flags: number,
    owner: string,
    job: number,
  ): void {
    this.#parts.restarts.restart(call, method, on, generation, flags, owner, this.#parts.jobs.payload(job));
  }

  // Input.

  deliver(ask: number, stream: number): void {
    this.#parts.input.deliver(ask, stream);
  }
  answered(ask: number, from: number, key: string): void {
    this.#parts.input.answered(ask, from, key);
  }
  answeredElsewhere(ask: number, job: number, key: string): void {
    this.#parts.input.answeredElsewhere(ask, this.#parts.jobs.payload(job).part(PartCode.Answer, key));
  }
  withdraw(ask: number, delivered: boolean, reason: Withdrawal): void {
    this.#parts.input.withdraw(ask, delivered, reason);
  }

  // The operator.

  event(...told: Parameters<Events["happened"]>): void {
    this.#parts.events.happened(...told);
  }
  trouble(trouble: Trouble, id: string): void {
    this.#parts.port.report(new TaskError("storage", TROUBLES[trouble], { taskId: id }));
  }

  wake(at: number): void {
    this.#parts.alarm.set(at);
  }
}
