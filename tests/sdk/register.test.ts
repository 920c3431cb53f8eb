// `mcp-longhaul/register`: programs that know nothing of this package, in both module formats and on both SDKs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { buildSync } from "esbuild";
import { TaskClient } from "mcp-longhaul";

const root = join(import.meta.dirname, "..", "..");
const built = join(root, "pkg", "dist");
const REGISTER = pathToFileURL(join(built, "register.js")).href;
const REGISTER_COMMONJS = join(built, "register-commonjs.cjs");
const execute = promisify(execFile);

/** A tool that takes as long as its call says. */
const TOOL = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
server.registerTool("work", { inputSchema: INPUT }, async ({ ms }) => {
  await wait(ms);
  return { content: [{ type: "text", text: "done" }] };
});
void server.connect(new StdioServerTransport());
`;
const SERVERS: Record<string, string> = {
  "v1.mjs": `
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import * as z from "zod";
const INPUT = { ms: z.number() };
const server = new McpServer({ name: "plain", version: "1" });
${TOOL}`,
  "v1.cjs": `
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const z = require("zod");
const INPUT = { ms: z.number() };
const server = new McpServer({ name: "plain", version: "1" });
${TOOL}`,
  "v2.mjs": `
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import * as z from "zod";
const INPUT = z.object({ ms: z.number() });
const server = new McpServer({ name: "plain", version: "1" });
${TOOL}`,
  "v2.cjs": `
const { McpServer } = require("@modelcontextprotocol/server");
const { StdioServerTransport } = require("@modelcontextprotocol/server/stdio");
const z = require("zod");
const INPUT = z.object({ ms: z.number() });
const server = new McpServer({ name: "plain", version: "1" });
${TOOL}`,
  "bundled.cjs": 'require("untyped");\n',
  "minified.cjs": 'require("untyped/minified.js");\n',
  // It makes its server in a package with a copy of the SDK of its own.
  "nested.mjs": 'import { serve } from "framework";\nserve();\n',
};
// Modules are all loaded before the first of them runs: this one finds the SDK there.
SERVERS["imports-first.mjs"] = `import ${JSON.stringify(REGISTER)};\n${SERVERS["v1.mjs"]}`;

/** Calls a tool of a second with a timeout of 500 ms: only a task can outlive it. */
const CALL = `
const [,, server, register] = process.argv;
async function main() {
  const client = new Client({ name: "plain", version: "1" });
  const args = ["--import", register, server];
  const env = { ...process.env, MCP_LONGHAUL_TASK: "always" };
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  await client.listTools();
  const call = client.callTool({ name: "work", arguments: { ms: 1000 } }, ...OPTIONS);
  console.log(await call.then(({ content }) => content[0].text, ({ message }) => message));
  await client.close();
}
void main();
`;
const CLIENTS: Record<string, string> = {
  "client-v1.mjs": `
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
const OPTIONS = [undefined, { timeout: 500 }];
${CALL}`,
  "client-v1.cjs": `
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const OPTIONS = [undefined, { timeout: 500 }];
${CALL}`,
  "client-v2.mjs": `
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
const OPTIONS = [{ timeout: 500 }];
${CALL}`,
  "client-v2.cjs": `
