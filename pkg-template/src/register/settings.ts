import { TaskError } from "../errors.ts";
import type { Promotion, TaskClientOptions, TaskPolicy, TaskPreference } from "../types.ts";

/** What the environment says of one process: how its servers and its clients run tasks. */
export interface Settings {
  readonly servers: boolean;
  readonly clients: boolean;
  readonly defaults: TaskPolicy;
  readonly tools: Readonly<Record<string, TaskPolicy>>;
  readonly prompts: Readonly<Record<string, TaskPolicy>>;
  readonly resources: Readonly<Record<string, TaskPolicy>>;
  /** `memory`, `sqlite:PATH`, or the address of a PostgreSQL or Redis server. */
  readonly store: string;
  readonly client: TaskClientOptions;
}

const PREFIX = "MCP_LONGHAUL_";
/** `auto`: a call that takes longer than a second. */
const AUTO = 1000;

const SIDES = ["both", "server", "client"] as const;
const LOSSES = ["fail", "restart"] as const;
const PREFERENCES: readonly TaskPreference[] = ["prefer", "allow", "forbid", "require"];
const TIMEOUTS = ["until-task", "whole-call"] as const;
const PROMOTIONS = "auto, always, never, handler, or a whole number of milliseconds";
const STORES = /^(?:memory|sqlite:.+|postgres(?:ql)?:\/\/.+|rediss?:\/\/.+)$/;

const NAMES = [
  "SIDE",
  "TASK",
  "TOOLS",
  "PROMPTS",
  "RESOURCES",
  "TTL",
  "POLL_INTERVAL",
  "ON_LOST",
  "STORE",
  "PREFERENCE",
  "CALL_TIMEOUT",
];

/**
 * Reads `MCP_LONGHAUL_…`; an empty value counts as none.
 *
 * Throws {@link TaskError} `invalid_argument` for a value that there is not, and for a name, with what there is.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  for (const name of Object.keys(env))
    if (name.startsWith(PREFIX) && !NAMES.includes(name.slice(PREFIX.length)))
      throw new TaskError(
        "invalid_argument",
        `There is no setting ${name}; there are ${NAMES.map((known) => PREFIX + known).join(", ")}.`,
      );
  const value = (name: string): string | undefined => env[PREFIX + name] || undefined;
  const choice = <Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    return choices.find((known) => known === given) ?? wrong(name, given, choices.join(", "));
  };
  const time = (name: string): number | undefined => {
    const given = value(name);
    return given === undefined ? undefined : (milliseconds(given) ?? wrong(name, given, "milliseconds, from 1"));
  };

  const side = choice("SIDE", SIDES) ?? "both";
  const task = value("TASK") ?? "auto";
  const ttl = value("TTL") === "none" ? null : time("TTL");
  const store = value("STORE") ?? "memory";
  if (!STORES.test(store)) wrong("STORE", store, "memory, sqlite:PATH, postgres://… or redis://…");
  return {
    servers: side !== "client",
    clients: side !== "server",
    defaults: {
      task: promotion(task) ?? wrong("TASK", task, PROMOTIONS),
      ttl,
      pollInterval: time("POLL_INTERVAL"),
      onLost: choice("ON_LOST", LOSSES),
    },
    tools: policiesOf("TOOLS", "TOOL", value("TOOLS")),
    prompts: policiesOf("PROMPTS", "PROMPT", value("PROMPTS")),
    resources: policiesOf("RESOURCES", "URI", value("RESOURCES")),
    store,
    client: {
      preference: choice("PREFERENCE", PREFERENCES),
      callTimeout: choice("CALL_TIMEOUT", TIMEOUTS) ?? "until-task",
    },
  };
}

/** `render=always,count=500` */
function policiesOf(name: string, what: string, list: string | undefined): Record<string, TaskPolicy> {
  const policies: Record<string, TaskPolicy> = {};
  for (const item of (list ?? "").split(",").filter((part) => part.trim() !== "")) {
    const at = item.lastIndexOf("=");
    const task = promotion(item.slice(at + 1).trim());
    if (at <= 0 || task === undefined)
      return wrong(name, list ?? "", `${what}=WHEN,${what}=WHEN,…, where WHEN is ${PROMOTIONS}`);
    Object.defineProperty(policies, item.slice(0, at).trim(), { value: { task }, enumerable: true });
  }
  return policies;
}

function promotion(text: string): Promotion | undefined {
  if (text === "always" || text === "never" || text === "handler") return text;
  const after = text === "auto" ? AUTO : milliseconds(text);
  return after === undefined ? undefined : { after };
}

function milliseconds(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

function wrong(name: string, value: string, expected: string): never {
  throw new TaskError("invalid_argument", `${PREFIX}${name}=${value} is not known: set it to ${expected}.`);
}
