// `npm run frameworks [-- --only NAME] [--long] [--write]`: the recipes of docs/frameworks.md on the real packages,
// which are installed under build/frameworks. `--long`: a tool of 65 s, longer than hosts wait by default.
// `--write`: the tables of the page.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { RECIPES, type Recipe } from "./recipes.ts";
import { SERVERS, tryServer } from "./servers.ts";
import { type Outcome, type Outcomes, PAGE, runRecipe } from "./run.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    long: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const isMeant = ({ name }: { readonly name: string }): boolean => name.includes(values.only.toLowerCase());

const verdict = ({ rendered, asTask }: Outcome): string => (rendered ? (asTask ? "a task" : "waits") : "gives up");
const rows: string[] = [];
let failed = 0;

const chosen = RECIPES.filter(isMeant);
// What mostly waits, waits together: but each recipe starts three programs, some of which wait 5 s for their server.
const together = values.long ? 3 : 1;
for (let at = 0; at < chosen.length; at += together) {
  const group = chosen.slice(at, at + together);
  const all = await Promise.all(group.map((recipe) => runRecipe(recipe, values.long ? 65_000 : 4000)));
  for (const [index, outcomes] of all.entries()) tell(group[index] as Recipe, outcomes);
}

function tell(recipe: Recipe, { attached, registered, alone }: Outcomes): void {
  if (!attached.rendered || !attached.asTask || attached.deployed !== recipe.asks) {
    failed++;
    console.log(attached.output);
  }
  const asked = recipe.asks ? (attached.deployed ? "yes" : "no") : "–";
  rows.push(
    `| ${recipe.title} | ${recipe.packages[0]} | ${verdict(alone)} | ${verdict(attached)} | ${asked} | ` +
      `${registered === undefined ? "–" : verdict(registered)} | ${recipe.quirk} |`,
  );
  console.log(rows.at(-1));
}
if (values.write)
  write("table of frameworks", [
    "| | Tried | Alone | As here | Asks | With `register` alone | |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ]);

const found: string[] = [];
for (const server of SERVERS.filter(({ title }) => isMeant({ name: title.toLowerCase() }))) {
  const { ok, row } = await tryServer(server).catch((error: unknown) => ({ ok: false, row: String(error) }));
  if (!ok) failed++;
  found.push(row);
  console.log(ok ? row : `not as it was: ${row}`);
}
if (values.write)
  write("table of servers", [
    "| Server | Tried | Tasks in 2025-11-25 | in 2026-07-28 | |",
    "|---|---|---|---|---|",
    ...found,
  ]);
console.log(failed === 0 ? "everything works" : `${failed} do not work`);
process.exitCode = failed === 0 ? 0 : 1;

/** Puts a table between its two marks in the page. */
function write(name: string, lines: readonly string[]): void {
  const page = readFileSync(PAGE, "utf8");
  const place = new RegExp(`(<!-- The ${name}.*-->\\n)[\\s\\S]*(?=<!-- The end of the ${name}\\. -->)`);
  writeFileSync(
    PAGE,
    page.replace(place, (_whole, mark: string) => `${mark}${lines.join("\n")}\n`),
  );
}
