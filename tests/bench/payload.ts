import { inProcess } from "./alone.ts";
import type { Row } from "./harness.ts";

const subject = (name: "ours" | "v1" | "plain", json: "json" | "free") => inProcess("payload-subject.ts", name, json);

export const rows: readonly Row[] = [
  {
    target: 11,
    lines: [
      { name: "call + result of 2 KB, JSON work taken out", unit: "µs", goal: undefined },
      { name: "call + result of 100 KB, JSON work taken out", unit: "µs", goal: undefined },
      { name: "call + result of 100 KB − 2 KB, JSON work taken out", unit: "µs", goal: { most: 0.5 }, compare: false },
      { name: "call + result of 5 MB ÷ 2 KB, JSON work taken out", unit: "×", goal: { most: 1.5 }, compare: false },
    ],
    ours: subject("ours", "free"),
    peers: { "SDK v1, by reference": subject("v1", "free"), "SDK v1, plain call": subject("plain", "free") },
    rounds: ({ quick }) => (quick ? 1 : 4),
  },
  {
    target: 11,
    lines: [
      { name: "call + result of 2 KB, all in", unit: "µs", goal: undefined },
      { name: "call + result of 100 KB, all in", unit: "µs", goal: undefined },
      { name: "call + result of 100 KB − 2 KB, all in", unit: "µs", goal: undefined, compare: false },
      { name: "call + result of 5 MB ÷ 2 KB, all in", unit: "×", goal: undefined, compare: false },
    ],
    ours: subject("ours", "json"),
    peers: { "SDK v1, by reference": subject("v1", "json"), "SDK v1, plain call": subject("plain", "json") },
    rounds: ({ quick }) => (quick ? 1 : 2),
  },
];
