// WebKitGTK's MiniBrowser on a display that nobody sees, driven by its own WebDriver: the ones on the path, or
// Debian's.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { program } from "./packages.ts";
import type { PageServer } from "./page-server.ts";
import { freePorts } from "./ports.ts";
import { type Browser, expression, load, type Tab } from "./tab.ts";

const DRIVER = ["WebKitWebDriver"];
const PACKAGE = "webkit2gtk-driver";

export async function launchWebKit(): Promise<Browser> {
  const driver = program(DRIVER, PACKAGE);
  const display = await Display.start();
  try {
    const [port] = await freePorts(1);
    display.run(driver, [`--port=${port}`]);
    const session = await Session.start(`http://127.0.0.1:${port}`);
    return {
      version: session.version,
      open: async (url) => load(await session.newTab(), url),
      close: async () => (await session.close(), await display.end()),
    };
  } catch (error) {
    await display.end();
    throw new Error(`WebKit does not start. ${display.errors()}`, { cause: error });
  }
}

/**
 * Evaluates in an ordinary WebKit, which keeps in the folder `profile` what a driven one keeps in memory: a window is
 * opened for this call alone.
 */
export async function evaluateOnDisk<R, A = undefined>(
  profile: string,
  server: PageServer,
  action: (argument: A) => R | Promise<R>,
  argument?: A,
): Promise<R> {
  program(DRIVER, PACKAGE); // which brings the browser too
  const browser = program(["MiniBrowser"], PACKAGE, debianFolders);
  const display = await Display.start();
  try {
    const told = server.told();
    display.run(browser, [`${server.url}#${encodeURIComponent(expression(action, argument))}`], {
      XDG_DATA_HOME: profile,
      XDG_CACHE_HOME: profile,
      XDG_CONFIG_HOME: profile,
    });
    const late = pause(120_000, '{ "error": "it does not answer" }', { ref: false });
    const { value, error } = JSON.parse(await Promise.race([told, late]));
    if (error !== undefined) throw new Error(`In WebKit: ${error}. ${display.errors()}`);
    return value;
  } finally {
    await display.end();
  }
}

/** Debian keeps the browser away from the path, beside the library that it shows off. */
function debianFolders(): string[] {
  return globSync("/usr/lib/*/webkit*gtk-*");
}

/** A display that nobody sees, and the programs on it. */
class Display {
  readonly #programs: Kept[] = [];
  #env: NodeJS.ProcessEnv = {};

  static async start(): Promise<Display> {
    const display = new Display();
    const screen = display.run(program(["Xvfb"], "xvfb"), ["-displayfd", "1", "-screen", "0", "1024x768x24"]);
    const number = await screen.firstLine().catch(async (cause) => {
      await display.end();
      throw new Error("Xvfb does not start.", { cause });
    });
    // WebKit's sandbox needs user namespaces, which containers lack. The pages are our own.
    display.#env = { DISPLAY: `:${number}`, GDK_BACKEND: "x11", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
    return display;
  }

