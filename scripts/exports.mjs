// Where package.json says that the entries and internal imports of a package are, and which files they need.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { filesIn } from "./tools.mjs";

/**
 * Every file that `exports`, `imports`, `bin`, `main`, `module`, `browser`, `types` and `typesVersions` name, with `*`
 * filled in.
 */
export function targets(manifest, folder) {
  const files = filesIn(folder).map((file) => `./${relative(folder, file).split(sep).join("/")}`);
  const found = [];
  const add = (key, conditions, target) => {
    if (target === null) return;
    if (typeof target !== "string") {
      // An array is a list of choices, an object one of conditions.
      for (const [condition, inner] of Object.entries(target))
        add(key, Array.isArray(target) ? conditions : [...conditions, condition], inner);
    } else if (!target.includes("*")) {
      found.push({ key, conditions, file: target.startsWith("./") ? target : `./${target}` });
    } else {
      const [before, after] = target.split("*");
      const fits = files.filter(
        (file) => file.startsWith(before) && file.endsWith(after) && file.length > before.length + after.length,
      );
      if (fits.length === 0) found.push({ key, conditions, file: target });
      for (const file of fits)
        found.push({ key: key.replace("*", file.slice(before.length, file.length - after.length)), conditions, file });
    }
  };
  const { exports = {}, imports = {}, typesVersions = {} } = manifest;
  for (const map of [exports, imports, ...Object.values(typesVersions)])
    for (const [key, target] of Object.entries(map)) add(key, [], target);
  for (const [name, target] of Object.entries(manifest.bin ?? {})) add(`bin ${name}`, [], target);
  for (const name of ["main", "module", "types"]) if (manifest[name] !== undefined) add(name, [], manifest[name]);
  return found;
}

/** The entries that have types: each subpath of `exports` with its declarations for `import`. */
export function typedEntries(manifest, folder) {
  const modules = targets({ exports: manifest.exports }, folder).filter(({ file }) => /(?<!\.wasm)\.d\.ts$/.test(file));
  return [...new Map(modules.map(({ key, file }) => [key, join(folder, file)]))];
}

/** The files that the targets need, and they themselves: what is named in their imports, or in a `new URL(…)`. */
export function reachable(manifest, folder) {
  const all = targets(manifest, folder);
  const found = new Set();
  const visit = (file) => {
    if (found.has(file) || !existsSync(file)) return;
    found.add(file);
    if (!/\.(js|mjs|cjs|ts|mts|cts)$/.test(file)) return;
    for (const [, name] of readFileSync(file, "utf8").matchAll(/["'](\.{1,2}\/[^"'?\s]+|#[^"'\s]+)(?:\?\w+)?["']/g)) {
      if (name.startsWith("#")) for (const { key, file } of all) key === name && visit(join(folder, file));
      else visit(declarationOf(file, resolve(dirname(file), name)));
    }
  };
  for (const { file } of all) visit(join(folder, file));
  return found;
}

/** What a declaration file imports are the declarations of a module. */
function declarationOf(importer, file) {
  return /\.d\.[cm]?ts$/.test(importer) ? file.replace(/(?<!\.d)\.([cm]?)js$/, ".d.$1ts") : file;
}
