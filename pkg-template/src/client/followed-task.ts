import type { TaskErrorCode } from "../errors.ts";
import type { TaskHandle, TaskSnapshot } from "../types.ts";
import type { Ending } from "../wasm/generated/client.js";
import type { Revision } from "../wire/revision.ts";
import type { Json } from "../json.ts";

/** The code of an error for such an ending; undefined where it is none. */
export function codeOf(ending: Ending): TaskErrorCode | undefined {
  if (ending === "completed") return undefined;
  return ending === "refused" ? "protocol" : ending;
}

/** A JSON-RPC error object. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a task ended with: a result, or an error and why. */
export interface Outcome {
  readonly result?: Json;
  readonly error?: RpcError;
  readonly code?: TaskErrorCode | undefined;
  /** What the server or the transport said, where the task ended for us because of it. */
  readonly cause?: unknown;
}

/** Whether a task has ended, and not only its following. */
export function hasEnded({ code }: Outcome): boolean {
  return code === undefined || code === "failed" || code === "cancelled" || code === "expired" || code === "not_found";
}

/** A followed task: what the core does not hold. */
export class FollowedTask {
  readonly id: string;
  readonly revision: Revision | undefined;
  readonly tool: string;
  /** The `_meta` of the call, for the requests about its task. */
  readonly envelope: unknown;
  snapshot: TaskSnapshot;
  /** The input requests of the snapshot that is being handled. */
  listed: Json = {};
  readonly answers: Map<string, unknown> = new Map();
  readonly prompts: Map<string, AbortController> = new Map();
  /** Keys that wait for a call which can carry them to the SDK. */
  readonly queue: string[] = [];
  readonly calls: Set<number> = new Set();
  /** JSON-RPC ids of requests under way. */
  readonly open: Map<number, string> = new Map();
  held: RpcError | undefined;
  /** With what the server refused the latest answer to an input request. */
  refusal: RpcError | undefined;
  /** The latest refusal or failure of a request about it, since a snapshot came. */
  trouble: unknown;
  /** The handle that was made first. */
  handle: TaskHandle | undefined;
  outcome: Outcome | undefined;
  /** Settled with the outcome; never rejects. */
  readonly ended: Promise<Outcome>;
  #settle!: (outcome: Outcome) => void;
  readonly #observers = new Set<(snapshot: TaskSnapshot | undefined) => void>();
  /** Told how many want every snapshot. */
  readonly #onobservers: (observers: number) => void;

  constructor(
    about: { id: string; revision: Revision | undefined; tool: string; envelope: unknown },
    onobservers: (observers: number) => void,
  ) {
    this.id = about.id;
    this.revision = about.revision;
    this.tool = about.tool;
    this.envelope = about.envelope;
    this.snapshot = { taskId: about.id, status: "working", ttl: null };
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    this.#onobservers = onobservers;
  }

  show(snapshot: TaskSnapshot): void {
    this.snapshot = snapshot;
    for (const observer of [...this.#observers]) observer(snapshot);
  }

  settle(outcome: Outcome): void {
    this.outcome = outcome;
    this.#settle(outcome);
    for (const observer of [...this.#observers]) observer(undefined);
    this.#observers.clear();
  }

  /** Calls `observer` with each snapshot, and with `undefined` at the end; returns a function that stops it. */
  observe(observer: (snapshot: TaskSnapshot | undefined) => void): () => void {
    this.#observers.add(observer);
    this.#onobservers(this.#observers.size);
    return () => {
      if (this.#observers.delete(observer) && this.outcome === undefined) this.#onobservers(this.#observers.size);
    };
  }
}

/** As much of a server's words as an error's message repeats. */
const WORDS = 500;

/** What the server said when it refused an answer: for the end of a sentence, and as the cause of an error. */
export function refusalOf(task: FollowedTask | undefined): { readonly text: string; readonly cause: object } {
  const refusal = task?.refusal;
  if (refusal === undefined) return { text: "", cause: {} };
  return { text: `: ${refusal.message.slice(0, WORDS)}`, cause: { cause: refusal } };
}
