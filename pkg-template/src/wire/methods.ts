import { CALL_METHODS } from "../core/codes.ts";
import { textOf } from "../json.ts";

/** A method whose calls can become tasks: a row of the core's table (`src/method.rs`). */
export type CallMethod = (typeof CALL_METHODS)[number];

/** Calls of tools, which the SDKs check before a handler begins. */
export const TOOLS_CALL: CallMethod = CALL_METHODS[0];
export const PROMPTS_GET: CallMethod = CALL_METHODS[1];
export const RESOURCES_READ: CallMethod = CALL_METHODS[2];
export const SAMPLING: CallMethod = CALL_METHODS[3];
export const ELICITATION: CallMethod = CALL_METHODS[4];

/** A side of a connection. */
export type Side = CallMethod["receiver"];

/** Rows by the names of their methods. */
export type CallMethods = ReadonlyMap<string, CallMethod>;

export function byName(methods: readonly CallMethod[]): CallMethods {
  return new Map(methods.map((method) => [method.name, method]));
}

/** Those whose calls a server receives. */
export const RECEIVED_BY_SERVERS: CallMethods = byName(CALL_METHODS.filter(({ receiver }) => receiver === "server"));

/** The row that the core has named. */
export function callMethodNumbered(code: number): CallMethod {
  return CALL_METHODS[code] ?? TOOLS_CALL;
}

/**
 * What a call names, as the tool that it calls: empty where its method names nothing, `undefined` where it is no text.
 */
export function calledIn(params: unknown, { nameIn }: CallMethod): string | undefined {
  return nameIn === undefined ? "" : textOf(params, nameIn);
}

/** Those of the methods that `isIt`, as the core's bits. */
export function methodBits(methods: CallMethods, isIt: (method: CallMethod) => boolean = () => true): number {
  return [...methods.values()].filter(isIt).reduce((bits, { code }) => bits | (1 << code), 0);
}
