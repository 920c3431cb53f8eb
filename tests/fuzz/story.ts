// Stories of hostile clients as data: what each party sends, in which order, and what is wrong with it. Which task or
// question is meant is a number, counted modulo those that are there when its turn comes; so any part of a story is a
// story.
import fc from "fast-check";
import { type Spoil, spoilsArbitrary, strange } from "./json.ts";

export const TOOLS = [
  "echo",
  "direct",
  "late",
  "own",
  "must",
  "fail",
  "slow",
  "ask",
  "sdkask",
  "hold",
  "deep",
  "odd",
  "ret",
  "nosuch",
  "__proto__",
  "constructor",
] as const;

/** What a message asks for, before it is spoilt. */
export type What =
  | {
      readonly kind: "call";
      readonly tool: string;
      readonly task: "none" | "default" | number;
      readonly key: number | undefined;
      readonly progress: boolean;
      readonly forged: number | undefined;
    }
  | { readonly kind: "task"; readonly method: string; readonly task: number }
  | { readonly kind: "list"; readonly cursor: string | undefined }
  | { readonly kind: "update"; readonly question: number; readonly answer: number; readonly key: string | undefined }
  | { readonly kind: "listen"; readonly tasks: readonly number[] }
  | { readonly kind: "cancelled"; readonly request: number }
  | { readonly kind: "answer"; readonly question: number; readonly answer: number; readonly id: string | undefined }
  | { readonly kind: "hello" }
  | { readonly kind: "other"; readonly method: string; readonly task: number };

/** Whose JSON-RPC id a request has: its own, the party's last but `n`, or a text of JSON. */
export type Id = "own" | { readonly again: number } | { readonly text: string };

export type Action =
  | {
      readonly do: "send";
      readonly party: number;
      readonly generation: 25 | 26;
      readonly what: What;
      readonly id: Id;
      readonly spoils: readonly Spoil[];
      readonly header: { readonly name: string; readonly value: string } | undefined;
      /** Together with the next message of the party, as one batch. */
      readonly batch: boolean;
    }
  | { readonly do: "wait"; readonly ms: number }
  /** Leaves an exchange before its answer (HTTP), or the connection (pipe). */
  | { readonly do: "leave"; readonly party: number; readonly exchange: number };

export interface Story {
  readonly crossGeneration: boolean;
  /** Small limits, so that refusals are met. */
  readonly tight: boolean;
  /** The store answers later. */
  readonly slowStore: boolean;
  readonly actions: readonly Action[];
}

const small = fc.nat(30);
const METHODS = [
  "tasks/none",
  "Tasks/Get",
  "tasks/",
  "ping",
  "tools/list",
  "logging/setLevel",
  "resources/list",
  "prompts/get",
  "completion/complete",
  "notifications/tasks",
  "notifications/progress",
  "notifications/roots/list_changed",
];
/** Ids that this package's own could be taken for, and others that are unusual. */
const IDS = [
  "0",
  "-0",
  '""',
  '"1"',
  "null",
  "1.5",
  "-1",
  "1e21",
  "true",
  "{}",
  "[]",
  '"mcp-longhaul/call/1"',
  '"mcp-longhaul/ask/x/1"',
  "4503599627370497",
  "2147483647",
  JSON.stringify("i".repeat(3000)),
];

const call = fc.record({
  kind: fc.constant("call" as const),
  tool: fc.constantFrom(...TOOLS),
  task: fc.oneof(
    fc.constant("none" as const),
    fc.constant("default" as const),
    fc.constant("default" as const),
    fc.integer({ min: 1, max: 5000 }),
  ),
  key: fc.option(fc.nat(3), { nil: undefined, freq: 5 }),
  progress: fc.boolean(),
  forged: fc.option(fc.nat(60), { nil: undefined, freq: 6 }),
});

const what: fc.Arbitrary<What> = fc.oneof(
  { weight: 6, arbitrary: call },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("task" as const),
      method: fc.constantFrom("tasks/get", "tasks/get", "tasks/result", "tasks/cancel"),
      task: small,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("list" as const),
      cursor: fc.option(fc.constantFrom("AAAA", "", "x".repeat(500), "\ud800"), { nil: undefined, freq: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      question: small,
      answer: small,
      key: fc.option(fc.constantFrom("sure-1", "__proto__", "\ud800", "elicitation-1"), { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("listen" as const), tasks: fc.array(small, { maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancelled" as const), request: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      question: small,
      answer: small,
      id: fc.option(fc.constantFrom(...IDS), { nil: undefined, freq: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hello" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("other" as const), method: fc.constantFrom(...METHODS), task: small }),
  },
);

const id: fc.Arbitrary<Id> = fc.oneof(
  { weight: 12, arbitrary: fc.constant("own" as const) },
  { weight: 1, arbitrary: fc.record({ again: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ text: fc.oneof(fc.constantFrom(...IDS), strange) }) },
);

const header = fc.option(
  fc.record({
    name: fc.constantFrom(
      "mcp-name",
      "mcp-method",
      "mcp-protocol-version",
      "accept",
      "content-type",
      "mcp-session-id",
      "last-event-id",
    ),
    value: fc.constantFrom(
      "",
      "x",
      "=?base64?####?=",
      "=?base64?AAAA?=",
      "tasks/get",
      "1e9",
      "2026-07-28",
      "2025-11-25",
      "text/plain",
    ),
  }),
  { nil: undefined, freq: 12 },
);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      party: fc.nat(19),
      generation: fc.constantFrom(25 as const, 26 as const),
      what,
      id,
      spoils: spoilsArbitrary,
      header,
      batch: fc.nat(20).map((number) => number === 20),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 0, 1, 5, 20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), party: fc.nat(19), exchange: small }) },
);

export const storyArbitrary: fc.Arbitrary<Story> = fc.record({
  crossGeneration: fc.boolean(),
  tight: fc.nat(4).map((number) => number === 4),
  slowStore: fc.boolean(),
  actions: fc.array(action, { minLength: 1, maxLength: 60, size: "max" }),
});
