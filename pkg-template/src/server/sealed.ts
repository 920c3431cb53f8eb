// Payloads that the host protects at rest: sealed on their way into a store, opened on their way out.
import { TaskError } from "../errors.ts";
import type { MaybePromise, StoredTask, TaskStore } from "../store.ts";
import type { PayloadProtection } from "../types.ts";
import { isPromise } from "./facts.ts";

/** The store behind `payloads`. Where both answer at once, so does it. */
export function sealed(store: TaskStore, payloads: PayloadProtection): TaskStore {
  const seal = (text: string, owner: string, taskId: string) =>
    apply("sealed", () => payloads.seal(text, { owner, taskId }), taskId);
  const open = (text: string, owner: string, taskId: string) =>
    apply("opened", () => payloads.open(text, { owner, taskId }), taskId);
  // Every member is named, so that one that stores get later is not forgotten here.
  const whole: { [Member in keyof Required<TaskStore>]: TaskStore[Member] | undefined } = {
    get: (owner, id, options) =>
      then(store.get(owner, id, options), (task): MaybePromise<StoredTask | undefined> => {
        if (task === undefined || task.payload === null) return task;
        if (options?.payload === false) return { ...task, payload: null };
        return then(open(task.payload, owner, id), (payload) => ({ ...task, payload }));
      }),
    put: (task) => {
      if (typeof task.payload !== "string") return store.put(task);
      return then(seal(task.payload, task.owner, task.id), (payload) => store.put({ ...task, payload }));
    },
    delete: (owner, id, version) => store.delete(owner, id, version),
    list: (owner, options) => store.list(owner, options),
    due: (before, limit, after) => store.due(before, limit, after),
    usage: store.usage?.bind(store),
    all: store.all?.bind(store),
    watch: store.watch?.bind(store),
    wakes: store.wakes,
    close: store.close?.bind(store),
  };
  return whole as TaskStore;
}

function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** What a hook makes of a text. Whatever goes wrong in it is a failure of the store, and no text is passed on. */
function apply(what: "sealed" | "opened", hook: () => MaybePromise<string>, taskId: string): MaybePromise<string> {
  const failed = (cause: unknown): never => {
    throw new TaskError(
      "storage",
      `A task's payload could not be ${what}; \`cause\` is what \`payloads\` of TaskServer threw.`,
      { cause, taskId },
    );
  };
  const checked = (text: unknown): string =>
    typeof text === "string" ? text : failed(new TypeError(`Not a string but ${typeof text}.`));
  let text: MaybePromise<string>;
  try {
    text = hook();
  } catch (error) {
    return failed(error);
  }
  return isPromise(text) ? text.then(checked, failed) : checked(text);
}
