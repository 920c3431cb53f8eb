// Owners, ids, states and payloads are mere text.
import type { TaskStore } from "../store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { attempt, equal, names, OWNER, T0, write } from "./tools.ts";

export const texts: readonly StoreCase[] = [
  storeCase("keeps owners apart", async ({ store }) => {
    const owners = ["", OWNER, `${OWNER} `, OWNER.toUpperCase(), OWNER.slice(0, -1), "bob", "b%", "*", "ö", "o\u0308"];
    for (const [n, owner] of owners.entries()) {
      for (const id of ["same", `own-${n}`]) {
        equal(await store.put(write(id, { owner, createdAt: T0 + n, state: `of ${n}`, dueAt: T0 + n })), true, "put");
      }
    }
    for (const [n, owner] of owners.entries()) {
      equal(names(await store.list(owner, { limit: 99 })), [`own-${n}`, "same"], `the list of owner ${n}`);
      equal((await store.get(owner, "same"))?.state, `of ${n}`, `the task of owner ${n}`);
      const other = (n + 1) % owners.length;
      equal(await store.get(owner, `own-${other}`), undefined, "a stranger's task");
      equal(await store.put(write(`own-${other}`, { owner, version: 2 })), false, "a swap of a stranger's task");
      equal(await store.delete(owner, `own-${other}`, 1), true, "a delete of a stranger's task, as of none");
      equal((await store.get(owners[other]!, `own-${other}`))?.version, 1, "the stranger's task");
    }
    equal(await store.list("nobody", { limit: 9 }), [], "the list of an owner without tasks");
    equal((await store.due(T0 + 99, 99)).length, 20, "due tasks of all owners");
    await store.delete("", "same", 1);
    equal((await store.get("bob", "same"))?.version, 1, "a namesake of a deleted task");
  }),

  storeCase("keeps long and odd states to the letter", async ({ store, peer }) => {
    const states = [
      "",
      " ",
      "\t\n\r",
      "w\t1\t\\N\tNULL",
      "'\"`;--",
      "\u0001\u001f\u007f",
      "ü😀\uffff",
      "x".repeat(16_384),
      "😀".repeat(2_048),
    ];
    for (const [n, state] of states.entries()) await store.put(write(`task-${n}`, { state, dueAt: n, createdAt: n }));
    for (const each of [store, peer ?? store]) {
      for (const [n, state] of states.entries())
        equal((await each.get(OWNER, `task-${n}`))?.state, state, `state ${n}`);
      equal(
        (await each.list(OWNER, { limit: 99 })).map(({ state }) => state),
        states,
        "states in the list",
      );
      equal(
        (await each.due(99, 99)).map(({ state }) => state),
        states,
        "states of what is due",
      );
    }
  }),

  // H63, and of X-LIM-07 the part about payloads; of X-LIM-05 the part about payloads
  storeCase("keeps odd payloads to the letter", async (under) => {
    const deep = 100_000;
    const payloads = [
      JSON.stringify({ text: "\ud800 and \udfff" }), // half surrogate pairs, which JSON text holds as escapes
      JSON.stringify(
        "nul \u0000, bell \u0007, line \u2028, emoji 😀👩‍👩‍👧, not a character \uffff, byte order mark \ufeff",
      ),
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},' +
        '"toString":1,"hasOwnProperty":null}',
      "[".repeat(deep) + "]".repeat(deep),
      '{"a":1,"a":2,"n":1e999,"z":-0,"i":12345678901234567890}',
      " \n\t{ } ",
      `{"a":${'{"a":'.repeat(deep)}1${"}".repeat(deep)}}`,
      `{${Array.from({ length: 20_000 }, (_, n) => `"key ${n}":${n}`).join()}}`,
      "\u2028\u2029\u0085\ufeff\r\n\r",
      '"\'; DROP TABLE mcp_tasks; --"',
      '"%s ? ?1 :a @b $c $1 \\\\ \' \\""',
      "true",
    ];
    for (const [n, payload] of payloads.entries()) await under.store.put(write(`task-${n}`, { payload }));
    const check = async (store: TaskStore, when: string) => {
      for (const [n, payload] of payloads.entries()) {
        equal((await store.get(OWNER, `task-${n}`))?.payload === payload, true, `payload ${n} is the same ${when}`);
      }
    };
    await check(under.store, "at once");
    if (under.reopen) await check(await under.reopen(), "after reopening");
    equal(Reflect.has({}, "polluted"), false, "a prototype was changed");
  }),

  // X-SEC-14, and of X-LIM-05 the part about task ids
  storeCase("takes every id and owner as mere text", async (under) => {
    const { store } = under;
    const ids = [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "prototype",
      "NULL",
      "-",
      "_",
      "0",
      "-1",
      "1e3",
      "a".repeat(128),
      "A".repeat(128),
    ];
    const owners = [
      ...ids,
      "'; DROP TABLE mcp_tasks; --",
      '" OR ""="',
      "../../etc/passwd",
      "a\nb",
      "a\\b",
      "\\x00",
      "{}",
      "{a}:b",
      "a:b",
      "a|b",
      "a,b",
      "a b",
      " ",
      "\u0001",
      "a\u0001b",
      "\u001f",
      "ﬁ",
      "fi",
      "É",
      "E\u0301",
      "😀".repeat(256),
      "漢".repeat(512),
      "'".repeat(512),
    ];
    for (const id of ids) equal(await store.get(OWNER, id), undefined, `no task ${id}`);
    for (const owner of owners) equal(await store.list(owner, { limit: 9 }), [], `no task of ${owner}`);
    for (const id of ids) equal(await store.put(write(id, { state: id, payload: `"${id}"` })), true, `put of ${id}`);
    for (const owner of owners)
      equal(await store.put(write("task-1", { owner, state: owner })), true, `put for ${owner}`);
    // What a peer may send as an id is looked for like any other text, and is not there.
    for (const id of [
      ...owners.slice(ids.length),
      "",
      ".",
      "..",
      "%",
      "_%",
      "*",
      "a\u0000",
      "\ud800",
      "a".repeat(129),
      "x".repeat(100_000),
    ]) {
      equal(await store.get(OWNER, id), undefined, "a task with an impossible id");
      equal(await store.delete(OWNER, id, 1), true, "a delete of an impossible id");
      await store.list(OWNER, { after: { createdAt: T0, id }, limit: 1 });
    }
    const check = async (store: TaskStore) => {
      for (const id of ids)
        equal(await store.get(OWNER, id), write(id, { state: id, payload: `"${id}"` }), `task ${id}`);
      for (const owner of owners)
        equal(await store.list(owner, { limit: 9 }), [write("task-1", { owner, state: owner })], `list of ${owner}`);
      equal((await store.list(OWNER, { limit: 99 })).length, ids.length, "tasks");
    };
    await check(store);
    if (under.reopen) await check(await under.reopen());
  }),

  // X-SEC-14
  storeCase("keeps the task under the very id, or refuses to keep it", async ({ store }) => {
    await store.put(write("a", { payload: '"a"' }));
    const odd = [
      "",
      ".",
      "..",
      "../a",
      "a/../a",
      "a%",
      "a ",
      " a",
      "A",
      "a\n",
      "a\u0000",
      "a\u0000b",
      "a'",
      'a"--',
      "a:b",
      "ä",
      "a\u0301",
      "\ud800",
      "a".repeat(129),
      "a".repeat(4_000),
    ];
    const kept: string[] = [];
    for (const id of odd) {
      if (await attempt(async () => store.put(write(id, { state: id, payload: JSON.stringify(id) })))) kept.push(id);
    }
    for (const id of odd) {
      const found = await store.get(OWNER, id);
      equal(found?.payload, kept.includes(id) ? JSON.stringify(id) : undefined, `the task ${JSON.stringify(id)}`);
    }
    equal((await store.get(OWNER, "a"))?.payload, '"a"', "the task whose id they resemble");
    equal((await store.list(OWNER, { limit: 99 })).length, kept.length + 1, "tasks in the list");
  }),

  storeCase("refuses an owner it cannot tell from another, or tells them apart", async ({ store }) => {
    const pairs = [
      ["a\ud800", "a\ufffd"],
      ["a\u0000b", "a"],
      ["c\u0000d", "cd"],
    ] as const;
    for (const [odd, plain] of pairs) {
      await store.put(write("secret", { owner: plain, payload: '"plain"' }));
      const answer = await attempt(async () => store.get(odd, "secret"));
      equal(answer, undefined, "the task of an owner that looks alike");
      equal(
        (await attempt(async () => store.list(odd, { limit: 9 }))) ?? [],
        [],
        "the list of an owner that looks alike",
      );
      await attempt(async () => store.put(write("secret", { owner: odd, version: 2 })));
      await attempt(async () => store.delete(odd, "secret", 1));
      equal((await store.get(plain, "secret"))?.payload, '"plain"', "the task");
      if (await attempt(async () => store.put(write("secret", { owner: odd, payload: '"odd"' })))) {
        equal((await store.get(odd, "secret"))?.payload, '"odd"', "the task of the odd owner");
      }
      await store.delete(plain, "secret", 1);
    }
  }),
];
