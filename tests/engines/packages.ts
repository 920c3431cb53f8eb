// Finds a program that tests need, or installs it from Debian's packages where that is allowed.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/**
 * The first program of `names` on the path, or in a folder `elsewhere`; else `debianPackage` is installed, which needs
 * root or passwordless `sudo`.
 */
export function program(
  names: readonly string[],
  debianPackage: string,
  elsewhere: () => readonly string[] = () => [],
): string {
  return find(names, elsewhere) ?? install(names, debianPackage, elsewhere);
}

function find(names: readonly string[], elsewhere: () => readonly string[]): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...elsewhere()]) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

function install(names: readonly string[], debianPackage: string, elsewhere: () => readonly string[]): string {
  console.log(`Installing ${debianPackage} for the tests …`);
  const root = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Test files that run side by side wait for each other; whoever else is installing is waited for by apt itself.
  const turn = ["flock", join(tmpdir(), `mcp-longhaul-apt-${process.getuid?.()}`)];
  for (const step of [["update"], ["install", "-y", "--no-install-recommends", debianPackage]]) {
    const [command = "", ...rest] = [...turn, ...root, "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", ...step];
    const { status, stderr, error } = spawnSync(command, rest, { env, encoding: "utf8", timeout: 600_000 });
    if (status !== 0)
      throw new Error(
        `These tests need ${names.join(" or ")}; install it, or let them install Debian's ${debianPackage}.\n` +
          (error?.message ?? stderr),
      );
  }
  const found = find(names, elsewhere);
  if (found === undefined) throw new Error(`Debian's ${debianPackage} brought no ${names.join(" or ")}.`);
  return found;
}
