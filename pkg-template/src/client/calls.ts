import type { CallMethod } from "../wire/methods.ts";
import { calledIn } from "../wire/message.ts";
import { isObject, type Json, merge, own } from "../json.ts";
import { PROTOCOL_VERSION } from "../wire/names.ts";
import { LONGEST_TIMER, now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { Message, SendOptions } from "../tap.ts";
import type { FollowedTask } from "./followed-task.ts";
import type { Link } from "./link.ts";
import { demandsTask, hasContent, rpcCode, wellFormed } from "./facts.ts";
import { PLAN, type Plan } from "./call-plan.ts";
import { revisionOf } from "../wire/revisions.ts";
import type { Port } from "./port.ts";
import type { Call, Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Ending } from "../wasm/generated/client.js";
import * as core from "../wasm/generated/client.js";

/** How long an answer to a call may take where its caller sets no timeout; as in both SDKs. A task may take longer. */
const PATIENCE = 60_000;

/** Calls of tools on their way, from the SDK to the peer and back. */
export class Calls {
  readonly #port: Port;
  readonly #link: Link;
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #snapshots: Snapshots;
  #forwarding: ((call: number) => void) | undefined;

  constructor(port: Port, link: Link, registry: Registry, session: Session, snapshots: Snapshots) {
    this.#port = port;
    this.#link = link;
    this.#registry = registry;
    this.#session = session;
    this.#snapshots = snapshots;
  }

  notification(message: Message, options: SendOptions): Promise<void> {
    const call =
      message.method === "notifications/cancelled"
        ? this.#registry.callsById.get(own(message, "params", "requestId"))
        : undefined;
    if (call === undefined) return this.#link.wire.send(message, options);
    let through = false;
    this.#forwarding = (number) => (through ||= number === call.number);
    this.#giveUp(call);
    this.#forwarding = undefined;
    if (!through) return Promise.resolve();
    // The peer knows it by the id that it has there.
    const requestId = call.wireId ?? call.id;
    return this.#link.wire.send({ ...message, params: { ...message.params, requestId } }, options);
  }

  /** The server tells of progress; answers whether the SDK should see it. */
  progressed(params: unknown): boolean {
    const token = own(params, "progressToken");
    const call = this.#registry.callsById.get(token);
    if (call !== undefined && call.task === undefined && call.plan.isSteady !== true) this.#wait(call);
    const progress = own(params, "progress");
    if (call !== undefined && typeof progress === "number") call.progress = Math.max(call.progress, progress);
    if (typeof token !== "string") return true;
    // The SDKs take "1" for 1, which is another token (G25-PRG-07).
    const numbered = this.#registry.callsById.get(Number(token));
    return own(numbered?.frame.params, "_meta", "progressToken") !== Number(token);
  }

  /**
   * The latest snapshot of a task is the progress of its calls: what a caller wants to see, and what its timeout starts
   * anew with.
   */
  tellProgress({ snapshot, calls }: FollowedTask): void {
    const message = snapshot.statusMessage;
    for (const number of [...calls]) {
      const call = this.#registry.calls.get(number);
      // A token that the SDK made is the id of its request; one that the caller made is none of the SDK's.
      if (call?.id === undefined || !call.wantsProgress) continue;
      call.progress = Math.floor(call.progress) + 1;
      const params = { progressToken: call.id, progress: call.progress, ...(message !== undefined && { message }) };
      this.#link.deliver({ jsonrpc: "2.0", method: "notifications/progress", params });
    }
  }

  start(message: Message, method: CallMethod, options: SendOptions): Promise<void> {
    const params = isObject(message.params) ? message.params : {};
    const meta = own(params, "_meta");
    const token = own(meta, PLAN);
    const plan = this.#link.shared.plans.get(String(token)) ?? this.#link.shared.plan;
    const frame = token === undefined ? message : { ...message, params: withoutMark(params, meta) };
    if (this.#link.state !== "open") {
      // Nothing is followed any more; a call is just a call.
      return plan.resume === undefined
        ? this.#link.wire.send(frame, options)
        : Promise.reject(new TaskError("connection", "The connection is not followed any more"));
    }
    if (!this.#session.introduced) this.#session.introduceFromClient();
    const version = own(meta, PROTOCOL_VERSION);
    const revision = typeof version === "string" ? revisionOf(version) : this.#session.revision;
    if (version === undefined && this.#isPlain(plan, meta)) return this.#link.wire.send(frame, options);
    // The application runs the task itself.
    if (revision?.askedFor(params) !== undefined) return this.#link.wire.send(frame, options);

    const generation = revision?.generation ?? 0;
    const tool = wellFormed(calledIn(params, method));
    const call: Call = {
      number: this.#registry.callNumbers.next(),
      id: message.id,
      frame,
      method: method.name,
      tool,
      options,
      revision,
      version: typeof version === "string" ? version : this.#session.version,
      plan,
      wireId: undefined,
      envelope: undefined,
      reply: undefined,
      exchange: options?.requestSignal === undefined ? undefined : new AbortController(),
      abandoned: false,
      wantsProgress: own(meta, "progressToken") === message.id,
      progress: 0,
      sent: undefined,
      handed: false,
      task: undefined,
      round: [],
      late: undefined,
      wake: plan.impatient ?? (() => {}),
    };
    this.#registry.calls.set(call.number, call);
    this.#registry.callsById.set(message.id, call);
    this.listen(call, options);
    this.#port.enter((requestor, now) => {
      const { resume, preference, cancels, ttl, silence } = plan;
      if (resume === undefined)
        core.call(requestor, now, call.number, generation, method.code, tool, preference, cancels, ttl ?? NaN);
      else {
        this.#envelop(call, revision?.envelopeOfResumed(isObject(frame.params) ? frame.params : {}));
        const of = this.#session.isSameServer(resume) ? (revisionOf(resume.generation)?.generation ?? 0) : 0;
        const id = wellFormed(resume.taskId);
        core.resume(requestor, now, call.number, generation, method.code, tool, cancels, of, id);
      }
      if (silence !== undefined) core.silence(requestor, call.number, Math.min(silence, LONGEST_TIMER));
    });
    const sent = call.sent ?? Promise.resolve();
    call.sent = undefined;
    call.handed = true;
    return sent;
  }

  /** Whether nothing is to be known of a call: it becomes no task, and what its caller wants the SDK does. */
  #isPlain({ preference, resume, created, impatient }: Plan, meta: unknown): boolean {
    if (this.#session.takesTasks || preference === "require" || resume !== undefined) return false;
    return created === undefined && impatient === undefined && own(meta, "progressToken") === undefined;
  }

  /** SDK v2 on HTTP gives up a call by aborting its exchange. */
  listen(call: Call, options: SendOptions): void {
    options?.requestSignal?.addEventListener("abort", () => this.#giveUp(call), { once: true });
  }

  #giveUp(call: Call): void {
    const known = this.#registry.calls.has(call.number);
    if (this.#link.state !== "open") call.exchange?.abort();
    else if (known) this.#port.enter(call.exchange === undefined ? core.abort : core.hangUp, call.number);
    if (call.task !== undefined || call.reply !== undefined) this.#dropCall(call);
    else if (known) call.abandoned = true;
  }

  /** The caller learned from the SDK that its call failed, and this connection may not know. */
  gaveUp(plan: object): void {
    for (const call of [...this.#registry.calls.values()]) if (call.plan === plan) this.#giveUp(call);
  }

  /** Keeps what the requests about its task repeat of the call. */
  #envelop(call: Call, envelope: unknown): void {
    if (envelope === undefined) return;
    call.envelope = envelope;
    this.#session.learnEnvelope(envelope);
  }

  reply(message: Message, call: Call): void {
    this.#link.shared.alarm.set(call, Infinity);
    this.#registry.callsById.delete(call.wireId);
    call.reply = message;
    const { result, error } = message;
    const handle = isObject(result) ? call.revision?.handleOf(result) : undefined;
    if (handle !== undefined) this.#snapshots.take("call", call.number, call.revision, handle, { snapshot: handle });
    else
      this.#port.enter((requestor, now) => {
        if (isObject(result) && hasContent(result))
          core.replyResult(requestor, now, call.number, own(result, "isError") === true, demandsTask(result));
        else if (isObject(result)) core.replyEmpty(requestor, now, call.number);
        else core.replyError(requestor, now, call.number, rpcCode(error));
      });
    if (call.abandoned) this.#dropCall(call);
  }

  sendCall(number: number, offer: boolean): void {
    const call = this.#registry.calls.get(number);
    if (call === undefined) return;
    let params = isObject(call.frame.params) ? call.frame.params : {};
    if (offer) params = merge(params, this.#port.assembler.take());
    else if (call.revision !== undefined) params = call.revision.withoutOffer(params);
    if (offer) this.#envelop(call, call.revision?.envelopeOf(params));
    const again = call.reply !== undefined;
    if (again) this.#registry.callsById.set((call.wireId = this.#registry.ids.next()), call);
    call.reply = undefined;
    this.#wait(call);
    const first = !call.handed;
    call.handed = true;
    const options =
      call.exchange === undefined ? call.options : { ...call.options, requestSignal: call.exchange.signal };
    const sent = this.#link.send({ ...call.frame, id: again ? call.wireId : call.id, params }, options);
    const failed = sent.catch((cause: unknown) => {
      this.#port.enter((requestor) => core.unsent(requestor, number));
      if (!this.#registry.calls.has(number)) return;
      if (!first)
        this.#link.deliver({
          jsonrpc: "2.0",
          id: call.id,
          error: { code: -32603, message: String(cause), data: { reason: "connection" } },
        });
      this.#dropCall(call);
      if (first) throw cause;
    });
    if (first) call.sent = failed;
    else failed.catch(() => {});
  }

  #wait(call: Call): void {
    const { impatient, patience = PATIENCE } = call.plan;
    if (impatient !== undefined) this.#link.shared.alarm.set(call, now() + Math.min(patience, LONGEST_TIMER));
  }

  forward(call: number): void {
    this.#forwarding?.(call);
  }

  hangUp(number: number): void {
    const call = this.#registry.calls.get(number);
    if (call === undefined) return;
    call.exchange?.abort();
    this.#dropCall(call);
  }

  answerReply(number: number): void {
    const call = this.#registry.calls.get(number);
    if (call?.reply === undefined) return;
    call.plan.answered = true;
    this.finish(call, call.reply);
  }

  answerOutcome(number: number, taskNumber: number): void {
    const call = this.#registry.calls.get(number);
    const outcome = this.#registry.tasks.get(taskNumber)?.outcome;
    if (call === undefined || outcome === undefined) return;
    if (outcome.error !== undefined)
      return this.finish(call, { error: outcome.error as NonNullable<Message["error"]> });
    const result = outcome.result ?? {};
    this.finish(call, { result: call.revision?.answerWith(result) ?? result });
  }

  answerLocal(number: number, ending: Ending): void {
    const call = this.#registry.calls.get(number);
    if (call === undefined) return;
    call.plan.ending = ending;
    this.finish(call, { error: this.#port.errorOf(ending) });
  }

  finish(call: Call, answer: Partial<Message>): void {
    if (call.id === undefined) {
      call.late = answer;
      return;
    }
    this.#dropCall(call);
    const whole: Message = { ...answer, jsonrpc: "2.0", id: call.id };
    // The SDK is still handing the call over.
    if (call.handed) this.#link.deliver(whole);
    else queueMicrotask(() => this.#link.deliver(whole));
  }

  #dropCall(call: Call): void {
    if (call.round.length > 0) this.#port.enter(core.promptsOver, call.round.length);
    call.round = [];
    this.#link.shared.alarm.set(call, Infinity);
    this.#registry.removeCall(call);
  }
}

function withoutMark(params: Json, meta: unknown): Json {
  const { [PLAN]: _mark, ...rest } = isObject(meta) ? meta : {};
  const { _meta, ...others } = params;
  return Object.keys(rest).length === 0 ? others : { ...others, _meta: rest };
}
