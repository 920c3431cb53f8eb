import { unpacker } from "./generated/unpacker.ts";

/** The exports of `src/bin/unpack.rs`. */
interface Unpacker {
  readonly memory: WebAssembly.Memory;
  /** Writes the bytes for which the `length` characters at `text` stand behind them, at most two for each; how many these are. */
  unpack(text: number, length: number): number;
}
/** In bytes. */
const PAGE = 65_536;

/** The wasm that `scripts/embed.mjs` wrote as text. */
export function unpack(text: string): Uint8Array<ArrayBuffer> {
  const { memory, unpack } = new WebAssembly.Instance(new WebAssembly.Module(unpacker())).exports as unknown as Unpacker;
  const at = memory.grow(Math.ceil((3 * text.length) / PAGE)) * PAGE;
  new TextEncoder().encodeInto(text, new Uint8Array(memory.buffer, at));
  return new Uint8Array(memory.buffer, at + text.length, unpack(at, text.length));
}
