// What is released: the same bytes wherever they are built, with what is in them told, and checks that notice a
// mistake.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

import { pack } from "./tarball.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const built = join(root, "pkg");
const script = (name: string): Promise<any> => import(join(root, "scripts", name));
const windows = process.platform === "win32";

const scratch = mkdtempSync(join(tmpdir(), "mcp-longhaul-release-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Names and contents of a package, without tarballs. */
function digest(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith(".tgz"),
  );
  const files = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    files.map((file) => [relative(folder, file), createHash("sha256").update(readFileSync(file)).digest("hex")]),
  );
}

describe("the same bytes", { timeout: 280_000 }, () => {
  test("from a checkout elsewhere, with other times and other permissions", {
    skip: windows && "no umask",
  }, async () => {
    const checkout = join(scratch, "a checkout", "in a folder with a longer name");
    mkdirSync(checkout, { recursive: true });
    for (const name of [
      ".cargo",
      "Cargo.toml",
      "Cargo.lock",
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "package.json",
      "package-lock.json",
      "pkg-template",
      "scripts",
      "src",
      "tests/bench/bundle.ts",
      "tests/core",
    ]) {
      cpSync(join(root, name), join(checkout, name), {
        recursive: true,
        filter: (file) => !file.endsWith(join("wasm", "generated")),
      });
    }
    for (const entry of readdirSync(checkout, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      chmodSync(join(entry.parentPath, entry.name), 0o600);
      utimesSync(join(entry.parentPath, entry.name), 1e9, 1e9);
    }
    // Only now: whoever walks through the checkout walks through this too, and would change the packages of every
    // checkout.
    symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
    // Only what is compiled again says whether it depends on where that happens; the tool that makes the glue runs on
    // this machine.
    const target = join(root, "build", "elsewhere");
    const tool = join("debug", windows ? "pack.exe" : "pack");
    const { target_directory } = JSON.parse(
      (await execute("cargo", ["metadata", "--no-deps", "--format-version=1"], { cwd: root })).stdout,
    ) as { target_directory: string };
    rmSync(join(target, "wasm32-unknown-unknown"), { recursive: true, force: true });
    mkdirSync(join(target, "debug"), { recursive: true });
    copyFileSync(join(target_directory, tool), join(target, tool));

    // Not by `npm run build`, which might set up the packages.
    const build = `await (await import("./scripts/build.mjs")).build()`;
    const run = `umask 077; exec "${process.execPath}" --input-type=module --eval '${build}'`;
    await execute("sh", ["-c", run], { cwd: checkout, env: { ...process.env, CARGO_TARGET_DIR: target } });
    assert.deepEqual(digest(join(checkout, "pkg")), digest(built));
    const [here, there] = [
      await pack(join(scratch, "here")),
      await pack(join(scratch, "there"), join(checkout, "pkg")),
    ];
    assert.ok(readFileSync(here).equals(readFileSync(there)), "the tarballs differ");
  });

  test("with no path of this machine in it", () => {
    const places = [root, process.env["HOME"] ?? root, tmpdir()].map((place) => Buffer.from(`${place}/`));
    for (const name of Object.keys(digest(built))) {
      const bytes = readFileSync(join(built, name));
      for (const place of places) assert.ok(!bytes.includes(place), `${name} names ${place.toString()}`);
    }
  });
});

describe("the bill of materials", () => {
  const text = existsSync(join(built, "sbom.cdx.json")) ? readFileSync(join(built, "sbom.cdx.json"), "utf8") : "{}";
  const bill = JSON.parse(text) as {
    metadata: { component: { version: string } };
    components: { name: string; version: string; licenses: object[]; hashes?: object[] }[];
  };

  test("is valid CycloneDX", async () => {
    assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null);
    assert.notEqual(
      await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text.replace('"library"', '"libary"')),
      null,
    );
    assert.doesNotMatch(text, /timestamp|serialNumber/);
  });

  test("names every crate of which there is code in the wasm", async () => {
    const { target_directory } = JSON.parse(
      (await execute("cargo", ["metadata", "--no-deps", "--format-version=1"], { cwd: root })).stdout,
    ) as { target_directory: string };
    // As cargo makes it, before the names are dropped: both manglings, and implementations of traits.
    const names = ["server", "client"]
      .map((half) =>
        readFileSync(join(target_directory, "wasm32-unknown-unknown", "release", `${half}.wasm`), "latin1"),
      )
      .join();
    const linked = (crate: string) => {
      const name = crate.replaceAll("-", "_");
      return new RegExp(`(_ZN|Cs[0-9A-Za-z]+_)${name.length}${name}(?![a-z])|\\$LT\\$${name}\\.\\.`).test(names);
    };
    const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
    const crates = new Set([...lock.matchAll(/^name = "(.+)"$/gm)].map(([, name]) => name as string));
    const told = new Set(bill.components.map(({ name }) => name));
    // The standard library is told of as one, whatever it is made of.
    const { stdout: libraries } = await execute("rustc", ["--print=target-libdir", "--target=wasm32-unknown-unknown"]);
    for (const file of readdirSync(libraries.trim()))
      told.add(/^lib(.+)-[0-9a-f]+\.rlib$/.exec(file)?.[1]?.replaceAll("_", "-") ?? "");
    assert.ok(linked("siphasher") && linked("mcp-longhaul"), "the names are not there to look at");
    assert.deepEqual(
      [...crates].filter((crate) => crate !== "mcp-longhaul" && !told.has(crate) && linked(crate)),
      [],
    );
    for (const { name, licenses, hashes } of bill.components)
      assert.ok(licenses.length === 1 && (name === "rust-std" || hashes?.length === 1), name);
  });

  test("comes with the licences that are demanded", async () => {
    const { licences } = await script("sbom.mjs");
    assert.match(readFileSync(join(built, "THIRD-PARTY-LICENSES"), "utf8"), /- siphasher [\d.]+: MIT OR Apache-2\.0\n/);
    const crate = (license: string) => ({
      name: "some",
      version: "1.0.0",
      license,
      manifest_path: join(scratch, "crate", "Cargo.toml"),
    });
    mkdirSync(join(scratch, "crate"));
    writeFileSync(join(scratch, "crate", "LICENSE-BSD"), "the BSD text");
    assert.doesNotMatch(licences({ others: [crate("MIT OR Apache-2.0")] }, "1"), /BSD/);
    assert.match(licences({ others: [crate("(MIT OR Apache-2.0) AND BSD-3-Clause")] }, "1"), /the BSD text/);
    assert.throws(() => licences({ others: [crate("MPL-2.0")] }, "1"), /some 1\.0\.0 demands MPL-2\.0/);
  });
});

