import { NAME } from "../name.ts";
import { TaskError } from "../errors.ts";

/** Compiles the wasm that `read` brings, which may need WebAssembly itself. */
export function compile(read: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  if (typeof WebAssembly === "undefined")
    throw new TaskError(
      "wasm",
      `${NAME} needs WebAssembly, which this JavaScript runtime does not have or has switched off.`,
    );
  try {
    return new WebAssembly.Module(read());
  } catch (cause) {
    throw new TaskError(
      "wasm",
      `${NAME} cannot compile its WebAssembly here. ` +
        "In a browser, let the Content-Security-Policy's script-src allow 'wasm-unsafe-eval'. " +
        "On an edge runtime that forbids compiling from bytes, let the bundler resolve the package with the " +
        'condition "workerd" or "edge-light", or call provideWasm().',
      { cause },
    );
  }
}
