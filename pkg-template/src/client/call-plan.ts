import { NAME } from "../name.ts";
import type { TaskError } from "../errors.ts";
import type { TaskHandle, TaskPreference, TaskReference } from "../types.ts";
import type { Ending } from "../wasm/generated/client.js";
import type { CallMethods } from "../wire/methods.ts";
import type { Alarm } from "./alarm.ts";
import type { Handle } from "./handle.ts";
import type { TaskJournal } from "../types.ts";

/** Marks a call with the plan that its caller made for it; never sent. */
export const PLAN: string = `${NAME}/plan`;

/** What a caller wants with one call. */
export interface Plan {
  readonly preference: TaskPreference;
  /** Whether giving up the call cancels its task. */
  readonly cancels: boolean;
  readonly ttl: number | undefined;
  readonly resume?: TaskReference | undefined;
  /** What the SDK answers the caller with, as soon as the call was made. */
  answer?: Promise<unknown>;
  /** Called when the task is there. */
  created?: ((handle: Handle) => void) | undefined;
  /** The handle of its task. */
  handle?: Handle | undefined;
  /** How long the caller waits for progress, in ms; where it starts anew with each. */
  silence?: number | undefined;
  /** Gives up the call where the peer does not answer it; only where its timeout ends with the task's creation. */
  impatient?: (() => void) | undefined;
  /** How long the peer has to answer then, in ms. */
  patience?: number | undefined;
  /** Whether progress leaves that time as it is. */
  isSteady?: boolean | undefined;
  /** Why the call ended, if it did not end with the peer's answer. */
  ending?: Ending | undefined;
  /** The journal's entry that it repeats. */
  entry?: string | undefined;
  /** Whether it ended with the peer's answer. */
  answered?: boolean | undefined;
}

/** The part of both SDKs' `Client` that a connection uses. */
export interface ConnectedClient {
  getServerVersion?(): unknown;
  getServerCapabilities?(): unknown;
  getNegotiatedProtocolVersion?(): unknown;
  /** SDK v2: whether its handlers can be driven by `input_required`. */
  getProtocolEra?(): unknown;
  request?(...call: never[]): Promise<unknown>;
}

/** What the connections of one client share. */
export interface Shared {
  readonly plan: Plan;
  /** The methods that the peers may run as tasks. */
  readonly methods: CallMethods;
  readonly poll: { readonly min: number; readonly max: number; readonly initial: number };
  readonly maxAge: number;
  /** How long one request may take, in ms. */
  readonly requestTimeout: number;
  readonly listen: boolean;
  readonly alarm: Alarm;
  readonly plans: Map<string, Plan>;
  readonly ontask: ((handle: Handle) => void) | undefined;
  readonly onerror: (error: TaskError) => void;
  readonly journal: TaskJournal | undefined;
  /** A task has ended, or cannot be followed any more. */
  readonly onsettled: (handle: TaskHandle) => void;
  /** A connection has closed, and is followed no more. */
  readonly onclose: (connection: object) => void;
}
