import { isObject, isWellFormed, type Json, own } from "../json.ts";
/** Facts that are read out of messages; what follows from them is decided elsewhere. */
import type { TaskSnapshot, TaskStatus } from "../types.ts";
import type { Revision } from "../wire/revision.ts";

/** A string that can be sent as it is, or `""`: a lone surrogate would be changed on its way (X-LIM-07). */
export function wellFormed(value: unknown): string {
  return isWellFormed(value) ? value : "";
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

/** A hash of 53 bits (cyrb53), by which a text is known again. A peer that makes two of the same deceives itself. */
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

export interface SnapshotFacts {
  readonly id: string;
  readonly status: string;
  /** Infinite for no end, NaN where it is missing. */
  readonly ttl: number;
  readonly poll: number;
  readonly age: number;
  readonly hasResult: boolean;
  readonly hasError: boolean;
}

export function snapshotFacts(task: Json, revision: Revision | undefined): SnapshotFacts {
  const ttl = own(task, revision?.ttl ?? "");
  const status = own(task, "status");
  return {
    id: wellFormed(short(own(task, "taskId"), LONGEST_ID)),
    status: short(status, LONGEST_NAME),
    ttl: ttl === null ? Infinity : number(ttl),
    poll: number(own(task, revision?.pollInterval ?? "")),
    age: time(own(task, "lastUpdatedAt")) - time(own(task, "createdAt")),
    hasResult: isObject(own(task, "result")),
    hasError: isRpcError(own(task, "error")),
  };
}

/** The same for the application, with one name for each field. */
export function snapshotView(task: Json, revision: Revision | undefined): TaskSnapshot {
  const message = own(task, "statusMessage");
  const created = own(task, "createdAt");
  const updated = own(task, "lastUpdatedAt");
  const ttl = own(task, revision?.ttl ?? "");
  const poll = own(task, revision?.pollInterval ?? "");
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

/** What results of calls have beside `content`: those of tools, prompts, resources and elicitations. */
const MEMBERS = ["toolResult", "structuredContent", "contents", "messages", "action"];

/** Whether a result has anything of the result of a call. */
export function hasContent(result: Json): boolean {
  const content = own(result, "content");
  // A sampled message has one block, or several.
  return (
    Object(content) === content ||
    own(result, "isError") === true ||
    MEMBERS.some((name) => own(result, name) !== undefined)
  );
}

/** An SDK wraps "this tool runs only as a task" into a tool's error (G25-TLN-08). */
export function demandsTask(result: Json): boolean {
  if (own(result, "isError") !== true) return false;
  const content = own(result, "content");
  const text: unknown = Array.isArray(content) ? own(content[0], "text") : undefined;
  return typeof text === "string" && text.includes("-32601");
}

export function isRpcError(error: unknown): boolean {
  return Number.isSafeInteger(own(error, "code")) && typeof own(error, "message") === "string";
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
