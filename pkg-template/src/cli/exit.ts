// How a command ends. The numbers are part of the interface: `--help` tells them.

/** Exit codes. */
export const Exit = {
  done: 0,
  /** The task failed, or its tool says that it did. */
  failed: 1,
  usage: 2,
  /** A question waits for an answer that nobody here gives. */
  asked: 3,
  cancelled: 4,
  /** The task is not there (any more). */
  missing: 5,
  /** The server was not reached, refuses, or breaks the protocol. */
  server: 6,
  /** `--timeout` is over; the task goes on. */
  late: 7,
  /** Ctrl-C; the task goes on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof Exit)[keyof typeof Exit];

/** Ends the command with a sentence and a code. */
export class CommandError extends Error {
  readonly exit: ExitCode;

  constructor(exit: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** What was typed is wrong. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(Exit.usage, message);
  }
}
