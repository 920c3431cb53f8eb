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
