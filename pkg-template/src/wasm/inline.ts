// The default loader: the wasm as base64 in a JavaScript module, so that no bundler has to find a file.
import { TaskError } from "../errors.ts";
import { base64 } from "./generated/bytes.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled core. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile());
}

function compile(): WebAssembly.Module {
  if (typeof WebAssembly === "undefined") throw new TaskError("wasm", "mcp-tasks needs WebAssembly, which this JavaScript runtime does not have or has switched off.");
  try {
    return new WebAssembly.Module(decode(base64));
  } catch (cause) {
    throw new TaskError(
      "wasm",
      "mcp-tasks cannot compile its WebAssembly here. In a browser, let the Content-Security-Policy's script-src allow 'wasm-unsafe-eval'. " +
        'On an edge runtime that forbids compiling from bytes, let the bundler resolve the package with the condition "workerd" or "edge-light".',
      { cause },
    );
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
