import { wasmModule } from "#wasm/client";
import { Core } from "../core.ts";
import { freeRequestor, instantiate, names } from "../wasm/generated/client.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that follows tasks. Its functions are those of the generated module, once it is loaded. */
export const clientCore: Core = new Core(() => {
  instantiate(provided.client ?? wasmModule());
  return { names: names().split("\n") };
}, freeRequestor);
