import type { Extra, Message, SendOptions } from "../tap.ts";
import type { Call } from "./pending-call.ts";
import type { Link } from "./link.ts";
import type { Origin } from "./streams.ts";

/** An input request whose handler waits. */
export interface PendingInput {
  readonly call: Call;
  readonly message: Message;
  /** It is the SDK's own request on this connection; otherwise it was made through the task. */
  readonly own: Link | undefined;
  readonly settle: { resolve(answer: Record<string, unknown>): void; reject(error: Error): void } | undefined;
  /** Nothing says that it belongs to the task: it does not fail with it. */
  readonly isGuess?: boolean;
  /** How the SDK would have sent it. */
  readonly options?: SendOptions;
  /** Its client has it, and answers it though the task has ended. */
  outlives?: boolean;
  response?: { message: Message; extra: Extra };
  /** What carried it to the client last: a connection, and the request on whose stream it went, if on one. */
  carrier?: { readonly link: Link; readonly on: Origin | undefined } | undefined;
  /** The connections that have carried it, and the JSON-RPC id that it has on each. */
  readonly ids: Map<Link, unknown>;
  /** Its id where connections have several streams. */
  id?: string;
  /** Where the store has it, if tasks show it. */
  key?: string;
}
