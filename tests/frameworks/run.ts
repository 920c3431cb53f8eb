// Runs one recipe: as it stands, without this package, and without it but under `mcp-longhaul/register`.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { environment } from "./environments.ts";
import { portOf, serveModel } from "./model.ts";
import type { Recipe } from "./recipes.ts";

const root = join(import.meta.dirname, "..", "..");
export const PAGE: string = join(root, "docs", "frameworks.md");
const REGISTER = pathToFileURL(join(root, "pkg", "dist", "register.js")).href;

/** What became of the two tools' calls. */
export interface Outcome {
  readonly rendered: boolean;
  readonly deployed: boolean;
  /** Whether `render` ran as a task until its end. */
  readonly asTask: boolean;
  readonly output: string;
}
export interface Outcomes {
  readonly attached: Outcome;
  /** Not in workerd, which has no `--import`. */
  readonly registered?: Outcome;
  readonly alone: Outcome;
}

/** @param work how long `render` takes, in ms */
export async function runRecipe(recipe: Recipe, work: number): Promise<Outcomes> {
  const folder = await environment(recipe.name, recipe.packages);
  const block = new RegExp(`^\`\`\`ts ${recipe.name}\\.ts\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(
    readFileSync(PAGE, "utf8"),
  );
  if (block === null) throw new Error(`docs/frameworks.md has no block ${recipe.name}.ts`);
  // The same program thrice: beside this package, and in two folders where nothing of this package does anything.
  const [registered, alone] = [join(folder, "registered"), join(folder, "alone")];
  const program = `${recipe.name}.ts`;
  for (const place of [folder, registered, alone]) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, program), block[1] as string);
  }
  for (const place of [registered, alone]) idle(join(place, "node_modules", "mcp-longhaul"));

  const model = await serveModel();
  const go = async (place: string, ...flags: readonly string[]): Promise<Outcome> => {
    const events = join(place, "events.txt");
    rmSync(events, { force: true });
    const settings = { WORK: String(work), EVENTS: events };
    const file = pathToFileURL(join(import.meta.dirname, "server.ts")).href;
    writeFileSync(
      join(place, "server.js"),
      `Object.assign(process.env, ${JSON.stringify(settings)});\nawait import(${JSON.stringify(file)});\n`,
    );
    const http = recipe.http === undefined ? undefined : await serveHttp(join(place, "server.js"));
    try {
      const command =
        recipe.worker === undefined ? [...flags, program] : [join(import.meta.dirname, "worker.ts"), program];
      const output = await execute(command, place, work * 2 + 60_000, {
        PATH: [dirname(process.execPath), join(folder, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
        MODEL_URL: model.url,
        ...(http !== undefined && { MCP_URL: http.url }),
      });
      const told = existsSync(events) ? readFileSync(events, "utf8") : "";
      return {
        rendered: output.includes("the teapot is rendered"),
        deployed: output.includes("it is deployed"),
        asTask: told.includes("created render") && told.includes("completed render"),
        output,
      };
    } finally {
      http?.process.kill();
    }
  };
  try {
    const all = [go(folder), go(alone), ...(recipe.worker === undefined ? [go(registered, "--import", REGISTER)] : [])];
    const [attachedOutcome, aloneOutcome, registeredOutcome] = (await Promise.all(all)) as [Outcome, Outcome, Outcome?];
    return {
      attached: attachedOutcome,
      alone: aloneOutcome,
      ...(registeredOutcome !== undefined && { registered: registeredOutcome }),
    };
  } finally {
    model.close();
  }
}

/** A package in the place of ours that attaches nothing. */
function idle(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const exports = { ".": "./index.js", "./attach-class": "./index.js" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "mcp-longhaul", type: "module", exports }));
  writeFileSync(
    join(folder, "index.js"),
    "export class TaskClient { attach(target) { return target; } }\nexport const attachClass = () => {};\n",
  );
}

/** What a program prints, its errors too, whether it fails or not. */
function execute(args: readonly string[], cwd: string, timeout: number, env: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, timeout, env: { ...process.env, ...env } }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

async function serveHttp(file: string): Promise<{ process: ChildProcess; url: string }> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const port = portOf(probe);
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/mcp`;
  for (let attempt = 0; attempt < 100; attempt++) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answers) return { process: child, url };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the server does not listen");
}
