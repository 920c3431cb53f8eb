import type { TaskClient } from "../client.ts";
import type { SdkTask } from "../guests/sdk-types.ts";
import { isObject, own } from "../json.ts";
import type { AnyTools, ToolCall, ToolMap, ToolName, ToolResultOf } from "../tool-types.ts";
import type { AttachableClient, TaskCallOptions, TaskHandle, TaskSnapshot, ToolResult } from "../types.ts";

/** What SDK v1's streams say of a call, in the same shapes; the last one is a `result` or an `error`. */
export type ResponseMessage<Result = ToolResult> =
  | {
      /** The call has become a task, or the task has changed. */
      readonly type: "taskCreated" | "taskStatus";
      /** The task as it is now. */
      readonly task: SdkTask;
    }
  | {
      /** The call has its result, with a task or without. */
      readonly type: "result";
      /** The result. */
      readonly result: Result;
    }
  | {
      /** The call, or its task, has failed. */
      readonly type: "error";
      /** Why. */
      readonly error: ResponseError;
    };

/** As SDK v1's `McpError`, which it is where the SDK made one. */
export interface ResponseError extends Error {
  /** A JSON-RPC error code; -32603 where the trouble is not the server's. */
  readonly code: number;
  /** What the server said with it. */
  readonly data?: unknown;
}

/** Internal error, of JSON-RPC. */
const INTERNAL = -32_603;

/**
 * Calls a tool by {@link TaskClient.callTool} and tells what becomes of it, in the messages of SDK v1's
 * `client.experimental.tasks.callToolStream`. A `taskStatus` comes for each change, not for each poll. Whoever breaks
 * out of it detaches from the task, which goes on. It never rejects: what goes wrong is the last message.
 *
 * ```ts
 * for await (const message of callToolStream(host, client, { name: "render" })) console.log(message.type);
 * ```
 */
export async function* callToolStream<
  Client extends AttachableClient,
  const Name extends ToolName<Tools>,
  Tools extends ToolMap<Tools> = AnyTools,
  Schema = unknown,
>(
  host: TaskClient<Tools>,
  client: Client,
  params: ToolCall<Tools, Name>,
  options?: TaskCallOptions<Schema>,
): AsyncGenerator<ResponseMessage<ToolResultOf<Client, Tools[Name], Schema>>, void, void> {
  let handle: TaskHandle<ToolResultOf<Client, Tools[Name], Schema>, Name>;
  try {
    handle = await host.callTool(client, params, options);
  } catch (thrown) {
    return yield { type: "error", error: responseError(thrown) };
  }
  yield* responseMessages(handle);
}

/** The same messages for a task that was called, or found again by {@link TaskClient.resume}, already. */
export async function* responseMessages<Result>(
  handle: TaskHandle<Result>,
): AsyncGenerator<ResponseMessage<Result>, void, void> {
  let isOver = false;
  try {
    if (handle.taskId !== undefined) {
      let shown = JSON.stringify(handle.snapshot);
      yield { type: "taskCreated", task: taskOf(handle.snapshot) };
      for await (const snapshot of handle.updates())
        if (shown !== (shown = JSON.stringify(snapshot))) yield { type: "taskStatus", task: taskOf(snapshot) };
    }
    let last: ResponseMessage<Result>;
    try {
      last = { type: "result", result: await handle.result() };
    } catch (thrown) {
      last = { type: "error", error: responseError(thrown) };
    }
    isOver = true;
    yield last;
  } finally {
    if (!isOver) handle.detach();
  }
}

function taskOf(snapshot: TaskSnapshot): SdkTask {
  const { statusMessage, pollInterval, createdAt = new Date().toISOString(), ...rest } = snapshot;
  return {
    ...rest,
    createdAt,
    lastUpdatedAt: snapshot.lastUpdatedAt ?? createdAt,
    ...(pollInterval !== undefined && { pollInterval }),
    ...(statusMessage !== undefined && { statusMessage }),
  };
}

/** The SDK's own error where there is one, else one with the peer's code. */
function responseError(thrown: unknown): ResponseError {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  if (cause instanceof Error && typeof (cause as { code?: unknown }).code === "number") return cause as ResponseError;
  const code = isObject(cause) ? own(cause, "code") : undefined;
  const data = thrown instanceof Error ? (thrown as { data?: unknown }).data : undefined;
  const error = new Error(thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  return Object.assign(error, {
    code: typeof code === "number" ? code : INTERNAL,
    ...(data !== undefined && { data }),
  });
}
