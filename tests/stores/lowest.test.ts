// The lowest version of each database client that the package's peer ranges allow, beside the newest, which the other
// tests use.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import Ioredis from "ioredis-5.0.0";
import type { MakeStore } from "mcp-longhaul/store-kit";
import { createClient } from "redis-4.6.0";
import { postgresStore, type PostgresPool } from "../../pkg-template/src/stores/postgres.ts";
import { redisStore } from "../../pkg-template/src/stores/redis.ts";
import { startPostgres, type Postgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { keepsContract } from "./contract.ts";
import { makeRedisStore, type Open } from "./redis-cases.ts";

// This version has no types.
const { Pool } = createRequire(import.meta.url)("pg-8.11.0") as {
  Pool: new (config: object) => PostgresPool & { end(): Promise<void> };
};

function manifest(path: string): Record<string, Record<string, string>> {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
}

test("the lowest version of each client is the one that is tested here", () => {
  const { peerDependencies } = manifest("../../pkg-template/package.json");
  const { devDependencies } = manifest("../../package.json");
  for (const client of ["ioredis", "pg", "redis"]) {
    const [lowest = ""] = /\d.*/.exec(peerDependencies?.[client] ?? "") ?? [];
    const version = [...lowest.split("."), "0", "0"].slice(0, 3).join(".");
    assert.equal(devDependencies?.[`${client}-${version}`], `npm:${client}@${version}`);
  }
});

describe("postgresStore on pg 8.11.0 keeps the contract, on two pools", { concurrency: 4 }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres?.stop());

  let tables = 0;
  const makeStore: MakeStore = () => {
    const tablePrefix = `t${(tables += 1)}_`;
    const pools = [0, 1].map(() => new Pool({ ...postgres.connection, max: 4 }));
    const [store, peer] = pools.map((pool) => postgresStore(pool, { tablePrefix }));
    const dispose = async (): Promise<void> => {
      await Promise.all([store?.close(), peer?.close()]);
      await Promise.all(pools.map((pool) => pool.end()));
    };
    return { store: store!, peer, dispose };
  };
  keepsContract(makeStore);
});

describe("redisStore on the lowest clients keeps the contract", () => {
  let server: RedisServer;
  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server?.stop());

  const openers: Record<string, Open> = {
    "ioredis 5.0.0": async (options) => {
      const client = new Ioredis.default(server.path).on("error", () => {});
      const store = redisStore(client, options);
      return { store, end: async () => (await store.close?.(), client.disconnect()) };
    },
    "redis 4.6.0": async (options) => {
      const client = createClient({ socket: { path: server.path } }).on("error", () => {});
      await client.connect();
      const store = redisStore(client, options);
      return { store, end: async () => (await store.close?.(), client.disconnect()) };
    },
  };
  for (const [client, open] of Object.entries(openers)) {
    const makeStore = makeRedisStore(() => open);
    keepsContract(makeStore, `, on ${client}`);
  }
});
