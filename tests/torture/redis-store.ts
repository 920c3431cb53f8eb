import { Redis } from "ioredis";
import type { TaskStore } from "mcp-longhaul";
import { redisStore } from "mcp-longhaul/stores/redis";

export const openStore = (path: string): TaskStore => redisStore(new Redis(path));
