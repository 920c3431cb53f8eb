// A connection to a server and its tasks, for pages to show.
import type { Client, StreamableHTTPClientTransportOptions } from "@modelcontextprotocol/client";
import { isTaskError, TaskClient, type JournaledTask, type TaskHandle } from "mcp-longhaul";
import { taskJournal, type JournalOfTasks } from "mcp-longhaul/journal";
import { indexedDbStore } from "mcp-longhaul/stores/indexeddb";
import { Frames } from "./frames.ts";

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** What the server says of tasks (2025-11-25). */
  readonly taskSupport: string | undefined;
}

/** What a task was like at some time. */
export interface Moment {
  /** ms since the epoch. */
  readonly at: number;
  readonly status: string;
  readonly message: string | undefined;
}

export interface TaskView extends JournaledTask {
  readonly moments: readonly Moment[];
  /** Whether this tab follows it. */
  readonly isHere: boolean;
  /** Whether its server pushes what becomes of it to this tab. */
  readonly isPushed: boolean;
  /** When its time to live is over, in ms since the epoch; `undefined` where that is not known, or never. */
  readonly endsAt: number | undefined;
  /** How often it is read, as its server suggests, in ms. */
  readonly pollInterval: number | undefined;
}

export interface Question {
  readonly id: number;
  readonly kind: "form" | "url" | "sampling";
  readonly params: Readonly<Record<string, unknown>>;
  answer(answer: unknown): void;
}

export interface View {
  readonly phase: "closed" | "connecting" | "open" | "failed";
  readonly error: string | undefined;
  readonly server: string | undefined;
  readonly generation: string | undefined;
  readonly tools: readonly Tool[];
  readonly tasks: readonly TaskView[];
  readonly questions: readonly Question[];
  /** What went wrong last, for the visitor. */
  readonly notice: string | undefined;
}

const EMPTY: View = {
  phase: "closed",
  error: undefined,
  server: undefined,
  generation: undefined,
  tools: [],
  tasks: [],
  questions: [],
  notice: undefined,
};
/** A server that names more tools is cut short. */
const MOST_TOOLS = 500;
const MOST_MOMENTS = 200;

export class Session {
  readonly frames: Frames = new Frames();
  readonly #journal: JournalOfTasks;
  readonly #host: TaskClient;
  readonly #listeners = new Set<() => void>();
  readonly #handles = new Map<string, TaskHandle>();
  readonly #moments = new Map<string, Moment[]>();
  #client: Client | undefined;
  #view: View = EMPTY;
  #lastQuestion = 0;
  #isReading = false;
  #isStale = false;

