// The tools that both halves are tested with.
import * as z from "zod";
import { text, type Tools } from "./harness/servers.ts";

/** Tasks whose handler saw its signal fire. */
export const stopped = new Set<string>();

export const tools: Tools = {
  add: { input: z.object({ a: z.number(), b: z.number() }), work: ({ a, b }) => text(String(a + b)) },
  slow: async () => {
    await new Promise((resolve) => setTimeout(resolve, 80));
    return text("slow");
  },
  wrong: () => ({ ...text("wrong"), isError: true }),
  ask: async (_args, { ask }) => {
    const answer = await ask("elicitation/create", {
      mode: "form",
      message: "who?",
      requestedSchema: { type: "object", properties: { name: { type: "string" } } },
    });
    return text(`hello ${answer.content.name}`);
  },
  endless: (_args, { signal, task }) =>
    new Promise((_resolve, reject) => {
      const stop = () => {
        stopped.add(task?.taskId ?? "");
        reject(new Error("stopped"));
      };
      // It may have fired before the handler began.
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    }),
};
