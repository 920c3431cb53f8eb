// The tarball in an empty project: what npm makes of it, and that every entry loads, without an SDK. Apps on it:
// apps.test.ts.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";

import { pack } from "./tarball.ts";

const execute = promisify(execFile);
const shell = process.platform === "win32";

/**
 * Loads everything that can be imported, then both halves of the core, through the loader that the runtime's conditions
 * choose.
 */
const PROBE = `
const exported = [tasks.TaskServer, tasks.TaskClient, memory.memoryStore, sqlite.sqliteStore, postgres.postgresStore];
      if (!exported.every((one) => typeof one === "function")) throw new Error("an export is missing");

if (!Array.isArray(kit.storeCases)) throw new Error("the store kit is missing");
const loaded = [serverCore, clientCore].every((core) => core.isCurrent(core.load()));
      console.log(loaded ? "the core is loaded" : "the core is not loaded");
`;
const MODULE = `
import * as tasks from "mcp-longhaul";
import * as memory from "mcp-longhaul/stores/memory";
import * as sqlite from "mcp-longhaul/stores/sqlite";
import * as postgres from "mcp-longhaul/stores/postgres";
import * as kit from "mcp-longhaul/store-kit";
import { serverCore } from "./node_modules/mcp-longhaul/dist/server/core.js";
import { clientCore } from "./node_modules/mcp-longhaul/dist/client/core.js";
${PROBE}`;
const SCRIPT = `
const tasks = require("mcp-longhaul");
const memory = require("mcp-longhaul/stores/memory");
const sqlite = require("mcp-longhaul/stores/sqlite");
const postgres = require("mcp-longhaul/stores/postgres");
const kit = require("mcp-longhaul/store-kit");
const { serverCore } = require("./node_modules/mcp-longhaul/dist/server/core.cjs");
const { clientCore } = require("./node_modules/mcp-longhaul/dist/client/core.cjs");
${PROBE}`;

/** Node 20 or newer: this one, and the first on the path that no package of this project brought. */
async function nodes(): Promise<{ file: string; version: string }[]> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const outside = folders
    .map((folder) => join(folder, process.platform === "win32" ? "node.exe" : "node"))
    .find(existsSync);
  const found = [{ file: process.execPath, version: process.version }];
  if (outside !== undefined) {
    const version = (await execute(outside, ["--version"])).stdout.trim();
    if (version !== process.version && Number(version.slice(1).split(".")[0]) >= 20)
      found.push({ file: outside, version });
  }
  return found;
}

suite("the packed package", { timeout: 120_000 }, async () => {
  let project: string;

  before(async () => {
    project = await mkdtemp(join(tmpdir(), "mcp-longhaul-packaging-"));
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", private: true }));
    const tarball = await pack(project);
    await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], {
      cwd: project,
      shell,
    });
    await writeFile(join(project, "module.mjs"), MODULE);
    await writeFile(join(project, "script.cjs"), SCRIPT);
  });
  after(() => rm(project, { recursive: true, force: true }));

  for (const { file, version } of await nodes()) {
    for (const program of ["module.mjs", "script.cjs"]) {
      test(`${program} runs in Node ${version}`, async () => {
        const { stdout, stderr } = await execute(file, [program], { cwd: project });
        assert.equal(stdout, "the core is loaded\n");
        assert.equal(stderr, "");
      });
    }
  }

  test("installs nothing else", async () => {
    const { packages } = JSON.parse(await readFile(join(project, "package-lock.json"), "utf8")) as { packages: object };
    assert.deepEqual(Object.keys(packages), ["", "node_modules/mcp-longhaul"]);
  });

  test("is the same, byte for byte, when packed again", async () => {
    const hash = async (file: string) =>
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
    assert.equal(await hash(await pack(join(project, "one"))), await hash(await pack(join(project, "two"))));
  });
});
