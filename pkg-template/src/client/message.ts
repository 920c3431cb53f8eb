/** Facts that are read out of messages; what follows from them is decided elsewhere. */
import { define } from "../json.ts";
import type { TaskSnapshot, TaskStatus } from "../types.ts";

export type Json = Record<string, unknown>;

export const RELATED_TASK = "io.modelcontextprotocol/related-task";
export const CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
export const CLIENT_INFO = "io.modelcontextprotocol/clientInfo";
export const PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";
export const EXTENSION = "io.modelcontextprotocol/tasks";

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own property: a name like `constructor` is a key like any other (X-LIM-05). */
export function own(object: unknown, ...path: string[]): unknown {
  let value = object;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/** A string that can be sent as it is, or `""`: a lone surrogate would be changed on its way (X-LIM-07). */
export function wellFormed(value: unknown): string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : "";
}

/** The id of an answer as both SDKs read it: some peers echo numbers as text. */
export function answeredId(id: unknown): unknown {
  return typeof id === "string" ? Number(id) : id;
}

/** The longest id, cursor or key of a peer that is taken, in characters; and the longest name of anything. */
export const LONGEST_ID = 4096;
export const LONGEST_NAME = 1024;

/** A text for the core, or `""` for what is none or is too long: its memory never shrinks. */
export function short(value: unknown, most: number): string {
  return typeof value === "string" && value.length <= most ? value : "";
}

/** A hash of 53 bits (cyrb53), by which a text is known again. Who makes two of the same deceives itself alone. */
export function fingerprint(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 2 ** 32 * ((2 ** 21 - 1) & low) + (high >>> 0);
}

/** What a task looks like in each generation. */
const FIELDS: Readonly<Record<number, { readonly ttl: string; readonly poll: string }>> = {
  25: { ttl: "ttl", poll: "pollInterval" },
  26: { ttl: "ttlMs", poll: "pollIntervalMs" },
};

export interface SnapshotFacts {
  readonly id: string;
  readonly status: string;
  /** Infinite for no end, NaN where it is missing. */
  readonly ttl: number;
  readonly poll: number;
  readonly age: number;
  /** 1: it has a result, 2: it has an error. */
  readonly flags: number;
}

export function snapshotFacts(task: Json, generation: number): SnapshotFacts {
  const ttl = own(task, FIELDS[generation]?.ttl ?? "");
  const status = own(task, "status");
  const error = own(task, "error");
  return {
    id: wellFormed(short(own(task, "taskId"), LONGEST_ID)),
    status: short(status, LONGEST_NAME),
    ttl: ttl === null ? Infinity : number(ttl),
    poll: number(own(task, FIELDS[generation]?.poll ?? "")),
    age: time(own(task, "lastUpdatedAt")) - time(own(task, "createdAt")),
    flags: (isObject(own(task, "result")) ? 1 : 0) | (isRpcError(error) ? 2 : 0),
  };
}

/** The same for the application, with one name for each field. */
export function snapshotView(task: Json, generation: number): TaskSnapshot {
  const message = own(task, "statusMessage");
  const created = own(task, "createdAt");
  const updated = own(task, "lastUpdatedAt");
  const ttl = own(task, FIELDS[generation]?.ttl ?? "");
  const poll = own(task, FIELDS[generation]?.poll ?? "");
  return {
    taskId: String(own(task, "taskId")),
    status: own(task, "status") as TaskStatus,
    ...(typeof message === "string" && { statusMessage: message }),
    ...(typeof created === "string" && { createdAt: created }),
    ...(typeof updated === "string" && { lastUpdatedAt: updated }),
    ttl: typeof ttl === "number" && Number.isFinite(ttl) ? ttl : null,
    ...(typeof poll === "number" && Number.isFinite(poll) && { pollInterval: poll }),
  };
}

/** The member of a result in which a generation puts the handle of a new task, if it is there. */
export function handleOf(result: Json, generation: number): Json | undefined {
  const task = generation === 26 ? (own(result, "resultType") === "task" ? result : undefined) : own(result, "task");
  return isObject(task) ? task : undefined;
}

/** Whether a result has anything of a tool's result. */
export function hasContent(result: Json): boolean {
  const present = (name: string) => own(result, name) !== undefined;
  return (
    Array.isArray(own(result, "content")) ||
    present("structuredContent") ||
    present("toolResult") ||
    own(result, "isError") === true
  );
}

/** An SDK wraps "this tool runs only as a task" into a tool's error (G25-TLN-08). */
export function demandsTask(result: Json): boolean {
  const content = own(result, "content");
  const text: unknown = Array.isArray(content) ? own(content[0], "text") : undefined;
  return own(result, "isError") === true && typeof text === "string" && text.includes("-32601");
}

export function isRpcError(error: unknown): boolean {
  return Number.isSafeInteger(own(error, "code")) && typeof own(error, "message") === "string";
}

/** `base` with the members of `more` put over it; where both have an object, with both objects' members. */
export function merge(base: Json, more: Json): Json {
  const whole: Json = { ...base };
  for (const [name, value] of Object.entries(more)) {
    const before = own(whole, name);
    define(whole, name, isObject(before) && isObject(value) ? merge(before, value) : value);
  }
  return whole;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : NaN;
}

function time(value: unknown): number {
  return typeof value === "string" ? Date.parse(value) : NaN;
}

export function rpcCode(error: unknown): number {
  const code = own(error, "code");
  return Number.isSafeInteger(code) && Math.abs(code as number) < 2 ** 31 ? (code as number) : -32603;
}

/** The status with which HTTP refused a message; both SDKs' errors. */
export function httpStatus(error: unknown): number | undefined {
  const { status, code } = (error ?? {}) as { status?: unknown; code?: unknown };
  return [status, code].find((value): value is number => typeof value === "number" && value >= 300 && value < 600);
}

/** JSON text, or nothing where there is none: it nests too deep. */
export function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
