/** The wasm that `scripts/embed.mjs` wrote as text. */
export function decode(characters: string, text: string): Uint8Array<ArrayBuffer> {
  const base = characters.length;
  const pairs = Math.ceil(256 / base);
  const bytes = new TextEncoder().encode(text);
  const digits = new Uint8Array(128);
  for (let digit = 0; digit < base; digit++) digits[characters.charCodeAt(digit)] = digit;
  const pair = (at: number): number => digits[bytes[at]!]! * base + digits[bytes[at + 1]!]!;
  /** What a character stands for: a byte, or less than 0 for one that begins a pair. */
  const codes = new Int16Array(128);
  for (let digit = 0; digit < base; digit++) codes[characters.charCodeAt(digit)] = digit < pairs ? ~(digit * base) : pair(2 * (digit - pairs));
  let length = 0;
  for (let at = 2 * (base - pairs); at < bytes.length; ) {
    const code = codes[bytes[at++]!]!;
    // A byte is never longer than its text, so nothing is written over that is still to be read.
    bytes[length++] = code < 0 ? ~code + digits[bytes[at++]!]! : code;
  }
  return bytes.subarray(0, length);
}
