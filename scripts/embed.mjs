// How the wasm becomes a string of a JavaScript module, so that a compressed download is no larger than the compressed
// wasm: a byte is always written the same way and most bytes as one character, so whatever repeats in the wasm repeats in
// the text. (After gzip, base64 is a third larger and hex a ninth.) ASCII, so the charset of a page does not matter.

/** What can stand in every kind of JavaScript string, and in HTML. */
const CHARACTERS = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).filter((character) => !"\"'`\\$<".includes(character));
/** One of the first characters and any other are a pair: a byte as a number in base 89. */
const PAIRS = Math.ceil(256 / CHARACTERS.length);

/** The source of a module for `wasm/decode.ts`. */
export function embed(bytes) {
  const count = new Array(256).fill(0);
  for (const byte of bytes) count[byte]++;
  const frequent = [...count.keys()].sort((left, right) => count[right] - count[left] || left - right).slice(0, CHARACTERS.length - PAIRS);
  const pair = (byte) => CHARACTERS[Math.floor(byte / CHARACTERS.length)] + CHARACTERS[byte % CHARACTERS.length];
  const code = Array.from({ length: 256 }, (_, byte) => (frequent.includes(byte) ? CHARACTERS[PAIRS + frequent.indexOf(byte)] : pair(byte)));
  // The most frequent bytes go ahead, in pairs; the characters after the first ones stand for them.
  const text = [...frequent.map(pair), ...Array.from(bytes, (byte) => code[byte])].join("");
  return `export const characters: string =\n  "${CHARACTERS.join("")}";\nexport const text: string =\n  "${text}";\n`;
}

/** The source of a module for Node, which reads base64 faster than any other text, and downloads nothing. */
export const embedAsBase64 = (bytes) => `export const base64: string =\n  "${bytes.toString("base64")}";\n`;
