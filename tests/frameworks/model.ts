// A model that follows a script, so that frameworks run without a network: it calls the tool that the user names, and
// then says what the tool has answered. It speaks the protocols of OpenAI (chat completions), Anthropic and Gemini.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

interface Tool {
  readonly name: string;
}
/** What one request comes to: the tools there are, what the user said, and what a tool has answered. */
interface Turn {
  readonly tools: readonly Tool[];
  readonly prompt: string;
  readonly answer: string | undefined;
}

/** Serves the model on a free port. */
export async function serveModel(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, close: () => void server.close() };
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  return address.port;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
  const path = request.url ?? "";
  if (path.endsWith("/chat/completions")) return openai(body, response);
  if (path.includes("/messages")) return json(response, anthropic(body));
  if (path.includes(":generateContent")) return json(response, gemini(body));
  response.writeHead(404).end(path);
}

/** The tool that the user names, unless it has been called. */
function wanted({ tools, prompt, answer }: Turn): string | undefined {
  return answer === undefined
    ? tools.find(({ name }) => prompt.includes(name.split(/[_.]/).at(-1) ?? "?"))?.name
    : undefined;
}

const said = ({ answer }: Turn): string => `The tool said: ${answer ?? "nothing, there is no such tool"}`;

function openai(body: any, response: ServerResponse): void {
  const turn: Turn = {
    tools: (body.tools ?? []).map(({ function: { name } }: { function: Tool }) => ({ name })),
    prompt: textOf(body.messages.find(({ role }: { role: string }) => role === "user")?.content),
    answer: textOf(body.messages.find(({ role }: { role: string }) => role === "tool")?.content) || undefined,
  };
  const name = wanted(turn);
  const call = { id: "call_1", type: "function", function: { name, arguments: "{}" } };
  const message =
    name === undefined
      ? { role: "assistant", content: said(turn) }
      : { role: "assistant", content: null, tool_calls: [{ ...call, index: 0 }] };
  const finish_reason = name === undefined ? "stop" : "tool_calls";
  const head = { id: `chat_${randomUUID()}`, created: 1, model: body.model };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  if (body.stream !== true)
    return json(response, {
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message, finish_reason }],
      usage,
    });
  response.setHeader("content-type", "text/event-stream");
  for (const [delta, reason] of [[message, null] as const, [{}, finish_reason] as const]) {
    const choices = [{ index: 0, delta, finish_reason: reason }];
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, usage })}\n\n`);
  }
  response.end("data: [DONE]\n\n");
}

function anthropic(body: any): object {
  const blocks = (role: string) =>
    body.messages
      .filter((message: { role: string }) => message.role === role)
      .flatMap(({ content }: { content: unknown }) =>
        Array.isArray(content) ? content : [{ type: "text", text: content }],
      );
  const results = blocks("user").filter(({ type }: { type: string }) => type === "tool_result");
  const turn: Turn = {
    tools: body.tools ?? [],
    prompt: textOf(blocks("user").filter(({ type }: { type: string }) => type === "text")),
    answer: textOf(results[0]?.content) || undefined,
  };
  const name = wanted(turn);
  return {
    id: `message_${randomUUID()}`,
    type: "message",
    role: "assistant",
    model: body.model,
    content: [
      name === undefined ? { type: "text", text: said(turn) } : { type: "tool_use", id: "call_1", name, input: {} },
    ],
    stop_reason: name === undefined ? "end_turn" : "tool_use",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
}

function gemini(body: any): object {
  const parts = body.contents.flatMap(({ parts }: { parts: object[] }) => parts);
  const response = parts.find((part: object) => "functionResponse" in part)?.functionResponse.response;
  const turn: Turn = {
    tools: (body.tools ?? []).flatMap((tool: { functionDeclarations?: Tool[] }) => tool.functionDeclarations ?? []),
    prompt: textOf(parts),
    answer: response === undefined ? undefined : textOf(response.content ?? response.error),
  };
  const name = wanted(turn);
  const part = name === undefined ? { text: said(turn) } : { functionCall: { name, args: {} } };
  return { candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }] };
}

/** The text of a message's content: itself, or that of its blocks. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map((part) => textOf((part as { text?: unknown }).text ?? part)).join(" ");
  return content === undefined || content === null ? "" : JSON.stringify(content);
}

function json(response: ServerResponse, value: object): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}
