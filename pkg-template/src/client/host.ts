import type { Assembler } from "../assembler.ts";

/** What the requestor asks of its host; twin of `RequestorHost` in `src/bindings/requestor.rs`. No method throws. */
export interface RequestorHost {
  /** Puts together what the core writes. */
  readonly assembler: Assembler;
  /** Starts a message in the assembler; its holes are filled with what is kept for `task`. */
  begin(task: number): void;
  /** Hand the call to the peer; with `offer`, what was put together goes into its `params`. */
  sendCall(call: number, offer: boolean): void;
  /** Read a page of `tools/list`. */
  list(request: number, cursor: string | undefined): void;
  /** Send a request about a task; its `params` were put together, `method` is the number of a name. */
  ask(request: number, task: number, method: number): void;
  /** Open a stream for pushed snapshots; its `params` were put together. */
  listen(request: number): void;
  unlisten(request: number): void;
  /** Let the cancellation of a call through. */
  forward(call: number): void;
  /** Close the exchange of a call that was given up. */
  hangUp(call: number): void;
  /** The call has become a task, or found the task it resumes. */
  created(call: number, task: number): void;
  changed(task: number, payload: number): void;
  /** Keep this error: it may be the outcome. */
  hold(task: number, payload: number): void;
  /** Have the user's handlers answer an input request; `again` after the server refused the first answer. */
  prompt(task: number, key: string, again: boolean): void;
  withdraw(task: number, key: string): void;
  /** The answer to this input request is not needed any more. */
  dropInput(task: number, key: string): void;
  report(task: number, key: string, problem: number): void;
  /** The server refused an update with this error. */
  refused(task: number, payload: number): void;
  /** The answer to this input request is that the user has dismissed it. */
  dismiss(task: number, key: string): void;
  /** The task is over; `payload` 0: the held error, or the one that was put together. */
  ended(task: number, ending: number, status: number, payload: number): void;
  answerReply(call: number): void;
  answerOutcome(call: number, task: number): void;
  /** Answer with the error that was put together. */
  answerLocal(call: number, ending: number): void;
  cancelled(waiter: number, status: number, error: number): void;
  forget(task: number): void;
}

/** No status, no error. */
export const NONE = 255;
