// What OpenTelemetry's own SDK sees of tasks: one trace a task over processes, no span for a poll, and the metrics.
import { type Context, ROOT_CONTEXT, SpanStatusCode, context, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { ProtocolError, inputRequired } from "@modelcontextprotocol/server";
import type { TaskEvent } from "mcp-longhaul";
import { otel, traceparent } from "mcp-longhaul/otel";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { FORM, YES, create, get, result } from "./harness/g25.ts";
import { world as world25 } from "./harness/g25-world.ts";
import { World, accept, auth, form, latch, text } from "./harness/g26.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const ada = { auth: auth("ada") };
const always = { task: "always" } as const;

/** One process's tracer and meter. */
function telemetry() {
  const spans = new InMemorySpanExporter();
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  });
  const meters = new MeterProvider({ readers: [reader] });
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  return {
    onevent: otel({ tracer: tracers.getTracer("test"), meter: meters.getMeter("test") }),
    tracer: tracers.getTracer("test"),
    spans: (): ReadableSpan[] => spans.getFinishedSpans(),
    /** The points of a metric: what they count, and of what. */
    async points(name: string): Promise<{ value: any; attributes: Record<string, unknown> }[]> {
      const { resourceMetrics } = await reader.collect();
      const metric = resourceMetrics.scopeMetrics
        .flatMap(({ metrics }) => metrics)
        .find(({ descriptor }) => descriptor.name === name);
      return [...(metric?.dataPoints ?? [])].map(({ value, attributes }) => ({ value, attributes }));
    },
    close: () => meters.shutdown(),
  };
}

test("a span names its call as its method's kind of thing is named", async (t) => {
  const { onevent, spans, points, close } = telemetry();
  t.after(close);
  const event = (method: string, name: string, run: number) => ({ method, name, run, taskId: "t…", owner: "", at: 1 });
  for (const call of [event("prompts/get", "greet", 1), event("resources/read", "file:///a", 2)])
    for (const type of ["created", "started", "completed", "stopped"] as const) onevent({ ...call, type });
  assert.deepEqual(
    spans().map(({ attributes }) => attributes),
    [
      ["prompts/get", "gen_ai.prompt.name", "greet"],
      ["resources/read", "mcp.resource.uri", "file:///a"],
    ].map(([method, attribute = "", name]) => ({
      "mcp.method.name": method,
      [attribute]: name,
      "mcp_longhaul.id": "t…",
      "mcp_longhaul.outcome": "completed",
    })),
  );
  assert.deepEqual(
    (await points("mcp_longhaul.created")).map(({ attributes }) => attributes),
    [{ "gen_ai.prompt.name": "greet" }, { "mcp.resource.uri": "file:///a" }],
  );
});

/** Ends once `seen` holds an event of this type. */
async function told(seen: readonly TaskEvent[], type: TaskEvent["type"]): Promise<void> {
  while (!seen.some((event) => event.type === type)) await new Promise(setImmediate);
}

