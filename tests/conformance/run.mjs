// `npm run conformance [-- --report] [scenario…]`: the official conformance suite against the fixture server. Every
// task scenario, and the suite's frozen requirements of both protocol revisions, to see that a tapped server is still a
// server. Exits 1 if a check fails or a scenario that should have run did not; with `--report` it only prints.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TASKS = [
  "tasks-lifecycle",
  "tasks-capability-negotiation",
  "tasks-wire-fields",
  "tasks-request-state-removal",
  "tasks-mrtr-input",
  "tasks-request-headers",
  "tasks-dispatch-and-envelope",
  "tasks-status-notifications",
  "tasks-required-task-error",
  "tasks-mrtr-composition",
];
/** Scenarios that the suite itself skips, and why. */
const SKIPPED = { "tasks-status-notifications": "the suite has no harness for subscriptions/listen yet" };
/**
 * Required of a server, not served by this one: its 2025-11-25 side keeps no session, so no answer would find its
 * request.
 */
const NOT_SERVED = {
  "2025-11-25": [
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "server-sse-multiple-streams",
  ],
  "2026-07-28": [],
};
/** Not required by any revision, and served all the same. */
const EXTRA = {
  "2025-11-25": ["json-schema-2020-12"],
  "2026-07-28": ["json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"],
};
const REVISIONS = Object.keys(NOT_SERVED);

const { values: options, positionals: wanted } = parseArgs({
  options: { report: { type: "boolean", default: false } },
  allowPositionals: true,
});
if (Number(process.versions.node.split(".")[0]) < 22) throw new Error("the conformance suite needs Node 22 or newer");

const require = createRequire(import.meta.url);
const manifest = require.resolve("@modelcontextprotocol/conformance/package.json");
const { bin, version } = require(manifest);
const suite = join(dirname(manifest), bin.conformance);

/** Runs the suite's command line; its text only matters when something did not run. */
function run(...args) {
  const child = spawn(process.execPath, [suite, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

async function startFixture() {
  const script = fileURLToPath(new URL("fixture-server.ts", import.meta.url));
  const child = spawn(process.execPath, [script, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const url = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => resolve(line.match(/http:\S+/)?.[0]));
    child.once("error", reject);
    void ended.then((code) => reject(new Error(`the fixture server ended with ${code} before it listened`)));
  });
  return { url, stop: () => (child.kill("SIGTERM"), ended) };
}

/** The server scenarios that a protocol revision requires, from the suite's own frozen list. */
async function required(revision) {
  const { output } = await run("list", "--requirements", revision);
  const section = output.split(/^Server scenarios.*$/m)[1]?.split(/^\S.*:$/m)[0] ?? "";
  return [...section.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name);
}

async function check({ scenario, revision, directory, url }) {
  const at = revision === "tasks" ? [] : ["--spec-version", revision];
  const { code, output } = await run("server", "--url", url, "--scenario", scenario, ...at, "-o", directory);
  const folder = (await readdir(directory).catch(() => []))[0];
  const text = folder && (await readFile(join(directory, folder, "checks.json"), "utf8").catch(() => undefined));
  const checks = text ? JSON.parse(text) : [];
  return { scenario, revision, checks, ran: checks.some(({ status }) => status !== "SKIPPED"), code, output };
}

async function pool(jobs, size, work) {
  const results = [];
  const queue = jobs.entries();
  const worker = async () => {
    for (const [index, job] of queue) results[index] = await work(job, index);
  };
  await Promise.all(Array.from({ length: size }, worker));
  return results;
}

const jobs = TASKS.map((scenario) => ({ scenario, revision: "tasks" }));
for (const revision of REVISIONS) {
  const scenarios = await required(revision);
  if (scenarios.length === 0) throw new Error(`the suite lists no scenarios for ${revision}`);
  for (const scenario of [...scenarios, ...EXTRA[revision]]) {
    if (!NOT_SERVED[revision].includes(scenario)) jobs.push({ scenario, revision });
  }
}
const chosen = wanted.length > 0 ? jobs.filter(({ scenario }) => wanted.includes(scenario)) : jobs;
if (chosen.length === 0) throw new Error(`no such scenario: ${wanted.join(", ")}`);

const scratch = await mkdtemp(join(tmpdir(), "conformance-"));
const fixture = await startFixture();
let results;
try {
  const size = Math.min(6, Math.max(2, availableParallelism()));
  results = await pool(chosen, size, (job, index) =>
    check({ ...job, directory: join(scratch, String(index)), url: fixture.url }),
  );
} finally {
  await fixture.stop();
  await rm(scratch, { recursive: true, force: true });
}

console.log(`@modelcontextprotocol/conformance ${version}\n`);
const MARK = { SUCCESS: "pass", FAILURE: "FAIL", WARNING: "warn", SKIPPED: "skip", INFO: "info" };
const count = { pass: 0, FAIL: 0, warn: 0, skip: 0, info: 0 };
const notRun = [];
const quiet = [];
for (const { scenario, revision, checks, ran, code, output } of results) {
  const failed = checks.some(({ status }) => status === "FAILURE");
  for (const { status } of checks) count[MARK[status]]++;
  const skipped = SKIPPED[scenario];
  if (skipped ? checks.length === 0 : !ran || (code !== 0 && !failed)) notRun.push({ scenario, revision, output });
  // The core scenarios are many and not what this suite is for: they get a line each only where something is amiss.
  const unremarkable =
    revision !== "tasks" && wanted.length === 0 && ran && checks.every(({ status }) => status === "SUCCESS");
  if (unremarkable) {
    quiet.push({ revision, checks: checks.length });
    continue;
  }
  console.log(`${scenario} (${revision})${skipped ? `: skipped upstream, ${skipped}` : ""}`);
  for (const { id, status, errorMessage } of checks) {
    const why =
      status !== "SUCCESS" && !skipped && errorMessage
        ? `\n       ${errorMessage.slice(0, 600).replaceAll("\n", "\n       ")}`
        : "";
    console.log(`  ${MARK[status]} ${id}${why}`);
  }
}
for (const revision of REVISIONS) {
  const same = quiet.filter((entry) => entry.revision === revision);
  if (same.length > 0)
    console.log(
      `${revision}: ${same.length} core scenarios pass, ${same.reduce((sum, { checks }) => sum + checks, 0)} checks`,
    );
  if (wanted.length > 0) continue;
  if (NOT_SERVED[revision].length > 0)
    console.log(`${revision}: not served, as it needs a session: ${NOT_SERVED[revision].join(", ")}`);
}
for (const { scenario, revision, output } of notRun)
  console.log(`\n${scenario} (${revision}) DID NOT RUN\n${output.trim()}`);
const names = Object.entries(count)
  .filter(([, n]) => n > 0)
  .map(([name, n]) => `${n} ${name}`);
console.log(`\n${results.length} scenarios, ${notRun.length} did not run; checks: ${names.join(", ")}`);
if (!options.report && (count.FAIL > 0 || notRun.length > 0)) process.exitCode = 1;
