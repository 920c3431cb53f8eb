// Cases of 2026-07-28: the server decides, the client polls and answers what a task lists.
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
import type { Frame, Script } from "./script.ts";

const EXTENSION = "io.modelcontextprotocol/tasks";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

const handle = (more: object = {}): object => ({
  resultType: "task",
  taskId: "t",
  status: "working",
  ttlMs: 60_000,
  pollIntervalMs: 100,
  ...times(),
  ...more,
});
const task = (status: string, more: object = {}): object => ({ ...handle(), resultType: "complete", status, ...more });
const done = (): object => task("completed", { result: { resultType: "complete", ...content("done") } });

/** A server whose tool `work` becomes the task `t`, which works for some polls and completes. */
function server(more: Script = {}, extensions: object = { [EXTENSION]: {} }): Script {
  let polls = 0;
  return {
    "server/discover": () =>
      answer({
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: {}, extensions },
        ttlMs: 0,
        cacheScope: "private",
        _meta: { "io.modelcontextprotocol/serverInfo": { name: "kit", version: "1" } },
      }),
    "tools/list": () =>
      answer({
        resultType: "complete",
        tools: [{ name: "work", inputSchema: { type: "object" } }],
        ttlMs: 0,
        cacheScope: "private",
      }),
    "tools/call": () => answer(handle()),
    "tasks/get": () => answer(++polls < 3 ? task("working") : done()),
    "tasks/update": () => answer({ resultType: "complete" }),
    "tasks/cancel": () => answer({ resultType: "complete" }),
    ...more,
  };
}

const declares = ({ params }: Frame): boolean => params?._meta?.[CAPABILITIES]?.extensions?.[EXTENSION] !== undefined;

const stateless = (about: Omit<CaseOptions, "generation">): ClientCase =>
  clientCase({ ...about, generation: "2026-07-28" });

/** A task that lists `requests` until each is answered. */
function asking(requests: Readonly<Record<string, object>>, more: Script = {}): Script {
  const open = new Map(Object.entries(requests));
  return server({
    "tasks/get": () =>
      answer(open.size > 0 ? task("input_required", { inputRequests: Object.fromEntries(open) }) : done()),
    "tasks/update": ({ params }) => {
      for (const key of Object.keys(params.inputResponses)) open.delete(key);
      return answer({ resultType: "complete" });
    },
    ...more,
  });
}

const ELICIT = { method: "elicitation/create", params: FORM };

