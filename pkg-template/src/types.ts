import type { TaskError } from "./errors.ts";
import type { MaybePromise, TaskStore } from "./store.ts";

/** A task's status, as both generations of the protocol name it. */
export type TaskStatus = "working" | "input_required" | "completed" | "failed" | "cancelled";

/**
 * Whether and when a call becomes a task: at once, never, when it takes longer than `after` ms, or when the handler
 * calls {@link TaskServer.create}.
 */
export type Promotion = "always" | "never" | "handler" | { readonly after: number };

/** How one tool, or every tool by default, runs as a task. */
export interface TaskPolicy {
  /** When a call becomes a task. Default `"always"` for a tool listed in `tools`, `"handler"` for any other. */
  readonly task?: Promotion | undefined;
  /**
   * What a 2025-11-25 client may ask for (`execution.taskSupport`), and whether a 2026-07-28 client must support tasks.
   * `"required"`: a call that cannot become a task is refused. Default: `"forbidden"` for `task: "never"` and for
   * `"handler"` by default, `"optional"` otherwise.
   */
  readonly support?: "forbidden" | "optional" | "required" | undefined;
  /** Time to live in ms from creation, or `null` for no end. Default 1 h. */
  readonly ttl?: number | null | undefined;
  /** The longest time to live a client may ask for, in ms. Default 24 h. */
  readonly maxTtl?: number | undefined;
  /**
   * What happens when the time to live ends while the task runs: it is extended (2026-07-28 only), or the task expires.
   * Default `"expire"`.
   */
  readonly onExpiry?: "expire" | "extend" | undefined;
  /** The poll interval to suggest, in ms. Default 1000. */
  readonly pollInterval?: number | undefined;
  /**
   * Whether a cancelled task (2026-07-28) stays as it is until the handler decides. Default `false`: it is cancelled at
   * once.
   */
  readonly cooperative?: boolean | undefined;
  /**
   * What becomes of a task whose process was lost: it fails with "The process that ran the task was lost" (-32603,
   * `data.reason: "interrupted"`), or its handler runs again with the same arguments in whichever process finds it.
   * Choose `"restart"` for a handler that may begin twice. What it asked and nobody waits for any longer is withdrawn;
   * the answers with which it began are given to it again. Default `"fail"`.
   */
  readonly onLost?: "fail" | "restart" | undefined;
  /**
   * How often a task runs again because its process was lost, under `onLost: "restart"`; then it fails. A handler that
   * ends its process each time so ends no more of them. Default 10.
   */
  readonly restarts?: number | undefined;
  /** Text for the model while the task runs (`io.modelcontextprotocol/model-immediate-response`, 2025-11-25). */
  readonly immediateResponse?: string | undefined;
  /**
   * What a client without tasks gets, whose host gives a call up after a time. `"wait"`: it waits for the result; where
   * it gave a progress token, it hears every 15 s that the call goes on. `{ after }`: what takes longer than so many ms
   * becomes a task all the same, and the call is answered with a text for the model that names it; such clients are
   * offered the tools of {@link TaskServerOptions.taskTools}, and see this tool without its output schema. Choose a
   * time below that of the hosts: many give up after 60 s. Default `"wait"`.
   */
  readonly withoutTasks?: "wait" | { readonly after: number } | undefined;
}

/** A tool that stands for a request about tasks. */
export interface TaskTool {
  /** Default: `task_status`, `task_answer` and `task_cancel`. A tool of the server's own of that name hides it. */
  readonly name?: string | undefined;
  /** What the model is told of it. */
  readonly description?: string | undefined;
}

/** The tools that clients without tasks are offered where a policy says {@link TaskPolicy.withoutTasks} `{ after }`. */
export interface TaskTools {
  /** How long the tool `status` waits for the end of a task or a question, in ms. Default 20 000. */
  readonly wait?: number | undefined;
  /** Waits for a task, and returns its result, its question, or that it still runs. */
  readonly status?: TaskTool | undefined;
  /** Answers a question of a task. */
  readonly answer?: TaskTool | undefined;
  /** Cancels a task. */
  readonly cancel?: TaskTool | undefined;
}

