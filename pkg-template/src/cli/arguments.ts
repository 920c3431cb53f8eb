// What was typed, taken apart by Node's own parser.
import { parseArgs } from "node:util";
import { UsageError } from "./exit.ts";
import { line } from "./text.ts";

const OPTIONS = {
  url: { type: "string" },
  stdio: { type: "string" },
  token: { type: "string" },
  header: { type: "string", multiple: true },
  legacy: { type: "boolean" },
  arg: { type: "string", multiple: true },
  args: { type: "string" },
  ttl: { type: "string" },
  detach: { type: "boolean" },
  answer: { type: "string", multiple: true },
  decline: { type: "boolean" },
  json: { type: "boolean" },
  timeout: { type: "string" },
  state: { type: "string" },
  verbose: { type: "boolean" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** How many names a command takes: at least, at most. */
const COMMANDS = {
  tools: [0, 0],
  call: [1, 1],
  list: [0, 0],
  status: [1, 100],
  follow: [1, 100],
  answer: [1, 1],
  result: [1, 1],
  cancel: [1, 100],
} as const;

export type Command = keyof typeof COMMANDS;

/** Options that a command of its own understands. */
const ALONE: Readonly<Record<string, readonly Command[]>> = {
  arg: ["call"],
  args: ["call"],
  ttl: ["call"],
  detach: ["call"],
  answer: ["call", "follow", "answer", "result"],
  decline: ["call", "follow", "answer", "result"],
};

type Values = ReturnType<typeof parse>["values"];

const parse = (typed: readonly string[]) =>
  parseArgs({ args: [...typed], options: OPTIONS, allowPositionals: true, strict: true });

/** A command and what belongs to it. */
export interface Typed {
  readonly command: Command | "help" | "version";
  readonly names: readonly string[];
  readonly values: Values;
}

/** Throws {@link UsageError}. */
export function read(typed: readonly string[]): Typed {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(typed);
  } catch (error) {
    throw new UsageError(line((error as Error).message, 300));
  }
  const { values, positionals } = parsed;
  const [group, command, ...names] = positionals;
  if (values.version === true) return { command: "version", names: [], values };
  if (values.help === true || group === undefined || group === "help") return { command: "help", names: [], values };
  if (group !== "tasks") throw new UsageError(`There is \`mcp-longhaul tasks\`, and no ${line(group, 40)}.`);
  if (command === undefined || !Object.hasOwn(COMMANDS, command))
    throw new UsageError(`tasks has the commands ${Object.keys(COMMANDS).join(", ")}.`);
  const known = command as Command;
  const [least, most] = COMMANDS[known];
  if (names.length < least || names.length > most) {
    const wanted = known === "call" ? "the name of one tool" : least === most ? "one id" : "ids of tasks";
    throw new UsageError(most === 0 ? `${known} takes no names.` : `${known} takes ${wanted}.`);
  }
  for (const [option, commands] of Object.entries(ALONE))
    if ((values as Record<string, unknown>)[option] !== undefined && !commands.includes(known))
      throw new UsageError(`--${option} is for ${commands.join(", ")}.`);
  return { command: known, names, values };
}

/** A number of seconds, as ms. */
export function seconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Number(text) * 1000;
  if (text.trim() === "" || !Number.isFinite(ms) || ms <= 0 || ms > 2 ** 31 - 1)
    throw new UsageError(`--${option} takes a number of seconds above 0, at most 2 million.`);
  return Math.ceil(ms);
}
