import type { TaskStore } from "mcp-longhaul";
import { type Line, type Open, type Row, type Scale, thousands } from "./harness.ts";
import { ourServer } from "./ours.ts";
import { stateOf } from "./states.ts";
import { type Filled, OWNERS, memory, postgres, redis, sqlite } from "./sweep-stores.ts";

/** The shortest time to live, in ms. */
const TTL = 1000;
const OVER = await stateOf("work", TTL);
await new Promise((resolve) => setTimeout(resolve, TTL));
const DUE = 100;

/** The fastest of a few: what is looked for is the store's size, not who else is at work on the machine. */
async function fastest(measure: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let tries = 0; tries < 3; tries += 1) best = Math.min(best, await measure());
  return best;
}

/** How long the store takes to say what is due, in µs. */
async function ask(store: TaskStore, expected: number): Promise<number> {
  const from = performance.now();
  const found = await store.due(Date.now(), DUE);
  const took = performance.now() - from;
  if (found.length !== expected) throw new Error(`${found.length} are due`);
  return took * 1000;
}

async function fill(store: TaskStore): Promise<void> {
  for (let n = 0; n < DUE; n += 1)
    await store.put({
      owner: `owner-${n % OWNERS}`,
      id: `over-${n}`,
      version: 1,
      createdAt: 1000,
      dueAt: 2000,
      state: OVER,
    });
}

/** How long the first sweep of a new server takes, from its question to its last deletion, in µs. */
async function sweep(store: TaskStore): Promise<number> {
  // Those that are there already are not made again.
  await fill(store);
  let from = 0;
  let left = DUE;
  let swept = (): void => {};
  const done = new Promise<void>((resolve) => (swept = resolve));
  const { tasks, close } = await ourServer(
    {},
    {
      get: (...asked) => store.get(...asked),
      put: (task) => store.put(task),
      list: (...asked) => store.list(...asked),
      due(...asked) {
        from ||= performance.now();
        return store.due(...asked);
      },
      delete(...asked) {
        const settled = (answer: boolean): boolean => {
          if (--left === 0) swept();
          return answer;
        };
        const answer = store.delete(...asked);
        return answer instanceof Promise ? answer.then(settled) : settled(answer);
      },
    },
  );
  await done;
  const took = performance.now() - from;
  await close();
  await tasks.close();
  return took * 1000;
}

/** [nothing due, some due, a sweep of these] */
async function turn({ store }: Filled): Promise<readonly number[]> {
  const idle = await fastest(() => ask(store, 0));
  await fill(store);
  const found = await fastest(() => ask(store, DUE));
  return [idle, found, await fastest(() => sweep(store))];
}

const sizes = ({ crowd }: Scale): readonly [number, number] => [crowd, 10 * crowd];

const open =
  (make: (count: number) => Promise<Filled>): Open =>
  async (scale) => {
    const [few, many] = (await Promise.all(sizes(scale).map(make))) as [Filled, Filled];
    for (let warm = 0; warm < 3; warm += 1) for (const filled of [few, many]) await turn(filled);
    let round = 0;
    return {
      async measure() {
        const manyFirst = round++ % 2 === 0 ? await turn(many) : undefined;
        const small = await turn(few);
        const large = manyFirst ?? (await turn(many));
        return large.flatMap((figure, at) => [figure, figure / small[at]!]);
      },
      async close() {
        await few.close();
        await many.close();
      },
    };
  };

/** What a sweep costs must go by what is due, not by what is stored. */
const lines = (store: string): Line[] =>
  ["asking when nothing is due", `asking when ${DUE} are due`, `a sweep that deletes ${DUE}`].flatMap(
    (what): Line[] => {
      const size = (scale: Scale): readonly string[] => sizes(scale).map(thousands);
      return [
        { name: (scale) => `${store}, ${size(scale)[1]} tasks: ${what}`, unit: "µs", goal: undefined },
        {
          name: (scale) => `${store}: ${what}, ${size(scale)[1]} ÷ ${size(scale)[0]} tasks`,
          unit: "×",
          goal: { most: 1.5 },
          compare: false,
        },
      ];
    },
  );

export const rows: readonly Row[] = Object.entries({ memory, SQLite: sqlite, PostgreSQL: postgres, Redis: redis }).map(
  ([name, make]) => ({
    target: 16,
    lines: lines(name),
    ours: open(make),
    peers: {},
    rounds: ({ quick }) => (quick ? 3 : 9),
  }),
);
