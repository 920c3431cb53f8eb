// The default loader: the wasm as base64 in a JavaScript module, so that no bundler, page or runtime has to find a file.
import { fromBase64 } from "../base64.ts";
import { compile } from "../compile.ts";
import { base64 } from "../generated/client-base64.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(() => fromBase64(base64)));
}
