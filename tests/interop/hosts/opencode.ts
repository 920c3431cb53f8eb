// OpenCode, a host without tasks that gives a tool up after 60 s, on a scripted model: a tool of 75 s reaches the model
// by a handle and `task_status`, and by signs of life.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { TaskServer, type TaskPolicy } from "mcp-longhaul";
import * as z from "zod";
import { statelessV1 } from "../../sdk/harness/http.ts";
import { npm } from "../environments.ts";
import type { Finding } from "../findings.ts";
import { type Move, ScriptedModel } from "./model.ts";

const LONG = 75_000;
/** So long may one conversation take, in ms. */
const WHOLE = 150_000;

interface Story {
  readonly check: string;
  readonly tool: "render" | "confirm";
  readonly policy: TaskPolicy;
  /** What the model reads last. */
  readonly reads: RegExp;
  /** Whether the model was handed a task on the way. */
  readonly byHandle: boolean;
}

const STORIES: readonly Story[] = [
  {
    check: "75 s, by signs of life",
    tool: "render",
    policy: { task: "always" },
    reads: /teapot is rendered/,
    byHandle: false,
  },
  {
    check: "75 s, by a handle and task_status",
    tool: "render",
    policy: { task: "always", withoutTasks: { after: 20_000 } },
    reads: /teapot is rendered/,
    byHandle: true,
  },
  {
    check: "a question, by task_answer",
    tool: "confirm",
    policy: { task: "always", withoutTasks: { after: 5_000 } },
    reads: /accept {"ok":true}/,
    byHandle: true,
  },
];

/** Runs all conversations. `folder`: where OpenCode is installed, and works. */
export async function openCode(folder: string): Promise<Finding[]> {
  const packages = await npm(folder, "opencode");
  return Promise.all(
    STORIES.map(async (story, number): Promise<Finding> => {
      const home = join(folder, `opencode-home-${number}`);
      try {
        const seen = await converse(story, packages, home);
        const ok =
          story.reads.test(seen.at(-1) ?? "") && seen.some((text) => text.includes("task_status")) === story.byHandle;
        return { check: story.check, ok, detail: seen.join(" | ").slice(0, 1000) };
      } catch (error) {
        return { check: story.check, ok: false, detail: String(error) };
      }
    }),
  );
}

/** What the model read in one conversation. */
async function converse({ tool, policy }: Story, packages: string, home: string): Promise<readonly string[]> {
  const tasks = new TaskServer({ tools: { render: policy, confirm: policy } });
  const server = await statelessV1(() => tasks.attach(build(tasks)) as never);
  const model = new ScriptedModel((output): Move => {
    if (output === undefined) return { tool, input: tool === "render" ? { scene: "teapot" } : {} };
    const task_id = /"task_id":"([^"]+)"/.exec(output)?.[1];
    if (task_id === undefined) return { say: "I have seen it" };
    if (output.includes("has a question")) return { tool: "task_answer", input: { task_id, content: { ok: true } } };
    return { tool: "task_status", input: { task_id } };
  });
  try {
    await run(packages, home, await model.listen(), server.url, `call ${tool}`);
    return model.outputs;
  } finally {
    await model.close();
    await server.close();
    await tasks.close();
  }
}

function build(tasks: TaskServer): McpServer {
  const server = new McpServer({ name: "ours", version: "1.0.0" });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("render", { inputSchema: { scene: z.string() } }, async ({ scene }, { signal }) => {
    await sleep(LONG, undefined, { signal });
    return text(`${scene} is rendered`);
  });
  server.registerTool("confirm", {}, async (extra) => {
    const answer = await tasks.current(extra)!.requireInput({
      method: "elicitation/create",
      params: {
        message: "Go on?",
        requestedSchema: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] },
      },
    });
    return text(`${answer.action} ${JSON.stringify(answer.content ?? null)}`);
  });
  return server;
}

/** Starts OpenCode with a home of its own, and waits for its end. */
async function run(packages: string, home: string, baseURL: string, url: string, prompt: string): Promise<void> {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const configuration = {
    autoupdate: false,
    share: "disabled",
    model: "scripted/model",
    small_model: "scripted/model",
    provider: {
      scripted: {
        npm: "@ai-sdk/openai-compatible",
        name: "scripted",
        options: { baseURL, apiKey: "none" },
        models: { model: { name: "model", tool_call: true } },
      },
    },
    mcp: { ours: { type: "remote", url, enabled: true } },
    permission: { "*": "allow" },
  };
  writeFileSync(join(home, "opencode.json"), JSON.stringify(configuration));
  const child = spawn(join(packages, "node_modules", ".bin", "opencode"), ["run", prompt], {
    cwd: home,
    env: {
      HOME: home,
      PATH: process.env["PATH"],
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
    },
    stdio: ["ignore", "ignore", process.env["INTEROP_VERBOSE"] ? "inherit" : "ignore"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), WHOLE);
  await once(child, "exit");
  clearTimeout(timer);
}
