import type { StoredTask } from "../../store.ts";
import type { Entry } from "./keys.ts";

/** The fields of a task's hash that are read without its payload. */
export const HEAD: readonly string[] = ["version", "createdAt", "dueAt", "state"];
/** All fields of it. */
export const WHOLE: readonly string[] = [...HEAD, "payload"];

/**
 * The task whose fields these are, in the order of {@link WHOLE}. What is damaged is handed over as it is, with no
 * version, so that it can be told from what is missing.
 */
export function taskOf(
  { owner, id, ...entry }: Omit<Entry, "member">,
  fields: readonly unknown[],
): StoredTask | undefined {
  const [version, createdAt, dueAt, state, payload] = fields.map((value) => (value === null ? null : String(value)));
  if (version === null) return undefined;
  if (!isWhole(version) || !isWhole(createdAt) || state === null) {
    return {
      owner,
      id,
      version: Number.NaN,
      createdAt: entry.createdAt ?? 0,
      dueAt: entry.dueAt ?? null,
      state: state ?? "",
      payload: null,
    };
  }
  return {
    owner,
    id,
    version: Number(version),
    createdAt: Number(createdAt),
    dueAt: dueAt ? Number(dueAt) : null,
    state: state ?? "",
    payload: payload ?? null,
  };
}

function isWhole(text: string | null | undefined): boolean {
  return /^\d{1,16}$/.test(text ?? "");
}
