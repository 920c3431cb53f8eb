// What a client has begun outlives its process: the journal.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, describe, test } from "node:test";
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  type JournaledTask,
  type TaskError,
  type TaskHandle,
  type TaskStore,
  TaskClient,
  type TaskClientOptions,
  TaskServer,
  isTaskError,
  memoryStore,
} from "mcp-longhaul";
import { type TaskJournalOptions, taskJournal } from "mcp-longhaul/journal";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { ENTRIES, QUESTIONS } from "../../pkg-template/src/journal/entry.ts";
import { type AnyClient, type Kind, makeClient } from "./client-sdk.ts";
import { until } from "./harness/frames.ts";
import { latch } from "./harness/g26.ts";
import { entryV2, statefulV1 } from "./harness/http.ts";
import { attached, text } from "./harness/servers.ts";

const LEASE = 300;
const KINDS: readonly Kind[] = ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"];
const FORM = {
  mode: "form",
  message: "who?",
  requestedSchema: { type: "object", properties: { name: { type: "string" } } },
};

/** A server that lives on, whatever becomes of its clients. */
class Place {
  readonly runs: string[] = [];
  readonly tasks: TaskServer;
  gate = latch();
  #http: { url: string; close(): Promise<void> } | undefined;
  readonly #kind: Kind;

  constructor(t: TestContext, kind: Kind, keys = true) {
    this.#kind = kind;
    this.tasks = new TaskServer({ defaults: { task: "always", support: "optional", pollInterval: 20 } });
    this.keys = keys;
    t.after(async () => {
      await this.#http?.close();
      await this.tasks.close();
    });
  }

  readonly keys: boolean;

  async open(): Promise<string> {
    const work = {
      work: async ({ name }: any, { task }: any) => {
        this.runs.push(name);
        await task?.status("at work");
        await this.gate.promise;
        return text(`done ${name}`);
      },
      ask: async ({ name }: any, { ask }: any) => {
        this.runs.push(name);
        const answer = await ask("elicitation/create", FORM);
        return text(`hello ${answer.content.name}`);
      },
      quick: ({ name }: any) => (this.runs.push(name), text("quick")),
      wrong: () => ({ ...text("wrong"), isError: true }),
    };
    const make = (): never => attached(this.#kind === "SDK v1" ? "v1" : "v2", this.tasks, work) as never;
    this.#http = await (this.#kind === "SDK v2, 2026" ? entryV2(make) : statefulV1(make));
    return this.#http.url;
  }
}

interface Lived {
  readonly host: TaskClient;
  readonly client: AnyClient;
  readonly errors: TaskError[];
  readonly tasks: TaskHandle[];
  readonly asked: number[];
  die(): Promise<void>;
}

/** A client's life. */
async function live(
  kind: Kind,
  url: string,
  store: TaskStore,
  answer: () => unknown = () => ({ action: "accept", content: { name: "Ada" } }),
  journal: Partial<TaskJournalOptions> = {},
  options: TaskClientOptions = {},
): Promise<Lived & { journal: ReturnType<typeof taskJournal> }> {
  const errors: TaskError[] = [];
  const tasks: TaskHandle[] = [];
  const asked: number[] = [];
  const onerror = (error: TaskError): void => void errors.push(error);
  const made = taskJournal({ store, lease: LEASE, onerror, ...journal });
  const host = new TaskClient({
    poll: { min: 5 },
    journal: made,
    ontask: (task) => tasks.push(task),
    onerror,
    ...options,
  });
  const handlers = { "elicitation/create": () => (asked.push(1), answer()) };
  const client = host.attach(makeClient(kind, handlers) as never) as AnyClient;
  const address = new URL(url);
  await client.connect(kind === "SDK v1" ? new HttpV1(address) : new HttpV2(address));
  const die = async (): Promise<void> => {
    host.close();
    await client.close();
  };
  return { host, client, errors, tasks, asked, journal: made, die };
}

/** The same store, asked over a network. */
function slow(inner: TaskStore): TaskStore {
  const later = <T>(run: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      }, 5);
    });
  return {
    get: (...values) => later(() => inner.get(...values)) as never,
    put: (task) => later(() => inner.put(task)) as never,
    delete: (...values) => later(() => inner.delete(...values)) as never,
    list: (...values) => later(() => inner.list(...values)) as never,
    due: (...values) => later(() => inner.due(...values)) as never,
  };
}

