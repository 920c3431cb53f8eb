import { wasmModule } from "#wasm/server";
import { type Core, CoreHolder } from "../core.ts";
import * as glue from "../wasm/generated/server.js";

/** The half of the core that runs tasks. */
export interface ServerCore extends Core {
  readonly Receiver: typeof glue.Receiver;
  /** The number of a method about tasks; 0 for one that nobody has. */
  method(name: string): number;
  /** The number of the kind of input a method asks for; 255 where nobody knows it. */
  inputKind(method: string, url: boolean, tools: boolean): number;
}

export const serverCore: CoreHolder<ServerCore> = new CoreHolder(() => {
  glue.initSync({ module: wasmModule() });
  return { names: glue.names().split("\n"), generation: glue.generation, Receiver: glue.Receiver, method: glue.method, inputKind: glue.inputKind };
}, glue.__wbg_reset_state);
