import { wasmModule } from "#wasm/client";
import { Core } from "../core.ts";
import { freeRequestor, instantiate, names, serve } from "../wasm/generated/client.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that follows tasks. Its functions are those of the generated module, once it is loaded. */
export const clientCore: Core = new Core(() => {
  instantiate(provided.client ?? wasmModule());
  let lines = "";
  serve({ takeNames: (all: string) => (lines = all) }, names);
  return { names: lines.split("\n") };
}, freeRequestor);
