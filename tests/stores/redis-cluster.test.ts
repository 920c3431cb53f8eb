// redisStore in a cluster of three primaries and a replica: every script stays in one slot, or the cluster refuses it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Cluster, Redis } from "ioredis";
import { createCluster } from "redis";
import { redisStore } from "../../pkg-template/src/stores/redis.ts";
import { startCluster, type RedisCluster } from "../engines/redis.ts";
import { keepsContract, write } from "./contract.ts";
import { CLIENTS, clusterOpeners, freshPrefix, makeRedisStore, medianDelay, opened } from "./redis-cases.ts";

let cluster: RedisCluster;
/** It takes seconds to be known, in which the other tests run. */
let replica: ReturnType<RedisCluster["addReplica"]>;
before(async () => {
  cluster = await startCluster();
  replica = cluster.addReplica();
  replica.catch(() => {}); // the test that awaits it fails
});
after(async () => {
  await replica?.catch(() => {});
  await cluster?.stop();
});

for (const client of CLIENTS) {
  describe(`redisStore on ${client} keeps the contract in a cluster`, () => {
    const makeStore = makeRedisStore(() => clusterOpeners(cluster)[client]);
    keepsContract(makeStore);
  });
}

test("every node of a cluster has a share of the tasks", async (t) => {
  const prefix = freshPrefix();
  const store = await opened(t, clusterOpeners(cluster).redis, { prefix });
  for (let n = 0; n < 90; n += 1) await store.put(write("a", { owner: `owner-${n}` }));
  for (const node of cluster.nodes) {
    const client = new Redis(node);
    const keys = await client.keys(`{${prefix}:*:task:*`);
    client.disconnect();
    assert.ok(keys.length > 9, `${keys.length} tasks on one node`);
  }
});

for (const [writer, listener] of [
  ["ioredis", "redis"],
  ["redis", "ioredis"],
] as const) {
  test(`${listener} hears within milliseconds what ${writer} changes on any node`, async (t) => {
    const prefix = freshPrefix();
    const [mine, theirs] = [
      await opened(t, clusterOpeners(cluster)[writer], { prefix }),
      await opened(t, clusterOpeners(cluster)[listener], { prefix }),
    ];
    const median = await medianDelay(mine, theirs);
    t.diagnostic(`median ${median.toFixed(2)} ms from put to listener`);
    assert.ok(median < 50, `median ${median} ms`);
  });
}

test("a client that reads from replicas reads tasks from their primary", async (t) => {
  const replicas = new Redis(await replica);
  t.after(() => replicas.disconnect());
  const clients = {
    ioredis: new Cluster([...cluster.nodes], { scaleReads: "slave" }),
    redis: await createCluster({ rootNodes: cluster.nodes.map((socket) => ({ socket })), useReplicas: true })
      .on("error", () => {})
      .connect(),
  };
  t.after(() => {
    clients.ioredis.disconnect();
    clients.redis.destroy();
  });
  // They do read from it.
  const reads = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await replicas.info("commandstats"))?.[1] ?? 0);
  for (const read of [(key: string) => clients.ioredis.get(key), (key: string) => clients.redis.get(key)]) {
    const before = await reads();
    for (let n = 0; n < 300 && (await reads()) === before; n += 1) await read(`key-${n}`);
    assert.notEqual(await reads(), before);
  }
  for (const client of Object.values(clients)) {
    const store = redisStore(client, { prefix: freshPrefix() });
    for (let n = 0; n < 60; n += 1) {
      await store.put(write("a", { owner: `owner-${n}` }));
      assert.equal((await store.get(`owner-${n}`, "a"))?.version, 1);
      assert.equal((await store.list(`owner-${n}`, { limit: 1 })).length, 1);
    }
    assert.equal((await store.due(2, 99)).length, 60);
  }
  // Writes come to it as what they did: no script, and no read.
  assert.doesNotMatch(await replicas.info("commandstats"), /cmdstat_(eval\w*|h\w*get\w*|zrange\w*):/);
});
