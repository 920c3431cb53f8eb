// The example that a host copies, on a storage that answers later and hands over nothing but text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { keepsContract } from "./contract.ts";
import { exampleStore, type Storage } from "./example-store.ts";

class MapStorage implements Storage {
  readonly #values = new Map<string, string>();
  async get(key: string): Promise<string | undefined> {
    await setImmediate();
    return this.#values.get(key);
  }
  async swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean> {
    await setImmediate();
    if (this.#values.get(key) !== expected) return false;
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    return true;
  }
  async keys(prefix: string): Promise<string[]> {
    await setImmediate();
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix));
  }
}

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part) and X-STO-12, as far as they are a store's.
describe("the example of a store keeps the contract", () => {
  keepsContract(() => {
    const storage = new MapStorage();
    return { store: exampleStore(storage), peer: exampleStore(storage), reopen: () => exampleStore(storage) };
  });
});

test("the example of a store is short", () => {
  const lines = readFileSync(join(import.meta.dirname, "example-store.ts"), "utf8")
    .trimEnd()
    .split("\n");
  assert.ok(lines.length < 60, `${lines.length} lines`);
});
