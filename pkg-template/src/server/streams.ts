// The streams of a Streamable HTTP transport: which are open, and who opened them. Neither SDK says; the transports of
// both keep their streams in the same fields. Where those are missing, a request's stream counts as open for as long as
// it waits.
import type { Extra } from "../tap.ts";
import { own, textOf } from "../json.ts";

/** What this reads of a transport, and where it keeps one's place. */
interface Fields {
  /** SDK v1's and v2's transports for Node's own HTTP server forward to this one. */
  readonly _webStandardTransport?: Fields;
  readonly _streamMapping?: unknown;
  readonly _requestToStreamMapping?: unknown;
  readonly _standaloneSseStreamId?: string;
  readonly _eventStore?: unknown;
  readonly _enableJsonResponse?: unknown;
  closeSSEStream?(request: unknown): void;
  handleRequest?(request: unknown, ...rest: unknown[]): unknown;
}

/** A request of the client's: its id on the wire, and the stream that it came on. */
export interface Origin {
  readonly id: unknown;
  readonly stream: string | undefined;
}

/**
 * The streams of one transport. Each message goes to the stream of its own request, and to no stream of another
 * principal's.
 */
export class Streams {
  readonly #fields: Fields;
  /** Who opened a stream that belongs to no request. */
  readonly #openers = new WeakMap<object, { readonly owner: string | undefined }>();
  /** Whether nothing on the transport belongs to anyone else than this owner. */
  readonly #isSole: (owner: string | undefined) => boolean;
  readonly #ownerOf: (extra: Extra) => string | undefined;

  constructor(
    transport: object,
    ownerOf: (extra: Extra) => string | undefined,
    isSole: (owner: string | undefined) => boolean,
  ) {
    this.#fields = (transport as Fields)._webStandardTransport ?? (transport as Fields);
    this.#ownerOf = ownerOf;
    this.#isSole = isSole;
    const handle = this.#fields.handleRequest;
    if (typeof handle !== "function" || this.#maps === undefined) return;
    this.#fields.handleRequest = (request, ...rest) =>
      this.#handle((...values) => Reflect.apply(handle, this.#fields, values), request, rest);
  }

  get #maps(): { readonly streams: ReadonlyMap<unknown, object>; readonly requests: Map<unknown, string> } | undefined {
    const { _streamMapping: streams, _requestToStreamMapping: requests } = this.#fields;
    return streams instanceof Map && requests instanceof Map ? { streams, requests } : undefined;
  }

  /** Whether requests have no streams here, because they are answered with JSON alone. */
  get isMute(): boolean {
    return this.#fields._enableJsonResponse === true;
  }

  /** Which stream a request has just come on. */
  of(request: unknown): string | undefined {
    return this.#maps?.requests.get(request);
  }

  /**
   * Has the transport send what belongs to a request on the stream that it came on, though another may have come under
   * its id since; whether it will. Ids are unique for one client, and a session id may be known to several (X-SEC-06).
   */
  lead({ id, stream }: Origin): boolean {
    const maps = this.#maps;
    if (maps === undefined || stream === undefined) return true;
    const now = maps.requests.get(id);
    if (now === stream) return true;
    if (!maps.streams.has(stream) && this.#fields._eventStore === undefined) return now === undefined;
    maps.requests.set(id, stream);
    return true;
  }

  /** Whether messages can go out on the stream of a request. */
  isOpen({ id, stream }: Origin): boolean {
    const maps = this.#maps;
    if (maps === undefined) return true;
    return !this.isMute && isWritable(maps.streams.get(stream ?? maps.requests.get(id)));
  }

  /** Whether the stream that belongs to no request is open, and `owner` opened it. */
  isOpenFor(owner: string | undefined): boolean {
    const stream = this.#standing;
    const opener = isWritable(stream) ? this.#openers.get(stream as object) : undefined;
    return opener !== undefined && owner !== undefined && opener.owner === owner;
  }

  /** Whether the client has left the stream of a request, so that not even the answer can reach it. */
  isLeft({ id, stream }: Origin): boolean {
    const maps = this.#maps;
    if (maps === undefined || this.#fields._eventStore !== undefined) return false;
    return !maps.streams.has(stream ?? maps.requests.get(id));
  }

  /** Ends the stream of a request, if it has one of its own; its client may come back for the answer. */
  leave(origin: Origin): boolean {
    if (
      this.#fields.closeSSEStream === undefined ||
      this.#maps === undefined ||
      !this.isOpen(origin) ||
      !this.lead(origin)
    )
      return false;
    this.#fields.closeSSEStream(origin.id);
    return true;
  }

  get #standing(): object | undefined {
    return this.#maps?.streams.get(this.#fields._standaloneSseStreamId);
  }

  /** An HTTP request: what it opens is its principal's, and it takes up nothing that was begun for another. */
  #handle(handle: (...values: unknown[]) => unknown, request: unknown, rest: unknown[]): unknown {
    if ((request as { method?: unknown }).method !== "GET") return handle(request, ...rest);
    const isWeb = request instanceof Request;
    const owner = this.#ownerOf({ authInfo: isWeb ? own(rest[0], "authInfo") : (request as { auth?: unknown }).auth });
    const resumes = isWeb
      ? request.headers.has("last-event-id")
      : textOf((request as { headers?: unknown }).headers, "last-event-id") !== undefined;
    if (resumes && this.#fields._eventStore !== undefined && !this.#isSole(owner)) return refuse(isWeb, rest[0]);
    const before = this.#standing;
    const learn = (): void => {
      const stream = this.#standing;
      if (stream !== undefined && stream !== before && !this.#openers.has(stream)) this.#openers.set(stream, { owner });
    };
    const response = handle(request, ...rest);
    learn();
    // One that is taken up again opens later.
    Promise.resolve(response).then(
      (answer) => !(answer instanceof Response && !answer.ok) && learn(),
      () => {},
    );
    return response;
  }
}

/** SDK v1 before 1.25 keeps Node's own responses in that field; after it, and v2, something with a controller. */
/** Whether a transport carries what belongs to no request of the client's: on one stream, or on one opened for that. */
export function hasStandingStream(transport: object): boolean {
  const fields = (transport as Fields)._webStandardTransport ?? (transport as Fields);
  const { _streamMapping: streams, _standaloneSseStreamId: standing, _eventStore: events } = fields;
  return !(streams instanceof Map) || events !== undefined || isWritable(streams.get(standing));
}

function isWritable(stream: unknown): boolean {
  const { controller, writableEnded } = (stream ?? {}) as { controller?: unknown; writableEnded?: boolean };
  return controller !== undefined || writableEnded === false;
}

/** The answer to who would take up a stream that may hold what is another principal's: as if there was none. */
function refuse(isWeb: boolean, response: unknown): unknown {
  if (isWeb) return Promise.resolve(new Response(null, { status: 404 }));
  return void (response as { writeHead(status: number): { end(): void } }).writeHead(404).end();
}
