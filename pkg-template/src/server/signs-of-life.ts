import type { Message } from "../tap.ts";
import { own } from "../json.ts";
import { metaOf } from "../wire/message.ts";
import { PROGRESS } from "../wire/names.ts";
import type { Origin } from "./streams.ts";

/** A client hears of a call that waits at least this often, in ms. Many give up after 60 s, few before 20. */
const LONGEST_SILENCE = 15_000;
/** By how much the progress grows that says nothing but that the call goes on. */
const LEAST_STEP = 1e-6;

interface Waiting extends Origin {
  readonly token: unknown;
  /** The progress last told; it only grows. */
  progress: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Progress for clients that wait in an ordinary call, where they gave a token and the handler is silent: hosts that
 * give a call up after a time begin that time anew.
 */
export class SignsOfLife {
  readonly #send: (message: Message, on: Origin) => void;
  /** By the JSON-RPC id of the call. */
  readonly #waiting = new Map<unknown, Waiting>();

  constructor(send: (message: Message, on: Origin) => void) {
    this.#send = send;
  }

  /** A call begins to wait. */
  begin(message: Message, stream: string | undefined): void {
    const token = metaOf(message, "progressToken");
    if (typeof token !== "string" && typeof token !== "number") return;
    this.end(message.id);
    const waiting: Waiting = { id: message.id, stream, token, progress: 0, timer: undefined };
    this.#waiting.set(message.id, waiting);
    this.#again(waiting);
  }

  /** It waits no longer. */
  end(id: unknown): void {
    clearTimeout(this.#waiting.get(id)?.timer);
    this.#waiting.delete(id);
  }

  /** A message goes out: what it tells of calls that wait need not be told. Returns what is to be sent. */
  pass(message: Message): Message {
    if (this.#waiting.size === 0) return message;
    if (message.method === undefined) this.end(message.id);
    else if (message.method === PROGRESS) return this.#heard(message);
    return message;
  }

  /** The handler tells its own progress, which may begin below what was told so far. */
  #heard(message: Message): Message {
    const token = own(message.params, "progressToken");
    const progress = own(message.params, "progress");
    const waiting = [...this.#waiting.values()].find((waiting) => waiting.token === token);
    if (waiting === undefined || typeof progress !== "number") return message;
    clearTimeout(waiting.timer);
    this.#again(waiting);
    if (progress > waiting.progress) {
      waiting.progress = progress;
      return message;
    }
    return { ...message, params: { ...message.params, progress: grow(waiting) } };
  }

  #again(waiting: Waiting): void {
    waiting.timer = setTimeout(() => {
      const { token: progressToken, progress, id, stream } = waiting;
      // On its way out it passes here like any progress, which makes it grow and begins the next silence.
      this.#send({ jsonrpc: "2.0", method: PROGRESS, params: { progressToken, progress } }, { id, stream });
    }, LONGEST_SILENCE);
    (waiting.timer as { unref?: () => void }).unref?.();
  }

  closed(): void {
    for (const id of [...this.#waiting.keys()]) this.end(id);
  }
}

/** The next progress: a little more than the last. */
function grow(waiting: Waiting): number {
  waiting.progress += Math.max(LEAST_STEP, Math.abs(waiting.progress) * LEAST_STEP);
  return waiting.progress;
}
