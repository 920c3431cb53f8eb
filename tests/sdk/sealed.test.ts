// Payloads that the host protects at rest, and what is left of a task that is gone.
import { inputRequired } from "@modelcontextprotocol/server";
import {
  type PayloadOwner,
  type PayloadProtection,
  type StoredTask,
  type TaskStore,
  TaskServer,
  isTaskError,
  memoryStore,
} from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { storeCases } from "mcp-longhaul/store-kit";
import { sealed } from "../../pkg-template/src/server/sealed.ts";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { getHeapSnapshot, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FORM, YES, create, result } from "./harness/g25.ts";
import { type World as World25, world as world25 } from "./harness/g25-world.ts";
import { World, accept, auth, form, text } from "./harness/g26.ts";

/** AES-GCM with the task as associated data: what a host would write. */
async function aesGcm(): Promise<PayloadProtection> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const of = ({ owner, taskId }: PayloadOwner): Uint8Array<ArrayBuffer> =>
    new TextEncoder().encode(JSON.stringify([owner, taskId]));
  return {
    async seal(text, whose) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData: of(whose) },
        key,
        new TextEncoder().encode(text),
      );
      return Buffer.concat([iv, Buffer.from(sealed)]).toString("base64");
    },
    async open(text, whose) {
      const bytes = Buffer.from(text, "base64");
      const opened = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: bytes.subarray(0, 12), additionalData: of(whose) },
        key,
        bytes.subarray(12),
      );
      return new TextDecoder().decode(opened);
    },
  };
}

/** Answers at once, and hides nothing from somebody who can read backwards. */
const backwards: PayloadProtection = {
  seal: (text, { owner, taskId }) => [...`${owner}/${taskId}/${text}`].reverse().join(""),
  open: (text, { owner, taskId }) => {
    const opened = [...text].reverse().join("");
    if (!opened.startsWith(`${owner}/${taskId}/`)) throw new Error("somebody else's");
    return opened.slice(owner.length + taskId.length + 2);
  },
};

/** A database in a file of its own, and every byte of what SQLite keeps in its directory. */
function database(): { db: DatabaseSync; bytes(): string; [Symbol.dispose](): void } {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
  const db = new DatabaseSync(join(directory, "tasks.db"));
  return {
    db,
    bytes: () =>
      readdirSync(directory)
        .map((file) => readFileSync(join(directory, file), "latin1"))
        .join("\n"),
    [Symbol.dispose]: () => {
      db.close();
      rmSync(directory, { recursive: true });
    },
  };
}

const TOOLS = {
  /** Asks while it runs. */
  ask: async (_: any, ctx: any, tasks: () => TaskServer) => {
    const answer: any = await tasks()
      .current(ctx)
      ?.requireInput(form("the-question-1", { a: { type: "string" } }));
    return text(`the-result-1 ${answer.content.a}`);
  },
  /** Ends with a question, and is started again from what the store has. */
  again: (args: any, ctx: any) =>
    ctx.mcpReq.inputResponses === undefined
      ? inputRequired({
          inputRequests: {
            one: form("the-question-2", { a: { type: "string" } }),
            two: form("the-question-3", { a: { type: "string" } }),
          },
          requestState: "the-state-2",
        })
      : text(`the-result-2 ${args.secret} ${JSON.stringify(ctx.mcpReq.inputResponses)} ${ctx.mcpReq.requestState()}`),
};
const PLAIN = /the-(argument|question|answer|result|state)-\d|the-error/;
const ada = { auth: auth("ada") };

