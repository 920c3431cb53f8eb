import { REVISIONS, revisionOf } from "../wire/revisions.ts";
import { LONGEST_TIMER } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { TaskLimits, TaskServerOptions, TaskTools } from "../types.ts";
import { isObject, isWhole } from "../json.ts";
import { COUNT, LARGEST, MILLISECONDS, check, checkNames } from "./policy.ts";
import { checkRates } from "./rates.ts";

/** Whether a value is what an option takes, and what that is. */
type Kind = readonly [(value: never) => boolean, string];

const LONGEST_LEASE = 86_400_000;
const WHETHER: Kind = [(value: unknown) => typeof value === "boolean", "true or false"];
const FUNCTION: Kind = [(value: unknown) => typeof value === "function", "a function"];
const ANY: Kind = [() => true, ""];
const methods = (value: unknown, ...names: readonly string[]): boolean =>
  Object(value) === value && names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");

/** Every option there is. `undefined` is always right; what is in policies and limits is looked at apart. */
const OPTIONS: { readonly [Name in keyof TaskServerOptions]-?: Kind } = {
  store: [(value) => methods(value, "get", "put", "delete", "list", "due"), "a store, such as `memoryStore()`"],
  payloads: [(value) => methods(value, "seal", "open"), "an object with the functions `seal` and `open`"],
  tools: [isObject, "an object with a policy for each name of a tool"],
  defaults: [isObject, 'a policy, such as { task: "always" }'],
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
  traceparent: FUNCTION,
};

const TASK_TOOLS: { readonly [Name in keyof TaskTools]-?: true } = {
  wait: true,
  status: true,
  answer: true,
  cancel: true,
};

const LIMITS: { readonly [Name in keyof TaskLimits]-?: true } = {
  runningPerOwner: true,
  running: true,
  resultBytes: true,
  outstandingInputs: true,
  inputsPerTask: true,
  storedPerOwner: true,
  storedBytesPerOwner: true,
  pageSize: true,
  rate: true,
};

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong, or that there is not. */
export function checkOptions(options: TaskServerOptions): void {
  if (Object(options) !== options) throw new TaskError("invalid_argument", "TaskServer takes an object of options.");
  checkNames(options, OPTIONS, "");
  for (const [name, [holds, expected]] of Object.entries(OPTIONS)) {
    const value = options[name as keyof TaskServerOptions];
    check(value === undefined || holds(value as never), name, expected);
  }
  const { limits = {}, store } = options;
  checkNames(limits, LIMITS, "limits.");
  checkTaskTools(options.taskTools ?? {});
  const { rate = {}, ...numbers } = limits;
  checkRates(rate);
  for (const [name, value] of Object.entries(numbers))
    check(value === undefined || isWhole(value, 1, LARGEST), `limits.${name}`, COUNT);
  const quota = numbers.storedPerOwner ?? numbers.storedBytesPerOwner;
  check(
    quota === undefined || store === undefined || store.usage !== undefined,
    "store",
    "one with `usage`, where the store of an owner is limited",
  );
}

function checkTaskTools({ wait, ...tools }: TaskTools): void {
  checkNames(tools, TASK_TOOLS, "taskTools.");
  check(wait === undefined || isWhole(wait, 0, LONGEST_TIMER), "taskTools.wait", `${MILLISECONDS}, or 0`);
  for (const [kind, tool] of Object.entries(tools)) {
    check(tool === undefined || isObject(tool), `taskTools.${kind}`, "an object with a name and a description");
    for (const [name, text] of Object.entries(tool ?? {})) {
      checkNames({ [name]: text }, { name: true, description: true }, `taskTools.${kind}.`);
      check(text === undefined || typeof text === "string", `taskTools.${kind}.${name}`, "a text");
    }
  }
}
