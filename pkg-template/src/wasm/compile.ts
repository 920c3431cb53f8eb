import { TaskError } from "../errors.ts";

/** Compiles the wasm that `scripts/embed.mjs` wrote as text. */
export function compile(characters: string, text: string): WebAssembly.Module {
  if (typeof WebAssembly === "undefined") throw new TaskError("wasm", "mcp-tasks needs WebAssembly, which this JavaScript runtime does not have or has switched off.");
  try {
    return new WebAssembly.Module(decode(characters, text));
  } catch (cause) {
    throw new TaskError(
      "wasm",
      "mcp-tasks cannot compile its WebAssembly here. In a browser, let the Content-Security-Policy's script-src allow 'wasm-unsafe-eval'. " +
        'On an edge runtime that forbids compiling from bytes, let the bundler resolve the package with the condition "workerd" or "edge-light", or call provideWasm().',
      { cause },
    );
  }
}

function decode(characters: string, text: string): Uint8Array<ArrayBuffer> {
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
