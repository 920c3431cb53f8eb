// The server half as a plain ES module, for pages without a bundler; the build makes one file of it and its imports.
export { TaskError, TaskStoreFullError, isTaskError, type TaskErrorCode } from "../errors.ts";
export { TaskServer, type FetchHandler } from "../server.ts";
export { memoryStore, type MemoryStore, type MemoryStoreOptions } from "../stores/memory.ts";
export type {
  MaybePromise,
  StoredTask,
  TaskListener,
  TaskPosition,
  TaskStore,
  TaskUsage,
  TaskWrite,
} from "../store.ts";
export type * from "../tool-types.ts";
export type * from "../types.ts";
export { provideWasm, type WasmModules } from "../wasm/provided.ts";
