/** `true` where the compiler cannot tell two types apart. */
export type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
export function same<Is extends true>(_?: Is): void {}
