// Which call's handler is at work, where the platform can tell: on Node, Deno and Bun, and on workerd with `nodejs_compat`. Found without
// an import, which would keep the package from loading elsewhere.
import type { Call } from "./call.ts";

interface Scope {
  run<T>(call: Call | undefined, work: () => T): T;
  getStore(): Call | undefined;
}
interface Process {
  getBuiltinModule?(name: string): { readonly AsyncLocalStorage?: new () => Scope } | undefined;
}

const Storage = (globalThis as { process?: Process }).process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
const scope: Scope | undefined = Storage && new Storage();

/** Whether {@link currentCall} can tell. */
export const knowsCalls: boolean = scope !== undefined;

/** Does some work, and all that follows from it, for a call; for `undefined`, for none. */
export function within<T>(call: Call | undefined, work: () => T): T {
  return scope === undefined ? work() : scope.run(call, work);
}

/** The call for which work is done. */
export function currentCall(): Call | undefined {
  return scope?.getStore();
}
