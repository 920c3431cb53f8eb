// What the commands do, on a connection.
import { RELATED_TASK_META_KEY } from "@modelcontextprotocol/client";
import type { TaskHandle, TaskReference } from "mcp-longhaul";
import { isTaskError } from "mcp-longhaul";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { NAME } from "../name.ts";
import { CommandError, Exit, type ExitCode, UsageError } from "./exit.ts";
import { fieldsOf, fromJson } from "./form.ts";
import type { Memory } from "./memory.ts";
import type { Answers, Prompts } from "./questions.ts";
import type { Report, TaskView } from "./report.ts";
import { connect, type Connection, type Era, type Hearing, type Question, reasonOf, type Target } from "./target.ts";
import { line } from "./text.ts";

/** What the commands work with. */
export interface Session {
  readonly target: Target;
  readonly era: Era;
  readonly memory: Memory;
  readonly report: Report;
  readonly answers: Answers;
  /** `undefined` where nobody sits there. */
  readonly prompts: Prompts | undefined;
  readonly verbose: boolean;
  /** Fires with an exit code where somebody has had enough. */
  readonly signal: AbortSignal;
}

/** How many pages of a list are read. */
const MOST_PAGES = 100;

/** What a server lists, page by page; anything may stand in it. */
interface Page {
  readonly tasks?: unknown;
  readonly nextCursor?: unknown;
}
const PAGE = {
  "~standard": {
    version: 1 as const,
    vendor: NAME,
    validate: (value: unknown): { readonly value: Page } => ({ value: Object(value) }),
    types: undefined as { readonly input: unknown; readonly output: Page } | undefined,
  },
};

/** One connection, its questions, and the tasks that are followed on it. */
class Work {
  readonly connection: Connection;
  readonly #session: Session;
  readonly #questions: Questions;

  private constructor(session: Session, connection: Connection, questions: Questions) {
    this.#session = session;
    this.connection = connection;
    this.#questions = questions;
  }

  static async begin(session: Session, era: Era, answers: boolean): Promise<Work> {
    const questions = new Questions(session, answers);
    const { report, verbose } = session;
    const hearing: Hearing = {
      question: (question, signal) => questions.ask(question, signal),
      trouble: (error) => verbose && report.note(`! ${line(reasonOf(error))}`),
      log: (text) => verbose && report.note(`server: ${line(text)}`),
    };
    return new Work(session, await connect(session.target, era, hearing, session.signal), questions);
  }

