// Objects of demo/edge that leave the memory in the middle of a task: because nobody comes to them, or because they
// crash. Each text of the example's names the instance that made it, so an eviction shows.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TaskReference } from "mcp-longhaul";
import {
  answering,
  closeClients,
  connect,
  ERAS,
  instanceIn,
  statusOf,
  textOf,
  tokenOf,
  untilStatus,
  type Era,
} from "./clients.ts";
import { openWorkerd, type Place } from "./places.ts";

/**
 * workerd evicts an object that has had neither a visit nor a timer for 10 s. 10 s after the task began comes an alarm,
 * in ms.
 */
const IDLE = 23_000;
/**
 * The example's lease until the alarm comes, another one without a renewal, and what its handler counts then, with some
 * patience, in ms.
 */
const RESTARTED = 30_000;

let place: Place;

before(async () => {
  place = await openWorkerd(
    join(import.meta.dirname, "..", "..", "demo", "edge"),
    join(import.meta.dirname, "watched-worker.ts"),
  );
  await place.start();
});
after(async () => {
  await closeClients();
  await place?.remove();
});

/** Starts to count; the client leaves when the first status has told the instance. */
async function leftCounting(
  era: Era,
  token: string,
  to: number,
): Promise<{ reference: TaskReference; instance: string }> {
  const client = await connect(era, place.url, { token });
  const task = await client.call("count", { to });
  const { statusMessage } = await untilStatus(task, ({ statusMessage }) => statusMessage !== undefined);
  task.detach();
  await client.close();
  return { reference: task.reference!, instance: instanceIn(statusMessage) };
}

/** Finds a task again, answers what it asks, and waits for its end. */
async function finish(era: Era, token: string, reference: TaskReference): Promise<{ text: string; asked: string[] }> {
  const { asked, ask } = answering();
  const client = await connect(era, place.url, { ask, token });
  const text = textOf(await (await client.resume(reference)).result());
  await client.close();
  return { text, asked };
}

/** Comes to the object of a task behind its example's back. */
async function object(what: "crash" | "alarms", { taskId }: TaskReference): Promise<string> {
  const come = () => fetch(new URL(`/${what}/${taskId.slice(0, 64)}`, place.url));
  // A crash may take along the connection that asked for it, or one that was kept for later.
  return (await come().catch(come).catch(come)).text();
}

// Each test has an owner, hence an object, of its own.
describe("an object of the example", { concurrency: true }, () => {
  for (const era of ERAS) {
    test(`waits for an answer while nobody comes, in ${era}`, async () => {
      const token = await tokenOf(`waits in ${era}`);
      const question = Promise.withResolvers<string>();
      const client = await connect(era, place.url, {
        token,
        ask: (message) => (question.resolve(message), new Promise(() => {})),
      });
      const task = await client.call("publish");
      const instance = instanceIn(await question.promise);
      task.detach();
      await client.close();
      await pause(IDLE);
      const { text, asked } = await finish(era, token, task.reference!);
      assert.match(text, /^published to latest/);
      // The same question, kept by the task or by the handler.
      assert.deepEqual(asked.map(instanceIn), [instance]);
      // In 2026-07-28 nothing runs meanwhile: the object was evicted, and another one has gone on. In 2025-11-25 the
      // handler waits.
      if (era === "2026-07-28") assert.notEqual(instanceIn(text), instance);
      else assert.equal(instanceIn(text), instance);
    });

    // X-STO-05 (part), H24
    test(`crashes while its handler runs, and a client of ${era} gets the result of another run`, async () => {
      const token = await tokenOf(`crashes in ${era}`);
      const client = await connect(era, place.url, { token });
      const task = await client.call("count", { to: 20 });
      const { statusMessage } = await untilStatus(task, ({ statusMessage }) => statusMessage !== undefined);
      assert.match(await object("crash", task.reference!), /a crash/);
      const text = textOf(await task.result());
      assert.match(text, /^counted to 20/);
      assert.notEqual(instanceIn(text), instanceIn(statusMessage));
      await client.close();
    });

    // X-STO-05 (part), X-STO-08 (part), H24
    test(`crashes while its handler runs, and its alarm wakes it to run it again, in ${era}`, async () => {
      const token = await tokenOf(`is woken in ${era}`);
      const { reference, instance } = await leftCounting(era, token, 20);
      assert.match(await object("crash", reference), /a crash/);
      await pause(RESTARTED);
      // Before anybody came, or the handler would run now.
      assert.equal(await statusOf(era, place.url, token, reference.taskId), "completed");
      const { text } = await finish(era, token, reference);
      assert.match(text, /^counted to 20/);
      assert.notEqual(instanceIn(text), instance);
    });

    // X-STO-08 (part)
    test(`works on while nobody comes, and its alarms keep it in memory, in ${era}`, async () => {
      const token = await tokenOf(`works in ${era}`);
      const { reference, instance } = await leftCounting(era, token, 200);
      await pause(24_000);
      const alarms = Number(await object("alarms", reference));
      // Before anybody came, or the handler would run now.
      assert.equal(await statusOf(era, place.url, token, reference.taskId), "completed");
      const { text } = await finish(era, token, reference);
      assert.equal(instanceIn(text), instance);
      assert.ok(alarms >= 2 && alarms <= 4, `one alarm in a lease of 10 s: ${alarms}`);
    });
  }
});
