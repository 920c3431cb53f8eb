// The frames that pass on a connection, for whoever wants to see them.

/** What a frame looks like on its way. */
export interface Frame {
  readonly number: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly from: "client" | "server";
  readonly message: Readonly<Record<string, unknown>>;
}

/** So many are kept; older ones go. */
const MOST = 2_000;
/** Longer ones are cut where they are shown. */
const LONGEST = 20_000;

export class Frames {
  #frames: readonly Frame[] = [];
  #last = 0;
  /** The tasks of which the server has pushed anything. */
  readonly pushed = new Set<string>();
  readonly #listeners = new Set<() => void>();

  /** Listens on the wire: what a transport sends by this `fetch`, and what comes back. */
  watch(inner: typeof fetch): typeof fetch {
    return async (input, init) => {
      if (typeof init?.body === "string") this.#addText("client", init.body);
      const response = await inner(input, init);
      if (response.body === null) return response;
      const [ours, theirs] = response.body.tee();
      this.#read(ours, response.headers.get("content-type") ?? "").catch(() => {});
      return new Response(theirs, { status: response.status, headers: response.headers });
    };
  }

  async #read(stream: ReadableStream<Uint8Array>, type: string): Promise<void> {
    const reader = stream.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      if (type.includes("event-stream")) {
        const lines = rest.split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.startsWith("data:")) this.#addText("server", line.slice(5));
      }
      if (done) break;
    }
    if (type.includes("json")) this.#addText("server", rest);
  }

  #addText(from: Frame["from"], text: string): void {
    try {
      for (const message of [JSON.parse(text)].flat()) this.#add(from, message);
    } catch {
      // It is no message.
    }
  }

  #add(from: Frame["from"], message: unknown): void {
    const { method, params } = Object(message) as { method?: unknown; params?: { taskId?: unknown } };
    if (from === "server" && typeof method === "string" && method.startsWith("notifications/tasks"))
      this.pushed.add(String(params?.taskId));
    const frame = { number: ++this.#last, at: Date.now(), from, message: message as Frame["message"] };
    this.#frames = [...this.#frames.slice(1 - MOST), frame];
    for (const listener of this.#listeners) listener();
  }

  get all(): readonly Frame[] {
    return this.#frames;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** What a frame is, in a few words. */
export function titleOf({ message }: Frame): string {
  const method = message["method"];
  if (typeof method === "string") return method;
  if (message["error"] !== undefined) return "error";
  const result = message["result"] as Readonly<Record<string, unknown>> | undefined;
  const status = result?.["status"] ?? (result?.["task"] as Readonly<Record<string, unknown>> | undefined)?.["status"];
  return typeof status === "string" ? `result: ${status}` : "result";
}

/** A frame's text, as JSON; long ones are cut. */
export function textOf(frame: Frame): string {
  const text = JSON.stringify(frame.message, undefined, 2);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${text.length - LONGEST} characters more` : text;
}

/** The frames that say anything of a task. */
export function framesOf(frames: readonly Frame[], taskId: string): readonly Frame[] {
  const ids = new Set<unknown>();
  return frames.filter(({ message }) => {
    const isAbout = JSON.stringify(message).includes(JSON.stringify(taskId));
    if (isAbout && message["id"] !== undefined) ids.add(message["id"]);
    return isAbout || (message["method"] === undefined && ids.has(message["id"]));
  });
}
