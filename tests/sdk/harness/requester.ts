// A client that is no SDK: it sends exactly what a test says and keeps every frame.
import { Frames, type Message } from "./frames.ts";

export type Answerer = (message: Message) => Message | undefined | Promise<Message | undefined>;

/** Speaks JSON-RPC to a server; how the bytes travel is the subclass's. */
export abstract class Requester {
  readonly frames = new Frames();
  #lastId = 100;
  #answerers = new Map<string, Answerer>();

  /** Sends a message as it is. Resolves when it is on its way. */
  abstract send(message: Message): Promise<void>;
  abstract close(): Promise<void>;

  /** Sends a request; resolves with the whole response, result or error. */
  async request(method: string, params?: unknown, id: unknown = ++this.#lastId): Promise<Message> {
    const before = this.frames.all.length;
    const response = this.frames.next(
      (message) => message.method === undefined && message.id === id,
      `the answer to ${method} ${JSON.stringify(id)}`,
      before,
    );
    response.catch(() => {});
    await this.send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
    return (await response).message;
  }

  /** The next id, for requests that a test cancels. */
  nextId(): number {
    return ++this.#lastId;
  }

  notify(method: string, params?: unknown): Promise<void> {
    return this.send({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) });
  }

  respond(id: unknown, body: Pick<Message, "result"> | Pick<Message, "error">): Promise<void> {
    return this.send({ jsonrpc: "2.0", id, ...body });
  }

  /** Answers the server's requests of one method from now on; `undefined` leaves one unanswered. */
  answer(method: string, answerer: Answerer): void {
    this.#answerers.set(method, answerer);
  }

  /** The server's request of this method; by default the first. */
  asked(method: string, after = 0): Promise<Message> {
    return this.frames
      .next((message) => message.method === method && message.id !== undefined, `a request ${method}`, after)
      .then((frame) => frame.message);
  }

  /** A subclass received a message. */
  protected received(message: Message, on: string, http?: { status: number; type: string }): void {
    this.frames.push({ from: "server", on, message, ...(http === undefined ? {} : { http }) });
    const answerer =
      message.method === undefined || message.id === undefined ? undefined : this.#answerers.get(message.method);
    if (answerer === undefined) return;
    void (async () => {
      const body = await answerer(message);
      if (body !== undefined) await this.send({ jsonrpc: "2.0", id: message.id, ...body });
    })();
  }

  /** A subclass sends a message. */
  protected sent(message: Message, on: string): void {
    this.frames.push({ from: "client", on, message });
  }
}
