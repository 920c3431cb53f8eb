// `npm run pack`: pkg/mcp-tasks-<version>.tgz, and what must be true of it.
import { readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { HALVES, build, pkg } from "./build.mjs";
import { Failure, filesIn, run, runPackage, say, step } from "./tools.mjs";

export async function pack() {
  await build();
  check();
  const [{ filename, size, unpackedSize, files }] = JSON.parse(await run("npm", ["pack", "--json", "--loglevel=error"], { cwd: pkg, capture: true }));
  say(`pkg/${filename}: ${files.length} files, ${size} bytes, ${unpackedSize} unpacked`);
  const tarball = join(pkg, filename);
  const stores = filesIn(join(pkg, "dist", "stores")).filter((file) => file.endsWith(".cjs")).map((file) => `stores/${basename(file, ".cjs")}`);
  await step("publint", () => runPackage("publint", "publint", [tarball, "--strict"]));
  // The resolution of Node 10 knows no `exports`, so it cannot find a store.
  await step("are the types wrong", () => runPackage("@arethetypeswrong/cli", "attw", [tarball, "--profile=node16", "--format=ascii", "--entrypoints", ".", ...stores]));
}

function check() {
  for (const half of HALVES) {
    const wasm = new WebAssembly.Module(readFileSync(join(pkg, "dist", "wasm", "generated", `${half}.wasm`)));
    for (const { module, name } of WebAssembly.Module.imports(wasm)) {
      if (module !== `./${half}_bg.js`) throw new Failure(`${half}.wasm imports ${name} from ${module}, which no loader brings`);
    }
  }
  for (const file of filesIn(join(pkg, "dist"))) {
    const name = relative(pkg, file);
    if (!/^dist.stores./.test(name) && /["']node:/.test(readFileSync(file, "utf8"))) throw new Failure(`${name} imports a module of Node; only store adapters may`);
  }
}
