// The tables of what works with which peer, made of what ran: one in docs/interop.md, and a short one in the README.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "./findings.ts";
import type { Carrier } from "./programs.ts";
import { ROWS, type Row } from "./rows.ts";

const root = join(import.meta.dirname, "..", "..");
const BEGIN = "<!-- Made by `npm run interop -- --write` of what ran. -->";
const END = "<!-- The end of what ran. -->";

/** The findings of a row over one carrier, and which of them its quirks explain. */
export class Outcome {
  readonly row: Row;
  readonly carrier: Carrier;
  readonly findings: readonly Finding[];

  constructor(row: Row, carrier: Carrier, findings: readonly Finding[]) {
    this.row = row;
    this.carrier = carrier;
    this.findings = findings;
  }

  get passed(): number {
    return this.findings.filter(({ ok }) => ok).length;
  }

  /** Why a check that failed had to. */
  reasonOf(check: string): string | undefined {
    return this.row.quirks?.find(
      (quirk) => quirk.check === check && (quirk.carrier === undefined || quirk.carrier === this.carrier),
    )?.reason;
  }

  /** What is wrong: checks that failed without a reason, and quirks that are no longer there. */
  get faults(): string[] {
    return this.findings.flatMap(({ check, ok, detail }) => {
      const reason = this.reasonOf(check);
      if (!ok && reason === undefined) return [`${check}: ${detail}`];
      return ok && reason !== undefined ? [`${check}: it works, though "${reason}": take the quirk away`] : [];
    });
  }
}

/** Keeps an outcome under `folder`, so that the table can be made of several runs. */
export function keep(folder: string, { row, carrier, findings }: Outcome): void {
  mkdirSync(join(folder, "results"), { recursive: true });
  writeFileSync(fileOf(folder, row, carrier), JSON.stringify(findings));
}

function kept(folder: string, row: Row, carrier: Carrier): Outcome {
  try {
    return new Outcome(row, carrier, JSON.parse(readFileSync(fileOf(folder, row, carrier), "utf8")));
  } catch (cause) {
    throw new Error(`${titleOf(row, carrier)} has not run yet`, { cause });
  }
}

function fileOf(folder: string, row: Row, carrier: Carrier): string {
  return join(folder, "results", `${titleOf(row, carrier).replace(/[^\w.]+/g, "-")}.json`);
}

export function titleOf({ peer, side, generation }: Row, carrier: Carrier): string {
  return `${peer}, their ${side}, ${generation}, ${carrier}`;
}

/** Writes both tables, of what the last runs have kept under `folder`. */
export function writeTables(folder: string): void {
  const outcomes = ROWS.flatMap((row) => row.carriers.map((carrier) => kept(folder, row, carrier)));
  replace("docs/interop.md", whole(outcomes));
  replace("README.md", short(outcomes));
}

export function whole(outcomes: readonly Outcome[]): string {
  const groups = Map.groupBy(outcomes, ({ row }) => row);
  const lines = [...groups].map(([{ peer, side, generation }, all]) => {
    const over = all.map((outcome) => `${outcome.carrier} ${count([outcome])}`).join("<br>");
    const missing = all.flatMap((outcome) =>
      outcome.findings
        .filter(({ ok }) => !ok)
        .map(({ check }) => ({ carrier: outcome.carrier, check, reason: outcome.reasonOf(check) ?? "a fault" })),
    );
    const lines = [...Map.groupBy(missing, ({ reason }) => reason)].map(([reason, where]) => {
      const carriers = new Set(where.map(({ carrier }) => carrier));
      const over = carriers.size < all.length ? ` over ${[...carriers].join("; ")}` : "";
      return `${[...new Set(where.map(({ check }) => check))].join(", ")}${over}: ${reason}`;
    });
    return [peer, side, generation, over, lines.join("<br>")];
  });
  return table(["Peer", "is the", "Generation", "Checks passed", "What does not work, and why"], lines);
}

/** A line for each peer: all its rows together. */
export function short(outcomes: readonly Outcome[]): string {
  const groups = Map.groupBy(outcomes, ({ row }) => row.peer.split(",")[0]!);
  const lines = [...groups].map(([peer, all]) => {
    const cell = (side: Row["side"]): string => {
      const mine = all.filter(({ row }) => row.side === side);
      const generations = [...new Set(mine.map(({ row }) => row.generation))];
      return generations
        .map((generation) => `${generation}: ${count(mine.filter(({ row }) => row.generation === generation))}`)
        .join("<br>");
    };
    return [peer, cell("client") || "–", cell("server") || "–"];
  });
  return table(["", "their client, our server", "our client, their server"], lines);
}

function count(outcomes: readonly Outcome[]): string {
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  return `${passed} of ${outcomes.reduce((sum, { findings }) => sum + findings.length, 0)}`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function replace(file: string, made: string): void {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${file} has lost the comments around its table`);
  writeFileSync(path, `${text.slice(0, begin)}${BEGIN}\n\n${made}\n\n${text.slice(end)}`);
}
