import { type KitTransport, type Reply, type Script, ScriptedServer } from "./script.ts";

/** A revision of the protocol that has tasks. */
export type KitGeneration = "2025-11-25" | "2026-07-28";

/** Answers what the server asks the client's user: the `params` of a request; the answer is its result. */
export type KitUser = (method: string, params: unknown) => unknown;

/** A client, as a case uses it. */
export interface ClientUnderTest {
  /** Calls a tool, as a task where the server allows; resolves with its final result, rejects where there is none. */
  callTool(name: string, args: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Cancels the task that was created last. Left out where the client cannot. */
  cancel?(): Promise<unknown>;
  /** Ends the client. */
  close(): Promise<void>;
}

/** Connects a client to the server of a case. */
export type OpenClient = (
  transport: KitTransport,
  about: { readonly generation: KitGeneration; readonly user: KitUser },
) => Promise<ClientUnderTest>;

/** One test case. */
export interface ClientCase {
  /** The requirement that it comes from. */
  readonly requirement: string;
  /** The revision that its server speaks. */
  readonly generation: KitGeneration;
  /** `hostile`: what no server may do, and a client outlives. */
  readonly kind: "must" | "should" | "hostile";
  /** What the client must do. */
  readonly name: string;
  /**
   * Resolves when the client has passed, and rejects with an `Error` that says what is wrong. Where the client has not
   * got what the case is about, it calls `skip` with the reason, and resolves.
   */
  run(open: OpenClient, skip: (why: string) => void): Promise<void>;
}

/** What a case does with its server and the client. */
export interface Stage {
  readonly server: ScriptedServer;
  readonly client: ClientUnderTest;
  /** What the user was asked. */
  readonly asked: { readonly method: string; readonly params: unknown }[];
}

type Body = (stage: Stage) => Promise<string | void>;

export interface CaseOptions {
  readonly requirement: string;
  readonly generation: KitGeneration;
  readonly kind: ClientCase["kind"];
  readonly name: string;
  readonly script: () => Script;
  readonly user?: KitUser;
  readonly body: Body;
}

/** How long a call of a case may take, in ms. */
const PATIENCE = 15_000;

export function clientCase({ script, user = accept, body, ...about }: CaseOptions): ClientCase {
  return {
    ...about,
    async run(open, skip) {
      const server = new ScriptedServer(script());
      const asked: { method: string; params: unknown }[] = [];
      const client = await open(server.transport, {
        generation: about.generation,
        user: (method, params) => {
          asked.push({ method, params });
          return user(method, params);
        },
      });
      let why: string | void;
      try {
        why = await body({ server, client, asked });
      } finally {
        await client.close().catch(() => {});
        server.close();
      }
      if (why) skip(why);
    },
  };
}

const accept: KitUser = () => ({ action: "accept", content: { name: "Ada" } });

/** What a promise comes to, in time. */
export async function outcomeOf(call: Promise<unknown>): Promise<{ result?: unknown; error?: unknown }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The call is not over after ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    return await Promise.race([
      call.then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** The text of a call's result. */
export async function textOf(call: Promise<unknown>): Promise<string> {
  const { result, error } = await outcomeOf(call);
  if (error !== undefined) throw new Error(`The call failed: ${String(error)}`, { cause: error });
  const content = (result as { content?: { text?: string }[] } | undefined)?.content;
  return content?.[0]?.text ?? JSON.stringify(result);
}

export function check(holds: unknown, message: string): asserts holds {
  if (holds !== true && holds !== undefined && holds !== false) throw new Error(message);
  if (holds !== true) throw new Error(message);
}

export function same(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what} must be ${wanted}, and is ${found}`);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (const late = Date.now() + PATIENCE; Date.now() < late; await pause(5)) if (holds()) return;
  throw new Error(`Waited in vain: ${what}`);
}

export const answer = (result: object): Reply => ({ result });
export const failure = (code: number, message: string): Reply => ({ error: { code, message } });
export const content = (text: string): { content: { type: string; text: string }[] } => ({
  content: [{ type: "text", text }],
});
export const FORM = {
  mode: "form",
  message: "who?",
  requestedSchema: { type: "object", properties: { name: { type: "string" } } },
};
const times = (): object => ({ createdAt: new Date().toISOString(), lastUpdatedAt: new Date().toISOString() });
export { times };
