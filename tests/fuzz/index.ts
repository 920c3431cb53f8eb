// `npm run fuzz -- [--minutes N] [--seed S] [--only client|server]`: hostile clients against a server, hostile servers
// against a client, in rounds of new stories. `--only` names who is hostile. Exits 1 where anything failed, when the
// time is over.
import { parseArgs } from "node:util";
import { ATTACKS, attack, type Attack } from "./fuzz.ts";
import { longestBlock } from "./watch.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" }, only: { type: "string" } },
});
const minutes = Number(values.minutes);
const from = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(from) || !["client", "server", undefined].includes(values.only)) {
  console.error("fuzz: --minutes and --seed take numbers, --only takes client or server");
  process.exit(2);
}

/** How long one kind of peer is attacked before the next has its turn. */
const ROUND = 20_000;
const attacks = ATTACKS.filter(({ hostile }) => values.only === undefined || values.only === hostile);
const stories = new Map<Attack, number>();
let failures = 0;

console.log(`seed ${from}`);
const end = Date.now() + minutes * 60_000;
for (let seed = from; Date.now() < end; seed++) {
  for (const one of attacks) {
    const left = end - Date.now();
    if (left <= 0) break;
    try {
      stories.set(
        one,
        (stories.get(one) ?? 0) + (await attack(one, seed, Math.min(ROUND, left, (minutes * 60_000) / attacks.length))),
      );
    } catch (error) {
      failures++;
      console.error((error as Error).message);
    }
  }
}
for (const [{ name }, count] of stories) console.log(`${name}: ${count} stories`);
console.log(
  `${failures} failures; the event loop stood still for ${longestBlock()} ms at most; ` +
    `${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB in use`,
);
process.exit(failures === 0 ? 0 : 1);