/** What the core refuses to exceed. */
export interface TaskLimits {
  /** Tasks that run at once for one owner. Default 100. */
  readonly runningPerOwner?: number | undefined;
  /** Tasks that run at once in this server. Default 10 000. */
  readonly running?: number | undefined;
  /**
   * Length of one stored outcome: UTF-16 code units of its JSON text. Default 16 777 216; for calls over stdio, whose
   * lines both SDKs read up to 10 MiB, that many bytes. A value given here holds for both: raise `maxBufferSize` of the
   * clients with it.
   */
  readonly resultBytes?: number | undefined;
  /** Input requests outstanding for one task. Default 64. */
  readonly outstandingInputs?: number | undefined;
  /** Input requests of one task in its whole life. Default 10 000. */
  readonly inputsPerTask?: number | undefined;
  /**
   * Tasks of one owner in the store, whichever process made them, ended ones too; needs a store with `usage`. Over it a
   * new task is refused (`task_limit`), and none that is there goes before its time. Calls at once may go over it by
   * their number. It also limits the creation keys of one owner, which are kept for `creationWindow` even where their
   * tasks are gone. Default: none; a store may have limits of its own.
   */
  readonly storedPerOwner?: number | undefined;
  /**
   * Length of the payloads of one owner's tasks in the store, as its `usage` counts it (`payload_limit`). Otherwise the
   * same.
   */
  readonly storedBytesPerOwner?: number | undefined;
  /** Rows on a page of `tasks/list`. Default 100. */
  readonly pageSize?: number | undefined;
  /** How often one owner may do what, or `false` for no rates at all. */
  readonly rate?: false | TaskRates | undefined;
}

/** So often on average, and so often at once. */
export interface TaskRate {
  /** From one an hour up. */
  readonly perSecond: number;
  /** How many at once, when there were none for a while. */
  readonly burst: number;
}

/**
 * How often one owner may do what on connections over HTTP, in one process; `false`: as often as it likes. stdio and
 * in-memory connections have no rates. What comes too often is refused with -32603, `data.reason: "rate_limit"` and
 * `data.retryAfterMs`, and through {@link TaskServer.fetch} with the status 429 and `Retry-After`.
 *
 * All callers whom nobody authenticated are one owner and share its rates: the defaults are generous, so that a public
 * server need not change them; lower them where owners are authenticated.
 */
export interface TaskRates {
  /** Tasks made. A call over it is refused, not run without a task. Default 100 a second, 1000 at once. */
  readonly creates?: TaskRate | false | undefined;
  /** `tasks/get`, `tasks/result` and `tasks/list`. Default 2000 a second, 10 000 at once. */
  readonly reads?: TaskRate | false | undefined;
  /** `tasks/update` and `tasks/cancel`. Default 500 a second, 5000 at once. */
  readonly changes?: TaskRate | false | undefined;
  /**
   * Requests that name a task which their owner does not have; over it, nothing is looked up for a while. Not counted
   * where nobody is authenticated. Default 100 a second, 1000 at once.
   */
  readonly misses?: TaskRate | false | undefined;
}

/** What may happen to a task. Each is told once, by the server that did it. */
export type TaskEventType =
  | "created"
  /** A handler begins to run as the task. */
  | "started"
  /**
   * The handler's run is over for the task: it ended, asked in its result, was stopped or came too late. One for each
   * `started`.
   */
  | "stopped"
  /** The handler set the status message. */
  | "status"
  | "input_required"
  /** An answer is stored; `status` tells whether others are missing. */
  | "input_answered"
  /** The handler gave up what it asked for. */
  | "input_withdrawn"
  /** The requestor wishes a cooperative task to be cancelled. */
  | "cancel_requested"
  /** A running task got more time to live. */
  | "extended"
  | "completed"
  /** It ended with a JSON-RPC error. */
  | "failed"
  | "cancelled"
  | "expired"
  /** It failed because the process that ran it was lost. */
  | "lost"
  /** It begins anew, after the process that ran it was lost. */
  | "restarted"
  /** Its outcome was read; again for each reader. */
  | "retrieved"
  /** The handler ended after its task, and its outcome reaches nobody. */
  | "late_outcome";

/**
 * What happened to a task, for audit and telemetry (X-SEC-09). No payload is in it, and no id by which the task could
 * be read.
 */
