// Which call's handler is at work, where the platform can tell: on Node, Deno and Bun, and on workerd with
// `nodejs_compat`. Found without an import, which would keep the package from loading elsewhere.

/** A call while it lasts. Timers keep what they were made in, and would keep the call with it. */
export interface Work<Call extends object = object> {
  call: Call | undefined;
}
interface Scope {
  run<T>(work: Work | undefined, perform: () => T): T;
  getStore(): Work | undefined;
}
type Storage = new () => Scope;
interface Platform {
  /** Edge runtimes have it here, and refuse every look at what is Node's. */
  readonly AsyncLocalStorage?: Storage;
  readonly process?: { getBuiltinModule?(name: string): { readonly AsyncLocalStorage?: Storage } | undefined };
}

function findStorage(): Storage | undefined {
  const { AsyncLocalStorage, process } = globalThis as Platform;
  try {
    return AsyncLocalStorage ?? process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
  } catch {
    return undefined;
  }
}

const Storage = findStorage();
const scope: Scope | undefined = Storage && new Storage();

/** Whether {@link currentCall} can tell. */
export const knowsCalls: boolean = scope !== undefined;

/** Does something, and all that follows from it, as work for a call; for `undefined`, for none. */
export function runFor<T>(work: Work | undefined, perform: () => T): T {
  return scope === undefined ? perform() : scope.run(work, perform);
}

/** The call for which work is done. */
export function currentCall(): object | undefined {
  return scope?.getStore()?.call;
}
