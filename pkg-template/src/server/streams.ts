// Which streams of a Streamable HTTP transport are open. Neither SDK says when a client leaves one; the transports of both keep
// their streams in the same fields. Where those are missing, a request's stream counts as open for as long as it waits.

interface Streams {
  /** SDK v1's and v2's transports for Node's own HTTP server forward to this one. */
  readonly _webStandardTransport?: Streams;
  readonly _streamMapping?: ReadonlyMap<string, { readonly controller?: unknown } | undefined>;
  readonly _requestToStreamMapping?: ReadonlyMap<unknown, string>;
  readonly _standaloneSseStreamId?: string;
  readonly _eventStore?: unknown;
  closeSSEStream?(request: unknown): void;
}

/** Whether messages can go out on the stream of a request, or, for `undefined`, on the one that belongs to no request. */
export function isOpen(transport: object, request: unknown): boolean {
  const { _streamMapping: streams, _requestToStreamMapping: requests, _standaloneSseStreamId: standalone } = fieldsOf(transport);
  if (!(streams instanceof Map) || !(requests instanceof Map)) return request !== undefined;
  const stream: unknown = request === undefined ? standalone : requests.get(request);
  return (streams.get(stream) as { controller?: unknown } | undefined)?.controller !== undefined;
}

/** Whether the client has left the stream of a request, so that not even the answer can reach it. */
export function isLeft(transport: object, request: unknown): boolean {
  const { _streamMapping: streams, _requestToStreamMapping: requests, _eventStore: events } = fieldsOf(transport);
  if (!(streams instanceof Map) || !(requests instanceof Map) || events !== undefined) return false;
  return !streams.has(requests.get(request));
}

/** Ends the stream of a request, if it has one of its own; its client may come back for the answer. */
export function leave(transport: object, request: unknown): boolean {
  const streams = fieldsOf(transport);
  if (request === undefined || streams.closeSSEStream === undefined || !isOpen(transport, request)) return false;
  streams.closeSSEStream(request);
  return true;
}

function fieldsOf(transport: object): Streams {
  const streams = transport as Streams;
  return streams._webStandardTransport ?? streams;
}