export interface TaskEvent {
  /** What happened. */
  readonly type: TaskEventType;
  /** The beginning of the task id. */
  readonly taskId: string;
  /** Whose task it is, as {@link TaskServerOptions.owner} names it. */
  readonly owner: string;
  /** When it happened, in ms since the epoch. */
  readonly at: number;
  /** The method that was called, such as `tools/call`, where known. */
  readonly method?: string | undefined;
  /** The tool, or what else its method names, where known. */
  readonly name?: string | undefined;
  /** The status after it. */
  readonly status?: TaskStatus | undefined;
  /** The task is completed with a result that says `isError`. */
  readonly isError?: true | undefined;
  /** When the task was created, in ms since the epoch. */
  readonly createdAt?: number | undefined;
  /** Since when the task waited for input, in ms since the epoch, where the wait ends with this event. */
  readonly waitedSince?: number | undefined;
  /** The handler's run in this server: the same number from `started` to `stopped`, and no other run's. */
  readonly run?: number | undefined;
  /** Which run of the task it is, counted over all servers, where leases count them. */
  readonly epoch?: number | undefined;
  /** The W3C `traceparent` in `_meta` of the call that created the task. */
  readonly traceparent?: string | undefined;
}

/** How a task ended. */
export interface SettledTask {
  /** The whole id: who has it, and is not told apart from its owner otherwise, can read the task. */
  readonly taskId: string;
  /** Whose task it is, as {@link TaskServerOptions.owner} names it. */
  readonly owner: string;
  /** How it ended: `"expired"` and `"lost"` are failures of their own. */
  readonly type: "completed" | "failed" | "cancelled" | "expired" | "lost";
  /** The status in which it ended. */
  readonly status: TaskStatus;
  /** It is completed with a result that says `isError`. */
  readonly isError?: true | undefined;
  /** When it ended, in ms since the epoch. */
  readonly at: number;
  /** When it was created, in ms since the epoch. */
  readonly createdAt: number;
  /** The method that was called, such as `tools/call`. */
  readonly method: string;
  /** The tool, or what else its method names, where it names anything. */
  readonly name?: string | undefined;
  /** Which run of the task it was, counted over all processes. */
  readonly epoch: number;
  /** The W3C `traceparent` in `_meta` of the call that created the task. */
  readonly traceparent?: string | undefined;
  /** Which attempt to tell of it this is, from 1 up. */
  readonly attempt: number;
}

/**
 * Whose payload is sealed or opened. Bind the text to it (associated data), and a row put in another's place does not
 * open.
 */
export interface PayloadOwner {
  /** Whose task it is, as {@link TaskServerOptions.owner} names it. */
  readonly owner: string;
  /** The whole task id. */
  readonly taskId: string;
}

/**
 * Protects payloads at rest: arguments, input requests, answers, request state and outcomes are sealed before the store
 * has them and opened after it has handed them out (X-SEC-15). All servers on one store need the same. What throws, or
 * gives no string, is a `storage` error with its cause: nothing is written then, and nothing shown.
 *
 * Not sealed are the columns that a store works with (owner, task id, times) and the state: tool, status, status
 * message, names and keys of input requests. {@link TaskLimits.resultBytes} counts the unsealed text, the limits of a
 * store the sealed one.
 */
export interface PayloadProtection {
  /** The text that the store gets instead of `text`. */
  seal(text: string, of: PayloadOwner): MaybePromise<string>;
  /** The text that was sealed; throws where it was sealed for another task, or not at all. */
  open(text: string, of: PayloadOwner): MaybePromise<string>;
}

/** An SDK server that can be attached: `Server` or `McpServer`, of SDK v1 or v2. */
export interface AttachableServer {
  /** The SDK's own, which an attached server wraps. */
  connect(transport: never): Promise<void>;
}

/** A transport that can be attached before it is connected: any of SDK v1 or v2. */
export interface AttachableTransport {
  /** Begins to receive. */
  start(): Promise<void>;
  /** Sends a message to the peer. */
  send(message: never, options?: never): Promise<void>;
  /** Closes the connection. */
  close(): Promise<void>;
}

/** An SDK client that can be attached: `Client` of SDK v1 or v2. */
export interface AttachableClient {
  /** The SDK's own, which an attached client wraps. */
  connect(...parameters: never[]): Promise<unknown>;
  /**
   * The SDK's own, which an attached client replaces. Its type is that of the results of {@link TaskClient.callTool}.
   */
  callTool(...parameters: never[]): Promise<unknown>;
  /** Where it is connected. */
  readonly transport?: unknown;
}

/**
 * What {@link TaskServer} takes. Each option that is wrong, or that there is not, is refused with {@link TaskError}
 * `invalid_argument`, by name.
 */