const { Client } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
const OPTIONS = [{ timeout: 500 }];
${CALL}`,
};

let project = "";

before(() => {
  mkdirSync(join(root, "build"), { recursive: true });
  project = mkdtempSync(join(root, "build", "register-")); // where the SDKs are found
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, name: "plain" }));
  for (const [name, text] of Object.entries({ ...SERVERS, ...CLIENTS })) writeFileSync(join(project, name), text);
  const framework = join(project, "node_modules", "framework");
  const copy = join(framework, "node_modules", "@modelcontextprotocol", "sdk");
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(join(root, "node_modules", "@modelcontextprotocol", "sdk"), copy, { recursive: true });
  writeFileSync(
    join(framework, "package.json"),
    JSON.stringify({ name: "framework", type: "module", exports: "./index.js" }),
  );
  // Bundles, in a package that does not say what its modules are.
  const untyped = join(project, "node_modules", "untyped");
  mkdirSync(untyped, { recursive: true });
  writeFileSync(join(untyped, "package.json"), JSON.stringify({ name: "untyped", main: "bundle.js" }));
  for (const minify of [false, true])
    buildSync({
      entryPoints: [join(project, "v1.mjs")],
      outfile: join(untyped, minify ? "minified.js" : "bundle.js"),
      bundle: true,
      minify,
      format: "cjs",
      platform: "node",
    });
  writeFileSync(
    join(framework, "index.js"),
    `export function serve() {\n${(SERVERS["v1.mjs"] as string).replace(/^import .*$/gm, "")}}\n` +
      ((SERVERS["v1.mjs"] as string).match(/^import .*$/gm) ?? []).join("\n"),
  );
});
after(() => rmSync(project, { recursive: true, force: true }));

/** What becomes of a call of `ms`: whether it was a task, as its client sees it. */
async function isTask(args: readonly string[], env: Record<string, string> = {}, ms = 20): Promise<boolean> {
  const host = new TaskClient();
  const client = host.attach(new Client({ name: "test", version: "1" }));
  const options = { command: process.execPath, args: [...args], cwd: project, env: { ...process.env, ...env } };
  await client.connect(new StdioClientTransport(options as never));
  try {
    const task = await host.callTool(client, { name: "work", arguments: { ms } });
    assert.deepEqual(((await task.result()) as any).content, [{ type: "text", text: "done" }]);
    return task.taskId !== undefined;
  } finally {
    await client.close();
  }
}

describe("servers", { concurrency: 2 }, () => {
  for (const name of ["v1.mjs", "v1.cjs", "v2.mjs", "v2.cjs", "nested.mjs", "bundled.cjs", "minified.cjs"]) {
    test(`${name}, with --import`, async () => {
      assert.equal(await isTask(["--import", REGISTER, name]), true);
    });
    test(`${name}, with --require`, async () => {
      assert.equal(await isTask(["--require", REGISTER_COMMONJS, name]), true);
    });
    test(`${name}, alone, has no tasks`, async () => {
      assert.equal(await isTask([name]), false);
    });
  }

  test("an import before that of the SDK", async () => {
    assert.equal(await isTask(["imports-first.mjs"]), true);
  });

  test("with NODE_OPTIONS, twice", async () => {
    const env = { NODE_OPTIONS: `--import ${REGISTER} --require ${REGISTER_COMMONJS}` };
    assert.equal(await isTask(["v1.mjs"], env), true);
  });

  test("policies, by tool and for all", async () => {
    const served = (env: Record<string, string>) => isTask(["--import", REGISTER, "v1.mjs"], env);
    assert.equal(await served({ MCP_LONGHAUL_TASK: "never" }), false);
    assert.equal(await served({ MCP_LONGHAUL_TASK: "never", MCP_LONGHAUL_TOOLS: "other=never, work=always" }), true);
    assert.equal(await served({ MCP_LONGHAUL_TOOLS: "work=never" }), false);
    assert.equal(await served({ MCP_LONGHAUL_SIDE: "client" }), false);
  });

  test("policies of prompts and resources", async () => {
    const client = new Client({ name: "test", version: "1" });
    const env = {
      ...process.env,
      MCP_LONGHAUL_PROMPTS: "report=always",
      MCP_LONGHAUL_RESOURCES: "data://{id}=500,file:///a?b=c=always",
    };
    const args = ["--import", REGISTER, "v1.mjs"];
    await client.connect(new StdioClientTransport({ command: process.execPath, args, cwd: project, env } as never));
    try {
      const { tasks } = client.getServerCapabilities() as { tasks?: { requests?: object } };
      assert.deepEqual(tasks?.requests, { tools: { call: {} }, prompts: { get: {} }, resources: { read: {} } });
    } finally {
      await client.close();
    }
  });

  test("a store in a file", async () => {
    const file = join(project, "tasks.db");
    const env = { MCP_LONGHAUL_STORE: `sqlite:${file}`, MCP_LONGHAUL_TTL: "60000" };
    assert.equal(await isTask(["--import", REGISTER, "v1.mjs"], env), true);
    assert(existsSync(file));
  });
});

describe("clients, whose host sets a timeout for every call", { concurrency: 2 }, () => {
  const run = async (args: readonly string[], env: Record<string, string> = {}) =>
    (
      await execute(process.execPath, [...args, "v2.mjs", REGISTER], {
        cwd: project,
        env: { ...process.env, ...env },
        timeout: 30_000,
      })
    ).stdout;
  for (const name of Object.keys(CLIENTS)) {
    test(`${name}, with --import`, async () => {
      assert.equal(await run(["--import", REGISTER, name]), "done\n");
    });
    test(`${name}, with --require`, async () => {
      assert.equal(await run(["--require", REGISTER_COMMONJS, name]), "done\n");
    });
    test(`${name}, alone, gives up`, async () => {
      assert.match(await run([name]), /timed out/i);
    });
  }

  test("the timeout can be that of the whole call", async () => {
    const whole = { MCP_LONGHAUL_CALL_TIMEOUT: "whole-call" };
    assert.match(await run(["--import", REGISTER, "client-v1.mjs"], whole), /timed out/i);
  });
});

test("what is not known ends the program, and says what there is", async () => {
  const wrong: [string, string, RegExp][] = [
    ["MCP_LONGHAUL_TASK", "sometimes", /MCP_LONGHAUL_TASK=sometimes is not known: set it to auto, always, never/],
    ["MCP_LONGHAUL_TASKS", "always", /There is no setting MCP_LONGHAUL_TASKS; there are .*MCP_LONGHAUL_TOOLS/],
    ["MCP_LONGHAUL_TOOLS", "work", /MCP_LONGHAUL_TOOLS=work is not known: set it to TOOL=WHEN/],
    ["MCP_LONGHAUL_TOOLS", "work=soon", /where WHEN is auto, always/],
    ["MCP_LONGHAUL_PROMPTS", "report", /MCP_LONGHAUL_PROMPTS=report is not known: set it to PROMPT=WHEN/],
    ["MCP_LONGHAUL_RESOURCES", "data://x=soon", /set it to URI=WHEN/],
    ["MCP_LONGHAUL_STORE", "mysql://host", /set it to memory, sqlite:PATH, postgres:/],
    ["MCP_LONGHAUL_TTL", "1h", /set it to milliseconds/],
    ["MCP_LONGHAUL_ON_LOST", "again", /set it to fail, restart/],
    ["MCP_LONGHAUL_PREFERENCE", "yes", /set it to prefer, allow, forbid, require/],
    ["MCP_LONGHAUL_CALL_TIMEOUT", "0", /set it to until-task, whole-call/],
    ["MCP_LONGHAUL_SIDE", "left", /set it to both, server, client/],
  ];
  for (const [name, value, message] of wrong) {
    const run = execute(process.execPath, ["--import", REGISTER, "--eval", ""], {
      env: { ...process.env, [name]: value },
    });
    await assert.rejects(run, { code: 1, stderr: message }, name);
  }
});
