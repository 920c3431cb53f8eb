// Subscriptions as a client of 2026-07-28 opens them: over HTTP with an event stream, or on a pipe. Every message is
// held against schemas that this repository did not write.
import {
  TaskStatusNotificationV2Schema,
  TaskSubscriptionAcknowledgedNotificationsV2Schema,
} from "@modelcontextprotocol/ext-tasks/core/v2";
import { specTypeSchemas } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import { ALL, checkFrame, KEYS, VERSION, type Json, type Says, type World } from "./g26.ts";

export const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const PATIENCE = 15_000;

function fits(
  name: "SubscriptionsAcknowledgedNotification" | "SubscriptionsListenResult" | "CancelledNotification",
  value: unknown,
): void {
  const { issues } = specTypeSchemas[name]["~standard"].validate(value) as { issues?: unknown };
  assert.equal(issues, undefined, `${name}: ${JSON.stringify(value)}`);
}

/** Throws where a message of a subscription is not what the schemas say. */
export function checkNews(message: Json, id: unknown): void {
  checkFrame(message, undefined);
  if (message.error !== undefined) return assert.equal(message.id, id);
  if (message.result !== undefined) {
    fits("SubscriptionsListenResult", message.result);
    assert.equal(message.id, id);
    assert.equal(message.result._meta[SUBSCRIPTION], id);
    return;
  }
  if (message.method === "notifications/cancelled") {
    fits("CancelledNotification", message);
    return assert.equal(message.params.requestId, id);
  }
  assert.equal(message.params._meta[SUBSCRIPTION], id, message.method);
  if (message.method === "notifications/subscriptions/acknowledged") {
    fits("SubscriptionsAcknowledgedNotification", message);
    assert.ok(
      TaskSubscriptionAcknowledgedNotificationsV2Schema.safeParse(message.params.notifications).success,
      JSON.stringify(message),
    );
  } else if (message.method === "notifications/tasks") {
    const parsed = TaskStatusNotificationV2Schema.safeParse(message);
    assert.ok(parsed.success, `${JSON.stringify(message)}: ${String(parsed.error)}`);
    assert.equal(message.params.resultType, undefined);
  } else
    assert.match(
      message.method,
      /^notifications\/(tools|prompts|resources)\//,
      "nothing else belongs on a subscription",
    );
}

/** What one subscription heard, and ways to wait for more. */
export class Heard {
  readonly messages: Json[] = [];
  /** The stream has ended. */
  over = false;
  readonly id: unknown;
  readonly #waiting = new Set<() => void>();

  constructor(id: unknown) {
    this.id = id;
  }

  take(message: Json): void {
    checkNews(message, this.id);
    this.messages.push(message);
    this.#wake();
  }

  end(): void {
    this.over = true;
    this.#wake();
  }

  /** Resolves when `condition` holds. */
  until(condition: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new assert.AssertionError({
              message: `Waited in vain: ${what}. Heard: ${JSON.stringify(this.messages).slice(0, 2000)}`,
            }),
          ),
        PATIENCE,
      );
      timer.unref();
      const look = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The ids that were accepted; resolves when the subscription is acknowledged. */
  async accepted(): Promise<string[] | undefined> {
    await this.until(() => this.messages.length > 0, "an acknowledgement");
    assert.equal(this.messages[0].method, "notifications/subscriptions/acknowledged", JSON.stringify(this.messages[0]));
    return this.messages[0].params.notifications.taskIds;
  }

  tasks(taskId?: string): Json[] {
    return this.messages
      .filter(
        ({ method, params }) => method === "notifications/tasks" && (taskId === undefined || params.taskId === taskId),
      )
      .map(({ params }) => params);
  }

  statuses(taskId?: string): string[] {
    return this.tasks(taskId).map(({ status }) => status);
  }

  /** The state of a task once it has this status. */
  async status(status: string, taskId?: string): Promise<Json> {
    await this.until(() => this.statuses(taskId).includes(status), `status ${status}`);
    return this.tasks(taskId).find((task) => task.status === status);
  }

  /** The last message, when the stream has ended. */
  async last(): Promise<Json> {
    await this.until(() => this.over, "the end");
    return this.messages.at(-1);
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** A subscription over HTTP. */
export class Stream extends Heard {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  private constructor(id: unknown, response: Response, paused: boolean) {
    super(id);
    this.response = response;
    this.#reader = response.body?.getReader();
    if (!paused) this.resume();
  }

  /** Subscribes. `paused`: nothing is read until {@link resume}. */
  static async open(
    world: World,
    notifications: Json,
    { paused = false, ...says }: Says & { paused?: boolean } = {},
  ): Promise<Stream> {
    const message = world.compose("subscriptions/listen", { notifications }, says);
    return new Stream(message.id, await world.post(message, says), paused);
  }

  resume(): void {
    this.#read().then(
      () => this.end(),
      () => this.end(),
    );
  }

  /** The client leaves. */
  async leave(): Promise<void> {
    await this.#reader?.cancel();
  }

  async #read(): Promise<void> {
    const stream = this.response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    const decoder = new TextDecoder();
    let rest = "";
    for (let chunk = await this.#reader?.read(); chunk?.done === false; chunk = await this.#reader?.read()) {
      rest += decoder.decode(chunk.value, { stream: true });
      for (let end = rest.indexOf("\n\n"); stream && end >= 0; end = rest.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(rest.slice(0, end))?.[1];
        rest = rest.slice(end + 2);
        if (data !== undefined) this.take(JSON.parse(data));
      }
    }
    if (!stream && rest !== "") this.take(JSON.parse(rest));
  }
}

/** What a client on a pipe sends to subscribe. */
export function listenMessage(id: unknown, notifications: Json, caps: unknown = ALL): Json {
  return {
    jsonrpc: "2.0",
    id,
    method: "subscriptions/listen",
    params: {
      notifications,
      _meta: { [KEYS.version]: VERSION, [KEYS.capabilities]: caps, [KEYS.client]: { name: "tests", version: "1" } },
    },
  };
}
