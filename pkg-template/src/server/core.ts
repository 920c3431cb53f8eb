import { wasmModule } from "#wasm/server";
import { Core } from "../core.ts";
import { freeReceiver, instantiate, names } from "../wasm/generated/server.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that runs tasks. Its functions are those of the generated module, once it is loaded. */
export const serverCore: Core = new Core(() => {
  instantiate(provided.server ?? wasmModule());
  return { names: names().split("\n") };
}, freeReceiver);
