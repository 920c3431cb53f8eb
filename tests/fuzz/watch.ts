// What must not happen in a process that is attacked, whatever is sent to it; and how long its event loop stood still.
import { monitorEventLoopDelay } from "node:perf_hooks";

const happened: string[] = [];
const shown = (error: unknown): string => (error instanceof Error ? (error.stack ?? String(error)) : String(error));
const delay = monitorEventLoopDelay({ resolution: 10 });

/** From here on, what nobody handles ends no process and is kept for {@link misfortunes}. */
export function watch(): void {
  process.on("unhandledRejection", (error) => happened.push(`an unhandled rejection: ${shown(error)}`));
  process.on("uncaughtException", (error) => happened.push(`an uncaught exception: ${shown(error)}`));
  // The SDKs add a listener for each message that waits for the pipe.
  process.removeAllListeners("warning");
  delay.enable();
}

/** What has happened since it was asked last; nothing, if all is well. */
export function misfortunes(): string[] {
  for (const [name, prototype] of [
    ["Object", Object.prototype],
    ["Array", Array.prototype],
    ["Promise", Promise.prototype],
  ] as const) {
    for (const key of Object.keys(prototype)) {
      delete (prototype as unknown as Record<string, unknown>)[key];
      happened.push(`${name}.prototype has a member "${key}"`);
    }
  }
  return happened.splice(0);
}

/** The longest time in ms for which the event loop did not turn. */
export function longestBlock(): number {
  return Math.round(delay.max / 1e6);
}
