import { OutcomeCode, RequestFault } from "../core/codes.ts";
import type { CallMethod } from "../wire/methods.ts";
import { calledIn } from "../wire/message.ts";
import type { Extra, Message } from "../tap.ts";
import { DEEPEST, LONGEST_MESSAGE, LONGEST_NAME, bounded, isDeeperThan } from "./bounds.ts";
import { Call, type Caller } from "./pending-call.ts";
import { isObject, own, textOf } from "../json.ts";
import { augmentation, creationKey, refusal, traceOf } from "./facts.ts";
import type { Gate } from "./gate.ts";
import { inputKindOf } from "./input.ts";
import { isLongerThan } from "./stdio-limits.ts";
import type { Link, PendingRequest } from "./link.ts";
import type { Negotiation } from "./negotiation.ts";
import type { ConnectionPeers } from "./peers.ts";
import { LARGEST, completePolicy } from "./policy.ts";
import { currentCall, knowsCalls, runFor } from "./current-call.ts";
import type { Shared } from "./shared-by-connections.ts";
import { STAND_IN } from "./task-texts.ts";
import { STATELESS } from "../wire/revisions.ts";
import * as core from "../wasm/generated/server.js";

/** How many ended tasks of a connection are kept in mind at least. */
const REMEMBERED = 512;
const UNKNOWN = completePolicy("", { task: "always" });

/** The calls of one connection: into the core, through the SDK to their handlers, and back. */
export class Calls implements Caller {
  readonly #shared: Shared;
  readonly link: Link;
  readonly #gate: Gate;
  readonly #negotiation: Negotiation;
  readonly #peers: ConnectionPeers;
  readonly #left: () => void;
  /** By the id under which the SDK knows them. */
  readonly #calls = new Map<unknown, Call>();
  /** The ids under which the SDK knew calls whose tasks have ended: the latest, and those before. */
  #ended = new Set<unknown>();
  #endedBefore = new Set<unknown>();

