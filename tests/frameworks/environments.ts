// What `npm run frameworks` runs on: each framework, or set of servers, in a folder of its own under build/frameworks,
// with exact versions. A folder is made anew when its versions change.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");

/** A folder with these packages, and this package as it was built. */
export async function environment(name: string, packages: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12);
  const folder = join(root, "build", "frameworks", `${name}-${hash}`);
  if (!existsSync(join(folder, "complete"))) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    console.log(`npm install ${packages.join(" ")} …`);
    const options = [
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      "--save-exact",
      "--loglevel=error",
    ];
    await promisify(execFile)("npm", ["install", ...options, ...packages], { cwd: folder, maxBuffer: 2 ** 24 });
    // Written under another name first: a run that is cut off leaves nothing that looks complete.
    writeFileSync(join(folder, "complete.new"), packages.join("\n"));
    renameSync(join(folder, "complete.new"), join(folder, "complete"));
  }
  const own = join(folder, "node_modules", "mcp-longhaul");
  rmSync(own, { recursive: true, force: true });
  symlinkSync(join(root, "pkg"), own, "junction");
  return folder;
}
