import type { Extra, Message, SendOptions, TransportLike, Wire } from "../tap.ts";
import { Numbers, OWN_IDS } from "../numbers.ts";
import { own } from "../json.ts";
import { RELATED_TASK } from "../wire/names.ts";
import { DEEPEST, isDeeperThan } from "./bounds.ts";
import { cancelled, refusal } from "./facts.ts";
import { isLongerThan, longestOutcome, tooLong } from "./stdio-limits.ts";
import type { Owners } from "./owner.ts";
import type { Port } from "./port.ts";
import { SignsOfLife } from "./signs-of-life.ts";
import { type Origin, Streams } from "./streams.ts";

const INVALID_PARAMS = -32602;

/** JSON-RPC ids of input requests; as short as a requestor's own, and none of them. */
const INPUT_IDS = { first: OWN_IDS.last + 1, last: 2 ** 31 - 1 };

/** How a message gets to the client: on the stream of one of its requests, or on the connection itself. */
export interface Route {
  readonly on: Origin | undefined;
}

/** A JSON-RPC request that waits for its answer. */
export interface PendingRequest extends Origin {
  readonly link: Link;
  readonly peer: number;
  readonly message: Message;
  readonly extra: Extra;
  readonly owner: string;
  /** The task that the request names, if one. */
  readonly taskId: string | undefined;
  /** Its values are needed until the core says otherwise. */
  readonly kept: boolean;
  /** What of its answers does not fit the form that was asked. */
  misfit?: string | undefined;
  /** Its answer as its client takes it; `undefined` where another request follows before the client is answered. */
  readonly translate?: Translation | undefined;
}

/** What is sent in the place of an answer; `undefined`: nothing yet. */
export type Translation = (answer: Message) => Message | undefined;

/**
 * Both ends of one tapped transport: sends to the client, and delivers to the SDK as if the client had sent. What
 * either throws is reported: the core may be at work, and must not hear of it.
 */
export class Link {
  readonly #port: Port;
  readonly #owners: Owners;
  readonly #wire: Wire;
  readonly #transport: TransportLike;
  /** The client reads this connection as one stream. */
  readonly isSingleStream: boolean;
  /** The longest outcome that goes through here, in bytes. */
  readonly longest: number;
  /** The streams of a transport that has several. */
  readonly streams: Streams | undefined;
  /** Calls that wait, whose clients are told that they go on. */
  readonly signs: SignsOfLife = new SignsOfLife((message, on) => this.sendOn(message, { on }));
  isClosed = false;
  /** Blocked `tasks/*` requests, with their numbers in the core. */
  readonly blocked: Map<PendingRequest, number> = new Map();
  /** Requests of the SDK's own that tasks took over: their numbers in the core, by JSON-RPC id. */
  readonly takenOver: Map<unknown, number> = new Map();
  /** Input requests that went out here, by JSON-RPC id. */
  readonly #askIds = new Map<number, number>();
  readonly #askNumbers = new Numbers((id) => this.#askIds.has(id), INPUT_IDS);
  /** The request that is being taken in, and whether it is certain that it is answered. */
  #arriving: { readonly id: unknown; isAnswered: boolean } | undefined;

  /**
   * `limited`: whether long outcomes are refused here, rather than by a limit of the host's. `isSole`: whether nothing
   * on the connection belongs to another than this owner.
   */
  constructor(
    port: Port,
    owners: Owners,
    wire: Wire,
    transport: TransportLike,
    limited: boolean,
    isSole: (owner: string | undefined) => boolean,
  ) {
    this.#port = port;
    this.#owners = owners;
    this.#wire = wire;
    this.#transport = transport;
    this.longest = limited ? longestOutcome(transport) : Infinity;
    this.isSingleStream = !("handleRequest" in transport || "handleMessage" in transport);
    if (!this.isSingleStream) this.streams = new Streams(transport, (extra) => this.ownerOf(extra), isSole);
  }

  get sessionId(): string | undefined {
    return this.#transport.sessionId;
  }

  /** The owner of what a request is about; `undefined` where that cannot be told. */
  ownerOf(extra: Extra): string | undefined {
    return this.#owners.of(extra, this.sessionId);
  }

  /** As {@link Link.ownerOf}; throws {@link TaskError} where the host failed to tell. */
  identify(extra: Extra): string | undefined {
    return this.#owners.identify(extra, this.sessionId);
  }

