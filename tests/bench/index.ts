/**
 * `npm run bench [-- --quick] [-- --only 1,4]`: mcp-longhaul and its peers in one run, as a Markdown table. The numbers
 * are the targets' own. Each file of rows runs in a process of its own, so that no row meets another's heap or compiled
 * code.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FULL, type Outcome, QUICK, type Row, run } from "./harness.ts";
import { report } from "./report.ts";

/** Every file of rows and its targets. */
const FILES: Readonly<Record<string, readonly number[]>> = {
  get: [1, 3],
  "durable-sqlite": [2],
  "durable-postgres": [2],
  "durable-redis": [2],
  cycle: [4],
  latency: [5],
  client: [6],
  follow: [20, 21],
  crowd: [8, 9],
  memory: [10],
  payload: [11],
  size: [13],
  cold: [14],
  overhead: [15],
  sweep: [16],
  wakeup: [17],
};
const PEERS = [
  "@modelcontextprotocol/sdk",
  "@modelcontextprotocol/client",
  "@modelcontextprotocol/server",
  "@modelcontextprotocol/ext-tasks",
];

const { values } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false }, file: { type: "string" } },
});
const only = values.only?.split(",").map(Number);
const known = Object.values(FILES).flat();
for (const target of only ?? [])
  if (!known.includes(target)) throw new Error(`no target ${target}; there are ${known.join(", ")}`);
const wanted = (target: number): boolean => only?.includes(target) ?? true;

if (values.file === undefined) await everything();
else await oneFile(values.file);

/** The rows of one file; their outcomes are the last line, as JSON. */
async function oneFile(file: string): Promise<void> {
  const { rows } = (await import(`./${file}.ts`)) as { rows: readonly Row[] };
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    if (!wanted(row.target)) continue;
    outcomes.push(...(await run(row, values.quick ? QUICK : FULL)));
  }
  await new Promise((resolve) => process.stdout.write(`\n${JSON.stringify(outcomes)}\n`, resolve));
  process.exit();
}

async function everything(): Promise<void> {
  // Others at work on the machine spoil absolute figures; ratios suffer less.
  const load = loadavg()[0] ?? 0;
  const outcomes: Outcome[] = [];
  const failed: string[] = [];
  for (const [file, targets] of Object.entries(FILES)) {
    if (!targets.some(wanted)) continue;
    const start = performance.now();
    process.stderr.write(`${file} …`);
    try {
      outcomes.push(...(await inItsProcess(file)));
    } catch (error) {
      failed.push(file);
      process.stderr.write(` ${error instanceof Error ? error.message : String(error)}`);
    }
    process.stderr.write(` ${Math.round((performance.now() - start) / 1000)} s\n`);
  }
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  const head = [
    `## mcp-longhaul and its peers${values.quick ? " (quick: few short rounds, smaller stores)" : ""}`,
    "",
    `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} × ${processor}, ` +
      `load ${load.toFixed(1)} at the start, ${new Date().toISOString().slice(0, 10)}.`,
    `${PEERS.map((name) => `${name.replace("@modelcontextprotocol/", "")} ${version(name)}`).join(", ")}; ` +
      `mcp-longhaul ${version("mcp-longhaul")}.`,
  ];
  process.stdout.write(`${report(outcomes, head)}\n`);
  if (failed.length > 0) {
    process.stderr.write(`failed: ${failed.join(", ")}\n`);
    process.exitCode = 1;
  }
}

function inItsProcess(file: string): Promise<Outcome[]> {
  const args = [
    "--expose-gc",
    "--no-warnings",
    "--max-old-space-size=8192",
    fileURLToPath(import.meta.url),
    "--file",
    file,
  ];
  if (values.only !== undefined) args.push("--only", values.only);
  if (values.quick) args.push("--quick");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject).on("close", (code) => {
      if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1) ?? "") as Outcome[]);
      else reject(new Error(`${file} ended with ${code}`));
    });
  });
}

/** The version of a package as installed here. */
function version(name: string): string {
  try {
    // The tree refers to itself by the package's name, so that is looked for where it is built.
    const path =
      name === "mcp-longhaul" ? findPackageJSON(import.meta.resolve(name)) : findPackageJSON(name, import.meta.url);
    return path === undefined
      ? "(not installed)"
      : (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return "(not installed)";
  }
}
