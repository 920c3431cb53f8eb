import { TaskError } from "../errors.ts";
import type { Extra, Message, SendOptions } from "../tap.ts";
import { OUR_IDS } from "./facts.ts";
import type { Link } from "./link.ts";
import type { Registry } from "./registry.ts";
import type { Origin } from "./streams.ts";

/** What is put over the members of a result of the SDK's. */
export type Completion = (result: Record<string, unknown>) => object | false | undefined;

/** A request that the SDK answers, where its answer is not to go out as it is. */
interface PassingRequest extends Origin {
  readonly complete: Completion | undefined;
  /** What came with it: it says to which principal it belongs. */
  readonly extra: Extra;
}

/** How many requests that wait for the SDK's answer are kept in mind. */
const REMEMBERED = 1024;

/** The requests of one connection on their way through the SDK that are no calls of ours. */
export class Passing {
  readonly #registry: Registry;
  readonly #link: Link;
  /** By the id under which the SDK knows them. */
  readonly #requests = new Map<unknown, PassingRequest>();

  constructor(registry: Registry, link: Link) {
    this.#registry = registry;
    this.#link = link;
  }

  /**
   * Hands a request to the SDK that it answers itself. What comes under an id of ours, or of another's that is not
   * answered, gets one of ours.
   */
  pass(message: Message, extra: Extra, complete?: Completion): void {
    const { id } = message;
    const stream = this.#link.streams?.of(id);
    const isTaken = (typeof id === "string" && id.startsWith(OUR_IDS)) || this.#requests.has(id);
    const sdkId = isTaken ? this.#registry.sdkId(this.#registry.next()) : id;
    if (isTaken || complete !== undefined || stream !== undefined)
      this.#requests.set(sdkId, { id, stream, complete, extra });
    // Some are never answered, because their stream is gone or their handler never ends.
    if (this.#requests.size > REMEMBERED) this.#requests.delete(this.#requests.keys().next().value);
    this.#link.hand(isTaken ? { ...message, id: sdkId } : message, extra);
    this.#link.takenIn();
  }

  /** Sends an answer of the SDK's. */
  answer(message: Message, options: SendOptions): Promise<void> {
    const passing = this.#requests.get(message.id);
    if (passing === undefined)
      return this.#registry.isSdkId(message.id) ? Promise.resolve() : this.#link.forward(message, options);
    this.#requests.delete(message.id);
    const { id, complete } = passing;
    if (complete !== undefined && message.result !== undefined)
      message.result = { ...message.result, ...complete(message.result) };
    // Where its stream is gone, another's must not carry it.
    if (this.#link.streams?.lead(passing) === false) return Promise.resolve();
    return this.#link.forward(
      id === message.id ? message : { ...message, id },
      options?.relatedRequestId === message.id ? { ...options, relatedRequestId: id } : options,
    );
  }

  /** Lets the client cancel a request that it knows by `id`, at the SDK. */
  cancel(message: Message, id: unknown, extra: Extra): void {
    const passing = [...this.#requests].filter((known) => known[1].id === id);
    const owner = passing.length > 0 ? this.#link.ownerOf(extra) : undefined;
    const theirs = passing.findLast((known) => this.#link.ownerOf(known[1].extra) === owner);
    // A client that shares a session with another principal gives up nothing of that one's (X-SEC-06).
    if (theirs === undefined && passing.length > 0) return;
    const sdkId = theirs === undefined ? id : theirs[0];
    // The SDK does not answer what was cancelled.
    this.#requests.delete(sdkId);
    this.#link.deliver(sdkId === id ? message : renumbered(message, sdkId), extra);
  }

  /**
   * Sends a message of the SDK's, on the stream of the request that it is related to, if it is; `call`: a call of ours.
   */
  sendRelated(message: Message, options: SendOptions, call: Origin | undefined): Promise<void> {
    const sdkId = options?.relatedRequestId;
    const request = sdkId === undefined ? undefined : (call ?? this.#requests.get(sdkId));
    if (request === undefined) return this.#link.forward(message, options);
    if (this.#link.streams?.lead(request) === false)
      return Promise.reject(new TaskError("connection", "The client has left."));
    return this.#link.forward(message, { ...options, relatedRequestId: request.id });
  }

  clear(): void {
    this.#requests.clear();
  }
}

/** A cancellation of the request that the SDK knows by `requestId`. */
export function renumbered(message: Message, requestId: unknown): Message {
  return { ...message, params: { ...message.params, requestId } };
}