async function both(store: TaskStore, payloads: PayloadProtection | undefined, look: () => void): Promise<void> {
  let world: World;
  const tools = {
    ask: (args: any, ctx: any) => TOOLS.ask(args, ctx, () => world.tasks),
    again: TOOLS.again,
    fail: () => Promise.reject(new Error("the-error")),
  };
  await using _ = (world = await World.open({
    tools,
    tasks: { store, payloads, defaults: { task: "always" } },
    low: true,
  }));
  const asked = await world.start("ask", { secret: "the-argument-1" }, ada);
  const { inputRequests } = await world.until(asked, "input_required", ada);
  assert.equal(Object.values<any>(inputRequests)[0].params.message, "the-question-1");
  look();
  await world.update(asked, { [Object.keys(inputRequests)[0]!]: accept({ a: "the-answer-1" }) }, ada);
  const ended = await world.until(asked, "completed", ada);
  assert.equal(ended.result.content[0].text, "the-result-1 the-answer-1");

  const again = await world.start("again", { secret: "the-argument-2" }, ada);
  const questions = (await world.until(again, "input_required", ada)).inputRequests;
  look();
  // One answer waits in the store for the other.
  const [first, second] = Object.keys(questions) as [string, string];
  await world.update(again, { [first]: accept({ a: "the-answer-2" }) }, ada);
  assert.deepEqual(Object.keys((await world.until(again, "input_required", ada)).inputRequests), [second]);
  look();
  await world.update(again, { [second]: accept({ a: "the-answer-3" }) }, ada);
  const restarted = (await world.until(again, "completed", ada)).result.content[0].text;
  for (const part of ["the-result-2 the-argument-2", "the-answer-2", "the-answer-3", "the-state-2"])
    assert.ok(restarted.includes(part), restarted);

  const failed = await world.until(await world.start("fail", {}, ada), "failed", ada);
  assert.match(failed.error.message, /the-error/);
  look();
  assert.deepEqual(world.errors, []);
}

// X-SEC-15
test("with AES-GCM, SQLite has no byte of arguments, questions, answers, states or outcomes", async () => {
  const payloads = await aesGcm();
  for (const wal of [true, false]) {
    using disk = database();
    await both(sqliteStore(disk.db, { wal }), payloads, () => {
      const found = PLAIN.exec(disk.bytes());
      assert.equal(found, null, String(found));
    });
    // What is documented not to be sealed.
    assert.ok(/"tool":"ask"/.test(disk.bytes()));
  }
});

test("the test above would see plain text", async () => {
  using disk = database();
  const seen = new Set<string>();
  await both(sqliteStore(disk.db, { wal: true }), undefined, () => {
    for (const [match] of disk.bytes().matchAll(new RegExp(PLAIN, "g"))) seen.add(match);
  });
  for (const part of [
    "the-argument-2",
    "the-question-1",
    "the-question-3",
    "the-answer-2",
    "the-state-2",
    "the-result-1",
    "the-result-2",
    "the-error",
  ])
    assert.ok(seen.has(part), part);
});

test("X-SEC-15 (part): hooks that answer at once, on a store that does", async () => {
  const store = memoryStore();
  await both(store, backwards, () => {
    for (const { owner, id } of store.due(Number.MAX_SAFE_INTEGER, 100))
      assert.doesNotMatch(store.get(owner, id)?.payload ?? "", PLAIN);
  });
});

test("X-SEC-15 (part): the same in 2025-11-25", async (t) => {
  const store = memoryStore();
  const { requester, errors }: World25 = await world25(
    t,
    "v1",
    {
      work: async (args, { ask }) =>
        text(`the-result-1 ${args.secret} ${(await ask("elicitation/create", FORM)).action}`),
    },
    { store, payloads: await aesGcm() },
  );
  requester.answer("elicitation/create", () => ({ result: YES }));
  const id: string = (await create(requester, "work", { secret: "the-argument-1" })).taskId;
  const { result: ended } = await result(requester, id);
  assert.equal(ended.content[0].text, "the-result-1 the-argument-1 accept");
  const stored = store.get("", id)?.payload;
  assert.ok(stored);
  assert.doesNotMatch(stored, PLAIN);
  assert.deepEqual(errors, []);
});

for (const [name, make] of Object.entries({ "AES-GCM": aesGcm, "hooks that answer at once": () => backwards })) {
  test(`a sealed store keeps the contract of stores (${name})`, async (t) => {
    const payloads = await make();
    for (const { name, run } of storeCases) {
      await t.test(name, (t) =>
        run(
          () => ({ store: sealed(memoryStore(), payloads) }) as never,
          (why) => t.skip(why),
        ),
      );
    }
  });
}

test("a store and hooks that answer at once stay so", () => {
  const store = sealed(memoryStore(), backwards);
  const task = { owner: "ada", id: "t1", version: 1, createdAt: 1, dueAt: null, state: "s", payload: '{"result":1}' };
  assert.equal(store.put(task), true);
  assert.deepEqual(store.get("ada", "t1"), task);
});

