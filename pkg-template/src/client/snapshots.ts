import * as core from "../wasm/generated/client.js";
import type { Kept, Port } from "./port.ts";
import type { FollowedTask } from "./followed-task.ts";
import {
  fingerprint,
  isObject,
  type Json,
  LONGEST_NAME,
  own,
  short,
  snapshotFacts,
  textOf,
  wellFormed,
} from "./message.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";

/** Where a snapshot comes from: the answer to a call or to a request of ours, or a push. Twin of `snapshot` in Rust. */
export const FROM = { call: 0, request: 1, push: 2 } as const;

/** Hands to the core what the server says of a task. */
export class Snapshots {
  readonly #port: Port;
  readonly #registry: Registry;
  readonly #session: Session;
  /** The input requests of the latest snapshot: a task that is seen for the first time has no place for them yet. */
  listed: Json = {};

  constructor(port: Port, registry: Registry, session: Session) {
    this.#port = port;
    this.#registry = registry;
    this.#session = session;
  }

  /** `number`: of the call or the request that it answers, 0 for a push. */
  take(from: number, number: number, task: Json, followed: FollowedTask | undefined, kept: Kept): void {
    const call = from === FROM.call ? this.#registry.calls.get(number) : this.#registry.resuming(own(task, "taskId"));
    const generation = followed?.generation ?? call?.generation ?? this.#session.generation;
    const { id, status, ttl, poll, age, flags } = snapshotFacts(task, generation);
    const inputs = own(task, "inputRequests");
    this.#port.enter((requestor, now) => {
      this.listed = isObject(inputs) ? inputs : {};
      if (isObject(inputs) && generation === 26) {
        core.beginEntries(requestor);
        if (followed !== undefined) followed.listed = inputs;
        for (const [key, request] of Object.entries(inputs)) {
          const method = own(request, "method");
          const sound = wellFormed(key) === key && typeof method === "string" ? textOf(request) : undefined;
          const known = sound === undefined ? "" : short(method, LONGEST_NAME);
          // A key that is too long is refused, and need not cross whole to be.
          core.entry(requestor, key.slice(0, LONGEST_NAME + 1), known, fingerprint(sound ?? ""));
        }
      }
      const payload = this.#port.keep(kept);
      core.snapshot(requestor, now, from, number, id, status, ttl, poll, age, flags, payload);
    });
  }

  /** A snapshot that the server pushed. */
  pushed(task: unknown, generation: number): void {
    if (!isObject(task)) return;
    const id = own(task, "taskId");
    const followed = [...this.#registry.tasks.values()].find((known) => known.id === id);
    const ended = followed === undefined && generation === 26;
    if (ended || followed?.generation === generation)
      this.take(FROM.push, 0, task, followed, {
        snapshot: task,
        result: own(task, "result"),
        error: own(task, "error"),
      });
  }
}
