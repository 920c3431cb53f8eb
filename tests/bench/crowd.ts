import { getLoop } from "./get.ts";
import { type Open, type Probe, type Row, type Scale, paired, repeated, thousands } from "./harness.ts";
import { ourRequester } from "./ours.ts";
import { filledReceiver } from "./receiver.ts";
import { fill, v1Requester } from "./v1.ts";
import { type Requester, seed, settled } from "./wire.ts";

/** A store with many tasks, how to ask it, and where the middle of its list is. */
interface Crowd {
  readonly requester: Requester;
  readonly ids: readonly string[];
  readonly middle: string | undefined;
}

type Fill = (count: number) => Promise<Crowd>;

/** Filled once for every row of this file: the largest takes a minute. */
function once(open: Fill): Fill {
  const made = new Map<number, Promise<Crowd>>();
  return (count) => {
    const crowd = made.get(count) ?? open(count);
    made.set(count, crowd);
    return crowd;
  };
}

const ours = once(async (count) => {
  // Where nobody is authenticated, `tasks/list` shows no more than the latest that the connection has made.
  const { requester } = await ourRequester({}, undefined, "bench");
  const ids = await seed(requester, "work", count);
  let middle: string | undefined;
  for (let seen = 0; seen < count / 2; ) {
    const page = await requester.request("tasks/list", middle === undefined ? {} : { cursor: middle });
    seen += (page.tasks as unknown[]).length;
    middle = page.nextCursor as string | undefined;
    if (middle === undefined) break;
  }
  return { requester, ids, middle };
});

// The cursor of both peers is the id of the last task of the page before.
const v1 = once(async (count) => {
  const { requester, store } = await v1Requester();
  const ids = await fill(store, count);
  return { requester, ids, middle: ids[count / 2] };
});

const extTasks = once(async (count) => {
  const { requester, ids } = await filledReceiver(count);
  return { requester, ids, middle: ids[count / 2] };
});

function listLoop({ requester, middle }: Crowd, rows: number, scale: Scale): Probe {
  const params = middle === undefined ? {} : { cursor: middle };
  return repeated(async (times) => {
    for (let done = 0; done < times; done++) {
      const answer = requester.ask("tasks/list", params);
      const page = settled(answer instanceof Promise ? await answer : answer);
      if ((page.tasks as unknown[]).length !== rows)
        throw new Error(`a page of ${(page.tasks as unknown[]).length} rows`);
    }
  }, scale);
}

/** The first page, which no peer has to look for. */
const firstPage =
  (fill: Fill, rows: number): Open =>
  async (scale) =>
    listLoop({ ...(await fill(scale.crowd)), middle: undefined }, rows, scale);

const list =
  (fill: Fill, rows: number): Open =>
  async (scale) =>
    paired(listLoop(await fill(1000), rows, scale), listLoop(await fill(scale.crowd), rows, scale), (small, large) => [
      large,
      large / small,
    ]);

const get =
  (fill: Fill): Open =>
  async (scale) => {
    const [few, many] = [await fill(scale.few), await fill(scale.crowd)];
    return paired(getLoop(few.requester, few.ids, scale), getLoop(many.requester, many.ids, scale), (small, large) => [
      large,
      large / small,
    ]);
  };

export const rows: readonly Row[] = [
  {
    target: 8,
    lines: [
      { name: ({ crowd }) => `tasks/list, the first 100 rows of ${thousands(crowd)}`, unit: "µs", goal: { most: 100 } },
    ],
    ours: firstPage(ours, 100),
    peers: { "SDK v1 (10 rows)": firstPage(v1, 10), "ext-tasks receiver": firstPage(extTasks, 100) },
  },
  {
    target: 8,
    lines: [
      {
        name: ({ crowd }) => `tasks/list, 100 rows from the middle of ${thousands(crowd)}`,
        unit: "µs",
        goal: { most: 100 },
      },
      {
        name: ({ crowd }) => `tasks/list, ${thousands(crowd)} ÷ 1k tasks`,
        unit: "×",
        goal: { most: 1.2 },
        compare: false,
      },
    ],
    ours: list(ours, 100),
    peers: { "SDK v1 (10 rows)": list(v1, 10), "ext-tasks receiver": list(extTasks, 100) },
  },
  {
    target: 9,
    lines: [
      { name: ({ crowd }) => `tasks/get of a completed task among ${thousands(crowd)}`, unit: "µs", goal: undefined },
      {
        name: ({ crowd }) => `tasks/get, ${thousands(crowd)} ÷ 100 tasks`,
        unit: "×",
        goal: { most: 1.3 },
        compare: false,
      },
    ],
    ours: get(ours),
    peers: { "SDK v1": get(v1), "ext-tasks receiver": get(extTasks) },
  },
];