export const statelessCases: readonly ClientCase[] = [
  stateless({
    requirement: "G26-CAP-01",
    kind: "must",
    name: "declares the extension in its calls and in requests about tasks",
    script: () => server(),
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      const about = [...scripted.all("tools/call"), ...scripted.all("tasks/get")];
      check(about.length >= 3 && about.every(declares), "each declares it");
    },
  }),
  stateless({
    requirement: "G26-CAP-07",
    kind: "must",
    name: "accepts an ordinary result after it has declared tasks",
    script: () => server({ "tools/call": () => answer({ resultType: "complete", ...content("at once") }) }),
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "at once", "the result");
      same(scripted.all("tasks/get").length, 0, "polls");
    },
  }),
  stateless({
    requirement: "G26-TLN-03",
    kind: "must",
    name: "sends no params.task",
    script: () => server(),
    async body({ server: scripted, client }) {
      await textOf(client.callTool("work", {}));
      check(
        scripted.all("tools/call").every(({ params }) => params.task === undefined),
        "no `params.task`",
      );
    },
  }),
  ...["completed", "failed", "cancelled", "input_required"].map((status) =>
    stateless({
      requirement: "G26-CRE-05",
      kind: "must",
      name: `reads a task that is ${status} from the beginning`,
      script: () => {
        const ends: Record<string, object> = {
          completed: done(),
          failed: task("failed", { error: { code: -32050, message: "out of paint" } }),
          cancelled: task("cancelled"),
        };
        const more = { "tools/call": () => answer(handle({ status })) };
        return status === "input_required"
          ? asking({ who: ELICIT }, more)
          : server({ ...more, "tasks/get": () => answer(ends[status] as object) });
      },
      async body({ server: scripted, client }) {
        const { result, error } = await outcomeOf(client.callTool("work", {}));
        // Nothing more is to be known of one that is cancelled.
        check(status === "cancelled" || scripted.all("tasks/get").length > 0, "it asks how the task stands");
        if (status === "completed" || status === "input_required") check(result !== undefined, `no ${String(error)}`);
        else check(error !== undefined, "the call rejects");
      },
    }),
  ),
  stateless({
    requirement: "G26-GET-07",
    kind: "should",
    name: "keeps to the latest poll interval, and stops when the task has ended",
    script: () => {
      let polls = 0;
      return server({ "tasks/get": () => answer(++polls < 8 ? task("working", { pollIntervalMs: 200 }) : done()) });
    },
    async body({ server: scripted, client }) {
      const begun = Date.now();
      same(await textOf(client.callTool("work", {})), "done", "the result");
      const [polls, ms] = [scripted.all("tasks/get").length, Date.now() - begun];
      // A new task may be looked at sooner, at growing pauses.
      check(polls <= 6 + ms / 150, `no more polls than the interval allows: ${polls} in ${ms} ms`);
      await pause(500);
      same(scripted.all("tasks/get").length, polls, "polls after the end");
    },
  }),
  stateless({
    requirement: "G26-INP-06",
    kind: "should",
    name: "asks its user once for a key, however often it is listed",
    script: () => {
      let polls = 0;
      let answered = false;
      return server({
        "tasks/get": () =>
          answer(
            ++polls < 6 || !answered
              ? task("input_required", { inputRequests: answered ? {} : { who: ELICIT } })
              : done(),
          ),
        "tasks/update": async () => {
          await pause(250);
          answered = true;
          return answer({ resultType: "complete" });
        },
      });
    },
    async body({ server: scripted, client, asked }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      same(asked.length, 1, "questions to the user");
      const given = new Set(scripted.all("tasks/update").map(({ params }) => JSON.stringify(params.inputResponses)));
      same(given.size, 1, "different answers");
    },
  }),
  stateless({
    requirement: "G26-UPD-01",
    kind: "must",
    name: "answers with bare results, under the keys of the questions",
    script: () => asking({ one: ELICIT, two: { ...ELICIT, params: { ...FORM, message: "and who?" } } }),
    async body({ server: scripted, client, asked }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      same(asked.length, 2, "questions to the user");
      const updates = scripted.all("tasks/update");
      check(
        updates.every(({ params }) => params.taskId === "t"),
        "each names the task",
      );
      const given = Object.assign({}, ...updates.map(({ params }) => params.inputResponses)) as Record<string, unknown>;
      same(Object.keys(given).sort(), ["one", "two"], "the answered keys");
      for (const value of Object.values(given))
        same((value as { action?: string }).action, "accept", "the bare answer");
    },
  }),
  stateless({
    requirement: "G26-INP-09",
    kind: "must",
    name: "tells a refusal as an answer, not as an error",
    script: () => asking({ who: ELICIT }),
    user: () => ({ action: "decline" }),
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      same(scripted.all("tasks/update")[0]?.params.inputResponses.who.action, "decline", "the answer");
    },
  }),
  stateless({
    requirement: "G26-INP-10",
    kind: "hostile",
    name: "leaves a question alone whose method it does not know, and answers the others",
    script: () => {
      let answered = false;
      return server({
        "tasks/get": () =>
          answer(
            answered
              ? done()
              : task("input_required", { inputRequests: { odd: { method: "future/ask", params: {} }, who: ELICIT } }),
          ),
        "tasks/update": () => {
          answered = true;
          return answer({ resultType: "complete" });
        },
      });
    },
    async body({ server: scripted, client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      const keys = scripted.all("tasks/update").flatMap(({ params }) => Object.keys(params.inputResponses));
      same([...new Set(keys)], ["who"], "the answered keys");
    },
  }),
  stateless({
    requirement: "G26-UPD-13",
    kind: "must",
    name: "does not spin where its answer is refused",
    script: () =>
      server({
        "tasks/get": () => answer(task("input_required", { inputRequests: { who: ELICIT } })),
        "tasks/update": () => failure(-32602, "not what was asked for"),
      }),
    async body({ server: scripted, client, asked }) {
      client.callTool("work", {}).catch(() => {});
      await until(() => scripted.all("tasks/update").length > 0, "it answers");
      await pause(1_500);
      check(asked.length <= 3 && scripted.all("tasks/update").length <= 5, `${asked.length} questions are too many`);
    },
  }),
  stateless({
    requirement: "G26-RES-06",
    kind: "must",
    name: "takes an isError result for a result, and a failed task for an error",
    script: () =>
      server({
        "tasks/get": () => answer(task("completed", { result: { ...content("why"), isError: true } })),
      }),
    async body({ client }) {
      const { result, error } = await outcomeOf(client.callTool("work", {}));
      check(error === undefined, `an \`isError\` result is a result, and not ${String(error)}`);
      check(JSON.stringify(result).includes("why"), "what the tool said reaches the caller");
    },
  }),
  stateless({
    requirement: "G26-RES-03",
    kind: "must",
    name: "accepts an inlined result without a resultType",
    script: () => server({ "tasks/get": () => answer(task("completed", { result: content("bare") })) }),
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "bare", "the result");
    },
  }),
  stateless({
    requirement: "G26-CAN-01",
    kind: "must",
    name: "cancels a task by tasks/cancel, never by notifications/cancelled",
    script: () => {
      let cancelled = false;
      return server({
        "tasks/get": () => answer(task(cancelled ? "cancelled" : "working")),
        "tasks/cancel": () => {
          cancelled = true;
          return answer({ resultType: "complete" });
        },
      });
    },
    async body({ server: scripted, client }) {
      if (client.cancel === undefined) return "it cannot cancel";
      const call = outcomeOf(client.callTool("work", {}));
      await until(() => scripted.all("tasks/get").length > 0, "it follows");
      await client.cancel();
      check((await call).error !== undefined, "a cancelled call rejects");
      same(scripted.all("tasks/cancel").length, 1, "requests to cancel");
      same(scripted.all("notifications/cancelled").length, 0, "notifications that cancel");
    },
  }),
  ...(
    [
      ["an id that is empty", { taskId: "" }],
      ["an id that is no text", { taskId: 7 }],
      ["a status that there is not", { status: "sleeping" }],
      ["no time to live", { ttlMs: undefined }],
    ] as const
  ).map(([what, wrong]) =>
    stateless({
      requirement: "G26-CRE-09",
      kind: "hostile",
      name: `rejects a handle with ${what}`,
      script: () => server({ "tools/call": () => answer(handle(wrong)) }),
      async body({ client }) {
        check((await outcomeOf(client.callTool("work", {}))).error !== undefined, "the call rejects");
      },
    }),
  ),
  stateless({
    requirement: "X-GET-01",
    kind: "hostile",
    name: "takes no answer for another task",
    script: () => {
      let polls = 0;
      return server({
        "tasks/get": () =>
          answer(
            ++polls === 1 ? task("failed", { taskId: "other", error: { code: -32050, message: "not yours" } }) : done(),
          ),
      });
    },
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
    },
  }),
  stateless({
    requirement: "G26-CAP-09",
    kind: "hostile",
    name: "does not follow a task of a server that declares none",
    script: () => server({}, {}),
    async body({ server: scripted, client }) {
      const { error } = await outcomeOf(client.callTool("work", {}));
      if (scripted.all("tools/call").some(declares)) return "it declares the extension to every server, as it may";
      check(error !== undefined, "the call rejects");
      same(scripted.all("tasks/get").length, 0, "polls");
    },
  }),
  stateless({
    requirement: "X-ERR-05",
    kind: "must",
    name: "gives a task up that its server does not know",
    script: () => server({ "tasks/get": () => failure(-32602, "Task not found") }),
    async body({ server: scripted, client }) {
      check((await outcomeOf(client.callTool("work", {}))).error !== undefined, "the call rejects");
      check(scripted.all("tasks/get").length <= 5, "it does not ask for ever");
    },
  }),
  stateless({
    requirement: "X-ERR-05",
    kind: "must",
    name: "goes on after an internal error of a poll",
    script: () => {
      let polls = 0;
      return server({
        "tasks/get": () =>
          ++polls === 1 ? failure(-32603, "try again") : answer(polls < 3 ? task("working") : done()),
      });
    },
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
    },
  }),
  stateless({
    requirement: "X-LIM-11",
    kind: "hostile",
    name: "is not harmed by members of prototypes and by what nests deep",
    script: () => {
      const deep = JSON.parse(`${'{"a":'.repeat(500)}1${"}".repeat(500)}`) as object;
      const odd = JSON.parse('{"__proto__": {"polluted": true}, "constructor": "x"}') as object;
      return server({
        "tasks/get": () =>
          answer(task("completed", { ...odd, later: deep, result: { ...content("done"), odd, deep } })),
      });
    },
    async body({ client }) {
      same(await textOf(client.callTool("work", {})), "done", "the result");
      check(({} as { polluted?: boolean }).polluted === undefined, "no prototype is changed");
    },
  }),
];
