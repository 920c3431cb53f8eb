/** JSON of a peer: looked at without trusting it. */
export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own property, or one of what is in it: a name like `constructor` is a key like any other (X-LIM-05). */
export function own(object: unknown, ...path: string[]): unknown {
  let value = object;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/** The text under a path of own properties, if it is one. */
export function textOf(value: unknown, ...path: readonly string[]): string | undefined {
  const text = own(value, ...path);
  return typeof text === "string" ? text : undefined;
}

/** Whether it is a whole number in a range. */
export function isWhole(value: unknown, least: number, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** Whether it is text without a lone surrogate, which neither headers nor every store can carry (X-LIM-07). */
export function isWellFormed(text: unknown): text is string {
  return typeof text === "string" && text.isWellFormed();
}

/** The value's JSON text; `undefined` where it has none: a cycle, a BigInt, a function, too much depth (H68, H83). */
export function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Sets an own property whatever its name: `__proto__` is a key like any other (X-LIM-05). */
export function define(target: Json, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** `base` with the members of `more` put over it; where both have an object, with both objects' members. */
export function merge(base: Json, more: Json): Json {
  const whole: Json = { ...base };
  for (const [name, value] of Object.entries(more)) {
    const before = own(whole, name);
    define(whole, name, isObject(before) && isObject(value) ? merge(before, value) : value);
  }
  return whole;
}
