// Texts of others, made fit for a terminal.

/**
 * Controls, marks of direction, invisible characters, line separators and halves of characters; not the joiners that
 * some scripts and emoji are written with.
 */
const UNFIT = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const writtenOut = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** Text of several lines. What a terminal would obey is written out. */
export function lines(text: unknown): string {
  return String(text)
    .replaceAll("\r\n", "\n")
    .replace(UNFIT, (character) => (character === "\n" || character === "\t" ? character : writtenOut(character)));
}

/** Text that is to be one line, at most this many characters. */
export function line(text: unknown, longest = 1000): string {
  const whole = lines(
    String(text)
      .slice(0, longest + 1)
      .replace(/\s+/g, " ")
      .trim(),
  );
  return String(text).length > longest ? `${whole.slice(0, longest)}…` : whole;
}

/** One line of JSON that means the same, and that a terminal shows as it stands. */
export function jsonLine(value: unknown): string {
  const escaped = (character: string): string =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join("");
  return JSON.stringify(value).replace(UNFIT, escaped);
}

/** What must not be printed, wherever it stands. */
export class Secrets {
  readonly #values: string[] = [];

  add(value: string): void {
    // What is shorter is no secret, and stands in half of all texts.
    if (value.length >= 6) this.#values.push(value, JSON.stringify(value).slice(1, -1));
  }

  hide(text: string): string {
    return this.#values.reduce((hidden, value) => hidden.replaceAll(value, "***"), text);
  }

  get any(): boolean {
    return this.#values.length > 0;
  }
}

/** `3 s`, `4 min`, `5 h`, `6 d`: how long, in one unit. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** How long ago a time in ISO 8601 was; nothing where it is none. */
export function age(time: unknown, now: number = Date.now()): string {
  const at = typeof time === "string" ? Date.parse(time) : Number(time ?? Number.NaN);
  return Number.isNaN(at) ? "" : duration(now - at);
}

/** Rows below each other, each column as wide as its widest cell, the last one as it comes. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
