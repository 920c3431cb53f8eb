// What everything that takes options refuses.
import { TaskError } from "./errors.ts";

/** Whether a value is what an option takes, and what that is. */
export type Kind = readonly [(value: never) => boolean, string];
/** A kind for every option there is. */
export type Kinds<Options> = { readonly [Name in keyof Options]-?: Kind };

export const WHETHER: Kind = [(value: unknown) => typeof value === "boolean", "true or false"];
export const FUNCTION: Kind = [(value: unknown) => typeof value === "function", "a function"];
export const ANY: Kind = [() => true, ""];

/** Throws {@link TaskError} `invalid_argument` naming an option that is not what it must be. */
export function check(taker: string, holds: boolean, name: string, expected: string): void {
  if (!holds) throw new TaskError("invalid_argument", `${taker} option \`${name}\` must be ${expected}.`);
}

/**
 * Refuses what is no object, and a name that there is not: a mistyped one would leave what it was to change as it is,
 * and say nothing. Throws {@link TaskError} `invalid_argument` naming it.
 *
 * @param taker - what takes the options, as its users call it
 * @param names - an object with every name there is
 * @param where - the path of `given` in the options, with its last dot
 */
export function checkNames<Options extends object>(
  taker: string,
  given: Options,
  names: { readonly [Name in keyof Options]-?: unknown },
  where = "",
): void {
  if (Object(given) !== given) throw new TaskError("invalid_argument", `${taker} takes an object of options.`);
  const strange = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (strange !== undefined) throw new TaskError("invalid_argument", `${taker} has no option \`${where}${strange}\`.`);
}

/** The same for names, and for values, of which `undefined` is always right. */
export function checkKinds<Options extends object>(
  taker: string,
  given: Options,
  kinds: Kinds<Options>,
  where = "",
): void {
  checkNames(taker, given, kinds, where);
  for (const [name, [holds, expected]] of Object.entries<Kind>(kinds)) {
    const value = given[name as keyof Options];
    check(taker, value === undefined || holds(value as never), where + name, expected);
  }
}
