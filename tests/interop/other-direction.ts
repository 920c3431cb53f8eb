// Our client's checks against somebody else's server that asks it for tasks (2025-11-25).
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TaskClient, TaskServer, type TaskEvent } from "mcp-longhaul";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./findings.ts";
import type { Check } from "./our-client.ts";

export const checkAsking: Check = async ([urlOrProgram, ...parameters], _generation, variables = {}) => {
  const events: TaskEvent[] = [];
  const hosted = new TaskServer({
    sampling: {},
    elicitation: {},
    defaults: { pollInterval: 50 },
    onevent: (event) => events.push(event),
  });
  const tasks = new TaskClient({ onerror: () => {} });
  const client = new Client(
    { name: "interop", version: "1.0.0" },
    { capabilities: { elicitation: { form: {} }, sampling: {} } },
  );
  client.setRequestHandler("elicitation/create", async () => {
    await sleep(100);
    return { action: "accept", content: { ok: true } };
  });
  client.setRequestHandler("sampling/createMessage", async () => {
    await sleep(300);
    return { role: "assistant", content: { type: "text", text: "a haiku" }, model: "m" };
  });
  tasks.attach(hosted.attach(client));
  await client.connect(
    urlOrProgram.startsWith("http")
      ? new StreamableHTTPClientTransport(new URL(urlOrProgram))
      : new StdioClientTransport({
          command: urlOrProgram,
          args: parameters,
          env: { ...getDefaultEnvironment(), ...variables },
          stderr: "ignore",
        }),
  );
  const call = async (name: string, expected: RegExp, status: string): Promise<string> => {
    events.length = 0;
    const { content } = (await client.callTool({ name, arguments: {} })) as { content: { text: string }[] };
    assert.match(content[0]!.text, expected);
    assert.ok(
      events.some(({ type }) => type === status),
      "no task was made of it",
    );
    return content[0]!.text;
  };
  try {
    return [
      await check("elicitation as a task", () => call("elicit", /accept/, "completed")),
      await check("sampling as a task", () => call("sample", /a haiku/, "completed")),
      await check("cancel and list", () => call("cancel", /^cancelled, listed$/, "cancelled")),
      await check("elicitation as a task, from a task", () => call("elicit_in_task", /accept/, "completed")),
    ];
  } finally {
    await client.close();
    await hosted.close();
    tasks.close();
  }
};
