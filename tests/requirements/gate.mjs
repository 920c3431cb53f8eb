// `node tests/requirements/gate.mjs [--report] [--list covered|open|planned|waived] [--root DIR]`: does a test cite
// every requirement that is due? Nobody keeps the status of one: it follows from the tests and from `manifest.json`.
// Exits 1 on any fault; with `--report` an open requirement is counted but is no fault.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const STATUSES = ["covered", "open", "planned", "waived"];

const ID = String.raw`(?:(?:G\d+|X)-[A-Z]+-\d+|H\d\d|R-\d\d)`;
const CITATION = new RegExp(String.raw`(?<![\w-])${ID}(?!\w)`, "g");
/** What follows an id that stands for more than itself: `-01..05`, `-01/02`, `H01–H05`, `H01 to H05`. */
const SHORTHAND = new RegExp(String.raw`^(?:-\w|/\d|(?:\.{2,3}|…|–)\w|\s+(?:\.{2,3}|…|–|to)\s+${ID})`);
/** After an id whose test proves only a part of it: known, but not yet covered. */
const PART = /^ \(part\)/;
const WELL_FORMED = /^(?:(?:G25|G26|X)-([A-Z]{3})-\d\d|(H)\d\d)$/;
const SENTENCE = /^[A-Z`].{18,}\.$/;
const MEMBERS = new Set(["id", "step", "title", "waived"]);

const SOURCE = /\.(?:[cm]?[jt]s|rs)$/;
const UNREAD = new Set(["tests/requirements", "tests/bench"]);
const UNREAD_NAMES = /^(?:\.|node_modules$|target$)/;
const RUST_TESTS = /^[ \t]*#\[cfg\((?:test|all\(test\b)/m;
const CITES_TOO = /\.(?:rs|[cm]?[jt]s|md)$/;
const SKIPPED = /\.(?:skip|todo)\(/;

/** The code of the section an id belongs to. */
const sectionOf = (id) => WELL_FORMED.exec(id)?.slice(1).find(Boolean);

/** Paths of the files below `folder`, relative to `root`, with slashes. */
function* files(root, folder, source = SOURCE) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}/${entry.name}`;
    if (UNREAD.has(path) || UNREAD_NAMES.test(entry.name)) continue;
    if (entry.isDirectory()) yield* files(root, path, source);
    else if (entry.isFile() && source.test(entry.name)) yield path;
  }
}

/** The part of a file in which tests stand: of a source file of the crate, what follows its first `#[cfg(test)]`. */
function testsOf(path, text) {
  if (!path.startsWith("src/")) return text;
  if (basename(path) === "tests.rs" || path.includes("/tests/")) return text;
  const start = text.search(RUST_TESTS);
  return start < 0 ? "" : text.slice(0, start).replace(/[^\n]/g, "") + text.slice(start);
}

/** Every citation, as id to path to `{ line, whole }`, and every place where an id is written short. */
function citations(root) {
  const cited = new Map();
  const faults = [];
  for (const folder of ["src", "tests"]) {
    for (const path of files(root, folder)) {
      const lines = testsOf(path, readFileSync(join(root, path), "utf8")).split("\n");
      lines.forEach((line, index) => {
        if (SKIPPED.test(line)) return;
        for (const { 0: id, index: at } of line.matchAll(CITATION)) {
          const rest = line.slice(at + id.length);
          if (SHORTHAND.test(rest)) {
            faults.push(`${path}:${index + 1}: write each id in full, not "${line.slice(at, at + 24).trim()}"`);
            continue;
          }
          const places = cited.get(id) ?? cited.set(id, new Map()).get(id);
          const place = places.get(path) ?? { line: index + 1, whole: false };
          places.set(path, { line: place.line, whole: place.whole || !PART.test(rest) });
        }
      });
    }
  }
  return { cited, faults };
}

/** Every citation in what is no test, of an id that `seen` does not have. */
function* unknownElsewhere(root, seen) {
  for (const folder of ["src", "pkg-template/src", "docs"]) {
    for (const path of files(root, folder, CITES_TOO)) {
      const lines = readFileSync(join(root, path), "utf8").split("\n");
      for (const [index, line] of lines.entries())
        for (const [id] of line.matchAll(CITATION)) if (!seen.has(id)) yield `${path}:${index + 1}: cites ${id}`;
    }
  }
}

