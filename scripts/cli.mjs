// dist/cli/main.js: the terminal view with the SDK's client in it, and the npm packages that are in it thereby.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { manifest, template } from "./manifest.mjs";
import { root } from "./tools.mjs";

/** Where it is in the package. */
export const CLI = "dist/cli/main.js";

/** @returns the text of the file, and the packages that esbuild has put into it, by name */
export async function bundleCli() {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(template, "src", "cli", "main.ts")],
    absWorkingDir: root,
    outfile: join(root, CLI),
    write: false,
    bundle: true,
    minify: true,
    legalComments: "none", // THIRD-PARTY-LICENSES has them whole
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // Parts of it are CommonJS, and ask for modules of Node.
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    alias: { "@modelcontextprotocol/client/_shims": join(template, "src", "cli", "sdk-shims.ts") },
    external: ["pg", "ioredis", "redis", "better-sqlite3"],
    plugins: [{ name: "mcp-longhaul", setup: (setup) => ownModules(setup) }],
    logLevel: "warning",
  });
  const [output] = Object.values(metafile.outputs);
  const folders = Object.entries(output.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => packageOf(resolve(root, file)))
    .filter((folder) => folder !== undefined);
  const packages = [...new Set(folders)].map((folder) => ({
    folder,
    ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
  }));
  return { text: outputFiles[0].text, packages: packages.sort((left, right) => (left.name < right.name ? -1 : 1)) };
}

/** The package itself stays outside, as the modules beside it that programs import. */
function ownModules({ onResolve }) {
  const { name, exports } = manifest("");
  onResolve({ filter: new RegExp(`^${name}(/|$)`) }, ({ path }) => {
    const subpath = `.${path.slice(name.length)}`;
    const [, folder, file] = /^(\.\/stores\/)(\w[\w-]*)$/.exec(subpath) ?? [];
    const target = folder === undefined ? exports[subpath] : exports[`${folder}*`];
    const module = target.default.default.replace("*", file);
    return { path: module.replace("./dist/", "../"), external: true };
  });
}

/** The folder of the npm package that a file belongs to; `undefined` for this one's own. */
function packageOf(file) {
  if (!file.includes("node_modules")) return undefined;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const described = join(folder, "package.json");
    // Some have one more inside, for the kind of their modules alone.
    if (existsSync(described) && JSON.parse(readFileSync(described, "utf8")).version !== undefined) return folder;
  }
}
