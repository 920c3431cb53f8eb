/**
 * What a client with tasks must do, as cases that any test runner can run: a scripted server in memory, in both
 * generations of the protocol, with what is legal and what no server may send. Each case names its requirement.
 *
 * ```ts
 * import { test } from "node:test";
 * import { clientCases, type OpenClient } from "mcp-longhaul/client-kit";
 *
 * const open: OpenClient = async (transport, { generation, user }) => {
 *   const client = myClient({ generation, answer: user });
 *   await client.connect(transport);
 *   return { callTool: (name, args) => client.callTool({ name, arguments: args }), close: () => client.close() };
 * };
 * for (const { requirement, name, run } of clientCases)
 *   test(`${requirement}: ${name}`, (t) => run(open, (why) => t.skip(why)));
 * ```
 */
import type { ClientCase } from "./client-kit/case.ts";
import { statefulCases } from "./client-kit/stateful.ts";
import { statelessCases } from "./client-kit/stateless.ts";

export type { ClientCase, ClientUnderTest, KitGeneration, KitUser, OpenClient } from "./client-kit/case.ts";
export type { KitTransport } from "./client-kit/script.ts";

/** All cases: those of 2025-11-25, then those of 2026-07-28. */
export const clientCases: readonly ClientCase[] = [...statefulCases, ...statelessCases];
