import type { Extra } from "../tap.ts";
import { Numbers } from "../numbers.ts";
import type { Caller } from "./pending-call.ts";
import { getOrMake } from "./facts.ts";
import type { Port } from "./port.ts";
import * as core from "../wasm/generated/server.js";

/** Where a task can run again: on a connection, or on a server without a client, once it is connected. */
export interface Place {
  readonly caller: Caller;
  readonly extra?: Extra;
  readonly connected?: Promise<void>;
}

/** A connection with one owner. */
interface Peer {
  readonly owner: string | undefined;
  readonly singleStream: boolean;
  /** Where its last request came, and what came with it: a task of its owner's can run again there. */
  last?: Place;
}

/** The peers of a server, by the numbers under which the core knows them. */
export class Peers {
  readonly #port: Port;
  readonly #all = new Map<number, Peer>();
  readonly #numbers = new Numbers((peer) => this.#all.has(peer));

  constructor(port: Port) {
    this.#port = port;
  }

  open(owner: string | undefined, singleStream: boolean): number {
    const peer = this.#numbers.next();
    core.open(this.#port.receiver, peer, owner, singleStream);
    this.#all.set(peer, { owner, singleStream });
    return peer;
  }

  /** A request came on an open connection. */
  heard(peer: number, caller: Caller, extra: Extra): void {
    const known = this.#all.get(peer);
    if (known !== undefined) known.last = { caller, extra };
  }

  has(peer: number): boolean {
    return this.#all.has(peer);
  }

  ownerOf(peer: number): string | undefined {
    return this.#all.get(peer)?.owner;
  }

  /** Where the last request of a peer came. */
  placeOf(peer: number): Place | undefined {
    return this.#all.get(peer)?.last;
  }

  /** A connection has closed whose peer a running task still needs. */
  gone(peer: number): void {
    this.#port.enterReporting(core.gone, peer);
  }

  close(peer: number): void {
    this.#all.delete(peer);
    this.#port.enterReporting(core.close, peer);
  }

  /** The core was started anew: it is told of all that are open. */
  openAgain(): void {
    for (const [peer, { owner, singleStream }] of this.#all) core.open(this.#port.receiver, peer, owner, singleStream);
  }
}

/** The peers of one connection, by owner; nearly always one. */
export class ConnectionPeers {
  readonly #peers: Peers;
  readonly #byOwner = new Map<string | undefined, number>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  /** Whether nothing on the connection belongs to another than this owner. */
  isSole(owner: string | undefined): boolean {
    return [...this.#byOwner.keys()].every((known) => known === owner);
  }

  /** The number of an owner's peer, if it has one. */
  of(owner: string | undefined): number | undefined {
    return this.#byOwner.get(owner);
  }

  /** A request of an owner's came: the number of its peer, which is opened if there is none. */
  heard(owner: string | undefined, caller: Caller, extra: Extra): number {
    const peer = getOrMake(this.#byOwner, owner, () => this.#peers.open(owner, caller.link.isSingleStream));
    this.#peers.heard(peer, caller, extra);
    return peer;
  }

  /** The connection has closed, and running tasks still need its peers. */
  gone(): void {
    for (const peer of this.#byOwner.values()) this.#peers.gone(peer);
  }

  close(): void {
    const peers = [...this.#byOwner.values()];
    this.#byOwner.clear();
    for (const peer of peers) this.#peers.close(peer);
  }
}
