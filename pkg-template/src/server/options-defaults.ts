import { methodBits } from "../wire/methods.ts";
import type { Revision } from "../wire/revision.ts";
import { clockName } from "../clock.ts";
import type { TaskServerOptions } from "../types.ts";
import type { Policies } from "./policy.ts";
import { TaskTexts } from "./task-texts.ts";
import { coreRates } from "./rates.ts";

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
  readonly taskTools: TaskTexts;
  readonly #options: TaskServerOptions;
  /** This process, to the others on its store: it holds the tasks that run here. */
  readonly #holder: string = crypto.randomUUID().replaceAll("-", "").slice(0, 16);

  constructor(options: TaskServerOptions, policies: Policies) {
    this.#options = options;
    this.policies = policies;
    this.limitsResults = options.limits?.resultBytes !== undefined;
    this.resultBytes = options.limits?.resultBytes ?? RESULT_BYTES;
    this.idPrefix = options.idPrefix ?? "";
    this.taskTools = new TaskTexts(options.taskTools);
  }

  /**
   * Whether the state of a task may repeat what its outcome says: where payloads are sealed, the state stays readable.
   */
  get statesMayQuote(): boolean {
    return this.#options.payloads === undefined;
  }

  /** How long creation keys are remembered, in ms. */
  get creationWindow(): number {
    return this.#options.creationWindow ?? 86_400_000;
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

  /** The methods that `initialize` declares, as the core's bits. */
  get declaredMethods(): number {
    return methodBits(this.policies.methods, this.policies.offers);
  }

  receiverOptions(): object {
    const { limits = {}, ...options } = this.#options;
    return {
      idPrefix: this.idPrefix,
      holder: this.#holder,
      runningPerOwner: limits.runningPerOwner ?? 100,
      running: limits.running ?? 10_000,
      resultBytes: this.resultBytes,
      outstandingInputs: limits.outstandingInputs ?? 64,
      inputsPerTask: limits.inputsPerTask ?? 10_000,
      pageSize: limits.pageSize ?? 100,
      storedPerOwner: limits.storedPerOwner,
      storedBytesPerOwner: limits.storedBytesPerOwner,
      ...coreRates(limits),
      creationWindow: this.creationWindow,
      lease: options.lease ?? 30_000,
      storeTimeout: options.storeTimeout === undefined ? 30_000 : (options.storeTimeout ?? undefined),
      clock: clockName(),
      clockSkew: options.clockSkew ?? CLOCK_SKEW,
      cursorKey: String.fromCharCode(...(options.cursorKey ?? crypto.getRandomValues(new Uint8Array(16)))),
      crossGeneration: options.crossGeneration ?? false,
      audited: options.onevent !== undefined,
      statusNotifications: options.statusNotifications ?? true,
      tellsEnds: options.onsettled !== undefined,
      makesServers: options.server !== undefined,
      methods: methodBits(this.policies.methods),
    };
  }
}
