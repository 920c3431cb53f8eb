// The examples that the TypeScript SDK's package ships, as they are.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import assert from "node:assert/strict";
import { TaskClient } from "mcp-longhaul";
import { freePorts } from "../engines/ports.ts";
import { check, type Finding } from "./findings.ts";
import { answers, start, withOurServer } from "./programs.ts";

/** The interactive client against our server: it confirms a deletion, and writes a haiku. */
export async function exampleClient(script: string): Promise<Finding[]> {
  const output = await withOurServer("HTTP, sessions", async ([url]) => {
    const child = start([process.execPath, script, "--url", url], {}, "pipe");
    let seen = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    for await (const part of child.stdout!.setEncoding("utf8")) {
      seen += part;
      // It reads no answer that comes before its question.
      if (seen.endsWith("(y/n): ")) child.stdin!.write("y\n");
    }
    clearTimeout(timer);
    return seen;
  });
  const sees = (name: string, what: RegExp): Promise<Finding> =>
    check(name, async () => {
      assert.match(output, what);
      return what.exec(output)![0];
    });
  return [
    await sees("create", /Task created: \S+[\s\S]*Task created: \S+/),
    await sees("poll", /Task status: input_required/),
    await sees("ask, elicitation", /Result: important\.txt is deleted/),
    await sees("ask, sampling", /by mock-haiku-model: .*Cherry blossoms/),
    await sees("end", /Demo complete/),
  ];
}

/** Our client against the interactive server. */
export async function checkExampleServer(script: string): Promise<Finding[]> {
  const [port = 0] = await freePorts(1);
  const server = start([process.execPath, script], { PORT: String(port) });
  server.stdout!.resume();
  const tasks = new TaskClient({ onerror: () => {} });
  const client = tasks.attach(
    new Client({ name: "interop", version: "1.0.0" }, { capabilities: { elicitation: {}, sampling: {} } }),
  );
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { confirm: true } }));
  client.setRequestHandler("sampling/createMessage", () => ({
    model: "interop",
    role: "assistant",
    content: { type: "text", text: "Leaves drift to the ground" },
  }));
  try {
    const url = `http://127.0.0.1:${port}/mcp`;
    await answers(url);
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const told = async (name: string, values: Record<string, unknown>, what: RegExp): Promise<string> => {
      const handle = await tasks.callTool(client, { name, arguments: values });
      assert(handle.taskId !== undefined, "the server answered at once, without a task");
      const { content } = await handle.result();
      const { text } = content[0] as { text: string };
      assert.match(text, what);
      return text;
    };
    return [
      await check("ask, elicitation", () => told("confirm_delete", { filename: "important.txt" }, /important\.txt/)),
      await check("ask, sampling", () => told("write_haiku", { topic: "autumn" }, /Leaves drift/)),
      await check("plain call", async () => {
        const { content } = await client.callTool({ name: "confirm_delete", arguments: { filename: "other.txt" } });
        const { text } = content[0] as { text: string };
        assert.match(text, /other\.txt/);
        return text;
      }),
    ];
  } finally {
    server.kill("SIGKILL");
    await client.close();
    tasks.close();
  }
}
