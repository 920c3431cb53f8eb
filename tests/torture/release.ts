// The server of the torture test as it runs on another release of the package: its tarball, unpacked beside a copy of
// the server.
import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { pack } from "../packaging/tarball.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const RELEASES = join(import.meta.dirname, "..", "releases");

/** What a server process is started from. */
export interface Program {
  readonly server: string;
  /** The module that opens its store. */
  readonly module: string;
}

/** The server as it is in this tree, on the current build. */
export function currentProgram(store: string): Program {
  return { server: join(import.meta.dirname, "server.ts"), module: join(import.meta.dirname, `${store}-store.ts`) };
}

/** The same server on the newest tarball of `tests/releases`; while there is none, on one of the current build. */
export class Release {
  readonly name: string;
  readonly #folder: string;

  private constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = folder;
  }

  static async unpack(): Promise<Release> {
    const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-release-"));
    const released = readdirSync(RELEASES).filter((name) => name.endsWith(".tgz"));
    released.sort(new Intl.Collator("en", { numeric: true }).compare);
    const newest = released.at(-1);
    const tarball = newest === undefined ? await pack(join(folder, "packed")) : join(RELEASES, newest);
    const modules = join(folder, "node_modules");
    mkdirSync(modules);
    await promisify(execFile)("tar", ["-xzf", tarball, "-C", folder]);
    renameSync(join(folder, "package"), join(modules, "mcp-longhaul"));
    for (const name of readdirSync(join(ROOT, "node_modules"))) {
      if (name !== "mcp-longhaul" && !name.startsWith("."))
        symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "junction");
    }
    // Here the name of the package means the tarball, not this tree.
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    return new Release(basename(tarball), folder);
  }

  program(store: string): Program {
    for (const file of ["server.ts", `${store}-store.ts`])
      copyFileSync(join(import.meta.dirname, file), join(this.#folder, file));
    return { server: join(this.#folder, "server.ts"), module: join(this.#folder, `${store}-store.ts`) };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