/** A store that is out of reach from its n-th write on, which arrives or does not. */
function dying(inner: TaskStore, at: number, arrives: boolean): { store: TaskStore; isDead(): boolean } {
  let writes = 0;
  let dead = false;
  const alive = <T>(run: () => T): T => {
    if (dead) throw new Error("it is dead");
    return run();
  };
  return {
    isDead: () => dead,
    store: {
      get: (...values) => alive(() => inner.get(...values)),
      put: (task) =>
        alive(() => {
          if (++writes < at) return inner.put(task);
          if (arrives) void inner.put(task);
          dead = true;
          throw new Error("it dies");
        }),
      delete: (...values) => alive(() => inner.delete(...values)),
      list: (...values) => alive(() => inner.list(...values)),
      due: (...values) => alive(() => inner.due(...values)),
    },
  };
}

test("the tables lead to states that there are, and to an end from each", () => {
  for (const [table, ends] of [
    [ENTRIES, ["gone"]],
    [QUESTIONS, ["acknowledged"]],
  ] as const) {
    const states = Object.keys(table);
    const to = (from: string): string[] => Object.values((table as Record<string, object>)[from] ?? {});
    for (const from of states) {
      for (const next of to(from))
        assert.ok(states.includes(next) || ends.includes(next as never), `${from} → ${next}`);
      const reached = new Set([from]);
      for (const state of reached) for (const next of to(state)) reached.add(next);
      assert.ok(
        ends.some((end) => reached.has(end)),
        `${from} leads to an end`,
      );
    }
  }
});

for (const kind of KINDS) {
  describe(kind, () => {
    test("what is open is found again by another life, with its status and its result", async (t) => {
      const place = new Place(t, kind);
      const url = await place.open();
      const store = sqliteStore(new DatabaseSync(":memory:"));
      const one = await live(kind, url, store);
      const handle = await one.host.callTool(one.client as never, { name: "work", arguments: { name: "a" } } as never);
      await until(() => place.runs.length === 1, "it runs");
      let open: readonly JournaledTask[] = [];
      await until(() => {
        void one.host.tasks().then((tasks) => (open = tasks));
        return open[0]?.statusMessage === "at work";
      }, "its status is kept");
      const { state, name, params, endpoint, reference } = open[0]!;
      assert.deepEqual(
        [state, name, params, endpoint, reference?.taskId],
        ["open", "work", { name: "work", arguments: { name: "a" } }, url, handle.taskId],
      );
      await one.die();
      const two = await live(kind, url, store);
      t.after(two.die);
      const [again, none] = await two.host.resume(two.client as never);
      assert.equal(none, undefined);
      await until(() => two.tasks.length > 0 || again !== undefined, "it is taken over");
      place.gate.resolve();
      const found = again ?? two.tasks[0]!;
      assert.equal(found.taskId, handle.taskId);
      assert.deepEqual((await found.result()).content, text("done a").content);
      let last: JournaledTask | undefined;
      await until(() => {
        void two.host.tasks().then(([task]) => (last = task));
        return last?.state === "ended";
      }, "its end is kept");
      assert.deepEqual(last?.result?.["content"], text("done a").content);
      assert.deepEqual(place.runs, ["a"]);
    });

    test("a crash at any write of the journal runs nothing twice, and loses neither task nor answer", async (t) => {
      const place = new Place(t, kind);
      const url = await place.open();
      for (const arrives of [false, true]) {
        for (let at = 1; ; at++) {
          const name = `${at} ${arrives}`;
          const shared = memoryStore();
          const { store, isDead } = dying(shared, at, arrives);
          const one = await live(kind, url, store);
          const call = one.client.callTool({ name: "ask", arguments: { name } });
          const ended = call.then(
            (result) => result,
            (error: unknown) => error,
          );
          const late = performance.now() + 400;
          let isOver = false;
          void ended.then(() => (isOver = true));
          await until(() => isOver || isDead() || performance.now() > late, "it dies, or is over");
          await new Promise((resolve) => setTimeout(resolve, 5));
          await one.die();
          if (!isDead()) {
            assert.ok(at > 3, "there are writes");
            break;
          }
          const stored = taskJournal({ store: shared, lease: LEASE });
          const before = await stored.tasks();
          const isAnswered = before[0]?.questions[0]?.state === "answered";
          const two = await live(kind, url, shared);
          const handles = [...(await two.host.resume(two.client as never))];
          if (before.some(({ state }) => state !== "ended")) {
            await until(() => handles.length + two.tasks.length > 0, `it is found again: ${name}`);
            const result = await (handles[0] ?? two.tasks[0])!.result();
            assert.deepEqual(result.content, text("hello Ada").content, name);
            if (isAnswered) assert.equal(two.asked.length, 0, `it is asked again: ${name}`);
          }
          const runs = place.runs.filter((run) => run === name).length;
          assert.ok(runs <= 1, `it ran ${runs} times: ${name}`);
          assert.ok(before.length > 0 || runs === 0 || isResult(await ended), `it is forgotten: ${name}`);
          await two.die();
        }
      }
    });

    test("a call that cannot be written ahead is not sent", async (t) => {
      const place = new Place(t, kind);
      const url = await place.open();
      const { store } = dying(memoryStore(), 1, false);
      const one = await live(kind, url, store);
      t.after(one.die);
      await assert.rejects(one.client.callTool({ name: "quick", arguments: { name: "x" } }), (error: unknown) => {
        return isTaskError(error) && error.code === "storage";
      });
      assert.deepEqual(place.runs, []);
    });

    test("one of two follows; the other one is told when that one is gone, and asks no question twice", async (t) => {
      const place = new Place(t, kind);
      const url = await place.open();
      const store = memoryStore();
      const one = await live(kind, url, store);
      const handle = await one.host.callTool(one.client as never, { name: "work", arguments: { name: "b" } } as never);
      const two = await live(kind, url, store);
      t.after(two.die);
      assert.deepEqual(await two.host.resume(two.client as never), []);
      assert.deepEqual(await two.host.resume(two.client as never), []);
      await new Promise((resolve) => setTimeout(resolve, 3 * LEASE));
      assert.equal(two.tasks.length, 0, "the first one still follows");
      await one.die();
      await until(() => two.tasks.length === 1, "the second one follows");
      assert.equal(two.tasks[0]!.taskId, handle.taskId);
      place.gate.resolve();
      assert.deepEqual((await two.tasks[0]!.result()).content, text("done b").content);
    });
  });
}

