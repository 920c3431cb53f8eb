// `npm run pack`: pkg/mcp-longhaul-<version>.tgz, and what must be true of it. Nothing here publishes.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkApi } from "./api-report.mjs";
import { build, pkg } from "./build.mjs";
import { checkPackage } from "./check-package.mjs";
import { targets } from "./exports.mjs";
import { Failure, runPackage, run, say, step } from "./tools.mjs";

export async function pack() {
  await build();
  await step("package.json, its files and the version", checkPackage);
  await step("public surface", () => checkApi(pkg));
  const [{ filename, size, unpackedSize, files }] = JSON.parse(
    await run("npm", ["pack", "--json", "--loglevel=error"], { cwd: pkg, capture: true }),
  );
  say(`pkg/${filename}: ${files.length} files, ${size} bytes, ${unpackedSize} unpacked`);
  const { repository } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
  say(
    repository?.url === undefined
      ? "repository: none, as no CI names one (GITHUB_REPOSITORY, CI_PROJECT_URL); npm takes no provenance without it"
      : `repository: ${repository.url}`,
  );
  const tarball = join(pkg, filename);
  await step("publint", () => runPackage("publint", "publint", [tarball, "--strict"]));
  await step("are the types wrong", () =>
    runPackage("@arethetypeswrong/cli", "attw", [tarball, "--format=ascii", "--entrypoints", ...entries()], {
      capture: "all",
    }),
  );
  await step("npm publish, without publishing", () => rehearse(tarball));
  await step("crate", packCrate);
}

/** `npm run api`: writes the reports of the public surface. */
export async function updateApi() {
  await build();
  await checkApi(pkg, { update: true });
}

function entries() {
  const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
  return [...new Set(targets({ exports }, pkg).map(({ key }) => key))].filter((key) => key !== "./package.json");
}

/** npm finds nothing to correct in package.json and nothing to warn of. */
async function rehearse(tarball) {
  const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-publish-"));
  try {
    const manifest = readFileSync(join(pkg, "package.json"), "utf8");
    cpSync(pkg, folder, { recursive: true, filter: (file) => !file.endsWith(".tgz") });
    await run("npm", ["pkg", "fix"], { cwd: folder });
    if (readFileSync(join(folder, "package.json"), "utf8") !== manifest)
      throw new Failure("`npm pkg fix` would change package.json");
    const said = await run("npm", ["publish", "--dry-run", "--loglevel=warn", tarball], {
      capture: "all",
      cwd: folder,
    });
    // Whoever rehearses need not be allowed to publish.
    const warnings = said
      .split("\n")
      .filter((line) => /^npm (warn|error)/i.test(line) && !line.includes("requires you to be logged in"));
    if (warnings.length > 0) throw new Failure(`\`npm publish --dry-run\` warns:\n${warnings.join("\n")}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The crate builds from what is in its package alone, and its manual is right. */
async function packCrate() {
  const said = await run("cargo", ["package", "--locked", "--allow-dirty"], { capture: "all" });
  if (/^(warning|error)/m.test(said)) throw new Failure(`\`cargo package\` warns:\n${said}`);
  await run("cargo", ["doc", "--locked", "--no-deps", "--quiet"], { env: { RUSTDOCFLAGS: "-D warnings" } });
}
