/**
 * The contract of a task store, as cases that any test runner can run, in Node, Deno, Bun, a worker or a browser:
 * nothing here knows a framework or a platform. Every case asks `makeStore` for an empty store of its own.
 *
 * ```ts
 * import { test } from "node:test"; // or from "vitest": the last line is the same
 * import { storeCases, type MakeStore } from "mcp-longhaul/store-kit";
 *
 * const makeStore: MakeStore = async () => {
 *   const database = await createDatabase();
 *   return {
 *     store: myStore(database),
 *     peer: myStore(database), // a second connection; left out where there can be none
 *     dispose: () => database.drop(),
 *   };
 * };
 * for (const { name, run } of storeCases) test(name, (t) => run(makeStore, (why) => t.skip(why)));
 * ```
 *
 * What the cases hold a store to is said at {@link TaskStore}: every change is one compare-and-swap of one record, and
 * an answer may only be wrong on the safe side.
 *
 * | Method | Safe when in doubt | Never |
 * |---|---|---|
 * | `put` | `false`, or an error: the core reads again and knows its own writes | `true` for a write that is lost, or
 * that went over another version |
 * | `get` | an error | a miss of a task whose `put` was acknowledged, or state and payload of different versions |
 * | `delete` | `false`, or an error | deleting another version than it was told |
 * | `list` | an error | a task of another owner; leaving out a task that stood there the whole time |
 * | `due` | a task that is not due any more | leaving a due task out for ever; forgetting tasks by itself when their
 * time has come |
 * | `watch` | a change that did not happen, or a missed one | a report before its change can be read; a version that is
 * not the one that the change made |
 *
 * Quiet stores are held to more than that: with no failure in sight exactly one of several writers wins, and `watch`
 * reports every change.
 *
 * A store may refuse, with {@link TaskError} `invalid_argument` or by any other error, what it cannot keep: ids that
 * are not 1 to 128 characters of `A-Z a-z 0-9 _ -`, and owners with NUL or lone surrogates. It must not take them for
 * others.
 */
import type { StoreCase } from "./store-kit/case.ts";
import { due } from "./store-kit/due.ts";
import { lists } from "./store-kit/lists.ts";
import { records } from "./store-kit/records.ts";
import { swaps } from "./store-kit/swaps.ts";
import { texts } from "./store-kit/texts.ts";
import { watching } from "./store-kit/watching.ts";

export type { MakeStore, StoreCase, StoreUnderTest } from "./store-kit/case.ts";

/** The contract as test cases, by topic, the plainest first. */
export const storeCases: readonly StoreCase[] = [...records, ...swaps, ...lists, ...due, ...texts, ...watching];
