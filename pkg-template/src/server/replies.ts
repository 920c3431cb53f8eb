import { Part, PartCode, ReplyKind } from "../core/codes.ts";
import type { Assembler } from "../core/assembler.ts";
import type { Message } from "../tap.ts";
import { own } from "../json.ts";
import type { Side } from "../wire/methods.ts";
import { RELATED_TASK } from "../wire/names.ts";
import type { Payload } from "./payload.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";
import { noteRefusal } from "./retry-after.ts";
import type { StoreJobs } from "./store-jobs.ts";
import * as core from "../wasm/generated/server.js";

const INVALID_PARAMS = -32602;

type ErrorObject = NonNullable<Message["error"]>;

/** Answers and notifications: the core writes them, payloads are put in their holes, and they go to their clients. */
export class Replies {
  readonly #port: Port;
  readonly #registry: Registry;
  readonly #jobs: StoreJobs;
  #payload: Payload | undefined;
  #taskId = "";
  #subscriptionId: unknown;

  constructor(port: Port, registry: Registry, jobs: StoreJobs) {
    this.#port = port;
    this.#registry = registry;
    this.#jobs = jobs;
  }

  /** The answer to a request begins. `job`: what has read the payload, 0 for none. */
  begin(request: number, job: number): void {
    this.#payload = job === 0 ? undefined : this.#jobs.payload(job);
    this.#taskId = this.#registry.requests.get(request)?.taskId ?? "";
    if (this.#registry.subscriptions.size > 0) this.#subscriptionId = this.#registry.subscriptions.get(request)?.id;
    this.#port.assembler.begin(this.#fill, this.#taskId);
  }

  /** It is complete: it is sent when the core's work is over. */
  end(number: number, kind: ReplyKind): void {
    const body = this.#port.assembler.take();
    const payload = this.#payload;
    this.#port.want(() => this.#send(number, kind, body, payload));
  }

  #send(number: number, kind: ReplyKind, body: Record<string, unknown>, payload: Payload | undefined): void {
    const request = this.#registry.requests.get(number);
    const answer: Message = { jsonrpc: "2.0", id: request?.message.id };
    if (kind === ReplyKind.Result) answer.result = body;
    else answer.error = (kind === ReplyKind.ErrorPart ? payload?.part(PartCode.Error, "") : body) as ErrorObject;
    if (request?.misfit !== undefined && answer.error?.code === INVALID_PARAMS)
      answer.error.message += `: ${request.misfit}`;
    const isLimited = kind === ReplyKind.LimitError;
    if (request === undefined) return this.#registry.subscriptions.get(number)?.answered(answer, isLimited);
    if (!request.kept) this.#registry.requests.delete(number);
    if (!request.link.isStillAuthorized(request)) {
      const error = this.#written(core.writeNotFound) as ErrorObject;
      return request.link.answer({ jsonrpc: "2.0", id: answer.id, error }, request);
    }
    if (isLimited) noteRefusal(request.extra, answer.error);
    request.link.answerWith(answer, request, payload?.text?.length ?? 0);
  }

  /** A notification begins. `job`: what has read the payload, 0 for none. */
  beginNews(request: number, job: number): void {
    this.#payload = job === 0 ? undefined : this.#jobs.payload(job);
    this.#subscriptionId = this.#registry.subscriptions.get(request)?.id;
    const { assembler } = this.#port;
    assembler.begin(this.#fill);
  }

  /** It goes to a subscription. */
  tell(listen: number): void {
    const news: Message = { jsonrpc: "2.0", ...this.#port.assembler.take() };
    this.#port.want(() => this.#registry.subscriptions.get(listen)?.told(news));
  }

  /** It goes to the requestor of a call, on the stream of a request if that is open (G25-NTF-04). */
  tellRequestor(number: number, stream: number): void {
    const news: Message = { jsonrpc: "2.0", ...this.#port.assembler.take() };
    this.#port.want(() => this.#tellRequestor(number, stream, news));
  }

  #tellRequestor(number: number, stream: number, news: Message): void {
    const on = this.#registry.requests.get(stream);
    if (on !== undefined && !on.link.isStillAuthorized(on)) return this.#port.give(core.lapse, stream);
    const call = this.#registry.calls.get(number);
    if (call === undefined) return;
    const link = on?.link ?? call.link;
    const route = link.routeTo(on, call.owner);
    if (route !== undefined) link.sendOn(news, route);
  }

  /** What a side says of itself in `initialize`, under `capabilities.tasks`. */
  capabilities(side: Side, list: boolean, methods: number): Record<string, unknown> {
    return this.#written((assembler) => core.capabilities(side === "client", list, methods, assembler));
  }

  /** The object that the core writes at once. */
  #written(write: (assembler: Assembler) => void): Record<string, unknown> {
    const { assembler } = this.#port;
    assembler.begin(this.#fill);
    write(assembler);
    return assembler.take();
  }

  readonly #fill = (part: Part, key: string): unknown => {
    const payload = this.#payload;
    switch (part) {
      case Part.RelatedResult: {
        const result = payload?.part(PartCode.Result, "") as Record<string, unknown> | undefined;
        const meta = own(result, "_meta") as Record<string, unknown> | undefined;
        return { ...result, _meta: { ...meta, [RELATED_TASK]: { taskId: this.#taskId } } };
      }
      case Part.Error:
        return payload?.part(PartCode.Error, "");
      case Part.Input:
        return payload?.part(PartCode.Input, key);
      case Part.Subscription:
        return this.#subscriptionId;
      default:
        return payload?.part(PartCode.Result, "");
    }
  };
}
