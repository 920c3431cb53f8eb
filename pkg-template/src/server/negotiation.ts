import { Capability, RequestFlag } from "../core/codes.ts";
import { type Side, methodBits } from "../wire/methods.ts";
import { SAMPLING, TOOLS_CALL } from "./methods.ts";
import { define, isObject, own, textOf } from "../json.ts";
import type { Extra, Message } from "../tap.ts";
import { ALL_INPUT, capabilityBits, withKeys } from "../wire/capabilities.ts";
import type { Revision } from "../wire/revision.ts";
import { STATELESS, revisionOf, versionOf } from "../wire/revisions.ts";
import { EXTENSION } from "../wire/names.ts";
import { versionHeader } from "./facts.ts";
import type { Gate } from "./gate.ts";
import type { Link } from "./link.ts";
import type { Completion } from "./sdk-requests.ts";
import type { Shared } from "./shared-by-connections.ts";

/** Which revision each request of a connection speaks, what its client has declared, and what the server declares. */
export class Negotiation {
  readonly #shared: Shared;
  readonly #link: Link;
  readonly #gate: Gate;
  /** The revision that the handshake on this connection settled; `undefined` for one without tasks. */
  #negotiated: Revision | undefined;
  #hasNegotiated = false;
  #capabilities: number | undefined;
  #speaksOfTasks = false;
  /** The id of the `initialize` that a client has sent. */
  #introduction: unknown;

  constructor(shared: Shared, link: Link, gate: Gate) {
    this.#shared = shared;
    this.#link = link;
    this.#gate = gate;
  }