test("one task, one trace over two servers on one file: runs, a wait, no span for fifty polls", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
  const databases = [0, 1].map(() => new DatabaseSync(join(directory, "tasks.db")));
  t.after(() => {
    for (const database of databases) database.close();
    rmSync(directory, { recursive: true });
  });
  const seen: TaskEvent[] = [];
  const [one, two] = [telemetry(), telemetry()];
  const tools = {
    again: (_: any, ctx: any) =>
      ctx.mcpReq.inputResponses === undefined
        ? inputRequired({ inputRequests: { name: form("Who?", { a: { type: "string" } }) } })
        : text("the outcome"),
  };
  const worlds = await Promise.all(
    [one, two].map(({ onevent }, number) => {
      const store = sqliteStore(databases[number] as DatabaseSync, { wal: true, busyTimeout: 5_000 });
      return World.open({
        tools,
        low: true,
        tasks: { store, defaults: always, onevent: (event) => (seen.push(event), onevent(event)) },
      });
    }),
  );
  const [here, there] = worlds as [World, World];
  const id = await here.start("again", {}, { ...ada, meta: { traceparent: PARENT } });
  const asked = await here.until(id, "input_required", ada);
  for (let polls = 0; polls < 50; polls++) await there.get(id, ada);
  await there.update(id, { [Object.keys(asked.inputRequests)[0] as string]: accept({ a: "Ann" }) }, ada);
  await there.until(id, "completed", ada);
  await here.get(id, ada);

  const named = (spans: ReadableSpan[]): string[] => spans.map(({ name }) => name).sort();
  assert.deepEqual(named(one.spans()), ["tasks run again"]);
  assert.deepEqual(named(two.spans()), ["tasks run again", "tasks wait"]);
  for (const span of [...one.spans(), ...two.spans()]) {
    assert.equal(span.spanContext().traceId, TRACE);
    assert.deepEqual([span.parentSpanContext?.spanId, span.parentSpanContext?.isRemote], ["00f067aa0ba902b7", true]);
    const { attributes } = span;
    assert.deepEqual(
      [attributes["gen_ai.tool.name"], attributes["gen_ai.operation.name"], attributes["mcp.method.name"]],
      ["again", "execute_tool", "tools/call"],
    );
    assert.ok(!JSON.stringify(attributes).includes(id) && !JSON.stringify(attributes).includes("ada"));
  }
  assert.ok(
    two
      .spans()
      .find(({ name }) => name === "tasks wait")!
      .duration.some((part) => part >= 0),
  );
  assert.deepEqual(seen.map(({ type }) => type).slice(0, 8), [
    "created",
    "started",
    "input_required",
    "stopped",
    "input_answered",
    "started",
    "completed",
    "stopped",
  ]);
  assert.deepEqual([...new Set(seen.slice(8).map(({ type }) => type))], ["retrieved"]);
  assert.ok(seen.every((event) => event.method === "tools/call" && event.name === "again"));
  assert.ok(seen.every((event) => event.traceparent === PARENT && event.at >= (event.createdAt as number)));

  // Each is counted where it happened.
  const tool = { "gen_ai.tool.name": "again" };
  assert.deepEqual(
    [await one.points("mcp_longhaul.created"), await two.points("mcp_longhaul.created")],
    [[{ value: 1, attributes: tool }], []],
  );
  assert.deepEqual(
    [await one.points("mcp_longhaul.ended"), await two.points("mcp_longhaul.ended")],
    [[], [{ value: 1, attributes: { ...tool, "mcp_longhaul.outcome": "completed" } }]],
  );
  for (const { points } of [one, two])
    assert.deepEqual(await points("mcp_longhaul.running"), [{ value: 0, attributes: tool }]);
  const answered = seen.find(({ type }) => type === "input_answered") as TaskEvent;
  const [waited] = await two.points("mcp_longhaul.input.wait");
  assert.deepEqual(
    [waited?.value.count, waited?.value.sum],
    [1, (answered.at - (answered.waitedSince as number)) / 1000],
  );
  const [lasted] = await two.points("mcp_longhaul.duration");
  const completed = seen.find(({ type }) => type === "completed") as TaskEvent;
  assert.deepEqual(
    [lasted?.value.count, lasted?.value.sum],
    [1, (completed.at - (completed.createdAt as number)) / 1000],
  );
  for (const world of worlds) await world.close();
  for (const { close } of [one, two]) await close();
});

for (const kind of ["v1", "v2"] as const) {
  test(`the same in 2025-11-25, by a handler that waits (${kind})`, async (t) => {
    const seen: TaskEvent[] = [];
    const { onevent, spans, points, close } = telemetry();
    t.after(close);
    const ready = latch();
    const { requester } = await world25(
      t,
      kind,
      { work: async (_args, { ask }) => (await ready.promise, text((await ask("elicitation/create", FORM)).action)) },
      { onevent: (event) => (seen.push(event), onevent(event)) },
    );
    const { taskId } = await create(requester, "work", {}, {}, { traceparent: PARENT });
    for (let polls = 0; polls < 50; polls++) await get(requester, taskId);
    assert.deepEqual(spans(), []);
    assert.deepEqual(
      (await points("mcp_longhaul.running")).map(({ value }) => value),
      [1],
    );
    requester.answer("elicitation/create", () => ({ result: YES }));
    ready.resolve();
    await result(requester, taskId);
    assert.deepEqual(
      seen.map(({ type }) => type),
      ["created", "started", "input_required", "input_answered", "completed", "retrieved", "stopped"],
    );
    const [wait, run] = spans() as [ReadableSpan, ReadableSpan];
    assert.deepEqual([wait.name, run.name], ["tasks wait", "tasks run work"]);
    assert.deepEqual(
      run.events.map(({ name }) => name),
      ["input_required", "input_answered", "completed"],
    );
    for (const span of [wait, run]) assert.equal(span.spanContext().traceId, TRACE);
    assert.equal(run.attributes["mcp_longhaul.outcome"], "completed");
    assert.deepEqual(
      (await points("mcp_longhaul.running")).map(({ value }) => value),
      [0],
    );
  });
}

