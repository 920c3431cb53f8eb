// What indexedDbStore does in a browser: tests/browser/.
import assert from "node:assert/strict";
import { test } from "node:test";
import { indexedDbStore } from "mcp-longhaul/stores/indexeddb";

test("indexedDbStore says where it cannot be used", async () => {
  await assert.rejects(async () => indexedDbStore().get("alice", "a"), {
    name: "TaskError",
    code: "storage",
    message: /no IndexedDB here/,
  });
});
