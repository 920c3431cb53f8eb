// Processes that die, on one SQLite file: what becomes of the tasks that they ran.
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { ALL, KEYS, VERSION, accept, checkFrame, text, type Json } from "./harness/g26.ts";
import type { ProcessOptions } from "./harness/lease-process.ts";

const LEASE = 1_000;

/** One server process, and a client of it. */
class Process {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: string[] = [];
  readonly #waiting = new Map<string, (line: string) => void>();
  #url = "";
  #lastId = 0;

  static async start(options: Partial<ProcessOptions> & { file: string }): Promise<Process> {
    const started = new Process({ lease: LEASE, onLost: "fail", quick: false, alone: false, drain: 0, ...options });
    started.#url = `http://127.0.0.1:${(await started.line("port ")).slice(5)}/mcp`;
    return started;
  }

  private constructor(options: ProcessOptions) {
    const script = new URL("harness/lease-process.ts", import.meta.url).pathname;
    this.#child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
    let rest = "";
    this.#child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.#lines.push(line);
        for (const [start, found] of this.#waiting) if (line.startsWith(start)) found(line);
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first line that begins so. */
  line(start: string): Promise<string> {
    const known = this.#lines.find((line) => line.startsWith(start));
    return known === undefined ? new Promise((resolve) => this.#waiting.set(start, resolve)) : Promise.resolve(known);
  }

  count(line: string): number {
    return this.#lines.filter((one) => one === line).length;
  }

  /** Sends a signal; with one that ends the process, resolves when it has ended. */
  async signal(name: NodeJS.Signals, ends = true): Promise<number | null> {
    const ended = ends ? once(this.#child, "close") : Promise.resolve([null]);
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(name);
    else return this.#child.exitCode;
    return ((await ended) as [number | null])[0];
  }

  async request(method: string, params: Json): Promise<Json> {
    const message = {
      jsonrpc: "2.0",
      id: ++this.#lastId,
      method,
      params: { ...params, _meta: { [KEYS.version]: VERSION, [KEYS.capabilities]: ALL } },
    };
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
      "mcp-method": method,
      "mcp-name": params.taskId ?? params.name,
    };
    const body = await (await fetch(this.#url, { method: "POST", headers, body: JSON.stringify(message) })).text();
    const answer = JSON.parse(/^data: (\{.*"id".*\})$/m.exec(body)?.[1] ?? body);
    checkFrame(answer, message);
    return answer;
  }

  async start(name: string, args: Json): Promise<string> {
    const { result, error } = await this.request("tools/call", { name, arguments: args });
    assert.equal(result?.resultType, "task", JSON.stringify(error ?? result));
    return result.taskId;
  }

  async get(taskId: string): Promise<Json> {
    const { result, error } = await this.request("tasks/get", { taskId });
    assert.ok(result, JSON.stringify(error));
    return result;
  }

  /** Polls, no longer than a lease and the sweep that follows it, with some time for a slow machine. */
  async until(taskId: string, status: string): Promise<Json> {
    const deadline = performance.now() + 10 * LEASE;
    for (;;) {
      const result = await this.get(taskId);
      if (result.status === status) return result;
      assert.ok(performance.now() < deadline, `the task is ${result.status}, not ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Runs a test with a file for a store, and ends every process it started. */
function withProcesses(
  run: (start: (options?: Partial<ProcessOptions>) => Promise<Process>) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
    const started: Process[] = [];
    try {
      await run(async (options = {}) => {
        const one = await Process.start({ file: join(directory, "tasks.db"), ...options });
        started.push(one);
        return one;
      });
    } finally {
      for (const one of started) await one.signal("SIGKILL");
      rmSync(directory, { recursive: true });
    }
  };
}

test(
  "X-STO-05, H24, H27: an endless task whose process is killed is failed by another one, after its lease",
  withProcesses(async (start) => {
    const [one, two] = [await start(), await start()];
    const id = await one.start("hold", { name: "work" });
    await one.line("begun work");
    assert.equal((await two.get(id)).status, "working");
    await one.signal("SIGKILL");
    const { error, statusMessage } = await two.until(id, "failed");
    assert.deepEqual([error.code, error.data.reason], [-32603, "interrupted"]);
    assert.match(statusMessage, /lost/);
  }),
);

test(
  "X-STO-05: its sweep alone settles it, also in a process that begins later",
  withProcesses(async (start) => {
    const one = await start();
    await one.start("hold", { name: "work" });
    await one.line("begun work");
    await one.signal("SIGKILL");
    const two = await start();
    await two.line("event lost");
  }),
);

test(
  "X-STO-05: a task that may run again does, in the process that is asked for it",
  withProcesses(async (start) => {
    const one = await start({ onLost: "restart" });
    const two = await start({ onLost: "restart", quick: true });
    const id = await one.start("hold", { name: "work" });
    await one.line("begun work");
    await one.signal("SIGKILL");
    const { result } = await two.until(id, "completed");
    assert.deepEqual(result.content, text(`work by ${two.pid}`).content);
    assert.equal(two.count("event restarted"), 1);
  }),
);

test(
  "X-STO-05: a task that may run again does without anybody asking, where the host can make a server",
  withProcesses(async (start) => {
    const one = await start({ onLost: "restart" });
    const two = await start({ onLost: "restart", quick: true, alone: true });
    const id = await one.start("hold", { name: "work" });
    await one.line("begun work");
    await one.signal("SIGKILL");
    await two.line("event completed");
    assert.deepEqual((await two.get(id)).result.content, text(`work by ${two.pid}`).content);
  }),
);

test(
  "H26, X-STO-04: a process that sleeps through its lease writes nothing when it wakes, and its handler stops",
  withProcesses(async (start) => {
    const one = await start({ onLost: "restart" });
    const two = await start({ onLost: "restart", quick: true });
    const id = await one.start("hold", { name: "work" });
    await one.line("begun work");
    await one.signal("SIGSTOP", false);
    const { result } = await two.until(id, "completed");
    await one.signal("SIGCONT", false);
    await one.line("aborted work");
    await one.signal("SIGUSR2", false);
    await one.line("event late_outcome");
    assert.deepEqual((await one.get(id)).result, result);
    assert.equal(one.count("event completed") + two.count("event completed"), 1);
  }),
);

test(
  "H25: a task that asked in one process, which was killed, is answered and completed in another",
  withProcesses(async (start) => {
    const [one, two] = [await start(), await start()];
    const id = await one.start("confirm", { what: "Delete" });
    const asked = await one.until(id, "input_required");
    await one.signal("SIGKILL");
    // Nobody runs it, so nobody is lost with a process, however long the answer takes.
    await new Promise((resolve) => setTimeout(resolve, 2 * LEASE));
    const still = await two.get(id);
    assert.deepEqual([still.status, still.inputRequests], ["input_required", asked.inputRequests]);
    const [key] = Object.keys(asked.inputRequests) as [string];
    await two.request("tasks/update", { taskId: id, inputResponses: { [key]: accept({ sure: true }) } });
    const { result } = await two.until(id, "completed");
    assert.deepEqual(result.content, text(`Delete: true asked by ${two.pid}`).content);
  }),
);

test(
  "X-STO-11: a process that is asked to end lets its handlers finish",
  withProcesses(async (start) => {
    const [one, two] = [await start({ drain: 10_000 }), await start()];
    const id = await one.start("hold", { name: "work" });
    await one.line("begun work");
    await one.signal("SIGTERM", false);
    await one.line("closing");
    const refused = await one.request("tools/call", { name: "confirm", arguments: { what: "Delete" } });
    assert.notEqual(refused.result?.resultType, "task");
    await one.signal("SIGUSR2", false);
    await one.line("closed");
    assert.deepEqual((await two.get(id)).result.content, text(`work by ${one.pid}`).content);
  }),
);

for (const onLost of ["fail", "restart"] as const) {
  test(
    `X-STO-11: what runs longer is handed over before the process ends, with no lease to wait for (${onLost})`,
    withProcesses(async (start) => {
      const lease = 60_000;
      const one = await start({ onLost, lease });
      const two = await start({ onLost, lease, quick: true });
      const id = await one.start("hold", { name: "work" });
      await one.line("begun work");
      assert.equal(await one.signal("SIGTERM"), 0);
      assert.equal(one.count("aborted work"), 1);
      const task = await two.until(id, onLost === "fail" ? "failed" : "completed");
      if (onLost === "fail") assert.equal(task.error.data.reason, "interrupted");
      else assert.deepEqual(task.result.content, text(`work by ${two.pid}`).content);
    }),
  );
}
