// Where a handler begins: the SDK has checked the call's name and arguments by then, and the handler's own context can
// be given a task. `McpServer` keeps its tools, prompts and resources in fields of its own. A low-level server has one
// handler for all tools and alone knows them: a name is known if the server's policies name it, or its own `tools/list`
// does. Where neither field is there, as behind a bare transport, there is no gate, and a task is created before its
// parameters are checked.
import type { CallMethod } from "../wire/methods.ts";
import { PROMPTS_GET, RESOURCES_READ, TOOLS_CALL } from "./methods.ts";
import { comesWithin } from "../clock.ts";
import { LONGEST_NAME } from "./bounds.ts";
import { TaskError } from "../errors.ts";
import type { Call } from "./pending-call.ts";
import { own, textOf } from "../json.ts";
import { type Context, callOf, withTask } from "./handler-context.ts";
import { answeringInputRequired } from "./input-required-emulation.ts";
import type { Shared } from "./shared-by-connections.ts";
import * as core from "../wasm/generated/server.js";

type Handler = (...values: unknown[]) => unknown;
/** A tool, prompt, resource or template, and what the SDK runs of it. */
interface Part {
  executor?: Handler;
  handler?: Handler & { createTask?: unknown };
  callback?: Handler;
  readCallback?: Handler;
  argsSchema?: unknown;
}
/** SDK v2's `executor` and `handler`, which an update replaces, come before what they were made of. */
const RUNS = ["executor", "handler", "callback", "readCallback"] as const;
type Parts = Record<string, Part>;
interface Template extends Part {
  resourceTemplate: { uriTemplate: { match(uri: string): unknown; toString(): string } };
}
/** What the gate reads of an SDK server. */
export interface Product {
  server?: Product;
  _registeredTools?: Parts;
  _registeredPrompts?: Parts;
  _registeredResources?: Parts;
  _registeredResourceTemplates?: Record<string, Template>;
  _requestHandlers?: Map<string, Handler>;
  getNegotiatedProtocolVersion?(): string | undefined;
}

const WRAPPED = new WeakSet<object>();
/** How long a server's own list of its tools is waited for, in ms, and how many pages of it are read. */
const LIST_PATIENCE = 1000;
const MOST_PAGES = 100;

/** What is known of the server behind one connection, and the gate before its handlers. */
export class Gate {
  readonly #shared: Shared;
  readonly #product: Product | undefined;
  /** An `McpServer`, as far as it is one. */
  readonly #registered: Product | undefined;

  /** `product`: unknown where a transport was attached. */
  constructor(shared: Shared, product: Product | undefined) {
    this.#shared = shared;
    this.#product = product;
    this.#registered = product?._registeredTools && product;
  }

  /** Whether handlers of a method have a gate before them. */
  isBefore(method: CallMethod): boolean {
    return this.#registered !== undefined || this.#handlerOf(method) !== undefined;
  }

