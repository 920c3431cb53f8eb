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

const TAPPED = Symbol.for(`${NAME}.tapped`);

/**
 * Puts `listen`'s listener between a transport and the SDK, in place: the instance keeps its class and private fields.
 * A transport is tapped once; a second call answers `false` and changes nothing.
 */
export function tap(transport: TransportLike, listen: (wire: Wire) => Listener): boolean {
  const marked = transport as TransportLike & { [TAPPED]?: true };
  if (marked[TAPPED]) return false;
  Object.defineProperty(transport, TAPPED, { value: true });

  const send = transport.send.bind(transport);
  let delivering: Message | undefined;
  let closing = false;
  let failing: Error | undefined;
  const deliver: Wire["deliver"] = (message, extra) => {
    const outer = delivering;
    delivering = message;
    try {
      onmessage.now?.(message, extra);
    } finally {
      delivering = outer;
    }
  };
  const listener = listen({
    send,
    cancelsByAbort: transport.hasPerRequestStream === true,
    deliver,
    sessionId: () => transport.sessionId,
    closed() {
      closing = true;
      try {
        onclose.now?.();
      } finally {
        closing = false;
      }
    },
  });
  // A handler that is set over another calls the one it found, which is this tap: it must reach the earlier one then.
  const onmessage = intercept(transport, "onmessage", (message, extra) => {
    if (message === delivering) onmessage.earlier?.(message, extra);
    else if (isMessage(message)) listener.inbound(message, extra);
    else deliver(message, extra);
  });
  const onclose = intercept(transport, "onclose", () => {
    if (closing) onclose.earlier?.();
    else listener.closed();
  });
  const onerror = intercept(transport, "onerror", (error) => {
    if (error === failing) return onerror.earlier?.(error);
    failing = error;
    try {
      listener.troubled?.(error);
      onerror.now?.(error);
    } finally {
      failing = undefined;
    }
  });
  transport.send = (message, options) => listener.outbound(message, options);
  return true;
}

/** The handlers that the SDK has set: the one that counts, and the one before it. */
interface Handlers<Handler> {
  now: Handler | undefined;
  earlier: Handler | undefined;
}

/** Has the transport call `tap` wherever it would call the handler that the SDK sets. */
function intercept<Name extends "onmessage" | "onclose" | "onerror">(
  transport: TransportLike,
  name: Name,
  tap: NonNullable<TransportLike[Name]>,
): Handlers<TransportLike[Name]> {
  const handlers: Handlers<TransportLike[Name]> = { now: transport[name], earlier: undefined };
  // Some transports forward these members to another transport, which calls what was set on it.
  const forward = setterOf(transport, name);
  if (handlers.now !== undefined) forward?.(tap);
  Object.defineProperty(transport, name, {
    configurable: true,
    enumerable: true,
    get: () => handlers.now && tap,
    set(value: TransportLike[Name]) {
      handlers.earlier = handlers.now;
      handlers.now = value;
      forward?.(value && tap);
    },
  });
  return handlers;
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
