// The Python peers, each in a virtual environment of its own with pinned versions. A folder is made anew when its pins
// change.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  const hash = createHash("sha256").update(pins.join("\n")).digest("hex").slice(0, 12);
  const home = join(folder, `${environment}-${hash}`);
  const program = (base: string): string => join(base, "bin", "python");
  if (existsSync(join(home, "complete"))) return program(home);
  mkdirSync(folder, { recursive: true });
  rmSync(home, { recursive: true, force: true });
  await execute("python3", ["-m", "venv", home]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", ...pins];
  await execute(program(home), pip, { maxBuffer: 2 ** 24 });
  // Written under another name first: a run that is cut off leaves nothing that looks complete.
  writeFileSync(join(home, "complete.new"), pins.join("\n"));
  renameSync(join(home, "complete.new"), join(home, "complete"));
  return program(home);
}
