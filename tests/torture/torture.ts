// Several server processes on one store, each killed at random and started again, until every task has ended. No task
// may be lost, stuck, or end twice. The client stays alive, has no connection of its own, and talks to whichever server
// answers.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { freePorts } from "../engines/ports.ts";
import type { Program } from "./release.ts";

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "torture", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {
    extensions: { "io.modelcontextprotocol/tasks": {} },
    elicitation: { form: {} },
  },
};
const ENDED = ["completed", "failed", "cancelled"];
const TOOLS = ["again", "once", "confirm"] as const;

export interface Torture {
  /** What the processes run, in turn: as many of one as of another. */
  readonly programs: readonly Program[];
  /** What `openStore` of their modules takes, as JSON. */
  readonly connection: unknown;
  readonly tasks: number;
  readonly processes: number;
  /** How long a server lives on average, in ms; longer on a machine that takes long to start one. */
  readonly life: number;
  /** The longest a job works, in ms. */
  readonly work: number;
  /** ms. */
  readonly lease: number;
  /** The test fails when not all tasks have ended after so many ms. */
  readonly patience: number;
}

export interface Figures {
  readonly kills: number;
  readonly seconds: number;
  readonly completed: number;
  /** Tasks that ended because their process was lost, as their tool wants it. */
  readonly interrupted: number;
  /** Requests whose server died under them. */
  readonly cut: number;
}

interface Reply {
  readonly result?: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  readonly error?: { readonly code: number; readonly message: string };
}

/** A place where a server runs, most of the time. */
class Place {
  readonly url: string;
  readonly #start: () => ChildProcess;
  #process: ChildProcess | undefined;
  up = false;
  kills = 0;

  constructor(port: number, start: () => ChildProcess) {
    this.url = `http://127.0.0.1:${port}/`;
    this.#start = start;
  }

  async start(): Promise<void> {
    const child = (this.#process = this.#start());
    await Promise.race([
      once(child.stdout!, "data"),
      once(child, "exit").then(() => assert.fail("A server process ended by itself.")),
    ]);
    child.stdout!.resume();
    this.up = true;
  }

  async kill(): Promise<void> {
    this.up = false;
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, "exit");
    child.kill("SIGKILL");
    await end;
    this.kills += 1;
  }
}

