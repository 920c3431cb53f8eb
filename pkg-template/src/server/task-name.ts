// Requests about tasks whose clients leave out the header `Mcp-Name`. The SDK's entry refuses them, as the
// specification demands (G26-HTT-03); who has such clients can have it filled in. Who may see a task is decided on the
// body either way (G26-HTT-04).
import { own, textOf } from "../json.ts";
import { readJson } from "./request-body.ts";

const METHODS: readonly unknown[] = ["tasks/get", "tasks/update", "tasks/cancel"];

/** Whether a request about a task has no header that names the task. */
export function lacksTaskName(request: Request): boolean {
  return (
    request.method === "POST" && !request.headers.has("mcp-name") && METHODS.includes(request.headers.get("mcp-method"))
  );
}

/** The request with the task that its body names in its header. `parsed`: its body, where somebody has read it. */
export async function withTaskName(request: Request, parsed: unknown): Promise<Request> {
  const body = parsed ?? (request.bodyUsed ? undefined : await readJson(request));
  const id = textOf(own(body, "params"), "taskId");
  // Only such an id can be one of ours, and needs no encoding (G26-HTT-05).
  if (id === undefined || !/^[\w-]{1,128}$/.test(id)) return request;
  const headers = new Headers(request.headers);
  headers.set("mcp-name", id);
  return new Request(request, { headers });
}