export interface TaskServerOptions {
  /** Where tasks live. Default: a bounded in-memory store. */
  readonly store?: TaskStore | undefined;
  /** Encrypts what tasks carry before `store` has it. Default: payloads are stored as they are. */
  readonly payloads?: PayloadProtection | undefined;
  /** The policy of each tool, by name. */
  readonly tools?: Readonly<Record<string, TaskPolicy>> | undefined;
  /**
   * The policies of prompts, by name (2025-11-25, as FastMCP has them). One that is not named is never a task. Where a
   * policy says `task: "always"`, which is its default, the client may ask for a task.
   */
  readonly prompts?: Readonly<Record<string, TaskPolicy>> | undefined;
  /**
   * The policies of resources, by URI, or by template as an `McpServer` has it registered (2025-11-25). Otherwise as
   * `prompts`.
   */
  readonly resources?: Readonly<Record<string, TaskPolicy>> | undefined;
  /**
   * The policy of `sampling/createMessage` (2025-11-25). With this or `elicitation` tasks are a client's: it runs them
   * for the servers that ask for them, and only clients are attached. Options for tools, prompts, resources and servers
   * are refused then. Where a policy says `task: "always"`, which is its default, the server may ask for a task.
   */
  readonly sampling?: TaskPolicy | undefined;
  /** The policy of `elicitation/create` (2025-11-25). Otherwise as `sampling`. */
  readonly elicitation?: TaskPolicy | undefined;
  /** The policy of tools that `tools` does not name, and what any other policy leaves out. */
  readonly defaults?: TaskPolicy | undefined;
  /** Shorthand for `defaults: { task }`. */
  readonly task?: Promotion | undefined;
  /** The tools for clients without tasks; see {@link TaskPolicy.withoutTasks}. */
  readonly taskTools?: TaskTools | undefined;
  /**
   * The stable principal a request belongs to. Default: issuer, subject and audience of `authInfo` (`extra.iss`,
   * `extra.sub`, `resource`); `""` where there is no `authInfo`. Returning `undefined` fails closed: no task is created
   * or found. So does a text of more than 511 characters, with NUL or a lone surrogate, or that begins with a control
   * character. Of tasks that a client runs, the default owner is their connection; name the server here, and its tasks
   * are found again on another.
   */
  readonly owner?:
    | ((authInfo: unknown, request: { readonly sessionId?: string | undefined }) => string | undefined)
    | undefined;
  /** What is refused when it gets too much. */
  readonly limits?: TaskLimits | undefined;
  /**
   * How long a creation key is remembered, in ms. Default 24 h. A call with `_meta["mcp-longhaul/creation-key"]` (16 to
   * 128 characters of `A-Z a-z 0-9 _ -`) becomes one task, and every further call of its owner's with the same key is
   * answered with that task's handle, by whichever process; while the task is gone and the key is remembered, with
   * -32602. Where nobody is authenticated, who knows a key finds its task: let it be random.
   */
  readonly creationWindow?: number | undefined;
  /**
   * Offer `tasks/list` (2025-11-25). Default: where the owner is authenticated, or the transport has one peer (stdio,
   * in-memory). Where nobody is authenticated, it lists what the same connection has made.
   */
  readonly list?: boolean | undefined;
  /** The protocol revisions in which this server has tasks; in others it is an ordinary server. Default: both. */
  readonly generations?: readonly ("2025-11-25" | "2026-07-28")[] | undefined;
  /** Send `notifications/tasks/status` to the requestor of a task (2025-11-25). Default `true`. */
  readonly statusNotifications?: boolean | undefined;
  /** Let each generation see the other's tasks. Default `false`. */
  readonly crossGeneration?: boolean | undefined;
  /**
   * Where a client leaves the header `Mcp-Name` out of a request about a task (2026-07-28), let {@link
   * TaskServer.fetch} fill it in from `params.taskId`; a header that is there is compared as ever. Default `false`: the
   * specification has such requests refused.
   */
  readonly fillTaskName?: boolean | undefined;
  /** Key of the `tasks/list` cursors, 16 random bytes; share it among processes. Default: random for each process. */
  readonly cursorKey?: Uint8Array | undefined;
  /**
   * How long a process holds a task that it runs, in ms, renewing every third of it. A process that is gone for longer
   * counts as lost (see {@link TaskPolicy.onLost}). Their clocks need not agree.
   * At least 1000. Default 30 000.
   */
  readonly lease?: number | undefined;
  /**
   * By how much the clocks of processes on one store may differ, in ms. The process that made a task ends its time to
   * live exactly; others wait this much longer, so that no task ends before its announced time. Where clocks are kept
   * in step, a few seconds keep records of processes that are gone from staying longer. Default 1 200 000: 20 minutes.
   */
  readonly clockSkew?: number | undefined;
  /**
   * How long the store may take for one operation, in ms, at least 100; `null` for as long as it likes. One that takes
   * longer counts as failed, though what it was to write may have arrived: the server looks, and reports it to
   * `onerror`. Give the store's driver a limit of its own below this. Default 30 000.
   */
  readonly storeTimeout?: number | null | undefined;
  /**
   * Makes the server on which a task runs again (`onLost: "restart"`) when no connection of its owner is open; tasks
   * need not be attached to it. Its handlers see no `authInfo`. Default: such a task waits until its owner asks for it.
   */
  readonly server?: (() => AttachableServer) | undefined;
  /**
   * What the ids of new tasks begin with, so that a router can tell from an id where its task lives: at most 100
   * characters of `A-Z a-z 0-9 _ -`. Default: nothing.
   */
  readonly idPrefix?: string | undefined;
  /** Errors that have no caller: a store that failed, a notification that could not be sent. */
  readonly onerror?: ((error: TaskError) => void) | undefined;
  /**
   * Called after each change is stored; `otel()` of `mcp-longhaul/otel` makes one. Events are made only where it is
   * set.
   */
  readonly onevent?: ((event: TaskEvent) => void) | undefined;
  /**
   * Told how each task ended, at least once, by whichever process on the store: until it returns, or its promise
   * resolves, it is called again, after 30 s, 5 min, and so on for three days. Which ends are to be told is stored with
   * the tasks themselves, also by a process that dies at that moment; one that takes more than 60 s may be followed by
   * another. Give it in every process that makes tasks. `webhook()` of `mcp-longhaul/webhooks` makes one; for a bus or
   * a queue of your own, resolve when that has taken it.
   */
  readonly onsettled?: ((settled: SettledTask) => MaybePromise<void>) | undefined;
  /**
   * The W3C `traceparent` of a call whose `_meta` has none; `mcp-longhaul/otel` has one that tells the active span.
   * Default: none.
   */
  readonly traceparent?: (() => string | undefined) | undefined;
}

