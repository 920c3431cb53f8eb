// For people: results on stdout; tasks, questions and notes on stderr. At a terminal a task has one line that lives.
import type { Report, TaskView, ToolView } from "./report.ts";
import { age, line, lines, type Secrets, table } from "./text.ts";
import type { Question } from "./target.ts";

/** A terminal that lines can be rewritten on, or not. */
export interface Screen {
  readonly live: boolean;
  readonly colours: boolean;
  /** How many lines it has now. */
  rows(): number;
}

/** What is shown of an id in a line. */
const SHORT_ID = 12;
const REDRAW = 1000; // ms: times go on by themselves

export function humanReport(
  out: (text: string) => void,
  aside: (text: string) => void,
  secrets: Secrets,
  screen: Screen,
): Report {
  const paint = (code: number, text: string): string => (screen.colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const colourOf: Readonly<Record<string, number>> = { completed: 32, failed: 31, cancelled: 33, input_required: 36 };
  const print = (text: string): void => out(`${secrets.hide(text)}\n`);
  const say = (text: string): void => {
    live.hide();
    aside(`${secrets.hide(text)}\n`);
    live.show();
  };

  const status = (of: string): string => {
    const shown = line(of, 20);
    return Object.hasOwn(colourOf, shown) ? paint(colourOf[shown] as number, shown) : shown;
  };
  /** `isAged`: with the time since it was created. */
  const told = (task: TaskView, isAged = true): string => {
    const { snapshot, progress } = task;
    const share =
      progress?.total !== undefined && progress.total > 0
        ? `${Math.floor((100 * progress.progress) / progress.total)} %`
        : "";
    const parts = [
      line(task.tool || "task", 40),
      paint(2, line(task.taskId, SHORT_ID)),
      status(snapshot.status),
      isAged ? age(snapshot.createdAt) : "",
      line(share),
      line(snapshot.statusMessage ?? progress?.message ?? "", 200),
    ];
    return parts.filter((part) => part !== "").join("  ");
  };
  const last = new Map<string, string>();
  const live = new LiveLines(screen, (text) => aside(secrets.hide(text)), told);

  return {
    tools: (tools) => toolLines(tools).forEach(print),
    tasks(tasks) {
      if (tasks.length === 0) return say("No tasks.");
      const rows = tasks.map(({ taskId, tool, snapshot }) => [
        line(taskId, 128),
        line(snapshot.status, 20),
        line(tool, 40) || "-",
        age(snapshot.createdAt) || "-",
        line(snapshot.statusMessage ?? "", 200),
      ]);
      table([["TASK", "STATUS", "TOOL", "AGE", ""], ...rows]).forEach(print);
    },
    changed(task) {
      if (live.set(task)) return;
      // What nobody would see is no line more.
      const now = told(task, false);
      if (last.get(task.taskId) === now) return;
      last.set(task.taskId, now);
      say(told(task));
    },
    question: (question, taskId) => questionLines(question, taskId).forEach(say),
    answered: (answer) => say(`Answered: ${answer.action}`),
    result(result, task) {
      live.hide();
      // Its line stays, above the result.
      if (task !== undefined && live.delete(task.taskId)) aside(`${secrets.hide(told(task))}\n`);
      resultLines(result).forEach(print);
      live.show();
      if (result["isError"] === true) say(`${line(task?.tool || "The tool", 40)} says that it failed.`);
    },
    stored(tasks) {
      if (tasks.length === 0) return say("No tasks.");
      const rows = tasks.map(({ taskId, status, tool, createdAt, owner, statusMessage }) => [
        line(taskId, 128),
        status,
        line(tool, 40) || "-",
        age(createdAt),
        line(owner, 60) || "-",
        line(statusMessage ?? "", 200),
      ]);
      for (const row of table([["TASK", "STATUS", "TOOL", "AGE", "OWNER", ""], ...rows])) print(row);
    },
    counts(counts) {
      if (counts.length === 0) return say("No tasks.");
      const rows = counts.map(({ tool, status, tasks, oldest, stillest }) => [
        line(tool, 60) || "-",
        status,
        String(tasks),
        age(oldest),
        age(stillest),
      ]);
      for (const row of table([["TOOL", "STATUS", "TASKS", "OLDEST", "UNCHANGED"], ...rows])) print(row);
    },
    detail({ result, error, request, ...task }) {
      for (const text of lines(JSON.stringify({ ...task, request, error }, undefined, 2)).split("\n")) say(text);
      if (result !== undefined) for (const text of resultLines(Object(result))) print(text);
    },
    outcome(what, taskId, outcome) {
      const said = {
        done: `${what}: done`,
        ended: "has ended before",
        open: "is not over yet",
        missing: "is not there",
      };
      say(`${line(taskId, 128)}  ${said[outcome]}`);
    },
    failure: (_code, sentence) => say(paint(31, lines(sentence))),
    note: (sentence) => say(lines(sentence)),
    pause: () => live.pause(),
    resume: () => live.resume(),
    close: () => live.close(),
  };
}

function toolLines(tools: readonly ToolView[]): string[] {
  const rows = tools.map(({ name, task, description }) => [
    line(name, 60),
    line(task ?? "-", 12),
    line(description, 100),
  ]);
  return table([["TOOL", "AS TASK", ""], ...rows]);
}

/** A question behind a bar, so that nothing in it looks like a line of this tool's. */
function questionLines({ message, mode, url }: Question, taskId: string | undefined): string[] {
  const from = taskId === undefined ? "The server asks:" : `${line(taskId, SHORT_ID)} asks:`;
  const said = lines(message ?? "")
    .slice(0, 10_000)
    .split("\n");
  return [from, ...said.map((text) => `│ ${text}`), ...(mode === "url" ? addressLines(url) : [])];
}

/** An address as it is parsed: what else it looks like does not count. */
function addressLines(address: unknown): string[] {
  const url = URL.canParse(String(address)) ? new URL(String(address)) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    return ["It wants a page to be opened, and names none that a browser should open."];
  return [`It wants this page of ${url.host} to be opened; nothing opens it by itself:`, `  ${line(url.href, 4000)}`];
}

function resultLines(result: Readonly<Record<string, unknown>>): string[] {
  const content = Array.isArray(result["content"]) ? (result["content"] as unknown[]) : [];
  const shown = content.flatMap((block) => blockLines(Object(block)));
  const structured = result["structuredContent"];
  if (structured !== undefined && shown.length === 0)
    return lines(JSON.stringify(structured, undefined, 2)).split("\n");
  if (shown.length === 0 && content.length === 0 && Object.keys(result).some((name) => name !== "content"))
    return lines(JSON.stringify(result, undefined, 2)).split("\n");
  return shown;
}

function blockLines(block: Readonly<Record<string, unknown>>): string[] {
  const { type, text, data, mimeType, uri, name } = block;
  if (type === "text") return lines(text ?? "").split("\n");
  if (type === "resource_link") return [`[${line(name ?? "resource", 200)}: ${line(uri, 2000)}]`];
  const inner = Object(block["resource"]);
  if (type === "resource" && typeof inner.text === "string") return lines(inner.text).split("\n");
  const bytes = typeof data === "string" ? `, ${Math.floor((data.length * 3) / 4)} bytes` : "";
  return [`[${line(type ?? "something", 40)} ${line(mimeType ?? inner.mimeType ?? "", 80)}${bytes}: see --json]`];
}

/** Lines at the bottom of a terminal, one a task, that are written again when something changes. */
class LiveLines {
  readonly #screen: Screen;
  readonly #write: (text: string) => void;
  readonly #told: (task: TaskView) => string;
  readonly #tasks = new Map<string, TaskView>();
  #drawn = 0;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, write: (text: string) => void, told: (task: TaskView) => string) {
    this.#screen = screen;
    this.#write = write;
    this.#told = told;
  }

  /** Whether the task has a line here. */
  set(task: TaskView): boolean {
    if (!this.#screen.live) return false;
    this.hide();
    this.#tasks.set(task.taskId, task);
    this.show();
    this.#timer ??= setInterval(() => this.#redraw(), REDRAW).unref();
    return true;
  }

  /** Whether it had one. */
  delete(taskId: string): boolean {
    return this.#tasks.delete(taskId);
  }

  hide(): void {
    if (this.#drawn > 0) this.#write(`\u001b[${this.#drawn}A\r\u001b[J`);
    this.#drawn = 0;
  }

  show(): void {
    if (this.#paused || this.#tasks.size === 0) return;
    const shown = [...this.#tasks.values()].slice(-Math.max(1, this.#screen.rows() - 2));
    // No line breaks at the right edge: what is too long is clipped by the terminal.
    this.#write(`\u001b[?7l${shown.map((task) => `${this.#told(task)}\n`).join("")}\u001b[?7h`);
    this.#drawn = shown.length;
  }

  pause(): void {
    this.hide();
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.show();
  }

  #redraw(): void {
    this.hide();
    this.show();
  }

  /** What stands there stays. */
  close(): void {
    clearInterval(this.#timer);
    this.#paused = true;
    this.#tasks.clear();
  }
}
