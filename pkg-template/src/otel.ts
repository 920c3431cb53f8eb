import { NAME, UNDERSCORED } from "./name.ts";
import {
  type Attributes,
  type Context,
  type Link,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  context,
  isSpanContextValid,
  metrics,
  trace,
} from "@opentelemetry/api";
import { checkNames } from "./options-check.ts";
import type { TaskEvent } from "./types.ts";

/** What {@link otel} takes. */
export interface OtelOptions {
  /** Makes the spans. Default: the global provider's, named `mcp-longhaul`. */
  readonly tracer?: Tracer | undefined;
  /** Makes the metrics. Default: the global provider's, named `mcp-longhaul`. */
  readonly meter?: Meter | undefined;
}

/** Spans that are open at once; beyond them the oldest ends early. */
const MOST_RUNS = 10_000;
/** Seconds: tasks take from moments to days. */
const BOUNDARIES = [0.01, 0.1, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];
const ENDS: ReadonlySet<string> = new Set(["completed", "failed", "cancelled", "expired", "lost"]);
/** Seen in spans of their own, or too many. */
const UNNOTED: ReadonlySet<string> = new Set(["started", "stopped", "status"]);

/** What the conventions call what a call names, by its method. */
const NAMED: Readonly<Record<string, string>> = {
  "tools/call": "gen_ai.tool.name",
  "prompts/get": "gen_ai.prompt.name",
  "resources/read": "mcp.resource.uri",
};

interface Run {
  readonly span: Span;
  readonly called: Attributes;
}

/**
 * Tells OpenTelemetry of tasks: `new TaskServer({ onevent: otel(), traceparent })`.
 *
 * Spans, all in the trace of the creating call, whichever process they come from: `tasks run <name>` for each run of a
 * handler, and `tasks wait` for each time a task waits for input, made when the wait is over. Reading a task makes no
 * span.
 *
 * Metrics: the counters `mcp_longhaul.created`, `mcp_longhaul.ended` and `mcp_longhaul.retrieved`, the up-down counter
 * `mcp_longhaul.running` and the histograms `mcp_longhaul.duration` (creation to end) and `mcp_longhaul.input.wait`,
 * both in seconds.
 *
 * Attributes are those of the semantic conventions for MCP where there are any: `mcp.method.name`,
 * `gen_ai.tool.name` with `gen_ai.operation.name`, `error.type`; besides them `mcp_longhaul.outcome`, and on spans
 * `mcp_longhaul.id` (the beginning of it) and `mcp_longhaul.epoch`. Owners, payloads and status messages are in none.
 *
 * Throws {@link TaskError} `invalid_argument` for an option that there is not.
 */
export function otel(options: OtelOptions = {}): (event: TaskEvent) => void {
  checkNames("otel", options, { tracer: true, meter: true });
  const tracer = options.tracer ?? trace.getTracer(NAME);
  const meter = options.meter ?? metrics.getMeter(NAME);
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: BOUNDARIES } };
  const created = meter.createCounter(`${UNDERSCORED}.created`, { unit: "{task}", description: "Tasks created." });
  const ended = meter.createCounter(`${UNDERSCORED}.ended`, {
    unit: "{task}",
    description: "Tasks ended, by outcome.",
  });
  const retrieved = meter.createCounter(`${UNDERSCORED}.retrieved`, { unit: "{read}", description: "Outcomes read." });
  const running = meter.createUpDownCounter(`${UNDERSCORED}.running`, {
    unit: "{run}",
    description: "Handlers that run as tasks in this process.",
  });
  const duration = meter.createHistogram(`${UNDERSCORED}.duration`, {
    ...seconds,
    description: "From a task's creation to its end.",
  });
  const wait = meter.createHistogram(`${UNDERSCORED}.input.wait`, {
    ...seconds,
    description: "How long a task waited for input.",
  });
  const runs = new Map<string, Run>();

  function start(key: string, event: TaskEvent): void {
    const called = calledIn(event);
    running.add(1, called);
    const name = event.name === undefined ? "tasks run" : `tasks run ${event.name}`;
    runs.set(key, {
      span: tracer.startSpan(
        name,
        { startTime: event.at, attributes: described(event), links: linked(event) },
        parentOf(event),
      ),
      called,
    });
    if (runs.size > MOST_RUNS) for (const [oldest, run] of runs) return stop(oldest, run, event.at);
  }

  function stop(key: string, { span, called }: Run, at: number): void {
    runs.delete(key);
    running.add(-1, called);
    span.end(at);
  }

  function end(event: TaskEvent, span: Span | undefined): void {
    const outcome = { ...calledIn(event), ...outcomeOf(event) };
    ended.add(1, outcome);
    if (event.createdAt !== undefined) duration.record((event.at - event.createdAt) / 1000, outcome);
    span?.setAttributes(outcomeOf(event));
    if ("error.type" in outcome) span?.setStatus({ code: SpanStatusCode.ERROR });
  }

  return (event) => {
    const key = `${event.run}/${event.taskId}`;
    const run = event.run === undefined ? undefined : runs.get(key);
    if (event.type === "created") created.add(1, calledIn(event));
    if (event.type === "retrieved") retrieved.add(1, calledIn(event));
    if (event.type === "started") start(key, event);
    if (event.waitedSince !== undefined) {
      wait.record((event.at - event.waitedSince) / 1000, calledIn(event));
      tracer
        .startSpan("tasks wait", { startTime: event.waitedSince, attributes: described(event) }, parentOf(event))
        .end(event.at);
    }
    if (!UNNOTED.has(event.type)) run?.span.addEvent(event.type, undefined, event.at);
    if (ENDS.has(event.type)) end(event, run?.span);
    if (event.type === "stopped" && run !== undefined) stop(key, run, event.at);
  };
}

/**
 * The active span as a `traceparent`, for {@link TaskServerOptions.traceparent}: the trace of calls that bring none.
 */
export function traceparent(): string | undefined {
  const active = trace.getSpanContext(context.active());
  if (active === undefined || !isSpanContextValid(active)) return undefined;
  return `00-${active.traceId}-${active.spanId}-${active.traceFlags.toString(16).padStart(2, "0")}`;
}

/** The span of whoever created the task, in whichever process. */
function parentOf(event: TaskEvent): Context {
  const [, traceId, spanId, flags] = event.traceparent?.split("-") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

/** What is active while the handler begins, such as the span of an HTTP request, where it is another trace's. */
function linked(event: TaskEvent): Link[] {
  const active = trace.getSpanContext(context.active());
  return active === undefined || !isSpanContextValid(active) || event.traceparent?.includes(active.traceId)
    ? []
    : [{ context: active }];
}

function calledIn({ method = "", name }: TaskEvent): Attributes {
  const attribute = NAMED[method];
  return name === undefined || attribute === undefined ? {} : { [attribute]: name };
}

function described(event: TaskEvent): Attributes {
  const { method, taskId, epoch } = event;
  return {
    ...(method !== undefined && { "mcp.method.name": method }),
    ...(method === "tools/call" && { "gen_ai.operation.name": "execute_tool" }),
    ...calledIn(event),
    [`${UNDERSCORED}.id`]: taskId,
    ...(epoch !== undefined && { [`${UNDERSCORED}.epoch`]: epoch }),
  };
}

/** `error.type` is `tool_error` where a result says `isError`, as the conventions have it. */
function outcomeOf({ type, isError }: TaskEvent): Attributes {
  const error = isError ? "tool_error" : type === "completed" || type === "cancelled" ? undefined : type;
  return { [`${UNDERSCORED}.outcome`]: type, ...(error !== undefined && { "error.type": error }) };
}
