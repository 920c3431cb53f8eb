import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { bindTaskReceiver } from "@modelcontextprotocol/ext-tasks/receiver";
import { type End, Requester, taskIdOf } from "./wire.ts";

/**
 * The 2025-11-25 receiver of ext-tasks, which answers sampling requests, and the server's end of its transport as a raw
 * requester.
 */
export async function extReceiver(maxTasks: number, ttlMs: number | null = null) {
  const client = new Client({ name: "bench", version: "1" }, { capabilities: { sampling: {} } });
  const receiver = bindTaskReceiver(client, {
    methods: { "sampling/createMessage": true },
    sampling: async () => ({ model: "m", role: "assistant", content: { type: "text", text: "ok" } }),
    maxTasks,
    ttlMs,
  });
  client.registerCapabilities({ tasks: receiver.capabilities } as never);
  const [end, transport] = InMemoryTransport.createLinkedPair();
  // The client shakes hands with whoever answers it: a server that has nothing to say.
  end.onmessage = (message) => {
    const { id, method } = message as { id?: number; method?: string };
    if (method !== "initialize" || id === undefined) return;
    void end.send({
      jsonrpc: "2.0",
      id,
      result: { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "bench", version: "1" } },
    });
  };
  await client.connect(transport);
  const requester = new Requester(end as End);
  return {
    requester,
    async create(): Promise<string> {
      const params = { messages: [{ role: "user", content: { type: "text", text: "?" } }], maxTokens: 1, task: {} };
      return taskIdOf(await requester.request("sampling/createMessage", params));
    },
    async close() {
      receiver.close();
      await client.close();
    },
  };
}

/** Each creation looks at every task there is, so `count` costs its square. */
export async function filledReceiver(count: number) {
  const receiver = await extReceiver(count + 1);
  const ids: string[] = [];
  while (ids.length < count) ids.push(await receiver.create());
  return { ...receiver, ids };
}
