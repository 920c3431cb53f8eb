import { RequestFault } from "../core/codes.ts";
import { fromWall } from "../clock.ts";
import type { Extra, Message } from "../tap.ts";
import { DEEPEST, LONGEST_CURSOR, LONGEST_ID, LONGEST_KEY, MOST_ANSWERS, bounded, isDeeperThan } from "./bounds.ts";
import type { Caller } from "./pending-call.ts";
import { isObject, isWellFormed, own } from "../json.ts";
import { shapeOf } from "./facts.ts";
import type { Link, PendingRequest, Translation } from "./link.ts";
import type { Negotiation } from "./negotiation.ts";
import { lapsesAt } from "./owner.ts";
import type { ConnectionPeers } from "./peers.ts";
import type { Shared } from "./shared-by-connections.ts";
import type { Revision } from "../wire/revision.ts";
import * as core from "../wasm/generated/server.js";

/** The `tasks/*` requests of one connection. */
export class TaskRequests {
  readonly #shared: Shared;
  readonly #link: Link;
  readonly #caller: Caller;
  readonly #negotiation: Negotiation;
  readonly #peers: ConnectionPeers;

  /** `caller`: the calls of the same connection. */
  constructor(shared: Shared, caller: Caller, negotiation: Negotiation, peers: ConnectionPeers) {
    this.#shared = shared;
    this.#link = caller.link;
    this.#caller = caller;
    this.#negotiation = negotiation;
    this.#peers = peers;
  }

  /** A request of the client's; whether the core takes it in. Otherwise the SDK answers it. */
  take(message: Message, extra: Extra): boolean {
    const revision = this.#negotiation.revisionOf(message, extra) ?? this.#negotiation.statelessWithoutEnvelope();
    if (revision === undefined) return false;
    const flags = this.#negotiation.flags(message, revision, this.#link.identify(extra));
    this.ask(message, extra, revision, flags, revision.isComplete(message));
    return true;
  }

  /**
   * Hands a request to the core. `flags`: what it says of itself, as the core's bits. `isComplete`: it says all that it
   * must. Its answer is sent as `translate` makes it.
   */
  ask(
    message: Message,
    extra: Extra,
    revision: Revision,
    flags: number,
    isComplete: boolean,
    translate?: Translation,
  ): void {
    const { port, registry, input, progress } = this.#shared;
    const { params } = message;
    const owner = this.#link.identify(extra);
    const peer = this.#peers.heard(owner, this.#caller, extra);
    const update = revision.stateHasDetails && message.method === "tasks/update";
    const id = own(params, "taskId");
    const taskId = isWellFormed(id) ? bounded(id, LONGEST_ID) : "";
    const { number, request } = registry.hold(this.#link, peer, message, extra, update, owner, taskId, translate);
    if (taskId !== "" && !revision.stateHasDetails) input.recall(taskId);
    let text: string | undefined = taskId;
    let fault: RequestFault = RequestFault.None;
    let named: [key: string, answer: unknown][] = [];
    if (!isComplete) fault = RequestFault.Unenveloped;
    else if (update) {
      const answers = own(params, "inputResponses");
      if (areAnswers(answers)) named = Object.entries(answers);
      else fault = RequestFault.Malformed;
    } else if (message.method === "tasks/list") {
      const cursor = own(params, "cursor");
      text = isWellFormed(cursor) ? bounded(cursor, LONGEST_CURSOR) : undefined;
      if (cursor !== undefined && text === undefined) fault = RequestFault.Malformed;
    }
    const method = bounded(message.method ?? "", LONGEST_ID);
    port.work(() => {
      for (const [key, answer] of named) core.name(port.receiver, bounded(key, LONGEST_KEY), shapeOf(answer));
      port.give(core.request, number, peer, revision.generation, flags, method, text, fault);
    });
    this.#link.takenIn();
    progress.tellUnheard(taskId);
    // A store that answers at once leaves nothing to wait for.
    if (!registry.requests.has(number)) return;
    this.#link.blocked.set(request, number);
    const lapse = message.method === "tasks/result" ? lapsesAt(extra) : Number.NaN;
    if (!Number.isNaN(lapse)) port.enter(core.lapsesAt, number, fromWall(lapse));
  }

  /** The latest request that waits and that `isIt`, if there is one, ends: no client waits for its answer. */
  cancel(isIt: (request: PendingRequest) => boolean): boolean {
    const request = [...this.#link.blocked.keys()].findLast(isIt);
    if (request === undefined) return false;
    const number = this.#link.blocked.get(request) ?? 0;
    this.#link.blocked.delete(request);
    this.#shared.registry.requests.delete(number);
    this.#shared.port.enter(core.waitEnded, number);
    return true;
  }

  closed(): void {
    for (const number of this.#link.blocked.values()) this.#shared.registry.requests.delete(number);
    this.#link.blocked.clear();
  }
}

/** Whether it is what an update brings: few enough answers, none too deep. */
function areAnswers(answers: unknown): answers is Record<string, unknown> {
  return isObject(answers) && Object.keys(answers).length <= MOST_ANSWERS && !isDeeperThan(answers, DEEPEST);
}
