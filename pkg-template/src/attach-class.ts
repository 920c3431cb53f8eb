import { TaskError } from "./errors.ts";
import { NAME } from "./name.ts";
import type { AttachableClient, AttachableServer } from "./types.ts";

/** A class of either SDK whose instances can be attached: `Client`, `Server` or `McpServer`. */
export type AttachableClass = abstract new (...parameters: never[]) => AttachableClient | AttachableServer;

/** What attaches each instance: a {@link TaskClient} or a {@link TaskServer}. */
export interface Attacher {
  /** Makes tasks work on one client or server. */
  attach(target: never): unknown;
}

type Method = (this: object, ...values: unknown[]) => unknown;
type Methods = Record<string, Method>;

const WRONG_CLASS = "attachClass() takes a class `Client`, `Server` or `McpServer` of the MCP SDK.";
/** What an attached instance replaces; a server has no `callTool`. */
const NAMES = ["connect", "callTool"];
const ATTACHED = Symbol.for(`${NAME}.attached-class`);

/**
 * Attaches every client or server of a class, subclasses too, whichever code makes it: for frameworks that make their
 * own. Returns the class. A client that is connected already is attached with its next call; a server must not be
 * connected yet.
 *
 * Throws {@link TaskError} `invalid_argument` for anything that is no such class, and for one that is attached to
 * another `tasks` already.
 *
 * @param tasks - a {@link TaskClient} for `Client`, a {@link TaskServer} for `Server` and `McpServer`
 * @param Class - the class that the framework imports: each copy of an SDK has its own, and so has each module format
 */
export function attachClass<Class extends AttachableClass>(tasks: Attacher, Class: Class): Class {
  const prototype = (typeof Class === "function" ? Class.prototype : undefined) as Methods | undefined;
  if (typeof prototype?.["connect"] !== "function") throw new TaskError("invalid_argument", WRONG_CLASS);
  const attacher = Object.hasOwn(prototype, ATTACHED) ? (prototype as { [ATTACHED]?: Attacher })[ATTACHED] : undefined;
  if (attacher === tasks) return Class;
  if (attacher !== undefined)
    throw new TaskError("invalid_argument", "This class is attached to another TaskClient or TaskServer.");
  Object.defineProperty(prototype, ATTACHED, { value: tasks });

  const own = NAMES.filter((name) => typeof prototype[name] === "function");
  const originals = Object.fromEntries(own.map((name) => [name, prototype[name] as Method]));
  const attached = new WeakMap<object, Methods>();
  for (const name of own) {
    prototype[name] = function (...values) {
      let methods = attached.get(this);
      if (methods === undefined) attached.set(this, (methods = attach(tasks, this as Methods, originals)));
      return (methods[name] as Method).apply(this, values);
    };
  }
  return Class;
}

/**
 * Attaches an instance, and answers what takes the place of its methods. The instance itself keeps none of them: a
 * subclass that has the same methods is called first, as ever, and once.
 */
function attach(tasks: Attacher, instance: Methods, originals: Methods): Methods {
  const names = Object.keys(originals);
  const before = names.map((name) => Object.getOwnPropertyDescriptor(instance, name));
  for (const name of names) instance[name] = originals[name] as Method;
  try {
    tasks.attach(instance as never);
    return Object.fromEntries(names.map((name) => [name, instance[name] as Method]));
  } finally {
    for (const [index, name] of names.entries()) {
      const descriptor = before[index];
      if (descriptor === undefined) delete instance[name];
      else Object.defineProperty(instance, name, descriptor);
    }
  }
}
