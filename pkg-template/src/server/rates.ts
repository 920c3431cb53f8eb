import { isObject, isWhole } from "../json.ts";
import type { TaskLimits, TaskRate, TaskRates } from "../types.ts";
import { checkNames } from "../options-check.ts";
import { COUNT, LARGEST, TAKER, check } from "./policy.ts";

/** The rates where the host says nothing. */
const RATES = {
  creates: { perSecond: 100, burst: 1000 },
  reads: { perSecond: 2000, burst: 10_000 },
  changes: { perSecond: 500, burst: 5000 },
  misses: { perSecond: 100, burst: 1000 },
} as const satisfies Record<keyof TaskRates, TaskRate>;

const HOUR = 3600;

/** The rates as options of the core: an interval in µs and a burst each, 0 for any rate. */
export function coreRates({ rate: given }: TaskLimits): Record<string, number> {
  const options: Record<string, number> = {};
  for (const act of Object.keys(RATES) as (keyof typeof RATES)[]) {
    const rate = given === false ? false : (given?.[act] ?? RATES[act]);
    options[`${act}Interval`] = rate === false ? 0 : Math.ceil(1_000_000 / rate.perSecond);
    options[`${act}Burst`] = rate === false ? 0 : rate.burst;
  }
  return options;
}

/** Throws {@link TaskError} `invalid_argument` naming the rate that is wrong. */
export function checkRates(rates: false | TaskRates): void {
  if (rates === false) return;
  check(isObject(rates), "limits.rate", "false, or an object of rates");
  checkNames(TAKER, rates, RATES, "limits.rate.");
  for (const [act, rate] of Object.entries(rates) as [string, TaskRate | false | undefined][]) {
    const where = `limits.rate.${act}`;
    if (rate === undefined || rate === false) continue;
    check(isObject(rate), where, "false, or { perSecond, burst }");
    checkNames(TAKER, rate, RATES.reads, `${where}.`);
    check(
      Number.isFinite(rate.perSecond) && rate.perSecond >= 1 / HOUR,
      `${where}.perSecond`,
      "a number from one an hour up",
    );
    check(isWhole(rate.burst, 1, LARGEST), `${where}.burst`, COUNT);
  }
}
