// Every message that passes between a test and a server, and ways to wait for one.
import assert from "node:assert/strict";

/** A JSON-RPC message, as loosely as tests need it. */
export interface Message {
  jsonrpc?: string;
  id?: unknown;
  method?: string;
  params?: any;
  result?: any;
  error?: { code: number; message: string; data?: any };
}

/** A message, whence it came and on what: `pipe`, `GET`, `POST <method> <id>` or `POST`. */
export interface Frame {
  readonly from: "client" | "server";
  readonly on: string;
  readonly message: Message;
  /** The HTTP status and content type that brought it. */
  readonly http?: { readonly status: number; readonly type: string };
}

/** Longer than anything a test waits for. */
const PATIENCE = 15_000;

/** The frames of one test, in order. */
export class Frames {
  readonly all: Frame[] = [];
  readonly #waiting = new Set<() => void>();

  push(frame: Frame): void {
    this.all.push(frame);
    for (const look of [...this.#waiting]) look();
  }

  /** What the server has sent so far. */
  fromServer(matches: (message: Message, frame: Frame) => boolean = () => true): Frame[] {
    return this.all.filter((frame) => frame.from === "server" && matches(frame.message, frame));
  }

  /** The first frame of the server that matches, sent or to come; `after` skips the first frames of all. */
  next(matches: (message: Message, frame: Frame) => boolean, what: string, after = 0): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const give = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new assert.AssertionError({
            message: `No frame came: ${what}. Last: ${JSON.stringify(this.all.slice(-5)).slice(0, 2000)}`,
          }),
        );
      }, PATIENCE);
      // What a test gave up waiting for does not hold the process.
      give.unref();
      const look = () => {
        const found = this.all.slice(after).find((frame) => frame.from === "server" && matches(frame.message, frame));
        if (found === undefined) return;
        clearTimeout(give);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Resolves when `condition` holds; asks again whenever the event loop turns. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A promise and what settles it. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: unknown) => void } {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, open, fail };
}

/** Lets everything that is ready to run, run. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
