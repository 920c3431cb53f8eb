import { TaskError } from "./errors.ts";
import { isWhole } from "./json.ts";
import { type Kinds, checkKinds, FUNCTION } from "./options-check.ts";
import type { SettledTask } from "./types.ts";

/** What {@link webhook} takes. */
export interface WebhookOptions {
  /** Where ends of tasks are posted: `https:`, or `http:` within a network of your own. */
  readonly url: string | URL;
  /**
   * The secret of the receiver, as Standard Webhooks writes it: `whsec_` and base64 of 24 to 64 bytes. Several, while
   * one follows another: each signs.
   */
  readonly secret: string | readonly string[];
  /** How long the receiver may take to answer, in ms, at most 30 000. Default 15 000. */
  readonly timeout?: number | undefined;
  /** The `data` of the message, as JSON. Default: the {@link SettledTask} as it is, with its task id. */
  readonly data?: ((settled: SettledTask) => unknown) | undefined;
  /** Sends the request. Default: the platform's `fetch`. */
  readonly fetch?: ((url: string, request: RequestInit) => Promise<Response>) | undefined;
}

const SECRET = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;
const isSecret = (secret: unknown): boolean => typeof secret === "string" && SECRET.test(secret);
const OPTIONS: Kinds<WebhookOptions> = {
  url: [(value: unknown) => isAddress(value), "an address that begins with https: or http:"],
  secret: [
    (value: unknown) => (Array.isArray(value) ? value.length > 0 && value.every(isSecret) : isSecret(value)),
    "`whsec_` and base64 of 24 to 64 bytes, or several of these",
  ],
  timeout: [(value) => isWhole(value, 1, 30_000), "a whole number of milliseconds, at most 30000"],
  data: FUNCTION,
  fetch: FUNCTION,
};

/**
 * For `onsettled` of TaskServer: posts how each task ended, signed as Standard Webhooks 1.0 says (HMAC with SHA-256).
 * `webhook-id` is the task's id, the same at every attempt: a receiver that has seen it has seen this end. Any answer
 * from 200 to 299 will do; at any other, or none in time, it is posted again later. Redirects are not followed.
 *
 * Throws {@link TaskError} `invalid_argument` naming the option that is wrong.
 */
export function webhook(options: WebhookOptions): (settled: SettledTask) => Promise<void> {
  checkKinds("webhook()", options, OPTIONS);
  for (const name of ["url", "secret"] as const)
    if (options[name] === undefined)
      throw new TaskError("invalid_argument", `webhook() needs the option \`${name}\`: ${OPTIONS[name][1]}.`);
  const { timeout = 15_000, data = (settled) => settled, fetch: send = (...call) => fetch(...call) } = options;
  const url = String(options.url);
  const keys = Promise.all([options.secret].flat().map(keyOf));
  keys.catch(() => {});
  return async (settled) => {
    const id = settled.taskId;
    const type = `task.${settled.type}`;
    const body = JSON.stringify({ type, timestamp: new Date(settled.at).toISOString(), data: data(settled) });
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
    const signatures = (await keys).map(async (key) => `v1,${base64(await crypto.subtle.sign("HMAC", key, signed))}`);
    const headers = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": (await Promise.all(signatures)).join(" "),
    };
    const signal = AbortSignal.timeout(timeout);
    let answer: Response;
    try {
      answer = await send(url, { method: "POST", headers, body, redirect: "manual", signal });
    } catch (cause) {
      throw new TaskError("connection", "The receiver of the webhook cannot be reached; it is tried again.", { cause });
    }
    // Nothing in it matters, and an unread one keeps its connection.
    answer.body?.cancel().catch(() => {});
    if (!answer.ok) {
      const text = `The receiver of the webhook answered with ${answer.status}; it is tried again.`;
      throw new TaskError("failed", text);
    }
  };
}

function isAddress(value: unknown): boolean {
  return URL.canParse(String(value)) && /^https?:$/.test(new URL(String(value)).protocol);
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = Uint8Array.from(atob(secret.slice("whsec_".length)), (character) => character.charCodeAt(0));
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