  /** Finds a task again by its id, with what is remembered of it. */
  resume(taskId: string, known: TaskReference | undefined, options: object = {}): Promise<TaskHandle> {
    const { tasks, client } = this.connection;
    // Its questions may come before its handle.
    this.#questions.followed.add(taskId);
    const generation = client.getNegotiatedProtocolVersion() as TaskReference["generation"];
    const reference = known ?? { format: 1, taskId, tool: "", generation };
    return tasks.resume(client, reference, { signal: this.#session.signal, ...options });
  }

  /**
   * Follows a task to its end.
   * @param untilAnswered to where it asks for nothing any more
   */
  async follow(handle: TaskHandle, view: () => TaskView, untilAnswered = false): Promise<ExitCode> {
    const { report, signal } = this.#session;
    const taskId = handle.taskId ?? "";
    this.#questions.followed.add(taskId);
    const given = new Promise<ExitCode>((resolve) => {
      const stop = () => resolve(signal.reason as ExitCode);
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
    const watched = (async (): Promise<ExitCode | undefined> => {
      for await (const snapshot of handle.updates()) {
        if (!isSeen(snapshot)) continue;
        report.changed(view());
        this.#questions.look();
        if (untilAnswered && snapshot.status !== "input_required") return Exit.done;
      }
      return undefined;
    })();
    let hasLeft = false;
    const ended = watched.then(async (early) => early ?? (await this.#end(handle, view, () => hasLeft)));
    const left = this.#questions.left(taskId, () => handle.snapshot.status === "input_required");
    const exit = await Promise.race([ended, given, left]);
    hasLeft = true;
    handle.detach();
    return exit;
  }

  async #end(handle: TaskHandle, view: () => TaskView, hasLeft: () => boolean): Promise<ExitCode> {
    const { report, memory } = this.#session;
    try {
      const result = await handle.result();
      report.result(result, view());
      return result.isError === true ? Exit.failed : Exit.done;
    } catch (error) {
      if (hasLeft()) return Exit.done;
      const exit = exitOf(error);
      if (exit === Exit.missing) await memory.forget(handle.taskId ?? "");
      report.failure(codeOf(error), reasonOf(error), handle.taskId);
      return exit;
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/** The questions of one connection. */
class Questions {
  readonly #session: Session;
  readonly #answers: boolean;
  /** The tasks that questions may be of. */
  readonly followed = new Set<string>();
  readonly #waiting = new Set<() => void>();
  /** Of questions that nobody answers: whose they are, as far as the server says. */
  readonly #open = new Set<{ readonly taskId: string | undefined }>();

  constructor(session: Session, answers: boolean) {
    this.#session = session;
    this.#answers = answers;
  }

  async ask(question: Question, signal: AbortSignal) {
    const { report, answers, prompts } = this.#session;
    const meta: unknown = Object(question._meta)[RELATED_TASK_META_KEY];
    const named: unknown = Object(meta).taskId;
    const only = this.followed.size === 1 ? [...this.followed][0] : undefined;
    const taskId = typeof named === "string" ? named : only;
    if (!this.#answers) return never(signal);
    const begin = () => report.question(question, taskId);
    const given = answers.take(question);
    if ("answer" in given) {
      begin();
      report.answered(given.answer, taskId);
      return given.answer;
    }
    if (prompts === undefined) begin();
    const said = await prompts?.ask(question, signal, begin);
    if (said !== undefined) {
      report.answered(said, taskId);
      return said;
    }
    report.note(`The question stays open.${prompts === undefined ? ` ${given.missing}` : ""}`);
    const open = { taskId };
    this.#open.add(open);
    this.look();
    return never(signal).finally(() => this.#open.delete(open));
  }

  /** A question stays open, or a task has changed. */
  look(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves when a task waits for an answer that nobody gives. */
  left(taskId: string, waits: () => boolean): Promise<ExitCode> {
    return new Promise((resolve) => {
      const look = () => {
        for (const { taskId: whose } of this.#open)
          if (whose === taskId || (whose === undefined && waits())) resolve(Exit.asked);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** A task that is found again is "working" until the server has said how it is. */
const isSeen = ({ createdAt, status }: TaskView["snapshot"]): boolean =>
  createdAt !== undefined || status !== "working";

/** How a task is that was found again; it is not followed any more. */
async function glance(handle: TaskHandle): Promise<TaskView["snapshot"]> {
  for await (const snapshot of handle.updates()) if (isSeen(snapshot)) break;
  handle.detach();
  handle.result().catch(() => {});
  return handle.snapshot;
}

/** Rejects when the question is taken back. */
function never(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(new Error("The question was taken back"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

const codeOf = (error: unknown): string => (isTaskError(error) ? error.code : "failed");

const EXITS: Readonly<Record<string, ExitCode>> = {
  failed: Exit.failed,
  cancelled: Exit.cancelled,
  expired: Exit.missing,
  not_found: Exit.missing,
};

export function exitOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exit;
  return isTaskError(error) && Object.hasOwn(EXITS, error.code) ? (EXITS[error.code] as ExitCode) : Exit.server;
}

/** A connection for a command, closed behind it. */
async function on<Value>(
  session: Session,
  { era = session.era, answers = false }: { readonly era?: Era; readonly answers?: boolean },
  work: (work: Work) => Promise<Value>,
): Promise<Value> {
  const begun = await Work.begin(session, era, answers);
  try {
    return await work(begun);
  } finally {
    await begun.close();
  }
}

/** `tools`: what the server has, and what of it becomes a task. */
export function tools(session: Session): Promise<ExitCode> {
  return on(session, {}, async ({ connection: { client } }) => {
    const { tools: all } = await client.listTools();
    session.report.tools(
      all.map((tool) => ({
        name: tool.name,
        description: tool.description ?? tool.title ?? "",
        task: taskSupport(tool),
      })),
    );
    return Exit.done;
  });
}

function taskSupport(tool: object): string | undefined {
  const support: unknown = Object((tool as { execution?: unknown }).execution).taskSupport;
  return typeof support === "string" ? support : undefined;
}

/** `list`: what the server lists of its tasks, or what is remembered here. */
export function list(session: Session): Promise<ExitCode> {
  return on(session, {}, async (work) => {
    const { client, era } = work.connection;
    const known = await session.memory.all();
    const listed = await listedBy(client, era);
    const toolOf = new Map(known.map(({ reference }) => [reference.taskId, reference.tool]));
    if (listed !== undefined) {
      session.report.tasks(
        listed.map((snapshot) => ({ taskId: snapshot.taskId, tool: toolOf.get(snapshot.taskId) ?? "", snapshot })),
      );
      return Exit.done;
    }
    const views: TaskView[] = [];
    for (const task of known.filter((one) => one.era === era)) {
      const { taskId, tool } = task.reference;
      try {
        const handle = await work.resume(taskId, task.reference);
        views.push({ taskId, tool, snapshot: await glance(handle) });
      } catch (error) {
        if (exitOf(error) !== Exit.missing) throw error;
        await session.memory.forget(taskId);
      }
    }
    session.report.tasks(views);
    const others = known.filter((one) => one.era !== era).length;
    session.report.note(
      "This server lists no tasks: these are the ones that were made or followed from here." +
        (others > 0 ? ` ${others} more with --legacy.` : ""),
    );
    return Exit.done;
  });
}

/** The pages of `tasks/list`; `undefined` where the server has none. */
async function listedBy(client: Connection["client"], era: string): Promise<TaskView["snapshot"][] | undefined> {
  const offered = Object(client.getServerCapabilities()).tasks;
  if (era !== "legacy" || Object(offered).list === undefined) return undefined;
  const found: TaskView["snapshot"][] = [];
  let cursor: unknown;
  for (let page = 0; page < MOST_PAGES; page++) {
    const params = typeof cursor === "string" ? { cursor } : {};
    const { tasks, nextCursor }: Page = await client.request({ method: "tasks/list", params }, PAGE);
    for (const task of Array.isArray(tasks) ? tasks : [])
      if (typeof task?.taskId === "string" && typeof task.status === "string") found.push(task);
    if (typeof nextCursor !== "string" || nextCursor === cursor) break;
    cursor = nextCursor;
  }
  return found;
}

/** What a call is to say. */
export interface Call {
  readonly tool: string;
  /** One JSON object: as text, `@file`, or `-` for stdin. */
  readonly args: string | undefined;
  /** Single arguments, `name=value`. */
  readonly arg: readonly string[];
  readonly ttl: number | undefined;
  /** Names the task that is made. */
  readonly key: string | undefined;
  /** Ends as soon as the task is there. */
  readonly detach: boolean;
}

/** `call`: calls a tool and follows its task. */
export function call(session: Session, call: Call): Promise<ExitCode> {
  // Who leaves a task at once is asked nothing.
  return on(session, { answers: !call.detach }, async (work) => {
    const { tasks, client, era } = work.connection;
    const parameters = { name: call.tool, arguments: await argumentsOf(call, client) };
    const { report, memory, signal } = session;
    let view: TaskView | undefined;
    const onprogress = (progress: { progress: number; total?: number; message?: string }) => {
      if (view === undefined) return;
      view = { ...view, progress };
      report.changed(view);
    };
    const key = call.key ?? crypto.randomUUID();
    const options = { onprogress, signal, creationKey: key, ...(call.ttl !== undefined && { ttl: call.ttl }) };
    const handle = await tasks.callTool(client, parameters, options).catch((error: unknown) => {
      if (isTaskError(error) && (error.code === "connection" || error.code === "unreachable"))
        report.note(`Whether a task was made is not known. The same call with --key ${key} makes no second one.`);
      throw error;
    });
    if (handle.reference === undefined) {
      const result = await handle.result();
      report.result(result, undefined);
      return result.isError === true ? Exit.failed : Exit.done;
    }
    const { taskId } = handle.reference;
    await memory.keep({ reference: handle.reference, era, createdAt: handle.snapshot.createdAt });
    view = { taskId, tool: call.tool, snapshot: handle.snapshot };
    if (call.detach) {
      report.tasks([view]);
      handle.detach();
      handle.result().catch(() => {});
      return Exit.done;
    }
    const now = (): TaskView => (view = { ...(view as TaskView), snapshot: handle.snapshot });
    const exit = await work.follow(handle, now);
    tellHowToGoOn(report, exit, [taskId]);
    return exit;
  });
}

async function argumentsOf({ tool, args, arg }: Call, client: Connection["client"]): Promise<Record<string, unknown>> {
  let text = args ?? "{}";
  if (text === "-") text = await readAll(process.stdin);
  else if (text.startsWith("@")) {
    text = await readFile(text.slice(1), "utf8").catch((error: Error) => {
      throw new UsageError(`--args: ${error.message}`);
    });
  }
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    throw new UsageError(`--args takes one JSON object, and ${line(text, 40)} is no JSON.`);
  }
  if (typeof whole !== "object" || whole === null || Array.isArray(whole))
    throw new UsageError("--args takes one JSON object.");
  if (arg.length === 0) return whole as Record<string, unknown>;
  const schema = (await client.listTools()).tools.find(({ name }) => name === tool)?.inputSchema;
  const fields = new Map(fieldsOf(schema)?.map((field) => [field.name, field]));
  const single = arg.map((one) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
    if (name === undefined || value === undefined) throw new UsageError("--arg takes NAME=VALUE.");
    const field = fields.get(name);
    const reading = field === undefined ? jsonOrText(value) : fromJson(field, value);
    if ("fault" in reading) throw new UsageError(`--arg ${line(name, 60)}: ${reading.fault}`);
    return [name, reading.value] as const;
  });
  return { ...whole, ...Object.fromEntries(single) };
}

function jsonOrText(text: string): { readonly value: unknown } {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { value: text };
  }
}

/** Tasks by their ids, on as many connections as they need: one a generation. */
async function each(
  session: Session,
  ids: readonly string[],
  answers: boolean,
  work: (work: Work, taskId: string, known: TaskReference | undefined) => Promise<ExitCode>,
): Promise<ExitCode> {
  const known = await Promise.all(ids.map(async (id) => ({ id, task: await session.memory.find(id) })));
  const legacy = (one: (typeof known)[number]): boolean => session.era === "legacy" || one.task?.era === "legacy";
  const groups = [
    { era: "legacy" as const, tasks: known.filter(legacy) },
    { era: session.era, tasks: known.filter((one) => !legacy(one)) },
  ].filter(({ tasks }) => tasks.length > 0);
  const exits = await Promise.all(
    groups.map(({ era, tasks }) =>
      on(session, { era, answers }, (begun) =>
        Promise.all(
          tasks.map(async ({ id, task }) => {
            try {
              return await work(begun, id, task?.reference);
            } catch (error) {
              if (session.signal.aborted) return session.signal.reason as ExitCode;
              if (exitOf(error) === Exit.missing) await session.memory.forget(id);
              session.report.failure(codeOf(error), reasonOf(error), id);
              return exitOf(error);
            }
          }),
        ),
      ),
    ),
  );
  return exits.flat().find((exit) => exit !== Exit.done) ?? Exit.done;
}

/** `follow`, `result`, `answer`: to the end of tasks, or of their questions. */
export async function follow(session: Session, ids: readonly string[], untilAnswered: boolean): Promise<ExitCode> {
  const open: string[] = [];
  const exit = await each(session, ids, true, async (work, taskId, known) => {
    const { report, memory } = session;
    let view: TaskView | undefined;
    const onprogress = (progress: { progress: number; total?: number; message?: string }) => {
      if (view === undefined) return;
      view = { ...view, progress };
      report.changed(view);
    };
    const handle = await work.resume(taskId, known, { onprogress });
    const reference = handle.reference as TaskReference;
    view = { taskId, tool: reference.tool, snapshot: handle.snapshot };
    await memory.keep({ reference, era: work.connection.era, createdAt: handle.snapshot.createdAt });
    const one = await work.follow(
      handle,
      () => (view = { ...(view as TaskView), snapshot: handle.snapshot }),
      untilAnswered,
    );
    if (one === Exit.asked || one === Exit.late || one === Exit.interrupted) open.push(taskId);
    return one;
  });
  tellHowToGoOn(session.report, exit, open);
  return exit;
}

function tellHowToGoOn(report: Report, exit: ExitCode, ids: readonly string[]): void {
  if (ids.length === 0 || (exit !== Exit.asked && exit !== Exit.late && exit !== Exit.interrupted)) return;
  const names = ids.map((id) => line(id, 128)).join(" ");
  const how = exit === Exit.asked ? `answer ${names} --answer FIELD=JSON` : `follow ${names}`;
  report.note(`${ids.length === 1 ? "The task goes" : "The tasks go"} on. To come back: ${NAME} tasks ${how} …`);
}

/** `status`: how tasks are now. */
export function status(session: Session, ids: readonly string[]): Promise<ExitCode> {
  const views: TaskView[] = [];
  return each(session, ids, false, async (work, taskId, known) => {
    const handle = await work.resume(taskId, known);
    views.push({ taskId, tool: handle.reference?.tool ?? "", snapshot: await glance(handle) });
    return Exit.done;
  }).then((exit) => {
    if (views.length > 0) session.report.tasks(views);
    return exit;
  });
}

/** `cancel`: cancels tasks, and waits until they have ended. */
export function cancel(session: Session, ids: readonly string[]): Promise<ExitCode> {
  return each(session, ids, false, async (work, taskId, known) => {
    const handle = await work.resume(taskId, known);
    handle.result().catch(() => {});
    await handle.cancel({ awaitTerminal: true });
    session.report.changed({ taskId, tool: handle.reference?.tool ?? "", snapshot: handle.snapshot });
    const { status } = handle.snapshot;
    if (status !== "cancelled") session.report.note(`It has ended before: ${line(status, 20)}.`);
    return Exit.done;
  });
}
