// The table "Where it runs" of the README, made of what ran (tests/engines/matrix.ts): `node scripts/matrix.mjs` writes
// it, `node scripts/matrix.mjs --check` fails where the README says something else.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, filesIn, root, say, work } from "./tools.mjs";

/** Where the verdicts of a run are. */
export const verdicts = join(work, "matrix");
const readme = join(root, "README.md");
const BEGIN = "<!-- The runtime matrix: made by scripts/matrix.mjs of what ran. -->";
const END = "<!-- The end of the runtime matrix. -->";
const COLUMNS = ["SDK v1, 2025-11-25", "SDK v2, 2025-11-25", "SDK v2, 2026-07-28", "IndexedDB", "core's tests"];
/** How rows begin, in their order; others follow, by name. */
const ORDER = ["Node", "Deno", "Bun", "workerd", "Next.js", "page", "Chromium", "Firefox", "WebKit"];

function table() {
  const rows = new Map();
  for (const file of filesIn(verdicts)) {
    const { row, column, verdict } = JSON.parse(readFileSync(file, "utf8"));
    if (!COLUMNS.includes(column)) throw new Failure(`The runtime matrix has no column "${column}".`);
    rows.set(row, { ...rows.get(row), [column]: verdict });
  }
  if (rows.size === 0)
    throw new Failure("No test has said yet where it runs (build/matrix is empty): run the tests first.");
  const rank = (row) =>
    (ORDER.findIndex((beginning) => row.startsWith(beginning)) + ORDER.length + 1) % (ORDER.length + 1);
  const sorted = [...rows].sort(
    ([left], [right]) => rank(left) - rank(right) || left.localeCompare(right, "en", { numeric: true }),
  );
  const columns = COLUMNS.filter((column) => sorted.some(([, cells]) => column in cells));
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(["", ...columns]),
    `|${"---|".repeat(columns.length + 1)}`,
    ...sorted.map(([row, cells]) => line([row, ...columns.map((column) => cells[column] ?? "–")])),
  ].join("\n");
}

/** Writes the table, or with `check` compares it. */
export function matrix({ check }) {
  const text = readFileSync(readme, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Failure("The README has lost the comments around its runtime matrix.");
  const made = `${text.slice(0, begin)}${BEGIN}\n${table()}\n${text.slice(end)}`;
  if (made === text) return say("the README's runtime matrix is what ran");
  if (check)
    throw new Failure(
      `The README's runtime matrix is not what ran, which is:\n\n${table()}\n\n` +
        "If all of it is meant, run `node scripts/matrix.mjs`.",
    );
  writeFileSync(readme, made);
  say("the README's runtime matrix is new");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    matrix({ check: process.argv.includes("--check") });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
