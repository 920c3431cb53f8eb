// src/ and pkg-template/ -> pkg/. Each step is left out if its inputs are the same as last time.
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { bundleCli, CLI } from "./cli.mjs";
import { reachable } from "./exports.mjs";
import { manifest, template } from "./manifest.mjs";
import { embedded, licences, sbom } from "./sbom.mjs";
import { measure } from "./size.mjs";
import { filesIn, root, run, runPackage, say, unlessFresh, work, write } from "./tools.mjs";

const generated = join(template, "src", "wasm", "generated");
/** The halves of the core, each a program of the crate. */
export const HALVES = ["server", "client"];
export const pkg = join(root, "pkg");

/** With its stock inlining, -Oz makes the file 3 % smaller and what gzip makes of it 12 % larger. */
const INLINE = "--one-caller-inline-max-function-size=20";
/**
 * `--dealign`: no engine needs to be told how an address is aligned. Blocks made anew from the flow of control
 * (`--rereloop`, which takes code without nesting) and optimised twice are 1 % smaller, and as fast.
 */
const OPTIMIZE = [
  "--low-memory-unused",
  "--flatten",
  "--rereloop",
  "-Oz",
  "--flatten",
  "--rereloop",
  "-Oz",
  "-Oz",
  "--converge",
  "--dealign",
  "--strip-debug",
  "--strip-producers",
  "--strip-target-features",
];

export async function build() {
  const metadata = JSON.parse(
    await run(
      "cargo",
      ["metadata", "--features=wasm", `--filter-platform=${TARGET}`, "--format-version=1", "--locked"],
      { capture: true },
    ),
  );
  const target = metadata.target_directory;
  await compileRust(target);
  const made = await Promise.all(HALVES.map((half) => makeHalf(target, half)));
  // What an earlier build made under other names would be compiled along.
  for (const file of filesIn(generated)) if (!made.flat().includes(file)) rmSync(file);
  await assemble(await describe(metadata));
  await measure(pkg);
}

/** The files of the package that are made from what is known about the project: texts by name. */
async function describe(metadata) {
  const rust = (await run("rustc", ["--version"], { capture: true })).split(" ")[1];
  const crates = embedded(metadata);
  const cli = await bundleCli();
  return {
    [CLI]: cli.text,
    "package.json": `${JSON.stringify(manifest(crates.own.version), undefined, 2)}\n`,
    "sbom.cdx.json": `${JSON.stringify(sbom(crates, rust, cli.packages), undefined, 2)}\n`,
    "THIRD-PARTY-LICENSES": licences(crates, rust, cli.packages),
  };
}

/**
 * Keeps the paths of this machine out of the wasm (panic messages name source files), those of Rust's own sources too
 * where they are installed.
 */
export async function wasmFlags() {
  const [, commit = "unknown"] = /^commit-hash: (\w+)$/m.exec(await run("rustc", ["-vV"], { capture: true })) ?? [];
  const sources = join(
    (await run("rustc", ["--print=sysroot"], { capture: true })).trim(),
    "lib",
    "rustlib",
    "src",
    "rust",
  );
  const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const registries = join(cargo, "registry", "src");
  const places = [
    [cargo, "cargo"],
    // A crate's files are under the name of the registry that it came from, which says nothing.
    ...(existsSync(registries) ? readdirSync(registries).map((name) => [`${join(registries, name)}/`, ""]) : []),
    [root, "mcp-longhaul"],
    [sources, `/rustc/${commit}`],
  ];
  return {
    // LLVM copies a little less into callers than it would for `z`: 0.4 KB of the server's entry.
    CARGO_ENCODED_RUSTFLAGS: [
      "-Cllvm-args=-inline-threshold=10",
      ...places.map(([place, name]) => `--remap-path-prefix=${place}=${name}`),
    ].join("\x1f"),
  };
}

const TARGET = "wasm32-unknown-unknown";
/** What cargo is told about the wasm of the package. */
export const WASM = ["--features=wasm", ...HALVES.map((name) => `--bin=${name}`), `--target=${TARGET}`];

