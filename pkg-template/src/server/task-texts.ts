// What a model reads of tasks, where its host has none: short and literal.
import { Capability } from "../core/codes.ts";
import type { Message } from "../tap.ts";
import type { TaskTools } from "../types.ts";
import { ALL_INPUT } from "../wire/capabilities.ts";
import { own, textOf } from "../json.ts";
import { STATEFUL, STATELESS, revisionOf, versionOf } from "../wire/revisions.ts";

/** What a client without tasks is to the core: it can have tasks, and answer whatever they ask. */
export const STAND_IN: number = Capability.Tasks | ALL_INPUT;

/** The result of a tool. */
export type Result = Record<string, unknown>;

/** How long `task_status` waits, in ms: the shortest patience of hosts, with room for a slow connection. */
const WAIT = 20_000;

type Kind = "status" | "answer" | "cancel";
interface Named {
  readonly name: string;
  readonly description: string;
}

const KINDS: readonly Kind[] = ["status", "answer", "cancel"];

/** The tools of ours, as a server's options have them. */
export class TaskTexts {
  readonly wait: number;
  readonly #tools: Readonly<Record<Kind, Named>>;

  constructor(options: TaskTools = {}) {
    this.wait = options.wait ?? WAIT;
    const { status, answer, cancel } = options;
    this.#tools = {
      status: {
        name: status?.name ?? "task_status",
        description:
          status?.description ??
          "Waits for a task that another tool began, and returns its result. If it still runs, call this again. " +
            "If the task has a question, the question is returned.",
      },
      answer: {
        name: answer?.name ?? "task_answer",
        description: answer?.description ?? "Answers a question of a task. Ask the user first.",
      },
      cancel: {
        name: cancel?.name ?? "task_cancel",
        description: cancel?.description ?? "Cancels a task that another tool began.",
      },
    };
  }

  /** What a tool of this name does, if it is one of ours. */
  kindOf(name: string | undefined): Kind | undefined {
    return KINDS.find((kind) => this.#tools[kind].name === name);
  }

  nameOf(kind: Kind): string {
    return this.#tools[kind].name;
  }

  /** The tools as `tools/list` shows them. */
  list(): object[] {
    const task_id = { type: "string", description: "The id of the task." };
    const inputs: Readonly<Record<Kind, object>> = {
      status: {},
      answer: {
        question: { type: "string", description: "The name of the question. Leave it out if there is only one." },
        action: {
          type: "string",
          enum: ["accept", "decline", "cancel"],
          description: "What the user decided. Default: accept.",
        },
        content: { type: "object", description: "The answer, as the question asks for it." },
      },
      cancel: {},
    };
    return KINDS.map((kind) => ({
      ...this.#tools[kind],
      inputSchema: { type: "object", properties: { task_id, ...inputs[kind] }, required: ["task_id"] },
      annotations: { readOnlyHint: kind === "status", destructiveHint: kind === "cancel", openWorldHint: false },
    }));
  }

  /** The answer to a call that has become a task, as a client without tasks takes it. */
  handle(message: Message, answer: Message, tool: string, said: string | undefined): Message {
    const handle = answer.result && STATELESS.handleOf(answer.result);
    if (handle === undefined) return answer;
    const taskId = textOf(handle, "taskId") ?? "";
    const next = this.nameOf("status");
    const text =
      `${said === undefined ? "" : `${said}\n`}The tool "${tool}" has not finished: this is not its result. ` +
      `It goes on as the task ${taskId}. To wait for its result, call the tool "${next}" with {"task_id":"${taskId}"}.`;
    return plain(message, told(text, { task: { taskId, tool, status: "working" } }));
  }

  /** The state of a task, for a model to read: its result, a question, or how to go on. */
  state(taskId: string, task: unknown): Result {
    const message = textOf(task, "statusMessage");
    const said = message === undefined ? "" : ` It says: ${message}`;
    const status = textOf(task, "status") ?? "";
    const structured = { task: { taskId, status, ...(message !== undefined && { message }) } };
    const again = `call the tool "${this.nameOf("status")}" with {"task_id":"${taskId}"}`;
    switch (status) {
      case "completed":
        return own(task, "result") as Result;
      case "failed":
        return failed(`The task ${taskId} failed: ${textOf(task, "error", "message") ?? "no reason is known"}`);
      case "cancelled":
        return failed(`The task ${taskId} was cancelled.`);
      case "input_required": {
        const questions = Object.entries(STATELESS.inputRequestsOf(task as Result) ?? {});
        const texts = questions.map(([name, request]) => `Question "${name}": ${question(request)}`);
        const how =
          `Answer with the tool "${this.nameOf("answer")}" and {"task_id":"${taskId}","question":…,` +
          `"action":"accept","content":…}, or the action "decline" or "cancel". Then ${again}.`;
        return told(`The task ${taskId} has a question.${said}\n${texts.join("\n")}\n${how}`, structured);
      }
      default:
        return told(`The task ${taskId} still runs.${said} To wait for its result, ${again}.`, structured);
    }
  }

  /** An answer of the client's is taken. */
  taken(taskId: string): Result {
    return told(
      `The answer is taken. To go on, call the tool "${this.nameOf("status")}" with {"task_id":"${taskId}"}.`,
    );
  }
}

export function noSuchQuestion(taskId: string, questions: readonly string[]): Result {
  if (questions.length === 0) return failed(`The task ${taskId} has no question now.`);
  const names = questions.map((name) => `"${name}"`).join(", ");
  return failed(`The task ${taskId} has these questions: ${names}. Name one as \`question\`.`);
}

/** What a request of a task's asks, for a model to read. */
function question(request: unknown): string {
  const params = own(request, "params");
  const message = textOf(params, "message") ?? "";
  switch (textOf(request, "method")) {
    case "elicitation/create":
      return own(params, "mode") === "url"
        ? `${message} The user must open ${textOf(params, "url") ?? ""} and say when it is done; there is no content.`
        : `${message} The content must fit this JSON Schema: ${JSON.stringify(own(params, "requestedSchema") ?? {})}`;
    case "sampling/createMessage":
      return `Write what a model would say to this; the content is {"text":…}: ${JSON.stringify(params)}`;
    default:
      return 'Which folders may be used? The content is {"roots":[{"uri":"file:///…"}]}.';
  }
}

/** The answer to a request of a task's, of what a model says. */
export function answerTo(request: unknown, args: unknown): unknown {
  const content = own(args, "content");
  const action = own(args, "action") ?? "accept";
  switch (textOf(request, "method")) {
    case "elicitation/create":
      return { action, ...(action === "accept" && content !== undefined && { content }) };
    case "sampling/createMessage":
      return { role: "assistant", model: "unknown", content: { type: "text", text: textOf(content, "text") ?? "" } };
    default:
      return content;
  }
}

/** A result, as a model reads it. */
export function told(text: string, structuredContent?: object): Result {
  return { content: [{ type: "text", text }], ...(structuredContent && { structuredContent }) };
}

export function failed(text: string): Result {
  return { ...told(text), isError: true };
}

/** The answer to a call with a result, as the call's revision has it. */
export function plain(call: Message, result: Result): Message {
  const revision = revisionOf(versionOf(call)) ?? STATEFUL;
  return { jsonrpc: "2.0", id: call.id, result: revision.answerWith(result) };
}
