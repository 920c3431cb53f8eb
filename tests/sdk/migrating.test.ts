// The programs of docs/migrating-from-sdk-v1.md, run as they stand, every client against every server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "migrating-from-sdk-v1.md"), "utf8");
const programs = new Map(
  [...page.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [name as string, text as string]),
);
const CLIENTS = ["before-client.ts", "after-client.ts"];

describe("moving from SDK v1's experimental tasks", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["@modelcontextprotocol", "zod"])
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    symlinkSync(join(root, "pkg"), join(folder, "node_modules", "mcp-longhaul"));
    for (const [name, text] of programs) writeFileSync(join(folder, name), text);
  });
  after(() => rmSync(folder, { recursive: true }));

  test("every program is known here", () => {
    const known = [...CLIENTS, "before-server.ts", "durable-server.ts", "after-server.ts", "over-server.ts"];
    assert.deepEqual([...programs.keys()].sort(), known.sort());
  });

  test("a task of the durable server is still there under the server that comes after it", async () => {
    const asks = async (server: string, run: (client: Client) => Promise<unknown>) => {
      const client = new Client({ name: "client", version: "1" });
      const args = [join(folder, server)];
      await client.connect(
        new StdioClientTransport({ command: process.execPath, args, cwd: folder, stderr: "ignore" }),
      );
      try {
        return (await run(client)) as any;
      } finally {
        await client.close();
      }
    };
    const call = { name: "render", arguments: { scene: "teapot" } };
    const taskId: string = await asks("durable-server.ts", async (client) => {
      const task = { ttl: 60_000 };
      let id = "";
      for await (const message of client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task }))
        if (message.type === "taskCreated") id = message.task.taskId;
      return id;
    });
    const result = await asks("over-server.ts", (client) =>
      client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema),
    );
    assert.deepEqual(result.content, [{ type: "text", text: "teapot is rendered" }]);
  });

  for (const server of [...programs.keys()].filter((name) => name.endsWith("-server.ts")))
    for (const client of CLIENTS)
      test(`${client} with ${server}`, async () => {
        const { stdout } = await promisify(execFile)(process.execPath, [client, server], {
          cwd: folder,
          timeout: 30_000,
        });
        const lines = stdout.trim().split("\n");
        assert.equal(lines[0], "taskCreated working");
        assert.ok(lines.includes("taskStatus completed"), stdout);
        assert.equal(lines.at(-1), 'result [{"type":"text","text":"teapot is rendered"}]');
      });
});