/** What is wrong with one line of the manifest by itself. */
function* faultsOf(row, manifest) {
  const section = sectionOf(row.id);
  if (section === undefined) yield "is not an id";
  else if (!Object.hasOwn(manifest.sections, section)) yield `is of an unknown section, ${section}`;
  if (typeof row.title !== "string" || row.title.trim() === "") yield "has no title";
  if (!Object.hasOwn(manifest.due, row.step) && !Object.hasOwn(manifest.later, row.step))
    yield `belongs to no step: ${row.step}`;
  if (Object.hasOwn(row, "waived") && !SENTENCE.test(row.waived)) yield "is waived without a reason in a full sentence";
  for (const member of Object.keys(row)) if (!MEMBERS.has(member)) yield `has an unknown member, ${member}`;
}

/** Reads the tree at `root`: each requirement with its status and its files, and every fault but the open ones. */
function check(root) {
  const manifest = JSON.parse(readFileSync(join(root, "tests/requirements/manifest.json"), "utf8"));
  const { cited, faults } = citations(root);
  const seen = new Set();
  const requirements = manifest.requirements.map((row) => {
    for (const fault of faultsOf(row, manifest)) faults.push(`manifest: ${row.id} ${fault}`);
    if (seen.has(row.id)) faults.push(`manifest: ${row.id} is listed twice`);
    seen.add(row.id);
    const places = [...(cited.get(row.id) ?? [])];
    const tests = places.map(([path, { whole }]) => (whole ? path : `${path} (part)`));
    const waived = Object.hasOwn(row, "waived");
    if (waived && tests.length > 0) faults.push(`manifest: ${row.id} is waived, but ${tests.join(", ")} cites it`);
    const status = waived
      ? "waived"
      : places.some(([, { whole }]) => whole)
        ? "covered"
        : Object.hasOwn(manifest.later, row.step)
          ? "planned"
          : "open";
    return { ...row, status, tests };
  });
  for (const [id, places] of cited) {
    if (seen.has(id)) continue;
    for (const [path, { line }] of places)
      faults.push(`${path}:${line}: cites ${id}, which the manifest does not know`);
  }
  for (const place of unknownElsewhere(root, seen)) {
    const fault = `${place}, which the manifest does not know`;
    if (!faults.includes(fault)) faults.push(fault);
  }
  return { sections: manifest.sections, requirements, faults };
}

function table({ sections, requirements }) {
  const rows = [["", ...STATUSES, "all"]];
  const count = (name, part) =>
    rows.push([name, ...STATUSES.map((status) => part.filter((row) => row.status === status).length), part.length]);
  for (const [code, name] of Object.entries(sections)) {
    count(
      `${code.padEnd(3)} ${name}`,
      requirements.filter(({ id }) => sectionOf(id) === code),
    );
  }
  count("total", requirements);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, ...cells]) => name.padEnd(width) + cells.map((cell) => String(cell || "·").padStart(9)).join(""))
    .join("\n");
}

function list({ requirements }, status) {
  const rows = requirements.filter((row) => row.status === status);
  return rows
    .map(({ id, title, step, waived, tests }) => {
      const more = [...tests, ...(status === "planned" ? [step] : []), ...(status === "waived" ? [waived] : [])].join(
        ", ",
      );
      return `${id.padEnd(11)} ${title}${more && `\n${" ".repeat(12)}${more}`}`;
    })
    .join("\n");
}

function main() {
  const { values } = parseArgs({
    options: {
      report: { type: "boolean", default: false },
      list: { type: "string" },
      root: { type: "string", default: fileURLToPath(new URL("../..", import.meta.url)) },
    },
  });
  if (values.list !== undefined && !STATUSES.includes(values.list))
    throw new Error(`--list takes one of ${STATUSES.join(", ")}`);
  const result = check(values.root);
  if (values.list !== undefined) console.log(`${list(result, values.list)}\n`);
  console.log(table(result));
  const open = result.requirements.filter(({ status }) => status === "open");
  const faults = [...result.faults];
  if (!values.report)
    for (const { id, title, tests } of open)
      faults.push(
        tests.length > 0
          ? `${id} is due and no test proves the whole of it, only ${tests.join(", ")}`
          : `${id} is due and no test cites it: ${title}`,
      );
  if (faults.length > 0)
    console.error(
      `\n${faults.join("\n")}\n\nrequirements: ${faults.length} ${faults.length === 1 ? "fault" : "faults"}`,
    );
  process.exitCode = faults.length > 0 ? 1 : 0;
}

main();
