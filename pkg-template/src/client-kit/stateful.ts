// Cases of 2025-11-25: the client asks for tasks, polls them, and reads their results.
import {
  type CaseOptions,
  type ClientCase,
  answer,
  check,
  clientCase,
  content,
  failure,
  FORM,
  outcomeOf,
  pause,
  same,
  textOf,
  times,
  until,
} from "./case.ts";
import type { Script } from "./script.ts";

const RELATED = "io.modelcontextprotocol/related-task";
const ALL = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

/** How long a task works, in ms: whether a client polls or waits in `tasks/result` is its own choice. */
const WORK = 350;

/** A server whose tool `work` becomes the task `t`, which works for a while and completes. */
function server(
  more: Script = {},
  { support = "optional", tasks = ALL }: { support?: string | null; tasks?: object | null } = {},
): Script {
  const { isOver, over } = clock();
  return {
    initialize: () =>
      answer({
        protocolVersion: "2025-11-25",
        capabilities: { tools: { listChanged: true }, ...(tasks && { tasks }) },
        serverInfo: { name: "kit", version: "1" },
      }),
    "tools/list": () =>
      answer({
        tools: [
          { name: "work", inputSchema: { type: "object" }, ...(support && { execution: { taskSupport: support } }) },
        ],
      }),
    "tools/call": ({ params }) =>
      params.task === undefined ? answer(content("plain")) : answer({ task: task("working") }),
    "tasks/get": () => answer(task(isOver() ? "completed" : "working")),
    "tasks/result": async () => {
      await over();
      return answer({ ...content("done"), _meta: { [RELATED]: { taskId: "t" } } });
    },
    "tasks/cancel": () => answer(task("cancelled")),
    ...more,
  };
}

/** The time of one task, from when it is first asked for. */
function clock(ms = WORK): { isOver(): boolean; over(): Promise<void> } {
  let begun: number | undefined;
  const isOver = (): boolean => Date.now() - (begun ??= Date.now()) >= ms;
  return {
    isOver,
    over: async () => {
      while (!isOver()) await pause(5);
    },
  };
}

const task = (status: string, more: object = {}): object => ({
  taskId: "t",
  status,
  ttl: 60_000,
  pollInterval: 100,
  ...times(),
  ...more,
});

const stateful = (about: Omit<CaseOptions, "generation">): ClientCase =>
  clientCase({ ...about, generation: "2025-11-25" });