/** An input request: an elicitation, a sampling request or a listing of roots. */
export interface InputRequest<Method extends InputMethod = InputMethod> {
  /** What is asked for. */
  readonly method: Method;
  /** The parameters of the protocol's request of this name. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}

/** The methods of input requests. */
export type InputMethod = keyof InputAnswers;

/**
 * What answers an input request, by its method, in the protocol's own shapes. A client may send anything: of what it
 * sends only an accepted form is held against what was asked for.
 */
export interface InputAnswers {
  /** What the user said. */
  "elicitation/create": ElicitationAnswer;
  /** What the model wrote. */
  "sampling/createMessage": SamplingAnswer;
  /** Where the server may work. */
  "roots/list": RootsAnswer;
}

/** A user's answer. `content` is there for an accepted form. */
export type ElicitationAnswer = {
  /** What the user did; `"cancel"`: neither of the others. */
  readonly action: "accept" | "decline" | "cancel";
  /** What was filled in, by the names of the form. */
  readonly content?: Readonly<Record<string, unknown>> | undefined;
  /** Whatever the client adds. */
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
};

/** A message that the client's model has written. */
export type SamplingAnswer = {
  /** Whose message it is. */
  readonly role: "user" | "assistant";
  /** One block, or several. */
  readonly content: SamplingContent | readonly SamplingContent[];
  /** Which model has written it. */
  readonly model: string;
  /** Why it stopped: `"endTurn"`, `"stopSequence"`, `"maxTokens"`, `"toolUse"`, or what the model's provider says. */
  readonly stopReason?: string | undefined;
  /** Whatever the client adds. */
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
};

/** A block of a {@link SamplingAnswer}. `data` is base64. */
export type SamplingContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image" | "audio"; readonly data: string; readonly mimeType: string }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: Readonly<Record<string, unknown>>;
    };

/** Where the client lets the server work, as `file://` addresses. */
export type RootsAnswer = {
  /** Each with an address, and perhaps a name for people. */
  readonly roots: readonly { readonly uri: string; readonly name?: string | undefined }[];
  /** Whatever the client adds. */
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
};

