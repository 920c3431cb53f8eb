import type { Extra, Message } from "../tap.ts";
import { own } from "../json.ts";

/** The HTTP requests that were refused because of a limit, and how long they are to wait, in ms. */
const refused = new WeakMap<Request, number>();

/** The core refuses a request because of a limit: the HTTP response that carries the refusal will say so too. */
export function noteRefusal(extra: Extra, error: Message["error"]): void {
  const request = extra?.["request"];
  if (!(request instanceof Request)) return;
  const wait = own(error?.data, "retryAfterMs");
  refused.set(request, typeof wait === "number" ? wait : 0);
}

/**
 * The response to a request, with the status 429 and `Retry-After` where it was refused because of a limit (X-ERR-04).
 * A response that is a stream has its status before its answer, and stays as it is.
 */
export function withRetryAfter(request: Request, response: Response): Response {
  const wait = refused.get(request);
  if (wait === undefined || response.headers.get("content-type")?.startsWith("application/json") !== true)
    return response;
  const headers = new Headers(response.headers);
  headers.set("retry-after", String(Math.max(1, Math.ceil(wait / 1000))));
  return new Response(response.body, { status: 429, headers });
}
