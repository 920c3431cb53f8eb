import { isObject, isWhole, own } from "../json.ts";
import { check as checkOption, checkNames } from "../options-check.ts";
import type { Promotion, TaskPolicy, TaskServerOptions } from "../types.ts";
import { type CallMethod, type CallMethods, type Side, byName } from "../wire/methods.ts";
import { ELICITATION, PROMPTS_GET, RESOURCES_READ, SAMPLING, TOOLS_CALL } from "./methods.ts";

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

/** The policies of what the peers of a side can call. */
export interface Policies {
  /** The side of a connection that runs the tasks. */
  readonly side: Side;
  /** The methods of which some calls may become tasks. */
  readonly methods: CallMethods;
  of(method: CallMethod, name: string): FullPolicy;
  /** The policy of a tool. */
  ofTool(name: string): FullPolicy;
  /** Whether there is a policy for this very tool. */
  names(tool: string): boolean;
  /** Whether a 2025-11-25 client may ask for a task of any call (G25-CAP-05), and of a call of this method. */
  readonly offered: boolean;
  offers(method: CallMethod): boolean;
  /** Whether clients without tasks get handles of some tools. */
  readonly offeredPlainly: boolean;
}

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
export function readPolicies(options: TaskServerOptions): Policies {
  const defaults: TaskPolicy = { ...defined({ task: options.task }), ...options.defaults };
  const tools = namedPolicies("tools", options.tools, defaults);
  // A client without tasks has no tools that stand for those of other calls.
  const others: TaskPolicy = { ...defaults, withoutTasks: "wait" };
  const side = sideOf(options);
  const named: ReadonlyMap<CallMethod, NamedPolicies> = new Map(
    side === "client"
      ? [
          [SAMPLING, solePolicy("sampling", options.sampling, others)],
          [ELICITATION, solePolicy("elicitation", options.elicitation, others)],
        ]
      : [
          [TOOLS_CALL, tools],
          [PROMPTS_GET, namedPolicies("prompts", options.prompts, others)],
          [RESOURCES_READ, namedPolicies("resources", options.resources, others)],
        ],
  );
  const unnamedTool = completePolicy("defaults", defaults);
  const unnamed = completePolicy("", { task: "never" });
  const allOf = (method: CallMethod): readonly FullPolicy[] => [
    ...(named.get(method)?.values() ?? []),
    ...(method === TOOLS_CALL && side === "server" ? [unnamedTool] : []),
  ];
  const methods = byName([...named.keys()].filter((method) => allOf(method).length > 0));
  const offered = new Set(
    [...named.keys()].filter((method) => allOf(method).some(({ support }) => support !== "forbidden")),
  );
  const ofTool = (name: string): FullPolicy => tools.get(name) ?? unnamedTool;
  return {
    side,
    methods,
    ofTool,
    of: (method, name) => (method === TOOLS_CALL ? ofTool(name) : (named.get(method)?.get(name) ?? unnamed)),
    names: (tool) => tools.has(tool),
    offers: (method) => offered.has(method),
    offered: offered.size > 0,
    offeredPlainly: allOf(TOOLS_CALL).some(({ withoutTasks }) => withoutTasks !== undefined),
  };
}

/** Which side runs the tasks. Throws {@link TaskError} `invalid_argument` where the options are for both. */
function sideOf(options: TaskServerOptions): Side {
  if (options.sampling === undefined && options.elicitation === undefined) return "server";
  for (const name of ["tools", "prompts", "resources", "taskTools", "server", "fillTaskName"] as const)
    check(options[name] === undefined, name, "left out: with `sampling` or `elicitation`, tasks are a client's");
  return "client";
}

type NamedPolicies = ReadonlyMap<string, FullPolicy>;

/** The policy of a method that names nothing. */
function solePolicy(option: string, policy: TaskPolicy | undefined, defaults: TaskPolicy): NamedPolicies {
  if (policy === undefined) return new Map();
  check(policy.withoutTasks === undefined, `${option}.withoutTasks`, "left out: it is for tools");
  return new Map([["", completePolicy(option, withDefaults(policy, defaults))]]);
}

function withDefaults(policy: TaskPolicy, defaults: TaskPolicy): TaskPolicy {
  return { ...defaults, ...defined({ task: defaults.task ?? "always", ...policy }) };
}

function namedPolicies(
  option: "tools" | "prompts" | "resources",
  policies: Readonly<Record<string, TaskPolicy>> = {},
  defaults: TaskPolicy,
): NamedPolicies {
  const named = new Map<string, FullPolicy>();
  for (const [name, policy] of Object.entries(policies)) {
    const where = `${option}.${name}`;
    check(isObject(policy), where, 'a policy, such as { task: "always" }');
    check(
      option === "tools" || policy.withoutTasks === undefined,
      `${where}.withoutTasks`,
      "left out: it is for tools",
    );
    named.set(name, completePolicy(where, withDefaults(policy, defaults)));
  }
  return named;
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
