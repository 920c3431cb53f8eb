// What the tests of all stores have in common.
import { test } from "node:test";
import { storeCases, type MakeStore } from "mcp-longhaul/store-kit";
import { isTaskError, type TaskErrorCode } from "../../pkg-template/src/errors.ts";
import type { TaskWrite } from "../../pkg-template/src/store.ts";

/** A test for each case of the contract, or for those of a name. `how` ends the tests' names. */
export function keepsContract(makeStore: MakeStore, how = "", only = /./): void {
  for (const { name, run } of storeCases.filter(({ name }) => only.test(name)))
    test(`${name}${how}`, (t) => run(makeStore, (why) => t.skip(why)));
}

export function write(id: string, more: Partial<TaskWrite> = {}): TaskWrite {
  return { owner: "alice", id, version: 1, createdAt: 1, dueAt: 2, state: "w", payload: null, ...more };
}

/** Whether an error is of this code and says this. `storage` has the database's error as cause, but for the store's. */
export function fails(code: TaskErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) =>
    isTaskError(error) &&
    error.code === code &&
    message.test(error.message) &&
    (code !== "storage" || error.cause instanceof Error || /made by a newer|needs one with UTF8/.test(error.message));
}
