import { now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { isWhole } from "../json.ts";
import { checkKinds, type Kinds } from "../options-check.ts";
import type { TaskStore } from "../store.ts";
import {
  digest,
  GUEST_OPTIONS,
  type GuestOptions,
  type GuestRecord,
  GuestRecords,
  type GuestWrite,
} from "./records.ts";
import type { SdkQueuedMessage, SdkTaskMessageQueue } from "./sdk-types.ts";

/** What {@link sdkTaskMessageQueue} takes. */
export interface SdkTaskMessageQueueOptions extends GuestOptions {
  /** How long a queue is kept after its last message came or went, in ms. Default 86,400,000 (24 h). */
  readonly keep?: number | undefined;
}

/** How long an emptied queue is kept at most, in ms: its record must outlive whoever has just read it. */
const KEEP_EMPTY = 10 * 60_000;

const KINDS: Kinds<SdkTaskMessageQueueOptions> = {
  ...GUEST_OPTIONS,
  keep: [(value: unknown) => isWhole(value, 1_000), "a whole number of ms from 1,000"],
};

/**
 * A store of this package as the `TaskMessageQueue` of SDK v1's experimental tasks, in the place of its
 * `InMemoryTaskMessageQueue`: what is queued for `tasks/result` is delivered once, in order, by whichever process has
 * that request. The answer to a queued request goes to the process that asked only where that has the client's
 * connection: SDK v1 waits for answers in memory.
 *
 * Each change is one compare-and-swap of the queue of a task. `enqueue` rejects with {@link TaskError} `limit` over
 * `maxSize`, all methods with `storage` or `limit` where the store fails or is full. Throws `invalid_argument` for what
 * is no store, and for wrong options.
 */
export function sdkTaskMessageQueue(store: TaskStore, options: SdkTaskMessageQueueOptions = {}): SdkTaskMessageQueue {
  checkKinds("sdkTaskMessageQueue", options, KINDS);
  const { keep = 86_400_000 } = options;
  const records = new GuestRecords(store, "sdk-v1-queue", options);

  /** In the order of the calls. Task ids of other stores may be anything, hence the hash. */
  const change = (taskId: string, edit: (record: GuestRecord | undefined) => GuestWrite | undefined) =>
    records.inTurn(taskId, async () => records.change("", await digest(taskId, 32), edit));
  const written = (messages: readonly SdkQueuedMessage[], ms: number): GuestWrite => ({
    state: { until: now() + ms },
    payload: messages,
  });

  return {
    async enqueue(taskId, message, _sessionId, maxSize) {
      await change(taskId, (record) => {
        const messages = messagesOf(record);
        if (maxSize !== undefined && messages.length >= maxSize)
          throw new TaskError("limit", `The task has ${maxSize} queued messages, which are the most.`, { taskId });
        return written([...messages, message], keep);
      });
    },

    async dequeue(taskId) {
      let first: SdkQueuedMessage | undefined;
      await change(taskId, (record) => {
        const [next, ...rest] = messagesOf(record);
        first = next;
        return next === undefined ? undefined : written(rest, keep);
      });
      return first;
    },

    async dequeueAll(taskId) {
      let all: SdkQueuedMessage[] = [];
      await change(taskId, (record) => {
        all = messagesOf(record);
        return all.length === 0 ? undefined : written([], Math.min(KEEP_EMPTY, keep));
      });
      return all;
    },

    sweep: () => records.sweep(),
  };
}

function messagesOf(record: GuestRecord | undefined): SdkQueuedMessage[] {
  return Array.isArray(record?.payload) ? (record.payload as SdkQueuedMessage[]) : [];
}
