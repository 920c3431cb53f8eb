// Changes are told after they are stored.
import type { MaybePromise, StoredTask } from "../store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { cut, equal, NO_PEER, NO_WATCH, OWNER, show, until, write } from "./tools.ts";

export const watching: readonly StoreCase[] = [
  storeCase("tells who watches about changes, after they are stored", async ({ store }) => {
    if (!store.watch) return NO_WATCH;
    const seen: string[] = [];
    const versions: MaybePromise<StoredTask | undefined>[] = [];
    const stop = store.watch((owner, id) => {
      seen.push(`${owner} ${id}`);
      versions.push(store.get(owner, id));
    });
    const stopFaulty = store.watch(() => {
      throw new Error("a listener that fails");
    });
    const other: string[] = [];
    const stopOther = store.watch((_, id) => void other.push(id));
    try {
      equal(await store.put(write("task-1")), true, "a put, though a listener fails");
      await until(() => seen.includes(`${OWNER} task-1`), "the put to be reported");
      equal((await versions[0])?.version, 1, "what the listener finds");
      await until(() => other.length > 0, "the put to be reported to the listener behind the one that fails");
      seen.length = 0;
      await store.put(write("task-1", { version: 2 }));
      await until(() => seen.includes(`${OWNER} task-1`), "the swap to be reported");
      stop();
      stopFaulty();
      seen.length = other.length = 0;
      await store.put(write("task-2"));
      await until(() => other.includes("task-2"), "a put to be reported to the one who still listens");
      equal(seen, [], "reports after watching was stopped");
    } finally {
      for (const each of [stop, stop, stopFaulty, stopOther]) each(); // stopping twice is harmless
    }
  }),

  storeCase("tells who watches about every change of its peer", async ({ store, peer }) => {
    if (!store.watch) return NO_WATCH;
    if (!peer?.watch || peer === store) return NO_PEER;
    const seen = new Map<string, MaybePromise<StoredTask | undefined>>();
    const stop = store.watch((owner, id) => void seen.set(`${owner} ${id}`, store.get(owner, id)));
    const stopPeer = peer.watch(() => {});
    try {
      // Listening may take a moment to begin, and what happens before is missed.
      let version = 0;
      await until(async () => {
        await peer.put(write("first", { version: (version += 1) }));
        return seen.size > 0;
      }, "the peer's changes to be reported");
      const owners = ["", OWNER, "'\"; --", "a\u0001\n\tb", "{},\\", "漢".repeat(512), "😀".repeat(256)];
      for (const owner of owners) {
        const name = `${owner} task-1`;
        await peer.put(write("task-1", { owner, payload: `"${"x".repeat(20_000)}"` }));
        await until(() => seen.has(name), `the put to be reported, for the owner ${cut(owner)}`);
        equal((await seen.get(name))?.version, 1, "what the listener finds");
        seen.delete(name);
        await peer.put(write("task-1", { owner, version: 2 }));
        await until(() => seen.has(name), "the swap to be reported");
      }
      const ids = Array.from({ length: 50 }, (_, n) => `many-${n}`);
      await Promise.all(ids.map(async (id) => peer.put(write(id))));
      await until(() => ids.every((id) => seen.has(`${OWNER} ${id}`)), "many puts at once to be reported");
      stop();
      seen.clear();
      const again = store.watch((owner, id) => void seen.set(`${owner} ${id} again`, undefined));
      try {
        let next = 2;
        await until(async () => {
          await peer.put(write("many-0", { version: next++ }));
          return seen.size > 0;
        }, "a change to be reported to who watches anew");
        equal(
          [...seen.keys()].filter((name) => !name.endsWith(" again")),
          [],
          "reports after watching was stopped",
        );
      } finally {
        again();
      }
    } finally {
      stop();
      stopPeer();
    }
  }),

  storeCase("tells the version with a change, or none, and never another", async ({ store, peer }) => {
    if (!store.watch) return NO_WATCH;
    const writers = peer?.watch && peer !== store ? [store, peer] : [store];
    const told: {
      readonly id: string;
      readonly version: number | undefined;
      readonly found: MaybePromise<StoredTask | undefined>;
    }[] = [];
    const stop = store.watch((owner, id, version) => void told.push({ id, version, found: store.get(owner, id) }));
    const stopPeer = peer?.watch?.(() => {});
    const heard = (which: string, version: number) =>
      until(
        () => told.some((each) => each.id === which && [undefined, version].includes(each.version)),
        `version ${version} of ${which}`,
      );
    try {
      for (const [n, writer] of writers.entries()) {
        let first = 0;
        // Listening may take a moment to begin, and what happens before is missed.
        await until(async () => {
          await writer.put(write(`first-${n}`, { version: (first += 1) }));
          return told.some(({ id }) => id === `first-${n}`);
        }, "a change to be reported");
        const id = `task-${n}`;
        for (const version of [1, 2, 3]) {
          await writer.put(write(id, { version }));
          await heard(id, version);
        }
        await writer.delete(OWNER, id, 3);
        await heard(id, 0);
      }
      for (const { id, version, found } of told.filter(({ id }) => id.startsWith("task-"))) {
        const stored = (await found)?.version;
        if (version === undefined) continue;
        equal([0, 1, 2, 3].includes(version), true, `version ${show(version)} of ${id} was made`);
        equal(
          version === 0 ? stored === undefined : (stored ?? 3) >= version,
          true,
          `version ${version} of ${id}, told where ${show(stored)} was stored, had been made`,
        );
      }
    } finally {
      stop();
      stopPeer?.();
    }
    if (told.every(({ version }) => version === undefined)) return "its `watch` tells no versions";
  }),
];
