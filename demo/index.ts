// `npm run demo`: one server, a client of each generation, real work, a restart in between, and a server that is killed
// in the middle of its work.
//
//   npm run demo -- [directory to checksum; default: this repository] [--ask]
//
// With --ask, you answer the server's question yourself. What the tools write is in build/demo.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { isTaskError, type TaskHandle, type TaskReference, type ToolResult } from "mcp-longhaul";
import { connectLegacy, connectModern, type Ask, type DemoClient } from "./clients.ts";
import { ServerProcess } from "./server-process.ts";
import { bold, clearLive, dim, fraction, print, Progress } from "./terminal.ts";

/** After this the demo gives up, in ms. */
const LIMIT = 180_000;
/** How far the picture comes whose rendering is cancelled. */
const ENOUGH = 0.3;

const repository = fileURLToPath(new URL("..", import.meta.url));
const data = join(repository, "build", "demo");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ask: { type: "boolean", default: false } },
});
const directory = resolve(positionals[0] ?? repository);
// What the compiler leaves in `target` can be many gigabytes. Somebody else's directory is read as a whole.
const skip = positionals[0] === undefined ? [".git", "target"] : [".git"];

const views = {
  modern: { x: -0.7453, y: 0.1127, span: 0.0065, steps: 800 },
  legacy: { x: -0.75, y: 0, span: 3.6, steps: 400 },
};
const size = { width: 3840, height: 2560 };

/** What a handler does that asks in this style. */
const HANDLER_DID = { wait: "waited", return: "was called again with the answer" } as const;

/** A task that has ended, as it is remembered over the restart. */
interface Remembered {
  readonly client: string;
  readonly reference: TaskReference;
  /** `null` for a cancelled task. */
  readonly result: ToolResult | null;
  readonly seconds: number;
}

/** Fails the demo with a sentence that says what should have been otherwise. */
function expect(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence);
}

/** How many questions the server has asked. */
let asked = 0;

const ask: Ask = async (message, properties) => {
  asked += 1;
  print(`  ${bold("?")} ${message}`);
  if (values.ask && process.stdin.isTTY) {
    clearLive();
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const reply = await prompt.question("    [y/N] ");
    prompt.close();
    if (!/^y(es)?$/i.test(reply.trim())) return { action: "decline" };
  } else {
    print(`    ${dim("yes (run with --ask to answer yourself)")}`);
  }
  const defaults = Object.entries(properties).flatMap(([key, schema]) =>
    "default" in schema ? [[key, String(schema.default)] as const] : [],
  );
  return { action: "accept", content: Object.fromEntries(defaults) };
};

/** What a tool put into its structured result. */
function contentOf<T>(result: ToolResult, tool: string): T {
  expect(result.isError !== true, `${tool} reports an error: ${JSON.stringify(result.content)}`);
  expect(
    typeof result.structuredContent === "object" && result.structuredContent !== null,
    `${tool} ended without a structured result.`,
  );
  return result.structuredContent as T;
}

class Visit {
  readonly #client: DemoClient;
  readonly #server: ServerProcess;
  readonly remembered: Remembered[] = [];

  constructor(client: DemoClient, server: ServerProcess) {
    this.#client = client;
    this.#server = server;
  }

  /** Everything one client does before the restart. */
  async run(): Promise<void> {
    await this.#checksum();
    await this.#publish("wait");
    await this.#publish("return");
    await this.#fractal();
    await this.#cancelled();
  }

