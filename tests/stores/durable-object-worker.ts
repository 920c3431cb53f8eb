// Runs in workerd: the contract suite in Durable Objects, and a Worker whose Durable Objects serve MCP.
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { storeCases } from "mcp-longhaul/store-kit";
import {
  durableObjectStore,
  routeByTask,
  taskObject,
  type ObjectContext,
  type ObjectNamespace,
  type ObjectStorage,
} from "mcp-longhaul/stores/durable-object";

interface Env {
  readonly CASES: ObjectNamespace;
  readonly TASKS: ObjectNamespace;
}

/** Runs the case that the URL names. */
export class Case {
  readonly #ctx: ObjectContext;

  constructor(ctx: ObjectContext) {
    this.#ctx = ctx;
  }

  async fetch(request: Request): Promise<Response> {
    const { storage } = this.#ctx;
    const which = new URL(request.url).searchParams.get("index");
    if (which === "pieces") return Response.json(await longPayloads(storage));
    const outcome: { error?: string; skipped?: string } = {};
    try {
      await storeCases[Number(which)]!.run(
        () => ({ store: durableObjectStore(storage), reopen: () => durableObjectStore(storage) }),
        (why) => void (outcome.skipped = why),
      );
    } catch (error) {
      outcome.error = String(error);
    }
    return Response.json(outcome);
  }

  alarm(): void {
    // The store's; the cases ask for themselves what is due.
  }
}

/**
 * Payloads that grow, stay and shrink, cut everywhere in a row of emoji; and how many rows they took besides their own.
 */
async function longPayloads(storage: ObjectStorage): Promise<{ same: boolean[]; rows: number[] }> {
  const store = durableObjectStore(storage);
  const task = { owner: "alice", id: "a", createdAt: 1, dueAt: null, state: "w" };
  const rows: number[] = [];
  const count = () =>
    rows.push(
      storage.sql
        .exec("SELECT count(*) AS n FROM mcp_tasks_pieces")
        .toArray()
        .map((row) => (row as { n: number }).n)[0]!,
    );
  const same: boolean[] = [];
  const swap = async (version: number, payload: string | undefined, expected: string) => {
    await store.put({ ...task, version, payload });
    same.push((await store.get("alice", "a"))?.payload === expected);
    count();
  };
  const long = `x${"😀".repeat(900_000)}`;
  count();
  await swap(1, long, long);
  await swap(2, undefined, long);
  await swap(3, "short", "short");
  await swap(4, "y".repeat(500_001), "y".repeat(500_001));
  await store.delete("alice", "a", 4);
  count();
  return { same, rows };
}

const Served = taskObject<Env>(({ durable }) => {
  const tasks = new TaskServer({ ...durable, task: "always", lease: 2_000, tools: { stuck: { ttl: 1_000 } } });
  const build = () => {
    const server = new McpServer({ name: "in a Durable Object", version: "1.0.0" });
    server.registerTool("greet", {}, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { content: [{ type: "text", text: "hello from an object" }] };
    });
    server.registerTool("ask", {}, async (ctx) => {
      const question = { message: "Go on?", requestedSchema: { type: "object" as const, properties: {} } };
      const { action } = await tasks.current(ctx)!.requireInput({ method: "elicitation/create", params: question });
      return { content: [{ type: "text", text: String(action) }] };
    });
    server.registerTool("whoami", {}, (ctx) => {
      const authInfo = ctx.http?.authInfo;
      return {
        content: [{ type: "text", text: JSON.stringify([authInfo?.extra, authInfo?.resource instanceof URL]) }],
      };
    });
    for (const name of ["stuck", "lost"]) server.registerTool(name, {}, () => new Promise<never>(() => {}));
    return tasks.attach(server);
  };
  return { tasks, handler: createMcpHandler(build) };
});

export class Tasks extends Served {
  readonly #ctx: ObjectContext;

  constructor(ctx: ObjectContext, env: Env) {
    super(ctx, env);
    this.#ctx = ctx;
  }

  /** What is stored, without a task server that might do something about it. */
  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== "/stored") return super.fetch(request);
    return Response.json(this.#ctx.storage.sql.exec("SELECT id, version FROM mcp_tasks").toArray());
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/case") {
      // Whoever says who he is is believed, as a Worker would believe a token that it has verified.
      const user = request.headers.get("x-user");
      const authInfo =
        user === null
          ? undefined
          : {
              token: "t",
              clientId: "c",
              scopes: [],
              resource: new URL("https://example.com/mcp"),
              extra: { sub: user },
            };
      const owner = searchParams.has("apart") && user !== null ? user : undefined;
      return routeByTask(request, env.TASKS, { objects: 4, authInfo, owner });
    }
    return env.CASES.get(env.CASES.idFromName(`case ${searchParams.get("index")}`) as never).fetch(request);
  },
};
