// The texts in which the package has its wasm.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";

type Embed = (bytes: Buffer) => string;
const load = <Module>(...path: string[]) => import(new URL(["..", "..", ...path].join("/"), import.meta.url).href) as Promise<Module>;
const wasm = ["pkg", "dist", "wasm"];
const { embed, embedForNode } = await load<Record<"embed" | "embedForNode", Embed>>("scripts", "embed.mjs");
const { unpack } = await load<{ unpack(text: string): Uint8Array }>(...wasm, "unpack.js");
const { fromBase64 } = await load<{ fromBase64(text: string): Uint8Array }>(...wasm, "base64.js");
/** The text in the source of a module. */
const textIn = (source: string): string => /"(.*)"/s.exec(source)![1]!;

describe("the text of a half", () => {
  for (const half of ["server", "client"]) {
    test(`gives the ${half}'s wasm`, async () => {
      const bytes = await readFile(join(import.meta.dirname, "..", "..", ...wasm, "generated", `${half}.wasm`));
      const { text } = await load<{ text: string }>(...wasm, "generated", `${half}-text.js`);
      const { base64 } = await load<{ base64: string }>(...wasm, "generated", `${half}-base64.js`);
      assert.deepEqual(Buffer.from(unpack(text)), bytes);
      assert.deepEqual(Buffer.from(fromBase64(base64)), bytes);
    });
  }

  test("gives any bytes, however often each is there, and can stand in every string and in HTML", () => {
    const few = fc.uint8Array({ maxLength: 2000, max: 40 });
    fc.assert(
      fc.property(fc.oneof(few, fc.uint8Array({ maxLength: 5000 })), (bytes) => {
        const text = textIn(embed(Buffer.from(bytes)));
        assert.match(text, /^[(-;=-[\]-_a-~]*$/);
        assert.deepEqual([...unpack(text)], [...bytes]);
        assert.deepEqual([...fromBase64(textIn(embedForNode(Buffer.from(bytes))))], [...bytes]);
      }),
    );
  });

  test("is read from base64 where there is no `Buffer` too", () => {
    const { Buffer } = globalThis;
    const text = Buffer.from([0, 97, 115, 109, 255, 128]).toString("base64");
    try {
      Reflect.deleteProperty(globalThis, "Buffer");
      assert.deepEqual([...fromBase64(text)], [0, 97, 115, 109, 255, 128]);
    } finally {
      globalThis.Buffer = Buffer;
    }
  });
});
