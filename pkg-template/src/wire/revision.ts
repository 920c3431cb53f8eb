import type { Generation } from "../core/codes.ts";
import type { Json } from "../json.ts";
import type { Message } from "./message.ts";

/**
 * A revision of the protocol that has tasks, and what is its own. It is picked once a request's revision is known; the
 * rest asks it, and compares no versions. What is decided by it is decided in the core (`src/generation.rs`).
 */
export interface Revision {
  /** As the core numbers it. */
  readonly generation: Generation;
  readonly version: "2025-11-25" | "2026-07-28";
  /**
   * Whether each request says by itself which revision it is in and what its client can do (G26-CAP-01); otherwise the
   * handshake says both for the session.
   */
  readonly isStateless: boolean;
  /**
   * Whether the server decides which calls become tasks (G26-TLN-02); otherwise their clients ask for it (G25-CRE-01).
   */
  readonly serverDecides: boolean;
  /**
   * Whether the state of a task carries its outcome and its input requests (G26-GET-03, G26-GET-04), and calls may be
   * answered with `input_required`; otherwise the server asks by requests of its own (G25-INP-02).
   */
  readonly stateHasDetails: boolean;
  /** Whether progress of a task is told (G25-PRG-01, G26-PRG-01). */
  readonly hasProgress: boolean;
  /** The notification that tells the state of a task. */
  readonly stateNotification: string;
  /** The members of a task that hold its times, in ms. */
  readonly ttl: string;
  readonly pollInterval: string;

  /** Whether a request has all that it must say of itself: where it must, its version and what its client can do. */
  isComplete(request: Message): boolean;
  /** What a request's client declares with it; `undefined` where the handshake has said it. */
  declaredIn(request: Message): unknown;

  /** The member of a call's `params` that asks for a task, as it is. */
  askedFor(params: Json | undefined): unknown;
  /** The `params` of a call as its handler gets them: without what asks for a task. */
  forHandler(params: Json | undefined): Json;
  /** The `params` of a call that is to stay a call: what its client declares of tasks is left out. */
  withoutOffer(params: Json): Json;

  /** The `_meta` of a call that the requests about its task repeat. */
  envelopeOf(params: Json): unknown;
  /** The `_meta` of a call that is not sent, because it resumes a task. */
  envelopeOfResumed(params: Json): unknown;

  /** The handle of a new task in the result of a call, if it is there. */
  handleOf(result: Json): Json | undefined;
  /** The input requests in the state of a task, if there are some. */
  inputRequestsOf(task: Json): Json | undefined;
  /** The outcome of a task as the result of its call. */
  answerWith(outcome: Json): Json;
}
