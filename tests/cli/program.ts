// The terminal view as its users have it: packed, installed in an empty folder, run as a process.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pack } from "../packaging/tarball.ts";

const execute = promisify(execFile);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` has said. */
  readonly events: readonly any[];
}

/** How long a command may take, in ms; an endless one fails its test. */
const LIMIT = 30_000;

export interface Running extends Promise<Ended> {
  readonly pid: number;
  type(text: string): void;
  /** Waits until it has said this. */
  said(pattern: RegExp): Promise<void>;
  interrupt(): void;
}

export class Program {
  readonly folder: string;
  readonly tarball: string;

  private constructor(folder: string, tarball: string) {
    this.folder = folder;
    this.tarball = tarball;
  }

  static async install(): Promise<Program> {
    const folder = await mkdtemp(join(tmpdir(), "mcp-longhaul-cli-"));
    const tarball = await pack(join(folder, "packed"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
    const options = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await execute("npm", ["install", ...options, tarball], { cwd: folder });
    return new Program(folder, tarball);
  }

  /** Everything that npm has installed. */
  async installed(): Promise<string[]> {
    return (await readdir(join(this.folder, "node_modules"))).filter((name) => !name.startsWith("."));
  }

  /** Where it keeps what it remembers. */
  get state(): string {
    return join(this.folder, "state");
  }

  get #file(): string {
    return join(this.folder, "node_modules", "mcp-longhaul", "dist", "cli", "main.js");
  }

  #environment(env: object): NodeJS.ProcessEnv {
    return { ...process.env, XDG_STATE_HOME: this.state, MCP_LONGHAUL_TOKEN: "", NO_COLOR: "", ...env };
  }

  /** Starts a command without a terminal. */
  start(parameters: readonly string[], env: object = {}, cwd: string = this.folder): Running {
    return watch(process.execPath, [this.#file, ...parameters], { cwd, env: this.#environment(env) });
  }

  /** Runs a command of `tasks` without a terminal, to its end. */
  run(...parameters: string[]): Promise<Ended> {
    return this.start(["tasks", ...parameters]);
  }

  /** Starts a command at a terminal of its own; what it says there comes as stdout. */
  atTerminal(...parameters: string[]): Running {
    const quoted = [process.execPath, this.#file, "tasks", ...parameters].map((part) => `'${part}'`).join(" ");
    return watch("script", ["-qefc", quoted, "/dev/null"], {
      cwd: this.folder,
      env: this.#environment({ TERM: "xterm" }),
    });
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

function watch(command: string, parameters: readonly string[], options: { cwd: string; env: object }): Running {
  const child = spawn(command, parameters, { ...options, env: options.env as NodeJS.ProcessEnv, timeout: LIMIT });
  let [stdout, stderr] = ["", ""];
  const waiting = new Set<() => void>();
  const hear = (keep: (text: string) => void) => (chunk: string) => {
    keep(chunk);
    for (const look of waiting) look();
  };
  child.stdout.setEncoding("utf8").on(
    "data",
    hear((text) => (stdout += text)),
  );
  child.stderr.setEncoding("utf8").on(
    "data",
    hear((text) => (stderr += text)),
  );
  child.stdin.on("error", () => {});
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({
        code,
        stdout,
        stderr,
        get events() {
          return stdout
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line));
        },
      }),
    );
  });
  return Object.assign(ended, {
    pid: child.pid!,
    type: (text: string) => void child.stdin.write(text),
    interrupt: () => void child.kill("SIGINT"),
    said: (pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const look = () => pattern.test(stdout + stderr) && resolve();
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`never said ${pattern}, but: ${stdout}${stderr}`)));
      }),
  });
}
