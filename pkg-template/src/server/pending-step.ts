import type { Call } from "./pending-call.ts";

/** What a step has led to, until it is stored. */
export interface PendingStep {
  readonly call: Call;
  /** Which step of its run it is, from 1 up. */
  readonly number: number;
  /** Its name and its value, as JSON text. */
  readonly text: string;
  readonly settle: { resolve(): void; reject(error: unknown): void };
}
