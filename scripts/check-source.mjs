// `node scripts/check-source.mjs [--fix]`: format, lint, and the rules in source-rules.mjs. `--fix` mends what tools
// can mend safely. It needs what `npm ci` brings, and cargo; nothing has to be built.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generationsElsewhere, longLines, privateWords, rustCircles } from "./source-rules.mjs";
import { Failure, root, run, runPackage, say } from "./tools.mjs";

export async function checkSource({ fix = false } = {}) {
  if (await hasRustfmt()) await run("cargo", ["fmt", ...(fix ? [] : ["--check"])]);
  else say("rustfmt is not installed: left out");
  await runPackage("@biomejs/biome", "biome", [
    "check",
    ...(fix ? ["--write"] : []),
    "--error-on-warnings",
    "--diagnostic-level=warn",
    ".",
  ]);
  const files = await trackedFiles();
  const faults = [generationsElsewhere, longLines, privateWords, rustCircles].flatMap((rule) => rule(files));
  if (faults.length > 0) throw new Failure(`${faults.join("\n")}\n${faults.length} places break a rule of the source`);
}

/** What git knows or is about to know, as texts by path. */
async function trackedFiles() {
  const list = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { capture: true });
  const paths = list.split("\n").filter((path) => /\.(?:rs|[cm]?[jt]s|md)$/.test(path));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

async function hasRustfmt() {
  try {
    await run("cargo", ["fmt", "--version"], { capture: true });
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { fix: { type: "boolean", default: false } } });
  try {
    await checkSource(values);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
