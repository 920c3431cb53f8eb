// The client half as a plain ES module, for pages without a bundler; the build makes one file of it and its imports.
export { TaskClient, taskOf } from "../client.ts";
export { TaskError, isTaskError, type TaskErrorCode } from "../errors.ts";
export type * from "../tool-types.ts";
export type * from "../types.ts";
export { provideWasm, type WasmModules } from "../wasm/provided.ts";
