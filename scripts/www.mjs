// `npm run www:build` makes the website in build/www: guides, playground and console; `npm run www` serves it. What it
// is made with has a package.json of its own, in www.
import { createServer } from "node:http";
import { cpSync, createReadStream, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { extname, join, normalize } from "node:path";
import { build } from "./build.mjs";
import { filesIn, root, run, say, step, unlessFresh, work } from "./tools.mjs";

const www = join(root, "www");
export const site = join(work, "www");

/** What pages may do. The playground asks only its worker; the console asks the servers that its visitor names. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src data:",
  "font-src 'self'",
  "connect-src 'self' http: https:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** `base`: the folder in which the site will be, with a slash at both ends. */
export async function buildSite(base = "/") {
  await build();
  await install();
  const inputs = filesIn(www).filter((file) => !file.includes("node_modules"));
  const made = [...inputs, join(root, "scripts", "www.mjs"), ...filesIn(join(root, "pkg", "dist"))];
  await unlessFresh(`www-${encodeURIComponent(base)}`, made, [join(site, "index.html")], async () => {
    rmSync(site, { recursive: true, force: true });
    await tool("typescript", "tsc", ["-p", www]);
    await step("playground and console", () =>
      tool("vite", "vite", ["build", "--config", join(www, "app", "vite.config.ts"), "--logLevel", "warn"]),
    );
    await step("guides", () => tool("vitepress", "vitepress", ["build", join(www, "guides"), "--base", base]));
    await step("API reference", () => tool("typedoc", "typedoc", ["--options", join(www, "typedoc.json")]));
    mkdirSync(site, { recursive: true });
    cpSync(join(work, "www-guides"), site, { recursive: true });
    cpSync(join(work, "www-app"), site, { recursive: true });
    cpSync(join(work, "www-api"), join(site, "api"), { recursive: true });
  });
}

/** Serves the site, as a host of static files would. Resolves with its address. */
export async function serveSite({ port = 0, base = "/", policy = POLICY } = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const inside = pathname.startsWith(base) ? normalize(decodeURIComponent(pathname.slice(base.length))) : "..";
    let file = join(site, inside);
    if (inside.startsWith("..")) file = "";
    else if (existsSync(file) && statSync(file).isDirectory()) {
      if (!pathname.endsWith("/")) return void response.writeHead(301, { location: `${pathname}/` }).end();
      file = join(file, "index.html");
    } else if (!existsSync(file) && existsSync(`${file}.html`)) file = `${file}.html`;
    if (file === "" || !existsSync(file)) return void response.writeHead(404).end("not found");
    const headers = {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": policyFor(file, policy),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    createReadStream(file).pipe(response.writeHead(200, headers));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: bound } = server.address();
  return {
    url: `http://127.0.0.1:${bound}${base}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The hashes of the scripts that a page has in itself. */
export function inlineHashes(html) {
  const scripts = [...html.matchAll(/<script(?![^>]*\bsrc=)([^>]*)>([\s\S]*?)<\/script>/g)];
  return new Set(scripts.map(([, , text]) => createHash("sha256").update(text).digest("base64")));
}

/**
 * VitePress begins its pages with two small scripts, which are let in by their hashes, and colours code by style
 * attributes, which cannot run anything. Pages that call tools have neither.
 */
function policyFor(file, policy) {
  if (!file.endsWith(".html")) return policy;
  const hashes = [...inlineHashes(readFileSync(file, "utf8"))].map((hash) => `'sha256-${hash}'`).join(" ");
  if (hashes === "") return policy;
  return policy
    .replace("script-src 'self'", `script-src 'self' ${hashes}`)
    .replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");
}

export async function serve(parameters) {
  await buildSite();
  const port = Number(parameters[0] ?? 8080);
  const { url } = await serveSite({ port });
  say(`the site is at ${url} (guides, playground/, console/); Ctrl+C ends it`);
  await new Promise(() => {});
}

/** What www is made with is installed when its lock file has changed. */
async function install() {
  const stamp = join(www, "node_modules", ".package-lock.json");
  await unlessFresh("www-install", [join(www, "package-lock.json")], [stamp], () =>
    run("npm", ["ci", "--silent", "--no-audit", "--no-fund"], { cwd: www }),
  );
}

/** Runs a command of a package of www's. */
function tool(name, command, parameters) {
  const folder = join(www, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = typeof bin === "string" ? bin : bin[command];
  return run(process.execPath, [join(folder, file), ...parameters], { cwd: www });
}
