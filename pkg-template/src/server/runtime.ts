import { comesWithin } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { TaskStore } from "../store.ts";
import type { TaskServerOptions } from "../types.ts";
import { Alarm } from "./alarm.ts";
import { Events } from "./events.ts";
import { isWhole } from "../json.ts";
import { refusal } from "./facts.ts";
import type { Hooks } from "./hooks.ts";
import { Host } from "./host.ts";
import { Input } from "./input.ts";
import { Owners } from "./owner.ts";
import { Peers, type Place } from "./peers.ts";
import { LARGEST, type Policies } from "./policy.ts";
import { Port, type PortOwner } from "./port.ts";
import { Posts } from "./posts.ts";
import { Progress } from "./progress.ts";
import { Registry } from "./registry.ts";
import { Replies } from "./replies.ts";
import { Restarts } from "./restart.ts";
import { KnownPolicies } from "./known-policies.ts";
import { Settings } from "./options-defaults.ts";
import type { Shared } from "./shared-by-connections.ts";
import { Sources, misfitsOf } from "./sources.ts";
import { Steps } from "./steps.ts";
import { StoreJobs } from "./store-jobs.ts";
import * as core from "../wasm/generated/server.js";

/** One server's tasks: its parts, put together, and how they begin, start anew and end. */
export class Runtime implements Shared, PortOwner {
  readonly settings: Settings;
  readonly hooks: Hooks;
  readonly owners: Owners;
  readonly port: Port;
  readonly registry: Registry = new Registry();
  readonly peers: Peers;
  readonly policies: KnownPolicies;
  readonly input: Input;
  readonly steps: Steps;
  readonly progress: Progress;
  readonly events: Events;
  readonly replies: Replies;
  readonly listedTools: Set<string> = new Set();
  readonly host: Host;
  readonly #store: TaskStore;
  readonly #jobs: StoreJobs;
  readonly #posts: Posts;
  readonly #alarm: Alarm = new Alarm(() => this.port.enterReporting(core.deadline));
  readonly #unwatch: () => void;
  #left: Promise<void> | undefined;
  #isLeaving = false;
  /** Looks whether everything is stored. */
  #settled: (() => void) | undefined;
  #saidUnnamed = false;

