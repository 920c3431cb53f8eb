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
import type { Call } from "./pending-call.ts";
import type { Alarm } from "./alarm.ts";
import type { Events } from "./events.ts";
import { TaskError } from "../errors.ts";
import { own, textOf } from "../json.ts";
import { refusal } from "./facts.ts";
import type { Input } from "./input.ts";
import { member } from "./payload.ts";
import type { Peers } from "./peers.ts";
import type { Port } from "./port.ts";
import type { Posts } from "./posts.ts";
import type { ReceiverHost } from "./receiver-host.ts";
import type { Registry } from "./registry.ts";
import type { Replies } from "./replies.ts";
import type { Restarts } from "./restart.ts";
import type { Sources } from "./sources.ts";
import type { Steps } from "./steps.ts";
import type { StoreJobs } from "./store-jobs.ts";

const LEFT = "It is left as it is, and requests about it are told to try again";
const TROUBLES: Readonly<Record<Trouble, string>> = {
  [Trouble.Newer]:
    `A task's record was written by a newer version of ${NAME}, in a form that this one cannot read. ` +
    `${LEFT}: update this process.`,
  [Trouble.Malformed]:
    `A task's record is not in a form that this version of ${NAME} reads: a newer version wrote it, ` +
    `or it is damaged. ${LEFT}: update this process, or restore or delete the record.`,
  [Trouble.OutcomeLost]:
    "The outcome of a task could not be stored and is lost; an error before this one says why. " +
    "When its lease is over, the task is settled by a process that can read it.",
  [Trouble.Untold]:
    "`onsettled` of TaskServer has failed for three days for the end of a task, and is not called for it again; " +
    "errors before this one say why.",
};

/** The parts of a server that do what the receiver wants. */
interface HostParts {
  readonly port: Port;
  readonly registry: Registry;
  readonly peers: Peers;
  readonly jobs: StoreJobs;
  readonly sources: Sources;
  readonly replies: Replies;
  readonly input: Input;
  readonly steps: Steps;
  readonly restarts: Restarts;
  readonly events: Events;
  readonly posts: Posts;
  readonly alarm: Alarm;
}

/** Notes what the receiver wants done, and hands each to the part that does it when the core's work is over. */
export class Host implements ReceiverHost {
  readonly #parts: HostParts;
  /** The answers of the call that is restarted next: their keys in the store, and their names. */
  readonly #kept: [key: string, name: string][] = [];

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  // The store.

