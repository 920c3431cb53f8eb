// A model that follows a script: an endpoint as OpenAI has it, which a host takes for a model.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** What the model does next: it calls a tool whose name ends so, or it says something and is done. */
export type Move = { readonly tool: string; readonly input: object } | { readonly say: string };

interface Asked {
  readonly tools?: readonly { readonly function?: { readonly name?: string } }[];
  readonly messages?: readonly { readonly role: string; readonly content?: unknown }[];
  readonly model?: string;
}

/** A model for one conversation. */
export class ScriptedModel {
  readonly #server: Server;
  readonly #next: (lastOutput: string | undefined) => Move;
  /** What the tools have returned to it, in order. */
  readonly outputs: string[] = [];
  /** The names of the tools that it was offered last. */
  offered: readonly string[] = [];

  /** `next`: what it does after the last tool has returned this; at first after nothing. */
  constructor(next: (lastOutput: string | undefined) => Move) {
    this.#next = next;
    this.#server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        const chunks = this.#answer(JSON.parse(body || "{}") as Asked);
        response.setHeader("content-type", "text/event-stream");
        response.end(
          [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`).join(""),
        );
      });
    });
  }

  /** Begins to listen; the base URL of the endpoint. */
  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  #answer({ tools = [], messages = [], model }: Asked): object[] {
    const names = tools.map((tool) => tool.function?.name ?? "");
    const last = messages.at(-1);
    const output = last?.role === "tool" ? textOf(last.content) : undefined;
    // Hosts ask for a title and the like without tools.
    if (names.length > 0) this.offered = names;
    if (output !== undefined) this.outputs.push(output);
    const move: Move = names.length === 0 ? { say: "a title" } : this.#next(output);
    const name = "tool" in move ? names.find((known) => known.endsWith(move.tool)) : undefined;
    const chunk = (delta: object, end: object = {}): object => ({
      id: "chunk",
      object: "chat.completion.chunk",
      created: 1,
      model,
      choices: [{ index: 0, delta, ...end }],
    });
    if (name === undefined || !("tool" in move)) {
      const content = "say" in move ? move.say : `there is no tool ${move.tool} among ${names.join(", ")}`;
      return [chunk({ role: "assistant", content }), chunk({}, { finish_reason: "stop" })];
    }
    const call = {
      index: 0,
      id: `call_${this.outputs.length}`,
      type: "function",
      function: { name, arguments: JSON.stringify(move.input) },
    };
    return [chunk({ role: "assistant", tool_calls: [call] }), chunk({}, { finish_reason: "tool_calls" })];
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? "").join("") : "";
}
