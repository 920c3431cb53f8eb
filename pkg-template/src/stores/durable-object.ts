import type { FetchHandler, TaskServer } from "../server.ts";
import type { TaskStore } from "../store.ts";
import type { ObjectContext, ObjectStorage } from "../store-parts/durable-object/platform.ts";
import { type ObjectTasks, openObjectTasks } from "../store-parts/durable-object/tasks.ts";
import { verified } from "../store-parts/durable-object/vouch.ts";

export type { ObjectContext, ObjectNamespace, ObjectStorage } from "../store-parts/durable-object/platform.ts";
export { routeByTask, type RouteOptions } from "../store-parts/durable-object/route.ts";

/**
 * Keeps tasks in the SQLite storage of a Durable Object, in the table `mcp_tasks`. It answers at once; the platform
 * holds an answer back until what was written before it is safe. The object's alarm is the store's: it is set to when
 * the next task is due, so that time passes for a task whose object sleeps. Let `alarm()` call {@link
 * TaskServer.sweep}, as {@link taskObject} does.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong owner or id; `storage` where the storage fails, with its
 * error as `cause`, or is not SQLite (`new_sqlite_classes` in the Worker's configuration).
 */
export function durableObjectStore(storage: ObjectStorage): TaskStore {
  return openObjectTasks(storage, false);
}

/** What {@link taskObject} gives to a server: `new TaskServer({ ...durable, tools })`. */
export interface DurableTasks {
  /** The tasks of this object. */
  readonly store: TaskStore;
  /** The object's id, so that {@link routeByTask} finds a task's object. */
  readonly idPrefix: string;
  /** An object's lives follow each other at one place, whose clock is kept in step. */
  readonly clockSkew: number;
}

/** What the function given to {@link taskObject} makes. */
export interface ServedTasks {
  /** The server of the tasks, made with {@link DurableTasks}. */
  readonly tasks: TaskServer;
  /** The HTTP entry whose servers are attached to `tasks`, as `createMcpHandler` of the SDK makes it. */
  readonly handler: FetchHandler;
}

/** What the platform calls on an object of {@link taskObject}. */
export interface TaskObject {
  /** Serves MCP. */
  fetch(request: Request): Promise<Response>;
  /** Looks for tasks whose time or lease is over. */
  alarm(): Promise<void>;
}

/**
 * Makes a class of Durable Objects that serve MCP, with tasks that outlive them. `build` is called once in the life of
 * each object in memory.
 *
 * ```ts
 * export const Tasks = taskObject<Env>(({ durable, env }) => {
 *   const tasks = new TaskServer({ ...durable, task: "always" });
 *   return { tasks, handler: createMcpHandler(() => tasks.attach(makeServer(env))) };
 * });
 * export default { fetch: (request: Request, env: Env) => routeByTask(request, env.TASKS) };
 * ```
 */
export function taskObject<Env = unknown>(
  build: (context: { readonly durable: DurableTasks; readonly env: Env; readonly ctx: ObjectContext }) => ServedTasks,
): new (
  ctx: ObjectContext,
  env: Env,
) => TaskObject {
  return class implements TaskObject {
    readonly #ctx: ObjectContext;
    readonly #store: ObjectTasks;
    readonly #tasks: TaskServer;
    readonly #serve: (
      request: Request,
      options: { readonly authInfo: unknown },
      ctx: ObjectContext,
    ) => Promise<Response>;

    constructor(ctx: ObjectContext, env: Env) {
      this.#ctx = ctx;
      this.#store = openObjectTasks(ctx.storage, true);
      const { tasks, handler } = build({
        durable: { store: this.#store, idPrefix: `${String(ctx.id)}_`, clockSkew: 0 },
        env,
        ctx,
      });
      this.#tasks = tasks;
      this.#serve = tasks.fetch(handler);
    }

    fetch(request: Request): Promise<Response> {
      return this.#serve(request, { authInfo: verified(request) }, this.#ctx);
    }

    async alarm(): Promise<void> {
      try {
        this.#tasks.sweep();
      } finally {
        this.#store.alarmEnded();
      }
    }
  };
}
