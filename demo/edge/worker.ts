// Cloudflare: `npx wrangler dev`. Tasks live in Durable Objects, one for each caller with a token and 16 for all
// others.
import { routeByTask, taskObject, type ObjectNamespace } from "mcp-longhaul/stores/durable-object";
import { authenticated } from "./auth.ts";
import { serveTools } from "./serve.ts";

export interface Env {
  readonly TASKS: ObjectNamespace;
  readonly AUTH_SECRET?: string;
}

export const Tasks = taskObject<Env>(({ durable }) => serveTools(durable));

export default {
  fetch: (request: Request, env: Env): Promise<Response> =>
    authenticated(request, env.AUTH_SECRET, (authInfo) =>
      routeByTask(request, env.TASKS, { authInfo, owner: authInfo?.clientId }),
    ),
};
