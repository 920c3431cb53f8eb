import { type Open, type Probe, type Row, type Scale, repeated } from "./harness.ts";
import { ourRequester, ourServer } from "./ours.ts";
import { fill, v1Client, v1Requester, v1Server } from "./v1.ts";
import { Requester, seed, settled, shuffled } from "./wire.ts";

/** `tasks/get` in turn over all ids, by a raw requester. */
export function getLoop(
  requester: Requester,
  ids: readonly string[],
  scale: Scale,
  close?: () => Promise<void> | void,
): Probe {
  const order = shuffled(ids);
  let at = 0;
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        if (++at >= order.length) at = 0;
        const answer = requester.ask("tasks/get", { taskId: order[at] });
        settled(answer instanceof Promise ? await answer : answer);
      }
    },
    scale,
    close,
  );
}

/** The same through an SDK v1 client; the server side is ours or theirs. */
async function clientLoop(
  end: Parameters<typeof v1Client>[0],
  ids: readonly string[],
  scale: Scale,
  close: () => Promise<void>,
): Promise<Probe> {
  const client = await v1Client(end);
  const order = shuffled(ids);
  let at = 0;
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        if (++at >= order.length) at = 0;
        await client.experimental.tasks.getTask(order[at] as string);
      }
    },
    scale,
    close,
  );
}

const oursRaw: Open = async (scale) => {
  const { requester, close } = await ourRequester();
  return getLoop(requester, await seed(requester, "hold", scale.many), scale, close);
};

const v1Raw: Open = async (scale) => {
  const { requester, store, close } = await v1Requester();
  return getLoop(requester, await fill(store, scale.many), scale, close);
};

const oursClient: Open = async (scale) => {
  const { end, close } = await ourServer();
  // The SDK client then takes the end over from the requester that fills the store.
  const requester = new Requester(end);
  await requester.initialize();
  const ids = await seed(requester, "hold", scale.many);
  end.onmessage = undefined as never;
  return clientLoop(end, ids, scale, close);
};

const v1Both: Open = async (scale) => {
  const { end, store, close } = await v1Server();
  return clientLoop(end, await fill(store, scale.many), scale, close);
};

export const rows: readonly Row[] = [
  {
    target: 1,
    lines: [{ name: "tasks/get, server side, 10k live", unit: "µs", goal: { times: 1.5 } }],
    ours: oursRaw,
    peers: { "SDK v1": v1Raw },
  },
  {
    target: 3,
    lines: [{ name: "tasks/get through an SDK v1 client, 10k live", unit: "µs", goal: { times: 1.5 } }],
    ours: oursClient,
    peers: { "SDK v1": v1Both },
  },
];