// X-SEC-15 (part)
test("a row put in another task's or another owner's place does not open, and nothing of it is shown", async () => {
  const rows = new Map<string, string>();
  const memory = memoryStore();
  // Whoever can write to the database answers with the payload of another row.
  const swapped = (task: StoredTask | undefined): StoredTask | undefined =>
    task && { ...task, payload: rows.get(task.id) ?? task.payload };
  const store: TaskStore = { ...bound(memory), get: (owner, id, options) => swapped(memory.get(owner, id, options)) };
  await using world = await World.open({
    tools: { work: ({ secret }) => text(secret) },
    tasks: { store, payloads: await aesGcm(), defaults: { task: "always" } },
  });
  const ids: string[] = [];
  for (const secret of ["the-result-1", "the-result-2"]) {
    ids.push(await world.start("work", { secret }, ada));
    await world.until(ids.at(-1) as string, "completed", ada);
  }
  const bob = { auth: auth("bob") };
  ids.push(await world.start("work", { secret: "the-result-3" }, bob));
  await world.until(ids[2] as string, "completed", bob);
  const [one, two, three] = memory
    .due(Number.MAX_SAFE_INTEGER, 10)
    .map(({ owner, id }) => memory.get(owner, id)?.payload as string);
  for (const other of [two, three]) {
    rows.set(ids[0] as string, other as string);
    const { result, error, text } = await world.get(ids[0], ada);
    assert.equal(result, undefined);
    assert.equal(error?.code, -32603);
    assert.doesNotMatch(text, PLAIN);
  }
  assert.ok(
    world.errors.length === 2 &&
      world.errors.every(
        (error) =>
          isTaskError(error) && error.code === "storage" && error.cause instanceof Error && error.taskId === ids[0],
      ),
  );
  rows.set(ids[0] as string, one as string);
  assert.equal((await world.get(ids[0], ada)).result.result.content[0].text, "the-result-1");
});

function bound(store: TaskStore): TaskStore {
  return {
    get: store.get.bind(store),
    put: store.put.bind(store),
    delete: store.delete.bind(store),
    list: store.list.bind(store),
    due: store.due.bind(store),
  };
}

for (const [how, broken] of Object.entries<(text: string) => any>({
  throws: () => {
    throw new Error("no key");
  },
  rejects: () => Promise.reject(new Error("no key")),
  "gives nothing": () => undefined,
})) {
  test(`X-SEC-15 (part): a \`seal\` that ${how} writes nothing; one that works again, the outcome`, async () => {
    const memory = memoryStore();
    let working = false;
    const puts: (string | null | undefined)[] = [];
    const store: TaskStore = { ...bound(memory), put: (task) => (puts.push(task.payload), memory.put(task)) };
    const payloads: PayloadProtection = {
      seal: (text, of) => (working ? backwards.seal(text, of) : broken(text)),
      open: backwards.open,
    };
    await using world = await World.open({
      tools: { work: () => text("the-result-1") },
      tasks: { store, payloads, defaults: { task: "always" } },
    });
    const id = await world.start("work", {}, ada);
    while (world.errors.length === 0) await new Promise(setImmediate);
    assert.ok(
      isTaskError(world.errors[0]) && world.errors[0].code === "storage" && world.errors[0].cause instanceof Error,
    );
    assert.deepEqual(puts, [null]);
    assert.equal((await world.get(id, ada)).result.status, "working");
    working = true;
    await world.until(id, "completed", ada);
    assert.doesNotMatch(String(puts), PLAIN);
  });

  test(`X-SEC-15 (part): an \`open\` that ${how} shows nothing, and cancels and lists go on`, async () => {
    const payloads: PayloadProtection = { seal: backwards.seal, open: broken };
    await using world = await World.open({
      tools: { work: () => text("the-result-1"), wait: () => new Promise(() => {}) },
      tasks: { payloads, defaults: { task: "always" } },
    });
    const id = await world.start("work", {}, ada);
    const { error, text: answer } = await world.get(id, ada);
    assert.equal(error?.code, -32603);
    assert.doesNotMatch(answer, PLAIN);
    const waiting = await world.start("wait", {}, ada);
    await world.cancel(waiting, ada);
    assert.equal((await world.get(waiting, ada)).result.status, "cancelled");
    assert.ok(world.errors.every((error) => isTaskError(error) && error.code === "storage"));
  });
}

