// What a store returns is looked at before the core sees it: a store may be somebody's own, and its rows may be
// damaged.
import type { DuePosition, StoredTask, TaskPosition, TaskUsage } from "../store.ts";
import { isWellFormed } from "../json.ts";

/** What is wrong with what a store returned: a reason, and where the row stands, if that is known. */
export class Fault {
  readonly reason: string;
  readonly id: string | undefined;
  /** A row without a state: the core passes over it, and goes on behind it. */
  readonly place: StoredTask | undefined;
  constructor(reason: string, id?: string, place?: StoredTask) {
    this.reason = reason;
    this.id = id;
    this.place = place;
  }
}

/** A copy of a row whose members are what they must be, or what is wrong with it. Getters run here, once. */
export function rowOf(row: unknown): StoredTask | Fault {
  try {
    const { owner, id, version, createdAt, dueAt, state, payload = null } = row as StoredTask;
    if (typeof id !== "string" || !/^[\w-]{1,128}$/.test(id)) return bad("id");
    if (!isWellFormed(owner) || owner.length > 512 || owner.includes("\0")) return bad("owner");
    if (!isTime(createdAt)) return bad("createdAt");
    if (dueAt !== null && !isTime(dueAt)) return bad("dueAt");
    const place = (): StoredTask => ({ owner, id, version: 1, createdAt, dueAt, state: "", payload: null });
    if (!Number.isInteger(version) || version < 1 || version > LAST_VERSION) return bad("version", place());
    if (typeof state !== "string" || state === "" || state.includes("\0")) return bad("state", place());
    if (payload !== null && typeof payload !== "string") return bad("payload", place());
    return { owner, id, version, createdAt, dueAt, state, payload };
  } catch {
    return new Fault("it is no object, or a member of it throws");
  }
}

/** A member is wrong. `place`: where the row stands, if that is known. */
function bad(member: string, place?: StoredTask): Fault {
  return new Fault(`\`${member}\` is not what it must be`, place?.id, place);
}

/** A page of rows. */
export interface Page {
  readonly rows: readonly StoredTask[];
  readonly faults: readonly Fault[];
  /** The store has returned as many as were asked for: there may be more. */
  readonly full: boolean;
}

/**
 * The good rows of a page of `owner`'s, or of what is due. `follows`: whether a row comes after where the page begins.
 */
export function pageOf(
  returned: unknown,
  limit: number,
  owner: string | undefined,
  follows: (row: StoredTask) => boolean,
): Page {
  if (!Array.isArray(returned)) throw new TypeError("The store did not return an array.");
  const rows: StoredTask[] = [];
  const faults: Fault[] = [];
  if (returned.length > limit) faults.push(new Fault("more than were asked for"));
  for (let n = 0; n < Math.min(returned.length, limit); n += 1) {
    const found = rowOf(returned[n]);
    if (found instanceof Fault) faults.push(found);
    const row = found instanceof Fault ? found.place : found;
    if (row === undefined) continue;
    if (owner !== undefined && row.owner !== owner) faults.push(new Fault("it is another owner's"));
    else if (!follows(row)) faults.push(new Fault("it is not where it was asked for", row.id));
    else rows.push(row);
  }
  return { rows, faults, full: returned.length >= limit };
}

export function isAfter(row: StoredTask, after: TaskPosition | undefined): boolean {
  return (
    after === undefined || row.createdAt > after.createdAt || (row.createdAt === after.createdAt && row.id > after.id)
  );
}

/** The order between owners is the store's own. */
export function isDueAfter(row: StoredTask, after: DuePosition | undefined): boolean {
  return row.dueAt !== null && (after === undefined || row.dueAt >= after.dueAt);
}

/** Numbers from 0 up, whatever the store says. */
export function usageOf(usage: TaskUsage): TaskUsage {
  const { tasks, bytes } = usage;
  if (!(tasks >= 0 && bytes >= 0)) throw new TypeError("`usage` did not return numbers.");
  return { tasks: Number(tasks), bytes: Number(bytes) };
}

function isTime(time: unknown): boolean {
  return Number.isInteger(time) && Math.abs(time as number) <= LAST_TIME;
}

/** The core counts in 32 bits. */
const LAST_VERSION = 2 ** 32 - 2;
/** The last moment that JavaScript can write as a date. */
const LAST_TIME = 8.64e15;
