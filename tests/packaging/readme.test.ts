// The named code blocks of the README and the guides, run as they stand against the tarball in an empty project.
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { pack } from "./tarball.ts";

const root = join(import.meta.dirname, "..", "..");
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};
const beside = ["client", "server", "node", "sdk"].map((name) => `@modelcontextprotocol/${name}`).concat("zod");
const guides = join(root, "www", "guides", "guides");
const pages = [join(root, "README.md"), ...readdirSync(guides).map((name) => join(guides, name))];
const prose = pages.map((page) => readFileSync(page, "utf8")).join("\n");
const blocks = new Map(
  [...prose.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [name as string, text as string]),
);

describe("the README's snippets", () => {
  let project = "";
  let server: ChildProcess | undefined;
  let url = "";

  before(async () => {
    project = mkdtempSync(join(tmpdir(), "mcp-longhaul-readme-"));
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const packages = beside.map((name) => `${name}@${devDependencies[name]}`);
    await promisify(execFile)(
      "npm",
      ["install", "--no-audit", "--no-fund", "--prefer-offline", await pack(project), ...packages],
      { cwd: project },
    );
    for (const [name, text] of blocks) writeFileSync(join(project, name), text);
    writeFileSync(join(project, "drive.ts"), DRIVE);
    writeFileSync(join(project, "plainly.ts"), PLAINLY);
    const port = await freePort();
    url = `http://127.0.0.1:${port}/mcp`;
    server = spawn(process.execPath, ["node.ts"], {
      cwd: project,
      env: { ...process.env, PORT: String(port) },
      stdio: "inherit",
    });
    await until(() =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    );
  });

  after(() => {
    server?.kill();
    rmSync(project, { recursive: true, force: true });
  });

  const run = async (file: string, ...parameters: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, ...parameters], {
      cwd: project,
      env: { ...process.env, MCP_URL: url },
      timeout: 60_000,
    });
    return stdout;
  };

  test("all blocks are known here", () => {
    assert.deepEqual([...blocks.keys()].sort(), [
      "agent.ts",
      "client.ts",
      "confirm.ts",
      "durable.ts",
      "follow.ts",
      "journal.ts",
      "node.ts",
      "own.test.ts",
      "plain.ts",
      "server.ts",
      "status.ts",
      "steps.ts",
      "tools.ts",
      "v1-client.ts",
      "v1-server.ts",
    ]);
  });

  test("a server in five lines, a client in three", async () => {
    assert.match(await run("client.ts"), /teapot is rendered/);
  });

  test("following a task, and finding it again", async () => {
    const output = await run("follow.ts");
    assert.match(output, /working/);
    assert.equal(output.match(/teapot is rendered/g)?.length, 2);
  });

  test("SDK v1 over stdio", async () => {
    assert.match(await run("v1-client.ts"), /teapot is rendered/);
  });

  test("a status message in a call that becomes a task", async () => {
    assert.match(
      await run("drive.ts", "status.ts", "count", '{"to":5}'),
      /"statusMessage":"\d of 5"[\s\S]*counted to 5/,
    );
  });

  test("both ways to ask the user", async () => {
    assert.match(await run("drive.ts", "confirm.ts", "deploy", "{}"), /deployed/);
    assert.match(await run("drive.ts", "confirm.ts", "remove", "{}"), /removed/);
  });

  test("tools for clients without tasks", async () => {
    assert.match(await run("plainly.ts"), /render,task_status,task_answer,task_cancel/);
  });

  test("a client that survives", async () => {
    assert.match(await run("journal.ts"), /followed: render[\s\S]*teapot is rendered[\s\S]*render \w+ \w+/);
    assert.match(await run("journal.ts"), /render ended completed/);
  });

  test("an agent that goes on while its tasks work", async () => {
    assert.deepEqual((await run("agent.ts")).trim().split("\n"), [
      "user: render the teapot, and tell me a joke meanwhile",
      "agent: I have started it, and will tell you when it is done.",
      "agent: A task walks into a bar. It is still walking.",
      "agent: Here it is: teapot is rendered",
    ]);
  });

  test("work in steps", async () => {
    assert.match(await run("drive.ts", "steps.ts", "report", '{"month":"May"}'), /May: 12 orders/);
  });

  test("a test of one's own", async () => {
    // Inside of a test, a runner would tell its outcome to the one outside.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ["--test", "own.test.ts"], { cwd: project, env });
    assert.match(stdout, /pass 1/);
  });

  test("a store that lasts", async () => {
    assert.match(await run("drive.ts", "durable.ts", "render", '{"scene":"teapot"}'), /teapot is rendered/);
  });
});

/** Calls a tool of a module that exports `{ fetch }`, answers its questions with yes, prints what it sees. */
const DRIVE = `
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { TaskClient } from "mcp-longhaul";
const [, , module, name, parameters] = process.argv;
const { default: server } = await import("./" + module);
const host = new TaskClient();
const settings = { versionNegotiation: { mode: "auto" }, capabilities: { elicitation: {} } };
      const client = host.attach(new Client({ name: "drive", version: "1.0.0" }, settings));
client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { sure: true } }));
const fetch = (url, init) => server.fetch(new Request(url, init));
      await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
const task = await host.callTool(client, { name, arguments: JSON.parse(parameters) });
for await (const update of task.updates()) console.log(JSON.stringify(update));
console.log(JSON.stringify(await task.result()));
await client.close();
process.exit(0);
`;

/** Prints the tools that a client without tasks is offered. */
const PLAINLY = `
import { McpServer } from "@modelcontextprotocol/server";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { tasks } from "./plain.ts";
const server = new McpServer({ name: "plain", version: "1.0.0" });
server.registerTool("render", {}, () => ({ content: [] }));
const [near, far] = InMemoryTransport.createLinkedPair();
await tasks.attach(server).connect(far);
const client = new Client({ name: "plain", version: "1.0.0" });
await client.connect(near);
const { tools } = await client.listTools();
console.log(tools.map(({ name }) => name).join());
process.exit(0);
`;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the server does not listen");
}
