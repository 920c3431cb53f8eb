#!/usr/bin/env node
// `npx mcp-longhaul`: the tasks of MCP servers at the terminal.
import { readFileSync } from "node:fs";
import { read, seconds, type Typed } from "./arguments.ts";
import { call, cancel, exitOf, follow, list, status, type Session, tools } from "./commands.ts";
import { CommandError, Exit, type ExitCode, UsageError } from "./exit.ts";
import { HELP } from "./help.ts";
import { NAME } from "../name.ts";
import { humanReport } from "./human-report.ts";
import { operate } from "./operate.ts";
import { jsonReport } from "./json-report.ts";
import { Memory, stateFolder } from "./memory.ts";
import { Answers, Prompts } from "./questions.ts";
import type { Report } from "./report.ts";
import { reasonOf, targetOf } from "./target.ts";
import { jsonLine, lines, Secrets } from "./text.ts";

const { env, stdin, stdout, stderr } = process;
const secrets = new Secrets();
const out = (text: string): void => void stdout.write(text);
const aside = (text: string): void => void stderr.write(text);

// Whoever read has read enough.
for (const stream of [stdout, stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });

const enough = new AbortController();
const stop = (exit: ExitCode): void => {
  if (enough.signal.aborted) process.exit(exit);
  enough.abort(exit);
};
process.on("SIGINT", () => stop(Exit.interrupted));
process.on("SIGTERM", () => stop(Exit.interrupted));

async function run({ command, names, values }: Typed, report: Report): Promise<ExitCode> {
  const timeout = seconds("timeout", values.timeout);
  const ttl = seconds("ttl", values.ttl);
  if (values.store !== undefined) return operate(command, names, values, { report, env, secrets });
  const target = targetOf(values, env, secrets);
  const isTerminal = stdin.isTTY === true && stderr.isTTY === true && values.json !== true;
  const terminal = {
    input: stdin,
    output: stderr,
    hide: (text: string) => secrets.hide(text),
    interrupt: () => stop(Exit.interrupted),
  };
  const session: Session = {
    target,
    era: values.legacy === true ? "legacy" : "auto",
    memory: new Memory(values.state ?? stateFolder(env), target.identity, (sentence) => report.note(sentence)),
    report,
    answers: new Answers(values.answer ?? [], values.decline === true),
    prompts: isTerminal ? new Prompts(terminal, report) : undefined,
    verbose: values.verbose === true,
    signal: enough.signal,
  };
  if (timeout !== undefined) setTimeout(() => enough.abort(Exit.late), timeout).unref();
  switch (command) {
    case "tools":
      return tools(session);
    case "list":
      return list(session);
    case "call": {
      const { args, arg = [], key, detach = false } = values;
      return call(session, { tool: names[0] as string, args, arg, ttl, key, detach });
    }
    case "status":
      return status(session, names);
    case "cancel":
      return cancel(session, names);
    case "result":
      return follow({ ...session, report: { ...report, changed() {} } }, names, false);
    default:
      return follow(session, names, command === "answer");
  }
}

async function main(): Promise<ExitCode> {
  let json = process.argv.includes("--json");
  let report: Report | undefined;
  try {
    const typed = read(process.argv.slice(2));
    if (typed.command === "help" || typed.command === "version") {
      out(typed.command === "help" ? HELP : `${version()}\n`);
      return Exit.done;
    }
    json = typed.values.json === true;
    const screen = {
      live: stderr.isTTY === true && env["TERM"] !== "dumb",
      colours: stderr.isTTY === true && stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb",
      rows: () => stderr.rows ?? 24,
    };
    report = json ? jsonReport(out, aside, secrets) : humanReport(out, aside, secrets, screen);
    return await run(typed, report);
  } catch (error) {
    const { aborted, reason } = enough.signal;
    if (aborted && !(error instanceof UsageError)) return reason as ExitCode;
    const exit = exitOf(error);
    const code = exit === Exit.usage ? "usage" : error instanceof CommandError ? "connection" : codeOf(error);
    const hint = exit === Exit.usage ? `\n${NAME} --help says more.` : "";
    if (report !== undefined) report.failure(code, reasonOf(error) + (json ? "" : hint));
    else if (json) out(`${jsonLine({ event: "error", code, message: reasonOf(error) })}\n`);
    else aside(`${lines(reasonOf(error))}${hint}\n`);
    return exit;
  } finally {
    report?.close();
  }
}

function codeOf(error: unknown): string {
  const code: unknown = Object(error).code;
  return typeof code === "string" ? code : "failed";
}

/** As package.json has it, two folders up. */
function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

process.exitCode = await main();
// A server's process, or a socket, may keep this one: nothing here waits for it.
setTimeout(() => process.exit(), 500).unref();
