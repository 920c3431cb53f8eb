/**
 * The process whose handlers complete: `node wakeup-peer.ts <store> <connection>`. It is told to start tasks, answers
 * with the ids of as many tasks, and then completes each task that it is told to, saying when.
 */

import { type Handler, RESULT, ourServer } from "./ours.ts";
import { modernRequester } from "./modern.ts";
import { KINDS } from "./wakeup-stores.ts";
import { Requester, seed } from "./wire.ts";

export type Generation = "2025-11-25" | "2026-07-28";
export type Order = { readonly start: number; readonly generation: Generation } | { readonly complete: string };
/** `at`: ns of the clock that all processes of a machine share. */
export type Word = { readonly ids: readonly string[] } | { readonly completed: string; readonly at: number };

const [kind = "", connection = ""] = process.argv.slice(2);
const shared = await KINDS[kind]?.open(connection);
const say = (word: Word): void => void process.send?.(word);

const finish = new Map<string | undefined, (result: typeof RESULT) => void>();
const late: Handler = (context) => new Promise((resolve) => finish.set(tasks.current(context)?.taskId, resolve));
const { end, tasks } = await ourServer({ late }, shared?.store);
const requester = new Requester(end);
await requester.initialize();
const modern = await modernRequester(tasks, { late }, () => {});

async function start(count: number, generation: Generation): Promise<readonly string[]> {
  if (generation === "2025-11-25") return seed(requester, "late", count);
  const ids: string[] = [];
  while (ids.length < count)
    ids.push((await modern.request("tools/call", { name: "late", arguments: {} }))["taskId"] as string);
  return ids;
}

process.on("message", async (order: Order) => {
  if ("start" in order) return say({ ids: await start(order.start, order.generation) });
  const at = Number(process.hrtime.bigint());
  finish.get(order.complete)?.(RESULT);
  say({ completed: order.complete, at });
});
process.on("disconnect", () => process.exit());
say({ ids: [] });
