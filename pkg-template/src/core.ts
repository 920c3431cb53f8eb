import { wasmModule } from "#wasm";
import * as glue from "./wasm/generated/core.js";

import { TaskError } from "./errors.ts";

/** The core, as one wasm instance shows it. */
export interface Core {
  /** Grows with each instance; what was made by an earlier one is lost. */
  readonly epoch: number;
  /** The names on the wire, by number. */
  readonly names: readonly string[];
  readonly Receiver: typeof glue.Receiver;
  readonly Requestor: typeof glue.Requestor;
  /** The number of the generation that a protocol version speaks; 0 for none. */
  generation(version: string): number;
  /** The number of a method about tasks; 0 for one that nobody has. */
  method(name: string): number;
  /** The number of the kind of input a method asks for; 255 where nobody knows it. */
  inputKind(method: string, url: boolean, tools: boolean): number;
}

let core: Core | undefined;
let epoch = 0;

/** The core; the first call loads it. Throws a {@link TaskError} with code `wasm` where the platform forbids it. */
export function loadCore(): Core {
  if (core === undefined) {
    glue.initSync({ module: wasmModule() });
    core = {
      epoch: ++epoch,
      names: glue.names().split("\n"),
      Receiver: glue.Receiver,
      Requestor: glue.Requestor,
      generation: glue.generation,
      method: glue.method,
      inputKind: glue.inputKind,
    };
  }
  return core;
}

/**
 * What to do with an error that came out of the core `from`. A trap leaves its instance unusable: it is thrown away, and
 * the next {@link loadCore} makes another.
 */
export function poison(from: Core, cause: unknown): TaskError {
  if (core === from) {
    core = undefined;
    glue.__wbg_reset_state();
  }
  return new TaskError("internal", "The core of mcp-tasks failed and is started anew from the store; please report this.", { cause });
}
