// The texts in which the package has its wasm.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ByteText } from "../../pkg-template/src/wasm/byte-text.ts";

const root = join(import.meta.dirname, "..", "..");
const wasm = join(root, "pkg", "dist", "wasm");
const { fromBytes } = (await import(join(root, "scripts", "byte-text.mjs"))) as {
  fromBytes(bytes: Uint8Array): ByteText;
};
const { toBytes } = (await import(join(wasm, "byte-text.js"))) as { toBytes(text: ByteText): Uint8Array };

describe("the text of a half", () => {
  for (const half of ["server", "client"]) {
    test(`gives the ${half}'s wasm`, async () => {
      const bytes = await readFile(join(wasm, "generated", `${half}.wasm`));
      const { wasm: text } = (await import(join(wasm, "generated", `${half}-text.js`))) as { wasm: ByteText };
      assert.ok(bytes.equals(toBytes(text)));
    });

    test(`holds nothing of the ${half}'s wasm that a bundler has to escape`, async () => {
      const { wasm: text } = (await import(join(wasm, "generated", `${half}-text.js`))) as { wasm: ByteText };
      assert.match(text.text, /^[!-~]*$/);
      assert.doesNotMatch(text.text, /["\\]/);
    });
  }

  test("gives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        assert.deepEqual([...toBytes(fromBytes(bytes))], [...bytes]);
      }),
    );
  });
});
