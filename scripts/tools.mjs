// What the commands share: progress lines, child processes, where Node 24 is, and when a step can be left out.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What a build needs between its steps. */
export const work = join(root, "build");
const major = Number(process.versions.node.split(".")[0]);
const started = Date.now();

export const seconds = (since = started) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

export function say(text) {
  console.log(`[${seconds().padStart(7)}] ${text}`);
}

/** An error whose message is all that a user has to see. */
export class Failure extends Error {}

/** Runs one step and says how long it took. */
export async function step(name, work) {
  const begun = Date.now();
  say(`${name} …`);
  const result = await work();
  say(`${name}: done in ${seconds(begun)}`);
  return result;
}

/** Where cargo's runner finds `node`: Node 20 crashes now and then in programs as large as the core's tests. */
export const modernPath = [dirname(process.execPath), process.env.PATH].join(delimiter);

/** Runs a program to its end. Its output is shown, or returned with `capture`: `"all"` with what it says on stderr. */
export function run(program, parameters, { capture = false, env = {}, cwd = root } = {}) {
  // On Windows npm is a script, which only the shell runs.
  const shell = process.platform === "win32" && program === "npm";
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      cwd,
      shell,
      env: { ...process.env, ...env },
      stdio: ["inherit", capture ? "pipe" : "inherit", capture === "all" ? "pipe" : "inherit"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    child.once("error", (cause) => reject(new Failure(`cannot run ${program}: ${cause.message}`)));
    const stop = () => child.kill();
    process.once("SIGTERM", stop);
    child.once("close", (code, signal) => {
      process.off("SIGTERM", stop);
      if (code === 0) resolve(output);
      else {
        const ended = `${[program, ...parameters].join(" ")}: ${signal ?? `exit code ${code}`}`;
        reject(new Failure(capture === "all" ? `${ended}\n${output}` : ended));
      }
    });
  });
}

/** Runs a command of a package in node_modules. */
export function runPackage(name, command, parameters, options) {
  const folder = join(root, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return run(process.execPath, [join(folder, bin[command]), ...parameters], options);
}

/** Node 24 or newer: the one that runs this, or the one that `npm ci` brings. */
export function modernNode() {
  if (major >= 24) return process.execPath;
  const file = join(
    root,
    "node_modules",
    `node-${process.platform}-${process.arch}`,
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (existsSync(file)) return file;
  throw new Failure(
    `Development needs Node 24 or newer, this is ${process.version}, and npm brings none for ` +
      `${process.platform}-${process.arch}. Please install it.`,
  );
}

/** The files below a folder, sorted. */
export function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** A name for the contents of files. */
export function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0${statSync(file).size}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

/** Runs `action` unless it already ran for the same `inputs` and its `outputs` exist. */
export async function unlessFresh(name, inputs, outputs, action) {
  const stamp = join(work, `${name}.stamp`);
  const key = digest(inputs);
  if (outputs.every(existsSync) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  rmSync(stamp, { force: true });
  await step(name, action);
  write(stamp, key);
}

/**
 * Writes a file in one go, so that a second build beside this one reads no half of it. Equal contents stay untouched.
 */
export function write(file, contents) {
  const bytes = Buffer.from(contents);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, file);
}
