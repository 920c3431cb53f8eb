import { wasmModule } from "#wasm/server";
import { Core, instantiation } from "../core/half.ts";
import { __wbg_reset_state, freeReceiver, initSync } from "../wasm/generated/server.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that runs tasks. Its functions are those of the generated module, once it is loaded. */
export const serverCore: Core = new Core(
  instantiation({ __wbg_reset_state, initSync }, () => provided.server ?? wasmModule()),
  freeReceiver,
);
