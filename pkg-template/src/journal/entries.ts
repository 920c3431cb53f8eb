// Entries of a journal, as records of a store.
import { now } from "../clock.ts";
import type { TaskError } from "../errors.ts";
import { GuestRecords, type GuestRecord, type GuestState } from "../guests/records.ts";
import { isObject, type Json, own, textOf } from "../json.ts";
import type { TaskStore } from "../store.ts";
import type { JournaledQuestion, JournaledTask, TaskMethod, TaskReference, TaskStatus } from "../types.ts";
import {
  ENTRIES,
  type EntryEvent,
  type EntryState,
  QUESTIONS,
  type QuestionEvent,
  type QuestionState,
} from "./entry.ts";

/** Records of a page. */
const PAGE = 100;

/** What an entry says of itself; it is stored as it is, and members of other versions are kept. */
export interface Entry extends GuestState {
  readonly state: EntryState;
  readonly method: string;
  readonly name: string;
  readonly endpoint: string;
  readonly principal: string;
  /** The creation key of the call, where that is not the id of its entry. */
  readonly key?: string | undefined;
  readonly reference?: TaskReference | undefined;
  readonly status?: TaskStatus | undefined;
  readonly statusMessage?: string | undefined;
  /** ms since the epoch. */
  readonly endedAt?: number | undefined;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** How far each question has come, by its key. */
  readonly questions?: Readonly<Record<string, QuestionState>> | undefined;
}

/** What is sealed of an entry. */
export interface Contents {
  readonly params?: unknown;
  readonly result?: unknown;
  readonly requests?: Readonly<Record<string, unknown>>;
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly drafts?: Readonly<Record<string, unknown>>;
}

/** An entry as it was read. */
export interface ReadEntry {
  readonly id: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly entry: Entry;
  readonly contents: Contents;
}

export interface EntriesOptions {
  readonly name: string;
  readonly storeTimeout: number | null;
  readonly onerror: (error: TaskError) => void;
}

/** The entries of one journal. Rejects with what {@link GuestRecords} rejects with. */
export class Entries {
  readonly records: GuestRecords;
  readonly #onerror: (error: TaskError) => void;

  constructor(store: TaskStore, { name, storeTimeout, onerror }: EntriesOptions) {
    // Times of an entry are for people: what is deleted a while earlier by another clock was over.
    this.records = new GuestRecords(store, "journal", { name, storeTimeout, clockSkew: 0, onerror });
    this.#onerror = onerror;
  }

  /** Writes a call ahead. Where its entry is there already, that stays. */
  async begin(id: string, entry: Omit<Entry, "until">, contents: Contents): Promise<void> {
    await this.records.change("", id, (record) =>
      record === undefined ? { state: { until: null, ...entry }, payload: contents } : undefined,
    );
  }

  async read(id: string): Promise<ReadEntry | undefined> {
    const record = await this.records.read("", id);
    return record === undefined ? undefined : readEntry(record);
  }

  /** All entries, the oldest first. What cannot be read is reported, and passed over. */
  async all(): Promise<ReadEntry[]> {
    const entries: ReadEntry[] = [];
    let after: { createdAt: number; id: string } | undefined;
    for (;;) {
      const page = await this.records.list("", after, PAGE);
      for (const record of page) {
        if (record.state.until !== null && record.state.until <= now()) continue;
        entries.push(readEntry(record));
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return entries;
      after = { createdAt: last.createdAt, id: last.id };
    }
  }

  /** Something happens to an entry; `more` is written with it. Whether it changed anything. */
  async happened(id: string, event: EntryEvent, more: Partial<Entry> = {}, contents: Contents = {}): Promise<boolean> {
    const written = await this.records.change("", id, (record) => {
      if (record === undefined) return undefined;
      const { entry, contents: before } = readEntry(record);
      const next = ENTRIES[entry.state][event];
      if (next === undefined) return undefined;
      if (next === "gone") return { state: { ...record.state, until: now() } };
      return { state: { ...record.state, ...more, state: next }, payload: { ...before, ...contents } };
    });
    return written !== undefined;
  }

  /** What the follower of an open task sees of it. */
  async show(id: string, status: TaskStatus, statusMessage: string | undefined): Promise<void> {
    await this.records.change("", id, (record) => {
      const entry = record && readEntry(record).entry;
      if (entry?.state !== "open" || (entry.status === status && entry.statusMessage === statusMessage))
        return undefined;
      return { state: { ...entry, status, statusMessage } };
    });
  }

  /** Something happens to a question; `edit` says what becomes of the contents. Whether it changed anything. */
  async asked(id: string, key: string, event: QuestionEvent, edit: (contents: Contents) => Contents): Promise<boolean> {
    const written = await this.records.change("", id, (record) => {
      if (record === undefined) return undefined;
      const { entry, contents } = readEntry(record);
      const questions = new Map(Object.entries(entry.questions ?? {}));
      const next = QUESTIONS[questions.get(key) ?? "unheard"][event];
      if (next === undefined) return undefined;
      questions.set(key, next);
      return { state: { ...record.state, questions: Object.fromEntries(questions) }, payload: edit(contents) };
    });
    return written !== undefined;
  }

  /** Runs what nobody waits for; a failure is reported. */
  later(run: Promise<unknown>): void {
    run.catch(this.#onerror);
  }
}

function readEntry({ id, createdAt, state, payload }: GuestRecord): ReadEntry {
  const known = textOf(state, "state") ?? "";
  return {
    id,
    createdAt,
    entry: { ...state, state: Object.hasOwn(ENTRIES, known) ? (known as EntryState) : "unknown" } as Entry,
    contents: isObject(payload) ? payload : {},
  };
}

/** An entry as hosts see it. */
export function journaledTask({ id, createdAt, entry, contents }: ReadEntry): JournaledTask {
  const { state, method, name, endpoint, principal, reference, status, statusMessage, endedAt, error } = entry;
  const params: unknown = contents.params;
  return {
    entry: id,
    state,
    method: method as TaskMethod,
    name,
    params: isObject(params) ? params : {},
    endpoint,
    principal,
    createdAt,
    reference,
    status,
    statusMessage,
    questions: Object.entries(entry.questions ?? {}).map(([key, stands]) => question(key, stands, contents)),
    endedAt,
    result: isObject(contents.result) ? contents.result : undefined,
    error,
  };
}

function question(key: string, state: QuestionState, { requests, drafts }: Contents): JournaledQuestion {
  return { key, state, request: own(requests, key) as Json | undefined, draft: own(drafts, key) };
}

/** An object with one member more. */
export function withMember(object: Readonly<Record<string, unknown>> | undefined, key: string, value: unknown): Json {
  return Object.fromEntries([...Object.entries(object ?? {}), [key, value]]);
}

/** An object with one member less. */
export function without(object: Readonly<Record<string, unknown>> | undefined, key: string): Json {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([name]) => name !== key));
}
