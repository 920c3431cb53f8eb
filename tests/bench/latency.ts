import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { type Open, type Probe, type Row, quantile } from "./harness.ts";
import { RESULT, ourRequester } from "./ours.ts";
import { v1Client, v1Requester, v1Server } from "./v1.ts";
import { seed } from "./wire.ts";

const WAITERS = 200;
/** Completions are spread over a little more than the default poll interval, so that a poller is met at every phase. */
const SPREAD_MS = 1100;

/** Opens tasks with somebody waiting for each, completes them one by one, and says when each waiter knew. */
function latencies(
  start: () => Promise<{ readonly complete: () => void; readonly settled: Promise<unknown> }[]>,
  close: () => Promise<void>,
): Probe {
  return {
    async measure() {
      const tasks = await start();
      const took: number[] = [];
      await Promise.all(
        tasks.map(async ({ complete, settled }, at) => {
          // A prime stride scatters the order of completion against the order of the calls.
          await new Promise((resolve) =>
            setTimeout(resolve, 20 + (((at * 73) % tasks.length) / tasks.length) * SPREAD_MS),
          );
          const from = performance.now();
          complete();
          await settled;
          took.push((performance.now() - from) * 1000);
        }),
      );
      took.sort((a, b) => a - b);
      return [quantile(took, 0.5), quantile(took, 0.99)];
    },
    close,
  };
}

const ours: Open = async () => {
  const finish: ((result: typeof RESULT) => void)[] = [];
  const { requester, close } = await ourRequester({ late: () => new Promise((resolve) => finish.push(resolve)) });
  return latencies(async () => {
    finish.length = 0;
    const ids = await seed(requester, "late", WAITERS);
    const settled = ids.map((taskId) => requester.request("tasks/result", { taskId }));
    return settled.map((settled, at) => ({ settled, complete: () => finish[at]?.(RESULT) }));
  }, close);
};

const v1Result: Open = async () => {
  const { requester, complete, close } = await v1Requester();
  return latencies(async () => {
    const ids = await seed(requester, "silent", WAITERS);
    return ids.map((taskId) => ({
      settled: requester.request("tasks/result", { taskId }),
      complete: () => void complete(taskId),
    }));
  }, close);
};

const v1Stream: Open = async () => {
  const { end, complete, close } = await v1Server();
  const client = await v1Client(end);
  return latencies(
    () =>
      Promise.all(
        Array.from({ length: WAITERS }, async () => {
          const stream = client.experimental.tasks.callToolStream(
            { name: "silent", arguments: {} },
            CallToolResultSchema,
            { task: {} },
          );
          const { value } = await stream.next();
          if (value?.type !== "taskCreated") throw new Error("the call did not become a task");
          const settled = (async () => {
            for await (const message of stream) if (message.type === "error") throw message.error;
          })();
          return { settled, complete: () => void complete(value.task.taskId) };
        }),
      ),
    close,
  );
};

export const rows: readonly Row[] = [
  {
    target: 5,
    lines: [
      { name: "completion to tasks/result, 200 waiters, p50", unit: "µs", goal: { most: 50 } },
      { name: "completion to tasks/result, 200 waiters, p99", unit: "µs", goal: { most: 1000 } },
    ],
    ours,
    peers: { "SDK v1": v1Result, "SDK v1 callToolStream": v1Stream },
    rounds: ({ quick }) => (quick ? 1 : 5),
  },
];
