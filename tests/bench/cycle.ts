import { CallToolResultSchema, CreateTaskResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { type Open, type Probe, type Row, type Scale, repeated } from "./harness.ts";
import { ourRequester, ourServer } from "./ours.ts";
import { fill, v1Client, v1Requester, v1Server } from "./v1.ts";
import { Requester, seed, settled, taskIdOf } from "./wire.ts";

/** Call, get, result: the life of a task, by a raw requester. */
function rawLoop(requester: Requester, tool: string, scale: Scale, close: () => Promise<void>): Probe {
  const ask = async (method: string, params: Record<string, unknown>) => {
    const answer = requester.ask(method, params);
    return settled(answer instanceof Promise ? await answer : answer);
  };
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        const taskId = taskIdOf(await ask("tools/call", { name: tool, arguments: {}, task: {} }));
        await ask("tasks/get", { taskId });
        await ask("tasks/result", { taskId });
      }
    },
    scale,
    close,
  );
}

/** The same by an SDK v1 client. */
async function clientLoop(
  end: Parameters<typeof v1Client>[0],
  tool: string,
  scale: Scale,
  close: () => Promise<void>,
): Promise<Probe> {
  const client = await v1Client(end);
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        const { task } = await client.request(
          { method: "tools/call", params: { name: tool, arguments: {}, task: {} } },
          CreateTaskResultSchema,
        );
        await client.experimental.tasks.getTask(task.taskId);
        await client.experimental.tasks.getTaskResult(task.taskId, CallToolResultSchema);
      }
    },
    scale,
    close,
  );
}

const oursRaw: Open = async (scale) => {
  const { requester, close } = await ourRequester();
  await seed(requester, "hold", scale.many);
  return rawLoop(requester, "work", scale, close);
};

const v1Raw: Open = async (scale) => {
  const { requester, store, close } = await v1Requester();
  await fill(store, scale.many);
  return rawLoop(requester, "instant", scale, close);
};

const oursClient: Open = async (scale) => {
  const { end, close } = await ourServer();
  const requester = new Requester(end);
  await requester.initialize();
  await seed(requester, "hold", scale.many);
  end.onmessage = undefined as never;
  return clientLoop(end, "work", scale, close);
};

const v1Both: Open = async (scale) => {
  const { end, store, close } = await v1Server();
  await fill(store, scale.many);
  return clientLoop(end, "instant", scale, close);
};

export const rows: readonly Row[] = [
  {
    target: 4,
    lines: [{ name: "call + get + result, server side, 10k live", unit: "µs", goal: { times: 1 } }],
    ours: oursRaw,
    peers: { "SDK v1": v1Raw },
  },
  {
    target: 4,
    lines: [{ name: "call + get + result through an SDK v1 client, 10k live", unit: "µs", goal: { times: 1 } }],
    ours: oursClient,
    peers: { "SDK v1": v1Both },
  },
];
