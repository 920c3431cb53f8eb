import { PartCode } from "../core/codes.ts";
import { callMethodNumbered } from "../wire/methods.ts";
import { TaskError } from "../errors.ts";
import type { Message } from "../tap.ts";
import { Call } from "./pending-call.ts";
import type { Payload } from "./payload.ts";
import { renamed } from "./payload.ts";
import type { Peers, Place } from "./peers.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";
import { revisionNumbered } from "../wire/revisions.ts";
import * as core from "../wasm/generated/server.js";

/** Runs tasks again that lost their process. */
export class Restarts {
  readonly #port: Port;
  readonly #registry: Registry;
  readonly #peers: Peers;
  readonly #makePlace: ((version: string) => Place) | undefined;

  /** `makePlace`: connects a server to nobody, if the host can make one. */
  constructor(port: Port, registry: Registry, peers: Peers, makePlace: ((version: string) => Place) | undefined) {
    this.#port = port;
    this.#registry = registry;
    this.#peers = peers;
    this.#makePlace = makePlace;
  }

  /**
   * Calls the handler of a task again, with what its record holds. `on`: the peer to run it at, 0 for none. `kept`: the
   * answers that it has, by their keys in the store and what the handler calls them.
   */
  restart(
    number: number,
    methodCode: number,
    on: number,
    generation: number,
    flags: number,
    owner: string,
    payload: Payload,
    kept: readonly (readonly [key: string, name: string])[],
  ): void {
    const method = callMethodNumbered(methodCode);
    const params = payload.part(PartCode.Request, "");
    const state = payload.part(PartCode.State, "");
    const sdkId = this.#registry.sdkId(number);
    const message: Message = {
      jsonrpc: "2.0",
      id: sdkId,
      method: method.name,
      params: {
        ...(params as Record<string, unknown>),
        ...(kept.length > 0 && { inputResponses: renamed(payload, PartCode.Answer, kept) }),
        ...(state !== undefined && { requestState: state }),
      },
    };
    try {
      const revision = revisionNumbered(generation);
      const place = this.#peers.placeOf(on) ?? this.#makePlace?.(revision.version);
      if (place === undefined) return this.#port.give(core.unstarted, number);
      const { caller, extra, connected } = place;
      const call = new Call(number, caller, on, method, revision, flags, message, extra, sdkId);
      call.owner = owner;
      if (payload.has(PartCode.Step)) call.stored = payload;
      this.#registry.calls.set(number, call);
      if (connected === undefined) return caller.forward(call);
      call.hasOwnServer = true;
      connected.then(
        () => {
          if (this.#registry.calls.get(number) === call) caller.forward(call);
        },
        (error: unknown) => this.#unstarted(number, error),
      );
    } catch (error) {
      this.#unstarted(number, error);
    }
  }

  /** A task could not run again here; its lease ends, and whoever meets it then tries again. */
  #unstarted(number: number, cause: unknown): void {
    this.#registry.calls.delete(number);
    this.#port.report(
      new TaskError("internal", "A task could not be run again; it is tried again when its lease is over.", { cause }),
    );
    this.#port.enter(core.unstarted, number);
  }
}
