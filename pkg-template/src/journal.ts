import { TaskError } from "./errors.ts";
import { isObject, isWhole } from "./json.ts";
import { FUNCTION, type Kinds, WHETHER, checkKinds } from "./options-check.ts";
import { sealed } from "./server/sealed.ts";
import type { TaskStore } from "./store.ts";
import type { PayloadProtection, TaskJournal } from "./types.ts";
import { LeaseClaims, LockClaims, locksOfPages } from "./journal/claims.ts";
import { Entries } from "./journal/entries.ts";
import { Journal } from "./journal/task-journal.ts";

/** What {@link taskJournal} takes. */
export interface TaskJournalOptions {
  /** Where entries are kept: any store of this package, also one that servers use. */
  readonly store: TaskStore;
  /** Keeps apart journals in one store: 1 to 64 characters of `A-Z a-z 0-9 _ . -`. Default `"default"`. */
  readonly name?: string | undefined;
  /** Protects arguments, questions, answers, drafts and results at rest. Its `owner` is the journal's own. */
  readonly payloads?: PayloadProtection | undefined;
  /** Where a client is connected to. Default: its address or its command, as its transport tells. */
  readonly endpoint?: ((client: object) => string) | undefined;
  /** As whom: any text that stays the same, such as the subject of a token; a hash of it is kept. Default: none. */
  readonly principal?: string | ((client: object) => string) | undefined;
  /** How long ended tasks are kept, in ms (default 24 h), and how many (default 200). */
  readonly keep?: { readonly ms?: number | undefined; readonly tasks?: number | undefined } | undefined;
  /**
   * Whether tabs and workers take turns by Web Locks. Default: in pages and workers. Otherwise by a lease in the entry:
   * for processes that share a store.
   */
  readonly locks?: boolean | undefined;
  /** How long a process may be silent before another one follows its tasks, in ms, at least 300. Default 15 000. */
  readonly lease?: number | undefined;
  /** How long the store may take for one operation, in ms; `null` for no limit. Default 30 000. */
  readonly storeTimeout?: number | null | undefined;
  /** Errors that have no caller: a status that could not be written, an entry that cannot be read. */
  readonly onerror?: ((error: TaskError) => void) | undefined;
}

/** A journal in the hands of its host. */
export interface JournalOfTasks extends TaskJournal {
  /** Keeps what a user has begun to answer to a question, as JSON; `undefined` for no more. */
  draft(entry: string, key: string, draft: unknown): Promise<void>;
  /** Forgets an entry, however far it has come; its task goes on. */
  dismiss(entry: string): Promise<void>;
  /** Calls `changed` whenever an entry may have changed, by whichever tab or process; returns what ends that. */
  watch(changed: () => void): () => void;
}

const TIME = "a whole number of milliseconds";
const OPTIONS: Kinds<TaskJournalOptions> = {
  store: [isObject, "a store, such as `memoryStore()`"],
  name: [
    (value: unknown) => typeof value === "string" && /^[\w.-]{1,64}$/.test(value),
    "1 to 64 characters of `A-Z a-z 0-9 _ . -`",
  ],
  payloads: [isObject, "an object with the functions `seal` and `open`"],
  endpoint: FUNCTION,
  principal: [(value: unknown) => typeof value === "string" || typeof value === "function", "a text or a function"],
  keep: [isObject, "an object with `ms` and `tasks`"],
  locks: WHETHER,
  lease: [(value) => isWhole(value, 300, 86_400_000), `${TIME}, at least 300`],
  storeTimeout: [(value: unknown) => value === null || isWhole(value, 1), `${TIME}, or null`],
  onerror: FUNCTION,
};
const KEEP: Kinds<NonNullable<TaskJournalOptions["keep"]>> = {
  ms: [(value) => isWhole(value, 0), TIME],
  tasks: [(value) => isWhole(value, 0), "a whole number"],
};

/**
 * A journal for `journal` of TaskClient: what the client has begun is found again after a crash, a reload, or on
 * another machine that has the store. Throws {@link TaskError} `invalid_argument` naming the option that is wrong.
 */
export function taskJournal(options: TaskJournalOptions): JournalOfTasks {
  checkKinds("taskJournal()", options, OPTIONS);
  checkKinds("taskJournal()", options.keep ?? {}, KEEP, "keep.");
  const { name = "default", payloads, endpoint, principal = "", keep, lease = 15_000, storeTimeout = 30_000 } = options;
  if (options.store === undefined)
    throw new TaskError("invalid_argument", "taskJournal() needs the option `store`, such as `memoryStore()`.");
  const onerror = (error: TaskError): void => {
    try {
      options.onerror?.(error);
    } catch {
      // It is told, whatever it makes of it.
    }
  };
  const store = payloads === undefined ? options.store : sealed(options.store, payloads);
  const entries = new Entries(store, { name, storeTimeout, onerror });
  const locks = options.locks === false ? undefined : locksOfPages();
  if (options.locks === true && locks === undefined)
    throw new TaskError("invalid_argument", "taskJournal() option `locks` needs Web Locks of a page or a worker.");
  const claims = locks === undefined ? new LeaseClaims(entries.records, lease, onerror) : new LockClaims(locks, name);
  return new Journal({
    entries,
    claims,
    endpoint,
    principal,
    keep: { ms: keep?.ms ?? 86_400_000, tasks: keep?.tasks ?? 200 },
    onerror,
  });
}
export type {
  BegunCall,
  JournalClient,
  JournaledCall,
  JournaledQuestion,
  JournaledTask,
  TaskJournal,
} from "./types.ts";