  /** `name`: of the journal, which all tabs with this page share. */
  constructor(name: string) {
    this.#journal = taskJournal({
      store: indexedDbStore(`${name}-journal`),
      name,
      keep: { ms: 7 * 86_400_000, tasks: 500 },
      onerror: (error) => this.#notice(error),
    });
    this.#host = new TaskClient({
      journal: this.#journal,
      onAbort: "detach",
      ontask: (handle) => this.#follow(handle),
      onerror: (error) => this.#notice(error),
    });
    this.#journal.watch(() => this.#refresh());
    this.#refresh();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): View => this.#view;

  async connect(url: URL, options: StreamableHTTPClientTransportOptions, pin?: string): Promise<void> {
    await this.disconnect();
    this.#set({ phase: "connecting", error: undefined, tools: [] });
    // Half of the page's bytes, and nobody needs them before.
    const { config } = await import("zod/v4/core");
    // It would try whether it may make code, and the policy would say so each time.
    config({ jitless: true });
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const client = new Client(
      { name: "mcp-longhaul console", version: "1.0.0" },
      {
        capabilities: { elicitation: { form: {}, url: {} }, sampling: {} },
        versionNegotiation: { mode: pin === undefined ? "auto" : { pin } },
      },
    );
    client.setRequestHandler("elicitation/create", ({ params }) =>
      this.#ask((params as { mode?: string }).mode === "url" ? "url" : "form", params),
    );
    client.setRequestHandler("sampling/createMessage", ({ params }) => this.#ask("sampling", params));
    this.#host.attach(client);
    try {
      const watched = this.frames.watch((options.fetch as typeof fetch | undefined) ?? ((...call) => fetch(...call)));
      await client.connect(new StreamableHTTPClientTransport(url, { ...options, fetch: watched }));
    } catch (error) {
      this.#set({ phase: "failed", error: textOf(error) });
      throw error;
    }
    this.#client = client;
    const { name, version } = client.getServerVersion() ?? { name: "", version: "" };
    this.#set({ phase: "open", server: `${name} ${version}`, generation: client.getNegotiatedProtocolVersion() });
    await this.#listTools(client);
    await this.resume();
  }

  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    for (const handle of this.#handles.values()) handle.detach();
    this.#handles.clear();
    for (const question of this.#view.questions) this.#drop(question.id);
    this.#set({ phase: "closed", tools: [] });
    await client?.close().catch(() => {});
  }

  /** Goes on with what the journal has open here. */
  async resume(): Promise<void> {
    if (this.#client === undefined) return;
    try {
      for (const handle of await this.#host.resume(this.#client)) this.#follow(handle);
    } catch (error) {
      this.#notice(error);
    }
  }

  async run(name: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#client === undefined) return;
    try {
      const handle = await this.#host.callTool(this.#client, { name, arguments: args } as never);
      if (handle.taskId !== undefined) return;
      const result = (await handle.result()) as unknown as Readonly<Record<string, unknown>>;
      this.#plain(name, args, result);
    } catch (error) {
      this.#notice(error);
    }
  }

  async cancel(taskId: string): Promise<void> {
    await this.#handles
      .get(taskId)
      ?.cancel()
      .catch((error: unknown) => this.#notice(error));
  }

  detach(taskId: string): void {
    this.#handles.get(taskId)?.detach();
  }

  async dismiss(entry: string): Promise<void> {
    this.#set({ tasks: this.#view.tasks.filter((task) => task.entry !== entry) });
    await this.#journal.dismiss(entry).catch((error: unknown) => this.#notice(error));
    this.#refresh();
  }

  clearNotice(): void {
    this.#set({ notice: undefined });
  }

  async #listTools(client: Client): Promise<void> {
    const tools: Tool[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor });
      for (const tool of page.tools.slice(0, MOST_TOOLS - tools.length))
        tools.push({
          name: tool.name,
          title: tool.title ?? tool.name,
          description: tool.description ?? "",
          inputSchema: tool.inputSchema as Tool["inputSchema"],
          taskSupport: (tool as { execution?: { taskSupport?: string } }).execution?.taskSupport,
        });
      cursor = page.nextCursor;
    } while (cursor !== undefined && tools.length < MOST_TOOLS);
    this.#set({ tools });
  }

  /** The result of a call that became no task is shown like one of a task. */
  #plain(name: string, params: Readonly<Record<string, unknown>>, result: Readonly<Record<string, unknown>>): void {
    const now = Date.now();
    const task: TaskView = {
      entry: `plain-${now}-${Math.random()}`,
      state: "ended",
      method: "tools/call",
      name,
      params: { name, arguments: params },
      endpoint: "",
      principal: "",
      createdAt: now,
      reference: undefined,
      status: "completed",
      statusMessage: "answered at once, without a task",
      questions: [],
      endedAt: now,
      result,
      error: undefined,
      moments: [],
      isHere: false,
      isPushed: false,
      endsAt: undefined,
      pollInterval: undefined,
    };
    this.#plainTasks = [...this.#plainTasks.slice(-50), task];
    this.#refresh();
  }
  #plainTasks: readonly TaskView[] = [];

  #follow(handle: TaskHandle): void {
    const { taskId } = handle;
    if (taskId === undefined || this.#handles.has(taskId)) return;
    this.#handles.set(taskId, handle);
    const moments = this.#moments.get(taskId) ?? [];
    this.#moments.set(taskId, moments);
    void (async () => {
      for await (const { status, statusMessage } of handle.updates()) {
        moments.push({ at: Date.now(), status, message: statusMessage });
        if (moments.length > MOST_MOMENTS) moments.shift();
        this.#refresh();
      }
      await handle.result().catch(() => {});
      if (this.#handles.get(taskId) === handle) this.#handles.delete(taskId);
      this.#refresh();
    })();
    this.#refresh();
  }

  #ask(kind: Question["kind"], params: unknown): Promise<never> {
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const answer = (value: unknown): void => {
        this.#drop(id);
        resolve(value as never);
      };
      const question = { id, kind, params: params as Question["params"], answer };
      this.#set({ questions: [...this.#view.questions, question] });
    });
  }

  #drop(id: number): void {
    this.#set({ questions: this.#view.questions.filter((question) => question.id !== id) });
  }

  /** Reads the journal; one reading at a time. */
  #refresh(): void {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    void (async () => {
      while (this.#isStale) {
        this.#isStale = false;
        try {
          const tasks = await this.#journal.tasks();
          const views = tasks.map((task) => this.#viewOf(task));
          views.push(...this.#plainTasks);
          views.sort((one, other) => other.createdAt - one.createdAt);
          this.#set({ tasks: views });
        } catch (error) {
          this.#notice(error);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      this.#isReading = false;
    })();
  }

  #viewOf(task: JournaledTask): TaskView {
    const id = task.reference?.taskId ?? "";
    const snapshot = this.#handles.get(id)?.snapshot;
    const created = Date.parse(snapshot?.createdAt ?? "");
    return {
      ...task,
      moments: [...(this.#moments.get(id) ?? [])],
      isHere: snapshot !== undefined,
      isPushed: id !== "" && this.frames.pushed.has(id),
      endsAt: typeof snapshot?.ttl === "number" && !Number.isNaN(created) ? created + snapshot.ttl : undefined,
      pollInterval: snapshot?.pollInterval,
    };
  }

  #notice(error: unknown): void {
    // What a tab gave up by itself is no news.
    if (isTaskError(error) && error.code === "detached") return;
    this.#set({ notice: textOf(error) });
  }

  #set(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
