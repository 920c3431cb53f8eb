// Questions of the server's: answered by what a script has said, or by whoever sits at the terminal; or left open.
import { createInterface } from "node:readline/promises";
import { type Field, fieldsOf, fromJson, type Reading, typed } from "./form.ts";
import type { Report } from "./report.ts";
import type { Answer, Question } from "./target.ts";
import { line } from "./text.ts";
import { UsageError } from "./exit.ts";

/** Where people type. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Takes out of a text what must not be printed. */
  hide(text: string): string;
  /** Ctrl-C, which the terminal hands over while somebody types. */
  interrupt(): void;
}

/** Answers that a script has given, each for one question: by the name of a field, in JSON. */
export class Answers {
  readonly #given = new Map<string, string[]>();
  readonly #decline: boolean;

  constructor(given: readonly string[], decline: boolean) {
    this.#decline = decline;
    for (const one of given) {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
      if (name === undefined || value === undefined) throw new UsageError("--answer takes FIELD=JSON.");
      this.#given.set(name, [...(this.#given.get(name) ?? []), value]);
    }
  }

  /** What to answer, or what is missing for an answer. */
  take(question: Question): { readonly answer: Answer } | { readonly missing: string } {
    const left = (missing: string) => (this.#decline ? { answer: { action: "decline" as const } } : { missing });
    if (question.mode === "url") return left("A page is to be opened, which only a person can do.");
    const fields = fieldsOf(question.requestedSchema);
    if (fields === undefined) return left("Its form cannot be shown.");
    if (!fields.some(({ name }) => (this.#given.get(name)?.length ?? 0) > 0))
      return fields.length > 0 || this.#given.size > 0
        ? left(`It has ${told(fields)}.`)
        : left("It wants a yes or a no.");
    const read = fields.map((field) => [field, this.#read(field)] as const);
    const faults = read.flatMap(([field, reading]) =>
      "fault" in reading ? [`${line(field.name, 60)}: ${reading.fault}`] : [],
    );
    if (faults.length > 0) return left(`The answer does not fit: ${faults.join("; ")}.`);
    for (const { name } of fields) this.#given.get(name)?.shift();
    return { answer: { action: "accept", content: contentOf(read as [Field, { value: unknown }][]) } };
  }

  #read(field: Field): Reading {
    const [said] = this.#given.get(field.name) ?? [];
    return said === undefined ? typed(field, "") : fromJson(field, said);
  }
}

function told(fields: readonly Field[]): string {
  const names = fields.map(({ name, required }) => `${line(name, 60)}${required ? "" : " (not needed)"}`);
  return fields.length === 0 ? "no fields" : `the fields ${names.join(", ")}`;
}

const contentOf = (read: readonly (readonly [Field, { readonly value: unknown }])[]): Record<string, unknown> =>
  Object.fromEntries(read.filter(([, { value }]) => value !== undefined).map(([{ name }, { value }]) => [name, value]));

/** Says things to whoever sits there, and hears what is typed. */
interface Dialogue {
  tell(text: string): void;
  ask(query: string): Promise<string>;
}

/** Asks whoever sits at the terminal, one question at a time. */
export class Prompts {
  readonly #terminal: Terminal;
  readonly #report: Report;
  #last: Promise<unknown> = Promise.resolve();

  constructor(terminal: Terminal, report: Report) {
    this.#terminal = terminal;
    this.#report = report;
  }

  /** What was said; `undefined` for later. Rejects where `signal` fires: the question was taken back. */
  ask(question: Question, signal: AbortSignal, begin: () => void): Promise<Answer | undefined> {
    const asked = this.#last.then(() => this.#ask(question, signal, begin));
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #ask(question: Question, signal: AbortSignal, begin: () => void): Promise<Answer | undefined> {
    signal.throwIfAborted();
    this.#report.pause();
    begin();
    const { input, output, hide } = this.#terminal;
    const prompt = createInterface({ input, output, terminal: true });
    const left = new AbortController();
    const takenBack = () => left.abort();
    signal.addEventListener("abort", takenBack);
    prompt.on("SIGINT", () => {
      left.abort();
      this.#terminal.interrupt();
    });
    // Ctrl-D.
    prompt.on("close", () => left.abort());
    const dialogue: Dialogue = {
      tell: (text) => void output.write(`${hide(text)}\n`),
      ask: (query) => prompt.question(hide(query), { signal: left.signal }),
    };
    try {
      return await (question.mode === "url" ? consent(dialogue) : fill(dialogue, question));
    } catch (error) {
      if (signal.aborted) this.#report.note("The question was taken back.");
      else if (left.signal.aborted) return undefined;
      throw error;
    } finally {
      signal.removeEventListener("abort", takenBack);
      prompt.close();
      input.pause();
      this.#report.resume();
    }
  }
}

/** One of the letters; the first where nothing is typed. */
async function choose(dialogue: Dialogue, query: string, letters: string): Promise<string> {
  for (;;) {
    const said = (await dialogue.ask(`${query} `)).trim().toLowerCase();
    const letter = said === "" ? letters.charAt(0) : said.charAt(0);
    if (letters.includes(letter)) return letter;
  }
}

/** For a page: nobody consents by pressing return. */
async function consent(dialogue: Dialogue): Promise<Answer | undefined> {
  const said = await choose(dialogue, "Do you agree to open it? y: yes, n: no, l: later [l]", "lyn");
  if (said === "l") return undefined;
  return { action: said === "y" ? "accept" : "decline" };
}

async function fill(dialogue: Dialogue, { requestedSchema }: Question): Promise<Answer | undefined> {
  const fields = fieldsOf(requestedSchema);
  if (fields === undefined) {
    dialogue.tell("Its form cannot be shown here.");
    const said = await choose(dialogue, "Decline? n: decline, l: later [l]", "ln");
    return said === "l" ? undefined : { action: "decline" };
  }
  const query = fields.length === 0 ? "Agree? y: yes" : "Answer? y: yes";
  const said = await choose(dialogue, `${query}, n: decline, l: later [y]`, "ynl");
  if (said === "l") return undefined;
  if (said === "n") return { action: "decline" };
  const read: [Field, { value: unknown }][] = [];
  for (const field of fields) read.push([field, { value: await value(dialogue, field) }]);
  return { action: "accept", content: contentOf(read) };
}

const KINDS: Readonly<Record<Field["kind"], string>> = {
  text: "text",
  number: "number",
  integer: "whole number",
  boolean: "y/n",
  choice: "one of them",
  choices: "some of them, with commas",
  json: "JSON",
};

async function value(dialogue: Dialogue, field: Field): Promise<unknown> {
  if (field.description !== undefined) dialogue.tell(`│ ${line(field.description)}`);
  for (const [index, { label }] of field.options.entries()) dialogue.tell(`│ ${index + 1}  ${line(label, 200)}`);
  const preset = field.preset === undefined ? "" : ` [${line(JSON.stringify(field.preset), 60)}]`;
  const need = field.required || preset !== "" ? "" : ", may be empty";
  for (;;) {
    const said = await dialogue.ask(`${line(field.title, 100)} (${KINDS[field.kind]}${need})${preset}: `);
    const reading = typed(field, said);
    if ("value" in reading) return reading.value;
    dialogue.tell(`  ${reading.fault}`);
  }
}
