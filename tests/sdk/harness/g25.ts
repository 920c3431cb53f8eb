// A requester's side of revision 2025-11-25, and what the published schemas say of each frame.
import assert from "node:assert/strict";
import {
  CancelTaskResultSchema,
  CallToolResultSchema,
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  GetTaskResultSchema,
  InitializeRequestSchema,
  InitializeResultSchema,
  JSONRPCMessageSchema,
  ListRootsRequestSchema,
  ListTasksResultSchema,
  ListToolsResultSchema,
  LoggingMessageNotificationSchema,
  ProgressNotificationSchema,
  TaskStatusNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { type Frames, type Message, until } from "./frames.ts";
import type { Requester } from "./requester.ts";

export const G25 = "2025-11-25";
export const RELATED = "io.modelcontextprotocol/related-task";
export const EXTENSION = "io.modelcontextprotocol/tasks";
export const IMMEDIATE = "io.modelcontextprotocol/model-immediate-response";
export const ALL_INPUT = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} };
export const FORM = {
  mode: "form",
  message: "Go on?",
  requestedSchema: { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] },
};
export const YES = { action: "accept", content: { yes: true } };

interface Schema {
  safeParse(value: unknown): { success: boolean; error?: unknown };
}

/** Introduces the requester; answers the whole response to `initialize`. */
export async function initialize(
  requester: Requester,
  options: { version?: string; capabilities?: object; name?: string } = {},
): Promise<Message> {
  const response = await requester.request("initialize", {
    protocolVersion: options.version ?? G25,
    capabilities: options.capabilities ?? ALL_INPUT,
    clientInfo: { name: options.name ?? "requester", version: "1.0.0" },
  });
  if ("headers" in requester)
    (requester.headers as Record<string, string>)["mcp-protocol-version"] = options.version ?? G25;
  await requester.notify("notifications/initialized");
  return response;
}

/** Calls a tool as a task; the whole response. */
export function augmented(
  requester: Requester,
  name: string,
  args: object = {},
  task: object = {},
  meta?: object,
  id?: unknown,
): Promise<Message> {
  return requester.request("tools/call", { name, arguments: args, task, ...(meta && { _meta: meta }) }, id);
}

/** Calls a tool as a task; the task of the handle. */
export async function create(
  requester: Requester,
  name: string,
  args: object = {},
  task: object = {},
  meta?: object,
): Promise<any> {
  const response = await augmented(requester, name, args, task, meta);
  assert.ok(response.result?.task, `no handle: ${JSON.stringify(response)}`);
  return response.result.task;
}

export const get = (requester: Requester, taskId: unknown) => requester.request("tasks/get", { taskId });
export const result = (requester: Requester, taskId: unknown) => requester.request("tasks/result", { taskId });
export const cancel = (requester: Requester, taskId: unknown) => requester.request("tasks/cancel", { taskId });

/** Reads the task until it has one of these statuses. */
export async function reaches(requester: Requester, taskId: string, ...statuses: string[]): Promise<any> {
  let last: Message = {};
  await until(
    async () => statuses.includes((last = await get(requester, taskId)).result?.status),
    `status ${statuses.join(" or ")}, not ${JSON.stringify(last)}`,
  );
  return last.result;
}

const RESULTS: Record<string, Schema> = {
  initialize: InitializeResultSchema,
  "tools/list": ListToolsResultSchema,
  "tasks/get": GetTaskResultSchema,
  "tasks/list": ListTasksResultSchema,
  "tasks/cancel": CancelTaskResultSchema,
};
/** What calls are answered with where they are no tasks, and tasks of them in the end. */
const OUTCOMES: Record<string, Schema> = {
  "tools/call": CallToolResultSchema,
  "sampling/createMessage": CreateMessageResultSchema,
  "elicitation/create": ElicitResultSchema,
};
const SENT: Record<string, Schema> = {
  initialize: InitializeRequestSchema,
  "elicitation/create": ElicitRequestSchema,
  "sampling/createMessage": CreateMessageRequestSchema,
  "roots/list": ListRootsRequestSchema,
  "notifications/progress": ProgressNotificationSchema,
  "notifications/message": LoggingMessageNotificationSchema,
  "notifications/tasks/status": TaskStatusNotificationSchema,
};
const TASK_MEMBERS = new Set([
  "taskId",
  "status",
  "statusMessage",
  "createdAt",
  "lastUpdatedAt",
  "ttl",
  "pollInterval",
]);
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/**
 * Holds every frame of the server's to the published schemas and to the rules that need no schema: what a task has,
 * where the related-task key stands, that each request is answered once.
 */
