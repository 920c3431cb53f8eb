import type { Events } from "./events.ts";
import type { Hooks } from "./hooks.ts";
import type { Input } from "./input.ts";
import type { Owners } from "./owner.ts";
import type { Peers } from "./peers.ts";
import type { Port } from "./port.ts";
import type { Progress } from "./progress.ts";
import type { Registry } from "./registry.ts";
import type { Replies } from "./replies.ts";
import type { KnownPolicies } from "./known-policies.ts";
import type { Settings } from "./options-defaults.ts";

/** What the connections of one server share. */
export interface Shared {
  readonly settings: Settings;
  readonly hooks: Hooks;
  readonly owners: Owners;
  readonly port: Port;
  readonly registry: Registry;
  readonly peers: Peers;
  readonly policies: KnownPolicies;
  readonly input: Input;
  readonly progress: Progress;
  readonly events: Events;
  readonly replies: Replies;
  /** The tools that low-level servers have listed. */
  readonly listedTools: Set<string>;
}
