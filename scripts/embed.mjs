// How the wasm becomes a string of a JavaScript module, so that a compressed download is no larger than the compressed
// bytes: a byte is always written the same way and most bytes as one character, so whatever repeats in the bytes repeats in
// the text. (After gzip, base64 is a third larger and hex a ninth.) ASCII, so the charset of a page does not matter.
// `src/bin/unpack.rs` reads it, and has the same figures.
import { part } from "./streams.mjs";

const ZERO = "(".charCodeAt(0);
const BASE = 87;
const PAIRS = 6;

const character = (digit) => String.fromCharCode(ZERO + digit);
/** Whether a digit can stand in every kind of JavaScript string, and in HTML. */
const isWritten = (digit) => !"<\\`".includes(character(digit));
/** The digits that can stand for one byte each. */
const ONES = Array.from({ length: BASE - PAIRS }, (_, index) => PAIRS + index);
const WRITTEN = ONES.filter(isWritten);

function pair(byte) {
  // Where the second digit cannot be written, that of the same byte and 256 can.
  const number = isWritten(byte % BASE) ? byte : byte + 256;
  return character(Math.floor(number / BASE)) + character(number % BASE);
}

/** The source of a module for `wasm/unpack.ts`. */
export function embed(wasm) {
  const bytes = part(wasm);
  const count = new Array(256).fill(0);
  for (const byte of bytes) count[byte]++;
  const frequent = [...count.keys()].sort((left, right) => count[right] - count[left] || left - right).slice(0, WRITTEN.length);
  const code = Array.from({ length: 256 }, (_, byte) => (frequent.includes(byte) ? character(WRITTEN[frequent.indexOf(byte)]) : pair(byte)));
  // What a digit stands for that cannot be written is of no account.
  const head = ONES.map((digit) => pair(frequent[WRITTEN.indexOf(digit)] ?? 0));
  return `export const text: string =\n  "${[...head, ...Array.from(bytes, (byte) => code[byte])].join("")}";\n`;
}

/** The same for Node, which reads base64 at once and downloads nothing. */
export const embedForNode = (bytes) => `export const base64: string =\n  "${bytes.toString("base64")}";\n`;

/** The same for what reads the text: few bytes, as no text at all. */
export const embedAsFunction = (bytes) => `export const unpacker = (): Uint8Array<ArrayBuffer> => new Uint8Array([${bytes.join()}]);\n`;