async function compileRust(target) {
  const env = await wasmFlags();
  const core = () => run("cargo", ["build", "--quiet", "--locked", "--release", ...WASM], { env });
  if (packIsFresh(target)) return core();
  say("compiling the core and the pack tool …");
  await Promise.all([core(), run("cargo", ["build", "--locked", "--bin=pack", "--features=pack"])]);
}

const packTool = (target) => join(target, "debug", process.platform === "win32" ? "pack.exe" : "pack");

/** Cargo would link the tool again after each change to the core, which it does not depend on. */
function packIsFresh(target) {
  const time = (file) => statSync(file).mtimeMs;
  const tool = packTool(target);
  return existsSync(tool) && ["src/bin/pack.rs", "Cargo.lock"].every((file) => time(join(root, file)) < time(tool));
}

/** What the steps below depend on beside the wasm that cargo made. */
const MADE_WITH = ["src/bin/pack.rs", "scripts/build.mjs", "package-lock.json"].map((file) => join(root, file));

async function makeHalf(target, half) {
  const wasm = join(target, TARGET, "release", `${half}.wasm`);
  const files = [`${half}.js`, `${half}.d.ts`, `${half}.wasm`];
  const text = `${half}-hex.ts`;
  const made = [...files, text].map((file) => join(generated, file));
  await unlessFresh(`wasm-bindgen and wasm-opt (${half})`, [wasm, ...MADE_WITH], made, async () => {
    const glue = join(work, `glue-${half}-${process.pid}`);
    await run(packTool(target), [wasm, glue]);
    await runPackage("binaryen", "wasm-opt", [
      ...OPTIMIZE,
      INLINE,
      join(glue, `${half}_bg.wasm`),
      "-o",
      join(glue, `${half}.wasm`),
    ]);
    for (const file of files) write(join(generated, file), readFileSync(join(glue, file)));
    rmSync(glue, { recursive: true });
    const bytes = readFileSync(join(generated, `${half}.wasm`));
    write(join(generated, text), `export const hex: string =\n  "${bytes.toString("hex")}";\n`);
    say(`${half}.wasm: ${bytes.length} bytes, ${gzipSync(bytes).length} with gzip`);
  });
  return made;
}

/** Part of TypeScript's library for browsers, which a project for Node alone may not have. */
const WASM_MODULE = "declare global {\n    namespace WebAssembly {\n        interface Module {}\n    }\n}\n";

/** @param described texts of further files, by name */
async function assemble(described) {
  const facts = join(work, "described.json");
  write(facts, JSON.stringify(described));
  const copied = ["README.md", "LICENSE", "CHANGELOG.md"].map((name) => join(root, name));
  const scripts = ["build.mjs", "exports.mjs"].map((name) => join(root, "scripts", name));
  const inputs = [
    ...filesIn(join(template, "src")),
    join(template, "tsconfig.json"),
    facts,
    ...copied,
    ...scripts,
    join(root, "package-lock.json"),
  ];
  await unlessFresh(
    "TypeScript",
    inputs,
    [join(pkg, "dist", "index.js"), ...Object.keys(described).map((name) => join(pkg, name))],
    async () => {
      const made = join(work, `pkg-${process.pid}`);
      const output = join(made, "dist");
      await runPackage("typescript", "tsc", ["-p", template, "--outDir", output]);
      // What tsc does not emit: the glue is JavaScript already. Its declarations are for the wrapper alone.
      for (const half of HALVES) {
        cpSync(join(generated, `${half}.wasm`), join(output, "wasm", "generated", `${half}.wasm`));
        write(
          join(output, "wasm", "generated", `${half}.js`),
          readFileSync(join(generated, `${half}.js`), "utf8").replace(/^\/\* @ts-self-types=.*\n/, ""),
        );
        for (const [kind, exported] of [
          ["ts", "export default"],
          ["cts", "export ="],
        ]) {
          write(
            join(output, "wasm", "generated", `${half}.wasm.d.${kind}`),
            `${WASM_MODULE}declare const module: WebAssembly.Module;\n${exported} module;\n`,
          );
        }
      }
      await joinModules(output);
      await addCommonJs(output);
      await bundleBrowser(output);
      // Declarations of what is inside, and modules that hold nothing but types, are not needed outside.
      const needed = reachable(JSON.parse(described["package.json"]), made);
      for (const file of filesIn(output)) if (!needed.has(file)) rmSync(file);
      for (const file of copied) write(join(made, basename(file)), readFileSync(file));
      for (const [name, text] of Object.entries(described)) write(join(made, name), text);
      for (const file of filesIn(made)) write(join(pkg, relative(made, file)), readFileSync(file));
      for (const file of filesIn(join(pkg, "dist"))) if (!existsSync(join(made, relative(pkg, file)))) rmSync(file);
      rmSync(made, { recursive: true });
      // The tarball keeps them, and should not depend on the machine that built it.
      for (const file of filesIn(pkg)) chmodSync(file, 0o644);
    },
  );
}