  /** `left`: told when the last call has ended on a connection that is closed. */
  constructor(
    shared: Shared,
    link: Link,
    gate: Gate,
    negotiation: Negotiation,
    peers: ConnectionPeers,
    left: () => void,
  ) {
    this.#shared = shared;
    this.link = link;
    this.#gate = gate;
    this.#negotiation = negotiation;
    this.#peers = peers;
    this.#left = left;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** The call that the SDK knows by this id, on this connection. */
  under(sdkId: unknown): Call | undefined {
    return this.#calls.get(sdkId);
  }

  /** Whether the SDK knew a call by this id whose task has ended. */
  hasEnded(sdkId: unknown): boolean {
    return this.#ended.has(sdkId) || this.#endedBefore.has(sdkId);
  }

  /** A call of the client's; whether the core takes it in. Otherwise the SDK answers it. */
  take(message: Message, method: CallMethod, extra: Extra): boolean {
    const { params } = message;
    const name = calledIn(params, method);
    if (name === undefined) return false;
    const { settings, policies, registry, port, hooks } = this.#shared;
    // The SDK refuses a name it does not know, before any handler; until then nothing is known against a task.
    const known = this.#gate.nameOf(method, name);
    const given = known === undefined ? UNKNOWN : settings.policies.of(method, known);
    const standIn = this.#negotiation.hasTasks(message) ? undefined : given.withoutTasks;
    const policy = standIn ?? given;
    const revision = standIn === undefined ? this.#negotiation.revisionOf(message, extra) : STATELESS;
    if (revision === undefined) return false;
    // What is not declared is not asked for, whatever a request says (G25-CAP-05).
    if (!revision.serverDecides && !settings.policies.offers(method)) return false;
    const isAsked = own(params, "task") !== undefined;
    const isPlain = (): boolean =>
      policies.isPlain(method, policy, revision, this.#negotiation.declared(message, revision));
    if (standIn === undefined && !isAsked && isPlain()) return false;
    if (name.length > LONGEST_NAME) {
      const why = `The ${method.nameIn} has more than ${LONGEST_NAME} characters`;
      this.link.send(refusal(message.id, why, -32602), undefined);
      return true;
    }
    const owner = this.link.identify(extra);
    const peer = this.#peers.heard(owner, this, extra);
    const flags = standIn === undefined ? this.#negotiation.flags(message, revision, owner) : STAND_IN;
    if (isDeeperThan(params, DEEPEST)) {
      const { number } = registry.hold(this.link, peer, message, extra, false);
      port.enter(core.request, number, peer, revision.generation, flags, "", undefined, RequestFault.TooDeep);
      return true;
    }
    const number = registry.next();
    // Ids come back while a task still runs under them, and others may know them: the SDK gets one that nothing else
    // can use. SDK v1 also cannot cancel a request whose id is 0 or empty (H37).
    const sdkId = registry.sdkId(number);
    const stream = this.link.streams?.of(message.id);
    const call = new Call(number, this, peer, method, revision, flags, message, extra, sdkId, stream);
    if (standIn !== undefined)
      call.translate = (answer) => settings.taskTools.handle(message, answer, name, standIn.immediateResponse);
    registry.calls.set(number, call);
    registry.requests.set(number, call);
    // Its caller may give it up, or go, before the SDK hears of it (G25-CAN-09).
    this.#calls.set(sdkId, call);
    const meta = own(params, "_meta");
    const task = revision.askedFor(params);
    port.enter(
      core.call,
      number,
      peer,
      revision.generation,
      flags,
      method.code,
      name,
      policies.numberOf(policy),
      augmentation(task),
      (own(task, "ttl") as number | undefined) ?? Number.NaN,
      this.#gate.isBefore(method),
      traceOf(meta) || hooks.activeTrace(),
      creationKey(meta),
    );
    return true;
  }

  forward(call: Call): void {
    const params = call.revision.forHandler(call.message.params);
    this.#calls.set(call.sdkId, call);
    try {
      if (this.#gate.isBefore(call.method)) this.#gate.wrap(call.method, calledIn(params, call.method) ?? "");
      runFor(call.work, () => this.link.hand({ ...call.message, id: call.sdkId, params }, call.extra));
    } catch (error) {
      // The core is at work here, and must not hear of it.
      this.#shared.port.failed(error);
      this.fail(call);
    }
  }

  /** The handler of a call has answered, or the SDK for it. */
  outcome(call: Call, message: Message): void {
    // The last progress still comes before the end.
    this.#shared.progress.tellLatest(call);
    const { port, settings } = this.#shared;
    port.work(() => {
      // One that was there at two traps is not handed over a third time.
      const isWritable = call.end(message) && ++call.handovers <= 2;
      const text = call.outcomeText ?? "";
      const size = isLongerThan(text, this.link.longest) ? LARGEST : text.length;
      const outcome = outcomeOf(message, isWritable);
      if (outcome === OutcomeCode.Input || outcome === OutcomeCode.InputWithState) {
        const asked = own(message.result, "inputRequests");
        for (const [name, request] of Object.entries(isObject(asked) ? asked : {}))
          core.name(port.receiver, name, inputKindOf(request));
      } else if ((outcome === OutcomeCode.ToolFailed || outcome === OutcomeCode.Error) && settings.statesMayQuote) {
        // Hosts show the status message of a failed task, and few of them fetch its result (G25-GET-05).
        const said = saidBy(message);
        if (said !== undefined) core.name(port.receiver, bounded(said, LONGEST_MESSAGE), 0);
      }
      port.give(core.ended, call.number, outcome, size, message.error?.code ?? Number.NaN);
    });
  }

  tellProgress(call: Call): void {
    this.#shared.progress.tellLatest(call);
  }

  repeatOutcome(call: Call): void {
    if (call.outcome === undefined || call.handovers > 2) return;
    try {
      this.outcome(call, call.outcome);
    } catch {
      // The core was started anew once more, and has said so.
    }
  }

  /** Ends a call whose answer could not be handled. */
  fail(call: Call): void {
    try {
      this.outcome(call, refusal(call.sdkId, "Internal error; try again"));
    } catch (error) {
      this.#shared.port.failed(error);
    }
  }

  ended(call: Call): void {
    if (this.#calls.get(call.sdkId) === call) this.#calls.delete(call.sdkId);
    this.#shared.progress.forget(call);
    call.work.call = undefined;
    if (call.taskId !== undefined) this.#rememberEnd(call.sdkId);
    if (this.link.isClosed && this.#calls.size === 0) this.#left();
  }

  /** The connection has closed; whether a task still runs. */
  closed(): boolean {
    for (const call of [...this.#calls.values()]) {
      // A call that was never told of as a task ends with its connection (G26-HTT-07); a task goes on (X-STO-08).
      if (call.taskId === undefined) this.#shared.port.enterReporting(core.dropped, call.number, true);
    }
    return [...this.#calls.values()].some((call) => call.taskId !== undefined);
  }

  /** The latest call that a request cancels and that is no task, if there is one. */
  cancelled(isIt: (call: PendingRequest) => boolean): Call | undefined {
    return [...this.#calls.values()].findLast((call) => isIt(call) && call.taskId === undefined);
  }

  /**
   * The call that a request of the SDK's own belongs to when its handler does not say. Where the platform cannot tell
   * either, the one task that runs is a guess.
   */
  working(): Call | undefined {
    if (knowsCalls) {
      const call = currentCall();
      return call instanceof Call && this.#calls.get(call.sdkId) === call ? call : undefined;
    }
    const [only, another] = this.#calls.values();
    return another !== undefined || only?.taskId === undefined ? undefined : only;
  }

  /** Remembers for a while which calls were tasks that have ended; ids do not come back in 2025-11-25. */
  #rememberEnd(sdkId: unknown): void {
    if (this.#ended.size >= REMEMBERED) {
      this.#endedBefore = this.#ended;
      this.#ended = new Set();
    }
    this.#ended.add(sdkId);
  }
}

/** What a handler ended with. `isWritable`: JSON can hold it. */
function outcomeOf({ result }: Message, isWritable: boolean): OutcomeCode {
  if (own(result, "resultType") === "input_required")
    return textOf(result, "requestState") === undefined ? OutcomeCode.Input : OutcomeCode.InputWithState;
  if (!isWritable) return OutcomeCode.NotJson;
  if (result === undefined) return OutcomeCode.Error;
  return own(result, "isError") === true ? OutcomeCode.ToolFailed : OutcomeCode.Result;
}

/** What a failure says of itself: the first text of a result, the message of an error. */
function saidBy({ result, error }: Message): string | undefined {
  if (result === undefined) return textOf(error, "message");
  const content = own(result, "content");
  return textOf(
    Array.isArray(content) ? content.find((block) => textOf(block, "text") !== undefined) : undefined,
    "text",
  );
}
