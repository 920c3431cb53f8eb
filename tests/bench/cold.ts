import { inProcess } from "./alone.ts";
import { type Half, inChromium, inNode20, inWorkerd } from "./cold-places.ts";
import type { Goal, Open, Row } from "./harness.ts";

const subject = (name: string) => inProcess("cold-subject.ts", name);
const rounds = ({ quick }: { quick: boolean }): number => (quick ? 3 : 11);

/** Target 14 in its own words. */
const loading = (name: string, most: number, ours: Open): Row => ({
  target: 14,
  lines: [{ name: `cold: ${name}`, unit: "ms", goal: { most }, compare: false }],
  ours,
  peers: {},
  rounds,
});
/**
 * More than the target asks for: everything that happens for the first time, the wrapper's JavaScript and Node's crypto
 * among it.
 */
const firstTask = (half: Half, peer: string, name: string, goal: Goal): Row => ({
  target: 14,
  lines: [
    { name: `cold ${half}: first task beyond a plain call`, unit: "ms", goal, compare: false },
    { name: `cold ${half}: of it wasm compile + instantiate`, unit: "ms", goal: undefined, compare: false },
    { name: `cold ${half}: import`, unit: "ms", goal: undefined, ...(half === "server" && { compare: false }) },
  ],
  ours: subject(half),
  peers: { [peer]: subject(name) },
  rounds,
});

export const rows: readonly Row[] = [
  ...(["server", "client"] as const).flatMap((half) => [
    loading(`${half}'s core, compile + instantiate + first call, Node 20`, 5, inNode20(half)),
    loading(`${half}'s core, compile + instantiate + first call, Chromium`, 4, inChromium(half)),
  ]),
  loading("server, workerd's start and first answer beyond an empty Worker's", 20, inWorkerd),
  firstTask("server", "SDK v1", "v1", { most: 6 }),
  firstTask("client", "ext-tasks", "ext-tasks", undefined),
];
