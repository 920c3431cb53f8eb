/**
 * Durable stores against what one would write by hand on the same driver, with the same promises: one atomic
 * compare-and-swap, an index for an owner's list and one for what is due, and a notice of each change for other
 * processes. One operation at a time, so what is measured is the round trip and what both ends add to it. Writes are
 * not synced: the disk would hide the rest.
 */

import type { TaskStore } from "mcp-longhaul";
import { type Open, type Row, repeated } from "./harness.ts";
import { stateOf } from "./states.ts";

export const OWNER = "https://issuer.example|alice|tasks";
export const STATE = await stateOf("hold", 3_600_000);
export const PAYLOAD = JSON.stringify({ result: { content: [{ type: "text", text: "x".repeat(400) }] } });

export const id = (n: number): string => `0123456789abcdefghijkl${n}`;
export const dueAt = (n: number): number => n + 3_600_000;

type Answer = boolean | Promise<boolean>;

/** What a subject does with the task of a number; each says whether it did. */
export interface Subject {
  get(n: number): Answer;
  create(n: number): Answer;
  complete(n: number): Answer;
  close(): Promise<void>;
}

export interface Engine<Client> {
  readonly client: Client;
  stop(): Promise<void>;
}

/**
 * One server and one client for all subjects of a row, from the first who asks until the last has stopped. With a
 * server each, the scheduler would place one better than the other: figures of one subject differed by a factor of 3.
 */
export function shared<Client>(start: () => Promise<Engine<Client>>): () => Promise<Engine<Client>> {
  let users = 0;
  let engine: Promise<Engine<Client>> | undefined;
  return async () => {
    users += 1;
    const { client, stop } = await (engine ??= start());
    return {
      client,
      async stop() {
        users -= 1;
        if (users > 0) return;
        engine = undefined;
        await stop();
      },
    };
  };
}

export type Operation = Exclude<keyof Subject, "close">;

const FILLED = 1_000;

/** A store of ours as a subject. */
export function stored(store: TaskStore, close: () => Promise<void>): Subject {
  const put = (n: number, version: number, payload: string | null): Answer =>
    store.put({ owner: OWNER, id: id(n), version, createdAt: n, dueAt: dueAt(n), state: STATE, payload });
  return {
    get(n) {
      const task = store.get(OWNER, id(n));
      return task instanceof Promise ? task.then((task) => task?.createdAt === n) : task?.createdAt === n;
    },
    create: (n) => put(n, 1, null),
    complete: (n) => put(n, 2, PAYLOAD),
    close,
  };
}

const open =
  (make: () => Promise<Subject>, operation: Operation): Open =>
  async (scale) => {
    const subject = await make();
    for (let n = 0; n < FILLED; n += 1) await subject.create(n);
    let next = operation === "get" ? 0 : FILLED;
    const did = async (answer: Answer): Promise<void> => {
      if (!(answer instanceof Promise ? await answer : answer)) throw new Error("a wrong answer");
    };
    const loop = async (times: number): Promise<void> => {
      for (let done = 0; done < times; done += 1) {
        const n = operation === "get" ? next++ % FILLED : next++;
        if (operation === "get") await did(subject.get(n));
        else await did(subject.create(n));
        // With the create before it: nothing can be completed twice.
        if (operation === "complete") await did(subject.complete(n));
      }
    };
    return repeated(loop, scale, () => subject.close());
  };

/** A line for each operation of a store. The goal is to take at most half as long again as `by hand`. */
export function durableRows(
  name: string,
  ours: () => Promise<Subject>,
  peers: Readonly<Record<string, () => Promise<Subject>>>,
): Row[] {
  return (["get", "create", "complete"] as const).map((operation) => ({
    target: 2,
    lines: [
      {
        name: `${name}: ${operation === "complete" ? "create + complete" : operation}`,
        unit: "µs",
        goal: { times: 0.67, peer: "by hand" },
      },
    ],
    ours: open(ours, operation),
    peers: Object.fromEntries(Object.entries(peers).map(([peer, make]) => [peer, open(make, operation)])),
  }));
}

const AT_ONCE = 32;

/** Creations of many clients at once, for what only then queues up. */
const openCrowd =
  (make: () => Promise<Subject>): Open =>
  async (scale) => {
    const subject = await make();
    let next = 0;
    const loop = async (times: number): Promise<void> => {
      for (let done = 0; done < times; done += 1) {
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => subject.create(next++)));
        if (answers.includes(false)) throw new Error("a wrong answer");
      }
    };
    return repeated(loop, scale, () => subject.close());
  };

export function crowdRow(name: string, ours: () => Promise<Subject>, byHand: () => Promise<Subject>): Row {
  const line = { name: `${name}: ${AT_ONCE} creations at once`, unit: "µs", goal: { times: 0.67, peer: "by hand" } };
  return { target: 2, lines: [line], ours: openCrowd(ours), peers: { "by hand": openCrowd(byHand) } };
}
