// The playground's server: tasks in a worker of the page, over IndexedDB. Whoever kills it finds them again.
import { createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { type ElicitationAnswer, TaskServer } from "mcp-longhaul";
import { indexedDbStore } from "mcp-longhaul/stores/indexeddb";
import * as z from "zod";
import { answerWith } from "./bridge.ts";
import { BAND, paintBand, SIZE } from "./fractal.ts";

const HOUR = 3_600_000;
// It would try whether it may make code, and the policy would say so each time.
z.config({ jitless: true });

const tasks = new TaskServer({
  store: indexedDbStore("playground"),
  tools: {
    fractal: { task: "always", onLost: "restart", ttl: HOUR, pollInterval: 500 },
    confirm: { task: "always", onLost: "restart", ttl: HOUR, pollInterval: 500 },
  },
  // A worker that was killed is missed after a second.
  lease: 1_000,
  clockSkew: 0,
  server: () => makeServer(),
  onerror: (error) => console.warn(error),
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function makeServer(): McpServer {
  const server = new McpServer({ name: "playground", version: "1.0.0" });
  server.registerTool(
    "fractal",
    {
      description:
        "Paints the Mandelbrot set, a band at a time. " +
        "Each band is a step: a worker that is killed begins again where it was.",
      inputSchema: z.object({
        x: z.number().default(-0.743).describe("The point in the middle"),
        y: z.number().default(0.1318).describe("The same, upwards"),
        span: z.number().positive().max(4).default(0.012).describe("Width in the complex plane"),
      }),
    },
    async (view, context) => {
      const task = tasks.current(context);
      const bands: string[] = [];
      for (let band = 0; band < SIZE / BAND; band++) {
        await task?.status(`band ${band + 1} of ${SIZE / BAND}`);
        const paint = async (): Promise<string> => {
          const painted = paintBand(view, band);
          // Slow enough to be killed in the middle.
          await pause(350);
          return painted;
        };
        bands.push(task === undefined ? await paint() : await task.step(`band ${band}`, paint));
      }
      return {
        content: [{ type: "text", text: `${SIZE} × ${SIZE} points around ${view.x} + ${view.y}i` }],
        structuredContent: { size: SIZE, bands },
      };
    },
  );
  server.registerTool(
    "confirm",
    {
      description:
        "Asks for a name and a colour in the middle of its work, and waits for the answer as long as it takes.",
      inputSchema: z.object({ what: z.string().default("the deployment").describe("What is to be confirmed") }),
    },
    async ({ what }, context) => {
      const task = tasks.current(context);
      const answers = context.mcpReq.inputResponses as Readonly<Record<string, ElicitationAnswer>> | undefined;
      if (answers === undefined) {
        await task?.status("asking");
        // A question that is returned is held by the store alone: it waits through every restart.
        return inputRequired({ inputRequests: { who: question(what) as never } });
      }
      const { action, content } = answers["who"] ?? { action: "cancel" };
      if (action !== "accept") return { content: [{ type: "text", text: `${what} is not confirmed.` }] };
      await task?.status("writing it down");
      await pause(1_000);
      const sure = content?.["sure"] === true ? "certainly" : "perhaps";
      return { content: [{ type: "text", text: `${String(content?.["name"])} confirms ${what}, ${sure}.` }] };
    },
  );
  return tasks.attach(server);
}

function question(what: string): object {
  return {
    method: "elicitation/create",
    params: {
      mode: "form",
      message: `Who confirms ${what}?`,
      requestedSchema: {
        type: "object",
        properties: {
          name: { type: "string", title: "Name", minLength: 1 },
          sure: { type: "boolean", title: "I am sure" },
        },
        required: ["name"],
      },
    },
  };
}

const handler = tasks.fetch(createMcpHandler(() => makeServer()));
self.onmessage = answerWith((request, options) => handler(request, options as never));
tasks.start();
