// Runs in a page and, for each program, in a worker of it. What it offers to core.ts is `globalThis.runCoreTests`.
import { ConsoleStdout, File, OpenFile, WASI } from "@bjorn3/browser_wasi_shim";

/** How a program of tests ended (0: all passed; what it threw, as text) and what it printed. */
interface Run {
  code: number | string;
  output: string;
}

async function runHere(program: string): Promise<Run> {
  const decoder = new TextDecoder();
  let output = "";
  const print = new ConsoleStdout((bytes) => void (output += decoder.decode(bytes, { stream: true })));
  // A panic ends the program at once, so what the test harness had captured until then would be lost.
  const wasi = new WASI([program, "--nocapture"], [], [new OpenFile(new File([])), print, print]);
  try {
    const { instance } = await WebAssembly.instantiateStreaming(fetch(program), {
      wasi_snapshot_preview1: wasi.wasiImport,
    });
    return { code: wasi.start(instance as Parameters<WASI["start"]>[0]), output };
  } catch (error) {
    return { code: String(error), output };
  }
}

function runInWorker(program: string): Promise<Run> {
  const worker = new Worker("/module.js", { type: "module" });
  return new Promise<Run>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => resolve({ code: message, output: "" });
    worker.postMessage(program);
  }).finally(() => worker.terminate());
}

export type PageCoreTests = typeof runInWorker;

if (typeof document === "undefined") globalThis.onmessage = async ({ data }) => postMessage(await runHere(data));
else Object.assign(globalThis, { runCoreTests: runInWorker });
