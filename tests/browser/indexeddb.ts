// indexedDbStore in a real browser: the contract suite within one page and a worker of its own, and again over two
// pages that are reloaded; what a browser does to a database behind the store's back; and a server in a page, whose
// tasks outlive the page.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { storeCases } from "mcp-longhaul/store-kit";
import type { StoredTask, TaskStore } from "../../pkg-template/src/store.ts";
import type { Browser, BrowserName, Page } from "../engines/browser.ts";
import { type PageServer, servePage } from "../engines/page-server.ts";
import { evaluateOnDisk } from "../engines/webkit.ts";
import type { PageTests } from "./indexeddb-page.ts";
import type { ReadTask, StartTask } from "./indexeddb-server-page.ts";

declare const tests: PageTests;
declare const startTask: StartTask;
declare const readTask: ReadTask;

let watching = 0;

/** The store of a page, from here. */
function remote(page: Page, database: string): TaskStore {
  const call = (method: "get" | "put" | "delete" | "list" | "due" | "close", ...values: unknown[]) =>
    page.evaluate(({ database, method, values }) => tests.call(database, method, values), {
      database,
      method,
      values,
    }) as Promise<never>;
  return {
    get: (...values) => call("get", ...values),
    put: (...values) => call("put", ...values),
    delete: (...values) => call("delete", ...values),
    list: (...values) => call("list", ...values),
    due: (...values) => call("due", ...values),
    watch(listener) {
      let stopped = false;
      const number = ++watching;
      const listen = async () => {
        while (!stopped)
          for (const news of await page.evaluate(({ database, number }) => tests.news(database, number), {
            database,
            number,
          }))
            if (!stopped) listener(...news);
      };
      void listen().catch(() => {}); // the page was reloaded or closed
      return () => void (stopped = true);
    },
    close: () => call("close"),
  };
}

/** What two pages and a reload can do to it that one page cannot. */
const ACROSS_PAGES = /concurrent inserts|of its peer|to its peer|after reopening|once and for all/;