/** The task a handler runs in, or that its call may still become. */
export interface RunningTask {
  /** `undefined` while the call is not a task (yet). */
  readonly taskId: string | undefined;
  /**
   * Fires when the handler is to stop, not when a connection closes. Its `reason` is a {@link TaskError} whose `code`
   * says why: `cancelled`; `expired`; `handed_over`, where this process closes and the task goes on in another one, so
   * what it does outside should go on too; `lost`, where this process may not go on with the task.
   */
  readonly signal: AbortSignal;
  /** Sets the status message; at most 4 KiB are kept. */
  status(message: string): Promise<void>;
  /**
   * Asks the client and waits for the answer, in either generation. Rejects with {@link TaskError}: `unsupported` where
   * the client has not declared that it can answer, `limit` where too much is asked already, `failed` where the client
   * answers with an error, `protocol` where its answer is not what the form asked for, `cancelled` when the task ends
   * first, `storage`, and `invalid_argument` for another method.
   * @param request - what to ask; its method decides about the type of the answer
   * @param key - names the request for whoever reads the task (2026-07-28); a number is added, so that no key is used
   * twice. Default: what is asked for.
   */
  requireInput<Method extends InputMethod>(request: InputRequest<Method>, key?: string): Promise<InputAnswers[Method]>;
  /**
   * Takes a step of the work, and keeps what it leads to with the task: a handler that runs again (`onLost: "restart"`,
   * a deploy, answers to an `input_required` result) gets it without `run` being called. Resolves when it is stored,
   * with the value as it comes out of its JSON text, so that every run sees the same. `run` may begin twice where the
   * process is lost before that: give what it does outside a key of its own. Where the call is no task (yet), `run` is
   * called and nothing is kept.
   *
   * Steps are told by their order; at most 1,000 are kept, and all of a task's together count as its payload
   * (`limits.resultBytes`). Each rewrites what the task has stored: take one for what is dear, not for each line.
   *
   * Rejects with what `run` throws, and nothing is kept then; with {@link TaskError}: `changed` where the run before
   * had another name here, `invalid_argument` for a value that JSON cannot hold, `limit`, `storage`, and the reason of
   * `signal` once that has fired.
   * @param name - what the step is called: 1 to 1024 characters; the same in every run
   */
  step<Value>(name: string, run: () => MaybePromise<Value>): Promise<Value>;
}

/** What a plain call or a task ended with. */
export type ToolResult = {
  content?: unknown[] | undefined;
  structuredContent?: unknown;
  isError?: boolean | undefined;
  _meta?: Record<string, unknown> | undefined;
  [key: string]: unknown;
};

/** Whether a client wants tasks. `"prefer"`: where the tool allows. `"allow"`: where the tool demands. */
export type TaskPreference = "forbid" | "allow" | "prefer" | "require";

/** What {@link TaskClient} takes. */
export interface TaskClientOptions {
  /** Whether to want tasks. Default `"prefer"`. */
  readonly preference?: TaskPreference | undefined;
  /** Time to live to ask for (2025-11-25), in ms. Default: the server's. */
  readonly ttl?: number | undefined;
  /** What an aborted or timed-out call does to its task. Default `"cancel"`. */
  readonly onAbort?: "cancel" | "detach" | undefined;
  /**
   * What a call's `timeout` and `maxTotalTimeout` are for. `"whole-call"`: until its result is there. `"until-task"`:
   * until the server has answered or has made a task, which is then followed until its own time is over (`maxAge`); for
   * hosts that set the same timeout, such as 60 s, for every call. Default `"whole-call"`.
   */
  readonly callTimeout?: "whole-call" | "until-task" | undefined;
  /** Bounds for poll intervals in ms. Defaults 100 and 60 000; 1000 where the server gives no hint. */
  readonly poll?:
    | { readonly min?: number | undefined; readonly max?: number | undefined; readonly initial?: number | undefined }
    | undefined;
  /** The longest a task is followed, in ms. Default: its time to live, or 24 h. */
  readonly maxAge?: number | undefined;
  /**
   * How long each single request to the server may take, in ms: reading a task, answering it, cancelling it. It is
   * tried again then, as long as the call has time. Default 30 000. Where it is set, the creating request has no longer
   * either, and is not tried again.
   */
  readonly requestTimeout?: number | undefined;
  /**
   * Whether the server may push what becomes of tasks (2026-07-28): one open request for all tasks of a connection that
   * run for longer. Default `true`; where a server cannot, tasks are polled as with `false`.
   */
  readonly listen?: boolean | undefined;
  /**
   * Keeps what is begun beyond the process: `taskJournal()` of `mcp-longhaul/journal`. A call is written ahead then,
   * and rejects with `storage`, unsent, where that fails.
   */
  readonly journal?: TaskJournal | undefined;
  /** Called when a task was created, before the call knows its outcome. */
  readonly ontask?: ((task: TaskHandle) => void) | undefined;
  /** Errors that have no caller, such as a client that threw while it took an answer. */
  readonly onerror?: ((error: TaskError) => void) | undefined;
}

