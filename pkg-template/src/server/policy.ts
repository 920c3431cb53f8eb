import { isObject, isWhole, own } from "../json.ts";
import { check as checkOption, checkNames } from "../options-check.ts";
import type { Promotion, TaskPolicy, TaskServerOptions } from "../types.ts";

/** What takes the options, in errors. */
export const TAKER = "TaskServer";
const HOUR = 3_600_000;
/** What the core keeps in 32 bits. */
export const LARGEST = 0xffffffff;
export const COUNT = "a positive whole number";
export const MILLISECONDS: string = `${COUNT} of milliseconds`;

const NAMES: { readonly [Name in keyof TaskPolicy]-?: true } = {
  task: true,
  support: true,
  ttl: true,
  maxTtl: true,
  onExpiry: true,
  pollInterval: true,
  cooperative: true,
  onLost: true,
  restarts: true,
  immediateResponse: true,
  withoutTasks: true,
};

const AFTER = { after: true };

/** A policy with nothing left out. */
export interface FullPolicy {
  readonly task: Promotion;
  readonly support: "forbidden" | "optional" | "required";
  readonly ttl: number | null;
  readonly maxTtl: number;
  readonly onExpiry: "expire" | "extend";
  readonly pollInterval: number;
  readonly cooperative: boolean;
  readonly onLost: "fail" | "restart";
  readonly restarts: number;
  readonly immediateResponse: string | undefined;
  /** For calls of clients without tasks; `undefined`: they wait. */
  readonly withoutTasks: FullPolicy | undefined;
}

/** The policies of a server's tools. */
export interface Policies {
  of(tool: string): FullPolicy;
  /** Whether there is a policy for this very tool. */
  names(tool: string): boolean;
  /** Whether a 2025-11-25 client may ask for a task of any tool (G25-CAP-05). */
  readonly offered: boolean;
  /** Whether clients without tasks get handles of some tools. */
  readonly offeredPlainly: boolean;
}

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
export function readPolicies(options: TaskServerOptions): Policies {
  const defaults: TaskPolicy = { ...defined({ task: options.task }), ...options.defaults };
  const named = new Map<string, FullPolicy>();
  for (const [tool, policy] of Object.entries(options.tools ?? {})) {
    check(isObject(policy), `tools.${tool}`, 'a policy, such as { task: "always" }');
    named.set(
      tool,
      completePolicy(`tools.${tool}`, { ...defaults, ...defined({ task: defaults.task ?? "always", ...policy }) }),
    );
  }
  const other = completePolicy("defaults", defaults);
  const all = [...named.values(), other];
  return {
    of: (tool) => named.get(tool) ?? other,
    names: (tool) => named.has(tool),
    offered: all.some(({ support }) => support !== "forbidden"),
    offeredPlainly: all.some(({ withoutTasks }) => withoutTasks !== undefined),
  };
}

function defined(policy: TaskPolicy): TaskPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

/** A policy with its defaults; `where` names it in errors. */
export function completePolicy(where: string, policy: TaskPolicy): FullPolicy {
  checkNames(TAKER, policy, NAMES, `${where}.`);
  const { task = "handler", cooperative = false, immediateResponse, withoutTasks = "wait" } = policy;
  const support = policy.support ?? (task === "never" || task === "handler" ? "forbidden" : "optional");
  const ttl = policy.ttl === undefined ? HOUR : policy.ttl;
  const maxTtl = policy.maxTtl ?? 24 * HOUR;
  const pollInterval = policy.pollInterval ?? 1000;
  const onExpiry = policy.onExpiry ?? "expire";
  const onLost = policy.onLost ?? "fail";
  const restarts = policy.restarts ?? 10;
  const must = (holds: boolean, name: string, expected: string): void => check(holds, `${where}.${name}`, expected);
  for (const [name, value] of Object.entries({ task, withoutTasks }))
    if (isObject(value)) checkNames(TAKER, value, AFTER, `${where}.${name}.`);
  must(
    isObject(task) ? isWhole(task.after, 0, LARGEST) : ["always", "never", "handler"].includes(task),
    "task",
    '"always", "never", "handler" or { after: milliseconds }',
  );
  must(["forbidden", "optional", "required"].includes(support), "support", '"forbidden", "optional" or "required"');
  must(task !== "never" || support !== "required", "support", 'not "required" where task is "never"');
  must(ttl === null || isWhole(ttl, 1), "ttl", `${MILLISECONDS}, or null`);
  must(isWhole(maxTtl, 1), "maxTtl", MILLISECONDS);
  must(isWhole(pollInterval, 1, LARGEST), "pollInterval", MILLISECONDS);
  must(["expire", "extend"].includes(onExpiry), "onExpiry", '"expire" or "extend"');
  must(["fail", "restart"].includes(onLost), "onLost", '"fail" or "restart"');
  must(isWhole(restarts, 1, LARGEST), "restarts", COUNT);
  must(typeof cooperative === "boolean", "cooperative", "true or false");
  must(immediateResponse === undefined || typeof immediateResponse === "string", "immediateResponse", "a text");
  must(
    withoutTasks === "wait" || (isWhole(own(withoutTasks, "after"), 0, LARGEST) && task !== "never"),
    "withoutTasks",
    '"wait" or, where `task` is not "never", { after: milliseconds }',
  );
  const full = {
    task,
    support,
    ttl,
    maxTtl,
    onExpiry,
    pollInterval,
    cooperative,
    onLost,
    restarts,
    immediateResponse,
    withoutTasks: undefined,
  };
  return withoutTasks === "wait"
    ? full
    : { ...full, withoutTasks: { ...full, task: withoutTasks, support: "optional" } };
}

/** Throws {@link TaskError} `invalid_argument` naming an option that is not what it must be. */
export function check(holds: boolean, name: string, expected: string): void {
  checkOption(TAKER, holds, name, expected);
}