const isResult = (ended: unknown): boolean => Array.isArray((ended as { content?: unknown } | undefined)?.content);

test("what answered without a task, or was refused, is not kept", async (t) => {
  const place = new Place(t, "SDK v2, 2026");
  const url = await place.open();
  const one = await live("SDK v2, 2026", url, memoryStore());
  t.after(one.die);
  await assert.rejects(one.client.callTool({ name: "none", arguments: {} }));
  assert.deepEqual(await one.host.tasks(), []);
});

test("a reference of another endpoint or principal is refused at once, and says which", async (t) => {
  const place = new Place(t, "SDK v2, 2026");
  const url = await place.open();
  const store = memoryStore();
  const one = await live("SDK v2, 2026", url, store, undefined, { principal: "ann" });
  await one.host.callTool(one.client as never, { name: "work", arguments: { name: "c" } } as never);
  let open: readonly JournaledTask[] = [];
  await until(() => {
    void one.host.tasks().then((tasks) => (open = tasks));
    return open[0]?.reference !== undefined;
  }, "its reference is kept");
  const reference = open[0]!.reference!;
  await one.die();
  for (const [journal, what] of [
    [{ principal: "bob" }, "principal"],
    [{ principal: "ann", endpoint: () => "https://elsewhere.example/mcp" }, "endpoint"],
  ] as const) {
    const two = await live("SDK v2, 2026", url, store, undefined, journal);
    t.after(two.die);
    await assert.rejects(two.host.resume(two.client as never, reference), (error: unknown) => {
      return isTaskError(error) && error.code === "mismatch" && error.message.includes(what);
    });
    assert.deepEqual(await two.host.resume(two.client as never), []);
  }
});

test("ended tasks stay for a time and a number; sealed, nothing of their contents is readable", async (t) => {
  const place = new Place(t, "SDK v2, 2026");
  const url = await place.open();
  place.gate.resolve();
  const db = new DatabaseSync(":memory:");
  const payloads = {
    seal: (plain: string) => Buffer.from(plain).toString("base64"),
    open: (sealed: string) => Buffer.from(sealed, "base64").toString(),
  };
  const one = await live("SDK v2, 2026", url, sqliteStore(db), undefined, { keep: { tasks: 2 }, payloads });
  t.after(one.die);
  for (const name of ["secret1", "secret2", "secret3"])
    await one.client.callTool({ name: "work", arguments: { name } });
  let ended: string[] = [];
  await until(() => {
    void one.host.tasks().then((tasks) => (ended = tasks.map(({ params }) => (params as any).arguments.name)));
    return ended.length === 2 && ended.includes("secret3");
  }, "the oldest one goes");
  assert.deepEqual(ended, ["secret2", "secret3"]);
  const tables = db.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[];
  const rows = JSON.stringify(tables.map(({ name }) => db.prepare(`select * from ${name}`).all()));
  assert.ok(rows.includes("work"));
  assert.ok(!rows.includes("secret"));
});