  async #checksum(): Promise<void> {
    const result = await this.#follow("checksum", { skip, list: this.#client.name }, (result) => {
      const { files, bytes } = contentOf<{ files: number; bytes: number }>(result, "checksum");
      return `${files} files, ${megabytes(bytes)}`;
    });
    const { files, digest, list } = contentOf<{ files: number; digest: string; list: string }>(result, "checksum");
    const written = await readFile(list);
    expect(
      createHash("sha256").update(written).digest("hex") === digest,
      `${list} is not the list that checksum reported.`,
    );
    expect(
      written.toString().split("\n").length - 1 === files,
      `${list} does not have a line for each of ${files} files.`,
    );
  }

  async #publish(style: "wait" | "return"): Promise<void> {
    const name = `${this.#client.name}-release-${style}`;
    const before = asked;
    const result = await this.#follow("publish", { manifest: name, ask: style }, (result) => {
      const { published, channel } = contentOf<{ published: boolean; channel?: string }>(result, "publish");
      return published ? `confirmed for ${channel} ${dim(`(the handler ${HANDLER_DID[style]})`)}` : "declined";
    });
    expect(asked === before + 1, `publish asked ${asked - before} times, not once.`);
    const content = contentOf<{ published: boolean; files: number; manifest: string }>(result, "publish");
    if (!content.published && values.ask) return;
    expect(content.published, "publish was declined, though the demo answers yes.");
    const manifest = JSON.parse(await readFile(content.manifest, "utf8")) as { channel: string; files: unknown[] };
    expect(
      manifest.channel === "latest" && manifest.files.length > 0,
      `${content.manifest} is not what was confirmed.`,
    );
  }

  async #fractal(): Promise<void> {
    const name = `mandelbrot-${this.#client.name}`;
    const result = await this.#follow("fractal", { name, ...size, ...this.#view() }, (result) => {
      const { bytes } = contentOf<{ bytes: number }>(result, "fractal");
      return `${size.width} × ${size.height} pixels, ${megabytes(bytes)}`;
    });
    const { path, bytes } = contentOf<{ path: string; bytes: number }>(result, "fractal");
    expect((await stat(path)).size === bytes, `${path} does not have the ${bytes} bytes that fractal reported.`);
  }

  /** Starts a picture, and changes its mind. */
  async #cancelled(): Promise<void> {
    const name = `abandoned-${this.#client.name}`;
    const started = performance.now();
    const progress = new Progress("fractal");
    const task = await this.#client.call("fractal", { name, ...size, ...this.#view() });
    let reached = 0;
    for await (const snapshot of task.updates()) {
      progress.show(snapshot);
      reached = fraction(snapshot) ?? reached;
      if (reached >= ENOUGH) break;
    }
    expect(reached >= ENOUGH && reached < 1, "The picture was finished before it could be cancelled.");
    const status = await task.cancel({ awaitTerminal: true });
    progress.end(`cancelled at ${Math.round(reached * 100)} %`);
    expect(status === "cancelled", `The cancelled task ended as ${status}.`);
    expect(await isCancelled(task), "A cancelled task has a result.");
    await this.#server.says(new RegExp(`^fractal ${name}: the handler has stopped$`));
    for (const file of [`${name}.png`, `${name}.png.part`]) {
      expect(!(await exists(join(data, file))), `${file} was left behind by the cancelled task.`);
    }
    this.#remember(task, null, started);
  }

  /** Starts a task, shows how it goes, and answers its result. */
  async #follow(
    tool: string,
    args: Record<string, unknown>,
    summary: (result: ToolResult) => string,
  ): Promise<ToolResult> {
    const started = performance.now();
    const progress = new Progress(tool);
    const task = await this.#client.call(tool, args);
    progress.show(task.snapshot);
    for await (const snapshot of task.updates()) progress.show(snapshot);
    const result = await task.result();
    progress.end(summary(result));
    this.#remember(task, result, started);
    return result;
  }

  #remember(task: TaskHandle, result: ToolResult | null, started: number): void {
    if (task.reference === undefined)
      throw new Error(`${this.#client.name}: the server answered a call at once, without a task`);
    this.remembered.push({
      client: this.#client.name,
      reference: task.reference,
      result,
      seconds: (performance.now() - started) / 1000,
    });
  }

  #view(): (typeof views)["modern"] {
    return this.#client.name === "modern" ? views.modern : views.legacy;
  }
}

