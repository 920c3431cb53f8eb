import type { CallMethod } from "../wire/methods.ts";
import type { Revision } from "../wire/revision.ts";
import { getOrMake } from "./facts.ts";
import type { FullPolicy } from "./policy.ts";
import type { Port } from "./port.ts";
import * as core from "../wasm/generated/server.js";

/** The policies that the core has been told of. */
export class KnownPolicies {
  readonly #port: Port;
  #numbers = new Map<FullPolicy, number>();
  readonly #plain = new Map<FullPolicy, Map<number, boolean>>();

  constructor(port: Port) {
    this.#port = port;
  }

  /** The core was started anew, and knows none. */
  clear(): void {
    this.#numbers = new Map();
  }

  /** Whether a call without `params.task` is none of the core's business; it says so once for each kind of call. */
  isPlain({ code }: CallMethod, policy: FullPolicy, { generation }: Revision, declared: number): boolean {
    const kind = (code * 256 + generation) * 2 + (declared & 1);
    const known = getOrMake(this.#plain, policy, () => new Map<number, boolean>());
    return getOrMake(known, kind, () =>
      core.isPlain(this.#port.receiver, code, this.numberOf(policy), generation, declared),
    );
  }

  /** The number under which the core knows a policy. */
  numberOf(policy: FullPolicy): number {
    return getOrMake(this.#numbers, policy, () => core.addPolicy(this.#port.receiver, policyOf(policy)));
  }
}

/** A policy as the core reads it. */
function policyOf(policy: FullPolicy): object {
  const { task, support, ttl, maxTtl, onExpiry, pollInterval, cooperative, onLost, restarts } = policy;
  return {
    promotion: typeof task === "object" ? "after" : task,
    after: typeof task === "object" ? task.after : 0,
    support,
    ttl: ttl ?? undefined,
    maxTtl,
    extends: onExpiry === "extend",
    pollInterval,
    cooperative,
    restarts: onLost === "restart" ? restarts : 0,
    immediateResponse: policy.immediateResponse ?? "",
  };
}
