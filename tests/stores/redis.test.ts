import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storeCases } from "mcp-tasks/store-kit";
import { RedisServer, startCluster, type RedisCluster } from "../engines/redis.ts";
import { clusterOpeners, makeRedisStore, openers } from "./redis-cases.ts";

let server: RedisServer;
let cluster: RedisCluster;
before(async () => {
  [server, cluster] = await Promise.all([RedisServer.start(), startCluster()]);
});
after(() => Promise.all([server.stop(), cluster.stop()]));

for (const client of ["ioredis", "redis"] as const) {
  describe(`redisStore on ${client} keeps the contract`, () => {
    const makeStore = makeRedisStore(() => openers(server)[client], () => server.restart());
    for (const { name, run } of storeCases) test(name, (t) => run(makeStore, (why) => t.skip(why)));
  });

  describe(`redisStore on ${client} keeps the contract in a cluster`, () => {
    const makeStore = makeRedisStore(() => clusterOpeners(cluster)[client]);
    for (const { name, run } of storeCases) test(name, (t) => run(makeStore, (why) => t.skip(why)));
  });
}
