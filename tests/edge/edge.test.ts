// demo/edge, as a newcomer has it, in workerd, in Deno and in Bun: the same client story in both eras, then a `kill -9`
// of the process in the middle of its tasks.
import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { installDrivers } from "../engines/runtimes.ts";
import {
  answering,
  closeClients,
  connect,
  ERAS,
  instanceIn,
  textOf,
  tokenOf,
  untilStatus,
  type Era,
} from "./clients.ts";
import { openBun, openDeno, openWorkerd, type Open, type Place } from "./places.ts";
import { installExample, type Project } from "./project.ts";

let project: Project;

before(async () => {
  [project] = await Promise.all([installExample(), installDrivers()]);
});
after(async () => {
  await closeClients();
  project?.remove();
});

async function open(t: TestContext, how: Open): Promise<Place> {
  const place = await how(project.folder);
  t.after(() => place.remove());
  await place.start();
  return place;
}

/** Create, follow, answer, cancel, list, and what strangers see. */
async function story(era: Era, url: string, subject: string | undefined): Promise<void> {
  const { asked, ask } = answering();
  const client = await connect(era, url, { ask, token: subject && (await tokenOf(subject)) });
  const stranger = await connect(era, url, { token: await tokenOf("mallory") });

  const counting = await client.call("count", { to: 30 });
  const seen = await untilStatus(counting, ({ statusMessage }) => statusMessage !== undefined);
  assert.equal(seen.status, "working");
  assert.match(seen.statusMessage!, /^\d+ of 30, in \w{8}$/);
  assert.match(textOf(await counting.result()), /^counted to 30, in \w{8}$/);

  const publishing = await client.call("publish");
  assert.match(textOf(await publishing.result()), /^published to latest, in \w{8}$/);
  assert.equal(asked.length, 1);
  assert.match(asked[0]!, /^To which channel\? Asked in \w{8}$/);

  const endless = await client.call("count", { to: 36_000 });
  await assert.rejects(async () => (await stranger.resume(endless.reference!)).result(), { code: "not_found" });
  assert.equal(await endless.cancel({ awaitTerminal: true }), "cancelled");
  await assert.rejects(endless.result(), { code: "cancelled" });

  if (client.list !== undefined && subject !== undefined) {
    const tasks = [counting, publishing, endless].map(({ taskId }) => taskId);
    assert.deepEqual((await client.list()).sort(), tasks.sort());
    assert.deepEqual(await stranger.list!(), []);
  }
  await Promise.all([client.close(), stranger.close()]);
}

/** Tasks of one client, half done when the process is killed, are finished for another. */
async function interrupted(era: Era, place: Place, killed: Promise<void>, ready: () => void): Promise<void> {
  const token = await tokenOf("alice");
  let question: string | undefined;
  const first = await connect(era, place.url, {
    token,
    ask: (message) => ((question = message), new Promise(() => {})),
  });
  const [counting, publishing] = await Promise.all([first.call("count", { to: 30 }), first.call("publish")]);
  const { statusMessage } = await untilStatus(counting, ({ statusMessage }) => statusMessage !== undefined);
  const before = instanceIn(statusMessage);
  while (question === undefined) await pause(20);
  assert.equal(instanceIn(question), before);
  for (const task of [counting, publishing]) task.detach();
  await first.close();
  ready();
  await killed;
  const { asked, ask } = answering();
  // A connection of the killed process may still be in the pool of `fetch`.
  const again = () => connect(era, place.url, { token, ask });
  const second = await again().catch(again).catch(again);
  const tasks = await Promise.all([counting, publishing].map(({ reference }) => second.resume(reference!)));
  const [counted, published] = (await Promise.all(tasks.map((task) => task.result()))).map(textOf);
  assert.match(counted!, /^counted to 30/);
  assert.match(published!, /^published to latest/);
  assert.notEqual(instanceIn(counted), before);
  // 2026-07-28 has the question in the task, which keeps it; in 2025-11-25 the lost process had it.
  assert.equal(instanceIn(asked[0]), era === "2026-07-28" ? before : instanceIn(published));
  assert.equal(instanceIn(published), instanceIn(counted));
  await second.close();
}

const PLACES: Readonly<Record<string, Open>> = { workerd: openWorkerd, Deno: openDeno, Bun: openBun };

describe("demo/edge", { concurrency: true }, () => {
  for (const [name, how] of Object.entries(PLACES)) {
    test(`${name} serves clients of both eras, with a token and without`, async (t) => {
      const { url } = await open(t, how);
      await Promise.all(ERAS.flatMap((era) => [story(era, url, `alice of ${era}`), story(era, url, undefined)]));
    });

    test(`${name}: a token that is not good is refused`, async (t) => {
      const { url } = await open(t, how);
      for (const token of ["nonsense", await tokenOf("alice", "another secret, as long as the right one")]) {
        const { status } = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${token}` } });
        assert.equal(status, 401);
      }
    });

    // X-STO-05 (part), H24
    test(`${name}: tasks outlive a \`kill -9\` of the process in the middle of them, in both eras`, async (t) => {
      const place = await open(t, how);
      const killed = Promise.withResolvers<void>();
      let waiting = ERAS.length;
      const ready = () => {
        if (--waiting === 0)
          place
            .kill()
            .then(() => place.start())
            .then(killed.resolve, killed.reject);
      };
      await Promise.all(ERAS.map((era) => interrupted(era, place, killed.promise, ready)));
    });
  }
});
