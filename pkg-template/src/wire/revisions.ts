import { g25 } from "./g25.ts";
import { g26 } from "./g26.ts";
import { type Message, metaOf } from "./message.ts";
import { PROTOCOL_VERSION } from "./names.ts";
import type { Revision } from "./revision.ts";

// What only one revision has, for those who speak it with a peer that has chosen it.
export { declaration, listenTo, shown } from "./g26.ts";

/** All revisions that have tasks. */
export const REVISIONS: readonly Revision[] = [g25, g26];

/** The one in which the handshake speaks for the session. */
export const STATEFUL: Revision = g25;

/** The one in which each request speaks for itself; it has `server/discover` and subscriptions. */
export const STATELESS: Revision = g26;

/** The revision of a protocol version; `undefined` for one that has no tasks, and for what is none. */
export function revisionOf(version: unknown): Revision | undefined {
  return REVISIONS.find((revision) => revision.version === version);
}

/** The revision that the core has named. */
export function revisionNumbered(generation: number): Revision {
  return REVISIONS.find((revision) => revision.generation === generation) ?? STATELESS;
}

/** The revision in which a notification with this method tells the state of a task. */
export function revisionOfNotification(method: string): Revision | undefined {
  return REVISIONS.find((revision) => revision.stateNotification === method);
}

/** The protocol version that a request names itself. */
export function versionOf(request: Message): unknown {
  return metaOf(request, PROTOCOL_VERSION);
}
