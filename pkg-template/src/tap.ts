import { NAME } from "./name.ts";
import { type Extra, type Message, isMessage } from "./wire/message.ts";

export type { Extra, Message };

/** The options of a transport's `send`; both SDKs' shapes. */
export type SendOptions =
  | { relatedRequestId?: unknown; requestSignal?: AbortSignal; [key: string]: unknown }
  | undefined;

/** The part of both SDKs' `Transport` that a tap touches. */
export interface TransportLike {
  start(): Promise<void>;
  send(message: Message, options?: SendOptions): Promise<void>;
  close(): Promise<void>;
  onmessage?: ((message: Message, extra?: Extra) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  sessionId?: string | undefined;
  /** Whether each message has a response stream of its own (v2 Streamable HTTP client). */
  readonly hasPerRequestStream?: boolean;
}

/** The transport below the tap. */
export interface Wire {
  /** Hands a message to the peer. */
  send(message: Message, options?: SendOptions): Promise<void>;
  /** Hands a message to the SDK above, as if the peer had sent it. */
  deliver(message: Message, extra?: Extra): void;
  /** Tells the SDK above that the transport has closed. */
  closed(): void;
  /** The session that the transport is in, where it has sessions (Streamable HTTP of 2025-11-25). */
  sessionId(): string | undefined;
  /** Whether aborting a request closes its response stream, which is what cancels it. */
  readonly cancelsByAbort: boolean;
}

/** What listens on a tapped transport. Each method decides whether the message goes on through the {@link Wire}. */
export interface Listener {
  /** A message from the peer. */
  inbound(message: Message, extra: Extra): void;
  /** A message from the SDK. */
  outbound(message: Message, options: SendOptions): Promise<void>;
  /** The transport closed by itself or by the SDK. */
  closed(): void;
  /** Something went wrong in the transport; the SDK above is told too. */
  troubled?(error: unknown): void;
}

/** What a listener is for: following tasks of the peer's, or running tasks for it. In their order from the wire. */
export type Role = typeof REQUESTOR | typeof RECEIVER;
export const REQUESTOR = 0;
export const RECEIVER = 1;

/** The listeners of one transport. */
interface Taps {
  /** Answers `false`, and changes nothing, where there is a listener in this role. */
  add(role: Role, listen: (wire: Wire) => Listener): boolean;
}

const TAPS = Symbol.for(`${NAME}.taps`);

/**
 * Puts `listen`'s listener between a transport and the SDK, in place: the instance keeps its class and private fields.
 * A transport has one listener in each role, whichever came first: the requestor next to the wire, and the receiver
 * next to the SDK, so that what the tasks of a receiver ask can become tasks of the peer's. A second one in a role is
 * answered with `false` and changes nothing.
 */
export function tap(transport: TransportLike, role: Role, listen: (wire: Wire) => Listener): boolean {
  const tapped = transport as TransportLike & { [TAPS]?: Taps };
  if (tapped[TAPS] === undefined) Object.defineProperty(transport, TAPS, { value: tapsOf(transport) });
  return tapped[TAPS]?.add(role, listen) === true;
}

function tapsOf(transport: TransportLike): Taps {
  const listeners: Partial<Record<number, Listener>> = {};
  const send = transport.send.bind(transport);
  const first = (): Listener | undefined => listeners[REQUESTOR] ?? listeners[RECEIVER];
  const deliver = intercept(transport, "onmessage", (message, extra) => {
    if (isMessage(message)) first()?.inbound(message, extra);
    else deliver(message, extra);
  });
  const closed = intercept(transport, "onclose", () => first()?.closed());
  const failed = intercept(transport, "onerror", (error) => {
    for (const listener of Object.values(listeners)) listener?.troubled?.(error);
    failed(error);
  });
  const sendFrom =
    (role: number): Wire["send"] =>
    (message, options) => {
      const next = listeners[role - 1] ?? listeners[role - 2];
      return next === undefined ? send(message, options) : next.outbound(message, options);
    };
  transport.send = sendFrom(RECEIVER + 1);
  return {
    add(role, listen) {
      if (listeners[role] !== undefined) return false;
      const next = (): Listener | undefined => listeners[role + 1];
      listeners[role] = listen({
        send: sendFrom(role),
        cancelsByAbort: transport.hasPerRequestStream === true,
        deliver: (message, extra) => (next() === undefined ? deliver(message, extra) : next()?.inbound(message, extra)),
        sessionId: () => transport.sessionId,
        closed: () => (next() === undefined ? closed() : next()?.closed()),
      });
      return true;
    },
  };
}

/** Has the transport call `tap` wherever it would call the handler that the SDK sets. Answers what calls that one. */
function intercept<
  Name extends "onmessage" | "onclose" | "onerror",
  Handler extends NonNullable<TransportLike[Name]> & ((...values: never[]) => void),
>(transport: TransportLike, name: Name, tap: Handler): Handler {
  let now = transport[name] as Handler | undefined;
  let earlier: Handler | undefined;
  /** What the SDK's handler is being called with first; nothing is that, while it is not called. */
  let passing: unknown = tap;
  // A handler that is set over another calls the one it found, which is this: it must reach the earlier one then.
  const tapped = ((...values: never[]) => (values[0] === passing ? earlier?.(...values) : tap(...values))) as Handler;
  // Some transports forward these members to another transport, which calls what was set on it.
  const forward = setterOf(transport, name);
  if (now !== undefined) forward?.(tapped);
  Object.defineProperty(transport, name, {
    configurable: true,
    enumerable: true,
    get: () => now && tapped,
    set(value: Handler | undefined) {
      earlier = now;
      now = value;
      forward?.(value && tapped);
    },
  });
  return ((...values: never[]) => {
    const outer = passing;
    passing = values[0];
    try {
      now?.(...values);
    } finally {
      passing = outer;
    }
  }) as Handler;
}

/** The setter that a transport's class has for a member, if it is one. */
function setterOf(transport: TransportLike, member: string): ((value: unknown) => void) | undefined {
  for (
    let object: object | null = transport;
    object !== null;
    object = Object.getPrototypeOf(object) as object | null
  ) {
    const descriptor = Object.getOwnPropertyDescriptor(object, member);
    if (descriptor !== undefined) return descriptor.set?.bind(transport);
  }
  return undefined;
}
