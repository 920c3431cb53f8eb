// What may become of an entry and of its questions. The tables are data: tests enumerate them.

/** How far a call has come. `unknown`: it may have reached the server. */
export type EntryState = "unknown" | "open" | "ended";

/**
 * What happens to an entry. `created`: the server has made its task; `answered`: it answered without one; `refused`: it
 * made none, or was never asked; `ended`: the task is over; `dismissed`: the host wants to hear no more of it.
 */
export type EntryEvent = "created" | "answered" | "refused" | "ended" | "dismissed";

/** For each state, where an event leads; to `gone`, the entry is deleted. What is not here changes nothing. */
export const ENTRIES: { readonly [From in EntryState]: { readonly [On in EntryEvent]?: EntryState | "gone" } } = {
  unknown: { created: "open", answered: "gone", refused: "gone", dismissed: "gone" },
  open: { ended: "ended", dismissed: "gone" },
  ended: { dismissed: "gone" },
};

/** How far a question of a task has come. `answered`: its answer is stored; `acknowledged`: the server has it. */
export type QuestionState = "asked" | "answered" | "acknowledged";

/** What happens to a question. */
export type QuestionEvent = "asked" | "drafted" | "answered" | "acknowledged" | "rejected";

/** For each state, where an event leads; `undefined` for a question that was never heard of. */
export const QUESTIONS: {
  readonly [From in QuestionState | "unheard"]: { readonly [On in QuestionEvent]?: QuestionState };
} = {
  unheard: { asked: "asked", answered: "answered" },
  asked: { asked: "asked", drafted: "asked", answered: "answered" },
  // The first answer counts, unless the server did not take it.
  answered: { acknowledged: "acknowledged", rejected: "asked" },
  acknowledged: {},
};