  /** `makePlace`: connects a server to nobody, if the host can make one. */
  constructor(
    options: TaskServerOptions,
    policies: Policies,
    hooks: Hooks,
    store: TaskStore,
    makePlace: ((version: string) => Place) | undefined,
  ) {
    const registry = this.registry;
    this.hooks = hooks;
    this.settings = new Settings(options, policies);
    this.owners = new Owners(hooks);
    const port = (this.port = new Port(hooks));
    const peers = (this.peers = new Peers(port));
    this.policies = new KnownPolicies(port);
    const input = (this.input = new Input(port, registry, this.settings.idPrefix));
    const steps = (this.steps = new Steps(port, registry));
    this.progress = new Progress(port, registry);
    const events = (this.events = new Events(hooks));
    const posts = (this.#posts = new Posts(port, hooks));
    this.#store = store;
    const jobs = (this.#jobs = new StoreJobs(port, store, this.settings.resultBytes, (job, payload) => {
      const request = registry.requests.get(core.updateOf(port.receiver, job));
      for (const key of misfitsOf(request, payload)) core.misfit(port.receiver, job, key);
    }));
    const replies = (this.replies = new Replies(port, registry, jobs));
    const sources = new Sources(registry);
    const restarts = new Restarts(port, registry, peers, makePlace);
    const alarm = this.#alarm;
    this.host = new Host({
      port,
      registry,
      peers,
      jobs,
      sources,
      replies,
      input,
      steps,
      restarts,
      events,
      posts,
      alarm,
    });
    port.open(this);
    this.#unwatch = hooks.watch(store, (owner, id, version = 0) => {
      if (jobs.isWriting || typeof owner !== "string" || typeof id !== "string" || !isWhole(version, 0, LARGEST))
        return;
      port.enterReporting(core.changed, owner, id, version);
    });
  }

  /** Asks the store for what is due. Some tasks run again at once, on servers that are attached to this. */
  sweep(): void {
    this.port.enter(core.sweep);
  }

  /** A request about a task was refused because its client left out the header that names the task; it is said once. */
  unnamed(): void {
    if (this.#saidUnnamed) return;
    this.#saidUnnamed = true;
    this.port.report(
      new TaskError(
        "protocol",
        "A request without the header `Mcp-Name` was refused; `fillTaskName` of TaskServer lets it in.",
      ),
    );
  }

  receiverOptions(): object {
    return this.settings.receiverOptions();
  }

  entered(): void {
    if (this.#store.wakes === true) this.#alarm.restUnless(() => this.#isBusy());
    if (this.#isLeaving) this.#settled?.();
  }

  #isBusy(): boolean {
    const { calls, requests, subscriptions } = this.registry;
    return calls.size > 0 || requests.size > 0 || subscriptions.size > 0 || core.isObserving(this.port.receiver);
  }

  /** After a trap: the new receiver takes the running tasks along; whoever waits is told to try again. */
  recover(): void {
    const { port, peers, registry } = this;
    this.policies.clear();
    this.#jobs.clear();
    this.#posts.clear();
    peers.openAgain();
    for (const [number, request] of [...registry.requests]) {
      registry.requests.delete(number);
      const call = registry.calls.get(number);
      if (call?.taskId === undefined) request.link.answer(refusal(request.id, "Internal error; try again"), request);
    }
    for (const subscription of [...registry.subscriptions.values()]) subscription.again();
    for (const call of registry.calls.values()) {
      if (!peers.has(call.peer)) call.peer = 0;
      if (call.taskId === undefined) call.open();
      else port.give(core.adopt, call.number, call.peer, call.revision.generation, call.flags, call.taskId);
    }
    this.input.takeAlong();
    this.steps.takeAlong();
    port.give(core.sweep);
    if (this.#isLeaving) port.give(core.leaving);
    port.drain();
    for (const call of [...registry.calls.values()]) call.caller.repeatOutcome(call);
  }

  /**
   * Lets handlers finish for `drain` ms, then hands their tasks over; resolves when all of it is stored, or after
   * `timeout` ms more. What is not settled by then is left to its lease.
   */
  leave(drain: number, timeout: number): Promise<void> {
    return (this.#left ??= this.#leave(drain, timeout));
  }

  async #leave(drain: number, timeout: number): Promise<void> {
    const { port, registry } = this;
    try {
      port.enterReporting(core.closing);
      if (drain > 0) await comesWithin(drain, registry.whenIdle());
      this.#isLeaving = true;
      const settled = new Promise<void>((resolve) => {
        this.#settled = () => {
          if (core.isQuiet(port.receiver)) resolve();
        };
      });
      port.enterReporting(core.leaving);
      if (!(await comesWithin(timeout, settled))) port.report(new TaskError("storage", UNSETTLED));
    } finally {
      this.#stop();
    }
  }

  /** Nothing is done here any longer; what the store still answers is dropped. */
  #stop(): void {
    const { registry } = this;
    this.#alarm.stop();
    this.#unwatch();
    for (const subscription of [...registry.subscriptions.values()]) subscription.giveUp();
    // Whoever waits for the store is to ask another server; calls that are no tasks go on.
    for (const number of [...registry.requests.keys()]) {
      if (!registry.calls.has(number) || core.isCreating(this.port.receiver, number)) this.registry.hangUp(number);
    }
    for (const [number, call] of [...registry.calls]) {
      if (call.taskId === undefined) continue;
      registry.calls.delete(number);
      this.steps.release(call);
      call.caller.ended(call);
      if (call.hasOwnServer) call.link.close();
    }
  }
}

const UNSETTLED =
  "The task store did not settle in time what this server handed over; its tasks are found when their leases are over.";
