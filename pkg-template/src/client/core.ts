import { wasmModule } from "#wasm/client";
import { type Core, CoreHolder } from "../core.ts";
import * as glue from "../wasm/generated/client.js";

/** The half of the core that follows tasks. */
export interface ClientCore extends Core {
  readonly Requestor: typeof glue.Requestor;
}

export const clientCore: CoreHolder<ClientCore> = new CoreHolder(() => {
  glue.initSync({ module: wasmModule() });
  return { names: glue.names().split("\n"), generation: glue.generation, Requestor: glue.Requestor };
}, glue.__wbg_reset_state);
