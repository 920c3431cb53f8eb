// Revision 2025-11-25: tasks are part of the protocol.
import { Generation } from "../core/codes.ts";
import { isObject, own } from "../json.ts";
import type { Revision } from "./revision.ts";

export const g25: Revision = {
  generation: Generation.G25,
  version: "2025-11-25",
  isStateless: false,
  serverDecides: false,
  stateHasDetails: false,
  hasProgress: true,
  stateNotification: "notifications/tasks/status",
  ttl: "ttl",
  pollInterval: "pollInterval",
  isComplete: () => true,
  declaredIn: () => undefined,
  askedFor: (params) => own(params, "task"),
  forHandler(params) {
    const { task: _task, ...rest } = params ?? {};
    return rest;
  },
  withoutOffer: (params) => params,
  envelopeOf: () => undefined,
  envelopeOfResumed: () => undefined,
  handleOf(result) {
    const task = own(result, "task");
    return isObject(task) ? task : undefined;
  },
  inputRequestsOf: () => undefined,
  answerWith: (outcome) => outcome,
};
