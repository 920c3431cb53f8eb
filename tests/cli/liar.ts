// A server on a pipe, of the older generation, that lies: what it says wrongly is its argument.
import { createInterface } from "node:readline";
import { HOSTILE } from "./tools.ts";

const [, , lie] = process.argv;
const send = (message: object): void =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const id = lie === "id" ? `${HOSTILE} --store` : "task-1";
const task = (status: unknown = "working", more: object = {}) => ({
  taskId: id,
  status,
  createdAt: new Date().toISOString(),
  lastUpdatedAt: new Date().toISOString(),
  ttl: 60_000,
  pollInterval: 20,
  ...more,
});
const deep = (depth: number): unknown => (depth === 0 ? "bottom" : { properties: deep(depth - 1) });
const FORMS: Record<string, unknown> = {
  "form-deep": { type: "object", properties: deep(2000) },
  "form-list": { type: "object", properties: [] },
  "form-many": {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`f${n}`, {}])),
  },
  "form-choices": {
    type: "object",
    properties: { name: { type: "string", enum: Array.from({ length: 5000 }, (_, n) => `choice ${n}`) } },
  },
  "form-names": {
    type: "object",
    properties: JSON.parse('{"__proto__":{"type":"string"},"toString":{"type":"number"}}'),
  },
};

const X = { name: "x", inputSchema: { type: "object" }, execution: { taskSupport: "required" } };
let reads = 0;
const answers: Record<string, (params: any, request: any) => unknown> = {
  initialize: () => ({
    protocolVersion: "2025-11-25",
    serverInfo: { name: HOSTILE, version: "1" },
    capabilities: { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
  }),
  "tools/list": () => ({
    tools: [{ name: lie === "tools" ? 7 : HOSTILE, description: HOSTILE, inputSchema: { type: "object" } }, X],
  }),
  "tools/call": () => ({
    task: task(lie === "status" ? HOSTILE : "working", lie === "message" ? { statusMessage: {} } : {}),
  }),
  "tasks/get": () => task(reads++ > 3 && lie?.startsWith("form") !== true ? "completed" : "working"),
  "tasks/list": () =>
    lie === "rows"
      ? { tasks: [null, 7, { taskId: 7 }, { taskId: "x", status: {} }, task(HOSTILE, { createdAt: {} })] }
      : { tasks: [task()], nextCursor: lie === "pages" ? "again" : undefined },
  "tasks/result": (_params, request) => {
    if (lie === "dies") process.exit(3);
    if (lie?.startsWith("form")) {
      const params = { mode: "form", message: HOSTILE, requestedSchema: FORMS[lie] };
      const _meta = { "io.modelcontextprotocol/related-task": { taskId: id } };
      send({ id: "ask", method: "elicitation/create", params: { ...params, _meta } });
      return undefined;
    }
    if (lie === "content") return { content: [null, 7, { type: 7 }, { type: HOSTILE, data: 7 }] };
    if (lie === "huge") return { content: [{ type: "text", text: "x".repeat(20_000_000) }] };
    return { content: [{ type: "text", text: request.method }], structuredContent: deep(500) };
  },
  "tasks/cancel": () => task("cancelled"),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  if (request.method === undefined || request.id === undefined) return;
  const answer = answers[request.method];
  if (answer === undefined) return send({ id: request.id, error: { code: -32601, message: HOSTILE } });
  const result = answer(request.params, request);
  if (result !== undefined) send({ id: request.id, result });
});
