// What both fuzzers share: how long they go on, how a failure is made small, and what is said of it.
import fc from "fast-check";
import { play, TARGETS } from "./hostile-client.ts";
import { KINDS, playServer, serverArbitrary } from "./hostile-server.ts";
import { storyArbitrary } from "./story.ts";
import { watch } from "./watch.ts";

/** Who is hostile. */
export type Hostile = "client" | "server";

/** One kind of peer that is attacked in one way. */
export interface Attack<Story extends object = any> {
  readonly name: string;
  readonly hostile: Hostile;
  readonly stories: fc.Arbitrary<Story>;
  /** Throws what must not have happened. */
  play(story: Story): Promise<void>;
}

watch();

export const ATTACKS: readonly Attack[] = [
  ...Object.keys(TARGETS).map(
    (target): Attack => ({
      name: `hostile client, ${target}`,
      hostile: "client",
      stories: storyArbitrary,
      play: (story) => play(target, story),
    }),
  ),
  ...KINDS.map(
    (kind): Attack => ({
      name: `hostile server, ${kind}`,
      hostile: "server",
      stories: serverArbitrary,
      play: (story) => playServer(kind, story),
    }),
  ),
];

/** As many stories as fit into the time. */
const MANY = 1_000_000;
/** How long a story that fails is made smaller. */
const SHRINKING = 60_000;

/** Plays stories for `ms`; answers how many. A failure throws with its seed and the smallest story that was found. */
export async function attack({ name, hostile, stories, play }: Attack, seed: number, ms: number): Promise<number> {
  const property = fc.asyncProperty(stories, (story) => play(story));
  const { failed, numRuns, counterexample, errorInstance } = await fc.check(property, {
    seed,
    numRuns: MANY,
    interruptAfterTimeLimit: ms,
    endOnFailure: true,
  });
  if (!failed) return numRuns;
  const found = { story: counterexample?.[0], fault: String((errorInstance as Error | null)?.message) };
  const { story, fault } = await smaller(found, play);
  throw new Error(
    `${name}: npm run fuzz -- --only ${hostile} --seed ${seed}\n${fault}\nThe story: ${JSON.stringify(story)}`,
  );
}

interface Found<Story> {
  readonly story: Story;
  readonly fault: string;
}

/**
 * Leaves out what a failure does not need: runs of list members, long ones first. fast-check would go on from the one
 * run that failed; ids and moments differ each time, so each part has two tries.
 */
async function smaller<Story extends object>(
  found: Found<Story>,
  play: (story: Story) => Promise<void>,
): Promise<Found<Story>> {
  const end = performance.now() + SHRINKING;
  for (let shrunk = true; shrunk; ) {
    shrunk = false;
    for (const candidate of parts(found.story)) {
      if (performance.now() > end) return found;
      const fault = (await fails(candidate, play)) ?? (await fails(candidate, play));
      if (fault === undefined) continue;
      found = { story: candidate, fault };
      shrunk = true;
      break;
    }
  }
  return found;
}

async function fails<Story>(story: Story, play: (story: Story) => Promise<void>): Promise<string | undefined> {
  try {
    await play(story);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The value without a part of one of its lists, the largest parts first. */
function* parts<Value>(value: Value): Generator<Value> {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (let length = value.length; length >= 1; length = Math.floor(length / 2)) {
      for (let at = 0; at < value.length; at += length) yield value.toSpliced(at, length) as Value;
    }
  }
  for (const [key, member] of Object.entries(value)) {
    for (const part of parts(member as unknown))
      yield (Array.isArray(value) ? value.with(Number(key), part) : { ...value, [key]: part }) as Value;
  }
}
