import { define } from "../assembler.ts";
import type { Extra, Message } from "../tap.ts";
import {
  ALL_INPUT,
  CAPABILITIES_META,
  EXTENSION,
  capabilityBits,
  isObject,
  metaOf,
  own,
  textOf,
  versionHeader,
  versionOf,
} from "./facts.ts";
import type { Gate } from "./gate.ts";
import type { Link } from "./link.ts";
import type { Completion } from "./passing.ts";
import type { Shared } from "./shared.ts";
import { generationOf } from "./subscription.ts";

/** What a request says of itself besides its generation, as the core's bits: capabilities below, then whether lists are offered. */
const LISTS = 1 << 8;

/** Which generation each request of a connection speaks, what its client has declared, and what the server declares. */
export class Negotiation {
  readonly #shared: Shared;
  readonly #link: Link;
  readonly #gate: Gate;
  /** The generation that the handshake on this connection settled; `undefined` before, 0 for none with tasks. */
  #negotiated: number | undefined;
  #capabilities: number | undefined;

  constructor(shared: Shared, link: Link, gate: Gate) {
    this.#shared = shared;
    this.#link = link;
    this.#gate = gate;
  }

  /** The generation of a request, 0 where it has no tasks. */
  generationOf(message: Message, extra: Extra): number {
    const version = versionOf(message);
    if (typeof version === "string") return generationOf(version) === 26 ? this.#spoken(26) : 0;
    return this.#negotiated ?? (generationOf(versionHeader(extra)) === 25 ? this.#spoken(25) : 0);
  }

  /** A request on a connection of 2026-07-28 that does not say so itself; the core refuses it. */
  modernWithoutEnvelope(): number {
    return generationOf(this.#gate.negotiatedVersion()) === 26 ? this.#spoken(26) : 0;
  }

  /** The generation, or 0 where this server has no tasks in it. */
  #spoken(generation: number): number {
    return this.#shared.settings.speaks(generation) ? generation : 0;
  }

  /** What the client declared, as the core's bits. */
  declared(message: Message, generation: number): number {
    return generation === 26 ? capabilityBits(metaOf(message, CAPABILITIES_META)) : (this.#capabilities ?? ALL_INPUT);
  }

  /** What a request of an owner's says of itself, as the core's bits. */
  flags(message: Message, generation: number, owner: string | undefined): number {
    const lists = this.#shared.settings.lists(owner, this.#link.isSingleStream);
    return this.declared(message, generation) | (lists ? LISTS : 0);
  }

  /** What is put over the members of a result that says what this server can do. */
  completion(message: Message, extra: Extra): Completion | undefined {
    if (message.method === "initialize") {
      this.#capabilities = capabilityBits(own(message.params, "capabilities"));
      const lists = this.#shared.settings.lists(this.#link.ownerOf(extra), this.#link.isSingleStream);
      return (result) => this.#initialized(result, lists);
    }
    if (message.method === "server/discover") return this.#shared.settings.speaks(26) ? discovered : undefined;
    if (message.method !== "tools/list" || this.generationOf(message, extra) !== 25) return undefined;
    return ({ tools }) => Array.isArray(tools) && { tools: tools.map((tool) => this.#describeTool(tool)) };
  }

  #initialized(result: Record<string, unknown>, lists: boolean): object | undefined {
    this.#negotiated = this.#spoken(generationOf(own(result, "protocolVersion")));
    if (this.#negotiated !== 25) return undefined;
    const tasks = this.#shared.replies.capabilities(lists);
    return { capabilities: { ...(own(result, "capabilities") as object), tasks } };
  }

  #describeTool(tool: unknown): unknown {
    const name = textOf(tool, "name");
    if (!isObject(tool) || name === undefined || this.#gate.runsTasksItself(name)) return tool;
    const { support } = this.#shared.settings.policies.of(name);
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
    if (message.method === "tools/call" && name !== undefined && this.#gate.runsTasksItself(name)) return message;
    const { task: _task, ...rest } = params as Record<string, unknown>;
    return { ...message, params: rest };
  }
}

/** What the answer to `server/discover` says of tasks. */
function discovered(result: Record<string, unknown>): object {
  const { tasks: _tasks, ...capabilities } = { ...(own(result, "capabilities") as Record<string, unknown>) };
  const extensions = { ...(own(capabilities, "extensions") as Record<string, unknown> | undefined) };
  define(extensions, EXTENSION, {});
  return { capabilities: { ...capabilities, extensions } };
}
