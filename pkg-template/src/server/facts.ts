// What a message says, as primitive facts for the core, messages that are always the same, and what all of the server
// uses. Nothing here decides.
import { AnswerShape, AugmentationCode } from "../core/codes.ts";
import { NAME } from "../name.ts";
import type { Extra, Message } from "../tap.ts";
import { isObject, isWhole, own, textOf } from "../json.ts";
import { CANCELLED, CREATION_KEY } from "../wire/names.ts";
import { LONGEST_ID, bounded } from "./bounds.ts";

/** What the ids of requests begin with that the SDK knows by an id of this package's. */
export const OUR_IDS: string = `${NAME}/`;
/** What the ids of the requests begin with that tasks make themselves, on any connection. */
export const ASK_PREFIX: string = `${NAME}/ask/`;

/** The value under a key of a map; where there is none, it is made. */
export function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Whether it is a promise, or looks like one. */
export function isPromise<T>(value: T | PromiseLike<T>): value is Promise<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}

/** A text that nobody can guess: more than 128 random bits (X-SEC-03). */
export function unguessable(): string {
  return crypto.randomUUID() + crypto.randomUUID();
}

/** The `MCP-Protocol-Version` header of the HTTP request that brought a message; both SDKs' shapes. */
export function versionHeader(extra: Extra): string | undefined {
  const request = extra?.["request"];
  if (request instanceof Request) return request.headers.get("mcp-protocol-version") ?? undefined;
  return textOf(own(extra?.["requestInfo"], "headers"), "mcp-protocol-version");
}

/** What `params.task` says to the core. */
export function augmentation(task: unknown): AugmentationCode {
  if (task === undefined) return AugmentationCode.Absent;
  const ttl = own(task, "ttl");
  return isObject(task) && (ttl === undefined || isWhole(ttl, 0)) ? AugmentationCode.Asked : AugmentationCode.Invalid;
}

/** What `_meta` says is the trace of a call, empty where it cannot be one; the core looks closer. */
export function traceOf(meta: unknown): string {
  const trace = textOf(meta, "traceparent");
  return trace?.length === TRACE_LENGTH ? trace : "";
}
const TRACE_LENGTH = 55;

/** What a call names its creation by, for the core to judge; empty where that is not a text. */
export function creationKey(meta: unknown): string | undefined {
  const key = own(meta, CREATION_KEY);
  if (key === undefined) return undefined;
  return typeof key === "string" ? bounded(key, LONGEST_ID) : "";
}

/** What tells that a request is not to be answered any longer. */
export function cancelled(requestId: unknown, reason: string): Message {
  return { jsonrpc: "2.0", method: CANCELLED, params: { requestId, reason } };
}

/** The answer that refuses a request; the code says that it is no mistake of the request's. */
export function refusal(id: unknown, message: string, code: number = -32603): Message {
  return { jsonrpc: "2.0", id, error: { code, message } };
}

/** What an input response looks like, as the core's bits. */
export function shapeOf(value: unknown): number {
  let shape = 0;
  const action = own(value, "action");
  const content = own(value, "content");
  if (
    (action === "accept" || action === "decline" || action === "cancel") &&
    (content === undefined || isForm(content))
  )
    shape |= AnswerShape.Elicited;
  if (
    textOf(value, "role") !== undefined &&
    textOf(value, "model") !== undefined &&
    content !== undefined &&
    content !== null
  )
    shape |= AnswerShape.Sampled;
  const roots = own(value, "roots");
  if (Array.isArray(roots) && roots.every((root) => textOf(root, "uri") !== undefined)) shape |= AnswerShape.Roots;
  return shape;
}

function isForm(content: unknown): boolean {
  return (
    isObject(content) &&
    Object.values(content).every(
      (value) =>
        typeof value === "string" ||
        typeof value === "number" ||
        typeof value === "boolean" ||
        (Array.isArray(value) && value.every((item) => typeof item === "string")),
    )
  );
}