  /** Takes in a message: if it is a request, and `take` fails before anything else answers it, it is refused. */
  takeIn(message: Message, take: () => void): void {
    const outer = this.#arriving;
    const isAnswered = message.id === undefined || message.method === undefined;
    const arriving = (this.#arriving = { id: message.id, isAnswered });
    try {
      take();
    } catch (error) {
      // The SDKs read by recursion: what is too deep for them is the request's own fault.
      const isTooDeep = error instanceof RangeError && isDeeperThan(message.params, DEEPEST);
      if (!isTooDeep) this.#port.failed(error);
      // Whatever happens inside, a request has its answer.
      if (!arriving.isAnswered)
        this.send(
          isTooDeep
            ? refusal(message.id, "The parameters nest too deeply", INVALID_PARAMS)
            : refusal(message.id, "Internal error; try again"),
          undefined,
        );
    } finally {
      this.#arriving = outer;
    }
  }

  /** The request that is being taken in is certain to be answered. */
  takenIn(): void {
    if (this.#arriving !== undefined) this.#arriving.isAnswered = true;
  }

  /** Sends an answer with a payload whose text is `length` long, if the transport carries it. */
  answerWith(message: Message, request: PendingRequest, length: number): void {
    const isLong = length * 3 > this.longest && isLongerThan(JSON.stringify(message), this.longest);
    this.answer(isLong ? tooLong(message) : message, request);
  }

  /** Sends the answer to a request of the client's. */
  answer(message: Message, request: PendingRequest): void {
    this.blocked.delete(request);
    if (this.#arriving?.id === request.id) this.takenIn();
    const answer = request.translate === undefined ? message : request.translate(message);
    // Where its stream is gone, another's must not carry it.
    if (answer === undefined || this.streams?.lead(request) === false) return;
    this.send(answer.id === request.id ? answer : { ...answer, id: request.id }, undefined);
  }

  send(message: Message, options: SendOptions): void {
    try {
      this.#wire.send(this.signs.pass(message), options).catch(this.#port.unsent);
    } catch (error) {
      this.#port.unsent(error);
    }
  }

  /** Sends what is the SDK's own; what goes wrong is the SDK's to hear. */
  forward(message: Message, options: SendOptions): Promise<void> {
    return this.#wire.send(this.signs.pass(message), options);
  }

  sendOn(message: Message, { on }: Route): void {
    // Where its stream is gone, another's must not carry it.
    if (on === undefined || this.streams?.lead(on) !== false) this.send(message, on && { relatedRequestId: on.id });
  }

  /** Sends a message of a task's to the client, marked with the task (G25-INP-02, G25-REL-01). */
  sendForTask(taskId: string | undefined, message: Message, route: Route): void {
    this.sendOn(withMeta(message, RELATED_TASK, { taskId }), route);
  }

  /** Hands a message to the SDK; what the SDK throws is reported. */
  deliver(message: Message, extra?: Extra): void {
    try {
      this.#wire.deliver(message, extra);
    } catch (error) {
      this.#port.failed(error);
    }
  }

  /** Hands a request to the SDK; throws what the SDK throws. */
  hand(message: Message, extra: Extra): void {
    this.#wire.deliver(message, extra);
  }

  /** Tells the SDK that the transport has closed. */
  tellClosed(): void {
    try {
      this.#wire.closed();
    } catch (error) {
      this.#port.failed(error);
    }
  }

  close(): void {
    try {
      this.#transport.close().catch(this.#port.unsent);
    } catch (error) {
      this.#port.unsent(error);
    }
  }

  /**
   * Ends the stream of a request without an answer, or where it has none, the connection: its client is to ask again,
   * and perhaps another server (X-STO-11).
   */
  hangUp(request: PendingRequest): void {
    this.blocked.delete(request);
    if (this.streams?.leave(request) !== true) this.close();
  }

  /** Stops the handler of a request as the SDK would if the client cancelled it. */
  cancelHandler(sdkId: unknown, extra: Extra): void {
    this.deliver(cancelled(sdkId, "The task has ended"), extra);
  }

  /** Gives an answer to the SDK handler that waits for it. */
  deliverAnswer(message: Message, extra: Extra): void {
    this.takenOver.delete(message.id);
    this.deliver(message, extra);
  }

  /** Rejects a request of the SDK's own. */
  refuseOwn(id: unknown, message: string): void {
    this.takenOver.delete(id);
    this.deliver(refusal(id, message));
  }

  /** Sends a request of the SDK's own as if no task had taken it over. */
  sendOwn(message: Message, options: SendOptions): void {
    this.takenOver.delete(message.id);
    this.send(message, options);
  }

  /** Whether all that comes on this connection comes from one client: by one stream, or by a session. */
  get isBound(): boolean {
    return this.isSingleStream || this.sessionId !== undefined;
  }

  /** An id for an input request, where this connection is one stream. */
  askId(number: number): number | undefined {
    if (!this.isSingleStream) return undefined;
    const id = this.#askNumbers.next();
    this.#askIds.set(id, number);
    return id;
  }

  /** The input request that has this id here. Some peers echo a number as text, which both SDKs take. */
  askUnder(id: unknown): number | undefined {
    return this.#askIds.get(Number(id));
  }

  forgetAsk(id: unknown): void {
    this.#askIds.delete(id as number);
  }

  /** Whether a request that waited for its task is still authorized for the task's owner (H33). */
  isStillAuthorized(request: PendingRequest): boolean {
    if (request.message.method !== "tasks/result" || !this.blocked.has(request)) return true;
    return this.#owners.isStillAuthorized(request.extra, request.owner, this.sessionId);
  }

  /**
   * Whether a message about a task of `owner`'s can go to the client now: on the stream of the request `on`, or, for
   * `undefined`, on the connection. Its client may have been joined there by another, who knows no more than its
   * session's id (X-SEC-06).
   */
  carries(on: Origin | undefined, owner: string): boolean {
    if (this.isClosed) return false;
    return this.streams === undefined || (on === undefined ? this.streams.isOpenFor(owner) : this.streams.isOpen(on));
  }

  /**
   * How such a message gets to the client now: on the stream of the request `on`, else on the connection; `undefined`
   * where neither carries it.
   */
  routeTo(on: Origin | undefined, owner: string): Route | undefined {
    if (on !== undefined && this.carries(on, owner)) return { on };
    return this.carries(undefined, owner) ? { on: undefined } : undefined;
  }

  /** Whether no stream of a request carries what a task asks. */
  get isMute(): boolean {
    return this.streams?.isMute === true;
  }

  /** Whether the client has left the stream of one of its requests. */
  isLeft(request: PendingRequest): boolean {
    return this.streams?.isLeft(request) === true;
  }
}

/** The message with something more in its `_meta`. */
function withMeta(message: Message, key: string, value: unknown): Message & { params: Record<string, unknown> } {
  const meta = { ...(own(message.params, "_meta") as Record<string, unknown> | undefined), [key]: value };
  return { ...message, params: { ...message.params, _meta: meta } };
}
