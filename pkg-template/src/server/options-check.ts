import { REVISIONS, revisionOf } from "../wire/revisions.ts";
import { LONGEST_TIMER } from "../clock.ts";
import type { TaskLimits, TaskServerOptions, TaskTool, TaskTools } from "../types.ts";
import { isObject, isWhole } from "../json.ts";
import { ANY, FUNCTION, type Kind, type Kinds, WHETHER, checkKinds } from "../options-check.ts";
import { COUNT, LARGEST, MILLISECONDS, TAKER, check } from "./policy.ts";
import { checkRates } from "./rates.ts";

const LONGEST_LEASE = 86_400_000;
const methods = (value: unknown, ...names: readonly string[]): boolean =>
  Object(value) === value && names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");

const POLICY: Kind = [isObject, 'a policy, such as { task: "always" }'];

/** Every option there is. `undefined` is always right; what is in policies and limits is looked at apart. */
const OPTIONS: Kinds<TaskServerOptions> = {
  store: [(value) => methods(value, "get", "put", "delete", "list", "due"), "a store, such as `memoryStore()`"],
  payloads: [(value) => methods(value, "seal", "open"), "an object with the functions `seal` and `open`"],
  tools: [isObject, "an object with a policy for each name of a tool"],
  prompts: [isObject, "an object with a policy for each name of a prompt"],
  resources: [isObject, "an object with a policy for each URI or template of a resource"],
  sampling: POLICY,
  elicitation: POLICY,
  defaults: POLICY,
  task: ANY,
  taskTools: [isObject, "an object that names the tools for clients without tasks"],
  owner: FUNCTION,
  limits: [isObject, "an object of limits"],
  creationWindow: [(value) => isWhole(value, 1), MILLISECONDS],
  list: WHETHER,
  generations: [
    (value: unknown) =>
      Array.isArray(value) && value.length > 0 && value.every((version) => revisionOf(version) !== undefined),
    `a list of ${REVISIONS.map(({ version }) => `"${version}"`).join(" and ")}`,
  ],
  statusNotifications: WHETHER,
  crossGeneration: WHETHER,
  fillTaskName: WHETHER,
  cursorKey: [(value: unknown) => value instanceof Uint8Array && value.length === 16, "16 bytes"],
  lease: [
    (value) => isWhole(value, 1000, LONGEST_LEASE),
    "a whole number of milliseconds, at least 1000 and at most a day",
  ],
  storeTimeout: [
    (value: unknown) => value === null || isWhole(value as number, 100, LARGEST),
    "a whole number of milliseconds, at least 100, or null",
  ],
  clockSkew: [(value) => isWhole(value, 0), "a whole number of milliseconds from 0 up"],
  server: [(value: unknown) => typeof value === "function", "a function that makes a server"],
  idPrefix: [
    (value: unknown) => typeof value === "string" && /^[\w-]{0,100}$/.test(value),
    "at most 100 characters of `A-Z a-z 0-9 _ -`",
  ],
  onerror: FUNCTION,
  onevent: FUNCTION,
  onsettled: FUNCTION,
  traceparent: FUNCTION,
};

const TOOL: Kind = [isObject, "an object with a name and a description"];
const TASK_TOOLS: Kinds<TaskTools> = {
  wait: [(value) => isWhole(value, 0, LONGEST_TIMER), `${MILLISECONDS}, or 0`],
  status: TOOL,
  answer: TOOL,
  cancel: TOOL,
};
const TEXT: Kind = [(value: unknown) => typeof value === "string", "a text"];
const TOOL_TEXTS: Kinds<TaskTool> = { name: TEXT, description: TEXT };

const NUMBER: Kind = [(value) => isWhole(value, 1, LARGEST), COUNT];
const LIMITS: Kinds<TaskLimits> = {
  runningPerOwner: NUMBER,
  running: NUMBER,
  resultBytes: NUMBER,
  outstandingInputs: NUMBER,
  inputsPerTask: NUMBER,
  storedPerOwner: NUMBER,
  storedBytesPerOwner: NUMBER,
  pageSize: NUMBER,
  rate: ANY,
};

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong, or that there is not. */
export function checkOptions(options: TaskServerOptions): void {
  checkKinds(TAKER, options, OPTIONS);
  const { limits = {}, store, taskTools = {} } = options;
  const { wait: _, ...tools } = taskTools;
  checkKinds(TAKER, taskTools, TASK_TOOLS, "taskTools.");
  for (const [name, tool] of Object.entries(tools)) checkKinds(TAKER, tool ?? {}, TOOL_TEXTS, `taskTools.${name}.`);
  checkKinds(TAKER, limits, LIMITS, "limits.");
  const { rate = {} } = limits;
  checkRates(rate);
  const quota = limits.storedPerOwner ?? limits.storedBytesPerOwner;
  check(
    quota === undefined || store === undefined || store.usage !== undefined,
    "store",
    "one with `usage`, where the store of an owner is limited",
  );
}