// G26-UPD-13
test("an answer that the server does not take is asked for anew, not taken from the journal", async (t) => {
  const place = new Place(t, "SDK v2, 2026");
  const url = await place.open();
  const answers = [7, "Ada"].map((name) => ({ action: "accept", content: { name } }));
  for (const store of [memoryStore(), slow(memoryStore())]) {
    const given = [...answers];
    const one = await live("SDK v2, 2026", url, store, () => given.shift());
    t.after(one.die);
    const { content } = await one.client.callTool({ name: "ask", arguments: { name: "e" } });
    assert.deepEqual(content, text("hello Ada").content);
    assert.equal(one.asked.length, 2);
    let states: string[] = [];
    await until(() => {
      void one.host.tasks().then(([task]) => (states = task?.questions.map(({ state }) => state) ?? []));
      return states[0] === "acknowledged";
    }, "the second answer is marked");
  }
});

test("a caller's own key may be used at two endpoints, and finds a call again whose answer was lost", async (t) => {
  const store = memoryStore();
  const creationKey = "key-of-the-caller-0001";
  const places = [new Place(t, "SDK v2, 2026"), new Place(t, "SDK v2, 2026")];
  for (const place of places) {
    const url = await place.open();
    // It dies when its task is there, and before the journal has that.
    const { store: mortal, isDead } = dying(store, 3, false);
    const one = await live("SDK v2, 2026", url, mortal);
    one.host
      .callTool(one.client as never, { name: "work", arguments: { name: "f" } } as never, { creationKey })
      .catch(() => {});
    await until(() => place.runs.length === 1 && isDead(), "it runs, and its client is cut off");
    await one.die();
    const two = await live("SDK v2, 2026", url, store);
    t.after(two.die);
    const handles = [...(await two.host.resume(two.client as never))];
    await until(() => handles.length + two.tasks.length > 0, "it is found again");
    place.gate.resolve();
    assert.deepEqual((await (handles[0] ?? two.tasks[0])!.result()).content, text("done f").content);
    assert.deepEqual(place.runs, ["f"]);
  }
});

test("an answer that was begun is kept, until it is given", async (t) => {
  const place = new Place(t, "SDK v2, 2026");
  const url = await place.open();
  const store = memoryStore();
  const answer = latch<unknown>();
  const one = await live("SDK v2, 2026", url, store, () => answer.promise);
  t.after(one.die);
  const call = one.client.callTool({ name: "ask", arguments: { name: "d" } });
  let open = undefined as JournaledTask | undefined;
  const look = (): void => void one.host.tasks().then(([task]) => (open = task));
  await until(() => (look(), open?.questions.length === 1), "it is asked");
  const [{ key, request }] = open!.questions as any;
  assert.deepEqual([request.method, request.params.message], ["elicitation/create", "who?"]);
  await one.journal.draft(open!.entry, key, { name: "A" });
  look();
  await until(() => (look(), (open?.questions[0]?.draft as any)?.name === "A"), "the draft is kept");
  answer.resolve({ action: "accept", content: { name: "Ada" } });
  assert.deepEqual((await call).content, text("hello Ada").content);
  await until(() => (look(), open?.questions[0]?.state === "acknowledged"), "the server has it");
  assert.equal(open?.questions[0]?.draft, undefined);
  await one.journal.dismiss(open!.entry);
  assert.deepEqual(await one.host.tasks(), []);
});

test("wrong options are refused by name, and what needs a journal says so", async () => {
  const store = memoryStore();
  for (const [options, name] of [
    [{}, "store"],
    [{ store: 7 }, "store"],
    [{ store, name: "a b" }, "name"],
    [{ store, keep: { ms: -1 } }, "keep.ms"],
    [{ store, lease: 5 }, "lease"],
    [{ store, locks: true }, "locks"],
    [{ store, journal: 1 }, "journal"],
  ] as [TaskJournalOptions, string][])
    assert.throws(
      () => taskJournal(options),
      (error: unknown) =>
        isTaskError(error) && error.code === "invalid_argument" && error.message.includes(`\`${name}\``),
      name,
    );
  await assert.rejects(new TaskClient().tasks(), /journal/);
  assert.throws(() => new TaskClient({ journal: 7 as never }), /journal/);
});