  get(job: number, owner: string, id: string, payload: boolean): void {
    this.#want(({ jobs }) => jobs.get(job, owner, id, payload));
  }
  read(job: number, request: number, payload: boolean): void {
    this.#want(({ jobs, registry }) => {
      const entry = registry.requests.get(request);
      // The core asks only for requests that wait here.
      if (entry === undefined) jobs.missing(job);
      else jobs.read(job, entry.owner, entry.taskId ?? "", payload);
    });
  }
  removePart(job: number, part: PartCode, key: string): void {
    this.#want(({ jobs }) => jobs.edit(job).remove.push(member(part, key)));
  }
  setPart(job: number, part: PartCode, key: string, source: SourceCode, number: number, sourceKey: string): void {
    this.#want(({ jobs, sources }) => {
      const edit = jobs.edit(job);
      const text = sources.textOf(source, number, sourceKey, key);
      if (text === undefined) edit.unwritable = true;
      else edit.set.push([member(part, key), text]);
    });
  }
  put(
    job: number,
    owner: string,
    id: string,
    version: number,
    createdAt: number,
    dueAt: number,
    state: string,
    payload: WriteCode,
  ): void {
    this.#want(({ jobs }) => jobs.put(job, owner, id, version, createdAt, dueAt, state, payload));
  }
  delete(job: number, owner: string, id: string, version: number): void {
    this.#want(({ jobs }) => jobs.delete(job, owner, id, version));
  }
  list(job: number, owner: string, after: number, afterId: string, limit: number): void {
    this.#want(({ jobs }) => jobs.list(job, owner, after, afterId, limit));
  }
  due(job: number, before: number, after: number, afterOwner: string, afterId: string, limit: number): void {
    this.#want(({ jobs }) => jobs.due(job, before, after, afterOwner, afterId, limit));
  }
  usage(job: number, owner: string): void {
    this.#want(({ jobs }) => jobs.usage(job, owner));
  }
  overdue(job: number): void {
    this.#want(({ jobs }) => jobs.overdue(job));
  }
  finish(job: number): void {
    this.#want(({ jobs }) => jobs.finish(job));
  }

  // Answers and news: the core writes them at once, and they go out later.

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
    this.#want(({ registry }) => registry.hangUp(request));
  }
  forget(request: number): void {
    this.#want(({ registry }) => registry.requests.delete(request));
  }

  // Calls.

  forward(number: number): void {
    this.#withCall(number, (call) => call.caller.forward(call));
  }
  bind(number: number, id: string): void {
    this.#withCall(number, (call) => {
      call.owner = this.#parts.peers.ownerOf(call.peer) ?? call.owner;
      call.bind(id);
    });
  }
  begin(number: number): void {
    this.#withCall(number, (call) => call.open());
  }
  progress(number: number): void {
    this.#withCall(number, (call) => call.caller.tellProgress(call));
  }
  relay(number: number): void {
    this.#withCall(number, (call) => {
      if (call.outcome !== undefined) call.link.answer(call.outcome, call);
    });
  }
  reject(number: number): void {
    this.#withCall(number, (call) => {
      const content = own(call.outcome?.result, "content");
      const message = Array.isArray(content) ? textOf(content[0], "text") : undefined;
      const text = message ?? "The tool refused the call: unknown name or invalid arguments";
      call.link.answer(refusal(call.id, text, -32602), call);
    });
  }
  abort(number: number, reason: Stop, silently: boolean): void {
    this.#withCall(number, (call) => {
      call.abort(reason);
      if (!silently) call.link.cancelHandler(call.sdkId, call.extra);
    });
  }
  release(number: number): void {
    this.#withCall(number, (call) => {
      const { registry, input, steps } = this.#parts;
      registry.release(number);
      input.forget(call.taskId);
      steps.release(call);
      call.caller.ended(call);
      if (call.hasOwnServer) call.link.close();
      registry.tellIdle();
    });
  }
  kept(key: string, name: string): void {
    this.#kept.push([key, name]);
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
    const kept = this.#kept.splice(0);
    this.#want(({ restarts, jobs }) =>
      restarts.restart(call, method, on, generation, flags, owner, jobs.payload(job), kept),
    );
  }

  // Input.

  deliver(ask: number, stream: number): void {
    this.#want(({ input }) => input.deliver(ask, stream));
  }
  answered(ask: number, from: number, key: string): void {
    this.#want(({ input }) => input.answered(ask, from, key));
  }
  answeredElsewhere(ask: number, job: number, key: string): void {
    this.#want(({ input, jobs }) => input.answeredElsewhere(ask, jobs.payload(job).part(PartCode.Answer, key)));
  }
  withdraw(ask: number, delivered: boolean, reason: Withdrawal): void {
    this.#want(({ input }) => input.withdraw(ask, delivered, reason));
  }

  // Steps.

  stepKept(step: number): void {
    this.#want(({ steps }) => steps.kept(step));
  }
  stepLost(step: number, reason: Withdrawal): void {
    this.#want(({ steps }) => steps.lost(step, reason));
  }

  // The operator.

  happened(event: string): void {
    this.#want(({ events }) => events.happened(event));
  }
  post(post: number, attempt: number, end: string): void {
    this.#want(({ posts }) => posts.post(post, attempt, end));
  }
  trouble(trouble: Trouble, id: string): void {
    this.#want(({ port }) => port.report(new TaskError("storage", TROUBLES[trouble], { taskId: id })));
  }

  wake(at: number): void {
    this.#want(({ alarm }) => alarm.set(at));
  }

  /** Notes what is to be done with the parts when the core's work is over. */
  #want(work: (parts: HostParts) => void): void {
    this.#parts.port.want(() => work(this.#parts));
  }

  /** The same for a call, if it is still there then. */
  #withCall(number: number, work: (call: Call) => void): void {
    this.#want(({ registry }) => {
      const call = registry.calls.get(number);
      if (call !== undefined) work(call);
    });
  }
}
