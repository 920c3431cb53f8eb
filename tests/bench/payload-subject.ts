/**
 * What a large result costs, in a fresh process: `node payload-subject.ts <ours|v1|plain> <json|free> <full|quick>`.
 * With `free`, JSON.stringify and JSON.parse of the payloads are looked up instead of done, so that what is left is the
 * core's share.
 */

import { FULL, QUICK, median, repeated } from "./harness.ts";
import { settled, taskIdOf } from "./wire.ts";

const [subject, json, size] = process.argv.slice(2);
const scale = size === "quick" ? QUICK : { ...FULL, rounds: 9 };

const SIZES = { kb2: 2_000, kb100: 100_000, mb5: 5_000_000 };
/**
 * A result of about that many characters: many blocks, as JSON likes it least, or one text where JSON is looked up,
 * because the SDK's own validation of many blocks would take more than all that is left.
 */
const make = (characters: number) => ({
  content: Array.from({ length: json === "free" ? 1 : Math.ceil(characters / 400) }, (_, at) => ({
    type: "text" as const,
    text: `${at}`.padEnd(json === "free" ? characters : 360, "text "),
  })),
});
const payloads = { kb2: make(SIZES.kb2), kb100: make(SIZES.kb100), mb5: make(SIZES.mb5) };

if (json === "free") {
  const { parse, stringify } = JSON;
  // A result is known by its long text and by what stands beside it, its JSON by identity; all else is done as ever.
  const texts = new Map<string, string>();
  const objects = new Map<string, Record<string, unknown>>();
  const long = new Set(Object.values(payloads).map(({ content }) => content[0]?.text));
  JSON.stringify = ((value: { content?: { text?: string }[] }, ...rest: []) => {
    const text = value?.content?.[0]?.text;
    if (text === undefined || rest.length > 0 || !long.has(text)) return stringify(value, ...rest);
    const key = `${text.length} ${Object.keys(value)}`;
    let known = texts.get(key);
    if (known === undefined) {
      known = stringify(value);
      texts.set(key, known);
      objects.set(known, parse(known));
    }
    return known;
  }) as typeof stringify;
  JSON.parse = ((text: string, ...rest: []) => {
    const known = rest.length === 0 && text.length > 1000 ? objects.get(text) : undefined;
    return known === undefined ? parse(text, ...rest) : { ...known };
  }) as typeof parse;
}

async function open(name: keyof typeof payloads) {
  if (subject === "ours") {
    const { ourRequester } = await import("./ours.ts");
    return { ...(await ourRequester({ large: async () => payloads[name] })), tool: "large" };
  }
  const { v1Requester } = await import("./v1.ts");
  return { ...(await v1Requester(payloads[name])), tool: subject === "v1" ? "instant" : "plain" };
}

async function probe(name: keyof typeof payloads) {
  const { requester, tool } = await open(name);
  const ask = async (method: string, params: Record<string, unknown>) => {
    const answer = requester.ask(method, params);
    return settled(answer instanceof Promise ? await answer : answer);
  };
  return repeated(async (times) => {
    for (let done = 0; done < times; done++) {
      const params = { name: tool, arguments: {}, ...(subject === "plain" ? {} : { task: { ttl: 1000 } }) };
      const called = await ask("tools/call", params);
      const { content } = subject === "plain" ? called : await ask("tasks/result", { taskId: taskIdOf(called) });
      if ((content as unknown[]).length !== payloads[name].content.length) throw new Error("a wrong result");
    }
  }, scale);
}

const names = ["kb2", "kb100", "mb5"] as const;
const probes = [];
for (const name of names) {
  const made = await probe(name);
  await made.warm?.();
  probes.push(made);
}
const rounds: number[][] = [[], [], []];
for (let round = 0; round < scale.rounds; round++)
  for (const [at, made] of probes.entries()) rounds[at]?.push((await made.measure())[0] ?? Number.NaN);
const [small, middle, large] = rounds.map(median) as [number, number, number];
console.log(JSON.stringify([small, middle, middle - small, large / small]));
process.exit();
