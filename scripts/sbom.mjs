// What is in the package besides this project's own code, as CycloneDX, and the licences that come with it: crates in
// the wasm, npm packages in the terminal view.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { Failure, root } from "./tools.mjs";

/** The crates that are linked into the wasm, from what `cargo metadata` says for its target and features, by name. */
export function embedded({ packages, resolve }) {
  const found = new Map();
  const visit = (id) => {
    const crate = packages.find((candidate) => candidate.id === id);
    // A macro runs in the compiler and leaves nothing of itself.
    if (found.has(id) || crate.targets.some(({ kind }) => kind.includes("proc-macro"))) return;
    const needs = resolve.nodes
      .find((node) => node.id === id)
      .deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
    found.set(id, crate);
    for (const { pkg } of needs) visit(pkg);
    crate.needs = needs.map(({ pkg }) => found.get(pkg)).filter((needed) => needed !== undefined);
  };
  visit(resolve.root);
  const [own, ...others] = found.values();
  return { own, others: others.sort((left, right) => (left.name < right.name ? -1 : 1)) };
}

/**
 * The same bytes for the same sources and compiler: no serial number, no time.
 * @param packages what is in the terminal view, each with its package.json and its folder
 */
export function sbom({ own, others }, rust, packages) {
  const checksums = checksumsOf(readFileSync(join(root, "Cargo.lock"), "utf8"));
  const purl = ({ name, version }) =>
    name === own.name ? `pkg:npm/${name}@${version}` : `pkg:cargo/${name}@${version}`;
  const component = (crate) => ({
    type: "library",
    "bom-ref": purl(crate),
    name: crate.name,
    version: crate.version,
    licenses: [{ expression: crate.license }],
    purl: purl(crate),
  });
  const std = {
    type: "library",
    "bom-ref": `rust-std@${rust}`,
    name: "rust-std",
    version: rust,
    description: "The standard library of Rust",
    licenses: [{ expression: "MIT OR Apache-2.0" }],
  };
  const npm = packages.map((found) => ({
    type: "library",
    "bom-ref": npmPurl(found),
    name: found.name,
    version: found.version,
    licenses: [{ expression: found.license }],
    purl: npmPurl(found),
    hashes: [{ alg: "SHA-512", content: integrityOf(found) }],
  }));
  const needsOf = ({ dependencies = {} }) => packages.filter(({ name }) => dependencies[name] !== undefined);
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { lifecycles: [{ phase: "build" }], component: component(own) },
    components: [
      ...others.map((crate) => ({
        ...component(crate),
        hashes: [{ alg: "SHA-256", content: checksums.get(`${crate.name} ${crate.version}`) }],
      })),
      std,
      ...npm,
    ],
    dependencies: [
      {
        ref: purl(own),
        dependsOn: [...own.needs.map(purl), std["bom-ref"], ...packages.map(npmPurl).filter(isDirect)].sort(),
      },
      ...others.map((crate) => ({ ref: purl(crate), dependsOn: crate.needs.map(purl).sort() })),
      { ref: std["bom-ref"] },
      ...packages.map((found) => ({ ref: npmPurl(found), dependsOn: needsOf(found).map(npmPurl).sort() })),
    ],
  };
}

const npmPurl = ({ name, version }) => `pkg:npm/${name.replace("@", "%40")}@${version}`;
/** What this project imports itself. */
const isDirect = (purl) => purl.startsWith("pkg:npm/%40modelcontextprotocol/client@");

/** As package-lock.json has it, in hexadecimal digits. */
function integrityOf({ folder }) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  // Wherever the folder of all packages really is.
  const [, ...below] = folder.split(sep).join("/").split("/node_modules/");
  const { integrity } = packages[["", ...below].join("/node_modules/").slice(1)];
  return Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
}

const checksumsOf = (lock) =>
  new Map(
    [...lock.matchAll(/^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"$/gm)].map(
      ([, name, version, checksum]) => [`${name} ${version}`, checksum],
    ),
  );

/**
 * Apache-2.0 is chosen wherever a crate offers it. It asks for its own text, which is the package's LICENSE, and for a
 * NOTICE, where there is one. Whatever else a licence demands is copied in.
 */
export function licences({ others }, rust, packages = []) {
  const texts = [];
  const line = ({ name, version, license, manifest_path }) => {
    const folder = dirname(manifest_path);
    const files = readdirSync(folder);
    const demanded = license
      .replace(/[()]/g, "")
      .split(" AND ")
      .filter((part) => !part.split(/ OR |\//).includes("Apache-2.0"));
    const wanted = demanded.map((id) => {
      const own = id.split(/ OR |\//).map((choice) => `LICENSE-${choice.split("-")[0]}`);
      const names = [...own, ...(demanded.length === 1 ? ["LICENSE", "LICENSE.md", "LICENSE.txt"] : [])].map((name) =>
        name.toUpperCase(),
      );
      const file = files.find((candidate) => names.includes(candidate.toUpperCase()));
      if (file === undefined)
        throw new Failure(
          `${name} ${version} demands ${id}, and its text is not found in ${files.join(", ")}: see scripts/sbom.mjs`,
        );
      return file;
    });
    for (const file of [...wanted, ...files.filter((candidate) => candidate.toUpperCase().startsWith("NOTICE"))]) {
      texts.push(
        `${name} ${version}, ${file}\n\n${readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()}\n`,
      );
    }
    return `- ${name} ${version}: ${license}`;
  };
  const list = [...others.map(line), `- the standard library of Rust ${rust}: MIT OR Apache-2.0`];
  const head =
    "The WebAssembly of this package is linked with the following. " +
    "Where a licence can be chosen, it is Apache-2.0 (see LICENSE).\n";
  const npm = packages.map((found) => npmLine(found, texts));
  const second = "The terminal view, dist/cli, has the following npm packages in it.\n";
  const lists = [`${head}\n${list.join("\n")}\n`, ...(npm.length > 0 ? [`${second}\n${npm.join("\n")}\n`] : [])];
  return [lists.join("\n"), ...texts].join(`\n${"-".repeat(80)}\n\n`);
}

/** A package's own licence is copied in whole, whichever it is. */
function npmLine({ name, version, license, folder }, texts) {
  const file = readdirSync(folder).find((candidate) => /^licen[cs]e(\.\w+)?$/i.test(candidate));
  if (file === undefined) throw new Failure(`${name} ${version} is ${license}, and comes without a text of it`);
  const text = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim();
  texts.push(`${name} ${version}, ${file}\n\n${text}\n`);
  return `- ${name} ${version}: ${license}`;
}
