// The example's Worker, whose objects can be made to crash (`/crash/<object>`), and asked how many alarms they had
// since they are in memory (`/alarms/<object>`).
import type { ObjectContext } from "mcp-longhaul/stores/durable-object";
import example, { Tasks as Example, type Env } from "../../demo/edge/worker.ts";

const PATH = /^\/(crash|alarms)\/([0-9a-f]{64})$/;

export class Tasks extends Example {
  readonly #ctx: ObjectContext & { abort?(reason: string): void };
  #alarms = 0;

  constructor(ctx: ObjectContext, env: Env) {
    super(ctx, env);
    this.#ctx = ctx;
  }

  override async fetch(request: Request): Promise<Response> {
    const [, what] = PATH.exec(new URL(request.url).pathname) ?? [];
    if (what === undefined) return super.fetch(request);
    if (what === "crash") this.#ctx.abort!("a crash");
    return new Response(String(this.#alarms));
  }

  override alarm(): Promise<void> {
    this.#alarms++;
    return super.alarm();
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, , object] = PATH.exec(new URL(request.url).pathname) ?? [];
    if (object === undefined) return example.fetch(request, env);
    return env.TASKS.get(env.TASKS.idFromString(object) as never)
      .fetch(request)
      .catch((error: unknown) => new Response(String(error)));
  },
};
