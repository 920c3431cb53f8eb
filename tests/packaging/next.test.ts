// The app in routes of a real Next.js with the edge runtime (the condition "edge-light"), whose bundlers take the wasm
// as a module.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { prove } from "../engines/matrix.ts";
import { freePorts } from "../engines/ports.ts";
import { COLUMNS, EXPECTED, PACKAGES, Project } from "./project.ts";
import { installTools, named, node, resolveTool } from "./tools.ts";

installTools();
const next = resolveTool("next/dist/bin/next");
const apps = join(import.meta.dirname, "apps");
process.env["NEXT_TELEMETRY_DISABLED"] = "1";

/** An app is served while `use` asks it. */
async function serve(project: Project, use: (url: string) => Promise<void>): Promise<void> {
  const [port] = await freePorts(1);
  const server = spawn(node(24), [next, "start", "--hostname", "127.0.0.1", "--port", String(port)], {
    cwd: project.folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    for (
      const end = Date.now() + 30_000;
      !(await fetch(url).then(
        () => true,
        () => false,
      ));
      await pause(100)
    ) {
      assert.ok(Date.now() < end && server.exitCode === null, "next start does not listen");
    }
    await use(url);
  } finally {
    server.kill("SIGKILL");
  }
}

// The app router's route is `.jsx`, since Next.js cannot build an edge `route.js` with webpack where package.json says
// "type": "module", whatever it imports: what it generates around it requires it, and webpack does not follow a
// `require` there. SDK v1 builds its validators with `new Function`, which Next.js with webpack refuses in the pages
// router's API routes.
const BUNDLERS = [
  { bundler: "Turbopack", option: "--turbopack", refused: [] },
  { bundler: "webpack", option: "--webpack", refused: ["api/v1"] },
] as const;
const ROUTERS = [
  { router: "app", prefix: "" },
  { router: "pages", prefix: "api/" },
] as const;

describe("the packed package in edge routes of Next.js", () => {
  let project: Project;
  before(
    async () =>
      void (project = await Project.make("v2", {
        within: join(import.meta.dirname, ".projects"),
        beside: PACKAGES.v1,
      })),
  );
  after(() => project?.[Symbol.asyncDispose]());

  for (const { bundler, option, refused } of BUNDLERS) {
    test(`runs when ${bundler} made them, with each half of the core once`, async (t) => {
      for (const old of [".next", "app", "pages"])
        await rm(join(project.folder, old), { recursive: true, force: true });
      for (const sdk of ["v1", "v2"]) await cp(join(apps, `${sdk}.js`), join(project.folder, `${sdk}.js`));
      await cp(join(apps, "next"), project.folder, { recursive: true });
      for (const path of refused) await rm(join(project.folder, "pages", `${path}.js`));
      const { stdout, stderr } = await project.execute(node(24), next, "build", option);
      assert.doesNotMatch(stdout + stderr, /mcp-longhaul[\\/]dist/, "Next.js warns of something in the package");
      const output = join(project.folder, ".next", "server");
      for (const half of ["client", "server"] as const) assert.equal(await project.copies(half, output), 1, half);
      await serve(project, async (url) => {
        for (const { router, prefix } of ROUTERS) {
          for (const sdk of ["v1", "v2"] as const) {
            const path = `${prefix}${sdk}`;
            if (refused.some((one) => one === path)) continue;
            await t.test(`SDK ${sdk}, ${router} router`, () =>
              prove(`${named("Next.js", "next")}, edge, ${bundler}, ${router} router`, COLUMNS[sdk], async () =>
                assert.equal(await (await fetch(`${url}/${path}`)).text(), EXPECTED[sdk]),
              ),
            );
          }
        }
      });
    });
  }
});
