import { NAMES, Part } from "./codes.ts";
import { define } from "../json.ts";

const DAY = 86_400_000;
/** Two digits, by number. */
const TWO: readonly string[] = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));

/**
 * Puts the objects together that the core writes field by field; twin of `Assembler` in `src/bindings/writer.rs`.
 * Names arrive as numbers of the core's table, payloads as holes that `fill` fills.
 */
export class Assembler {
  #stack: Record<string, unknown>[] = [];
  #top: Record<string, unknown> = {};
  #fill: (kind: Part, key: string) => unknown = () => undefined;
  #id = "";
  #day = Number.NaN;
  #date = "";
  #at = Number.NaN;
  #time = "";

  /** Starts an object; its holes are filled by `fill`. `id`: the task that the request names. */
  begin(fill: (kind: Part, key: string) => unknown, id = ""): void {
    if (this.#stack.length > 0) this.#stack = [];
    this.#top = {};
    this.#fill = fill;
    this.#id = id;
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
  named(name: number): void {
    this.#set(name, this.#id);
  }
  word(name: number, value: number): void {
    this.#set(name, NAMES[value]);
  }
  number(name: number, value: number): void {
    this.#set(name, value);
  }
  null(name: number): void {
    this.#set(name, null);
  }
  instant(name: number, at: number): void {
    // A task that has not changed since it was made has one time twice.
    if (at !== this.#at) this.#time = this.#timeOf(at);
    this.#at = at;
    this.#set(name, this.#time);
  }
  /** As `toISOString`, which takes several times as long: the date is the same all day. */
  #timeOf(at: number): string {
    const day = Math.floor(at / DAY);
    if (day !== this.#day) {
      this.#date = new Date(day * DAY).toISOString().slice(0, 11);
      this.#day = day;
    }
    const time = at - day * DAY;
    const seconds = Math.floor(time / 1000);
    const minutes = Math.floor(seconds / 60);
    const clock = `${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[seconds % 60]}`;
    return `${this.#date}${clock}.${TWO[Math.floor((time % 1000) / 10)]}${time % 10}Z`;
  }
  part(name: number, kind: Part): void {
    const value = this.#fill(kind, "");
    // A part that is the whole answer has no name.
    if (NAMES[name] !== "" || Array.isArray(this.#top)) return this.#set(name, value);
    for (const [key, member] of Object.entries(value ?? {})) define(this.#top, key, member);
  }
  input(key: string): void {
    define(this.#top, key, this.#fill(Part.Input, key));
  }

  #push(name: number, value: Record<string, unknown>): void {
    this.#set(name, value);
    this.#stack.push(this.#top);
    this.#top = value;
  }
  #set(name: number, value: unknown): void {
    const top: unknown = this.#top;
    if (Array.isArray(top)) top.push(value);
    else this.#top[NAMES[name] as string] = value;
  }
}
