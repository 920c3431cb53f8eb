// For Node, Deno and Bun, where a quick start counts and bytes do not: base64 is read at once, and needs no file beside a bundle either.
import { fromBase64 } from "../base64.ts";
import { compile } from "../compile.ts";
import { base64 } from "../generated/server-base64.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(() => fromBase64(base64)));
}
