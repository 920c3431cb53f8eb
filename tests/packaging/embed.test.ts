// The texts in which the package has its wasm.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";

const wasm = join(import.meta.dirname, "..", "..", "pkg", "dist", "wasm");
const { fromBase64 } = (await import(join(wasm, "base64.js"))) as { fromBase64(text: string): Uint8Array };

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
      const { base64 } = (await import(join(wasm, "generated", `${half}-base64.js`))) as { base64: string };
      assert.ok(bytes.equals(fromBase64(base64)));
      assert.ok(bytes.equals(withoutBuffer(() => fromBase64(base64))));
    });
  }

  test("gives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        assert.deepEqual([...fromBase64(text)], [...bytes]);
        assert.deepEqual([...withoutBuffer(() => fromBase64(text))], [...bytes]);
      }),
    );
  });
});
