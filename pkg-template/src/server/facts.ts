// What a message says, as primitive facts for the core, messages that are always the same, and what all of the server
// uses. Nothing here decides.
import type { Extra, Message } from "../tap.ts";
import { LONGEST_ID, bounded } from "./bounds.ts";

export const EXTENSION = "io.modelcontextprotocol/tasks";
export const RELATED_TASK = "io.modelcontextprotocol/related-task";
export const CREATION_KEY = "mcp-longhaul/creation-key";
/** What the ids of requests begin with that the SDK knows by an id of this package's. */
export const OUR_IDS = "mcp-longhaul/";
/** What the ids of the requests begin with that tasks make themselves, on any connection. */
export const ASK_PREFIX = "mcp-longhaul/ask/";
export const VERSION_META = "io.modelcontextprotocol/protocolVersion";
export const CANCELLED = "notifications/cancelled";
export const CAPABILITIES_META = "io.modelcontextprotocol/clientCapabilities";

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

/** A JSON object: not `null`, not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of an own property; what a prototype holds is nobody's message (X-LIM-05). */
export function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The text under an own property, if it is one. */
export function textOf(value: unknown, key: string): string | undefined {
  const text = own(value, key);
  return typeof text === "string" ? text : undefined;
}

/** What a request or notification says under a key of its `_meta`. */
export function metaOf(message: Message, key: string): unknown {
  return own(own(message.params, "_meta"), key);
}

/** The protocol version that a request names itself. */
export function versionOf(message: Message): unknown {
  return metaOf(message, VERSION_META);
}

/** The `MCP-Protocol-Version` header of the HTTP request that brought a message; both SDKs' shapes. */
export function versionHeader(extra: Extra): string | undefined {
  const request = extra?.["request"];
  if (request instanceof Request) return request.headers.get("mcp-protocol-version") ?? undefined;
  return textOf(own(extra?.["requestInfo"], "headers"), "mcp-protocol-version");
}

/** Declared capabilities as the core's bits; a leaf counts when it is an object (G25-CAP-12, G26-CAP-14). */
export function capabilityBits(capabilities: unknown): number {
  const leaf = (...path: string[]): boolean => isObject(path.reduce(own, capabilities));
  let bits = 0;
  if (leaf("extensions", EXTENSION)) bits |= 1;
  // A bare `elicitation` means forms.
  if (leaf("elicitation", "form") || (leaf("elicitation") && !leaf("elicitation", "url"))) bits |= 2;
  if (leaf("elicitation", "url")) bits |= 4;
  if (leaf("sampling")) bits |= 8;
  if (leaf("sampling", "tools")) bits |= 16;
  if (leaf("roots")) bits |= 32;
  return bits;
}

/** All kinds of input: what is assumed of a client that introduced itself on another connection. */
export const ALL_INPUT = 62;

/** `params.task` as the core reads it: -3 absent, -2 invalid, -1 without `ttl`, else its `ttl`. */
export function augmentation(task: unknown): number {
  if (task === undefined) return -3;
  if (!isObject(task)) return -2;
  const ttl = own(task, "ttl");
  if (ttl === undefined) return -1;
  return isWhole(ttl, 0) ? ttl : -2;
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

/** An input request as tasks show it: 2026-07-28, which alone shows it, has no elicitation ids (G26-INP-13). */
export function shown(request: unknown): unknown {
  const params = own(request, "params");
  if (own(params, "elicitationId") === undefined) return request;
  const { elicitationId: _id, ...rest } = params as Record<string, unknown>;
  return { ...(request as Record<string, unknown>), params: rest };
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
    shape |= 1;
  if (
    textOf(value, "role") !== undefined &&
    textOf(value, "model") !== undefined &&
    content !== undefined &&
    content !== null
  )
    shape |= 2;
  const roots = own(value, "roots");
  if (Array.isArray(roots) && roots.every((root) => textOf(root, "uri") !== undefined)) shape |= 4;
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

/** Whether it is a whole number in a range. */
export function isWhole(value: unknown, least: number, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** Whether it is text without a lone surrogate, which neither headers nor every store can carry (X-LIM-07). */
export function isWellFormed(text: unknown): text is string {
  return typeof text === "string" && text.isWellFormed();
}
