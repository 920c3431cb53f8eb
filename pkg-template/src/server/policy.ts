import { TaskError } from "../errors.ts";
import type { Promotion, TaskPolicy, TaskServerOptions } from "../types.ts";

const HOUR = 3_600_000;

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
}

/** The policies of a server's tools. */
export interface Policies {
  of(tool: string): FullPolicy;
  /** Whether a 2025-11-25 client may ask for a task of any tool (G25-CAP-05). */
  readonly offered: boolean;
}

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
export function readPolicies(options: TaskServerOptions): Policies {
  const defaults: TaskPolicy = { ...(options.task === undefined ? {} : { task: options.task }), ...options.defaults };
  const named = new Map<string, FullPolicy>();
  for (const [tool, policy] of Object.entries(options.tools ?? {})) {
    named.set(tool, completePolicy(`tools.${tool}`, { ...defaults, ...defined({ task: defaults.task ?? "always", ...policy }) }));
  }
  const other = completePolicy("defaults", defaults);
  return {
    of: (tool) => named.get(tool) ?? other,
    offered: [...named.values(), other].some(({ support }) => support !== "forbidden"),
  };
}

function defined(policy: TaskPolicy): TaskPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

/** A policy with its defaults; `where` names it in errors. */
export function completePolicy(where: string, policy: TaskPolicy): FullPolicy {
  const task = policy.task ?? "handler";
  if (typeof task === "object" ? !isDelay(task.after) : !["always", "never", "handler"].includes(task)) {
    throw invalid(`${where}.task`, '"always", "never", "handler" or { after: milliseconds }');
  }
  const support = policy.support ?? (task === "never" || task === "handler" ? "forbidden" : "optional");
  if (!["forbidden", "optional", "required"].includes(support)) throw invalid(`${where}.support`, '"forbidden", "optional" or "required"');
  if (task === "never" && support === "required") throw invalid(`${where}.support`, 'not "required" where task is "never"');
  const ttl = policy.ttl === undefined ? HOUR : policy.ttl;
  if (ttl !== null && !isCount(ttl)) throw invalid(`${where}.ttl`, "a positive whole number of milliseconds, or null");
  const maxTtl = policy.maxTtl ?? 24 * HOUR;
  if (!isCount(maxTtl)) throw invalid(`${where}.maxTtl`, "a positive whole number of milliseconds");
  const pollInterval = policy.pollInterval ?? 1000;
  if (!isCount(pollInterval) || pollInterval > 0xffffffff) throw invalid(`${where}.pollInterval`, "a positive whole number of milliseconds");
  const onExpiry = policy.onExpiry ?? "expire";
  if (onExpiry !== "expire" && onExpiry !== "extend") throw invalid(`${where}.onExpiry`, '"expire" or "extend"');
  const onLost = policy.onLost ?? "fail";
  if (onLost !== "fail" && onLost !== "restart") throw invalid(`${where}.onLost`, '"fail" or "restart"');
  const restarts = policy.restarts ?? 10;
  if (!isCount(restarts) || restarts > 0xffffffff) throw invalid(`${where}.restarts`, "a positive whole number");
  return { task, support, ttl, maxTtl, onExpiry, pollInterval, cooperative: policy.cooperative ?? false, onLost, restarts, immediateResponse: policy.immediateResponse };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isDelay(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 0xffffffff;
}

export function invalid(name: string, expected: string): TaskError {
  return new TaskError("invalid_argument", `TaskServer option \`${name}\` must be ${expected}.`);
}
