// Where tasks are in Redis: names of keys, members of indexes, and their order. None of it may ever change.
import type { StoredTask, TaskPosition } from "../../store.ts";
import { fnv1a } from "../hash.ts";

/** How many slots tasks are spread over, by owner. */
const SHARDS = 16;

/** Every shard, in no order that matters. */
export const shards: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

/** The shard of an owner's tasks. */
export function shardOf(owner: string): number {
  return (fnv1a(owner) >>> 16) % SHARDS;
}

/** Digits of a time in an index; enough for every time that JavaScript can write as a date. */
const DIGITS = 16;

/** A time as text that sorts as the number does. */
export function digits(time: number): string {
  return String(time).padStart(DIGITS, "0");
}

/** The names of the keys under a prefix. */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The keys that a change of a task touches: the task, its owner's list, and what is due. */
  all(owner: string, id: string): string[] {
    const shard = this.#shard(shardOf(owner));
    // The first braces name the slot; the owner, which may hold more of them, comes last, so that no two keys are one.
    return [`${shard}:task:${id}:${owner}`, `${shard}:list:${owner}`, `${shard}:due`];
  }

  task(owner: string, id: string): string {
    return `${this.#shard(shardOf(owner))}:task:${id}:${owner}`;
  }

  list(owner: string): string {
    return `${this.#shard(shardOf(owner))}:list:${owner}`;
  }

  due(shard: number): string {
    return `${this.#shard(shard)}:due`;
  }

  #shard(shard: number): string {
    return `{${this.#prefix}:${shard}}`;
  }
}

/** Which task a member of an index stands for. */
export interface Entry {
  readonly member: string;
  readonly owner: string;
  readonly id: string;
  /** What the member says of a task that is damaged. */
  readonly createdAt?: number;
  readonly dueAt?: number;
}

/** A member of an owner's list: creation time and id. */
export function listEntry(owner: string, member: string): Entry {
  return { member, owner, id: member.slice(DIGITS), createdAt: Number(member.slice(0, DIGITS)) };
}

/** The member that {@link listEntry} reads. */
export function listMember({ createdAt, id }: TaskPosition): string {
  return `${digits(createdAt)}${id}`;
}

/** A member of what is due: due time, owner, NUL and id. */
export function dueEntry(member: string): Entry {
  const end = member.lastIndexOf("\0");
  const owner = member.slice(DIGITS, end);
  return { member, owner, id: member.slice(end + 1), dueAt: Number(member.slice(0, DIGITS)) };
}

/** The member that {@link dueEntry} reads. */
export function dueMember({ dueAt, owner, id }: Pick<StoredTask, "dueAt" | "owner" | "id">): string {
  return `${digits(dueAt!)}${owner}\0${id}`;
}

/** The order of Redis, that of UTF-8: as of code units, but characters of two units come last. */
export function byBytes(a: string, b: string): number {
  const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);
  let n = 0;
  while (n < a.length && a[n] === b[n]) n += 1;
  return n < a.length && n < b.length ? rank(a.charCodeAt(n)) - rank(b.charCodeAt(n)) : a.length - b.length;
}
