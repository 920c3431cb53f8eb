import { TaskError } from "../../errors.ts";
import type { Ioredis, NodeRedis } from "./client.ts";
import type { Script } from "./scripts.ts";

/** What is told about a subscription. */
export interface Subscriber {
  subscribed(): void;
  message(text: string): void;
  /** Something went wrong; the connection looks after itself. */
  error(error: unknown): void;
  /** The connection has given up. */
  lost(error: unknown): void;
}

/** The two clients, as one. */
export interface Driver {
  /** Runs a script on the primary that has its keys, in one round trip if Redis knows the script. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Subscribes on a connection of its own; returns what closes it. */
  subscribe(channel: string, subscriber: Subscriber): () => void;
}

/**
 * The driver for a client, or `undefined` if it is neither. Throws {@link TaskError} `invalid_argument` for one that is
 * too old.
 */
export function driverOf(client: Ioredis | NodeRedis): Driver | undefined {
  const has = (name: string) => typeof (Object(client) as Record<string, unknown>)[name] === "function";
  // In version 4, `createCluster` sends scripts to any node and gives up before it has found theirs.
  if (has("nodeClient") && !has("destroy"))
    throw new TaskError("invalid_argument", "redisStore needs version 5 or later of `redis` for a cluster.");
  if (!has("eval") || !has("duplicate")) return undefined;
  if (has("evalSha")) return nodeRedis(client as NodeRedis);
  if (has("evalsha")) return ioredis(client as Ioredis);
  return undefined;
}

function ioredis(client: Ioredis): Driver {
  return {
    run: (script, keys, args) =>
      knownOrNot(
        async () => client.evalsha(await script.sha(), keys.length, ...keys, ...args),
        () => client.eval(script.source, keys.length, ...keys, ...args),
      ),
    subscribe(channel, subscriber) {
      const connection = duplicateIoredis(client);
      connection.on("message", (_channel, text) => subscriber.message(String(text)));
      connection.on("error", (error) => subscriber.error(error));
      connection.on("end", () => subscriber.lost(new Error("The connection has ended.")));
      connection.subscribe(channel).then(
        () => subscriber.subscribed(),
        (error: unknown) => subscriber.lost(error),
      );
      return () => connection.disconnect();
    },
  };
}

interface IoredisConnection {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  subscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** The caller's options are for commands that a call waits for; a subscription waits as long as it takes. */
function duplicateIoredis(client: Ioredis): IoredisConnection {
  const patience = { lazyConnect: true, enableOfflineQueue: true, autoResubscribe: true };
  const { isCluster, duplicate } = client as Ioredis & { duplicate(...overrides: unknown[]): unknown };
  const overrides = isCluster ? [[], patience] : [{ ...patience, maxRetriesPerRequest: null }];
  return duplicate.apply(client, overrides) as IoredisConnection;
}

function nodeRedis(client: NodeRedis): Driver {
  return {
    run: (script, keys, args) => {
      const options = { keys: [...keys], arguments: [...args] };
      return knownOrNot(
        async () => client.evalSha(await script.sha(), options),
        () => client.eval(script.source, options),
      );
    },
    subscribe(channel, subscriber) {
      const connection = client.duplicate() as NodeRedisConnection;
      let closed = false;
      const close = (): void => {
        closed = true;
        // Version 4 has no `destroy`; and either fails where nothing is open any more.
        void (async () => (connection.destroy ?? connection.disconnect).call(connection))().catch(() => {});
      };
      connection.on("error", (error) => {
        if (closed) return;
        if (connection.isOpen) subscriber.error(error);
        else subscriber.lost(error);
      });
      const begin = async (): Promise<void> => {
        await connection.connect();
        if (closed) return close(); // again: now there is something to close
        await connection.subscribe(channel, (text) => subscriber.message(String(text)));
        subscriber.subscribed();
      };
      begin().catch((error: unknown) => {
        if (!closed) subscriber.lost(error);
      });
      return close;
    },
  };
}

interface NodeRedisConnection {
  readonly isOpen: boolean;
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (text: unknown) => void): Promise<void>;
  destroy?(): unknown;
  disconnect(): unknown;
}

/** Redis forgets scripts when it restarts, and a replica that takes over may not know them. */
async function knownOrNot(known: () => Promise<unknown>, unknown: () => Promise<unknown>): Promise<unknown> {
  try {
    return await known();
  } catch (error) {
    if (error instanceof Error && /^NOSCRIPT/.test(error.message)) return unknown();
    throw error;
  }
}
