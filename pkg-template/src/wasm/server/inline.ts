// The default loader: the wasm as text in a JavaScript module, so that no bundler has to find a file. The text comes first: between
// scripts it would spoil what a compressor has learnt of them.
import { text } from "../generated/server-text.ts";
import { compile } from "../compile.ts";
import { unpack } from "../unpack.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(() => unpack(text)));
}
