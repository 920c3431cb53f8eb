// How long a message may be on standard input and output. Both SDKs read lines of 10 MiB at most: a longer one makes
// the client close the connection, and every repeat of its request would do it again.
import { refusal } from "./facts.ts";
import type { Message } from "../tap.ts";

const LONGEST_LINE = 10 * 2 ** 20;
/** Room for what stands around an outcome. */
const AROUND = 64 * 2 ** 10;
/** A UTF-16 unit has at most so many bytes in UTF-8. */
const WIDEST = 3;

interface Lines {
  /** The connection below a server of `serveStdio`. */
  readonly _wire?: Lines;
  readonly _stdout?: unknown;
}

/** The longest outcome, in bytes, that a transport carries. */
export function longestOutcome(transport: object): number {
  const lines = (transport as Lines)._wire ?? (transport as Lines);
  return lines._stdout === undefined ? Infinity : LONGEST_LINE - AROUND;
}

/** Whether a text has more bytes than that. */
export function isLongerThan(text: string, bytes: number): boolean {
  if (text.length * WIDEST <= bytes) return false;
  return text.length > bytes || new TextEncoder().encode(text).length > bytes;
}

/** An answer that its transport does not carry, as the refusal that it does (X-LIM-03). */
export function tooLong(answer: Message): Message {
  const { error, ...message } = refusal(answer.id, "The answer is too long for this transport; ask for it over HTTP");
  return { ...message, error: { ...error, data: { reason: "payload_limit" } } as NonNullable<Message["error"]> };
}
