// What a client has begun, kept beyond its process.
import { now } from "../clock.ts";
import { isTaskError, TaskError } from "../errors.ts";
import { digest, random } from "../guests/records.ts";
import { isObject, isWhole, own, textOf } from "../json.ts";
import type {
  AttachableClient,
  BegunCall,
  JournalClient,
  JournaledCall,
  JournaledTask,
  TaskHandle,
  TaskJournal,
  TaskReference,
} from "../types.ts";
import { CREATION_KEY } from "../wire/names.ts";
import type { Claim, Claims } from "./claims.ts";
import { endpointOf } from "./endpoint.ts";
import { type Contents, type Entries, journaledTask, type ReadEntry, withMember, without } from "./entries.ts";

/** How a followed task ends without being over: whoever comes next goes on. */
const GOES_ON: ReadonlySet<string> = new Set(["connection", "detached", "unreachable", "internal", "wasm", "storage"]);
/** A repeated call must reach its server well before that forgets its key, in ms. */
const MARGIN = 60_000;

export interface JournalSettings {
  readonly entries: Entries;
  readonly claims: Claims;
  readonly endpoint: ((client: object) => string) | undefined;
  readonly principal: string | ((client: object) => string);
  /** How long ended tasks are kept, in ms, and how many. */
  readonly keep: { readonly ms: number; readonly tasks: number };
  readonly onerror: (error: TaskError) => void;
}

export class Journal implements TaskJournal {
  readonly #settings: JournalSettings;
  readonly #entries: Entries;
  /** What is followed here, by the entry; and its entry by the task id. */
  readonly #followed = new Map<string, Claim>();
  readonly #entryOf = new Map<string, string>();
  /** Entries for whose claims somebody waits here. */
  readonly #waiting = new Set<string>();
  readonly #closing = new AbortController();

  constructor(settings: JournalSettings) {
    this.#settings = settings;
    this.#entries = settings.entries;
  }

