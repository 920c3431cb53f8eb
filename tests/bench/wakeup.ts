import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Open, type Row, quantile } from "./harness.ts";
import { modernRequester } from "./modern.ts";
import { ourServer } from "./ours.ts";
import type { Generation, Order, Word } from "./wakeup-peer.ts";
import { KINDS } from "./wakeup-stores.ts";
import { type Json, Requester, shuffled } from "./wire.ts";

const TASKS = 200;
/** Completions are spread, so that a store that looks from time to time is met at every phase. */
const SPREAD_MS = 1500;
/** For the waiters' own reads of the store. */
const SETTLE_MS = 200;

const clock = (): number => Number(process.hrtime.bigint());
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The process that runs the handlers. */
class Peer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(kind: string, connection: string): Promise<Peer> {
    const child = fork(fileURLToPath(new URL("wakeup-peer.ts", import.meta.url)), [kind, connection], {
      execArgv: ["--no-warnings"],
    });
    const [word] = await Promise.race([once(child, "message"), once(child, "exit")]);
    if (typeof word === "number") throw new Error("the other process ended");
    return new Peer(child);
  }

  async tasks(generation: Generation): Promise<readonly string[]> {
    this.#tell({ start: TASKS, generation });
    const [word] = (await once(this.#child, "message")) as [{ ids: readonly string[] }];
    return word.ids;
  }

  /** Completes all tasks in a scattered order; says when each was completed. */
  async complete(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const at = new Map<string, number>();
    const all = new Promise<void>((resolve) => {
      const hear = (word: Word): void => {
        if (!("completed" in word)) return;
        at.set(word.completed, word.at);
        if (at.size < ids.length) return;
        this.#child.off("message", hear);
        resolve();
      };
      this.#child.on("message", hear);
    });
    for (const complete of shuffled(ids)) {
      this.#tell({ complete });
      await pause(SPREAD_MS / ids.length);
    }
    await all;
    return at;
  }

  close(): void {
    this.#child.disconnect();
  }

  #tell(order: Order): void {
    this.#child.send(order);
  }
}

/**
 * Who learns of completions in this process: `wait` resolves when it waits for all, with when it will have known of
 * each.
 */
interface Learner {
  wait(ids: readonly string[]): Promise<readonly Promise<number>[]>;
}

type Server = Awaited<ReturnType<typeof ourServer>>;

/** A `tasks/result` for each task. */
async function blocked({ end }: Server): Promise<Learner> {
  const requester = new Requester(end);
  await requester.initialize();
  return {
    async wait(ids) {
      const known = ids.map((taskId) => requester.request("tasks/result", { taskId }).then(clock));
      await pause(SETTLE_MS);
      return known;
    },
  };
}

/** One subscription to all tasks. */
async function pushed({ tasks }: Server): Promise<Learner> {
  const know = new Map<unknown, (at: number) => void>();
  let working = 0;
  let listening = (): void => {};
  const modern = await modernRequester(tasks, {}, (method, { taskId, status }: Json) => {
    if (method !== "notifications/tasks") return;
    if (status === "completed") know.get(taskId)?.(clock());
    else if (++working === TASKS) listening();
  });
  return {
    async wait(ids) {
      working = 0;
      const known = ids.map((taskId) => new Promise<number>((resolve) => know.set(taskId, resolve)));
      const all = new Promise<void>((resolve) => (listening = resolve));
      void modern.request("subscriptions/listen", { notifications: { taskIds: ids } });
      await all;
      return known;
    },
  };
}

const open =
  (kind: string, generation: Generation, learn: (server: Server) => Promise<Learner>): Open =>
  async () => {
    const { start, open } = KINDS[kind]!;
    const engine = await start();
    const peer = await Peer.start(kind, engine.connection);
    const shared = await open(engine.connection);
    const server = await ourServer({}, shared.store);
    const learner = await learn(server);
    return {
      async measure() {
        const ids = await peer.tasks(generation);
        const known = await learner.wait(ids);
        const completed = await peer.complete(ids);
        const took = (await Promise.all(known))
          .map((at, n) => (at - completed.get(ids[n]!)!) / 1e6)
          .sort((a, b) => a - b);
        return [quantile(took, 0.5), quantile(took, 0.99)];
      },
      async close() {
        peer.close();
        await server.tasks.close();
        await shared.close();
        await engine.stop();
      },
    };
  };

/** So that the table says that nobody is missing. */
const nobody: Open = () => Promise.reject(new Error("no tasks that two processes share; within one, see #5"));

const row = (kind: string, what: string, ours: Open): Row => ({
  target: 17,
  lines: ["p50", "p99"].map((share) => ({
    name: `${kind}, completion in another process to ${what}, ${share}`,
    unit: "ms",
    goal: undefined,
  })),
  ours,
  peers: { "SDK v1 and ext-tasks": nobody },
  rounds: ({ quick }) => (quick ? 1 : 3),
});

export const rows: readonly Row[] = Object.keys(KINDS).flatMap((kind) => [
  row(kind, "a blocked tasks/result", open(kind, "2025-11-25", blocked)),
  row(kind, "the push of a subscription", open(kind, "2026-07-28", pushed)),
]);
