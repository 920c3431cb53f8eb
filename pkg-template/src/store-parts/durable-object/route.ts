import { own, textOf } from "../../json.ts";
import { checkNames } from "../../options-check.ts";
import { readJson } from "../../server/request-body.ts";
import { ASK_PREFIX, creationKey } from "../../server/facts.ts";
import type { ObjectNamespace } from "./platform.ts";
import { vouchFor } from "./vouch.ts";

const OBJECT_OF_TASK = /^([0-9a-f]{64})_[\w-]+$/;
/** An answer to what a task has asked names the question alone, whose id begins with the task's `idPrefix`. */
const OBJECT_OF_ASK = new RegExp(`^${ASK_PREFIX}([0-9a-f]{64})_[\\w-]+$`);

/** Who calls, and how many objects share the work. */
export interface RouteOptions {
  /** How many objects share the tasks of requests without `owner`. Default 16. */
  readonly objects?: number | undefined;
  /**
   * What the Worker has verified about the caller, in the SDK's shape: the object's handlers see it, and tasks belong
   * to its principal. Plain JSON but for `resource`. Without it, the caller has no principal.
   */
  readonly authInfo?: object | undefined;
  /**
   * A name for the caller's principal, never its token: all its requests go to one object of its own. `tasks/list`
   * finds all its tasks then, and one `subscriptions/listen` hears of all of them.
   */
  readonly owner?: string | undefined;
}

/**
 * Sends a request to the object that has the task it names, in the header `Mcp-Name` (2026-07-28) or in its body
 * (2025-11-25), and any other request to one of `objects` objects: calls with the same creation key to the same one,
 * the rest at random. Create tasks in objects of {@link taskObject}, with their `idPrefix`.
 *
 * A `subscriptions/listen` names several tasks and reaches one object, which accepts none of the others'; clients poll
 * those. `tasks/list` finds the tasks of one object only. Where callers are authenticated, `owner` spares them both.
 *
 * Rejects with {@link TaskError} `invalid_argument` for an option that there is not.
 */
export async function routeByTask(
  request: Request,
  namespace: ObjectNamespace,
  options: RouteOptions = {},
): Promise<Response> {
  checkNames("routeByTask", options, { objects: true, authInfo: true, owner: true });
  const { objects = 16, authInfo, owner } = options;
  const id = owner === undefined ? await objectOf(request, namespace, objects) : namespace.idFromName(`owner-${owner}`);
  return namespace.get(id as never).fetch(vouchFor(request, authInfo));
}

async function objectOf(request: Request, namespace: ObjectNamespace, objects: number): Promise<object> {
  const header = OBJECT_OF_TASK.exec(request.headers.get("mcp-name") ?? "");
  const named = header === null ? await namedInBody(request) : undefined;
  const [, known] = header ?? OBJECT_OF_TASK.exec(named?.taskId ?? "") ?? OBJECT_OF_ASK.exec(named?.id ?? "") ?? [];
  const number = named?.key === undefined ? Math.floor(Math.random() * objects) : sum(named.key) % objects;
  return (known === undefined ? undefined : idOf(namespace, known)) ?? namespace.idFromName(`tasks-${number}`);
}

/** `undefined` for an id that no object of this namespace has: a client may send anything. */
function idOf(namespace: ObjectNamespace, id: string): object | undefined {
  try {
    return namespace.idFromString(id);
  } catch {
    return undefined;
  }
}

interface Named {
  readonly id?: string | undefined;
  readonly taskId?: string | undefined;
  readonly key?: string | undefined;
}

async function namedInBody(request: Request): Promise<Named> {
  if (request.method !== "POST") return {};
  const body = await readJson(request);
  return {
    id: textOf(body, "id"),
    taskId: textOf(body, "params", "taskId"),
    key: creationKey(own(body, "params", "_meta")),
  };
}

function sum(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)!) >>> 0;
  return sum;
}
