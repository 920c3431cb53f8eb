import { inProcess } from "./alone.ts";
import type { Row } from "./harness.ts";

const subject = (name: string) => inProcess("memory-subject.ts", name);

export const rows: readonly Row[] = [
  {
    target: 10,
    lines: [{ name: "memory of a completed task without its payload (heap + wasm)", unit: "B", goal: { most: 350 } }],
    ours: subject("ours"),
    peers: {
      "SDK v1 store, no ttl": subject("v1"),
      "SDK v1 store, ttl": subject("v1-ttl"),
      "SDK v1 through the protocol, ttl": subject("v1-protocol"),
      "ext-tasks receiver": subject("ext-tasks"),
    },
    rounds: ({ quick }) => (quick ? 1 : 3),
  },
];
