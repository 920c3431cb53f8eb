// The tools of the servers that the terminal view is tested with.
import * as z from "zod";
import { text, type Tools } from "../sdk/harness/servers.ts";

/** What a terminal would obey: a title, colours, a bell, the screen cleared, an order of text turned round. */
export const HOSTILE = "\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u009b1A\u202etxt.exe\r\nfake  completed";

const form = (message: string, properties: object, required: string[] = []) => ({
  mode: "form",
  message,
  requestedSchema: { type: "object", properties, required },
});

export const tools: Tools = {
  add: { input: z.object({ a: z.number(), b: z.number() }), work: ({ a, b }) => text(String(a + b)) },
  /** The server's process; it does not end by itself when its pipe does. */
  pid: () => {
    setInterval(() => {}, 1000);
    return text(String(process.pid));
  },
  echo: { input: z.object({ said: z.string() }), work: ({ said }) => text(said) },
  ask: async (_args, { ask }) => {
    const { action, content } = await ask("elicitation/create", form("who?", { name: { type: "string" } }, ["name"]));
    return text(action === "accept" ? `hello ${content.name}` : action);
  },
  order: async (_args, { ask }) => {
    const properties = {
      name: { type: "string", title: "Your name", minLength: 2 },
      count: { type: "integer", minimum: 1, maximum: 9 },
      weight: { type: "number" },
      gift: { type: "boolean", default: false },
      colour: { type: "string", enum: ["red", "green"], enumNames: ["Red", "Green"] },
      size: {
        type: "string",
        oneOf: [
          { const: "s", title: "Small" },
          { const: "l", title: "Large" },
        ],
      },
      extras: { type: "array", items: { type: "string", enum: ["bow", "card"] } },
    };
    const { content } = await ask("elicitation/create", form("What shall it be?", properties, Object.keys(properties)));
    return text(JSON.stringify(content));
  },
  page: async (_args, { ask }) => {
    const url = "https://user@example.com/\u001b[2Jpay";
    const question = { mode: "url", message: "Pay first", url, elicitationId: "pay-1" };
    return text((await ask("elicitation/create", question)).action);
  },
  twice: async (_args, { ask }) => {
    const questions = ["first?", "second?"].map((message) => form(message, { name: { type: "string" } }, ["name"]));
    const first = await ask("elicitation/create", questions[0]);
    const second = await ask("elicitation/create", questions[1]);
    return text(`${first.content.name} and ${second.content.name}`);
  },
  wrong: () => ({ ...text("wrong"), isError: true }),
  hostile: async (_args, { task, ask }) => {
    await task?.status(HOSTILE);
    await ask("elicitation/create", form(HOSTILE, { [HOSTILE]: { type: "string", description: HOSTILE } }));
    return text(HOSTILE);
  },
  said: async (_args, { task, context }) => {
    const headers = context.http?.req?.headers ?? context.requestInfo?.headers;
    const secret = headers?.get?.("authorization") ?? headers?.authorization;
    await task?.status(`you sent ${secret}`);
    return text(`you sent ${secret}`);
  },
  endless: (_args, { signal }) =>
    new Promise((_resolve, reject) => {
      const stop = () => reject(new Error("stopped"));
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    }),
};
