import { type CallMethod, methodBits } from "../wire/methods.ts";
import type { Revision } from "../wire/revision.ts";
import { clockName } from "../clock.ts";
import type { TaskServerOptions } from "../types.ts";
import type { FullPolicy, Policies } from "./policy.ts";
import type { Port } from "./port.ts";
import { getOrMake } from "./facts.ts";
import { coreRates } from "./rates.ts";
import * as core from "../wasm/generated/server.js";

/** Two clocks that are ten minutes wrong, one ahead and one behind, in ms. */
const CLOCK_SKEW = 1_200_000;
const RESULT_BYTES = 16 * 2 ** 20;

/** What the options of a server say, for the parts of it that ask, and for the core. */
export class Settings {
  readonly policies: Policies;
  /** The length of the longest outcome. */
  readonly resultBytes: number;
  /** Whether the host itself says how long an outcome may be. */
  readonly limitsResults: boolean;
  readonly idPrefix: string;
  readonly #options: TaskServerOptions;
  /** This process, to the others on its store: it holds the tasks that run here. */
  readonly #holder: string = crypto.randomUUID().replaceAll("-", "").slice(0, 16);

  constructor(options: TaskServerOptions, policies: Policies) {
    this.#options = options;
    this.policies = policies;
    this.limitsResults = options.limits?.resultBytes !== undefined;
    this.resultBytes = options.limits?.resultBytes ?? RESULT_BYTES;
    this.idPrefix = options.idPrefix ?? "";
  }

  /**
   * Whether the state of a task may repeat what its outcome says: where payloads are sealed, the state stays readable.
   */
  get statesMayQuote(): boolean {
    return this.#options.payloads === undefined;
  }

  /** Whether there are tasks in this revision. */
  speaks(revision: Revision): boolean {
    // Where the client asks for tasks, and no tool takes one, there is nothing to declare (G25-CAP-05).
    return (
      (this.#options.generations?.includes(revision.version) ?? true) &&
      (revision.serverDecides || this.policies.offered)
    );
  }

  /** Whether `tasks/list` is offered to this owner. */
  lists(owner: string | undefined, singleStream: boolean): boolean {
    return this.#options.list ?? (singleStream || (owner !== undefined && owner !== ""));
  }

  /** Makes a receiver in the core, under this number. */
  makeReceiver(receiver: number): void {
    const { crossGeneration = false, onevent, statusNotifications = true, limits = {}, server } = this.#options;
    // In the order in which the core reads them.
    const options = [
      this.idPrefix,
      this.#holder,
      limits.runningPerOwner ?? 100,
      limits.running ?? 10_000,
      this.resultBytes,
      limits.outstandingInputs ?? 64,
      limits.inputsPerTask ?? 10_000,
      limits.pageSize ?? 100,
      limits.storedPerOwner ?? 0,
      limits.storedBytesPerOwner ?? 0,
      this.#options.creationWindow ?? 86_400_000,
      ...coreRates(limits),
      this.#options.lease ?? 30_000,
      this.#options.storeTimeout === undefined ? 30_000 : (this.#options.storeTimeout ?? 0),
      clockName(),
      this.#options.clockSkew ?? CLOCK_SKEW,
      ...(this.#options.cursorKey ?? crypto.getRandomValues(new Uint8Array(16))),
    ];
    core.makeReceiver(
      receiver,
      server !== undefined,
      crossGeneration,
      onevent !== undefined,
      statusNotifications,
      methodBits(),
      options.join(" "),
    );
  }
}

const PROMOTIONS = { always: 0, never: 1, handler: 3 } as const;
const SUPPORTS = { forbidden: 0, optional: 1, required: 2 } as const;

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
    const { task } = policy;
    return getOrMake(this.#numbers, policy, () =>
      core.policy(
        this.#port.receiver,
        typeof task === "object" ? 2 : PROMOTIONS[task],
        typeof task === "object" ? task.after : 0,
        SUPPORTS[policy.support],
        policy.ttl ?? Number.NaN,
        policy.maxTtl,
        policy.onExpiry === "extend",
        policy.pollInterval,
        policy.cooperative,
        policy.onLost === "restart" ? policy.restarts : 0,
        policy.immediateResponse,
      ),
    );
  }
}
