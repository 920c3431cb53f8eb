export { isTaskError, TaskError, TaskStoreFullError, type TaskErrorCode } from "./errors.ts";
export type * from "./store.ts";
export type * from "./types.ts";
