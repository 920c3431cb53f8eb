// With the condition "mcp-longhaul:manual" no wasm is bundled: what `provideWasm` was given is all there is.
import { NAME } from "../../name.ts";
import { TaskError } from "../../errors.ts";

/** Throws a {@link TaskError} with code `wasm`. */
export function wasmModule(): never {
  throw new TaskError(
    "wasm",
    `With the condition "${NAME}:manual", call provideWasm({ server }) with the compiled ` +
      `${NAME}/server.wasm before the first TaskServer.`,
  );
}
