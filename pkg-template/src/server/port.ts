import { NAME } from "../name.ts";
import { Assembler } from "../core/assembler.ts";
import { now } from "../clock.ts";
import type { Instance } from "../core/half.ts";
import { TaskError } from "../errors.ts";
import { serverCore } from "./core.ts";
import type { Hooks } from "./hooks.ts";
import type { ReceiverHost } from "./receiver-host.ts";
import * as core from "../wasm/generated/server.js";

/** An input of the core: a function that is told for which receiver, and when. */
type Input<Rest extends unknown[], Value> = (receiver: number, now: number, ...rest: Rest) => Value;

/** The server that a port belongs to. */
export interface PortOwner {
  /** Takes note of what the receiver wants. */
  readonly host: ReceiverHost;
  /** The options of the receiver. */
  receiverOptions(): object;
  /** The receiver is a new one, in the place of one that is lost: it is told of everything that goes on. */
  recover(): void;
  /** An input was given, and all that it led to is done. */
  entered(): void;
}

/** The receiver in the core: inputs go in here, and what it wants is done before they return. */
export class Port {
  readonly #hooks: Hooks;
  #owner!: PortOwner;
  #instance!: Instance;
  #receiver = 0;
  #assembler!: Assembler;
  /** What the receiver wants, and how much of it is done. */
  #wanted: (() => void)[] = [];
  #done = 0;
  #trap: unknown = Symbol("none");
  #isDraining = false;
  /** The core was entered since it said what it wants, or has yet to say when it is to be woken. */
  #hasOutputs = false;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** Makes the receiver. Throws {@link TaskError} `wasm` where the core does not start. */
  open(owner: PortOwner): void {
    this.#owner = owner;
    this.#make();
  }

  /**
   * The number of the core's receiver. Where it was lost through a trap that another server met, there is another from
   * here on.
   */
  get receiver(): number {
    if (!serverCore.isCurrent(this.#instance)) this.#rebuild(new TaskError("internal", LOST_ELSEWHERE));
    this.#hasOutputs = true;
    return this.#receiver;
  }

  /**
   * Before a message is looked at: if the receiver is lost, there is another, and the message need not be sent again.
   */
  refresh(): void {
    void this.receiver;
  }

  /** Gives the core an input while it is at work: what it wants then is done when the work is. */
  give<Rest extends unknown[], Value>(input: Input<Rest, Value>, ...rest: Rest): Value {
    return input(this.receiver, now(), ...rest);
  }

  /** Gives the core an input, then does everything it wants done. Throws what came out of the core. */
  enter<Rest extends unknown[], Value>(input: Input<Rest, Value>, ...rest: Rest): Value {
    return this.work(() => this.give(input, ...rest));
  }

  /** Does work that gives the core inputs, then everything it wants done. Throws what came out of the core. */
  work<T>(work: () => T): T {
    try {
      const value = work();
      this.drain();
      this.#owner.entered();
      return value;
    } catch (error) {
      if (error !== this.#trap) {
        this.#trap = error;
        this.#rebuild(serverCore.poison(this.#instance, error));
      }
      throw error;
    }
  }

  /** As {@link Port.enter}, where no caller is there to hear of a trap; it is reported. */
  enterReporting<Rest extends unknown[]>(input: Input<Rest, unknown>, ...rest: Rest): void {
    this.workReporting(() => this.give(input, ...rest));
  }

  /** As {@link Port.work}, where no caller is there to hear of a trap; it is reported. */
  workReporting(work: () => void): void {
    try {
      this.work(work);
    } catch (error) {
      if (!this.isTrap(error)) throw error;
    }
  }

  /** Notes what is to be done when the core's work is over. */
  want(output: () => void): void {
    this.#wanted.push(output);
  }

  /** Does everything that the core wants done. Nested calls leave it to the loop that is already running. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#hasOutputs) {
        this.#takeOutputs();
        // One may let another instance take this one's place, which wants other things.
        while (this.#done < this.#wanted.length) this.#wanted[this.#done++]?.();
        this.#forgetWanted();
      }
    } finally {
      this.#isDraining = false;
    }
  }

  /** Whether an error came out of the core, so that whoever waited has been told already. */
  isTrap(error: unknown): boolean {
    return error === this.#trap;
  }

  /** Where the core writes; it is filled between two calls of the host. */
  get assembler(): Assembler {
    return this.#assembler;
  }

  report(error: unknown): void {
    this.#hooks.report(error);
  }

  /** Something was thrown; what came out of the core was reported when it did. */
  failed(error: unknown): void {
    if (!this.isTrap(error)) this.report(error);
  }

  /** A message could not be sent. */
  readonly unsent = (cause: unknown): void => {
    this.report(
      new TaskError("connection", "A message about a task could not be sent; its client may ask again.", { cause }),
    );
  };

  /** Has the core say what it wants, the time to be woken last. */
  #takeOutputs(): void {
    this.#hasOutputs = core.outputs(this.receiver, this.#owner.host, this.#assembler);
  }

  #forgetWanted(): void {
    this.#wanted = [];
    this.#done = 0;
  }

  #make(): void {
    this.#instance = serverCore.load();
    this.#assembler = new Assembler();
    this.#forgetWanted();
    this.#receiver = serverCore.number(this);
    core.makeReceiver(this.#receiver, this.#owner.receiverOptions());
  }

  /** After a trap: there is a new receiver, which takes along what runs. */
  #rebuild(why: TaskError): void {
    this.report(why);
    this.#make();
    this.#isDraining = false;
    this.#owner.recover();
  }
}

const LOST_ELSEWHERE =
  `The core of ${NAME} failed for another server of this process, and is started anew; ` + "running tasks go on.";