/** Modules that stay as they are: loaders, which conditions choose among, and what must be there once in a program. */
const KEPT = /^(wasm[\\/].*|core[\\/]half|errors|name|(server|client)[\\/]core|wire[\\/](capabilities|methods))\.js$/;

/** The modules that are entries, or that entries load by their names. */
const ENTRIES =
  /^((client|server|otel|store-kit|attach-class|registration|sdk-v1|client-tasks|tasks-extension|webhooks|client-kit|journal|admin)|stores[\\/].*)\.js$/;

/** One module for each entry and one for what they share: every module costs each start about half a millisecond. */
async function joinModules(output) {
  const { build } = await import("esbuild");
  const modules = filesIn(output).filter((file) => file.endsWith(".js"));
  await build({
    entryPoints: modules.filter((file) => ENTRIES.test(relative(output, file))),
    absWorkingDir: output, // names in comments and hashes are relative to it
    outdir: output,
    outbase: output,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    chunkNames: "shared-[hash]",
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["#wasm/*", "node:*", "@*", ...modules.filter((file) => KEPT.test(relative(output, file)))],
    logLevel: "warning",
  });
  // esbuild names what is left outside from the top folder, whichever folder the module is in.
  for (const file of filesIn(join(output, "stores"))) {
    if (file.endsWith(".js"))
      write(
        file,
        readFileSync(file, "utf8").replace(/"\.\/(?=(errors|core|name|server\/|client\/|wasm\/|wire\/))/g, '"../'),
      );
  }
}

/**
 * Beside each module and its types, the same for `require`. Module by module, so that no code is there twice in one
 * program.
 */
async function addCommonJs(output) {
  const { transform } = await import("esbuild");
  const relativeImport = /(\b(?:from|import|require)\s*\(?\s*["']\.{1,2}\/[^"']*)\.[jt]s(["'])/g;
  for (const file of filesIn(output)) {
    // The loaders for workerd and edge runtimes, which have no `require`; and what awaits at its top.
    if (/[\\/](module|edge|register)\.|\.wasm(\.d\.c?ts)?$/.test(file)) continue;
    const text = readFileSync(file, "utf8");
    if (file.endsWith(".d.ts")) {
      write(file, text.replace(relativeImport, "$1.js$2"));
      write(file.replace(/ts$/, "cts"), text.replace(relativeImport, "$1.cjs$2"));
    } else {
      const { code } = await transform(text, { format: "cjs", target: "es2022", platform: "neutral" });
      write(file.replace(/js$/, "cjs"), code.replace(relativeImport, "$1.cjs$2"));
    }
  }
}

/**
 * Makes what a page can load as it is: one file a half, and one of what they share, so that a page with both has it
 * once.
 */
async function bundleBrowser(output) {
  const { build } = await import("esbuild");
  const folder = join(output, "browser");
  const { metafile } = await build({
    entryPoints: HALVES.map((half) => join(folder, `${half}.js`)),
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    chunkNames: "shared",
    format: "esm",
    target: "es2022",
    minify: true,
    metafile: true,
    alias: Object.fromEntries(HALVES.map((half) => [`#wasm/${half}`, join(output, "wasm", half, "inline.js")])),
    logLevel: "warning",
  });
  for (const [file, { bytes }] of Object.entries(metafile.outputs))
    say(`dist/browser/${basename(file)}: ${bytes} bytes, ${gzipSync(readFileSync(file)).length} with gzip`);
}