describe("package.json", () => {
  test("has the version of Cargo.toml, and an address only where the CI that builds says one", async () => {
    const { manifest } = await script("manifest.mjs");
    const { version, repository } = JSON.parse(readFileSync(join(built, "package.json"), "utf8"));
    assert.equal(version, /^version = "(.+)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1]);
    if (process.env["GITHUB_REPOSITORY"] === undefined && process.env["CI_PROJECT_URL"] === undefined)
      assert.equal(repository, undefined);
    const github = manifest("1.2.3", { GITHUB_SERVER_URL: "https://github.example", GITHUB_REPOSITORY: "an/owner" });
    assert.deepEqual(
      [github.version, github.repository.url, github.homepage, github.bugs.url],
      [
        "1.2.3",
        "git+https://github.example/an/owner.git",
        "https://github.example/an/owner#readme",
        "https://github.example/an/owner/issues",
      ],
    );
    assert.equal(
      manifest("1.2.3", { CI_PROJECT_URL: "https://gitlab.example/an/owner" }).bugs.url,
      "https://gitlab.example/an/owner/-/issues",
    );
    for (const key of ["repository", "homepage", "bugs"]) assert.ok(!(key in manifest("1.2.3", {})), key);
  });

  const mistakes: [string, (folder: string) => void, RegExp][] = [
    [
      "a target that is missing",
      (folder) => rmSync(join(folder, "dist", "otel.cjs")),
      /package\.json names \.\/dist\/otel\.cjs for \.\/otel → require → default/,
    ],
    [
      "a file that nothing needs",
      (folder) => writeFileSync(join(folder, "dist", "left.js"), ""),
      /dist.left\.js is reached from no entry/,
    ],
    [
      "a listed file that is missing",
      (folder) => rmSync(join(folder, "sbom.cdx.json")),
      /`files` names sbom\.cdx\.json/,
    ],
    [
      "a module of Node outside the stores",
      (folder) => appendFileSync(join(folder, "dist", "tap.js"), 'import "node:fs";\n'),
      /dist.tap\.js imports node:fs/,
    ],
    [
      "a package that is no peer",
      (folder) => appendFileSync(join(folder, "dist", "client.d.ts"), 'export type { ZodType } from "zod";\n'),
      /dist.client\.d\.ts imports zod/,
    ],
    [
      "an import that leads nowhere",
      (folder) => appendFileSync(join(folder, "dist", "core.cjs"), 'require("#nowhere");\n'),
      /dist.core\.cjs imports #nowhere/,
    ],
  ];
  for (const [what, make, message] of mistakes) {
    test(`${what} is noticed`, async () => {
      const { checkPackage } = await script("check-package.mjs");
      const folder = mkdtempSync(join(scratch, "mistake-"));
      cpSync(built, folder, { recursive: true });
      await checkPackage(folder);
      make(folder);
      await assert.rejects(checkPackage(folder), message);
    });
  }

  test("the version, the changelog and a tag agree", async () => {
    const { versions } = await script("check-package.mjs");
    const faults = (version: string, head: string, ...tags: string[]) =>
      [...versions(version, `# Changelog\n\n## ${head}\n`, tags)].length;
    assert.equal(faults("1.2.3", "Unreleased"), 0);
    assert.equal(faults("1.2.3", "1.2.3 (2027-01-31)", "v1.2.3"), 0);
    assert.equal(faults("1.3.0-beta.1", "1.3.0-beta.1"), 0);
    assert.equal(faults("1.2.3", "1.2.2"), 1);
    assert.equal(faults("1.2.3", "Unreleased", "v1.2.3"), 1);
    assert.equal(faults("1.2.3", "1.2.3", "v1.2.4"), 1);
    assert.equal(faults("1.2", "1.2"), 1);
  });
});

test("a change of the public surface is noticed, and so is an export that is not described", {
  timeout: 120_000,
}, async (t) => {
  const { checkApi } = await script("api-report.mjs");
  mkdirSync(join(root, "build"), { recursive: true });
  const folder = mkdtempSync(join(root, "build", "api-")); // where its peers are found
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(built, folder, { recursive: true });
  const declarations = join(folder, "dist", "store-kit.d.ts");
  appendFileSync(declarations, "/** One more. */\nexport declare const more: number;\n");
  await assert.rejects(checkApi(folder), /store-kit\.api\.md in pkg-template\/api\..*`npm run api`/);
  appendFileSync(declarations, "export declare const undescribed: number;\n");
  await assert.rejects(
    checkApi(folder),
    /store-kit\.d\.ts:\d+ ae-undocumented: Missing documentation for "undescribed"/,
  );
});

test("importing does nothing: `sideEffects` is true to fact", async () => {
  const program = `
    const { targets } = await import(${JSON.stringify(join(root, "scripts", "exports.mjs"))});
    const { createRequire } = await import("node:module");
    const built = ${JSON.stringify(built)};
    const { default: manifest } = await import(built + "/package.json", { with: { type: "json" } });
    await import("@opentelemetry/api"); // another package's own doing
    createRequire(${JSON.stringify(join(root, "package.json"))})("@opentelemetry/api");
    const entries = targets({ exports: manifest.exports }, built);
    const files = entries
      .map(({ file }) => file)
      .filter((file) => /\\.c?js$/.test(file) && !manifest.sideEffects.includes(file));
    const classes = [Object, Function, Array, Promise, Map];
    const shared = [globalThis, Object, ...classes.map((one) => one.prototype)];
    const look = () => JSON.stringify(shared.map((object) => Reflect.ownKeys(object).map(String)));
    const before = look();
    // Told of by name, whoever calls it.
    const did = [];
    const forbid = (object, name) => {
      const real = object[name];
      object[name] = function (...values) {
        did.push(name);
        return Reflect.apply(real, this, values);
      };
    };
    const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"];
    for (const name of [...timers, "fetch", "atob"]) forbid(globalThis, name);
    for (const name of ["getRandomValues", "randomUUID"]) forbid(Object.getPrototypeOf(crypto), name);
    forbid(Math, "random"); forbid(Date, "now"); forbid(WebAssembly, "compile"); forbid(WebAssembly, "instantiate");
    for (const name of ["Module", "Instance"]) {
      WebAssembly[name] = new Proxy(WebAssembly[name], {
        construct(target, values) {
          did.push(name);
          return Reflect.construct(target, values);
        },
      });
    }
    const quiet = [...did];
    for (const file of files) {
      if (file.endsWith(".cjs")) createRequire(import.meta.url)(built + "/" + file);
      else await import(built + "/" + file);
    }
    const open = process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "TCPSocketWrap");
    console.log(JSON.stringify({ files: files.length, did: did.slice(quiet.length), same: look() === before, open }));
  `;
  const file = join(scratch, "import.mjs");
  writeFileSync(file, program);
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"), "junction");
  const { stdout } = await execute(process.execPath, [file]);
  const { files, ...rest } = JSON.parse(stdout) as { files: number };
  assert.ok(files >= 18, `${files} entries`);
  assert.deepEqual(rest, { did: [], same: true, open: [] });
});