/** Options of one call: those of the SDK's own `callTool`, and these. */
export interface TaskCallOptions<Schema = unknown> {
  /** Whether to want a task. Default: the client's {@link TaskClientOptions.preference}. */
  readonly preference?: TaskPreference | undefined;
  /**
   * Names the task that this call is to make: 16 to 128 random characters of `A-Z a-z 0-9 _ -`. Where the server runs
   * tasks with this package, the same call with the same key gets the same task, so it may be repeated after a lost
   * answer.
   */
  readonly creationKey?: string | undefined;
  /** Time to live to ask for (2025-11-25), in ms. Default: the client's {@link TaskClientOptions.ttl}. */
  readonly ttl?: number | undefined;
  /** What an abort or a time-out does to the task. Default: the client's {@link TaskClientOptions.onAbort}. */
  readonly onAbort?: "cancel" | "detach" | undefined;
  /** ms for the whole call. Default: 60 s until the server has answered, and no end for a task. */
  readonly timeout?: number | undefined;
  /** ms for the whole call, whatever progress is reported. Default: `timeout`. */
  readonly maxTotalTimeout?: number | undefined;
  /** Aborts the call; what becomes of its task, `onAbort` says. */
  readonly signal?: AbortSignal | undefined;
  /** SDK v1: the schema of the result, which also gives it its type. */
  readonly resultSchema?: Schema | undefined;
  /** Any other option of the SDK's `callTool`, handed on as it is. */
  readonly [option: string]: unknown;
}

/** What a task looks like to its requestor, in either generation. */
export interface TaskSnapshot {
  /** The task's id. */
  readonly taskId: string;
  /** Its status. */
  readonly status: TaskStatus;
  /** What the handler last said about it, for people. */
  readonly statusMessage?: string | undefined;
  /** When it was created, in ISO 8601, as the server sent it. */
  readonly createdAt?: string | undefined;
  /** When it last changed, in ISO 8601, as the server sent it. */
  readonly lastUpdatedAt?: string | undefined;
  /** Time to live in ms from creation; `null` for no end. */
  readonly ttl: number | null;
  /** The poll interval that the server suggests, in ms. */
  readonly pollInterval?: number | undefined;
}

/** The methods whose requests a client can call as tasks. In 2026-07-28 those of tools alone. */
export type TaskMethod = "tools/call" | "prompts/get" | "resources/read";

/** The methods whose requests a server can send as tasks of its client (2025-11-25). */
export type ClientTaskMethod = "sampling/createMessage" | "elicitation/create";

/** Enough to find a task again from another process. Plain JSON. */
export interface TaskReference<Tool extends string = string> {
  /** The version of this shape. */
  readonly format: 1;
  /** The task's id. */
  readonly taskId: string;
  /** The tool that was called; for another method the prompt, or the URI of the resource. */
  readonly tool: Tool;
  /** The method that was called, where it is not `tools/call`. */
  readonly method?: TaskMethod | ClientTaskMethod | undefined;
  /** The protocol revision of the task. */
  readonly generation: "2025-11-25" | "2026-07-28";
  /** The server's name and version, as it introduced itself. */
  readonly server?: string | undefined;
  /** Where the server is, as a journal knows it. */
  readonly endpoint?: string | undefined;
  /** A fingerprint of the principal, as a journal knows it; empty for none. */
  readonly principal?: string | undefined;
}

