// The payload of a record: JSON text whose top-level members are the parts that the core names by number.
import { PartCode } from "../core/codes.ts";
import { define, isObject, toJson } from "../json.ts";
import { DEEPEST, isDeeperThan } from "./bounds.ts";

/** What the member of a payload that holds a part is called, or begins with. Stored, so they stay. */
const MEMBERS: Readonly<Record<PartCode, string>> = {
  [PartCode.Request]: "request",
  [PartCode.Result]: "result",
  [PartCode.Error]: "error",
  [PartCode.State]: "state",
  [PartCode.Input]: "in:",
  [PartCode.Answer]: "an:",
  [PartCode.Step]: "st:",
};

/** The member of a payload that holds a part. */
export function member(part: PartCode, key: string): string {
  return MEMBERS[part] + key;
}

/** A payload being written: what is removed from the one that was read, and what is set, as JSON text. */
export interface PayloadEdit {
  readonly remove: string[];
  readonly set: [string, string][];
}

/** No shorter text nests deeper. */
const SHALLOW = 2 * DEEPEST;

/** The value's JSON text; `undefined` where it has none, or nests too deep to be stored (X-LIM-04). */
export function storableText(value: unknown): string | undefined {
  const text = toJson(value);
  return text !== undefined && text.length > SHALLOW && isDeeperThan(value, DEEPEST) ? undefined : text;
}

/** The payload after an edit; `null` for none. */
export function compose(read: string | null, edit: PayloadEdit): string | null {
  const members = read === null ? edit.set : edited(read, edit);
  if (members.length === 0) return null;
  // Joined at once: a concatenation would keep its pieces alive for as long as the task is stored.
  const pieces = ["{"];
  for (const [name, text] of members) pieces.push(pieces.length === 1 ? "" : ",", JSON.stringify(name), ":", text);
  pieces.push("}");
  return pieces.join("");
}

/** The members of the payload that was read, after an edit. */
function edited(read: string, edit: PayloadEdit): [name: string, text: string][] {
  const members = new Map<string, string>();
  for (const [name, value] of Object.entries(JSON.parse(read) as Record<string, unknown>))
    members.set(name, JSON.stringify(value));
  for (const name of edit.remove) members.delete(name);
  for (const [name, text] of edit.set) members.set(name, text);
  return [...members];
}

/** A stored payload, parsed once. */
export class Payload {
  text: string | null;
  #parsed: Record<string, unknown> | undefined;

  constructor(text: string | null) {
    this.text = text;
  }

  /** Whether the text can be read at all: a store may be damaged, or sealed by a server that knows how. */
  isWhole(): boolean {
    try {
      return this.text === null || isObject(this.#read(this.text));
    } catch {
      return false;
    }
  }

  /** Whether any part of this kind is in it. */
  has(part: PartCode): boolean {
    return this.text !== null && Object.keys(this.#read(this.text)).some((name) => name.startsWith(MEMBERS[part]));
  }

  part(part: PartCode, key = ""): unknown {
    return this.text === null ? undefined : this.#read(this.text)[member(part, key)];
  }

  #read(text: string): Record<string, unknown> {
    return (this.#parsed ??= JSON.parse(text) as Record<string, unknown>);
  }
}

/** The values under the keys, with their names. */
export function renamed(
  payload: Payload,
  part: PartCode,
  keys: readonly (readonly [key: string, name: string])[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, name] of keys) define(values, name, payload.part(part, key));
  return values;
}