export async function torture({
  programs,
  connection,
  tasks,
  processes,
  life,
  work,
  lease,
  patience,
}: Torture): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-torture-"));
  const journal = join(directory, "ends");
  writeFileSync(journal, "");
  const began = performance.now();
  const places = (await freePorts(processes)).map(
    (port, n) =>
      new Place(port, () => {
        const { server, module } = programs[n % programs.length]!;
        const parameters = [server, String(port), String(lease), journal, module, JSON.stringify(connection)];
        return spawn(process.execPath, parameters, { stdio: ["ignore", "pipe", "inherit"] });
      }),
  );
  let done = false;
  let cut = 0;

  /** Asks any server until one answers. */
  const ask = async (method: string, params: object, name: string): Promise<Reply> => {
    for (;;) {
      const up = places.filter((place) => place.up);
      const place = up[Math.floor(Math.random() * up.length)];
      assert.ok(performance.now() - began < patience, `${method} was not answered in time`);
      if (place === undefined) {
        await sleep(20);
        continue;
      }
      try {
        const response = await fetch(place.url, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": method,
            "mcp-name": name,
          },
          body: JSON.stringify({
            jsonrpc: "2.0",
            id: 1,
            method,
            params: { ...params, _meta: { ...META, ...("_meta" in params ? (params._meta as object) : {}) } },
          }),
          signal: AbortSignal.timeout(10_000),
        });
        const text = await response.text();
        return JSON.parse(text.startsWith("{") ? text : (/^data: (\{.*"id".*)$/m.exec(text)?.[1] ?? "")) as Reply;
      } catch {
        cut += 1;
      }
    }
  };

  const follow = async (job: number) => {
    const tool = TOOLS[job % TOOLS.length]!;
    const key = crypto.randomUUID();
    const call = {
      name: tool,
      arguments: { job, ms: Math.floor(Math.random() * work) },
      _meta: { "mcp-longhaul/creation-key": key },
    };
    let id: string | undefined;
    // A handle that got lost on the way is asked for again, under the same key.
    for (let pause = 50; id === undefined; pause = Math.min(2 * pause, 1_000)) {
      const { result, error } = await ask("tools/call", call, tool);
      id = result?.["taskId"] as string | undefined;
      if (id === undefined) {
        assert.equal(error?.code, -32603, `job ${job} was answered with ${JSON.stringify({ result, error })}`);
        await sleep(pause);
      }
    }
    for (let pause = 50; ; pause = Math.min(1.5 * pause, 500)) {
      const { result, error } = await ask("tasks/get", { taskId: id }, id);
      if (result === undefined)
        assert.equal(error?.code, -32603, `task of job ${job} is lost: ${JSON.stringify(error)}`);
      else if (ENDED.includes(result["status"])) return { id, tool, job, end: result };
      else if (result["status"] === "input_required") {
        const inputResponses = Object.fromEntries(
          Object.keys(result["inputRequests"]).map((key) => [key, { action: "accept", content: { sure: true } }]),
        );
        await ask("tasks/update", { taskId: id, inputResponses }, id);
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  };

  const haunt = async (place: Place): Promise<void> => {
    for (let start = 0; ; ) {
      await sleep(Math.max(life, 4 * start) * (0.5 + Math.random()));
      if (done) return;
      await place.kill();
      const killed = performance.now();
      await place.start();
      start = performance.now() - killed;
    }
  };

  try {
    await Promise.all(places.map((place) => place.start()));
    const haunting = Promise.all(places.map(haunt));
    const ends = await Promise.race([
      Promise.all(
        Array.from({ length: tasks }, async (_, job) => (await sleep((job / tasks) * 5 * work), follow(job))),
      ),
      haunting.then(() => assert.fail("The killing ended before the tasks did.")),
      sleep(patience, undefined, { ref: false }).then(() =>
        assert.fail(`Tasks are stuck: not all have ended after ${patience} ms.`),
      ),
    ]);
    done = true;
    await haunting;

    assert.equal(new Set(ends.map(({ id }) => id)).size, tasks, "two jobs were given one task");
    for (const { tool, job, end } of ends) {
      if (end["status"] === "completed") assert.match(end["result"].content[0].text, new RegExp(`^job ${job}, run `));
      else {
        assert.equal(end["status"], "failed", `job ${job} of ${tool}`);
        assert.equal(
          tool,
          "once",
          `job ${job} of ${tool} failed although its tool runs again: ${JSON.stringify(end["error"])}`,
        );
        assert.equal(end["error"].code, -32603);
      }
    }
    // Whoever is asked later tells the same end.
    for (const { id, end } of ends) {
      const { result } = await ask("tasks/get", { taskId: id }, id);
      assert.ok(
        isDeepStrictEqual({ ...result, _meta: undefined }, { ...end, _meta: undefined }),
        `task ${id} ended twice: ${JSON.stringify(end)}, then ${JSON.stringify(result)}`,
      );
    }
    const written = readFileSync(journal, "utf8").split("\n").filter(Boolean);
    assert.equal(new Set(written).size, written.length, "the store took two ends of one task");
    return {
      kills: places.reduce((sum, { kills }) => sum + kills, 0),
      seconds: (performance.now() - began) / 1000,
      completed: ends.filter(({ end }) => end["status"] === "completed").length,
      interrupted: ends.filter(({ end }) => end["status"] === "failed").length,
      cut,
    };
  } finally {
    done = true;
    await Promise.all(places.map((place) => place.kill()));
    rmSync(directory, { recursive: true, force: true });
  }
}
