/**
 * Puts the objects together that the core writes field by field; twin of `Assembler` in `src/bindings/writer.rs`.
 * Names arrive as numbers of the core's table, payloads as holes that `fill` fills.
 */
export class Assembler {
  readonly #names: readonly string[];
  #stack: Record<string, unknown>[] = [];
  #top: Record<string, unknown> = {};
  #fill: (kind: number, key: string) => unknown = () => undefined;
  #lastInstant = Number.NaN;
  #lastText = "";

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Starts an object; its holes are filled by `fill`. */
  begin(fill: (kind: number, key: string) => unknown): void {
    this.#stack = [];
    this.#top = {};
    this.#fill = fill;
  }

  /** The object that was put together. */
  take(): Record<string, unknown> {
    const whole = this.#top;
    this.#top = {};
    return whole;
  }

  open(name: number): void {
    this.#push(name, {});
  }
  openList(name: number): void {
    this.#push(name, [] as unknown as Record<string, unknown>);
  }
  close(): void {
    this.#top = this.#stack.pop() ?? this.#top;
  }
  text(name: number, value: string): void {
    this.#set(name, value);
  }
  word(name: number, value: number): void {
    this.#set(name, this.#names[value]);
  }
  number(name: number, value: number): void {
    this.#set(name, value);
  }
  null(name: number): void {
    this.#set(name, null);
  }
  instant(name: number, at: number): void {
    if (at !== this.#lastInstant) {
      this.#lastText = new Date(at).toISOString();
      this.#lastInstant = at;
    }
    this.#set(name, this.#lastText);
  }
  part(name: number, kind: number, key: string): void {
    const value = this.#fill(kind, key);
    // A part that is the whole answer has no name.
    if (this.#names[name] === "" && !Array.isArray(this.#top)) Object.assign(this.#top, value);
    else this.#set(name, value);
  }
  keyedPart(name: string, kind: number, key: string): void {
    define(this.#top, name, this.#fill(kind, key));
  }

  #push(name: number, value: Record<string, unknown>): void {
    this.#set(name, value);
    this.#stack.push(this.#top);
    this.#top = value;
  }
  #set(name: number, value: unknown): void {
    const top: unknown = this.#top;
    if (Array.isArray(top)) top.push(value);
    else this.#top[this.#names[name] as string] = value;
  }
}

/** Sets an own property whatever its name: `__proto__` is a key like any other (X-LIM-05). */
export function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}
