import { NAME } from "../name.ts";
import { type Json, merge, own } from "../json.ts";
import type { Message } from "../tap.ts";
import type { Link } from "./link.ts";
import { rpcCode } from "./facts.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { Snapshots } from "./snapshots.ts";
import { revisionOfNotification } from "../wire/revisions.ts";
import * as core from "../wasm/generated/client.js";

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
/** How the ids of our streams begin, before the core's number: texts, as the SDK's own streams have. */
const OURS = `${NAME}:`;

interface Stream {
  readonly envelope: Json;
  readonly abort: AbortController;
}

/** The streams on which a server pushes snapshots (2026-07-28): requests of our own that the SDK never sees. */
export class Streams {
  readonly #port: Port;
  readonly #link: Link;
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #snapshots: Snapshots;
  /** By the core's number. */
  readonly #streams = new Map<number, Stream>();

  constructor(port: Port, link: Link, registry: Registry, session: Session, snapshots: Snapshots) {
    this.#port = port;
    this.#link = link;
    this.#registry = registry;
    this.#session = session;
    this.#snapshots = snapshots;
  }

  listen(request: number): void {
    const params = this.#port.assembler.take();
    const { envelope } = this.#session;
    const abort = new AbortController();
    this.#streams.set(request, { envelope, abort });
    const message: Message = {
      jsonrpc: "2.0",
      id: OURS + request,
      method: "subscriptions/listen",
      params: merge({ _meta: envelope }, params),
    };
    const options = { requestSignal: abort.signal, onRequestStreamEnd: () => this.#ended(request, 0) };
    this.#link
      .send(message, options)
      .catch((cause: { status?: unknown } | undefined) => this.#ended(request, Number(cause?.status) || 0));
  }

  unlisten(request: number): void {
    const stream = this.#streams.get(request);
    if (stream === undefined) return;
    this.#streams.delete(request);
    stream.abort.abort();
    const { wire, state } = this.#link;
    if (wire.cancelsByAbort || state === "closed") return;
    const params = { _meta: stream.envelope, requestId: OURS + request };
    this.#link.send({ jsonrpc: "2.0", method: "notifications/cancelled", params }, undefined).catch(() => {});
  }

  stop(): void {
    for (const request of [...this.#streams.keys()]) this.unlisten(request);
  }

  /** Takes a message that belongs to a stream of ours, even to a former one. */
  takes({ id, method, params, error }: Message): boolean {
    if (method !== undefined && id !== undefined) return false;
    const cancelled = method === "notifications/cancelled";
    const about = method === undefined ? id : cancelled ? own(params, "requestId") : own(params, "_meta", SUBSCRIPTION);
    if (typeof about !== "string" || !about.startsWith(OURS)) return false;
    const request = Number(about.slice(OURS.length));
    const news = method === undefined ? undefined : revisionOfNotification(method);
    if (news !== undefined) this.#snapshots.pushed(news, params);
    else if (method === "notifications/subscriptions/acknowledged")
      this.#acknowledged(request, own(params, "notifications", "taskIds"));
    else if (method === undefined || cancelled) this.#ended(request, error === undefined ? 0 : rpcCode(error));
    return true;
  }

  #acknowledged(request: number, accepted: unknown): void {
    const ids = new Set<unknown>(Array.isArray(accepted) ? accepted : []);
    this.#port.enter((requestor, now) => {
      for (const [number, { id }] of this.#registry.tasks) if (ids.has(id)) core.accepted(requestor, request, number);
      core.acknowledged(requestor, now, request);
    });
  }

  /** The stream is over: with an error's code, the status with which HTTP refused it, or 0. */
  #ended(request: number, code: number): void {
    const stream = this.#streams.get(request);
    if (stream === undefined) return;
    this.#streams.delete(request);
    stream.abort.abort();
    this.#port.enter(core.answerError, request, code, 0);
  }
}
