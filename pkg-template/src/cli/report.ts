// What a command tells: to people, or to scripts.
import type { TaskSnapshot } from "mcp-longhaul";
import type { AdminCount, AdminDetail, AdminOutcome, AdminTask } from "mcp-longhaul/admin";
import type { Answer, Question } from "./target.ts";

/** A task as it is told of. */
export interface TaskView {
  readonly taskId: string;
  /** Empty where nobody here knows which tool it was. */
  readonly tool: string;
  readonly snapshot: TaskSnapshot;
  readonly progress?: { readonly progress: number; readonly total?: number | undefined; readonly message?: unknown };
}

/** A tool of the server's. */
export interface ToolView {
  readonly name: string;
  readonly description: string;
  /** What the server says of tasks: `required`, `optional`, `forbidden`, or nothing. */
  readonly task: string | undefined;
}

/** Where everything that is printed goes through. */
export interface Report {
  tools(tools: readonly ToolView[]): void;
  tasks(tasks: readonly TaskView[]): void;
  /** A task is new, or has changed. */
  changed(task: TaskView): void;
  question(question: Question, taskId: string | undefined): void;
  answered(answer: Answer, taskId: string | undefined): void;
  /** @param task `undefined` where the server answered without one */
  result(result: Readonly<Record<string, unknown>>, task: TaskView | undefined): void;
  /** Tasks of a store. */
  stored(tasks: readonly AdminTask[]): void;
  counts(counts: readonly AdminCount[]): void;
  detail(task: AdminDetail): void;
  outcome(what: string, taskId: string, outcome: AdminOutcome): void;
  failure(code: string, sentence: string, taskId?: string): void;
  /** A sentence beside the matter. */
  note(sentence: string): void;
  /** Lets somebody else have the terminal, or takes it back. */
  pause(): void;
  resume(): void;
  close(): void;
}
