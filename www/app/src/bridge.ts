// HTTP without a network: a page asks a worker, which answers as an HTTP server would.

/** What the page asks. */
export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | undefined;
}

/** What the worker answers with, piece by piece. */
export type Answered =
  | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
  | { readonly chunk: Uint8Array }
  | { readonly end: true; readonly error?: string };

/** A server in a worker, as pages reach it. */
export class WorkerServer {
  readonly #start: () => Worker;
  #worker: Worker | undefined;
  /** What ends each exchange that is open. */
  readonly #open = new Set<(error: Error) => void>();

  constructor(start: () => Worker) {
    this.#start = start;
  }

  start(): void {
    this.#worker ??= this.#start();
  }

  /** Ends the worker in the middle of whatever it does. Its connections break, as those of a process would. */
  kill(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const end of this.#open) end(new TypeError("The server is gone"));
  }

  readonly fetch: typeof fetch = (input, init = {}) => {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new TypeError("The server is not there"));
    const { port1, port2 } = new MessageChannel();
    const asked: Asked = {
      url: String(input instanceof Request ? input.url : input),
      method: init.method ?? "GET",
      headers: [...new Headers(init.headers)],
      body: typeof init.body === "string" ? init.body : undefined,
    };
    return new Promise((resolve, reject) => {
      let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
      const over = (error?: Error): void => {
        this.#open.delete(over);
        init.signal?.removeEventListener("abort", stop);
        port1.close();
        try {
          if (error === undefined) stream?.close();
          else stream?.error(error);
        } catch {
          // It has ended, or nobody reads it any more.
        }
        if (error !== undefined) reject(error);
      };
      const stop = (): void => {
        port1.postMessage("abort");
        over((init.signal?.reason as Error | undefined) ?? new DOMException("Aborted", "AbortError"));
      };
      if (init.signal?.aborted === true) return stop();
      this.#open.add(over);
      init.signal?.addEventListener("abort", stop, { once: true });
      port1.onmessage = ({ data }: MessageEvent<Answered>) => {
        if ("chunk" in data) return stream?.enqueue(data.chunk);
        if ("end" in data) return over(data.error === undefined ? undefined : new TypeError(data.error));
        const { status, headers } = data;
        const isEmpty = status === 204 || status === 202 || status === 304;
        const content = new ReadableStream<Uint8Array>({
          start: (controller) => void (stream = controller),
          cancel: () => port1.postMessage("abort"),
        });
        resolve(new Response(isEmpty ? null : content, { status, headers: [...headers] as [string, string][] }));
      };
      worker.postMessage({ asked }, [port2]);
    });
  };
}

/** Answers what pages ask this worker. */
export function answerWith(
  handle: (request: Request, options: { parsedBody?: unknown }) => Promise<Response>,
): (event: MessageEvent) => void {
  return ({ data, ports: [port] }) => {
    const asked = (data as { asked?: Asked }).asked;
    if (asked !== undefined && port !== undefined) void answer(asked, port, handle);
  };
}

async function answer(
  { url, method, headers, body }: Asked,
  port: MessagePort,
  handle: (request: Request, options: { parsedBody?: unknown }) => Promise<Response>,
): Promise<void> {
  const stop = new AbortController();
  port.onmessage = () => stop.abort();
  const tell = (answered: Answered): void => port.postMessage(answered);
  try {
    const request = new Request(url, {
      method,
      headers: [...headers] as [string, string][],
      ...(body !== undefined && { body }),
      signal: stop.signal,
    });
    // The SDK's entry reads `Request.body`, which Firefox has not.
    const response = await handle(request, body === undefined ? {} : { parsedBody: JSON.parse(body) });
    tell({ status: response.status, headers: [...response.headers] });
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      tell({ chunk: part.value });
      if (stop.signal.aborted) return void reader?.cancel().catch(() => {});
    }
    tell({ end: true });
  } catch (error) {
    tell({ end: true, error: String(error) });
  }
}
