// A strict consumer that imports every entry, as an ES module and as CommonJS, against each SDK, with the compilers
// that are in use.
import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Project } from "./project.ts";
import { installTools, node } from "./tools.ts";

installTools();
const apps = join(import.meta.dirname, "apps", "types");
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  isolatedModules: true,
  skipLibCheck: false,
  noEmit: true,
};
const NODE16 = { module: "node16", moduleResolution: "node16" };
const seven = join(import.meta.dirname, "..", "..", "node_modules", "typescript", "bin", "tsc");
const CASES = [
  { name: "TypeScript 7, as Node resolves", compiler: seven, resolution: NODE16 },
  {
    name: "TypeScript 7, as bundlers resolve",
    compiler: seven,
    resolution: { module: "esnext", moduleResolution: "bundler" },
  },
  {
    name: "TypeScript 5, as Node resolves",
    compiler: join(import.meta.dirname, "node_modules", "typescript-5", "bin", "tsc"),
    resolution: NODE16,
  },
];

/** The complaints of a compiler, without those about the declarations of others. */
function complaints(output: string): string[] {
  return output
    .split(/\n(?=\S)/)
    .filter((text) => text.trim() !== "" && !/^node_modules\/(?!mcp-longhaul\/)/.test(text));
}

for (const sdk of ["v1", "v2"] as const) {
  describe(`the types of every entry, beside SDK ${sdk}`, () => {
    let project: Project;
    before(async () => {
      // What the declarations of otel and of the SDKs speak of.
      project = await Project.make(sdk, { beside: ["@opentelemetry/api", "@types/node"] });
      for (const [folder, type] of [
        ["esm", "module"],
        ["cjs", "commonjs"],
      ] as const) {
        await cp(join(apps, "entries.ts"), join(project.folder, "types", folder, "entries.ts"));
        await cp(join(apps, `${sdk}.ts`), join(project.folder, "types", folder, "sdk.ts"));
        if (folder === "esm") await cp(join(apps, "wasm.ts"), join(project.folder, "types", folder, "wasm.ts"));
        await writeFile(join(project.folder, "types", folder, "package.json"), JSON.stringify({ type }));
      }
    });
    after(() => project?.[Symbol.asyncDispose]());

    for (const { name, compiler, resolution } of CASES) {
      test(name, async () => {
        const compilerOptions = {
          ...STRICT,
          ...resolution,
          target: "es2022",
          lib: ["es2023", "dom", "dom.asynciterable", "esnext.disposable"],
          types: ["node"],
        };
        await writeFile(join(project.folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["types"] }));
        const output = await project
          .execute(node(24), compiler, "-p", project.folder)
          .catch((error: { stdout?: string }) => {
            if (!error.stdout) throw error;
            return { stdout: error.stdout };
          });
        assert.deepEqual(complaints(output.stdout), []);
      });
    }
  });
}
