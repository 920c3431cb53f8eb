// What must be true of the built package: package.json and the files say the same, and so do all places that name a
// version.
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { satisfies, valid } from "semver";
import { HALVES, pkg } from "./build.mjs";
import { reachable, targets } from "./exports.mjs";
import { Failure, filesIn, root, run } from "./tools.mjs";

const json = (...path) => JSON.parse(readFileSync(join(...path), "utf8"));

/** @param folder the built package */
export async function checkPackage(folder = pkg) {
  const manifest = json(folder, "package.json");
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const faults = [
    ...files(manifest, folder),
    ...wasm(folder),
    ...modules(manifest, folder),
    ...peers(manifest),
    ...versions(manifest.version, changelog, await tagsHere()),
  ];
  if (faults.length > 0) throw new Failure(`the package is not right:\n- ${faults.join("\n- ")}`);
}

/** Every target exists, and nothing is there that no target needs. */
function* files(manifest, folder) {
  for (const { key, conditions, file } of targets(manifest, folder)) {
    if (!existsSync(join(folder, file)))
      yield `package.json names ${file} for ${[key, ...conditions].join(" → ")}, which does not exist`;
  }
  for (const name of manifest.files)
    if (!existsSync(join(folder, name))) yield `\`files\` names ${name}, which does not exist`;
  const needed = reachable(manifest, folder);
  for (const file of filesIn(join(folder, "dist")))
    if (!needed.has(file)) yield `${relative(folder, file)} is reached from no entry`;
}

function* wasm(folder) {
  for (const half of HALVES) {
    const module = new WebAssembly.Module(readFileSync(join(folder, "dist", "wasm", "generated", `${half}.wasm`)));
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from !== `./${half}_bg.js`) yield `${half}.wasm imports ${name} from ${from}, which no loader brings`;
    }
  }
}

/** What the modules and declarations import that is not theirs. */
function* modules(manifest, folder) {
  const internal = new Set(targets({ imports: manifest.imports }, folder).map(({ key }) => key));
  for (const file of filesIn(join(folder, "dist")).filter((name) => /\.[cm]?[jt]s$/.test(name))) {
    const name = relative(folder, file);
    for (const imported of importsOf(file)) {
      const owner = imported
        .split("/")
        .slice(0, imported.startsWith("@") ? 2 : 1)
        .join("/");
      if (imported.startsWith("node:") || builtinModules.includes(imported)) {
        if (!/^dist.(stores|cli)./.test(name))
          yield `${name} imports ${imported}, a module of Node; only store adapters and the terminal view may`;
      } else if (imported.startsWith("#")) {
        if (!internal.has(imported)) yield `${name} imports ${imported}, which is not among \`imports\``;
      } else if (manifest.peerDependencies[owner] === undefined) {
        yield `${name} imports ${imported}, which is no peer dependency`;
      }
    }
  }
}

function importsOf(file) {
  const code = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => !/^\s*(\*|\/[*/])/.test(line))
    .join("\n");
  return [...code.matchAll(/\b(?:from|import|require)\s*\(?\s*["']([@\w#][\w@#:./-]*)["']/g)].map(([, name]) => name);
}

/**
 * Who installs this package chooses: each peer is optional, is told of, and its range has in it what the tests run
 * with.
 */
function* peers(manifest) {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const tested = {
    ...json(root, "tests", "stores", "drivers", "package.json").dependencies,
    ...json(root, "package.json").devDependencies,
  };
  for (const [name, range] of Object.entries(manifest.peerDependencies)) {
    if (manifest.peerDependenciesMeta[name]?.optional !== true) yield `the peer ${name} is not optional`;
    if (!readme.includes(name)) yield `the peer ${name} is not in the README`;
    if (!satisfies(tested[name] ?? "", range))
      yield `the peer ${name} is tested with ${tested[name] ?? "no version"}, which is not in ${range}`;
  }
  for (const name of Object.keys(manifest.peerDependenciesMeta))
    if (manifest.peerDependencies[name] === undefined) yield `${name} is described as a peer and is none`;
  if (Object.keys(manifest.dependencies ?? {}).length > 0) yield "the package has dependencies; what ships has none";
}

/** Cargo.toml has the version. The changelog begins with it, or with what is not released yet; a tag is a release. */
export function* versions(version, changelog, tags) {
  if (valid(version) !== version) yield `${version} in Cargo.toml is no semantic version`;
  const [, head] = /^## (.+)$/m.exec(changelog) ?? [];
  const [, released] = /^\[?(\d[^\]\s]*)\]?(?: .*)?$/.exec(head ?? "") ?? [];
  for (const tag of tags) {
    if (tag !== `v${version}`) yield `this commit has the tag ${tag}, and Cargo.toml has the version ${version}`;
    else if (released !== version) yield `this commit has the tag ${tag}, and CHANGELOG.md begins with "${head}"`;
  }
  if (head !== "Unreleased" && released !== version)
    yield `CHANGELOG.md begins with "${head}", neither "Unreleased" nor ${version}, the version in Cargo.toml`;
}

async function tagsHere() {
  if (!existsSync(join(root, ".git"))) return [];
  const tags = await run("git", ["tag", "--points-at", "HEAD"], { capture: true });
  return tags.split("\n").filter((tag) => /^v\d/.test(tag));
}
