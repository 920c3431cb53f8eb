import { isObject, type Json, own, toJson } from "../json.ts";
import type { Source } from "../wasm/generated/client.js";
import * as core from "../wasm/generated/client.js";
import type { Kept, Port } from "./port.ts";
import type { TaskSnapshot } from "../types.ts";
import type { Revision } from "../wire/revision.ts";
import { fingerprint, LONGEST_NAME, short, snapshotFacts, wellFormed } from "./facts.ts";
import type { Registry } from "./registry.ts";

/** Hands to the core what the server says of a task. */
export class Snapshots {
  readonly #port: Port;
  readonly #registry: Registry;
  /** The input requests of the latest snapshot: a task that is seen for the first time has no place for them yet. */
  listed: Json = {};

  constructor(port: Port, registry: Registry) {
    this.#port = port;
    this.#registry = registry;
  }

  /** `number`: of the call or the request that it answers, or the generation of a push. */
  take(from: Source, number: number, revision: Revision | undefined, task: Json, kept: Kept): void {
    const { id, status, ttl, poll, age, hasResult, hasError } = snapshotFacts(task, revision);
    const inputs = revision?.inputRequestsOf(task);
    const followed = this.#registry.tasksById.get(own(task, "taskId"));
    const moved = followed !== undefined && hasMoved(followed.snapshot, task);
    this.#port.enter((requestor, now) => {
      this.listed = inputs ?? {};
      if (inputs !== undefined) {
        core.beginEntries(requestor);
        if (followed !== undefined) followed.listed = inputs;
        for (const [key, request] of Object.entries(inputs)) {
          const method = own(request, "method");
          const sound = wellFormed(key) === key && typeof method === "string" ? toJson(request) : undefined;
          const known = sound === undefined ? "" : short(method, LONGEST_NAME);
          // A key that is too long is refused, and need not cross whole to be.
          core.entry(requestor, key.slice(0, LONGEST_NAME + 1), known, fingerprint(sound ?? ""));
        }
      }
      const payload = this.#port.keep(kept);
      core.snapshot(requestor, now, from, number, id, status, ttl, poll, age, hasResult, hasError, moved, payload);
    });
  }

  /** A snapshot that the server pushed. */
  pushed(revision: Revision, task: unknown): void {
    if (!isObject(task)) return;
    const kept = { snapshot: task, result: own(task, "result"), error: own(task, "error") };
    this.take("push", revision.generation, revision, task, kept);
  }
}

/** Whether a task's time of change or its message differ from those that were shown, if any were. */
function hasMoved(shown: TaskSnapshot, task: Json): boolean {
  if (shown.lastUpdatedAt === undefined) return false;
  return shown.lastUpdatedAt !== own(task, "lastUpdatedAt") || shown.statusMessage !== own(task, "statusMessage");
}
