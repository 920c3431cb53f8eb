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
const MAGIC = [0, 97, 115, 109, 1, 0, 0, 0];
const number = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...number(value >> 7)]);
const section = (id: number, content: number[]): number[] => [id, ...number(content.length), ...content];
/** A module with these bytes in it, where no code is. */
const wasmWith = (bytes: Uint8Array): Buffer => Buffer.from([...MAGIC, ...section(0, [4, ...Buffer.from("test"), ...bytes])]);
/** A module of functions without parameters, each of this code. */
function wasmOf(...functions: number[][]): Buffer<ArrayBuffer> {
  const bodies = functions.flatMap((code) => [...number(code.length), ...code]);
  const [types, memory] = [section(1, [1, 0x60, 0, 0]), section(5, [1, 0, 1])];
  return Buffer.from([...MAGIC, ...types, ...section(3, [functions.length, ...functions.map(() => 0)]), ...memory, ...section(10, [functions.length, ...bodies])]);
}
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
        const wasm = wasmWith(bytes);
        const text = textIn(embed(wasm));
        assert.match(text, /^[(-;=-[\]-_a-~]*$/);
        assert.deepEqual([...unpack(text)], [...wasm]);
        assert.deepEqual([...fromBase64(textIn(embedForNode(wasm)))], [...wasm]);
      }),
    );
  });

  test("gives functions of every size, with instructions that the core does not happen to have", () => {
    const nop = (count: number) => [0, ...new Array<number>(count).fill(0x01), 0x0b];
    const drop = 0x1a;
    const instructions = [
      ...[0x02, 0x40, 0x03, 0x40, 0x0b, 0x0b], // block, loop
      ...[0x02, 0x40, 0x41, 0x00, 0x0e, 0x01, 0x00, 0x00, 0x0b], // br_table
      ...[0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf, 0xfc, 0x02, drop], // f64.const, i32.trunc_sat_f64_s
      ...[0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0a, 0, 0], // memory.copy
      ...[0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0], // memory.fill
      ...[0x42, 0xff, 0xff, 0xff, 0x7f, drop], // i64.const, of several bytes
      ...[0x41, 0xfe, 0x01, 0x21, 0x00, 0x20, 0x00, drop], // i32.const, local.set, local.get
    ];
    const wasm = wasmOf(nop(0), [1, 200, 1, 0x7f, ...instructions, 0x0b], nop(125), nop(126), nop(127), nop(16_000));
    assert.ok(WebAssembly.validate(wasm));
    assert.deepEqual([...unpack(textIn(embed(wasm)))], [...wasm]);
  });

  test("may have fewer characters than the wasm has bytes", () => {
    const load = [0x41, 0, 0x28, 0, 0, 0x1a]; // i32.const, i32.load, drop
    const wasm = wasmOf(...new Array<number[]>(40).fill([0, ...Array.from({ length: 2500 }, () => load).flat(), 0x0b]));
    const text = textIn(embed(wasm));
    assert.ok(text.length < wasm.length - 65_536, `${text.length} for ${wasm.length}`);
    assert.ok(Buffer.from(unpack(text)).equals(wasm));
  });

  test("is not made of what could not be read again", () => {
    assert.throws(() => embed(wasmOf([0, 0xd0, 0x6f, 0x1a, 0x0b])), /does not know the instruction 0xd0/);
    assert.throws(() => embed(wasmOf([0, 0xfc, 0x09, 0, 0x0b])), /does not know the instruction 0xfc 9/);
    assert.throws(() => embed(wasmOf([0, 0xfe, 0x03, 0, 0x0b])), /does not know the instruction 0xfe/);
    assert.throws(() => embed(wasmOf([0, 0x41, 0, 0x0e, 0x81, 0x02, ...new Array<number>(0x102).fill(0), 0x0b])), /run of bytes/);
    assert.throws(() => embed(wasmOf([0, 0x41, 0, 0x28, 2, 0, 0x1a, 0x0b])), /aligned/);
    assert.throws(() => embed(wasmOf([0, ...new Array<number>(2 ** 14).fill(0x01), 0x0b])), /16 KB/);
    assert.throws(() => embed(wasmOf([0, 0x41])), /ends too early/);
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
