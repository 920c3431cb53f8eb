// Requesters on connections that are one stream: in memory, and a child process's standard input and output.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { InMemoryTransport as InMemoryV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { InMemoryTransport as InMemoryV2 } from "@modelcontextprotocol/server";
import type { Message } from "./frames.ts";
import { Requester } from "./requester.ts";

interface Connectable {
  connect(transport: never): Promise<void>;
}

/** Talks to a server in this process. What is sent has been JSON on the way. */
export class PipeRequester extends Requester {
  readonly #near: InMemoryV1;

  private constructor(near: InMemoryV1) {
    super();
    this.#near = near;
    near.onclose = () => this.onclose();
    near.onmessage = (message) => this.received(JSON.parse(JSON.stringify(message)) as Message, "pipe");
  }

  /** Connects a server of either SDK. `authInfo` comes with every message. */
  static async to(server: Connectable, sdk: "v1" | "v2" = "v1", authInfo?: unknown): Promise<PipeRequester> {
    const [near, far] = (sdk === "v1" ? InMemoryV1 : InMemoryV2).createLinkedPair() as [InMemoryV1, InMemoryV1];
    const requester = new PipeRequester(near);
    requester.authInfo = authInfo;
    await near.start();
    await server.connect(far as never);
    return requester;
  }

  authInfo: unknown;
  /** Called when the server's end closes. */
  onclose: () => void = () => {};

  async send(message: Message): Promise<void> {
    this.sent(message, "pipe");
    await this.#near.send(
      JSON.parse(JSON.stringify(message)),
      this.authInfo === undefined ? undefined : { authInfo: this.authInfo as never },
    );
  }

  async close(): Promise<void> {
    await this.#near.close();
  }
}

/** Talks to a child process line by line. */
export class StdioRequester extends Requester {
  readonly child: ChildProcess;
  /** The lines that came, as they came. */
  readonly lines: string[] = [];
  readonly exited: Promise<number | null>;

  /** Runs `file`, a path beside this one, with this Node. */
  constructor(file: string, args: readonly string[] = []) {
    super();
    this.child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", fileURLToPath(new URL(file, import.meta.url)), ...args],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    this.exited = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    createInterface({ input: this.child.stdout!, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
      this.lines.push(line);
      this.received(JSON.parse(line) as Message, "pipe");
    });
  }

  async send(message: Message): Promise<void> {
    this.sent(message, "pipe");
    await new Promise<void>((resolve, reject) => {
      this.child.stdin!.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    this.child.stdin!.end();
    const late = setTimeout(() => this.child.kill(), 3_000);
    await this.exited;
    clearTimeout(late);
  }
}
