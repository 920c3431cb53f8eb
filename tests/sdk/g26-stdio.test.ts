// Modern tasks over a real pipe to another process.
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { ALL, EXTENSION, KEYS, PLAIN, VERSION, accept, checkFrame, type Json } from "./harness/g26.ts";

class Child {
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<unknown, (message: Json) => void>();
  readonly #requests = new Map<unknown, Json>();
  #rest = "";
  #lastId = 0;

  constructor() {
    this.#child = spawn(process.execPath, [new URL("harness/g26-stdio-server.ts", import.meta.url).pathname], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#line(line);
    });
  }

  #line(line: string): void {
    this.lines.push(line);
    // Each line is one whole message, or this throws and the test fails.
    const message = JSON.parse(line);
    checkFrame(message, this.#requests.get(message.id));
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }

  send(message: Json): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  request(
    method: string,
    params: Json = {},
    { caps = ALL, id = ++this.#lastId }: { caps?: unknown; id?: unknown } = {},
  ): Promise<Json> {
    const message = {
      jsonrpc: "2.0",
      id,
      method,
      params: { ...params, _meta: { [KEYS.version]: VERSION, [KEYS.capabilities]: caps } },
    };
    this.#requests.set(id, message);
    const answer = new Promise<Json>((resolve) => this.#waiting.set(id, resolve));
    this.send(message);
    return answer;
  }

  async until(taskId: string, status: string): Promise<Json> {
    for (;;) {
      const { result, error } = await this.request("tasks/get", { taskId });
      assert.ok(result, JSON.stringify(error));
      if (result.status === status) return result;
    }
  }

  /** Ends the input as a client does that leaves; the exit code. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}

test("a task over stdio: created, asked, answered, done; each request counts by itself", async () => {
  await using child = new Child();
  assert.deepEqual((await child.request("server/discover")).result.capabilities.extensions, { [EXTENSION]: {} });
  const { result } = await child.request("tools/call", { name: "ask", arguments: {} });
  assert.equal(result.resultType, "task");
  const state = await child.until(result.taskId, "input_required");
  const [key] = Object.keys(state.inputRequests) as [string];
  assert.equal((await child.request("tasks/get", { taskId: result.taskId }, { caps: PLAIN })).error.code, -32021);
  assert.ok(
    (await child.request("tasks/update", { taskId: result.taskId, inputResponses: { [key]: accept({ a: "yes" }) } }))
      .result,
  );
  assert.equal((await child.until(result.taskId, "completed")).result.content[0].text, '{"a":"yes"}');
  assert.equal(
    (await child.request("tools/call", { name: "open", arguments: { name: "x" } }, { caps: PLAIN })).result.resultType,
    "complete",
  );
});

test("X-HTT-02: many large messages at once: each is one line, none is mixed with another", async () => {
  await using child = new Child();
  const sizes = Array.from({ length: 24 }, (_, index) => 40_000 + index * 2);
  const handles = await Promise.all(
    sizes.map((size) => child.request("tools/call", { name: "big", arguments: { size } })),
  );
  await Promise.all(handles.map(({ result }) => child.until(result.taskId, "completed")));
  const results = await Promise.all(
    handles.flatMap(({ result: { taskId } }) => [1, 2].map(() => child.request("tasks/get", { taskId }))),
  );
  results.forEach(({ result }, index) => {
    assert.equal(result.result.content[0].text, "é\n".repeat((sizes[index >> 1] as number) / 2));
  });
  for (const line of child.lines) assert.equal(JSON.parse(line).jsonrpc, "2.0");
});

// G26-CAN-08 (part), G26-PRG-01 (part)
test("notifications/cancelled for the creating call, or for a poll, leaves the task alone", async () => {
  await using child = new Child();
  const { result } = await child.request("tools/call", { name: "hold", arguments: { name: "a" } }, { id: "create" });
  const _meta = { [KEYS.version]: VERSION, [KEYS.capabilities]: ALL };
  for (const requestId of ["create", 1, "1", "never"])
    child.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId, _meta } });
  assert.equal((await child.request("tasks/get", { taskId: result.taskId })).result.status, "working");
  await child.request("tools/call", { name: "open", arguments: { name: "a" } });
  assert.equal((await child.until(result.taskId, "completed")).result.content[0].text, "held a");
  assert.ok(child.lines.every((line) => JSON.parse(line).method === undefined));
});

test("a client that leaves while a task runs does not keep the process", async () => {
  const child = new Child();
  await child.request("tools/call", { name: "hold", arguments: { name: "never" } });
  await child[Symbol.asyncDispose]();
});
