import { Redis } from "ioredis";
import type { TaskStore } from "mcp-tasks";
import { redisStore } from "mcp-tasks/stores/redis";

export const openStore = (path: string): TaskStore => redisStore(new Redis(path));
