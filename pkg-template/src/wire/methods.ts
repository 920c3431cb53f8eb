import { CALL_METHODS } from "../core/codes.ts";
import { textOf } from "../json.ts";

/** A method whose calls can become tasks: a row of the core's table (`src/method.rs`). */
export type CallMethod = (typeof CALL_METHODS)[number];

/** Calls of tools, which the SDKs check before a handler begins. */
export const TOOLS_CALL: CallMethod = CALL_METHODS[0];

/** The methods whose calls this package makes into tasks, by name. Tests offer others. */
export const OFFERED: Map<string, CallMethod> = new Map(
  CALL_METHODS.filter(({ isOffered }) => isOffered).map((method) => [method.name, method]),
);

/** The row of a request's method, if its calls can become tasks. */
export function callMethodOf(method: string): CallMethod | undefined {
  return OFFERED.get(method);
}

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

/** Those of the methods offered that `isIt`, as the core's bits. */
export function methodBits(isIt: (method: CallMethod) => boolean = () => true): number {
  return [...OFFERED.values()].filter(isIt).reduce((bits, { code }) => bits | (1 << code), 0);
}
