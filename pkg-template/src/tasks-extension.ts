/** For the tasks extension that is drafted for SDK v2, whose store a server brings itself. */
export { extensionTaskStore } from "./guests/extension-task-store.ts";
export type {
  ExtensionAccess,
  ExtensionCreateParams,
  ExtensionDetailedTask,
  ExtensionInputs,
  ExtensionTask,
  ExtensionTaskHandle,
  ExtensionTaskStore,
} from "./guests/extension-types.ts";
export type { GuestOptions } from "./guests/records.ts";
