// The texts in which the package has its wasm.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";

const wasm = join(import.meta.dirname, "..", "..", "pkg", "dist", "wasm");
const { fromHex } = (await import(join(wasm, "hex.js"))) as { fromHex(text: string): Uint8Array };

/** Runs `work` as a page would, where there is no `Buffer`. */
function withoutBuffer<Value>(work: () => Value): Value {
  const buffer = globalThis.Buffer;
  Reflect.deleteProperty(globalThis, "Buffer");
  try {
    return work();
  } finally {
    globalThis.Buffer = buffer;
  }
}

describe("the text of a half", () => {
  for (const half of ["server", "client"]) {
    test(`gives the ${half}'s wasm, with and without Buffer`, async () => {
      const bytes = await readFile(join(wasm, "generated", `${half}.wasm`));
      const { hex } = (await import(join(wasm, "generated", `${half}-hex.js`))) as { hex: string };
      assert.ok(bytes.equals(fromHex(hex)));
      assert.ok(bytes.equals(withoutBuffer(() => fromHex(hex))));
    });
  }

  test("gives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const text = Buffer.from(bytes).toString("hex");
        assert.deepEqual([...fromHex(text)], [...bytes]);
        assert.deepEqual([...withoutBuffer(() => fromHex(text))], [...bytes]);
      }),
    );
  });
});
