// A user's project: the tarball and one SDK, installed by npm in an empty folder, with an app of apps/.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import type { Column } from "../engines/matrix.ts";
import { pack } from "./tarball.ts";

const execute = promisify(execFile);
const apps = join(import.meta.dirname, "apps");
const root = join(import.meta.dirname, "..", "..");

export type Sdk = "v1" | "v2";
/** What the app proves, in the table of the README. */
export const COLUMNS: Record<Sdk, readonly Column[]> = {
  v1: ["SDK v1, 2025-11-25"],
  v2: ["SDK v2, 2025-11-25", "SDK v2, 2026-07-28"],
};
/** The halves of the core. */
export const HALVES = ["client", "server"] as const;
export const PACKAGES = {
  v1: ["@modelcontextprotocol/sdk"],
  v2: ["@modelcontextprotocol/client", "@modelcontextprotocol/server"],
} as const;

/** What the app prints: a line for each generation that the SDK speaks. */
export const EXPECTED: Record<Sdk, string> = {
  v1: "v1 2025-11-25: working, completed: hello\n",
  v2: "v2 2025-11-25: working, completed: hello\nv2 2026-07-28: working, completed: hello\n",
};

export class Project {
  readonly folder: string;
  readonly sdk: Sdk;

  private constructor(folder: string, sdk: Sdk) {
    this.folder = folder;
    this.sdk = sdk;
  }

  /** @param options where else the project lies, and what else is installed */
  static async make(
    sdk: Sdk,
    { within = tmpdir(), beside = [] }: { within?: string; beside?: readonly string[] } = {},
  ): Promise<Project> {
    const begun = Date.now();
    await mkdir(within, { recursive: true });
    const folder = await mkdtemp(join(within, `mcp-longhaul-${sdk}-`));
    const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    const packages = [...PACKAGES[sdk], ...beside].map((name) => `${name}@${devDependencies[name]}`);
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await execute("npm", ["install", ...options, await pack(folder), ...packages], {
      cwd: folder,
      shell: process.platform === "win32",
    });
    for (const file of ["app.js", "job.js", "only-client.js", "only-server.js", "provided.js", "worker.js"])
      await cp(join(apps, file), join(folder, file));
    await cp(join(apps, `${sdk}.js`), join(folder, "sdk.js"));
    console.log(`npm install mcp-longhaul ${packages.join(" ")}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    return new Project(folder, sdk);
  }

  /** The app as CommonJS, as a compiler would make it; its path. */
  async commonJs(): Promise<string> {
    for (const name of ["app", "job", "sdk"]) {
      const { code } = await transform(await readFile(join(this.folder, `${name}.js`), "utf8"), {
        format: "cjs",
        platform: "node",
        target: "es2022",
      });
      await writeFile(
        join(this.folder, `${name}.cjs`),
        code.replaceAll(/require\("(\.\/\w+)\.js"\)/g, 'require("$1.cjs")'),
      );
    }
    return join(this.folder, "app.cjs");
  }

  /** How often the wasm of a half is in a folder's files: as text, or as a file of its own. */
  async copies(half: (typeof HALVES)[number], folder: string): Promise<number> {
    const generated = join(this.folder, "node_modules", "mcp-longhaul", "dist", "wasm", "generated");
    const text = / =\s*"(.{2000})/.exec(await readFile(join(generated, `${half}-hex.js`), "utf8"))![1]!.slice(-200);
    const bytes = await readFile(join(generated, `${half}.wasm`));
    let found = 0;
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const content = await readFile(join(file.parentPath, file.name));
      found += content.toString("latin1").split(text).length - 1;
      if (content.equals(bytes)) found++;
    }
    return found;
  }

  /** What a program prints in the project. What it says on stderr is an error here. */
  async run(program: string, ...parameters: string[]): Promise<string> {
    const { stdout, stderr } = await this.execute(program, ...parameters);
    if (stderr !== "") throw new Error(`${program} ${parameters.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs a program in the project. */
  execute(program: string, ...parameters: string[]): Promise<{ stdout: string; stderr: string }> {
    return execute(program, parameters, { cwd: this.folder, timeout: 120_000, env: { ...process.env, NO_COLOR: "1" } });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
