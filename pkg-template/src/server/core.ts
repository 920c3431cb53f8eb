import { wasmModule } from "#wasm/server";
import { Core } from "../core.ts";
import { freeReceiver, instantiate, names, serve } from "../wasm/generated/server.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that runs tasks. Its functions are those of the generated module, once it is loaded. */
export const serverCore: Core = new Core(() => {
  instantiate(provided.server ?? wasmModule());
  let lines = "";
  serve({ takeNames: (all: string) => (lines = all) }, names);
  return { names: lines.split("\n") };
}, freeReceiver);
