// Makes the core trap: the instance throws out of the middle of a call, as it does after `unreachable`.
import assert from "node:assert/strict";

/** What the instances export, as copies that can be changed; the newest last. */
const instances: Record<string, unknown>[] = [];

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, parameters: ConstructorParameters<typeof WebAssembly.Instance>) {
    const exports = { ...new target(...parameters).exports };
    instances.push(exports);
    return { exports };
  },
});

/**
 * Makes the core trap the next time that `input`, a function of a generated module, reaches it. Undo it with what is
 * returned.
 */
export function trapOnce(input: (...parameters: never[]) => unknown): () => void {
  // What begins with underscores makes room for texts.
  const name = /wasm\.(?!_)(\w+)\(/.exec(String(input))?.[1];
  assert.ok(name, `${input.name} calls no export`);
  const known = instances.filter((exports) => name in exports).map((exports) => ({ exports, original: exports[name] }));
  const undo = () => {
    for (const { exports, original } of known) exports[name] = original;
  };
  for (const { exports } of known) {
    exports[name] = () => {
      undo();
      throw new WebAssembly.RuntimeError("unreachable");
    };
  }
  return undo;
}
