// What the two entries cost in a bundle, told after each build beside their peers; over its budget a build fails.
import { join } from "node:path";
import { Failure, filesIn, root, say, unlessFresh } from "./tools.mjs";

/**
 * `budget`: KB with gzip, wasm, glue and wrapper together, the SDK outside. A ceiling, not a goal: below it clarity
 * wins.
 */
const ENTRIES = [
  { name: "TaskClient", budget: 47, peer: "@modelcontextprotocol/ext-tasks/client" },
  { name: "TaskServer", budget: 143, peer: "@modelcontextprotocol/ext-tasks/receiver" },
];
const KB = 1024;

/** @param pkg the folder of the built package */
export async function measure(pkg) {
  const inputs = [
    ...filesIn(join(pkg, "dist")),
    join(root, "package-lock.json"),
    join(root, "scripts", "size.mjs"),
    join(root, "tests", "bench", "bundle.ts"),
  ];
  await unlessFresh("size", inputs, [], async () => {
    const { bundle, SDK } = await import("../tests/bench/bundle.ts");
    const kilobytes = async (contents) => (await bundle(contents, SDK)).gzip / KB;
    for (const { name, budget, peer } of ENTRIES) {
      const [ours, theirs] = await Promise.all([
        kilobytes(`export { ${name} } from "mcp-longhaul";`),
        kilobytes(`export * from "${peer}";`),
      ]);
      say(`${name} in a bundle: ${ours.toFixed(1)} KB with gzip (budget ${budget}; ${peer}: ${theirs.toFixed(1)})`);
      if (ours > budget)
        throw new Failure(
          `${name} is larger than its budget of ${budget} KB. See docs/decisions/embedding.md for what the bytes are.`,
        );
    }
  });
}
