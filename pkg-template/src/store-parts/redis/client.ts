/** What the store uses of a client of `ioredis`: `Redis` or `Cluster`. */
export interface Ioredis {
  /** Whether it is a `Cluster`. */
  readonly isCluster: boolean;
  /** Runs a script that Redis knows. */
  evalsha(sha1: string, numkeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, numkeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** Makes another connection to the same place. */
  duplicate(): unknown;
}

/** What the store uses of a client of `redis`: what `createClient` or `createCluster` return. */
export interface NodeRedis {
  /** Runs a script that Redis knows. */
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Makes another connection to the same place. */
  duplicate(): unknown;
}
