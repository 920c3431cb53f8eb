import { type CallMethods, methodBits } from "../wire/methods.ts";
import { isObject, type Json, merge, own } from "../json.ts";
import { CLIENT_CAPABILITIES, EXTENSION, CLIENT_INFO, PROTOCOL_VERSION } from "../wire/names.ts";
import type { Message } from "../tap.ts";
import type { TaskReference } from "../types.ts";
import { LONGEST_NAME, short } from "./facts.ts";
import type { ConnectedClient } from "./call-plan.ts";
import type { Port } from "./port.ts";
import type { Introduction } from "./registry.ts";
import type { Revision } from "../wire/revision.ts";
import { STATEFUL, revisionOf } from "../wire/revisions.ts";
import * as core from "../wasm/generated/client.js";

/** What is known about the session: its version, its server, its tools. */
export class Session {
  readonly #port: Port;
  readonly #methods: CallMethods;
  /** The client above, where it is known. */
  client: ConnectedClient | undefined;
  /** What the session speaks of tasks; undefined where each request says it, or nothing. */
  revision: Revision | undefined;
  version: string = "";
  /** How the peer has named itself. */
  peer: unknown;
  introduced = false;
  /** Whether a call may become a task, as far as is known. */
  takesTasks = true;
  /** What the `_meta` of calls that take tasks says about their client, and not about the call (2026-07-28). */
  envelope: Json = {};
  /** Whether the client above calls tools that run only as tasks, as the server lists them. */
  unlocked = false;

  constructor(port: Port, methods: CallMethods) {
    this.#port = port;
    this.#methods = methods;
  }

  learn(message: Message, awaited: Introduction): Message {
    const result = message.result;
    if (!isObject(result)) return message;
    if (awaited === "tools/list" || awaited === "tools/list more")
      return this.#toolList(message, result, awaited === "tools/list");
    this.peer = own(result, "serverInfo");
    this.introduce(own(result, "protocolVersion"), own(result, "capabilities"), awaited === "initialize");
    return message;
  }

  /** What the peer has said of itself. `isSession`: it holds for the session, and no request says otherwise. */
  introduce(version: unknown, capabilities: unknown, isSession: boolean): void {
    this.introduced = true;
    this.version = typeof version === "string" ? version : "";
    const revision = revisionOf(this.version);
    this.revision = revision?.isStateless === false ? revision : undefined;
    const methods = methodBits(this.#methods, ({ name }) =>
      isObject(own(capabilities, "tasks", "requests", ...name.split("/"))),
    );
    const cancel = isObject(own(capabilities, "tasks", "cancel"));
    const extension = isObject(own(capabilities, "extensions", EXTENSION));
    this.takesTasks = true;
    this.#port.enter((requestor) => {
      const takes = core.server(requestor, revision?.generation ?? 0, methods, cancel, extension);
      this.takesTasks = takes || !isSession;
    });
  }

  /**
   * A page of tools, for the SDK. SDK v1's client would refuse to call a tool that runs only as a task, so where only
   * its transport is attached, `required` becomes `optional` for it.
   */
  #toolList(message: Message, result: Json, first: boolean): Message {
    const tools = own(result, "tools");
    if (!Array.isArray(tools) || this.revision === undefined) return message;
    this.#port.enter((requestor) => {
      this.learnTools(requestor, tools);
      if (first && own(result, "nextCursor") === undefined) core.toolsComplete(requestor);
    });
    if (this.unlocked) return message;
    const soften = (tool: unknown): unknown =>
      isObject(tool) && own(tool, "execution", "taskSupport") === "required"
        ? merge(tool, { execution: { taskSupport: "optional" } })
        : tool;
    return { ...message, result: { ...result, tools: tools.map(soften) } };
  }

  learnTools(requestor: number, tools: readonly unknown[]): void {
    for (const tool of tools) {
      const name = short(own(tool, "name"), LONGEST_NAME);
      const support = own(tool, "execution", "taskSupport");
      if (name !== "") core.tool(requestor, name, short(support, LONGEST_NAME));
    }
  }

  /** A session that was opened before the tap, or on another transport. */
  introduceFromClient(): void {
    const version = this.client?.getNegotiatedProtocolVersion?.();
    const capabilities = this.client?.getServerCapabilities?.();
    // SDK v1 does not tell which version it speaks; only that version has these capabilities.
    if (capabilities !== undefined)
      this.introduce(version ?? (own(capabilities, "tasks") === undefined ? "" : STATEFUL.version), capabilities, true);
  }

  learnEnvelope(meta: unknown): void {
    const names = [PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES].filter((name) => own(meta, name) !== undefined);
    this.envelope = Object.fromEntries(names.map((name) => [name, own(meta, name)]));
  }

  isSameServer(reference: TaskReference): boolean {
    const here = this.serverName();
    return (
      reference.server === undefined || here === undefined || reference.server.split("/")[0] === here.split("/")[0]
    );
  }

  serverName(): string | undefined {
    const info = this.peer ?? this.client?.getServerVersion?.();
    const name = own(info, "name");
    return typeof name === "string" ? `${name}/${String(own(info, "version"))}` : undefined;
  }
}
