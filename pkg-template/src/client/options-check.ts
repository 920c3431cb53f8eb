import { LONGEST_TIMER } from "../clock.ts";
import { isObject, isWhole } from "../json.ts";
import { FUNCTION, type Kind, type Kinds, WHETHER, checkKinds } from "../options-check.ts";
import type { TaskCallOptions, TaskClientOptions } from "../types.ts";

const oneOf = (...choices: readonly string[]): Kind => [
  (value: string) => choices.includes(value),
  `one of "${choices.join('", "')}"`,
];
const TIME: Kind = [
  (value: unknown) => isWhole(value, 1, LONGEST_TIMER),
  "a positive whole number of milliseconds, below 2^31",
];

/** What a call may say otherwise than its client. */
const OF_A_CALL = {
  preference: oneOf("forbid", "allow", "prefer", "require"),
  ttl: [(value: unknown) => isWhole(value, 0), "a whole number of milliseconds"],
  onAbort: oneOf("cancel", "detach"),
} as const satisfies Partial<Kinds<TaskClientOptions>>;

const OPTIONS: Kinds<TaskClientOptions> = {
  ...OF_A_CALL,
  callTimeout: oneOf("whole-call", "until-task"),
  poll: [isObject, "an object of poll intervals"],
  maxAge: TIME,
  requestTimeout: TIME,
  listen: WHETHER,
  journal: [isObject, "a journal, such as `taskJournal({ store })`"],
  ontask: FUNCTION,
  onerror: FUNCTION,
};
const POLL: Kinds<NonNullable<TaskClientOptions["poll"]>> = { min: TIME, max: TIME, initial: TIME };

/** Throws {@link TaskError} `invalid_argument` naming the option that is wrong, or that there is not. */
export function checkOptions(taker: string, options: TaskClientOptions): void {
  checkKinds(taker, options, OPTIONS);
  checkKinds(taker, options.poll ?? {}, POLL, "poll.");
}

/** The same for a call; what else it has is the SDK's. */
export function checkCallOptions(taker: string, { preference, ttl, onAbort }: TaskCallOptions): void {
  checkKinds(taker, { preference, ttl, onAbort }, OF_A_CALL);
}