test("how a task ended is in its span, its metrics, and nowhere else", async () => {
  const seen: TaskEvent[] = [];
  const { onevent, spans, points, close } = telemetry();
  await using world = await World.open({
    tools: {
      good: () => text("fine"),
      bad: () => ({ ...text("no such file"), isError: true }),
      broken: () => Promise.reject(new ProtocolError(-32000, "no quota")),
      stopped: () => new Promise(() => {}),
      short: () => new Promise(() => {}),
    },
    low: true,
    tasks: {
      defaults: always,
      tools: { short: { ttl: 1_000 } },
      onevent: (event) => (seen.push(event), onevent(event)),
    },
  });
  for (const [tool, status] of Object.entries({ good: "completed", bad: "completed", broken: "failed" }))
    await world.until(await world.start(tool), status);
  await world.cancel(await world.start("stopped"));
  await world.start("short");
  await told(seen, "expired");
  const ends = Object.fromEntries(
    spans().map(({ name, attributes, status }) => [
      name,
      [attributes["mcp_longhaul.outcome"], attributes["error.type"], status.code],
    ]),
  );
  assert.deepEqual(ends, {
    "tasks run good": ["completed", undefined, SpanStatusCode.UNSET],
    "tasks run bad": ["completed", "tool_error", SpanStatusCode.ERROR],
    "tasks run broken": ["failed", "failed", SpanStatusCode.ERROR],
    "tasks run stopped": ["cancelled", undefined, SpanStatusCode.UNSET],
    "tasks run short": ["expired", "expired", SpanStatusCode.ERROR],
  });
  const counted = (await points("mcp_longhaul.ended")).map(({ value, attributes }) => [
    attributes["gen_ai.tool.name"],
    attributes["mcp_longhaul.outcome"],
    attributes["error.type"],
    value,
  ]);
  assert.deepEqual(counted, [
    ["good", "completed", undefined, 1],
    ["bad", "completed", "tool_error", 1],
    ["broken", "failed", "failed", 1],
    ["stopped", "cancelled", undefined, 1],
    ["short", "expired", "expired", 1],
  ]);
  assert.deepEqual(
    (await points("mcp_longhaul.retrieved")).map(({ attributes }) => attributes["gen_ai.tool.name"]),
    ["good", "bad", "broken"],
  );
  assert.ok((await points("mcp_longhaul.running")).every(({ value }) => value === 0));
  // A root of its own, where no call brought a trace.
  for (const span of spans()) assert.equal(span.parentSpanContext, undefined);
  await close();
});

test("X-SEC-09 (part): a `traceparent` that is none is ignored, and a listener that throws harms nothing", async () => {
  const { onevent, close } = telemetry();
  const seen: TaskEvent[] = [];
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: {
      defaults: always,
      traceparent: () => {
        throw new Error("no context");
      },
      onevent: (event) => {
        seen.push(event);
        onevent(event);
        throw new Error("broken");
      },
    },
  });
  for (const traceparent of [7, "", "x".repeat(55), "\ud800".repeat(55), PARENT.toUpperCase(), `${PARENT}-01`, null]) {
    await world.until(await world.start("work", {}, { meta: { traceparent } }), "completed");
  }
  assert.ok(seen.length > 0 && seen.every((event) => event.traceparent === undefined));
  await close();
});

/** Contexts that follow asynchronous calls, as in Node's OpenTelemetry SDK. */
function followContexts(): () => void {
  const storage = new AsyncLocalStorage<Context>();
  const manager: any = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context: Context, run: (...args: unknown[]) => unknown, self: unknown, ...args: unknown[]) =>
      storage.run(context, () => run.apply(self, args)),
    bind: (_context: Context, target: unknown) => target,
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
  return () => context.disable();
}

test("a call without a trace goes on in the active one, and a run is linked to what else is active", async (t) => {
  t.after(followContexts());
  const { onevent, tracer, spans, close } = telemetry();
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: { defaults: always, onevent, traceparent },
  });
  const http = tracer.startSpan("POST /mcp");
  const active = trace.setSpan(ROOT_CONTEXT, http);
  await context.with(active, async () => world.until(await world.start("work"), "completed"));
  await context.with(active, async () =>
    world.until(await world.start("work", {}, { meta: { traceparent: PARENT } }), "completed"),
  );
  const [own, brought] = spans() as [ReadableSpan, ReadableSpan];
  assert.equal(own.spanContext().traceId, http.spanContext().traceId);
  assert.equal(own.parentSpanContext?.spanId, http.spanContext().spanId);
  assert.deepEqual(own.links, []);
  assert.equal(brought.spanContext().traceId, TRACE);
  assert.deepEqual(
    brought.links.map((link) => link.context.spanId),
    [http.spanContext().spanId],
  );
  assert.equal(traceparent(), undefined);
  await close();
});

test("spans that never end are bounded: the oldest ends early, and what is running is counted right", async () => {
  const { onevent, spans, points, close } = telemetry();
  const event = (type: TaskEvent["type"], run: number): TaskEvent => ({
    type,
    taskId: "m_abcd…",
    owner: "ada",
    name: "work",
    at: Date.now(),
    run,
  });
  for (let run = 1; run <= 10_001; run++) onevent(event("started", run));
  assert.equal(spans().length, 1);
  for (let run = 1; run <= 10_001; run++) onevent(event("stopped", run));
  assert.equal(spans().length, 10_001);
  assert.deepEqual(
    (await points("mcp_longhaul.running")).map(({ value }) => value),
    [0],
  );
  await close();
});
