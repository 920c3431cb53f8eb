// Peers that are not ours to install with the project, with pinned versions: the Python peers, each in a virtual
// environment of its own, hosts from npm, and programs on Rust crates. A folder is made anew when its pins change.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What each environment holds; the first package is the one that its rows are named after. */
export const ENVIRONMENTS = {
  "python-sdk-1": ["mcp==1.30.0"],
  "python-sdk-2": ["mcp==2.3.0"],
  "fastmcp-3": ["fastmcp[tasks]==3.4.11"],
  "fastmcp-4": ["fastmcp[tasks]==4.1.4"],
  "pydantic-ai-on-fastmcp-3": ["pydantic-ai-slim[mcp]==2.68.0", "fastmcp[tasks]==3.4.11"],
  "pydantic-ai-on-fastmcp-4": ["pydantic-ai-slim[mcp]==2.68.0", "fastmcp[tasks]==4.1.4"],
} as const satisfies Record<string, readonly string[]>;

export type Environment = keyof typeof ENVIRONMENTS;

/** The Python of an environment, which is made where it does not exist yet. `folder` holds all of them. */
export async function python(folder: string, environment: Environment): Promise<string> {
  const pins = ENVIRONMENTS[environment];
  const home = await made(folder, environment, pins, async (home) => {
    await execute("python3", ["-m", "venv", home]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", ...pins];
    await execute(join(home, "bin", "python"), pip, { maxBuffer: 2 ** 24 });
  });
  return join(home, "bin", "python");
}

/** Hosts from npm. */
export const HOSTS = {
  opencode: ["opencode-ai@1.18.33"],
  inspector: ["@modelcontextprotocol/inspector@2.12.0"],
} as const satisfies Record<string, readonly string[]>;

/** The folder with the `node_modules` of a host, which is installed where it is not yet. */
export function npm(folder: string, host: keyof typeof HOSTS): Promise<string> {
  return made(folder, host, HOSTS[host], async (home) => {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), '{ "private": true }');
    const install = ["install", "--no-audit", "--no-fund", "--save-exact", ...HOSTS[host]];
    await execute("npm", install, { cwd: home, maxBuffer: 2 ** 24 });
  });
}

/** A program of the cargo package in `sources`, built as its lock file says. */
export async function rust(folder: string, sources: string, binary: string): Promise<string> {
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(rs|toml|lock)$/.test(file),
  );
  const texts = files.toSorted().map((file) => readFileSync(join(sources, file), "utf8"));
  const home = await made(folder, "rust", texts, async (home) => {
    // What it depends on stays built when a program changes.
    const target = join(folder, "rust-target");
    const build = ["build", "--quiet", "--locked", "--bins", "--target-dir", target];
    await execute("cargo", build, { cwd: sources, maxBuffer: 2 ** 24 });
    mkdirSync(home, { recursive: true });
    const programs = readdirSync(join(sources, "src", "bin")).map((file) => file.replace(/\.rs$/, ""));
    for (const program of programs) cpSync(join(target, "debug", program), join(home, program));
  });
  return join(home, binary);
}

/** The folder of what `make` installs, once for these pins. */
async function made(
  folder: string,
  name: string,
  pins: readonly string[],
  make: (home: string) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256").update(pins.join("\n")).digest("hex").slice(0, 12);
  const home = join(folder, `${name}-${hash}`);
  if (existsSync(join(home, "complete"))) return home;
  mkdirSync(folder, { recursive: true });
  rmSync(home, { recursive: true, force: true });
  await make(home);
  // Written under another name first: a run that is cut off leaves nothing that looks complete.
  writeFileSync(join(home, "complete.new"), hash);
  renameSync(join(home, "complete.new"), join(home, "complete"));
  return home;
}
