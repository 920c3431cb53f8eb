// Rules of the source that no formatter or linter here knows. Each takes files, as a Map of paths to texts, and returns
// what is wrong, a line for each place.
import { posix } from "node:path";

const LONGEST_LINE = 120;
const CODE = /\.(?:rs|[cm]?[jt]s)$/;

/** @typedef {ReadonlyMap<string, string>} Files */

/**
 * @param {Files} files
 * @param {(path: string) => boolean} concerns
 * @returns {[place: string, line: string][]}
 */
function linesOf(files, concerns) {
  return [...files]
    .filter(([path]) => concerns(path))
    .flatMap(([path, text]) => text.split("\n").map((line, index) => [`${path}:${index + 1}`, line]));
}

/** What cannot be split: an import of one name, and a regular expression alone on its line. */
const WHOLE = /^import .* from "[^"]+";$|^\s*\/.+\/[a-z]*;$/;

/** No line is longer than 120 characters. Formatters leave long texts and comments as they are. */
export function longLines(files) {
  return linesOf(files, (path) => CODE.test(path))
    .filter(([, line]) => [...line].length > LONGEST_LINE && !WHOLE.test(line))
    .map(([place, line]) => `${place}: ${[...line].length} characters, and ${LONGEST_LINE} are the most`);
}

/** Names that once meant something here, and what is said instead. */
const RENAMED = {
  hush: "close_idle_streams",
  owe_again: "mark_undelivered",
  cancel_is_a_wish: "cancel_is_advisory",
  tells_unasked: "pushes_status",
  stillSpeaks: "isStillAuthorized",
};

/** Private words do not come back. */
export function privateWords(files) {
  const pattern = new RegExp(String.raw`\b(?:${Object.keys(RENAMED).join("|")})\b`, "g");
  return linesOf(
    files,
    (path) => CODE.test(path) && /^(?:src|pkg-template\/src|tests\/(?!source\/))/.test(path),
  ).flatMap(([place, line]) =>
    [...line.matchAll(pattern)].map(([word]) => `${place}: say ${RENAMED[word]}, not ${word}`),
  );
}

/** A protocol version, as a literal, or a generation's number that is compared. */
const GENERATION = /(["'`])(?:2025-11-25|2026-07-28)\1|(?:[=!]==|[<>?])\s*2[56]\b|wire\/g\d\d/;

/** TypeScript that ships knows the generations of the protocol under `wire/` alone; public types name them. */
export function generationsElsewhere(files) {
  return linesOf(files, (path) => /^pkg-template\/src\/(?!wire\/|types\.ts|client-kit).*\.ts$/.test(path))
    .filter(([, line]) => GENERATION.test(line) && !/^\s*(?:\/?\*|\/\/)/.test(line))
    .map(([place]) => `${place}: ask the revision, which wire/ knows`);
}

/** The modules of the crate do not use each other in circles. */
export function rustCircles(files) {
  const sources = [...files.keys()].filter((path) => /^src\/(?!bin\/).*\.rs$/.test(path));
  const modules = new Map(sources.map((path) => [moduleOf(path), files.get(path)]));
  const graph = new Map([...modules].map(([name, text]) => [name, usesOf(name, text, modules)]));
  return circles(graph).map((names) => `src: ${names.join(", ")} use each other: ${witness(graph, names)}`);
}

/** `src/receiver/mod.rs` is `crate::receiver`. */
function moduleOf(path) {
  const parts = path.replace(/\.rs$/, "").split("/").slice(1);
  if (["lib", "mod"].includes(parts.at(-1))) parts.pop();
  return ["crate", ...parts].join("::");
}

/** The modules that a module's code names by `use` or by a path, itself left out. Its tests may use what they like. */
function usesOf(name, text, modules) {
  const code = text.replace(/^[ \t]*#\[cfg\(test\)\]\s*mod [\s\S]*$/m, "").replace(/\/\/.*$/gm, "");
  const paths = [...code.matchAll(/^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);/gm)].flatMap(([, tree]) => expand(tree));
  const inline = code.replace(/^\s*(?:pub(?:\([^)]*\))? )?use [^;]+;/gm, "");
  paths.push(...[...inline.matchAll(/\b[a-z_]\w*(?:::\w+)+/g)].map(([path]) => path));
  const used = paths.map((path) => resolve(name, path, modules));
  return new Set(used.filter((module) => module !== undefined && module !== name));
}

/** `a::{b, c::d}` is `a::b` and `a::c::d`. */
function expand(tree) {
  const text = tree.trim();
  const brace = text.indexOf("{");
  if (brace < 0) return [text.replace(/ as \w+$/, "")];
  const items = [];
  let depth = 0;
  let item = "";
  for (const character of text.slice(brace + 1, text.lastIndexOf("}"))) {
    if (character === "{") depth++;
    if (character === "}") depth--;
    if (character === "," && depth === 0) {
      items.push(item);
      item = "";
    } else item += character;
  }
  return [...items, item]
    .filter((part) => part.trim() !== "")
    .flatMap((part) => expand(part).map((end) => text.slice(0, brace) + end));
}

/** The module in which what a path names stands, or is passed on; `undefined` outside of the crate. */
function resolve(from, path, modules) {
  let [first, ...rest] = path.split("::");
  let base = from;
  if (first === "crate") base = "crate";
  else if (first === "super" || first === "self") {
    for (; first === "super"; first = rest.shift())
      base = posix.dirname(base.replaceAll("::", "/")).replaceAll("/", "::");
    if (first !== "self") rest.unshift(first);
  } else if (modules.has(`${from}::${first}`)) rest.unshift(first);
  else return undefined;
  for (const part of rest) {
    if (!modules.has(`${base}::${part}`)) break;
    base = `${base}::${part}`;
  }
  // What stands in the root is a list of modules.
  return base === "crate" ? undefined : base;
}

/** The groups of nodes that reach each other, by Tarjan. */
function circles(graph) {
  const found = [];
  const stack = [];
  const order = new Map();
  const lowest = new Map();
  const visit = (node) => {
    order.set(node, order.size);
    lowest.set(node, order.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(node, Math.min(lowest.get(node), lowest.get(next)));
    }
    if (lowest.get(node) !== order.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** The shortest way round within a group. */
function witness(graph, names) {
  let shortest;
  for (const start of names) {
    const queue = [[start]];
    const seen = new Set();
    for (const path of queue) {
      for (const next of graph.get(path.at(-1)) ?? []) {
        if (next === start && path.length + 1 < (shortest?.length ?? Number.POSITIVE_INFINITY))
          shortest = [...path, start];
        if (!names.includes(next) || seen.has(next)) continue;
        seen.add(next);
        queue.push([...path, next]);
      }
    }
  }
  return shortest.join(" → ");
}
