import { CALL_METHODS } from "../core/codes.ts";

/** A method whose calls can become tasks: a row of the core's table (`src/method.rs`). */
export type CallMethod = (typeof CALL_METHODS)[number];

/** A side of a connection. */
export type Side = CallMethod["receiver"];

/** Rows by the names of their methods. */
export type CallMethods = ReadonlyMap<string, CallMethod>;

export function byName(methods: readonly CallMethod[]): CallMethods {
  return new Map(methods.map((method) => [method.name, method]));
}

/** Those whose calls a side receives. */
export function receivedBy(side: Side): CallMethods {
  return byName(CALL_METHODS.filter(({ receiver }) => receiver === side));
}

/** The row that the core has named. */
export function callMethodNumbered(code: number): CallMethod {
  return CALL_METHODS[code] ?? CALL_METHODS[0];
}

/** Those of the methods that `isIt`, as the core's bits. */
export function methodBits(methods: CallMethods, isIt: (method: CallMethod) => boolean = () => true): number {
  return [...methods.values()].filter(isIt).reduce((bits, { code }) => bits | (1 << code), 0);
}
