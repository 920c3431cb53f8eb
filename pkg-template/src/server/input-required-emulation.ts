// Handlers may end with an `input_required` result. 2025-11-25 has none: there, what the handler wants is asked for it,
// request by request, and it is called again with the answers.
import { isObject, own } from "../json.ts";
import type { InputRequest } from "../types.ts";
import type { Context } from "./handler-context.ts";
import type { Input } from "./input.ts";
import type { Call } from "./pending-call.ts";

/** Runs a call's handler until it ends with something that the revision of its task knows. */
export async function answeringInputRequired(
  call: Call,
  input: Input,
  context: Context,
  run: (context: Context) => unknown,
): Promise<unknown> {
  let result = await run(context);
  while (
    !call.revision.stateHasDetails &&
    call.taskId !== undefined &&
    own(result, "resultType") === "input_required"
  ) {
    const asked = own(result, "inputRequests");
    const requests = isObject(asked) ? (Object.entries(asked) as [string, InputRequest][]) : [];
    // Nothing is asked, so that nothing would be waited for: what becomes of it is decided as in 2026-07-28.
    if (requests.length === 0) break;
    const answers = await Promise.all(
      requests.map(async ([key, request]) => [key, await input.require(call, request, key)] as const),
    );
    const state = own(result, "requestState");
    result = await run({
      ...context,
      mcpReq: { ...context.mcpReq, inputResponses: Object.fromEntries(answers), requestState: () => state },
    });
  }
  return result;
}
