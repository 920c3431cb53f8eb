// How a message is read. What follows from it is decided elsewhere.
import { type Json, isObject, own, textOf } from "../json.ts";
import type { CallMethod } from "./methods.ts";

/** A JSON-RPC message as it passes a transport. Its payloads are read by their handlers alone. */
export interface Message {
  jsonrpc: "2.0";
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

/** What a transport adds to an inbound message; both SDKs' shapes. */
export type Extra = Record<string, unknown> | undefined;

/** What a request or notification says under a key of its `_meta`. */
export function metaOf(message: Message, key: string): unknown {
  return own(message.params, "_meta", key);
}

/**
 * Whether a value has the shape of a message. Transports of the SDKs let no other pass, but a transport may be of any
 * make; what is none is left to the SDK, which refuses it.
 */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== "object" || value === null) return false;
  const { id, method, params, result, error } = value as Json;
  if (id !== undefined && typeof id !== "string" && !Number.isSafeInteger(id)) return false;
  if (method === undefined) return isObject(result) || isObject(error);
  return typeof method === "string" && (params === undefined || isObject(params));
}

/**
 * What a call names, as the tool that it calls: empty where its method names nothing, `undefined` where it is no text.
 */
export function calledIn(params: unknown, { nameIn }: CallMethod): string | undefined {
  return nameIn === undefined ? "" : textOf(params, nameIn);
}
