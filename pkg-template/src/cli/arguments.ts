// What was typed, taken apart by Node's own parser.
import { parseArgs } from "node:util";
import { NAME } from "../name.ts";
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
  key: { type: "string" },
  detach: { type: "boolean" },
  answer: { type: "string", multiple: true },
  decline: { type: "boolean" },
  store: { type: "string" },
  prefix: { type: "string" },
  owner: { type: "string" },
  tool: { type: "string" },
  status: { type: "string", multiple: true },
  older: { type: "string" },
  limit: { type: "string" },
  json: { type: "boolean" },
  timeout: { type: "string" },
  state: { type: "string" },
  verbose: { type: "boolean" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** How many names a command about a server takes: at least, at most. */
const ON_SERVERS = {
  tools: [0, 0],
  call: [1, 1],
  list: [0, 0],
  status: [1, 100],
  follow: [1, 100],
  answer: [1, 1],
  result: [1, 1],
  cancel: [1, 100],
} as const;

/** The same for what operators do on a store. */
const ON_STORES = {
  list: [0, 0],
  count: [0, 0],
  status: [1, 100],
  result: [1, 1],
  cancel: [1, 100],
  purge: [0, 100],
} as const;

export type Command = keyof typeof ON_SERVERS | keyof typeof ON_STORES;

/** Options that not all commands understand. */
const ALONE: Readonly<Record<string, readonly Command[]>> = {
  arg: ["call"],
  args: ["call"],
  ttl: ["call"],
  key: ["call"],
  detach: ["call"],
  answer: ["call", "follow", "answer", "result"],
  decline: ["call", "follow", "answer", "result"],
  tool: ["list", "count", "purge"],
  status: ["list", "count", "purge"],
  older: ["list", "count", "purge"],
  limit: ["list"],
};
/** Options for stores, and those for servers. */
const OF_STORES = ["prefix", "owner", "tool", "status", "older", "limit"];
const OF_SERVERS = ["url", "stdio", "token", "header", "legacy", "answer", "decline", "timeout", "state"];

type Values = ReturnType<typeof parse>["values"];

const parse = (typed: readonly string[]) =>
  parseArgs({ args: idsLast(typed), options: OPTIONS, allowPositionals: true, strict: true });

/** Ids may begin with a dash, as options do: they go behind a `--`, where nothing is an option. */
function idsLast(typed: readonly string[]): string[] {
  const isId = (text: string): boolean => /^-[\w-]{15,}$/.test(text) && !Object.hasOwn(OPTIONS, text.slice(2));
  const end = typed.includes("--") ? typed.indexOf("--") : typed.length;
  const before = typed.slice(0, end);
  return [...before.filter((text) => !isId(text)), "--", ...before.filter(isId), ...typed.slice(end + 1)];
}

/** A command and what belongs to it. */
export interface Typed {
  readonly command: Command | "help" | "version";
  readonly names: readonly string[];
  readonly values: Values;
}

const listed = (commands: object): string => Object.keys(commands).join(", ");

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
  if (group !== "tasks") throw new UsageError(`There is \`${NAME} tasks\`, and no ${line(group, 40)}.`);
  const onStore = values.store !== undefined;
  const commands: Readonly<Record<string, readonly [number, number]>> = onStore ? ON_STORES : ON_SERVERS;
  const [least, most] = (Object.hasOwn(commands, command ?? "") && commands[command ?? ""]) || [];
  if (least === undefined || most === undefined)
    throw new UsageError(`tasks has the commands ${listed(ON_SERVERS)}; with --store ${listed(ON_STORES)}.`);
  const known = command as Command;
  if (names.length < least || names.length > most) {
    const wanted = known === "call" ? "the name of one tool" : least === most ? "one id" : "ids of tasks";
    throw new UsageError(most === 0 ? `${known} takes no names.` : `${known} takes ${wanted}.`);
  }
  for (const option of onStore ? OF_SERVERS : OF_STORES)
    if ((values as Record<string, unknown>)[option] !== undefined)
      throw new UsageError(`--${option} is for ${onStore ? "servers" : "--store"}.`);
  for (const [option, commands] of Object.entries(ALONE))
    if ((values as Record<string, unknown>)[option] !== undefined && !commands.includes(known))
      throw new UsageError(`--${option} is for ${commands.join(", ")}.`);
  if (values.key !== undefined && !/^[\w-]{16,128}$/.test(values.key))
    throw new UsageError("--key takes 16 to 128 characters of A-Z a-z 0-9 _ -.");
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
