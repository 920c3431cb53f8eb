// How users bundle, with each bundler's defaults where it has them. Every function takes the project, the entry in it
// and the folder to fill.
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

export async function vite(root, entry, outDir) {
  const { build } = await import("vite");
  const page = entry.replace(/js$/, "html");
  await writeFile(join(root, page), `<!doctype html><script type="module" src="./${entry}"></script>`);
  await build({
    root,
    configFile: false,
    logLevel: "error",
    build: { outDir, rolldownOptions: { input: join(root, page) } },
  });
}

/** Vite's development server, which bundles packages alone, when a page asks for them. */
export async function serveWithVite(root) {
  const { createServer } = await import("vite");
  await writeFile(join(root, "dev.html"), '<!doctype html><script type="module" src="./app.js"></script>');
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0 },
  });
  await server.listen();
  return { url: `http://127.0.0.1:${server.httpServer.address().port}/dev.html`, close: () => server.close() };
}

export async function webpack(root, entry, path) {
  const { default: compile } = await import("webpack");
  const compiler = compile({
    mode: "production",
    context: root,
    entry: `./${entry}`,
    output: { path, filename: basename(entry) },
    performance: false,
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, stats) => (error ? reject(error) : resolve(stats))),
  );
  await new Promise((resolve) => compiler.close(resolve));
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  if (errors.length + warnings.length > 0)
    throw new Error([...errors, ...warnings].map(({ message }) => message).join("\n"));
}

/** Other packages have their circles; this one has nothing that a bundler complains of. */
function onwarn(warning) {
  if (/mcp-longhaul[\\/]dist/.test(warning.message)) throw new Error(warning.message);
}

export async function rollup(root, entry, dir) {
  const [{ rollup }, { default: resolve }, { default: commonjs }, { default: json }] = await Promise.all(
    ["@rollup/wasm-node", "@rollup/plugin-node-resolve", "@rollup/plugin-commonjs", "@rollup/plugin-json"].map(
      (name) => import(name),
    ),
  );
  const bundle = await rollup({
    input: join(root, entry),
    plugins: [resolve({ browser: true }), commonjs(), json()],
    onwarn,
  });
  await bundle.write({ dir, format: "es" });
  await bundle.close();
}

export async function esbuild(root, entry, outdir) {
  const { build } = await import("esbuild");
  await build({ absWorkingDir: root, entryPoints: [entry], outdir, bundle: true, minify: true, logLevel: "warning" });
}
