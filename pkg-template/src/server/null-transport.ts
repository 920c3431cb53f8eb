// A server without a client: where a task runs again when no connection of its owner is open.
import type { Message, TransportLike } from "../tap.ts";
import type { Product } from "./gate.ts";

/**
 * A transport with nobody at its other end: what the handler sends into it is dropped, but for what tasks catch before.
 */
export class NullTransport implements TransportLike {
  /** It has no stream, as a transport of single HTTP requests has none before there is a request. */
  readonly handleMessage: undefined = undefined;
  onmessage?: TransportLike["onmessage"];
  onclose?: TransportLike["onclose"];
  onerror?: TransportLike["onerror"];

  start(): Promise<void> {
    return Promise.resolve();
  }
  send(_message: Message): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.onclose?.();
    return Promise.resolve();
  }
}

/** Lets a server of SDK v2 serve a revision as its own HTTP entry does, which keeps the revision in this field. */
export function serveRevision(product: Product & { _negotiatedProtocolVersion?: string }, version: string): void {
  const server = (product.server ?? product) as typeof product;
  if (server.getNegotiatedProtocolVersion !== undefined) server._negotiatedProtocolVersion = version;
}
