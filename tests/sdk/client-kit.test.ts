// The client kit: ours passes on both SDK lines; what the clients of others do with it is printed, and is theirs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { TaskClient, type TaskHandle } from "mcp-longhaul";
import { type ClientCase, clientCases, type OpenClient } from "mcp-longhaul/client-kit";
import { makeClient, type Kind } from "./client-sdk.ts";

/** `TaskClient` on an SDK's client. */
function ours(kind: Kind): OpenClient {
  return async (transport, { user }) => {
    let last: TaskHandle | undefined;
    const host = new TaskClient({ poll: { initial: 100 }, ontask: (task) => (last = task) });
    const handlers = { "elicitation/create": (params: unknown) => user("elicitation/create", params) };
    const client = host.attach(makeClient(kind, handlers) as never) as ReturnType<typeof makeClient>;
    await client.connect(transport);
    if (kind !== "SDK v2, 2026") await client.listTools();
    return {
      callTool: (name, args) => client.callTool({ name, arguments: args }),
      cancel: async () => last?.cancel(),
      close: async () => {
        host.close();
        await client.close();
      },
    };
  };
}

const of = (generation: string): readonly ClientCase[] => clientCases.filter((one) => one.generation === generation);

for (const [kind, generation] of [
  ["SDK v1", "2025-11-25"],
  ["SDK v2, 2025", "2025-11-25"],
  ["SDK v2, 2026", "2026-07-28"],
] as const) {
  describe(`TaskClient on ${kind}`, { concurrency: 4 }, () => {
    for (const { requirement, kind: how, name, run } of of(generation))
      test(`${requirement} (${how}): ${name}`, (t) => run(ours(kind), (why) => t.skip(why)));
  });
}

// In a process of their own: what they leave behind is theirs.
test("the clients of others are clients of the kit, and their table is printed", async (t) => {
  const script = fileURLToPath(new URL("client-kit-peers.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 120_000 });
  for (const line of stdout.trim().split("\n")) t.diagnostic(line);
  assert.match(
    stdout,
    /SDK v1, experimental tasks, 2025-11-25: \d+ of \d+[\s\S]*ext-tasks 0.2 on SDK v2, 2025-11-25: \d+ of \d+/,
  );
});