async function isCancelled(task: TaskHandle): Promise<boolean> {
  try {
    await task.result();
    return false;
  } catch (error) {
    if (isTaskError(error) && error.code === "cancelled") return true;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Finds every remembered task again, and compares what it ended with. */
async function revisit(client: DemoClient, remembered: readonly Remembered[]): Promise<number> {
  let same = 0;
  for (const { reference, result } of remembered.filter((task) => task.client === client.name)) {
    const task = await client.resume(reference);
    if (result === null)
      expect(await isCancelled(task), `The cancelled ${reference.tool} has a result after the restart.`);
    else
      expect(
        isDeepStrictEqual(await task.result(), result),
        `The result of ${reference.tool} is another one after the restart.`,
      );
    same += 1;
  }
  return same;
}

/**
 * Kills the server while it draws a picture and waits for an answer. Both tasks end well on the next one, which is
 * returned.
 */
async function survive(server: ServerProcess, port: number): Promise<ServerProcess> {
  print(bold("\nKilling the server in the middle of its work"));
  const asked = Promise.withResolvers<void>();
  const alive = Promise.withResolvers<void>();
  const client = await connectModern(server.url, async (message, properties) => {
    asked.resolve();
    await alive.promise;
    return await ask(message, properties);
  });
  const release = await client.call("publish", { manifest: "survivor", ask: "return" });
  await asked.promise;
  const progress = new Progress("fractal");
  const picture = await client.call("fractal", { name: "survivor", ...size, ...views.modern });
  for await (const snapshot of picture.updates()) {
    progress.show(snapshot);
    if ((fraction(snapshot) ?? 0) >= ENOUGH) break;
  }
  await server.kill();
  progress.end("its process is killed, and another one started");
  const next = await ServerProcess.start({ root: directory, data, port });
  alive.resolve();

  const again = new Progress("fractal");
  for await (const snapshot of picture.updates()) again.show(snapshot);
  const { bytes } = contentOf<{ bytes: number }>(await picture.result(), "fractal");
  again.end(`drawn by the second process: ${megabytes(bytes)}`);
  const { published, channel } = contentOf<{ published: boolean; channel?: string }>(await release.result(), "publish");
  expect(published || values.ask, "publish was declined, though the demo answers yes.");
  print(`  publish: asked by the first process, ${published ? `confirmed for ${channel}` : "declined"} in the second`);
  await client.close();
  return next;
}

async function demo(): Promise<void> {
  const begun = performance.now();
  expect(
    await stat(directory).then(
      (found) => found.isDirectory(),
      () => false,
    ),
    `${directory} is not a directory.`,
  );
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true });

  print(bold("Starting the server"));
  let server = await ServerProcess.start({ root: directory, data });
  const remembered: Remembered[] = [];
  const titles: string[] = [];
  for (const connect of [connectModern, connectLegacy]) {
    const client = await connect(server.url, ask);
    titles.push(client.title);
    print(bold(`\nA client of ${client.title}`));
    const visit = new Visit(client, server);
    await visit.run();
    await client.close();
    remembered.push(...visit.remembered);
  }

  // Nothing but this file crosses the restart.
  const references = join(data, "references.json");
  await writeFile(references, JSON.stringify(remembered));
  print(bold("\nStopping the server, and starting it again"));
  const { port } = server;
  await server.stop();
  server = await ServerProcess.start({ root: directory, data, port });
  const recalled = JSON.parse(await readFile(references, "utf8")) as Remembered[];
  for (const connect of [connectModern, connectLegacy]) {
    const client = await connect(server.url, ask);
    const count = await revisit(client, recalled);
    print(`  ${client.title}: ${count} tasks are as they were`);
    expect(
      count === recalled.filter((task) => task.client === client.name).length && count > 0,
      `A task of ${client.title} is missing.`,
    );
    await client.close();
  }
  server = await survive(server, port);
  await server.stop();

  print(bold("\nSummary"));
  for (const [index, name] of ["modern", "legacy"].entries()) {
    const own = recalled.filter((task) => task.client === name);
    const parts = own.map(
      ({ reference, result, seconds }) =>
        `${reference.tool} ${result === null ? "cancelled" : "completed"} ${seconds.toFixed(1)} s`,
    );
    print(`  ${titles[index]}: ${parts.join(", ")}`);
  }
  for (const { reference, result } of recalled) {
    if (reference.tool === "fractal" && result !== null)
      print(`  ${contentOf<{ path: string }>(result, "fractal").path}`);
  }
  print(`  ${((performance.now() - begun) / 1000).toFixed(1)} s in all`);
}

const limit = setTimeout(() => {
  clearLive();
  console.error(`demo: it is not done after ${LIMIT / 1000} s.`);
  process.exit(1);
}, LIMIT);

try {
  await demo();
  clearTimeout(limit);
  process.exit(0);
} catch (error) {
  clearLive();
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause);
  process.exit(1);
}