export function indexedDbTests(browser: () => Browser, name: BrowserName): void {
  let server: PageServer;
  before(async () => void (server = await servePage(join(import.meta.dirname, "indexeddb-page.ts"))));
  after(() => server?.close());

  // X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
  // far as they are a store's.
  describe("indexedDbStore keeps the contract, with a peer in a worker", () => {
    let page: Page;
    before(async () => void (page = await browser().open(server.url)));
    after(() => page?.close());
    for (const [index, { name }] of storeCases.entries()) {
      test(name, async () => {
        assert.deepEqual(
          await page.evaluate((index) => tests.runCase(index), index),
          {},
          "it neither fails nor is left out",
        );
      });
    }
  });

  describe("indexedDbStore keeps the contract, over two pages that are reloaded", () => {
    let pages: [Page, Page];
    before(async () => void (pages = [await browser().open(server.url), await browser().open(server.url)]));
    after(() => Promise.all((pages ?? []).map((page) => page.close())));
    const cases = storeCases.filter(({ name }) => ACROSS_PAGES.test(name));
    assert.equal(cases.length, 5);
    for (const [index, { name, run }] of cases.entries()) {
      const stores = () => pages.map((page) => remote(page, `pages ${index}`)) as [TaskStore, TaskStore];
      test(name, () => {
        const [store, peer] = stores();
        const reopen = async () => (await Promise.all(pages.map((page) => page.reload())), stores()[0]);
        return run(() => ({ store, peer, reopen }), assert.fail);
      });
    }
  });

  describe("indexedDbStore and its browser", () => {
    let page: Page;
    before(async () => void (page = await browser().open(server.url)));
    after(() => page?.close());

    test("makes room for a newer version of itself, and says that it is the older one", async () => {
      const found = await page.evaluate(async () => {
        const store = tests.indexedDbStore("upgraded");
        await store.get("alice", "a");
        // Were the store's connection still open, this would be blocked.
        const outcome = await new Promise<string>((resolve) => {
          const request = indexedDB.open("upgraded", 99);
          request.onblocked = () => resolve("blocked");
          request.onsuccess = () => (request.result.close(), resolve("upgraded"));
        });
        return { outcome, failure: await tests.fails(() => store.get("alice", "a")) };
      });
      assert.equal(found.outcome, "upgraded");
      assert.equal(found.failure?.code, "storage");
      assert.match(
        found.failure.message,
        /^The IndexedDB store could not read: .*newer mcp-longhaul: reload the page\.$/,
      );
      assert.match(found.failure.cause, /VersionError/);
    });

    test("begins anew where somebody deletes the database", async () => {
      const rows = await page.evaluate(async () => {
        const store = tests.indexedDbStore("deleted");
        const task = { owner: "alice", id: "a", version: 1, createdAt: 1, dueAt: null, state: "w", payload: null };
        await store.put(task);
        await new Promise((resolve) => (indexedDB.deleteDatabase("deleted").onsuccess = resolve));
        return [
          (await store.get("alice", "a")) ?? "none",
          await store.put(task),
          (await store.list("alice", { limit: 9 })).length,
        ];
      });
      assert.deepEqual(rows, ["none", true, 1]);
    });

    test("says who is in the way while another tab holds an older version, and goes on when it is closed", async () => {
      const found = await page.evaluate(async () => {
        const old = await new Promise<IDBDatabase>((resolve) => {
          const request = indexedDB.open("blocked", 1);
          request.onsuccess = () => resolve(request.result);
        });
        let opened!: () => void;
        const opening = new Promise<void>((resolve) => (opened = resolve));
        // The store as it will be with version 2: the browser asks the old tab to close, which does not.
        const later = {
          open(name: string) {
            const request = indexedDB.open(name, 2);
            request.addEventListener("success", () => setTimeout(opened)); // the store hears of it after this listener
            request.addEventListener(
              "upgradeneeded",
              () => {
                const upgrade = new IDBVersionChangeEvent("upgradeneeded", { oldVersion: 0, newVersion: 1 });
                request.onupgradeneeded!(upgrade);
                request.onupgradeneeded = null;
              },
              { once: true, capture: true },
            );
            return request;
          },
        };
        const store = tests.indexedDbStore("blocked", { indexedDB: later as unknown as IDBFactory });
        const failures = [await tests.fails(() => store.get("alice", "a")), await tests.fails(() => store.due(1, 1))];
        old.close();
        await opening;
        return {
          failures,
          put: await store.put({
            owner: "alice",
            id: "a",
            version: 1,
            createdAt: 1,
            dueAt: null,
            state: "w",
            payload: null,
          }),
        };
      });
      for (const failure of found.failures) {
        assert.equal(failure?.code, "storage");
        assert.match(
          failure.message,
          /Another tab holds an older version of the database "blocked"\. Close it, or reload it\./,
        );
      }
      assert.equal(found.put, true);
    });

    test("takes no other database for its own, and none that it cannot have", async () => {
      const failures = await page.evaluate(async () => {
        await new Promise<void>((resolve) => {
          const request = indexedDB.open("somebody's", 1);
          request.onupgradeneeded = () => void request.result.createObjectStore("books");
          request.onsuccess = () => (request.result.close(), resolve());
        });
        const refusing = {
          open: () => {
            throw new DOMException("denied", "SecurityError");
          },
        } as unknown as IDBFactory;
        const closed = tests.indexedDbStore("closed");
        await closed.close?.();
        return [
          await tests.fails(() => tests.indexedDbStore("somebody's").get("alice", "a")),
          await tests.fails(() => tests.indexedDbStore("x", { indexedDB: refusing }).get("alice", "a")),
          await tests.fails(() => closed.get("alice", "a")),
          await tests.fails(() => tests.indexedDbStore("")),
          await tests.fails(() => tests.indexedDbStore("x", { durability: "none" as "strict" })),
          await tests.fails(() =>
            tests
              .indexedDbStore("x")
              .put({ owner: "alice", id: "../a", version: 1, createdAt: 1, dueAt: null, state: "w", payload: null }),
          ),
        ];
      });
      assert.deepEqual(
        failures.map((failure) => failure?.code),
        ["storage", "storage", "storage", "invalid_argument", "invalid_argument", "invalid_argument"],
      );
      const expected = [
        /holds something else/,
        /could not read: denied .*sandboxed frame/,
        /was closed/,
        /name/,
        /durability/,
        /task id/,
      ];
      for (const [index, failure] of failures.entries()) assert.match(failure!.message, expected[index]!);
    });

    const full = {
      skip:
        name === "Chromium"
          ? false
          : "only Chromium can be told how much an origin may store: elsewhere the disk would have to be full",
    };
    test("refuses what is over the origin's quota, and keeps what it has", full, async () => {
      const page = await browser().openWithQuota!(server.url, 1_000_000);
      const found = await page.evaluate(async () => {
        const store = tests.indexedDbStore("full");
        const task = { owner: "alice", id: "a", createdAt: 1, dueAt: null, state: "w" };
        await store.put({ ...task, version: 1, payload: "1" });
        const failure = await tests.fails(() => store.put({ ...task, version: 2, payload: "x".repeat(2_000_000) }));
        return { failure, kept: await store.get("alice", "a") };
      });
      await page.close();
      assert.equal(found.failure?.name, "TaskStoreFullError");
      assert.equal(found.failure.code, "limit");
      assert.match(found.failure.message, /navigator\.storage\.persist/);
      assert.equal((found.kept as StoredTask | undefined)?.payload, "1");
    });
  });

  describe("a server in a page keeps its tasks", () => {
    let host: PageServer;
    before(async () => void (host = await servePage(join(import.meta.dirname, "indexeddb-server-page.ts"))));
    after(() => host?.close());

    test("over a reload", async () => {
      const page = await browser().open(host.url);
      const { reference, text } = await page.evaluate(() => startTask("server"));
      assert.equal(text, "hello from the page");
      await page.reload();
      assert.equal(await page.evaluate((reference) => readTask("server", reference), reference), "hello from the page");
      await page.close();
    });

    const disk = { skip: name === "WebKit" ? false : "driven or not, this browser keeps tasks in the same way" };
    test(
      "over a restart of WebKit, whose store on the disk keeps the contract as the one in memory does",
      disk,
      async () => {
        const profile = mkdtempSync(join(tmpdir(), "mcp-longhaul-webkit-"));
        try {
          const outcomes = await evaluateOnDisk(profile, server, () => tests.runCases());
          assert.equal(outcomes.length, storeCases.length);
          assert.deepEqual(
            outcomes.filter((outcome) => Object.keys(outcome).length > 0),
            [],
          );
          const { reference } = await evaluateOnDisk(profile, host, () => startTask("restarted"));
          assert.equal(
            await evaluateOnDisk(profile, host, (reference) => readTask("restarted", reference), reference),
            "hello from the page",
          );
        } finally {
          rmSync(profile, { recursive: true, maxRetries: 10 }); // what was killed may still write
        }
      },
    );
  });
}