  run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Kept {
    const program = new Kept(file, args, { ...this.#env, ...env });
    this.#programs.push(program);
    return program;
  }

  errors(): string {
    return this.#programs.map(({ errors }) => errors).join("");
  }

  /** Ends them, the display last. */
  async end(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.end();
  }
}

/** A program that ends with the process which started it, whatever becomes of that one. */
class Kept {
  errors = "";
  #output = "";
  readonly #keeper: ChildProcess;

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const keep = '"$0" "$@" & exec >&-; read -r _; kill $!; wait';
    this.#keeper = spawn("sh", ["-c", keep, file, ...args], { env: { ...process.env, ...env }, stdio: "pipe" });
    this.#keeper.stdout!.on("data", (text) => (this.#output += text));
    this.#keeper.stderr!.on("data", (text) => (this.errors += text));
  }

  async firstLine(): Promise<string> {
    const stdout = this.#keeper.stdout!;
    while (!this.#output.includes("\n")) {
      if (stdout.readableEnded) throw new Error(`It ended at once: ${this.errors}`);
      await Promise.race([once(stdout, "data"), once(stdout, "end")]);
    }
    return this.#output.split("\n")[0]!;
  }

  async end(): Promise<void> {
    const closed = once(this.#keeper, "close");
    this.#keeper.stdin!.end();
    await closed;
  }
}

/**
 * A WebDriver session. Its commands go to the window that was chosen last, and a script that waits would hold up all
 * others: so commands queue, and what a script comes to is asked for.
 */
class Session {
  readonly version: string;
  readonly #url: string;
  #last: Promise<unknown> = Promise.resolve();
  #chosen: string | undefined;
  #scripts = 0;

  private constructor(url: string, version: string) {
    this.#url = url;
    this.version = version;
  }

  static async start(driver: string): Promise<Session> {
    for (const start = Date.now(); ; await pause(20)) {
      const ready = await fetch(`${driver}/status`).catch(() => undefined);
      if (ready?.ok) break;
      if (Date.now() - start > 20_000) throw new Error("WebKitWebDriver does not answer.");
    }
    const { sessionId, capabilities } = await ask("POST", `${driver}/session`, { capabilities: {} });
    return new Session(`${driver}/session/${sessionId}`, capabilities.browserVersion);
  }

  async newTab(): Promise<Tab> {
    const { handle } = await this.#queue(() => this.#post("window/new", { type: "window" }));
    return {
      goto: (url) => this.#goto(handle, url),
      evaluate: (expression) => this.#evaluate(handle, expression),
      close: () => this.#close(handle),
    };
  }

  async #close(handle: string): Promise<void> {
    const [first] = await this.#in(handle, () => ask("DELETE", `${this.#url}/window`));
    // Without a window that is chosen and open, not even a new one can be had.
    await this.#in(first, async () => {});
  }

  async close(): Promise<void> {
    await this.#queue(() => ask("DELETE", this.#url));
  }

  async #goto(handle: string, url: string): Promise<void> {
    await this.#execute(handle, "window.left = true");
    await this.#in(handle, () => this.#post("url", { url }));
    // The command may take the load of what was there before, as of a new window's blank page, for this one.
    const there = `location.href === ${JSON.stringify(url)} && document.readyState === "complete"`;
    const loaded = `return window.left !== true && ${there}`;
    for (const start = Date.now(); !(await this.#execute(handle, loaded)); await pause(10)) {
      if (Date.now() - start > 30_000) throw new Error(`WebKit does not load ${url}.`);
    }
  }

  async #evaluate(handle: string, expression: string): Promise<string> {
    const name = `outcome${++this.#scripts}`;
    await this.#execute(
      handle,
      `window.${name} = null;
      ${expression}.then((value) => ${name} = { value }, (error) => ${name} = { error: error + "\\n" + error?.stack })`,
    );
    for (let wait = 1; ; wait = Math.min(wait * 1.5, 50)) {
      const { value, error } = (await this.#execute(handle, `return ${name}`)) ?? {};
      if (error !== undefined) throw new Error(error);
      if (value !== undefined) return value;
      await pause(wait);
    }
  }

  #execute(handle: string, script: string): Promise<any> {
    return this.#in(handle, () => this.#post("execute/sync", { script, args: [] }));
  }

  #in<T>(handle: string, command: () => Promise<T>): Promise<T> {
    return this.#queue(async () => {
      if (this.#chosen !== handle) await this.#post("window", { handle });
      this.#chosen = handle;
      return command();
    });
  }

  #queue<T>(command: () => Promise<T>): Promise<T> {
    const next = this.#last.then(command);
    this.#last = next.catch(() => {});
    return next;
  }

  #post(command: string, body: object): Promise<any> {
    return ask("POST", `${this.#url}/${command}`, body);
  }
}

async function ask(method: string, url: string, body?: object): Promise<any> {
  const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = (await response.json()) as { value: any };
  if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
  return value;
}
