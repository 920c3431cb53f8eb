// The rows that policies are for.
import { CALL_METHODS } from "../core/codes.ts";
import type { CallMethod } from "../wire/methods.ts";

/** Calls of tools, which the SDKs check before a handler begins. */
export const TOOLS_CALL: CallMethod = CALL_METHODS[0];
export const PROMPTS_GET: CallMethod = CALL_METHODS[1];
export const RESOURCES_READ: CallMethod = CALL_METHODS[2];
export const SAMPLING: CallMethod = CALL_METHODS[3];
export const ELICITATION: CallMethod = CALL_METHODS[4];