test("a server without the key, and a damaged row, answer an error and go on", async () => {
  const store = memoryStore();
  let id: string;
  {
    await using world = await World.open({
      tools: { work: () => text("the-result-1") },
      tasks: { store, payloads: backwards, defaults: { task: "always" } },
    });
    id = await world.start("work", {}, ada);
    await world.until(id, "completed", ada);
  }
  await using world = await World.open({
    tools: { work: () => text("fine") },
    tasks: { store, defaults: { task: "always" } },
  });
  assert.equal((await world.get(id, ada)).error?.code, -32603);
  assert.ok(
    isTaskError(world.errors[0]) && world.errors[0].code === "storage" && /sealed/.test(world.errors[0].message),
  );
  assert.equal(
    (await world.until(await world.start("work", {}, ada), "completed", ada)).result.content[0].text,
    "fine",
  );
});

test("X-LIM-03 (part): `resultBytes` counts the text before it is sealed", async () => {
  const twice: PayloadProtection = { seal: (text) => text + text, open: (text) => text.slice(0, text.length / 2) };
  await using world = await World.open({
    tools: { work: () => text("x".repeat(3_000)) },
    tasks: { payloads: twice, defaults: { task: "always" }, limits: { resultBytes: 4_000 } },
  });
  assert.equal((await world.until(await world.start("work"), ["completed", "failed"])).status, "completed");
});

test("`payloads` without its functions is refused by name", () => {
  for (const payloads of [{}, { seal: String }, { open: String }]) {
    assert.throws(
      () => new TaskServer({ payloads: payloads as never }),
      (error) => isTaskError(error) && error.code === "invalid_argument" && error.message.includes("`payloads`"),
    );
  }
});

const SECRET = /se_[c]ret_\d/;

/** Strings of this process that a garbage collector keeps. */
async function strings(pattern: RegExp): Promise<string[]> {
  const parts: Buffer[] = [];
  for await (const part of getHeapSnapshot()) parts.push(part as Buffer);
  return [...new Set(Buffer.concat(parts).toString("utf8").match(pattern) ?? [])];
}

// X-SEC-15 (part)
test("of a task that is gone, neither the store's file nor this process's memory has anything left", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  using disk = database();
  disk.db.exec("PRAGMA secure_delete = ON");
  const store = sqliteStore(disk.db);
  let world: World;
  let secrets = 0;
  // Put together when it runs, so that no source text holds what is looked for.
  const secret = (): string => ["se", "cret", ++secrets].join("_");
  const tools = {
    ask: async (_: any, ctx: any) => {
      const answer: any = await world.tasks.current(ctx)?.requireInput(form(secret(), { a: { type: "string" } }));
      return text(`${secret()} ${answer.content.a}`);
    },
    again: (args: any, ctx: any) =>
      ctx.mcpReq.inputResponses === undefined
        ? inputRequired({ inputRequests: { one: form(secret(), { a: { type: "string" } }) }, requestState: secret() })
        : text(`${secret()} ${args.secret}`),
    wait: (_: any, ctx: any) =>
      new Promise((_resolve, reject) =>
        ctx.mcpReq.signal.addEventListener("abort", () => reject(new Error("stopped"))),
      ),
  };
  await using _ = (world = await World.open({
    tools,
    tasks: { store, defaults: { task: "always", ttl: 1_000 }, onevent: undefined },
    low: true,
  }));
  // In a function of its own: what a variable here holds, nobody collects.
  await (async () => {
    for (const tool of ["ask", "again"]) {
      const id = await world.start(tool, { secret: secret() }, ada);
      const { inputRequests } = await world.until(id, "input_required", ada);
      await world.update(id, { [Object.keys(inputRequests)[0] as string]: accept({ a: secret() }) }, ada);
      await world.until(id, "completed", ada);
    }
    await world.cancel(await world.start("wait", { secret: secret() }, ada), ada);
  })();
  assert.ok(secrets >= 8);
  assert.ok(SECRET.test(disk.bytes()));
  // Their time ends; whoever sweeps next deletes them.
  while ((await store.due(Date.now(), 10)).length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
  await using sweeper = await World.open({ tools: {}, tasks: { store } });
  await sweeper.get("x");
  assert.equal((disk.db.prepare("SELECT count(*) AS left FROM mcp_tasks").get() as { left: number }).left, 0);
  assert.ok(!SECRET.test(disk.bytes()));
  // The test's own records of what went over the wire.
  for (const one of [world, sweeper]) one.frames.length = 0;
  (await import("./harness/g26.ts")).FRAMES.length = 0;
  /x/.test("x");
  await new Promise((resolve) => setTimeout(resolve, 20));
  collect();
  assert.deepEqual(await strings(/[^"]{0,40}se_[c]ret_\d[^"]{0,40}/g), []);
});
