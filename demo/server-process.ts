import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { dim, print } from "./terminal.ts";

/** How long the server may take to listen, to stop, or to say something that is waited for, in ms. */
const PATIENCE = 10_000;

/** The demo's server, in a process of its own. */
export class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #lines: string[];
  readonly #heard: Set<() => void>;

  private constructor(url: string, child: ChildProcess, lines: string[], heard: Set<() => void>) {
    this.url = url;
    this.#child = child;
    this.#lines = lines;
    this.#heard = heard;
  }

  /** Starts the server and waits until it listens. */
  static async start(options: { root: string; data: string; port?: number }): Promise<ServerProcess> {
    const script = fileURLToPath(new URL("server.ts", import.meta.url));
    const child = spawn(
      process.execPath,
      [script, "--root", options.root, "--data", options.data, "--port", String(options.port ?? 0)],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const lines: string[] = [];
    const heard = new Set<() => void>();
    createInterface({ input: child.stdout! }).on("line", (line) => {
      lines.push(line);
      print(dim(`  server     ${line}`));
      for (const tell of heard) tell();
    });
    child.once("exit", () => {
      for (const tell of heard) tell();
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const server = new ServerProcess("", child, lines, heard);
    const line = await server.says(/^listening on /);
    return new ServerProcess(line.slice("listening on ".length), child, lines, heard);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The first line on standard output that matches, as soon as it is there. */
  async says(pattern: RegExp): Promise<string> {
    return await new Promise((resolve, reject) => {
      const look = (): void => {
        const line = this.#lines.find((line) => pattern.test(line));
        if (line === undefined && this.#child.exitCode === null && this.#child.signalCode === null) return;
        settle();
        if (line !== undefined) resolve(line);
        else reject(new Error("The server process ended by itself; what it said is above."));
      };
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`The server did not say ${String(pattern)} within ${PATIENCE / 1000} s.`));
      }, PATIENCE);
      const settle = (): void => {
        clearTimeout(timer);
        this.#heard.delete(look);
      };
      this.#heard.add(look);
      look();
    });
  }

  /** Ends the process as a crash would. */
  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** Asks the process to end, and waits until it has. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(timer);
  }
}
