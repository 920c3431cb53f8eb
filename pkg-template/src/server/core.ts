import { wasmModule } from "#wasm/server";
import { Core } from "../core.ts";
import { freeReceiver, initSync, names, __wbg_reset_state as reset } from "../wasm/generated/server.js";
import { provided } from "../wasm/provided.ts";

/** The half of the core that runs tasks. Its functions are those of the generated module, once it is loaded. */
export const serverCore: Core = new Core(() => {
  initSync({ module: provided.server ?? wasmModule() });
  return { names: names().split("\n") };
}, reset, freeReceiver);
