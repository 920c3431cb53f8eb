// The last argument of a handler: it says to which call the handler belongs, and lets it speak as that call's task.
import { LONGEST_TIMER } from "../clock.ts";
import type { InputRequest } from "../types.ts";
import type { Input } from "./input.ts";
import type { Call } from "./pending-call.ts";
import type { Registry } from "./registry.ts";

/** What this package reads of, and changes in, a handler's context; both SDKs' shapes. */
export interface Context {
  requestId?: unknown;
  signal?: AbortSignal;
  sendRequest?: (request: unknown, schema: unknown, options?: Record<string, unknown>) => Promise<unknown>;
  mcpReq?: {
    id?: unknown;
    signal?: AbortSignal;
    elicitInput?: (params: Record<string, unknown>, options?: Record<string, unknown>) => Promise<unknown>;
    requestSampling?: (params: Record<string, unknown>, options?: Record<string, unknown>) => Promise<unknown>;
    send?: (request: unknown, ...rest: unknown[]) => Promise<unknown>;
    [key: string]: unknown;
  };
}

/** The call whose handler has this context, by the id that its request has in the SDK. */
export function callOf(registry: Registry, context: Context | undefined): Call | undefined {
  return registry.callUnder(context?.mcpReq?.id ?? context?.requestId);
}

/** The context with the task's signal, and with requests that wait as long as the task does. */
export function withTask(input: Input, call: Call, context: Context): Context {
  const patient = (options: Record<string, unknown> | undefined): Record<string, unknown> => ({
    timeout: LONGEST_TIMER,
    ...options,
  });
  const { mcpReq, sendRequest } = context;
  if (mcpReq === undefined) {
    return {
      ...context,
      // Made when it is asked for: most handlers never do.
      get signal() {
        return call.with(context.signal);
      },
      ...(sendRequest && {
        sendRequest: (request, schema, options) =>
          sendRequest(request, schema, call.taskId === undefined ? options : patient(options)),
      }),
    };
  }
  const { elicitInput, requestSampling, send } = mcpReq;
  const through = (
    method: InputRequest["method"],
    params: Record<string, unknown>,
    ordinary: () => Promise<unknown>,
  ): Promise<unknown> => (call.taskId === undefined ? ordinary() : input.require(call, { method, params }, undefined));
  return {
    ...context,
    mcpReq: {
      ...mcpReq,
      ...(send && {
        send: (request, ...rest) => send(request, ...(call.taskId === undefined ? rest : patiently(rest, patient))),
      }),
      get signal() {
        return call.with(mcpReq.signal);
      },
      ...(elicitInput && {
        elicitInput: (params, options) => through("elicitation/create", params, () => elicitInput(params, options)),
      }),
      ...(requestSampling && {
        requestSampling: (params, options) =>
          through("sampling/createMessage", params, () => requestSampling(params, options)),
      }),
    },
  };
}

/** The arguments after a request: options, or a schema of the result and options. */
function patiently(
  rest: readonly unknown[],
  patient: (options: Record<string, unknown> | undefined) => Record<string, unknown>,
): unknown[] {
  const at = typeof rest[0] === "object" && rest[0] !== null && "~standard" in rest[0] ? 1 : 0;
  return [...rest.slice(0, at), patient(rest[at] as Record<string, unknown> | undefined)];
}
