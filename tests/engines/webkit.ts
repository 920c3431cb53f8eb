// WebKitGTK's MiniBrowser on a display that nobody sees, driven by its own WebDriver: the ones on the path, or Debian's.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { type Browser, load, type Tab } from "./browser.ts";
import { program } from "./packages.ts";
import { freePorts } from "./ports.ts";

export async function launchWebKit(): Promise<Browser> {
  const kept: Kept[] = [];
  const end = async (): Promise<void> => void (await Promise.all(kept.map((each) => each.end())));
  try {
    const display = new Kept(program(["Xvfb"], "xvfb"), ["-displayfd", "1", "-screen", "0", "1024x768x24"]);
    kept.push(display);
    // WebKit's sandbox needs user namespaces, which containers lack. The pages are our own.
    const env = { DISPLAY: `:${await display.firstLine()}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", GDK_BACKEND: "x11" };
    const [port] = await freePorts(1);
    const driver = new Kept(program(["WebKitWebDriver"], "webkit2gtk-driver"), [`--port=${port}`], env);
    kept.push(driver);
    const session = await Session.start(`http://127.0.0.1:${port}`);
    return {
      version: session.version,
      open: async (url) => load(await session.newTab(), url),
      close: async () => (await session.close(), await end()),
    };
  } catch (error) {
    await end();
    throw new Error(`WebKit does not start: ${kept.map((each) => each.errors).join("")}`, { cause: error });
  }
}

/** A program that ends with the process which started it, whatever becomes of that one. */
class Kept {
  errors = "";
  readonly #keeper: ChildProcess;

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#keeper = spawn("sh", ["-c", '"$0" "$@" & read -r _; kill $!; wait', file, ...args], { env: { ...process.env, ...env }, stdio: "pipe" });
    this.#keeper.stderr!.on("data", (text) => (this.errors += text));
  }

  async firstLine(): Promise<string> {
    let output = "";
    for await (const text of this.#keeper.stdout!.iterator({ destroyOnReturn: false })) {
      output += text;
      if (output.includes("\n")) break;
    }
    return output.trim();
  }

  async end(): Promise<void> {
    const closed = once(this.#keeper, "close");
    this.#keeper.stdin!.end();
    await closed;
  }
}

/**
 * A WebDriver session. Its commands go to the window that was chosen last, and a script that waits would hold up all others: so
 * commands queue, and what a script comes to is asked for.
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
      goto: (url) => this.#in(handle, () => this.#post("url", { url })),
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

  async #evaluate(handle: string, expression: string): Promise<string> {
    const execute = (script: string) => this.#in(handle, () => this.#post("execute/sync", { script, args: [] }));
    const name = `outcome${++this.#scripts}`;
    await execute(`window.${name} = null; ${expression}.then((value) => ${name} = { value }, (error) => ${name} = { error: error + "\\n" + error?.stack })`);
    for (let wait = 1; ; wait = Math.min(wait * 1.5, 50)) {
      const { value, error } = (await execute(`return ${name}`)) ?? {};
      if (error !== undefined) throw new Error(error);
      if (value !== undefined) return value;
      await pause(wait);
    }
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
