import { fromWall } from "../clock.ts";
import type { Extra, Message } from "../tap.ts";
import { LONGEST_ID, MOST_TASK_IDS, bounded } from "./bounds.ts";
import { capabilityBits } from "../wire/capabilities.ts";
import { isWellFormed, own } from "../json.ts";
import { metaOf } from "../wire/message.ts";
import { STATELESS, revisionOf, versionOf } from "../wire/revisions.ts";
import { ACKNOWLEDGED, CLIENT_CAPABILITIES, LISTEN } from "../wire/names.ts";
import { lapsesAt } from "./owner.ts";
import type { ActiveSubscription } from "./registry.ts";
import type { Settings } from "./options-defaults.ts";
import type { Shared } from "./shared-by-connections.ts";
import * as core from "../wasm/generated/server.js";

/** What carries the messages of one subscription to its client. */
export interface Carrier {
  /** The first message: which tasks are listened to. {@link Subscription.listening} is called when it is out. */
  acknowledge(notification: Message): void;
  /** The state of a task. */
  tell(notification: Message): void;
  /** The last message: the answer to the request. */
  end(answer: Message, limited: boolean): void;
}

/** One `subscriptions/listen` that names tasks, between the core and what carries it. */
export class Subscription implements ActiveSubscription {
  /** The id of the request. */
  readonly id: unknown;
  readonly #shared: Shared;
  readonly #carrier: Carrier;
  readonly #extra: Extra;
  readonly #owner: string | undefined;
  readonly #flags: number;
  readonly #number: number;
  #ids: string[];
  readonly #peer: number;
  readonly #sessionId: string | undefined;
  #acknowledged = false;
  #listening = false;
  #alone = false;
  #ready = false;
  #over = false;

  /** `singleStream`: the connection has one client, and is one stream. */
  constructor(
    shared: Shared,
    message: Message,
    extra: Extra,
    sessionId: string | undefined,
    singleStream: boolean,
    carrier: Carrier,
  ) {
    this.id = message.id;
    this.#shared = shared;
    this.#carrier = carrier;
    this.#extra = extra;
    this.#sessionId = sessionId;
    this.#owner = shared.owners.of(extra, sessionId);
    this.#flags = capabilityBits(STATELESS.declaredIn(message));
    this.#ids = taskIdsOf(message).slice(0, MOST_TASK_IDS);
    this.#number = shared.registry.next();
    this.#peer = shared.peers.open(this.#owner, singleStream);
    shared.registry.subscriptions.set(this.#number, this);
  }

  /** Asks the core for the subscription; the carrier is told. */
  open(): void {
    this.#shared.port.workReporting(() => this.#ask());
  }

  /** The acknowledgement is out. `alone`: nothing else is subscribed to on its stream. */
  listening(alone: boolean): void {
    if (this.#over) return;
    this.#listening = true;
    this.#alone = alone;
    this.#ready = true;
    this.#shared.port.enterReporting(core.listening, this.#number, alone);
  }

  /** The stream takes messages again, or takes none for now. */
  flow(ready: boolean): void {
    if (this.#over || !this.#listening || ready === this.#ready) return;
    this.#ready = ready;
    this.#shared.port.enterReporting(core.flow, this.#number, ready);
  }

  /** The client has left: nothing more is said. */
  leave(): void {
    if (this.#over) return;
    this.#shared.port.enterReporting(core.unlisten, this.#number);
    this.#close();
  }

  /** The server gives it up. */
  giveUp(): void {
    if (!this.#over) this.#shared.port.enterReporting(core.endListen, this.#number);
  }

  /** The core has a notification for it. */
  told(notification: Message): void {
    if (this.#over) return;
    if (!this.#acknowledged) {
      this.#acknowledged = true;
      this.#ids = taskIdsOf(notification);
      return this.#carrier.acknowledge(notification);
    }
    // A core that was started anew has acknowledged it again.
    if (notification.method === ACKNOWLEDGED) return this.listening(this.#alone);
    if (!this.#shared.owners.isStillAuthorized(this.#extra, this.#owner, this.#sessionId))
      return this.#shared.port.enterReporting(core.lapse, this.#number);
    this.#carrier.tell(notification);
  }

  /** The core answers the request: it is over. `limited`: refused because of a limit. */
  answered(answer: Message, limited: boolean): void {
    if (this.#over) return;
    this.#close();
    this.#carrier.end({ ...answer, id: this.id }, limited);
  }

  /** The core was started anew, and does not know what was listened to. */
  again(): void {
    if (!this.#over) this.#ask();
  }

  #ask(): void {
    const until = fromWall(lapsesAt(this.#extra));
    const { port } = this.#shared;
    for (const id of this.#ids) core.name(port.receiver, id, 0);
    port.give(core.listen, this.#number, this.#peer, STATELESS.generation, this.#flags, until);
  }

  #close(): void {
    this.#over = true;
    this.#shared.registry.subscriptions.delete(this.#number);
    this.#shared.peers.close(this.#peer);
  }
}

/** Whether a request asks for tasks in the revision that has such requests. */
export function asksForTasks(settings: Settings, message: Message): boolean {
  return (
    message.method === LISTEN &&
    message.id !== undefined &&
    revisionOf(versionOf(message)) === STATELESS &&
    settings.speaks(STATELESS) &&
    metaOf(message, CLIENT_CAPABILITIES) !== undefined &&
    taskIdsOf(message).length > 0
  );
}

/** The tasks that a subscription, or its acknowledgement, names. */
function taskIdsOf(message: Message): string[] {
  const ids = own(own(message.params, "notifications"), "taskIds");
  // What no task can be called is left out like any other unknown id.
  return Array.isArray(ids) ? ids.map((id) => (isWellFormed(id) ? bounded(id, LONGEST_ID) : "")) : [];
}

/** The acknowledgement of an SDK's with the tasks of ours. */
export function withTasks(acknowledgement: Message, ours: Message): Message {
  const { params } = acknowledgement;
  const notifications = {
    ...(own(params, "notifications") as Record<string, unknown> | undefined),
    ...(own(ours.params, "notifications") as Record<string, unknown>),
  };
  return { ...acknowledgement, params: { ...params, notifications } };
}

/** Whether an acknowledgement says that nothing is subscribed to. */
export function isEmpty(acknowledgement: Message): boolean {
  return (
    Object.keys((own(acknowledgement.params, "notifications") as Record<string, unknown> | undefined) ?? {}).length ===
    0
  );
}