  async begin({ client, method, params, creationKey, entry }: BegunCall): Promise<JournaledCall> {
    const { endpoint, principal } = await this.#place(client);
    // A caller's key is its own, and may be used at several endpoints.
    const ofKey = creationKey && (await digest(`${endpoint} ${principal} ${creationKey}`, 18));
    const id = entry ?? (ofKey || random(18));
    const key = creationKey ?? (entry && (await this.#entries.read(entry))?.entry.key) ?? id;
    const name = textOf(params, "name") ?? textOf(params, "uri") ?? "";
    const { _meta, ...sent } = params as { _meta?: unknown };
    const begun = { state: "unknown", method, name, endpoint, principal, ...(key !== id && { key }) } as const;
    await this.#entries.begin(id, begun, { params: sent });
    const claim = this.#settings.claims.take(id).catch((error: unknown) => this.#failed(error));
    return {
      meta: { [CREATION_KEY]: key },
      created: (handle) => {
        const reference = { ...(handle.reference as TaskReference), endpoint, principal };
        if (handle.taskId !== undefined) this.#entryOf.set(handle.taskId, id);
        const written = this.#entries.happened(id, "created", { reference, status: handle.snapshot.status });
        this.#entries.later(this.#follow(id, handle, claim, written));
      },
      over: async (how) => {
        (await claim)?.release();
        if (how !== undefined) await this.#entries.happened(id, how).catch((error: unknown) => this.#failed(error));
      },
    };
  }

  async check(client: object, reference: TaskReference): Promise<void> {
    const here = await this.#place(client);
    for (const what of ["endpoint", "principal"] as const) {
      const there = reference[what];
      if (there === undefined || there === here[what]) continue;
      const words = what === "endpoint" ? `at ${there}, and this client is connected to ${here[what]}` : "another's";
      const text = `The task is ${words}: resume it with a client of its own ${what}.`;
      throw new TaskError("mismatch", text, { taskId: reference.taskId });
    }
  }

  async recall(
    taskId: string,
    key: string,
    request: unknown,
    again: boolean,
  ): Promise<{ readonly answer: unknown } | undefined> {
    const id = this.#entryOf.get(taskId);
    if (id === undefined) return undefined;
    if (again) await this.#entries.asked(id, key, "rejected", (contents) => withoutAnswer(contents, key));
    const read = await this.#entries.read(id);
    const stands = own(read?.entry.questions, key);
    if (stands === "answered") return { answer: own(read?.contents.answers, key) };
    await this.#entries.asked(id, key, "asked", (contents) => ({
      ...contents,
      requests: withMember(contents.requests, key, request),
    }));
    return undefined;
  }

  async answered(taskId: string, key: string, answer: unknown): Promise<void> {
    const id = this.#entryOf.get(taskId);
    if (id === undefined) return;
    await this.#entries.asked(id, key, "answered", (contents) => ({
      ...contents,
      answers: withMember(contents.answers, key, answer),
      drafts: without(contents.drafts, key),
    }));
  }

  delivered(taskId: string, key: string): void {
    const id = this.#entryOf.get(taskId);
    if (id === undefined) return;
    this.#entries.later(this.#entries.asked(id, key, "acknowledged", (contents) => withoutAnswer(contents, key)));
  }

  /** Keeps what a user has begun to answer. */
  async draft(entry: string, key: string, draft: unknown): Promise<void> {
    await this.#entries.asked(entry, key, "drafted", (contents) => ({
      ...contents,
      drafts: draft === undefined ? without(contents.drafts, key) : withMember(contents.drafts, key, draft),
    }));
  }

  async dismiss(entry: string): Promise<void> {
    await this.#entries.happened(entry, "dismissed");
  }

  async tasks(): Promise<readonly JournaledTask[]> {
    const all = await this.#entries.all();
    // A list brings no contents.
    const whole = await Promise.all(all.map(async ({ id }) => this.#entries.read(id)));
    return whole.filter((read) => read !== undefined).map((read) => journaledTask(read));
  }

  /** Calls `changed` whenever an entry may have changed. */
  watch(changed: () => void): () => void {
    const every = setInterval(changed, 2_000);
    (every as { unref?: () => void }).unref?.();
    const stop = this.#entries.records.watchAll(changed);
    if (stop !== undefined) clearInterval(every);
    return () => {
      clearInterval(every);
      stop?.();
    };
  }

  async resume(client: AttachableClient, through: JournalClient): Promise<readonly TaskHandle[]> {
    const { endpoint, principal } = await this.#place(client);
    const ours = (await this.#entries.all()).filter(
      ({ id, entry }) =>
        entry.state !== "ended" &&
        entry.endpoint === endpoint &&
        entry.principal === principal &&
        !this.#followed.has(id),
    );
    const handles = await Promise.all(ours.map(({ id }) => this.#take(client, through, id)));
    return handles.filter((handle) => handle !== undefined);
  }

  close(): void {
    this.#closing.abort(new TaskError("detached", "The journal is closed."));
    for (const claim of this.#followed.values()) claim.release();
    this.#followed.clear();
  }

  /** Goes on with an entry, if nobody follows it; where somebody does, as soon as nobody does any more. */
  async #take(client: AttachableClient, through: JournalClient, id: string): Promise<TaskHandle | undefined> {
    const claim = await this.#settings.claims.take(id);
    if (claim !== undefined) return this.#goOn(client, through, id, claim);
    if (this.#waiting.has(id)) return undefined;
    this.#waiting.add(id);
    const later = this.#settings.claims.take(id, this.#closing.signal).then(
      (taken) => {
        this.#waiting.delete(id);
        return taken && this.#goOn(client, through, id, taken);
      },
      (error: unknown) => {
        this.#waiting.delete(id);
        if (!this.#closing.signal.aborted) throw error;
      },
    );
    this.#entries.later(later);
    return undefined;
  }

  async #goOn(
    client: AttachableClient,
    through: JournalClient,
    id: string,
    claim: Claim,
  ): Promise<TaskHandle | undefined> {
    try {
      const read = await this.#entries.read(id);
      const reference = read?.entry.reference;
      if (read?.entry.state === "open" && reference !== undefined) {
        this.#entryOf.set(reference.taskId, id);
        const handle = await through.resume(client, reference);
        this.#entries.later(this.#follow(id, handle, claim));
        return handle;
      }
      if (read?.entry.state === "unknown" && this.#isRemembered(client, read)) {
        claim.release();
        return await through.repeat(client, read.entry.method, read.contents.params as object, id);
      }
    } catch (error) {
      // The server knows it no longer; or it cannot be asked just now.
      await this.#ended(id, error);
      this.#failed(error);
    }
    claim.release();
    return undefined;
  }

  /** Whether the server still knows the key of a call that was not answered. */
  #isRemembered(client: object, { createdAt, contents }: ReadEntry): boolean {
    const capabilities = (client as { getServerCapabilities?(): unknown }).getServerCapabilities?.();
    const window = own(capabilities, "experimental", CREATION_KEY, "windowMs");
    return isObject(contents.params) && isWhole(window, 0) && now() - createdAt < window - MARGIN;
  }

  /** Writes what becomes of a task until it is over, or goes on without this process. */
  async #follow(
    id: string,
    handle: TaskHandle,
    claimed: Claim | Promise<Claim | undefined>,
    written: Promise<unknown> = Promise.resolve(),
  ): Promise<void> {
    const claim = await claimed;
    await written;
    if (claim === undefined || this.#closing.signal.aborted) return claim?.release();
    this.#followed.set(id, claim);
    claim.onlost = () => handle.detach();
    try {
      for await (const { status, statusMessage } of handle.updates()) {
        await this.#entries.show(id, status, statusMessage).catch((error: unknown) => this.#failed(error));
      }
      const result = await handle.result();
      await this.#entries.happened(id, "ended", this.#end({ status: handle.snapshot.status }), { result });
    } catch (error) {
      await this.#ended(id, error);
    } finally {
      this.#followed.delete(id);
      if (handle.taskId !== undefined) this.#entryOf.delete(handle.taskId);
      claim.release();
    }
    await this.#forgetOldest();
  }

  async #ended(id: string, error: unknown): Promise<void> {
    if (!isTaskError(error) || GOES_ON.has(error.code)) return;
    const { code, message } = error;
    await this.#entries.happened(id, "ended", this.#end({ error: { code, message } }));
  }

  #end<More extends object>(more: More): More & { until: number; endedAt: number } {
    return { ...more, until: now() + this.#settings.keep.ms, endedAt: now() };
  }

  /** Of ended tasks no more are kept than the host wants. */
  async #forgetOldest(): Promise<void> {
    const ended = (await this.#entries.all()).filter(({ entry }) => entry.state === "ended");
    ended.sort((one, other) => (other.entry.endedAt ?? 0) - (one.entry.endedAt ?? 0));
    for (const { id } of ended.slice(this.#settings.keep.tasks)) await this.#entries.happened(id, "dismissed");
  }

  async #place(client: object): Promise<{ endpoint: string; principal: string }> {
    const { endpoint, principal } = this.#settings;
    const who = typeof principal === "function" ? principal(client) : principal;
    return {
      endpoint: endpoint?.(client) ?? endpointOf(client),
      principal: who === "" ? "" : await digest(who, 12),
    };
  }

  #failed(error: unknown): undefined {
    const text = "The journal could not go on with an entry.";
    this.#settings.onerror(isTaskError(error) ? error : new TaskError("storage", text, { cause: error }));
    return undefined;
  }
}

function withoutAnswer(contents: Contents, key: string): Contents {
  return { ...contents, answers: without(contents.answers, key) };
}
