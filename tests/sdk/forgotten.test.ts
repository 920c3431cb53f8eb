// What nobody holds any longer takes no room in the core, which cannot see that by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TaskServer } from "mcp-longhaul";
import { serverCore } from "mcp-longhaul/server/core";
import { isQuiet } from "mcp-longhaul/wasm/generated/server";
import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";

async function use(): Promise<void> {
  const tasks = new TaskServer({ task: "always" });
  const server = tasks.attach(new McpServer({ name: "forgotten", version: "1.0.0" }));
  await server.connect(InMemoryTransport.createLinkedPair()[0]);
  await server.close();
  await tasks.close(); // it looks after its store until then
}

test("a server that nobody holds is let go of in the core", async () => {
  const before = serverCore.number({});
  await use();
  const made = before + 1;
  assert.equal(isQuiet(made), true, "it was not made in the core");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const isThere = () => {
    try {
      return isQuiet(made);
    } catch (error) {
      assert.match(String(error), /made by an instance that is no more/);
      return false;
    }
  };
  for (let turn = 0; turn < 100 && isThere(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  assert.equal(isThere(), false);
});