/** A call that a journal has. */
export interface JournaledTask {
  /** Names it in the journal. */
  readonly entry: string;
  /** `"unknown"`: it may have reached the server, whose answer never came. */
  readonly state: "unknown" | "open" | "ended";
  /** The method that was called. */
  readonly method: TaskMethod;
  /** The tool, the prompt, or the URI of the resource. */
  readonly name: string;
  /** What was sent, without its `_meta`. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Where it was sent. */
  readonly endpoint: string;
  /** A fingerprint of the principal; empty for none. */
  readonly principal: string;
  /** When, in ms since the epoch. */
  readonly createdAt: number;
  /** With which its task is found again, once it is known. */
  readonly reference: TaskReference | undefined;
  /** The status in which its follower saw the task last. */
  readonly status: TaskStatus | undefined;
  /** The message that went with it. */
  readonly statusMessage: string | undefined;
  /** What the task has asked (2026-07-28). */
  readonly questions: readonly JournaledQuestion[];
  /** When it was over, in ms since the epoch. */
  readonly endedAt: number | undefined;
  /** What it was over with. */
  readonly result: Readonly<Record<string, unknown>> | undefined;
  /** Why it has no result. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

/** A question of a task, as a journal has it. */
export interface JournaledQuestion {
  /** The key under which the server asks it. */
  readonly key: string;
  /** `"answered"`: the answer is stored; `"acknowledged"`: the server has it. */
  readonly state: "asked" | "answered" | "acknowledged";
  /** The request as the server made it. */
  readonly request: Readonly<Record<string, unknown>> | undefined;
  /** What the host has kept of an answer that was begun. */
  readonly draft: unknown;
}

/** A task in the hands of the client that started it. */
export interface TaskHandle<Result = ToolResult, Tool extends string = string> {
  /** `undefined` where the server answered at once, without a task. */
  readonly taskId: string | undefined;
  /** The latest snapshot. */
  readonly snapshot: TaskSnapshot;
  /** `undefined` where there is no task. */
  readonly reference: TaskReference<Tool> | undefined;
  /** The snapshot of now, and each that differs from the one before, until the end; each call iterates on its own. */
  updates(): AsyncIterableIterator<TaskSnapshot>;
  /**
   * The final result. Rejects with a {@link TaskError}: `failed`, `cancelled`, `expired`, `not_found`, `detached`, …
   */
  result(): Promise<Result>;
  /**
   * Cancels the task. Resolves with its status then, or with `awaitTerminal` with the status in which it really ended;
   * rejects with a {@link TaskError} where the server cannot be asked: `detached` or `connection` where the task is not
   * followed any more.
   */
  cancel(options?: { readonly awaitTerminal?: boolean | undefined }): Promise<TaskStatus | undefined>;
  /** Stops following; the task goes on. */
  detach(): void;
}

/** A call as a journal gets it, before it is sent. */
export interface BegunCall {
  /** The SDK's client. */
  readonly client: object;
  /** What is called. */
  readonly method: string;
  /** Its parameters. */
  readonly params: object;
  /** The key that its caller has given it. */
  readonly creationKey: string | undefined;
  /** The entry that it repeats. */
  readonly entry: string | undefined;
}

/** What a journal knows of a call that is on its way. */
export interface JournaledCall {
  /** What goes into its `_meta`. */
  readonly meta: Readonly<Record<string, string>>;
  /** The server has made its task. */
  created(handle: TaskHandle): void;
  /** It is over without a task; `undefined`: nothing tells whether there is one. */
  over(how: "answered" | "refused" | undefined): Promise<void>;
}

/** How a journal reaches the client that it is the journal of. */
export interface JournalClient {
  /** Follows a task again. */
  resume(client: AttachableClient, reference: TaskReference): Promise<TaskHandle>;
  /** Sends a call again, under the key of its entry. */
  repeat(client: AttachableClient, method: string, params: object, entry: string): Promise<TaskHandle>;
}

/** What a {@link TaskClient} asks of its journal; `taskJournal()` of `mcp-longhaul/journal` makes one. */
export interface TaskJournal {
  /** Rejects where the call cannot be written ahead: it is not sent then. */
  begin(call: BegunCall): Promise<JournaledCall>;
  /** Rejects with `mismatch` where a reference is not of this client's endpoint and principal. */
  check(client: object, reference: TaskReference): Promise<void>;
  /**
   * The answer that is stored for a question which is about to be asked; as the only member of an object. `again`: the
   * server did not take the answer that it got, which counts no more.
   */
  recall(
    taskId: string,
    key: string,
    request: unknown,
    again: boolean,
  ): Promise<{ readonly answer: unknown } | undefined>;
  /** A question is answered; resolves when that is stored. */
  answered(taskId: string, key: string, answer: unknown): Promise<void>;
  /** The server has the answer. */
  delivered(taskId: string, key: string): void;
  /** What the journal has. */
  tasks(): Promise<readonly JournaledTask[]>;
  /** Follows what is open at a client's endpoint, and is followed by nobody. */
  resume(client: AttachableClient, through: JournalClient): Promise<readonly TaskHandle[]>;
  /** Follows nothing any more. */
  close(): void;
}
