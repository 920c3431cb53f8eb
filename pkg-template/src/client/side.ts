import type { Listener } from "../tap.ts";
import type { CallMethods } from "../wire/methods.ts";
import type { TaskReference } from "../types.ts";
import type { Connection } from "./connection.ts";

/** Methods, and the members of the SDK's objects that call them. */
export type Members = Readonly<Record<string, string>>;

/** The side of a connection that a requestor is on: what differs between a client's and a server's. */
export interface Side {
  /** What takes options and targets, in errors, and which targets. */
  readonly taker: string;
  readonly targets: string;
  readonly members: Members;
  /** The methods that the other side may run as tasks. */
  readonly methods: CallMethods;
  /** Listens on a transport of this side, where a connection does not hear enough. `above`: the caller, where known. */
  listen?(connection: Connection, transport: object, above: object | undefined): Listener;
  /** The `params` of a call that is not made, because it resumes a task. */
  resumed(reference: TaskReference): object;
}
