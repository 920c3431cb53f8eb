/**
 * One subject's memory for each completed task, in a fresh process:
 * `node --expose-gc memory-subject.ts <subject> <full|quick>`.
 */

const [subject, size] = process.argv.slice(2);
/** ext-tasks needs the square of it to fill. */
const COUNT = size === "quick" ? 5_000 : subject === "ext-tasks" ? 10_000 : 50_000;
const WARM = 1_000;

/** What the JSON text of the payload takes in the heap, which a task is not charged for. */
const textBytes = (text: string): number => Math.ceil((16 + text.length) / 8) * 8;

/** How to add completed tasks, and the payload of each that is to be taken off. */
const fillers: Record<string, () => Promise<{ add: (count: number) => Promise<unknown>; payload: number }>> = {
  async ours() {
    const { RESULT, ourRequester } = await import("./ours.ts");
    const { seed } = await import("./wire.ts");
    const { requester } = await ourRequester();
    return { add: (count) => seed(requester, "work", count), payload: textBytes(JSON.stringify(RESULT)) };
  },
  // The peers keep the handler's object by reference, one for all tasks: nothing is taken off.
  v1: () => v1Store(null),
  "v1-ttl": () => v1Store(3_600_000),
  async "v1-protocol"() {
    const { v1Requester } = await import("./v1.ts");
    const { requester } = await v1Requester();
    return {
      async add(count) {
        for (let at = 0; at < count; at++)
          await requester.request("tools/call", { name: "instant", arguments: {}, task: { ttl: 3_600_000 } });
      },
      payload: 0,
    };
  },
  async "ext-tasks"() {
    const { extReceiver } = await import("./receiver.ts");
    const { create } = await extReceiver(1_000_000, 3_600_000);
    return {
      async add(count) {
        for (let at = 0; at < count; at++) await create();
      },
      payload: 0,
    };
  },
};

async function v1Store(ttl: number | null) {
  const { InMemoryTaskStore } = await import("@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js");
  const { RESULT } = await import("./ours.ts");
  const store = new InMemoryTaskStore();
  return {
    async add(count: number) {
      for (let at = 0; at < count; at++) {
        const { taskId } = await store.createTask({ ttl }, at, {
          method: "tools/call",
          params: { name: "work", arguments: {}, task: {} },
        });
        await store.storeTaskResult(taskId, "completed", RESULT);
      }
    },
    payload: 0,
  };
}

async function used(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external; // which has wasm memories in it
}

const filler = fillers[subject ?? ""];
if (filler === undefined) throw new Error(`no subject ${subject}`);
const { add, payload } = await filler();
await add(WARM);
const before = await used();
await add(COUNT);
const after = await used();
console.log(JSON.stringify([(after - before) / COUNT - payload]));
process.exit();
