import { inProcess } from "./alone.ts";
import type { Row } from "./harness.ts";

const subject = (name: string) => inProcess("cold-subject.ts", name);
const rounds = ({ quick }: { quick: boolean }): number => (quick ? 3 : 11);

export const rows: readonly Row[] = [
  {
    target: 14,
    lines: [
      { name: "cold server: first task beyond a plain call (compile + instantiate + call)", unit: "ms", goal: { most: 5 }, compare: false },
      { name: "cold server: of it wasm compile + instantiate", unit: "ms", goal: undefined, compare: false },
      { name: "cold server: import", unit: "ms", goal: undefined, compare: false },
    ],
    ours: subject("server"),
    peers: { "SDK v1": subject("v1") },
    rounds,
  },
  {
    target: 14,
    lines: [
      { name: "cold client: first task beyond a plain call (compile + instantiate + call)", unit: "ms", goal: { most: 5 }, compare: false },
      { name: "cold client: of it wasm compile + instantiate", unit: "ms", goal: undefined, compare: false },
      { name: "cold client: import", unit: "ms", goal: undefined },
    ],
    ours: subject("client"),
    peers: { "ext-tasks": subject("ext-tasks") },
    rounds,
  },
];
