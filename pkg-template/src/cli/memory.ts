// The tasks that this tool has made, remembered between its runs: a small file for each.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { NAME } from "../name.ts";
import type { TaskReference } from "mcp-longhaul";

/** A task that was made, or followed, from here. */
export interface Remembered {
  readonly reference: TaskReference;
  /** How the server was spoken to. */
  readonly era: "legacy" | "modern";
  /** In ISO 8601. */
  readonly createdAt?: string | undefined;
}

/** No more than this many are kept, over all servers of one folder. */
const MOST = 1000;
/** A file of ours is much shorter. */
const LONGEST = 64 * 1024;

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** Where state is kept, by the habits of the platform. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  const base =
    env["XDG_STATE_HOME"] ||
    (process.platform === "win32" && env["LOCALAPPDATA"]) ||
    join(homedir(), ".local", "state");
  return join(base, NAME);
}

/** What is remembered of one server. Who cannot write here forgets, and is told so once. */
export class Memory {
  readonly #folder: string;
  readonly #warn: (sentence: string) => void;
  #warned = false;

  /** @param server its address, or its command: only a hash of it is kept */
  constructor(state: string, server: string, warn: (sentence: string) => void) {
    this.#folder = join(state, "tasks", hash(server));
    this.#warn = warn;
  }

  /** Remembers a task; again is harmless. */
  async keep(task: Remembered): Promise<void> {
    const file = this.#file(task.reference.taskId);
    const fresh = `${file}.${randomBytes(6).toString("hex")}`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(fresh, `${JSON.stringify({ format: 1, ...task })}\n`, { mode: 0o600 });
      await rename(fresh, file);
      await this.#tidy();
    } catch (error) {
      if (!this.#warned) this.#warn(`This task is not remembered: ${(error as Error).message}`);
      this.#warned = true;
    }
  }

  async forget(taskId: string): Promise<void> {
    await rm(this.#file(taskId), { force: true }).catch(() => {});
  }

  async find(taskId: string): Promise<Remembered | undefined> {
    return this.#read(this.#file(taskId));
  }

  /** All of this server, the newest last. */
  async all(): Promise<Remembered[]> {
    const read = await Promise.all((await this.#files()).map((name) => this.#read(join(this.#folder, name))));
    return read
      .filter((task) => task !== undefined)
      .sort((left, right) => (left.createdAt ?? "").localeCompare(right.createdAt ?? ""));
  }

  #file(taskId: string): string {
    return join(this.#folder, `${hash(taskId)}.json`);
  }

  async #files(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => name.endsWith(".json"));
  }

  /** What is no file of this form is nothing. */
  async #read(file: string): Promise<Remembered | undefined> {
    try {
      if ((await stat(file)).size > LONGEST) return undefined;
      const { format, reference, era, createdAt } = JSON.parse(await readFile(file, "utf8"));
      const sound = format === 1 && reference?.format === 1 && typeof reference.taskId === "string";
      if (!sound || (era !== "legacy" && era !== "modern")) return undefined;
      return { reference, era, createdAt: typeof createdAt === "string" ? createdAt : undefined };
    } catch {
      return undefined;
    }
  }

  /** Forgets the oldest of too many. */
  async #tidy(): Promise<void> {
    const files = await this.#files();
    if (files.length <= MOST) return;
    const times = await Promise.all(
      files.map(async (name) => ({ name, at: (await stat(join(this.#folder, name)).catch(() => undefined))?.mtimeMs })),
    );
    times.sort((left, right) => (left.at ?? 0) - (right.at ?? 0));
    for (const { name } of times.slice(0, files.length - MOST)) await rm(join(this.#folder, name), { force: true });
  }
}
