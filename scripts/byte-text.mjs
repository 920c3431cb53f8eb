// How the build writes the wasm into a module; `pkg-template/src/wasm/byte-text.ts` reads it.
import { codes } from "../pkg-template/src/wasm/byte-text.ts";

/** @returns {import("../pkg-template/src/wasm/byte-text.ts").ByteText} */
export function fromBytes(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const order = [...counts.keys()].sort((one, other) => counts[other] - counts[one]);
  const codeOf = [];
  codes().forEach((code, place) => {
    codeOf[order[place]] = code;
  });
  return { length: bytes.length, order, text: Array.from(bytes, (byte) => codeOf[byte]).join("") };
}