  #handlerOf(method: CallMethod): Handler | undefined {
    return this.#product?._requestHandlers?.get(method.name);
  }

  /**
   * Under which name a policy may know what a call names: for a resource of a template, the template. `undefined`: the
   * server has no such thing.
   */
  nameOf(method: CallMethod, name: string): string | undefined {
    if (this.#registered === undefined) return name;
    if (this.#part(method, name) !== undefined) return method === RESOURCES_READ ? hrefOf(name) : name;
    return method === RESOURCES_READ ? this.#template(name)?.resourceTemplate.uriTemplate.toString() : undefined;
  }

  /** Whether the server is known to have a tool of this name. */
  hasTool(name: string): boolean {
    return this.#part(TOOLS_CALL, name) !== undefined;
  }

  /** Whether the tool was registered with SDK v1's own task handlers, which are left alone. */
  runsTasksItself(name: string): boolean {
    return typeof this.#part(TOOLS_CALL, name)?.handler === "object";
  }

  /** Whether the SDK itself runs tasks for this server: SDK v1 with a `taskStore`. */
  get hasOwnTasks(): boolean {
    return hasOwnTasks(this.#product);
  }

  /** The protocol version that the server and its client have settled on, as far as the server knows. */
  negotiatedVersion(): string | undefined {
    return (this.#product?.server ?? this.#product)?.getNegotiatedProtocolVersion?.();
  }

  #part(method: CallMethod, name: string): Part | undefined {
    const {
      _registeredTools: tools,
      _registeredPrompts: prompts,
      _registeredResources: resources,
    } = this.#registered ?? {};
    if (method === RESOURCES_READ) return own(resources, hrefOf(name)) as Part | undefined;
    return own(method === PROMPTS_GET ? prompts : tools, name) as Part | undefined;
  }

  /** The template of a resource, as the SDK finds it. */
  #template(uri: string): Template | undefined {
    // The SDKs throw where it is much longer.
    if (uri.length > LONGEST_NAME) return undefined;
    const templates = Object.values(this.#registered?._registeredResourceTemplates ?? {});
    return templates.find(({ resourceTemplate }) => resourceTemplate.uriTemplate.match(hrefOf(uri)));
  }

  /** Puts the gate before the handler of what a call names, or gives a low-level server's the task at least. */
  wrap(method: CallMethod, name: string): void {
    if (this.#registered === undefined) return this.#wrapCalls(method);
    const part = this.#part(method, name) ?? (method === RESOURCES_READ ? this.#template(name) : undefined);
    const member = RUNS.find((run) => part?.[run] !== undefined);
    const handler = member && part?.[member];
    if (part === undefined || member === undefined || typeof handler !== "function" || WRAPPED.has(handler)) return;
    const gated: Handler = (...values) =>
      this.#enter(handler, values, member === "handler" ? part.argsSchema : undefined);
    WRAPPED.add(gated);
    part[member] = gated;
  }

  /** `schema`: of the arguments, which the handler checks itself. */
  async #enter(handler: Handler, values: unknown[], schema: unknown): Promise<unknown> {
    const context = values.at(-1) as Context;
    const call = callOf(this.#shared.registry, context);
    if (call === undefined || (schema !== undefined && !(await fits(schema, values[0])))) return handler(...values);
    const before = values.slice(0, -1);
    return this.#begin(call, context, (inner) => handler(...before, inner));
  }

  /** Lets a call become a task, then runs its handler. */
  async #begin(call: Call, context: Context, run: (context: Context) => unknown): Promise<unknown> {
    const { port, input, registry, events } = this.#shared;
    port.enter(core.begin, call.number);
    await call.wait();
    const result = await answeringInputRequired(call, input, withTask(input, call, context), run);
    if (!registry.calls.has(call.number)) events.lateOutcome(call);
    return result;
  }

  /** Puts the gate before the one handler that a low-level server has for a method. */
  #wrapCalls(method: CallMethod): void {
    const handlers = this.#product?._requestHandlers;
    const handler = this.#handlerOf(method);
    if (handler === undefined || WRAPPED.has(handler)) return;
    const wrapped: Handler = async (request, context, ...rest) => {
      const call = callOf(this.#shared.registry, context as Context);
      if (call === undefined) return handler(request, context, ...rest);
      // Nothing says that the tool exists: the handler has the last word, and its call makes no task before it has
      // ended.
      const isKnown =
        method !== TOOLS_CALL ||
        call.taskId !== undefined ||
        (await this.#lists(textOf(call.message.params, "name") ?? "", context as Context));
      if (!isKnown) return handler(request, context, ...rest);
      return this.#begin(call, context as Context, (inner) => handler(request, inner, ...rest)).catch(rethrow);
    };
    WRAPPED.add(wrapped);
    handlers?.set(method.name, wrapped);
  }

  /** Whether a low-level server has a tool called `name`; so it does where that cannot be told soon. */
  async #lists(name: string, context: Context): Promise<boolean> {
    const { settings, listedTools } = this.#shared;
    const list = this.#product?._requestHandlers?.get("tools/list");
    if (list === undefined || settings.policies.names(name) || listedTools.has(name)) return true;
    try {
      const isRead = await comesWithin(LIST_PATIENCE, this.#readList(list, context));
      return !isRead || listedTools.has(name);
    } catch {
      return true;
    }
  }

  /** Reads the list of a server's tools to its end. */
  async #readList(list: Handler, context: Context): Promise<void> {
    let cursor: unknown;
    for (let page = 0; page < MOST_PAGES; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const result = await list({ jsonrpc: "2.0", id: 0, method: "tools/list", params }, context);
      const tools = own(result, "tools");
      for (const tool of Array.isArray(tools) ? tools : []) this.#shared.listedTools.add(textOf(tool, "name") ?? "");
      cursor = own(result, "nextCursor");
      if (cursor === undefined) return;
    }
  }
}

/** A URI as the SDKs look for it. */
function hrefOf(uri: string): string {
  try {
    return new URL(uri).href;
  } catch {
    return uri;
  }
}

/** Whether arguments are what a Standard Schema wants. */
async function fits(schema: unknown, values: unknown): Promise<boolean> {
  try {
    const { "~standard": standard } = schema as { "~standard": { validate(values: unknown): unknown } };
    return own(await standard.validate(values ?? {}), "issues") === undefined;
  } catch {
    return false;
  }
}

/**
 * Throws what a handler threw, as something that the SDKs can look at: a low-level server never answers where its
 * handler threw nothing, or what cannot be read, and its task would work until its time is over.
 */
function rethrow(thrown: unknown): never {
  let isReadable = false;
  try {
    const { code: _code, data: _data, message } = thrown as { code?: unknown; data?: unknown; message?: unknown };
    isReadable = message === undefined || typeof message === "string";
  } catch {
    // It is not.
  }
  throw isReadable
    ? thrown
    : new TaskError("internal", "The handler failed, and what it threw cannot be read.", { cause: thrown });
}

/** Whether the SDK itself runs tasks for a server: SDK v1 with a `taskStore`. */
export function hasOwnTasks(product: Product | undefined): boolean {
  return (product?.server ?? product)?._requestHandlers?.has("tasks/get") === true;
}