export function checkFrames(frames: Frames): void {
  const requests = new Map<unknown, Message>();
  const methods = new Map<unknown, string>();
  const answered = new Set<unknown>();
  for (const { from, message, on } of frames.all) {
    if (from === "client") {
      if (message.method !== undefined && message.id !== undefined) {
        requests.set(message.id, message);
        answered.delete(message.id);
      }
      continue;
    }
    const shown = JSON.stringify(message).slice(0, 600);
    conforms(JSONRPCMessageSchema, message, shown);
    if (message.method !== undefined) {
      const schema = SENT[message.method];
      if (schema !== undefined) conforms(schema, message, shown);
      continue;
    }
    const request = requests.get(message.id);
    if (on === "GET" && request === undefined) continue;
    assert.ok(request, `an answer to nothing: ${shown}`);
    assert.ok(!answered.has(message.id), `a second answer: ${shown}`);
    answered.add(message.id);
    if (message.error !== undefined) {
      assert.equal(typeof message.error.code, "number", shown);
      assert.equal(typeof message.error.message, "string", shown);
      assert.equal(message.result, undefined, shown);
      continue;
    }
    checkResult(request, message, methods, shown);
  }
}

/** `methods`: what was called, by the ids of the tasks. */
function checkResult(request: Message, message: Message, methods: Map<unknown, string>, shown: string): void {
  const { result } = message;
  const method = request.method ?? "";
  const related = result?._meta?.[RELATED];
  const outcome = OUTCOMES[method];
  if (outcome !== undefined) {
    if (result.task === undefined) conforms(outcome, result, shown);
    else {
      methods.set(result.task.taskId, method);
      conforms(CreateTaskResultSchema, result, shown);
      checkTask(result.task, shown);
      assert.equal(result.task.status, "working", shown);
      assert.equal(result.content, undefined, shown);
      assert.equal(related, undefined, shown);
      assert.deepEqual(
        Object.keys(result).filter((key) => key !== "task" && key !== "_meta"),
        [],
        shown,
      );
    }
    return;
  }
  const schema = RESULTS[method];
  if (schema !== undefined) conforms(schema, result, shown);
  if (method === "tasks/result")
    conforms(OUTCOMES[methods.get(request.params.taskId) ?? "tools/call"] ?? CallToolResultSchema, result, shown);
  if (method === "tasks/get" || method === "tasks/cancel") checkTask(result, shown);
  if (method === "tasks/list") for (const task of result.tasks) checkTask(task, shown);
  if (method === "tasks/result") assert.deepEqual(related, { taskId: request.params.taskId }, shown);
  else assert.equal(related, undefined, shown);
}

/** A task as the wire shows it: nothing is missing, and nothing is there that the schema does not name. */
export function checkTask(task: any, shown: string): void {
  for (const member of Object.keys(task)) assert.ok(TASK_MEMBERS.has(member), `${member}: ${shown}`);
  assert.match(task.createdAt, RFC3339, shown);
  assert.match(task.lastUpdatedAt, RFC3339, shown);
  assert.ok(task.ttl === null || (Number.isSafeInteger(task.ttl) && task.ttl > 0), shown);
  assert.ok(Number.isSafeInteger(task.pollInterval) && task.pollInterval > 0, shown);
  assert.ok(task.lastUpdatedAt >= task.createdAt, shown);
}

function conforms(schema: Schema, value: unknown, shown: string): void {
  const parsed = schema.safeParse(value);
  assert.ok(parsed.success, `${shown}: ${String(parsed.error)}`);
}
