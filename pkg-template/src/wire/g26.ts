// Revision 2026-07-28: tasks are the extension `io.modelcontextprotocol/tasks`.
import { Generation } from "../core/codes.ts";
import { isObject, type Json, merge, own } from "../json.ts";
import { type Message, metaOf } from "./message.ts";
import { CLIENT_CAPABILITIES, EXTENSION, LISTEN, PROTOCOL_VERSION } from "./names.ts";
import type { Revision } from "./revision.ts";

/** The `_meta` in which a client declares the extension (G26-CAP-01). */
export function declaration(): Json {
  return { [CLIENT_CAPABILITIES]: { extensions: { [EXTENSION]: {} } } };
}

/** A request of a client that can have tasks and answer whatever they ask: it listens to them. */
export function listenTo(id: unknown, taskIds: readonly string[]): Message {
  const capabilities = {
    ...(declaration()[CLIENT_CAPABILITIES] as Json),
    elicitation: { form: {}, url: {} },
    sampling: { tools: {} },
    roots: {},
  };
  const params = { notifications: { taskIds }, _meta: { [CLIENT_CAPABILITIES]: capabilities } };
  return { jsonrpc: "2.0", id, method: LISTEN, params };
}

export const g26: Revision = {
  generation: Generation.G26,
  version: "2026-07-28",
  isStateless: true,
  serverDecides: true,
  stateHasDetails: true,
  hasProgress: false,
  stateNotification: "notifications/tasks",
  ttl: "ttlMs",
  pollInterval: "pollIntervalMs",
  isComplete: (request) =>
    metaOf(request, PROTOCOL_VERSION) !== undefined && isObject(metaOf(request, CLIENT_CAPABILITIES)),
  // A client that declares nothing has declared that it can do nothing.
  declaredIn: (request) => metaOf(request, CLIENT_CAPABILITIES) ?? {},
  askedFor: () => undefined,
  forHandler: (params) => ({ ...params }),
  withoutOffer(params) {
    const extensions = own(params, "_meta", CLIENT_CAPABILITIES, "extensions");
    if (own(extensions, EXTENSION) === undefined) return params;
    const { [EXTENSION]: _extension, ...rest } = extensions as Json;
    const meta = params["_meta"] as Json;
    const capabilities = { ...(meta[CLIENT_CAPABILITIES] as Json), extensions: rest };
    return { ...params, _meta: { ...meta, [CLIENT_CAPABILITIES]: capabilities } };
  },
  envelopeOf: (params) => own(params, "_meta"),
  envelopeOfResumed: (params) => own(merge(params, { _meta: declaration() }), "_meta"),
  handleOf: (result) => (own(result, "resultType") === "task" ? result : undefined),
  inputRequestsOf(task) {
    const requests = own(task, "inputRequests");
    return isObject(requests) ? requests : undefined;
  },
  // Some servers leave the type of an inlined result out (G26-RES-03).
  answerWith: (outcome) => ({ ...outcome, resultType: "complete" }),
};

/** An input request as tasks show it: only this revision shows it, and it has no elicitation ids (G26-INP-13). */
export function shown(request: unknown): unknown {
  const params = own(request, "params");
  if (own(params, "elicitationId") === undefined) return request;
  const { elicitationId: _id, ...rest } = params as Json;
  return { ...(request as Json), params: rest };
}
