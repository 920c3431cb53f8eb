// The server comes first, so that its wasm comes early in a bundle of it (`joinModules` in `scripts/build.mjs` says
// why).
export { TaskServer, type CloseOptions, type FetchHandler } from "./server.ts";
export { TaskClient, taskOf } from "./client.ts";
export { TaskError, TaskStoreFullError, isTaskError, type TaskErrorCode } from "./errors.ts";
export { memoryStore, type MemoryStore, type MemoryStoreOptions } from "./stores/memory.ts";
export type {
  DuePosition,
  MaybePromise,
  OwnerPosition,
  StoredTask,
  TaskListener,
  TaskPosition,
  TaskStore,
  TaskUsage,
  TaskWrite,
} from "./store.ts";
export type * from "./tool-types.ts";
export type * from "./types.ts";
export { provideWasm, type WasmModules } from "./wasm/provided.ts";