export const statefulCases: readonly ClientCase[] = [
  stateful({
    requirement: "G25-CRE-01",
    kind: "must",
    name: "asks for a task with an object, and hands its result over",
    script: () => server({}, { support: "required" }),
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      const [call] = scripted.all("tools/call");
      check(typeof call?.params.task === "object" && call.params.task !== null, "`params.task` is an object");
    },
  }),
  stateful({
    requirement: "G25-CAP-04",
    kind: "should",
    name: "asks for no task where the server declares none",
    script: () => server({}, { tasks: null }),
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "plain", "the result");
      check(
        scripted.all("tools/call").every(({ params }) => params.task === undefined),
        "no `params.task`",
      );
      same(scripted.frames.filter(({ method }) => method?.startsWith("tasks/")).length, 0, "requests about tasks");
    },
  }),
  ...["forbidden", null].map((support) =>
    stateful({
      requirement: "G25-TLN-03",
      kind: "must",
      name: `asks for no task of a tool whose taskSupport is ${support ?? "left out"}`,
      script: () => server({}, { support }),
      async body({ server: scripted, client }) {
        same(await textOf(client.callTool("work", {})), "plain", "the result");
        check(
          scripted.all("tools/call").every(({ params }) => params.task === undefined),
          "no `params.task`",
        );
      },
    }),
  ),
  stateful({
    requirement: "G25-GET-03",
    kind: "should",
    name: "keeps to the poll interval, and stops when the task has ended",
    script: () => {
      const { isOver, over } = clock(800);
      return server({
        "tasks/get": () => answer(task(isOver() ? "completed" : "working", { pollInterval: 200 })),
        "tasks/result": async () => {
          await over();
          return answer(content("done"));
        },
      });
    },
    async body({ server: scripted, client }) {
      const begun = Date.now();
      same(await textOf(client.callTool("work", {})), "done", "the result");
      const polls = scripted.all("tasks/get").length;
      check(polls <= 2 + (Date.now() - begun) / 150, `no more polls than the interval allows: ${polls}`);
      await pause(500);
      check(scripted.all("tasks/get").length <= polls + 1, "no polls after the end");
    },
  }),
  stateful({
    requirement: "G25-RES-13",
    kind: "must",
    name: "reads the result of a failed task, which is the tool's own",
    script: () =>
      server({
        "tasks/get": () => answer(task("failed", { statusMessage: "it failed" })),
        "tasks/result": () => answer({ ...content("why"), isError: true }),
      }),
    async body({ client }) {
      const { result, error } = await outcomeOf(client.callTool("work", {}));
      check(error === undefined, `an \`isError\` result is a result, and not ${String(error)}`);
      check(JSON.stringify(result).includes("why"), "what the tool said reaches the caller");
    },
  }),
  stateful({
    requirement: "G25-RES-13",
    kind: "must",
    name: "hands over the error with which a task failed",
    script: () =>
      server({
        "tasks/get": () => answer(task("failed")),
        "tasks/result": () => failure(-32050, "out of paint"),
      }),
    async body({ client }) {
      const { error } = await outcomeOf(client.callTool("work", {}));
      check(error !== undefined && String((error as Error).message).includes("out of paint"), "the peer's own error");
    },
  }),
  stateful({
    requirement: "G25-INP-06",
    kind: "must",
    name: "answers a question of its task, and names the task in the answer",
    script: () => {
      let answered = false;
      return server({
        "tasks/get": () => answer(task(answered ? "completed" : "input_required")),
        "tasks/result": async () => {
          while (!answered) await pause(5);
          return answer(content("done"));
        },
        "test/answered": () => {
          answered = true;
          return undefined;
        },
      });
    },
    async body({ server: scripted, client, asked }) {
      const call = client.callTool("work", {});
      await until(() => scripted.all("tasks/get").length + scripted.all("tasks/result").length > 0, "it follows");
      const said = await scripted.ask("elicitation/create", { ...FORM, _meta: { [RELATED]: { taskId: "t" } } });
      await scripted.transport.send({ jsonrpc: "2.0", id: "kit", method: "test/answered" });
      same(said.result?.action, "accept", "the answer");
      same(said.result?._meta?.[RELATED]?.taskId, "t", "the task that the answer names");
      same(asked.length, 1, "questions to the user");
      same(await textOf(call), "done", "the result");
    },
  }),
  stateful({
    requirement: "G25-CAN-01",
    kind: "must",
    name: "cancels a task by tasks/cancel, never by notifications/cancelled",
    script: () => {
      let cancelled = false;
      return server({
        "tasks/get": () => answer(task(cancelled ? "cancelled" : "working")),
        "tasks/result": async () => {
          while (!cancelled) await pause(5);
          return failure(-32603, "The task was cancelled");
        },
        "tasks/cancel": () => {
          cancelled = true;
          return answer(task("cancelled"));
        },
      });
    },
    async body({ server: scripted, client }) {
      if (client.cancel === undefined) return "it cannot cancel";
      const call = outcomeOf(client.callTool("work", {}));
      await until(() => scripted.all("tasks/get").length + scripted.all("tasks/result").length > 0, "it follows");
      await client.cancel();
      check((await call).error !== undefined, "a cancelled call rejects");
      same(scripted.all("tasks/cancel").length, 1, "requests to cancel");
      const [created] = scripted.all("tools/call");
      const given = scripted.all("notifications/cancelled").filter(({ params }) => params.requestId === created?.id);
      same(given.length, 0, "notifications that give the creating request up");
    },
  }),
  stateful({
    requirement: "X-GET-01",
    kind: "hostile",
    name: "takes no answer for another task",
    script: () => {
      const { isOver } = clock();
      let polls = 0;
      return server({
        "tasks/get": () => {
          if (++polls === 1) return answer(task("failed", { taskId: "other", statusMessage: "not yours" }));
          return answer(task(isOver() ? "completed" : "working"));
        },
      });
    },
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
    },
  }),
  stateful({
    requirement: "G25-NTF-06",
    kind: "hostile",
    name: "is not moved by notifications of strange tasks, or that are none",
    script: () => server(),
    async body({ server: scripted, client }) {
      const call = client.callTool("work", {});
      for (const params of [task("failed", { taskId: "other" }), {}, null, { taskId: "t", status: "exploded" }, "x"])
        scripted.push({ jsonrpc: "2.0", method: "notifications/tasks/status", params });
      same(await textOf(call), "done", "the result");
    },
  }),
  stateful({
    requirement: "G25-CRE-11",
    kind: "hostile",
    name: "rejects an answer to an augmented call that has neither a task nor a result",
    script: () =>
      server({ "tools/call": () => answer({ task: { taskId: 7, status: "sleeping" } }) }, { support: "required" }),
    async body({ server: scripted, client }) {
      check((await outcomeOf(client.callTool("work", {}))).error !== undefined, "the call rejects");
      same(scripted.all("tasks/get").length, 0, "polls");
    },
  }),
  stateful({
    requirement: "X-ERR-05",
    kind: "must",
    name: "gives a task up that its server does not know, and says so",
    script: () =>
      server({
        "tasks/get": () => failure(-32602, "Task not found"),
        "tasks/result": () => failure(-32602, "Task not found"),
      }),
    async body({ server: scripted, client }) {
      check((await outcomeOf(client.callTool("work", {}))).error !== undefined, "the call rejects");
      check(scripted.all("tasks/get").length <= 5, "it does not ask for ever");
    },
  }),
  stateful({
    requirement: "X-ERR-05",
    kind: "must",
    name: "goes on after an internal error of a poll",
    script: () => {
      const { isOver, over } = clock();
      let polls = 0;
      return server({
        "tasks/get": () =>
          ++polls === 1 ? failure(-32603, "try again") : answer(task(isOver() ? "completed" : "working")),
        "tasks/result": async () => {
          await over();
          return answer(content("done"));
        },
      });
    },
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
    },
  }),
  stateful({
    requirement: "X-CRE-01",
    kind: "must",
    name: "does not send a call again whose answer was lost",
    script: () => server({ "tools/call": () => undefined }),
    async body({ server: scripted, client }) {
      const call = outcomeOf(client.callTool("work", {}));
      await until(() => scripted.all("tools/call").length > 0, "it is sent");
      scripted.close();
      check((await call).error !== undefined, "the call rejects");
      same(scripted.all("tools/call").length, 1, "calls");
    },
  }),
];
