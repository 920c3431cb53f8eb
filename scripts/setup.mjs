// Brings what a fresh clone lacks: the Rust targets and the npm packages. Runs on Node 20, with no package installed.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failure, root, run, say, step } from "./tools.mjs";

/** @param targets the Rust targets the command needs */
export async function setup(targets) {
  if (targets.length > 0) await setUpRust(targets);
  await setUpPackages();
}

async function setUpRust(targets) {
  let sysroot;
  try {
    sysroot = (await run("rustc", ["--print", "sysroot"], { capture: true })).trim();
    await run("cargo", ["--version"], { capture: true });
  } catch {
    throw new Failure("Rust is missing (rustc and cargo, 1.85 or newer). Please install it: https://rustup.rs");
  }
  const missing = targets.filter((target) => !existsSync(join(sysroot, "lib", "rustlib", target, "lib")));
  if (missing.length === 0) return;
  await step(`adding the Rust targets ${missing.join(", ")}`, () =>
    run("rustup", ["target", "add", ...missing]).catch((error) => {
      throw new Failure(
        `${error.message}\nThe Rust targets ${missing.join(", ")} are missing and could not be added. ` +
          "Please install them.",
      );
    }),
  );
}

async function setUpPackages() {
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules", ".package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const wanted = Object.entries(JSON.parse(readFileSync(lock, "utf8")).packages)
    .filter(([path, { optional }]) => path !== "" && !optional)
    .map(([path]) => join(root, path, "package.json"));
  await step(`installing ${wanted.length} npm packages (npm ci)`, async () => {
    const timer = setInterval(
      () => say(`npm ci: ${wanted.filter(existsSync).length} of ${wanted.length} packages`),
      5_000,
    );
    try {
      await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    } finally {
      clearInterval(timer);
    }
  });
}
