/**
 * For programs on the experimental tasks of SDK v1: its interfaces over stores of this package, and ways over to
 * `TaskServer` and `TaskClient`. Nothing here loads WebAssembly.
 */
export { sdkTaskStore, type SdkTaskStoreOptions } from "./guests/sdk-task-store.ts";
export { sdkTaskMessageQueue, type SdkTaskMessageQueueOptions } from "./guests/sdk-message-queue.ts";
export type { GuestOptions } from "./guests/records.ts";
export type {
  SdkQueuedMessage,
  SdkResult,
  SdkTask,
  SdkTaskMessageQueue,
  SdkTaskStore,
} from "./guests/sdk-types.ts";
export {
  callToolStream,
  responseMessages,
  type ResponseError,
  type ResponseMessage,
} from "./client/response-messages.ts";
export { type StoredTasks, type StoredTasksOptions, withStoredTasks } from "./server/stored-tasks.ts";