  /** The revision of a request; `undefined` where it has no tasks. */
  revisionOf(message: Message, extra: Extra): Revision | undefined {
    const version = versionOf(message);
    const named = revisionOf(version);
    if (typeof version === "string") return named?.isStateless === true ? this.#spoken(named) : undefined;
    if (this.#hasNegotiated) return this.#negotiated;
    const before = revisionOf(versionHeader(extra));
    return before?.isStateless === false ? this.#spoken(before) : undefined;
  }

  /** The revision of a request that must name it, and does not; the core refuses it. */
  statelessWithoutEnvelope(): Revision | undefined {
    if (this.#side === "client") return undefined;
    const served = revisionOf(this.#gate.negotiatedVersion());
    return served?.isStateless === true ? this.#spoken(served) : undefined;
  }

  /** The revision, if this server has tasks in it. */
  #spoken(revision: Revision | undefined): Revision | undefined {
    return revision !== undefined && this.#shared.settings.speaks(revision) ? revision : undefined;
  }

  /** What the client declared, as the core's bits. */
  declared(message: Message, revision: Revision): number {
    // Servers answer nothing that tasks of clients could ask.
    if (this.#side === "client") return 0;
    const declared = revision.declaredIn(message);
    return declared === undefined ? (this.#capabilities ?? ALL_INPUT) : capabilityBits(declared);
  }

  /**
   * Whether the client of a request has tasks, as far as can be told. In the stateful revision a client need not
   * declare that: it has tasks if it runs some itself, or has spoken of them here.
   */
  hasTasks(message: Message): boolean {
    const named = revisionOf(versionOf(message));
    return named?.isStateless === true ? (this.declared(message, named) & Capability.Tasks) !== 0 : this.#speaksOfTasks;
  }

  /** A message of the client's arrives. */
  heard({ method, params }: Message): void {
    const spoken = method === "initialize" ? own(params, "capabilities", "tasks") : own(params, "task");
    if (isObject(spoken) || method?.startsWith("tasks/") === true) this.#speaksOfTasks = true;
  }

  /** What a request of an owner's says of itself, as the core's bits. */
  flags(message: Message, revision: Revision, owner: string | undefined): number {
    const lists = this.#shared.settings.lists(owner, this.#link.isSingleStream);
    return this.declared(message, revision) | (lists ? RequestFlag.Lists : 0);
  }

  /** What is put over the members of a result that says what this server can do. */
  completion(message: Message, extra: Extra): Completion | undefined {
    if (message.method === "initialize") {
      this.#capabilities = capabilityBits(own(message.params, "capabilities"));
      const lists = this.#shared.settings.lists(this.#link.ownerOf(extra), this.#link.isSingleStream);
      return (result) => this.#initialized(result, lists);
    }
    if (message.method === "server/discover") {
      const { settings } = this.#shared;
      return settings.speaks(STATELESS) ? (result) => discovered(result, settings.creationWindow) : undefined;
    }
    if (message.method !== "tools/list" || this.revisionOf(message, extra)?.serverDecides !== false) return undefined;
    return ({ tools }) => Array.isArray(tools) && { tools: tools.map((tool) => this.#describeTool(tool)) };
  }

  #initialized(result: Record<string, unknown>, lists: boolean): object | undefined {
    this.#negotiate(result);
    if (this.#negotiated?.isStateless !== false) return undefined;
    const tasks = this.#shared.replies.capabilities("server", lists, this.#shared.settings.declaredMethods);
    const capabilities = { ...(own(result, "capabilities") as object), tasks };
    return { capabilities: withKeys(capabilities, this.#shared.settings.creationWindow) };
  }

  #negotiate(result: unknown): void {
    this.#hasNegotiated = true;
    this.#negotiated = this.#spoken(revisionOf(own(result, "protocolVersion")));
  }

  get #side(): Side {
    return this.#shared.settings.policies.side;
  }

  /** The `initialize` of a client, which says which tasks it runs: of what it offers at all (G25-CAP-01). */
  introducing(message: Message): Message {
    const capabilities = own(message.params, "capabilities");
    const { settings, replies } = this.#shared;
    const methods = methodBits(
      settings.policies.methods,
      (method) =>
        settings.policies.offers(method) &&
        isObject(own(capabilities, method === SAMPLING ? "sampling" : "elicitation")),
    );
    if (this.#side === "server" || methods === 0) return message;
    this.#introduction = message.id;
    const lists = settings.lists(this.#link.ownerOf(undefined), this.#link.isSingleStream);
    const tasks = replies.capabilities("client", lists, methods);
    return { ...message, params: { ...message.params, capabilities: { ...(capabilities as object), tasks } } };
  }

  /** An answer of the server's arrives, perhaps that to `initialize`. */
  introduced({ id, result }: Message): void {
    if (this.#introduction === undefined || id !== this.#introduction) return;
    this.#introduction = undefined;
    this.#negotiate(result);
  }

  #describeTool(tool: unknown): unknown {
    const name = textOf(tool, "name");
    if (!isObject(tool) || name === undefined || this.#gate.runsTasksItself(name)) return tool;
    const { support } = this.#shared.settings.policies.ofTool(name);
    return {
      ...tool,
      execution: { ...(own(tool, "execution") as Record<string, unknown> | undefined), taskSupport: support },
    };
  }

  /**
   * The message without a `task` that means nothing here; SDK v1 fails on one that it does not expect (G25-CAP-05,
   * G25-CRE-12).
   */
  plain(message: Message): Message {
    const { params } = message;
    if (own(params, "task") === undefined || typeof versionOf(message) === "string" || this.#gate.hasOwnTasks)
      return message;
    const name = textOf(params, "name");
    if (message.method === TOOLS_CALL.name && name !== undefined && this.#gate.runsTasksItself(name)) return message;
    const { task: _task, ...rest } = params as Record<string, unknown>;
    return { ...message, params: rest };
  }
}

/** What the answer to `server/discover` says of tasks. */
function discovered(result: Record<string, unknown>, window: number): object {
  const { tasks: _tasks, ...capabilities } = { ...(own(result, "capabilities") as Record<string, unknown>) };
  const extensions = { ...(own(capabilities, "extensions") as Record<string, unknown> | undefined) };
  define(extensions, EXTENSION, {});
  return { capabilities: withKeys({ ...capabilities, extensions }, window) };
}
