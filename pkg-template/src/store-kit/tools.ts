// What the cases are written with.
import type { MaybePromise, StoredTask, TaskPosition, TaskStore, TaskWrite } from "../store.ts";

export const OWNER = "https://issuer.example|alice|tasks";
export const T0 = 1_760_000_000_000;
/** The last moment that JavaScript can write as a date. */
export const LATEST = 8_640_000_000_000_000;

export function write(id: string, more: Partial<TaskWrite> = {}): TaskWrite {
  return { owner: OWNER, id, version: 1, createdAt: T0, dueAt: null, state: "working", payload: null, ...more };
}

export const NO_PEER = "there is no peer";
export const NO_REOPEN = "it cannot be reopened";
export const NO_ALL = "it has no `all`";
export const NO_WATCH = "it has no `watch`";

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes over every field, where the object lets it. */
export function spoil(task: object): void {
  for (const key of Object.keys(task)) Reflect.set(task, key, "spoiled");
}

/** A permutation of 0 … count - 1, for counts that 7919 does not divide. */
export function shuffled(n: number, count: number): number {
  return (n * 7919) % count;
}

export function byPosition(a: TaskPosition, b: TaskPosition): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

export function names(tasks: readonly { readonly id: string }[]): string[] {
  return tasks.map(({ id }) => id);
}

export async function walk(store: TaskStore, owner: string, limit: number): Promise<StoredTask[]> {
  const seen: StoredTask[] = [];
  for (;;) {
    const page = await store.list(owner, { after: seen.at(-1), limit });
    if (page.length > limit) throw new Error(`list: ${page.length} tasks where at most ${limit} were asked for`);
    seen.push(...page);
    if (page.length < limit) return seen;
    if (seen.length > 10_000) throw new Error("list: the pages never end");
  }
}

export async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch {
    return undefined;
  }
}

export async function until(condition: () => MaybePromise<boolean>, what: string): Promise<void> {
  for (const start = Date.now(); !(await condition()); ) {
    if (Date.now() - start > 5_000) throw new Error(`waited 5 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Plain data only: texts, numbers, `null`, `undefined`, arrays and objects of them, keys in any order. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [show(actual), show(expected)];
  if (is !== should) throw new Error(`${what}: expected ${cut(should)}, got ${cut(is)}`);
}

export function show(value: unknown): string {
  if (value === undefined) return "undefined";
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export function cut(text: string): string {
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}… (${text.length} characters)`;
}
