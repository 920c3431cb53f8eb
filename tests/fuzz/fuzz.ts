// What both fuzzers share: how long they go on, how a failure is made small, and what is said of it.
import fc from "fast-check";
import { play, TARGETS } from "./hostile-client.ts";
import { KINDS, playServer, serverArbitrary } from "./hostile-server.ts";
import { storyArbitrary } from "./story.ts";
import { watch } from "./watch.ts";

/** Who is hostile. */
export type Hostile = "client" | "server";

/** One kind of peer that is attacked in one way. */
export interface Attack {
  readonly name: string;
  readonly hostile: Hostile;
  readonly property: fc.IAsyncProperty<[unknown]>;
}

watch();

export const ATTACKS: readonly Attack[] = [
  ...Object.keys(TARGETS).map((target): Attack => ({ name: `hostile client, ${target}`, hostile: "client", property: fc.asyncProperty(storyArbitrary, (story) => play(target, story)) as never })),
  ...KINDS.map((kind): Attack => ({ name: `hostile server, ${kind}`, hostile: "server", property: fc.asyncProperty(serverArbitrary, (story) => playServer(kind, story)) as never })),
];

/** A seed that is the same for a day. */
export const seedOfTheDay = (): number => Math.floor(Date.now() / 86_400_000);

/** As many stories as fit into the time. */
const MANY = 1_000_000;
/** How long a story that fails is made smaller. */
const SHRINKING = 60_000;

/** Plays stories for `ms`; answers how many. A failure throws with its seed and the smallest story that was found. */
export async function attack({ name, hostile, property }: Attack, seed: number, ms: number): Promise<number> {
  const first = await fc.check(property, { seed, numRuns: MANY, interruptAfterTimeLimit: ms, endOnFailure: true });
  if (!first.failed) return first.numRuns;
  const { counterexamplePath: path } = first;
  // From the story that failed: the same ids and moments will not come again, so it may pass now.
  const smaller = await fc.check(property, { seed, ...(path !== null && { path }), interruptAfterTimeLimit: SHRINKING });
  const { counterexample, errorInstance } = smaller.counterexample === null ? first : smaller;
  throw new Error(`${name}: npm run fuzz -- --only ${hostile} --seed ${seed}\n${String((errorInstance as Error | null)?.message)}\nThe story: ${JSON.stringify(counterexample?.[0])}`);
}
