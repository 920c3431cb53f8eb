import { wasmModule } from "#wasm/client";
import { Core, instantiation } from "../core/half.ts";
import { __wbg_reset_state, freeRequestor, initSync } from "../wasm/generated/client.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that follows tasks. Its functions are those of the generated module, once it is loaded. */
export const clientCore: Core = new Core(
  instantiation({ __wbg_reset_state, initSync }, () => provided.client ?? wasmModule()),
  freeRequestor,
);
