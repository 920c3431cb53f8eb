import type { Message } from "../tap.ts";
import { readJson } from "./request-body.ts";
import { isObject, own } from "../json.ts";
import { noteRefusal } from "./retry-after.ts";
import type { Shared } from "./shared-by-connections.ts";
import { ACKNOWLEDGED, LISTEN } from "../wire/names.ts";
import { type Carrier, Subscription, asksForTasks, isEmpty, withTasks } from "./subscription.ts";

/** What waits for a slow client before its tasks are told their newest state only, in bytes. */
const WAITING = 64 * 2 ** 10;
/** How often a stream that is otherwise silent says that it is there, in ms. */
const KEEP_ALIVE = 15_000;
const MISSING_CAPABILITY = -32021;

/** Whether an HTTP request may subscribe; in 2026-07-28 the header must say so. */
export function maySubscribe(request: Request): boolean {
  return request.method === "POST" && request.headers.get("mcp-method") === LISTEN;
}

/**
 * Answers a subscription: with the SDK's own stream, its acknowledgement completed with the tasks that are listened to,
 * and what becomes of them put in between. `respond` is the SDK's entry.
 */
export async function subscribe(
  shared: Shared,
  request: Request,
  options: unknown,
  respond: () => Promise<Response>,
): Promise<Response> {
  const parsed = own(options, "parsedBody");
  const reading = parsed === undefined && !request.bodyUsed ? readJson(request) : undefined;
  const response = await respond();
  if (response.body === null || response.headers.get("content-type")?.startsWith("text/event-stream") !== true)
    return response;
  const message = (await reading) ?? parsed;
  if (!isObject(message) || !asksForTasks(shared.settings, message as unknown as Message)) return response;
  const stream = new MergedStream(response.body, request.signal);
  const extra = { authInfo: own(options, "authInfo"), request };
  const refusal = await stream.begin(
    (carrier) => new Subscription(shared, message as unknown as Message, extra, undefined, false, carrier),
  );
  if (refusal === undefined)
    return new Response(stream.readable, { status: response.status, headers: response.headers });
  if (refusal.limited) noteRefusal(extra, refusal.answer.error);
  return Response.json(refusal.answer, { status: refusal.answer.error?.code === MISSING_CAPABILITY ? 400 : 200 });
}

/** The events of a stream, each with the empty line that ends it. */
class Events {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next event; `undefined` at the end. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end >= 0) {
        const event = this.#rest.slice(0, end + 2);
        this.#rest = this.#rest.slice(end + 2);
        return event;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

interface Refusal {
  readonly answer: Message;
  readonly limited: boolean;
}

/** The SDK's stream and ours in one. */
class MergedStream implements Carrier {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #sdk: Events;
  readonly #signal: AbortSignal;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #subscription: Subscription | undefined;
  /** What the SDK acknowledges. */
  #acknowledgement: Message = { jsonrpc: "2.0" };
  #alone = false;
  #begun: ((refusal: Refusal | undefined) => void) | undefined;
  /** The SDK's last message, kept back while tasks are listened to. */
  #last: string | undefined;
  #room: (() => void) | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(sdk: ReadableStream<Uint8Array>, signal: AbortSignal) {
    this.#sdk = new Events(sdk);
    this.#signal = signal;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          this.#room?.();
          this.#room = undefined;
          this.#subscription?.flow(true);
        },
        cancel: () => this.#leave(),
      },
      // Edge runtimes have no `ByteLengthQueuingStrategy`.
      { highWaterMark: WAITING, size: (chunk) => chunk.byteLength },
    );
  }

  /**
   * Reads the SDK's acknowledgement, then asks for the subscription; resolves when it has begun, or with why it has
   * not.
   */
  async begin(make: (carrier: Carrier) => Subscription): Promise<Refusal | undefined> {
    const first = await this.#sdk.next();
    const acknowledgement = messageOf(first);
    if (acknowledgement?.method !== ACKNOWLEDGED) {
      // It is not what we know: it goes on as it is.
      if (first !== undefined) this.#write(first);
      void this.#forward();
      return undefined;
    }
    this.#acknowledgement = acknowledgement;
    this.#alone = isEmpty(acknowledgement);
    const subscription = (this.#subscription = make(this));
    const begun = new Promise<Refusal | undefined>((resolve) => (this.#begun = resolve));
    subscription.open();
    const refusal = await begun;
    if (refusal !== undefined) {
      this.#sdk.cancel();
      return refusal;
    }
    this.#signal.addEventListener("abort", this.#leave, { once: true });
    if (this.#signal.aborted) this.#leave();
    void this.#forward();
    subscription.listening(this.#alone);
    return undefined;
  }

  acknowledge(notification: Message): void {
    this.#send(withTasks(this.#acknowledgement, notification));
    this.#begun?.(undefined);
    this.#begun = undefined;
  }

  tell(notification: Message): void {
    this.#send(notification);
    if ((this.#controller.desiredSize ?? 0) <= 0) this.#subscription?.flow(false);
  }

  end(answer: Message, limited: boolean): void {
    if (this.#begun !== undefined) return this.#begun({ answer, limited });
    if (this.#alone && this.#last !== undefined) this.#write(this.#last);
    else this.#send(answer);
    this.#sdk.cancel();
    this.#close();
  }

  /** Passes on what the SDK sends. */
  async #forward(): Promise<void> {
    try {
      for (let event = await this.#sdk.next(); event !== undefined && !this.#closed; event = await this.#sdk.next()) {
        const message = messageOf(event);
        const isLast = message !== undefined && message.method === undefined && this.#subscription !== undefined;
        if (isLast && this.#alone) {
          this.#last = event;
          continue;
        }
        if ((this.#controller.desiredSize ?? 0) <= 0) await new Promise<void>((resolve) => (this.#room = resolve));
        // The SDK ends the whole subscription.
        if (isLast) this.#subscription?.leave();
        this.#write(event);
      }
    } catch {
      // A stream that breaks is a stream that ends.
      this.#last = undefined;
      this.#alone = false;
    }
    // The SDK has nothing to subscribe to, and has said so; the tasks are still listened to.
    if (this.#alone && this.#last !== undefined) this.#stayAlive();
    else {
      this.#subscription?.leave();
      this.#close();
    }
  }

  #stayAlive(): void {
    if (this.#closed) return;
    this.#keepAlive = setInterval(() => {
      if ((this.#controller.desiredSize ?? 0) > 0) this.#write(": keepalive\n\n");
    }, KEEP_ALIVE);
    (this.#keepAlive as { unref?: () => void }).unref?.();
  }

  readonly #leave = (): void => {
    this.#subscription?.leave();
    this.#sdk.cancel();
    this.#close();
  };

  #send(message: Message): void {
    this.#write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  #write(event: string): void {
    if (!this.#closed) this.#controller.enqueue(this.#encoder.encode(event));
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#keepAlive);
    this.#signal.removeEventListener("abort", this.#leave);
    this.#room?.();
    try {
      this.#controller.close();
    } catch {
      // The client has left.
    }
  }
}

/** The message in an event; `undefined` where there is none. */
function messageOf(event: string | undefined): Message | undefined {
  const data = event
    ?.split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5))
    .join("\n");
  if (data === undefined || data.trim() === "") return undefined;
  try {
    return JSON.parse(data) as Message;
  } catch {
    return undefined;
  }
}
