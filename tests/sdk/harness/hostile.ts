// Identities that must not reach each other, on each kind of connection that may bring them together.
import type { TestContext } from "node:test";
import { type TaskError, TaskServer, type TaskServerOptions } from "mcp-longhaul";
import { G25, checkFrames, initialize } from "./g25.ts";
import { type HttpServer, HttpRequester, statefulV1, statefulV2 } from "./http.ts";
import { PipeRequester } from "./pipe.ts";
import type { Requester } from "./requester.ts";
import { type Kind, type SdkServer, type Tools, attached } from "./servers.ts";

/** A token names its subject. */
export function authenticate(token: string | undefined): unknown {
  return token === undefined
    ? undefined
    : { token, clientId: "client", scopes: [], extra: { iss: "https://issuer.test", sub: token } };
}

export interface Scene {
  readonly tasks: TaskServer;
  readonly errors: TaskError[];
}

function scene(options: TaskServerOptions): Scene {
  const errors: TaskError[] = [];
  return {
    errors,
    tasks: new TaskServer({ defaults: { task: "always" }, onerror: (error) => errors.push(error), ...options }),
  };
}

/** One session whose id two principals know, Ada who opened it and Bob, on each SDK. */
export interface Session extends Scene {
  readonly url: string;
  readonly ada: HttpRequester;
  readonly bob: HttpRequester;
}

export async function session(
  t: TestContext,
  kind: Kind,
  tools: Tools,
  {
    http,
    configure,
    ...options
  }: TaskServerOptions & { readonly http?: object; readonly configure?: (server: any) => void } = {},
): Promise<Session> {
  const { tasks, errors } = scene(options);
  const make = (): SdkServer => attached(kind, tasks, tools, configure);
  const server: HttpServer = await (kind.startsWith("v1") ? statefulV1 : statefulV2)(make, {
    authenticate,
    ...(http && { transport: http }),
  });
  const ada = new HttpRequester(server.url, { authorization: "Bearer ada" });
  t.after(async () => {
    await tasks.close();
    await server.close();
  });
  await initialize(ada);
  const bob = new HttpRequester(server.url, {
    authorization: "Bearer bob",
    "mcp-session-id": ada.headers["mcp-session-id"]!,
    "mcp-protocol-version": G25,
  });
  return { tasks, errors, ada, bob, url: server.url };
}

/** Two connections of one stream each, over which nobody is authenticated. */
export async function pipes(
  t: TestContext,
  kind: Kind,
  tools: Tools,
  options: TaskServerOptions & { readonly configure?: (server: any) => void } = {},
): Promise<Scene & { readonly ada: PipeRequester; readonly bob: PipeRequester }> {
  const { configure, ...more } = options;
  const { tasks, errors } = scene(more);
  const open = async (): Promise<PipeRequester> => {
    const requester = await PipeRequester.to(
      attached(kind, tasks, tools, configure),
      kind.startsWith("v1") ? "v1" : "v2",
    );
    await initialize(requester);
    return requester;
  };
  const [ada, bob] = [await open(), await open()];
  t.after(async () => {
    await ada.close();
    await bob.close();
    await tasks.close();
    for (const { frames } of [ada, bob]) checkFrames(frames);
  });
  return { tasks, errors, ada, bob };
}

/** All that somebody was sent, as one text. */
export function heard(requester: Requester): string {
  return JSON.stringify(requester.frames.fromServer().map(({ message }) => message));
}
