// One JSON object a line on stdout, for scripts. Notes go to stderr.
import type { Report, TaskView } from "./report.ts";
import { jsonLine, line, type Secrets } from "./text.ts";

const taskOf = ({ tool, snapshot, progress }: TaskView): object => ({
  ...snapshot,
  ...(tool !== "" && { tool }),
  ...(progress !== undefined && { progress }),
});

export function jsonReport(out: (text: string) => void, aside: (text: string) => void, secrets: Secrets): Report {
  const tell = (event: object): void => out(`${secrets.hide(jsonLine(event))}\n`);
  const tellAll = (events: readonly object[]): void => {
    for (const event of events) tell(event);
  };
  const about = (taskId: string | undefined): object => (taskId === undefined ? {} : { taskId });
  return {
    tools: (tools) => tellAll(tools.map((tool) => ({ event: "tool", ...tool }))),
    tasks: (tasks) => tellAll(tasks.map((task) => ({ event: "task", ...taskOf(task) }))),
    changed: (task) => tell({ event: "task", ...taskOf(task) }),
    question: (question, taskId) => tell({ event: "question", ...about(taskId), question }),
    answered: (answer, taskId) => tell({ event: "answer", ...about(taskId), action: answer.action }),
    result: (result, task) => tell({ event: "result", ...about(task?.taskId), result }),
    stored: (tasks) => tellAll(tasks.map((task) => ({ event: "task", ...task }))),
    counts: (counts) => tellAll(counts.map((count) => ({ event: "count", ...count }))),
    detail: (task) => tell({ event: "task", ...task }),
    outcome: (what, taskId, outcome) => tell({ event: what, taskId, outcome }),
    failure: (code, message, taskId) => tell({ event: "error", ...about(taskId), code, message }),
    note: (sentence) => aside(`${secrets.hide(line(sentence))}\n`),
    pause() {},
    resume() {},
    close() {},
  };
}
