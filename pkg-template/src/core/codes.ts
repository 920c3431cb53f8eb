// Made from the enums of the core by `npm run codes`; docs/decisions/boundary.md says how.

export const CompletionCode = {
  NotDone: 0,
  Done: 1,
  Missing: 2,
  TooManyTasks: 3,
  TooManyBytes: 4,
  NotJson: 5,
  Failed: 6,
  Unreadable: 7,
} as const;
export type CompletionCode = (typeof CompletionCode)[keyof typeof CompletionCode];

export const Generation = {
  G25: 25,
  G26: 26,
} as const;
export type Generation = (typeof Generation)[keyof typeof Generation];

export const Part = {
  Result: 0,
  RelatedResult: 1,
  Error: 2,
  Input: 3,
  Subscription: 4,
  Declaration: 5,
} as const;
export type Part = (typeof Part)[keyof typeof Part];

export const Trouble = {
  Newer: 0,
  Malformed: 1,
  OutcomeLost: 2,
} as const;
export type Trouble = (typeof Trouble)[keyof typeof Trouble];

export const Capability = {
  Tasks: 1,
  Elicit: 2,
  ElicitUrl: 4,
  Sampling: 8,
  SamplingTools: 16,
  Roots: 32,
} as const;

export const CALL_METHODS = [
  { code: 0, name: "tools/call", leaf: ["tools", "call"], nameIn: "name", isOffered: true },
  { code: 1, name: "prompts/get", leaf: ["prompts", "get"], nameIn: "name", isOffered: false },
  { code: 2, name: "resources/read", leaf: ["resources", "read"], nameIn: "uri", isOffered: false },
  { code: 3, name: "sampling/createMessage", leaf: ["sampling", "createMessage"], nameIn: undefined, isOffered: false },
  { code: 4, name: "elicitation/create", leaf: ["elicitation", "create"], nameIn: undefined, isOffered: false },
] as const;
