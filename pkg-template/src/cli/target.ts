// The server that a command is about, and a connection to it.
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TaskClient, type TaskError } from "mcp-longhaul";
import { NAME } from "../name.ts";
import { CommandError, Exit, UsageError } from "./exit.ts";
import { line, type Secrets } from "./text.ts";

/** Where a token is taken from, so that it stands in no list of processes. */
export const TOKEN = "MCP_LONGHAUL_TOKEN";

/** Which generation to speak: what the server offers, or the older one. */
export type Era = "auto" | "legacy";

/** A question of the server's, as the SDK's client hands it over. */
export interface Question {
  readonly message?: unknown;
  readonly mode?: unknown;
  readonly url?: unknown;
  readonly requestedSchema?: unknown;
  readonly _meta?: unknown;
}

/** What a user says to a question. */
export type Answer = { action: "accept"; content?: Record<string, unknown> } | { action: "decline" | "cancel" };

/** What a connection tells. */
export interface Hearing {
  /** Rejects or never settles where nobody answers. */
  question(question: Question, signal: AbortSignal): Promise<Answer>;
  /** What went wrong beside the command itself. */
  trouble(error: Error): void;
  /** A line that the server's process has written to stderr. */
  log(text: string): void;
}

/** A server as it was named by the user. */
export interface Target {
  /** What it is known by: its address or its command, with the folder that this runs in. */
  readonly identity: string;
  open(hearing: Hearing): Transport;
}

/** @param secrets learns what must not be printed */
export function targetOf(
  options: {
    readonly url?: string | undefined;
    readonly stdio?: string | undefined;
    readonly header?: readonly string[] | undefined;
    readonly token?: string | undefined;
  },
  env: NodeJS.ProcessEnv,
  secrets: Secrets,
): Target {
  const { url, stdio } = options;
  if ((url === undefined) === (stdio === undefined))
    throw new UsageError("Name the server by one of --url ADDRESS and --stdio COMMAND.");
  if (url !== undefined) return http(url, options, env, secrets);
  if (options.token !== undefined || options.header !== undefined)
    throw new UsageError("--token and --header are for --url.");
  if (stdio === undefined || stdio.trim() === "") throw new UsageError("--stdio takes a command.");
  return pipe(stdio, env);
}

function http(
  text: string,
  options: { readonly header?: readonly string[] | undefined; readonly token?: string | undefined },
  env: NodeJS.ProcessEnv,
  secrets: Secrets,
): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    throw new UsageError(`--url takes an address that begins with https:// or http://, not ${line(text, 60)}`);
  if (url.username !== "" || url.password !== "")
    throw new UsageError(`The address has a name or a password in it. Use ${TOKEN} or --header.`);
  const headers = new Headers();
  for (const header of options.header ?? []) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(header) ?? [];
    if (name === undefined || value === undefined) throw new UsageError('--header takes "Name: value".');
    // With the scheme of an authorization, and without.
    for (const secret of [value, value.replace(/^\S+ /, "")]) secrets.add(secret);
    try {
      headers.set(name, value);
    } catch {
      throw new UsageError(`--header ${line(name, 60)} cannot be sent as it is.`);
    }
  }
  const token = options.token ?? env[TOKEN];
  if (token !== undefined && token !== "") {
    secrets.add(token);
    const here = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/.test(url.hostname);
    if (url.protocol !== "https:" && !here)
      throw new UsageError("A token is sent over https: alone, or to this machine. Say --header where that is right.");
    try {
      headers.set("authorization", `Bearer ${token}`);
    } catch {
      throw new UsageError("The token has characters that no header can have.");
    }
  }
  // Another address must not learn what this one is told.
  const redirect = [...headers.keys()].length > 0 ? "error" : "follow";
  return {
    identity: `${url.origin}${url.pathname}${url.search}`,
    open: () => new StreamableHTTPClientTransport(url, { requestInit: { headers, redirect } }),
  };
}

function pipe(command: string, env: NodeJS.ProcessEnv): Target {
  const isWindows = process.platform === "win32";
  const [shell, ...flags] = isWindows ? ["cmd.exe", "/d", "/s", "/c"] : ["/bin/sh", "-c"];
  return {
    identity: `${process.cwd()}\n${command}`,
    open(hearing) {
      const inherited = Object.entries(env).filter(([name, value]) => name !== TOKEN && value !== undefined);
      const transport = new StdioClientTransport({
        command: shell as string,
        // The server takes the shell's place: what ends the one ends the other.
        args: [...flags, isWindows ? command : `exec ${command}`],
        env: Object.fromEntries(inherited) as Record<string, string>,
        // It may write what a terminal obeys.
        stderr: "pipe",
      });
      let rest = "";
      transport.stderr?.on("data", (chunk: Buffer) => {
        const texts = (rest + chunk.toString("utf8")).split("\n");
        rest = texts.pop()?.slice(0, 10_000) ?? "";
        for (const text of texts) hearing.log(text);
      });
      return transport;
    },
  };
}

/** A connection with tasks. */
export interface Connection {
  readonly tasks: TaskClient;
  readonly client: Client;
  readonly era: "legacy" | "modern";
  close(): Promise<void>;
}

const INFO = { name: `${NAME}-tasks`, version: "1" };

/** Connects, or ends the command. */
export async function connect(target: Target, era: Era, hearing: Hearing, signal: AbortSignal): Promise<Connection> {
  const trouble = (error: Error | TaskError): void => hearing.trouble(error);
  const tasks = new TaskClient({ onAbort: "detach", onerror: trouble });
  const client = tasks.attach(
    new Client(INFO, {
      versionNegotiation: { mode: era },
      capabilities: { elicitation: { form: {}, url: {} } },
    }),
  );
  client.onerror = trouble;
  client.setRequestHandler("elicitation/create", async ({ params }, context) => {
    return (await hearing.question(params as Question, context.mcpReq.signal)) as never;
  });
  const said: string[] = [];
  const transport = target.open({
    ...hearing,
    log: (text) => {
      said.push(text);
      if (said.length > 5) said.shift();
      hearing.log(text);
    },
  });
  try {
    await client.connect(transport, { signal });
  } catch (error) {
    await client.close().catch(() => {});
    const last = said.length === 0 ? "" : `\nIt has said last:\n${said.map((text) => `  ${line(text)}`).join("\n")}`;
    throw new CommandError(Exit.server, `The server was not reached: ${line(reasonOf(error))}${last}`, {
      cause: error,
    });
  }
  return {
    tasks,
    client,
    era: client.getProtocolEra() === "legacy" ? "legacy" : "modern",
    async close() {
      tasks.close();
      await client.close().catch(() => {});
    },
  };
}

/** What an error says, with what lies behind it: Node's fetch says no more than that it failed. */
export function reasonOf(error: unknown): string {
  const said: string[] = [];
  for (let at = error; at instanceof Error && said.length < 4; at = at.cause)
    if (!said.some((text) => text.includes(at.message))) said.push(at.message);
  return said.length === 0 ? String(error) : said.join(": ");
}
